"""Does the page of a strategy hold everything that says why it stands where it stands?"""

from __future__ import annotations

import msgspec
import pytest

from tests.storage.story import STORY
from tests.views.nights import a_night, empty_card, full_card, subject
from tests.views.readings import PULSE, Told
from tests.views.screens.test_strategies import report
from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import Recorded
from trader.domain.units import HOUR
from trader.views.blocks import Control, Figure, Page, Table
from trader.views.reading import NotThere
from trader.views.report_json import decode, encode
from trader.views.report_text import markdown
from trader.views.screens.strategies import NO_NIGHT
from trader.views.screens.strategy import strategy

NAME = "covered_call_btc"
ASKED = {"name": NAME}


def titles(page: Page) -> list[str]:
    """List its sections."""
    return [one.title for one in page.sections]


def figures(page: Page) -> str:
    """Join the titles and captions of its figures."""
    found = [one for section in page.sections for one in section.blocks if isinstance(one, Figure)]
    return "\n".join(one.svg.split("</title>")[0] + one.caption for one in found)


def test_a_strategy_before_its_first_night() -> None:
    """Stage, story, verdicts, rules and result are there; the rest says what it waits for."""
    page = strategy(Told(STORY), ASKED)
    text = markdown(page)
    assert page.subtitle.startswith("PRODUCTION since 2026-06-01T18:00:00Z, by config")
    assert NO_NIGHT in text
    assert "ann paused opening of covered_call_btc: news" in text
    assert "refused: underlying_risk" in text
    assert "waits for its first night" in text
    assert "Stages of covered_call_btc" in figures(page)


def test_all_a_night_found_stands_on_the_page() -> None:
    """Every study that the seed asks for: fan, quantiles, score with components and thresholds,
    gates with distance, folds, grid, paper against backtest.
    """
    page = strategy(Told(STORY, nights={"2026-06-01": report()}), ASKED)
    text, drawn = markdown(page), figures(page)
    for wanted in (
        "expectancy a trade", "average win", "average loss", "win rate",
        "drawdown, 95 % quantile", "losing run, 95 % quantile", "win rate score", "streak penalty",
        "short by", "no gate stands in its way", "Out of sample, all folds together", "(N=",
    ):  # fmt: skip
        assert wanted in text, wanted
    for wanted in (
        "Monte Carlo fan", "Profit of each fold",
        "Sum of results by parameters", "Paper trades against the backtest",
    ):  # fmt: skip
        assert wanted in drawn, wanted
    bars = [
        cell.figure
        for section in page.sections
        for block in section.blocks
        if isinstance(block, Table)
        for cells in block.rows
        for cell in cells
    ]
    assert any("of 35 to 71.25; pilot needs 40, production 60" in one for one in bars)
    assert titles(page).count("Stages") == 0, "the journal's own story is nearer"
    assert "Gates" in titles(page)


def test_what_a_person_can_do_stands_on_the_page() -> None:
    """A paused strategy at PRODUCTION can be resumed or lowered."""
    page = strategy(Told(STORY), ASKED)
    found = [one for section in page.sections for one in section.blocks if isinstance(one, Control)]
    assert [one.action for one in found] == ["resume", "demote", "demote"]


def test_a_night_that_could_not_judge_says_why() -> None:
    """No figure is invented; the reason stands in its place."""
    failed = decode(encode(a_night(subject(empty_card(NAME, "no history"))), {}))
    text = markdown(strategy(Told(STORY, nights={"2026-06-01": failed}), ASKED))
    assert "could not be judged" in text
    assert "no history" in text


def test_a_night_of_another_configuration_is_told_as_such() -> None:
    """Figures of what it was before are a warning; those of what lives are none."""
    lives = msgspec.structs.replace(full_card(), configuration_hash="c0ffee")
    same = decode(encode(a_night(subject(lives)), {}))
    assert strategy(Told(STORY, nights={"2026-06-01": same}), ASKED).notices == ()
    (notice,) = strategy(Told(STORY, nights={"2026-06-01": report()}), ASKED).notices
    assert "judged it as it was configured then" in notice.text


def test_the_story_leads_to_the_night_that_judged_it() -> None:
    """The verdict of the night the daemon took, and failing nights in a row, with what follows."""
    verdict = NightVerdict(
        strategy=NAME, configuration_hash="c0ffee", stage="PILOT", standing="judged",
        reason="score 55 of 60",
    )  # fmt: skip
    night = NightEvaluated(date="2026-06-01", profile="quick", verdicts=(verdict,))
    told = Told((*STORY, Recorded(12, STORY[-1].at + HOUR, night)))
    text = markdown(strategy(told, ASKED))
    assert "2026-06-01: PILOT: score 55 of 60" in text
    assert "1 of 2" in text
    assert "one more night below PRODUCTION: it falls to PILOT" in text


def test_at_research_the_past_on_the_main_account_is_still_told() -> None:
    """It trades on a shadow now; what it earned before is shown apart."""
    end = STORY[-1].at
    told = Told(
        (*STORY, Recorded(12, end + HOUR, STORY[7].fact),
         Recorded(13, end + HOUR, StageChanged(NAME, "RESEARCH", "ann", "too lucky", "c0ffee"))),
        PULSE,
    )  # fmt: skip
    text = markdown(strategy(told, ASKED))
    assert "on its shadow account, at RESEARCH" in text
    assert "+152.10" in text


def test_a_stranger_is_told_who_there_is() -> None:
    """An unknown name is not there, and the message lists those that are."""
    with pytest.raises(NotThere, match="there are: covered_call_btc"):
        strategy(Told(STORY), {"name": "nobody"})
    with pytest.raises(NotThere, match="none yet"):
        strategy(Told(), {"name": "nobody"})
