"""Does the list of strategies say where each stands, and what the last night found?"""

from __future__ import annotations

from tests.storage.story import STORY
from tests.views.nights import a_night, empty_card, full_card, subject
from tests.views.readings import Told
from trader.domain.events import StageChanged
from trader.domain.facts import Recorded
from trader.domain.units import HOUR
from trader.views.blocks import Table
from trader.views.report_json import NightReport, decode, encode
from trader.views.report_text import markdown
from trader.views.screens.strategies import (
    NO_NIGHT,
    NOBODY,
    account_of,
    last_report,
    stage_tone,
    strategies,
)


def report() -> NightReport:
    """Make a night of one strategy that was judged and one that could not be."""
    return decode(encode(a_night(subject(full_card()), subject(empty_card())), {}))


def rows(told: Told) -> list[dict[str, str]]:
    """Read all rows of all tables of the page, by their titles."""
    return [
        {column.title: cell.text for column, cell in zip(block.columns, row, strict=True)}
        for section in strategies(told, {}).sections
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
    ]


def test_before_the_first_stage_it_says_what_will_appear() -> None:
    """An empty list says when it fills."""
    assert NOBODY in markdown(strategies(Told(), {}))


def test_a_strategy_with_a_result_and_without_a_night() -> None:
    """What ended is counted and valued; drawdowns wait for a night, and it says so."""
    later = Recorded(12, STORY[-1].at + HOUR, STORY[7].fact)
    (found,) = rows(Told((*STORY, later)))
    assert found["stage"] == "PRODUCTION"
    assert found["opening"] == "paused"
    assert (found["ended"], found["won"]) == ("1", "1 = 100 %")
    assert (found["result, USD"], found["result, BTC"]) == ("+152.10", "+0.002340")
    text = markdown(strategies(Told(STORY), {}))
    assert NO_NIGHT in text
    assert "covered_call_btc is in PRODUCTION: initial stage (by config)." in text


def test_the_last_night_gives_its_figures() -> None:
    """Expectancy, drawdown, run and score stand beside each strategy that it judged."""
    other = Recorded(12, STORY[-1].at, StageChanged("new", "PILOT", "config", "first", "0"))
    _, _, judged, new = rows(Told((*STORY, other), nights={"2026-06-01": report()}))
    assert judged["strategy"] == "covered_call_btc"
    assert judged["expectancy / trade"].endswith(" %")
    assert judged["worst losing run"].endswith("trades")
    assert float(judged["score (35 to 71.3)"]) > 35
    assert new["judgment"] == "not judged yet"
    assert new["win rate"] == "n/a"


def test_the_newest_night_that_can_be_read_is_taken() -> None:
    """None without nights; one whose report is gone is none."""
    assert last_report(Told()) is None
    nights = {"2026-05-31": report(), "2026-06-01": report()}
    assert last_report(Told(nights=nights)) is nights["2026-06-01"]

    class Broken(Told):
        def nights(self) -> tuple[str, ...]:
            """Name a night whose file was deleted meanwhile."""
            return ("2026-06-01",)

    assert last_report(Broken()) is None


def test_research_trades_on_a_shadow() -> None:
    """The account and the color follow the stage."""
    assert account_of("RESEARCH", "x") == "shadow:x"
    assert account_of("PILOT", "x") == "main"
    assert [stage_tone(one) for one in ("RESEARCH", "PILOT", "PRODUCTION")] == ["muted", "", "good"]
