"""Are candles and an index read as a TOML maps them, and refused where they are something else?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trader.app.history_plan import HistoryPlan, read_candles, read_index
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.units import HOUR

CANDLES: dict[str, Any] = {
    "name": "venue", "files": ["c.csv"], "symbols": {"BTC": "BTCUSDT"},
    "columns": {"opens_at": "ts", "open": "o", "high": "h", "low": "l", "close": "c",
                "volume": "v", "symbol": "s"},
}  # fmt: skip
INDEX: dict[str, Any] = {
    "name": "vol", "files": ["v.csv"], "symbols": {"BTC": "BTC"}, "period_hours": 24,
    "columns": {"begins_at": "date", "close_percent": "vol"},
}  # fmt: skip
ROWS = (
    "ts,s,o,h,l,c,v\n2022-01-03T01:00:00Z,BTCUSDT,2,3,1,2.5,7\n"
    "2022-01-03T00:00:00Z,BTCUSDT,1,2,1,2,6\n2022-01-03T00:00:00Z,ETHUSDT,9,9,9,9,9\n"
)
START = 1_641_168_000_000_000_000


def plan(**changes: Any) -> HistoryPlan:
    """Make a plan of both series, candles changed."""
    return HistoryPlan.model_validate({"candles": [CANDLES | changes], "volatility_index": [INDEX]})


def test_candles_of_one_symbol_are_sorted_by_time(tmp_path: Path) -> None:
    """Others stay out; `at` is the hour they open."""
    (tmp_path / "c.csv").write_text(ROWS)
    rows = read_candles(plan().candles[0], "BTC", tmp_path)
    assert {name: column.tolist() for name, column in rows.items()} == {
        "at": [START, START + HOUR], "open": [1, 2], "high": [2, 3], "low": [1, 1],
        "close": [2, 2.5], "volume": [6, 7],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("01:00:00Z", "01:30:00Z", "2022-01-03T01:30:00Z is no full hour"),
        ("01:00:00Z", "05:00:00Z", "bars are at least 5 hours apart"),
        ("01:00:00Z", "00:00:00Z", "2022-01-03T00:00:00Z stands twice"),
        (",2.5,7", ",0,7", "close 0 at 2022-01-03T01:00:00Z is no price"),
        (",3,1,2.5", ",2.2,1,2.5", "close 2.5 at 2022-01-03T01:00:00Z lies above high"),
        ("BTCUSDT", "XBT", "symbols.BTC = 'BTCUSDT' is in none of its files"),
    ],
)
def test_what_is_no_hourly_candle_is_refused(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    """The series, the value and its instant."""
    (tmp_path / "c.csv").write_text(ROWS.replace(before, after))
    with pytest.raises(ConfigurationError, match=said):
        read_candles(plan().candles[0], "BTC", tmp_path)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With those that are."""
    (tmp_path / "c.csv").write_text(ROWS.replace("s,o", "s,opening"))
    with pytest.raises(StorageError, match="no column 'o'; it has ts, s, opening"):
        read_candles(plan().candles[0], "BTC", tmp_path)


def test_a_daily_index_is_known_at_the_end_of_its_day(tmp_path: Path) -> None:
    """Percent becomes a fraction, a date its last hour."""
    (tmp_path / "v.csv").write_text("date,vol\n2022-01-03,55\n2022-01-04,60\n")
    rows = read_index(plan().volatility_index[0], "BTC", tmp_path)
    assert rows["at"].tolist() == [START + 23 * HOUR, START + 47 * HOUR]
    assert rows["close"].tolist() == [0.55, 0.6]


@pytest.mark.parametrize(
    ("values", "said"),
    [(("0.55", "0.6"), r"give percent \(55\)"), (("55", "-1"), "close_percent -1 at 2022-01-04")],
)
def test_what_is_no_percentage_is_refused(
    tmp_path: Path, values: tuple[str, str], said: str
) -> None:
    """A fraction would price options at nothing."""
    (tmp_path / "v.csv").write_text(f"date,vol\n2022-01-03,{values[0]}\n2022-01-04,{values[1]}\n")
    with pytest.raises(ConfigurationError, match=said):
        read_index(plan().volatility_index[0], "BTC", tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "No Name"}, "name"),
        ({"symbols": {}}, "symbols"),
        ({"columns": {"opens_at": "ts"}}, "open"),
        (
            {"symbols": {"BTC": "a", "ETH": "b"},
             "columns": dict.fromkeys(("opens_at", "open", "high", "low", "close"), "x")},
            "name columns.symbol",
        ),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_work_is_refused(changes: dict[str, Any], said: str) -> None:
    """Before any file is read."""
    with pytest.raises(ValidationError, match=said):
        plan(**changes)
    with pytest.raises(ValidationError, match="write"):
        HistoryPlan.model_validate({})
