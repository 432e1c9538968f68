"""Does the strip say what the last night found, and where the strategy stands now?"""

from __future__ import annotations

import pytest

from tests.storage.story import STORY
from tests.views.nights import a_night, full_card, subject
from tests.views.readings import Told
from trader.evaluation.sample_size import SizedStage
from trader.views.blocks import Prose, Table
from trader.views.report_json import NightReport, decode, encode
from trader.views.screens.strategy_strip import strategy_strip

SIZES: dict[str, tuple[SizedStage, ...]] = {}


@pytest.fixture(scope="module")
def report() -> NightReport:
    """A night that judged the strategy of the story."""
    return decode(encode(a_night(subject(full_card("covered_call_btc"))), SIZES))


def test_the_last_night_is_told(report: NightReport) -> None:
    """Score, expectancy, worst drawdown and losing run, with its date."""
    reading = Told(STORY, nights={"2026-05-30": report, "2026-05-31": report})
    (section,) = strategy_strip(reading, "covered_call_btc")
    (table,) = section.blocks
    assert isinstance(table, Table)
    told = [cell.text for cell in table.rows[0]]
    assert told[0:2] == ["covered_call_btc", "PRODUCTION"]
    assert told[-1] == "2026-05-31"
    assert "n/a" not in told
    assert table.rows[0][2].figure.startswith("<svg")


def test_a_night_that_knows_nothing_of_it_is_no_judgment(report: NightReport) -> None:
    """Neither is none: the page says when one comes."""
    for reading in (Told(STORY), Told(STORY, nights={"2026-05-31": report})):
        (section,) = strategy_strip(reading, "stranger")
        table, waiting = section.blocks
        assert isinstance(table, Table)
        assert table.rows[0][1].text == "not placed yet"
        assert isinstance(waiting, Prose)
        assert "after 00:10 UTC" in waiting.text


def test_nobody_has_no_strip() -> None:
    """A chain whose strategy is not known shows none."""
    assert strategy_strip(Told(STORY), "") == ()
