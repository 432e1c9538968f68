"""Is the index what was known then: no bar that had not ended, none that is long gone?"""

from __future__ import annotations

from pathlib import Path

from tests.backtest.pasts import day
from trader.app.dvol import BELIEVED, KnownIndex
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore


def store_with(folder: Path, step: int, *closes: float) -> DatasetStore:
    """Hold bars of the index from day 1 on."""
    store = DatasetStore(folder)
    rows = {"at": [day(1) + n * step for n in range(len(closes))]}
    prices = {name: list(closes) for name in ("open", "high", "low", "close")}
    store.merge("dvol", "BTC", "a", {**rows, **prices})
    return store


def test_a_bar_is_known_when_it_ends(tmp_path: Path) -> None:
    """Hourly bars an hour after they opened, daily ones a day after."""
    hourly = KnownIndex(store_with(tmp_path / "hours", HOUR, 0.5, 0.6, 0.7), "BTC")
    assert hourly.at(day(1) + HOUR - 1) is None
    assert [hourly.at(day(1) + n * HOUR) for n in (1, 2, 3)] == [0.5, 0.6, 0.7]
    assert hourly.at(day(1) + 2 * HOUR - 1) == 0.5
    daily = KnownIndex(store_with(tmp_path / "days", DAY, 0.5, 0.6), "BTC")
    assert [daily.at(day(n)) for n in (1, 2, 3)] == [None, 0.5, 0.6]


def test_what_is_too_old_or_not_held_is_not_known(tmp_path: Path) -> None:
    """After two days the last value says nothing; another coin's says nothing at all."""
    index = KnownIndex(store_with(tmp_path, HOUR, 0.5, 0.6), "BTC")
    assert index
    assert index.at(day(1) + 2 * HOUR + BELIEVED - 1) == 0.6
    assert index.at(day(1) + 2 * HOUR + BELIEVED) is None
    nothing = KnownIndex(DatasetStore(tmp_path), "ETH")
    assert not nothing
    assert nothing.at(day(2)) is None
