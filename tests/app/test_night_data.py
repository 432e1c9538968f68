"""Is the past read as it was known at midnight, with every hole told?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.app.histories import SMILE, import_chains
from tests.app.nights import ENDS_AT, MARKET
from tests.backtest.pasts import START
from trader.app.history_import import subject_of
from trader.app.night_data import (
    datasets_folder,
    first_wanted,
    how_to_get,
    read_market,
    read_recorded_market,
)
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore

HOURS = 30 * 24
PRICES = ("open", "high", "low", "close")


def keep(
    store: DatasetStore, kind: str, subject: str, at: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> None:
    """Keep rows at some instants; prices rise with the hour."""
    price = 1_000.0 + (at - ENDS_AT) / HOUR if kind == "candles" else np.full(len(at), 0.5)
    rows = {"at": list(at), **{name: list(price) for name in PRICES}}
    store.merge(kind, subject, "all", rows)


def hours(*, later: int = 48) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """List the hours of thirty days before the night, and some after."""
    return ENDS_AT + np.arange(-HOURS, later, dtype=np.int64) * HOUR


def test_nothing_after_midnight_is_known(tmp_path: Path) -> None:
    """The last bar is the one that closes then, however much is held."""
    store = DatasetStore(tmp_path)
    for kind, subject in (("candles", "BTC-PERPETUAL"), ("dvol", "BTC")):
        keep(store, kind, subject, hours())
    market = read_market(store, "BTC", ENDS_AT, source="test")
    assert market.span == (ENDS_AT - HOURS * HOUR + HOUR, ENDS_AT)
    assert market.source == "test: candles of BTC-PERPETUAL"
    assert np.all(market.level.vol == 0.5)
    keep(DatasetStore(tmp_path / "less"), "candles", "BTC-PERPETUAL", hours(later=0))
    keep(DatasetStore(tmp_path / "less"), "dvol", "BTC", hours(later=0))
    less = read_market(DatasetStore(tmp_path / "less"), "BTC", ENDS_AT, source="test")
    assert np.array_equal(less.candles.close, market.candles.close)
    assert np.array_equal(less.level.vol, market.level.vol)


def test_small_holes_are_filled_and_told(tmp_path: Path) -> None:
    """With the last close; hours missing at the end are told as well."""
    store = DatasetStore(tmp_path)
    at = hours(later=-5)
    keep(store, "candles", "BTC-PERPETUAL", np.delete(at, slice(100, 110)))
    market = read_market(store, "BTC", ENDS_AT, source="test")
    assert len(market.candles.close) == HOURS - 5
    assert set(market.candles.close[100:110]) == {market.candles.close[99]}
    assert "10 missing hours filled with the last close" in market.source
    assert "the last 5 hours before 2026-06-02T00:00:00Z are missing" in market.source


def test_a_large_hole_is_no_past(tmp_path: Path) -> None:
    """Two days are the most that may be made up."""
    store = DatasetStore(tmp_path)
    keep(store, "candles", "BTC-PERPETUAL", np.delete(hours(), slice(100, 150)))
    with pytest.raises(ConfigurationError, match="a hole of 50 hours"):
        read_market(store, "BTC", ENDS_AT, source="test")


def test_no_past_is_said(tmp_path: Path) -> None:
    """Nothing at all, or nothing before the midnight."""
    store = DatasetStore(tmp_path)
    with pytest.raises(ConfigurationError, match="no candles of BTC-PERPETUAL before 2026-06-02"):
        read_market(store, "BTC", ENDS_AT, source="test")
    keep(store, "candles", "BTC-PERPETUAL", ENDS_AT + np.arange(9, dtype=np.int64) * HOUR)
    with pytest.raises(ConfigurationError, match="no candles"):
        read_market(store, "BTC", ENDS_AT, source="test")


def test_hours_without_an_index_use_realized_volatility_and_say_so(tmp_path: Path) -> None:
    """A share of the hours, never silently."""
    store = DatasetStore(tmp_path)
    keep(store, "candles", "BTC-PERPETUAL", hours(later=0))
    keep(store, "dvol", "BTC", hours(later=0)[HOURS // 2 :])
    market = read_market(store, "BTC", ENDS_AT, source="test")
    assert market.level.source == "partly"
    assert market.level.note.startswith("2026-05-18 to 2026-06-01; outside, its level is assumed")
    assert any(market.level.note in one for one in market.chains().provenance.caveats)
    assert set(market.level.vol[HOURS // 2 :]) == {0.5}
    assert 0.5 not in set(market.level.vol[: HOURS // 2])


def test_each_bundled_market_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Real venues share the one that `trader data sync` fills."""
    assert datasets_folder(tmp_path, MARKET) == tmp_path / "datasets" / "1@2"
    assert datasets_folder(tmp_path, "deribit") == tmp_path / "datasets"


def test_the_remedy_fetches_what_is_wanted() -> None:
    """From the day on that the years and the look-back ask for."""
    assert ENDS_AT - first_wanted(ENDS_AT, 1.0) == (365 + 70) * DAY
    assert how_to_get("", "ETH", ENDS_AT, 1.0) == (
        "`trader data sync --what candles,dvol --currency ETH --since 2025-03-24`, or "
        "`trader data import` what you have"
    )
    assert "feed.url" in how_to_get(MARKET, "ETH", ENDS_AT, 1.0)


def test_a_daily_index_says_how_often_it_has_a_value(tmp_path: Path) -> None:
    """And of which series it is, where it was imported."""
    store = DatasetStore(tmp_path)
    keep(store, "candles", "BTC-PERPETUAL", hours(later=0))
    keep(store, "dvol", subject_of("BTC", "dvol"), hours(later=0)[23::24])
    market = read_market(store, "BTC", ENDS_AT, source="test")
    assert "(BTC@dvol, a value every 24 hours)" in market.level.note
    assert set(market.level.vol[HOURS // 2 :]) == {0.5}


def test_the_smile_is_fitted_to_recorded_boards(tmp_path: Path) -> None:
    """Boards priced on a known smile give it back, and the caveats say so; later ones do not."""
    store = DatasetStore(tmp_path)
    boards = import_chains(store, tmp_path)
    market = read_market(store, "BTC", source="test")
    assert market.smile.rho == pytest.approx(SMILE.rho, abs=0.02)
    assert market.smile.eta == pytest.approx(SMILE.eta, abs=0.03)
    caveats = market.chains().provenance.caveats
    assert any(f"fitted to {boards} recorded boards" in one for one in caveats)
    early = read_market(store, "BTC", START + 2 * DAY, source="test")
    assert "no recorded boards" in " ".join(early.chains().provenance.caveats)


def test_recorded_boards_are_cut_at_midnight(tmp_path: Path) -> None:
    """With the closes beside them; none before is said, with the remedy."""
    store = DatasetStore(tmp_path)
    import_chains(store, tmp_path)
    until = START + 6 * DAY
    market = read_recorded_market(store, "BTC", until)
    assert market.rows.at.max() <= until
    assert market.candles.span[1] == until
    assert market.source == "boards of BTC@chains, closes of BTC@chains"
    with pytest.raises(ConfigurationError, match="no recorded options of BTC before 2022-01-04"):
        read_recorded_market(store, "BTC", START + DAY)
    with pytest.raises(ConfigurationError, match="no recorded options of ETH: import more"):
        read_recorded_market(store, "ETH", until)
