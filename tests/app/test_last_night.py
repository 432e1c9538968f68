"""Is the approval of the last night read back, and its absence no error?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.views.nights import a_night, full_card, subject
from trader.app.last_night import REPORT, approval_of
from trader.app.night_folder import NIGHTS
from trader.views.nightly_report import render

DATE = "2026-06-01"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with one night."""
    folder = tmp_path / NIGHTS / DATE
    folder.mkdir(parents=True)
    (folder / REPORT).write_text(render(a_night(subject(full_card())))[REPORT], encoding="utf-8")
    return tmp_path


def test_the_approval_is_that_of_the_night(state: Path) -> None:
    """What the report was made from, number by number."""
    card = full_card()
    assert approval_of(state, DATE, card.strategy) == card.approval


def test_no_night_no_strategy_no_date_is_no_approval(state: Path) -> None:
    """Whatever is missing: the caller says that no scorecard is kept."""
    assert approval_of(state, "2026-05-01", "covered_call_btc") is None
    assert approval_of(state, DATE, "nobody") is None
    assert approval_of(state, "", "covered_call_btc") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"night": 1}', '{"subjects": [{}]}'])
def test_a_report_of_another_shape_is_no_approval(state: Path, text: str) -> None:
    """An older version, or damage: nothing raises."""
    (state / NIGHTS / DATE / REPORT).write_text(text, encoding="utf-8")
    assert approval_of(state, DATE, "covered_call_btc") is None
