"""What of a recording is the market's: quotes in columns, and what was told beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.storage.inputs import NOON, every_kind, manifest, quote, stamped
from trader.domain.events import DeliveryPrice, HistoryLoaded, IndexPrice
from trader.storage.market_store import MarketStore, RecorderSettings
from trader.storage.recorded_market import recorded_events, recorded_quotes

if TYPE_CHECKING:
    from pathlib import Path


def record(root: Path, *, close: bool = True) -> None:
    """Record one input of every kind, and a quote of another contract."""
    store = MarketStore(root, RecorderSettings(reserve_gb=0))
    store.begin(manifest(), {})
    store.write(stamped(*every_kind(), quote("BTC-3JUN26-91000-C", 0.02)))
    if close:
        store.close()
    else:
        store.abandon()


@pytest.mark.parametrize("close", [True, False])
def test_quotes_are_read_in_columns(tmp_path: Path, close: bool) -> None:
    """From whole files and from streams a killed daemon left."""
    record(tmp_path, close=close)
    quotes = recorded_quotes(tmp_path)
    names = [quotes.names[place] for place in quotes.instrument]
    assert sorted(names) == ["BTC-3JUN26-90000-C", "BTC-3JUN26-91000-C", "ETH-PERPETUAL"]
    row = names.index("BTC-3JUN26-91000-C")
    assert quotes.exchange_at[row] == NOON - 7
    assert (quotes.columns["bid"][row], quotes.columns["mark_iv"][row]) == (0.02, 0.5)
    assert math.isnan(quotes.columns["ask"][row])


def test_of_events_only_what_the_exchange_told_counts(tmp_path: Path) -> None:
    """Indexes, deliveries and history; no timer, command or fault of some daemon."""
    record(tmp_path)
    kinds = {type(event) for event in recorded_events(tmp_path)}
    assert kinds == {IndexPrice, DeliveryPrice, HistoryLoaded}


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    """No name, no row."""
    quotes = recorded_quotes(tmp_path)
    assert (quotes.names, len(quotes.instrument), len(quotes.columns["bid"])) == ((), 0, 0)
    assert list(recorded_events(tmp_path)) == []
