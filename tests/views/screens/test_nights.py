"""Can nights be found, read whole, and compared?"""

from __future__ import annotations

import msgspec
import pytest

from tests.storage.story import STORY
from tests.views.nights import a_night, empty_card, full_card, subject
from tests.views.readings import Told
from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.facts import Recorded
from trader.evaluation.night import Limit
from trader.views.blocks import Cell, Page, Table
from trader.views.reading import NotThere, NotUnderstood
from trader.views.report_json import NightReport, decode, encode
from trader.views.report_text import markdown
from trader.views.screens import nights as screen
from trader.views.screens.nights import NOTHING, night, night_diff, nights

FIRST, SECOND = "2026-05-31", "2026-06-01"


class Kept(Told):
    """A reading with the short accounts of its nights."""

    def night_file(self, date: str, name: str) -> bytes:
        """Give the account that a night leaves beside its report."""
        if name == "made.json" and date == SECOND:
            made = {"date": date, "origin": {}, "demoted": ["x"], "needs": ["raise <y>"]}
            return msgspec.json.encode(made)
        return super().night_file(date, name)


def of_night(**changes: object) -> NightReport:
    """Make a night's report; `changes` are those of its card."""
    card = msgspec.structs.replace(full_card(), **changes)
    return decode(encode(a_night(subject(card), subject(empty_card())), {}))


def archive(told: Told, **asked: str) -> list[tuple[Cell, ...]]:
    """List the rows of the archive."""
    table = nights(told, asked).sections[0].blocks[0]
    return list(table.rows) if isinstance(table, Table) else []


def text_of(page: Page, title: str) -> str:
    """Write one section of a page."""
    kept = tuple(one for one in page.sections if one.title == title)
    return markdown(msgspec.structs.replace(page, sections=kept))


def test_an_empty_archive_says_when_the_first_night_comes() -> None:
    """Nothing is kept before the first midnight."""
    assert NOTHING in markdown(nights(Told(), {}))
    assert "Two nights are needed" in markdown(night_diff(Told(), {}))


def test_the_archive_tells_what_changed_and_what_each_needs() -> None:
    """Newest first; what the daemon took of a night beside what was made by hand."""
    taken = NightEvaluated(date=SECOND, profile="quick", verdicts=())
    fell = StageChanged("covered_call_btc", "PILOT", "night", "score", "c0ffee")
    facts = (*STORY, Recorded(12, STORY[-1].at, taken), Recorded(12, STORY[-1].at, fell))
    newest, oldest = archive(Kept(facts, nights={FIRST: of_night(), SECOND: of_night()}))
    assert [one.text for one in newest] == [
        SECOND, "quick", "covered_call_btc to PILOT", "raise <y>", f"with {FIRST}", "report.html",
    ]  # fmt: skip
    assert newest[4].href == f"/nights/diff?from={FIRST}&to={SECOND}"
    assert newest[5].href == f"/nights/{SECOND}/report.html"
    assert [one.text for one in oldest][1:5] == [
        "-", "made by hand: changed no stage", "nothing", "-",
    ]  # fmt: skip


def test_the_archive_has_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what one page shows a link leads on, and the last page has none."""
    monkeypatch.setattr(screen, "SHOWN", 1)
    told = Told(nights={FIRST: of_night(), SECOND: of_night()})
    assert [row[0].text for row in archive(told)] == [SECOND]
    assert "Earlier nights" in markdown(nights(told, {}))
    assert [row[0].text for row in archive(told, page="2")] == [FIRST]
    assert "Earlier nights" not in markdown(nights(told, {"page": "2"}))
    assert "No more nights are kept." in markdown(nights(told, {"page": "3"}))
    with pytest.raises(NotUnderstood, match="page = 'x'"):
        nights(told, {"page": "x"})


def test_a_night_is_told_whole_with_its_neighbors() -> None:
    """The report's own first screen and chapters stand in the shell, and links lead on."""
    told = Told(nights={FIRST: of_night(), SECOND: of_night()})
    page = night(told, {"date": SECOND})
    titles = [one.title for one in page.sections]
    assert titles[:3] == ["What changed since yesterday", "What needs a person", "Strategies"]
    assert "Walk-forward" in titles
    assert f"The night before, {FIRST}" in text_of(page, "Elsewhere")
    assert f"The night after, {SECOND}" in text_of(night(told, {"date": FIRST}), "Elsewhere")
    with pytest.raises(NotThere, match="no night of"):
        night(told, {"date": "2020-01-01"})


def test_a_difference_names_stages_figures_gates_and_limits() -> None:
    """Fewer trades: the sample is too small now, the judgment another, and each is told."""
    before = of_night()
    small = full_card(trades=120)
    thin = a_night(
        msgspec.structs.replace(subject(small), after="RESEARCH"), subject(empty_card("new"))
    )
    limits = (Limit("approval.min_trades", 150, 200),)
    after = decode(encode(msgspec.structs.replace(thin, limits=limits, profile="full"), {}))
    limited = msgspec.structs.replace(
        before.night, limits=(Limit("approval.min_trades", 200, 200),)
    )
    told = Told(nights={FIRST: msgspec.structs.replace(before, night=limited), SECOND: after})
    page = night_diff(told, {})
    assert page.title == f"From {FIRST} to {SECOND}"
    assert page.notices[0].text == "Profiles differ: quick, then full."
    stages = text_of(page, "Stages")
    assert "not there" in stages
    both = text_of(page, "covered_call_btc")
    assert "290" in both
    assert "120" in both
    assert "-170" in both
    assert "sample_size: pass, now fail" in both
    assert "approval.min_trades: 200, now 150" in text_of(page, "Limits in force")


def test_the_same_night_differs_in_nothing() -> None:
    """No gate, no limit, no figure: and it is said."""
    told = Told(nights={FIRST: of_night(), SECOND: of_night()})
    text = markdown(night_diff(told, {"from": FIRST, "to": SECOND}))
    assert "Every gate answers as it did." in text
    assert "They are the same." in text
    other = of_night(configuration_hash="1" * 64)
    text = markdown(night_diff(Told(nights={FIRST: of_night(), SECOND: other}), {}))
    assert "configured otherwise" in text


def test_a_night_that_is_not_kept_cannot_be_compared() -> None:
    """The message names the dates there are."""
    with pytest.raises(NotUnderstood, match="from = '2020-01-01': choose from"):
        night_diff(Told(nights={FIRST: of_night()}), {"from": "2020-01-01"})
