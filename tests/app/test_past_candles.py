"""Does a past come from one series, the one that tells most, without a hole?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trader.app.past_candles import gap_free, read_candles, series_of
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore

OWN = "BTC-PERPETUAL"


def keep(store: DatasetStore, series: str, first: int, days: int, *, price: float = 100.0) -> None:
    """Keep hourly bars of one price for some days."""
    at = [first * DAY + hour * HOUR for hour in range(24 * days)]
    prices = dict.fromkeys(("open", "high", "low", "close"), [price] * len(at))
    store.merge("candles", series, "all", {"at": at, **prices})


def test_the_longest_series_tells_a_past(tmp_path: Path) -> None:
    """Never a mixture: its prices are one venue's from end to end."""
    store = DatasetStore(tmp_path)
    keep(store, OWN, 20_000, 10)
    keep(store, "BTC@other", 19_000, 30, price=50.0)
    keep(store, "ETH@other", 18_000, 90)
    assert series_of(store, "candles", "BTC", OWN) == [OWN, "BTC@other"]
    past = read_candles(store, "BTC")
    assert (past.series, set(past.candles.close)) == ("BTC@other", {50.0})


def test_the_venues_own_series_wins_where_others_tell_no_more(tmp_path: Path) -> None:
    """Of the years that are asked for."""
    store = DatasetStore(tmp_path)
    keep(store, OWN, 20_000, 10)
    keep(store, "BTC@other", 19_000, 30)
    past = read_candles(store, "BTC", years=9 / 365.25)
    assert (past.series, past.candles.span[1]) == (OWN, 20_010 * DAY)
    assert 9 * 24 - 1 <= len(past.candles.close) <= 9 * 24


def test_the_series_beside_recorded_boards_is_the_one_that_covers_them(tmp_path: Path) -> None:
    """However long another is."""
    store = DatasetStore(tmp_path)
    keep(store, OWN, 20_000, 10)
    keep(store, "BTC@other", 19_000, 30)
    span = (20_002 * DAY, 20_005 * DAY)
    assert read_candles(store, "BTC", covering=span).series == OWN
    early = read_candles(store, "BTC", 19_010 * DAY)
    assert (early.series, early.candles.span[1]) == ("BTC@other", 19_010 * DAY)


def test_a_series_with_a_hole_is_passed_over_and_named_where_it_is_the_only_one(
    tmp_path: Path,
) -> None:
    """Two days are the most that may be made up."""
    store = DatasetStore(tmp_path)
    at = [hour * HOUR for hour in (*range(10), *range(60, 70))]
    prices = dict.fromkeys(("open", "high", "low", "close"), [1.0] * len(at))
    store.merge("candles", OWN, "all", {"at": at, **prices})
    with pytest.raises(ConfigurationError, match="BTC-PERPETUAL: the candles have a hole of 50"):
        read_candles(store, "BTC")
    keep(store, "BTC@other", 3, 1)
    assert read_candles(store, "BTC").series == "BTC@other"


def test_no_candles_are_said_with_the_remedy(tmp_path: Path) -> None:
    """Nothing of the coin is held."""
    with pytest.raises(ConfigurationError, match="run `trader data sync` first"):
        read_candles(DatasetStore(tmp_path), "BTC")


def test_a_small_hole_is_filled_with_the_last_close() -> None:
    """And counted."""
    at = np.array([0, 1, 4], dtype=np.int64) * HOUR
    price = np.array([1.0, 2.0, 3.0])
    rows = {"at": at, "open": price, "high": price, "low": price, "close": price}
    candles, filled = gap_free(rows)
    assert (candles.close.tolist(), filled) == ([1.0, 2.0, 2.0, 2.0, 3.0], 2)
