"""A recording of ours becomes the market it was taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.recorded_chain import EXPIRIES, MIDNIGHT, SNAPSHOTS, chain, close_at
from tests.storage.inputs import manifest
from trader.app.replay_recordings import read_recordings
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.domain.errors import ConfigurationError
from trader.domain.events import DeliveryPrice, HistoryLoaded, IndexPrice, Quote, Stamped
from trader.domain.market import Bars
from trader.domain.units import HOUR
from trader.storage.market_store import MarketStore, RecorderSettings

if TYPE_CHECKING:
    from pathlib import Path

    from trader.domain.events import Event


def taken_in() -> list[tuple[int, Event]]:
    """Tell what a daemon would have taken in of the small chain, and when."""
    known = chain()
    told: list[tuple[int, Event]] = []
    for at, name, bid, ask, mark, iv, forward, index, _ in zip(*known.values(), strict=True):
        nothing = float("nan")
        quote = Quote(name, at, bid or nothing, 5.0 if bid else 0.0, ask, 7.0, mark, iv / 100.0,
                      forward, index)  # fmt: skip
        told.append((at, quote))
    for hour in range(10, 60):
        at = MIDNIGHT + hour * HOUR
        price = close_at(at)
        perpetual = Quote("BTC-PERPETUAL", at, price - 1, 10.0, price + 1, 10.0, price,
                          float("nan"), price, price)  # fmt: skip
        told += [(at, IndexPrice("BTC", price, at)), (at, perpetual)]
    before = Bars((MIDNIGHT,), (90_000.0,), (90_100.0,), (89_900.0,), (90_050.0,))
    told.append((SNAPSHOTS[0], HistoryLoaded("BTC", before)))
    told.append((EXPIRIES[0] + HOUR, DeliveryPrice("BTC", EXPIRIES[0], 90_123.4)))
    return sorted(told, key=lambda one: one[0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Record it, at 60 times real time."""
    opened = manifest(opened_at=SNAPSHOTS[0])
    opening = msgspec.structs.replace(opened.opening, speed=60.0)
    store = MarketStore(tmp_path, RecorderSettings(reserve_gb=0))
    store.begin(msgspec.structs.replace(opened, opening=opening), {})
    rows = [Stamped(place, at, event) for place, (at, event) in enumerate(taken_in(), 1)]
    store.write(rows)
    store.close()
    return tmp_path


def test_the_market_of_then_is_shown_again(root: Path) -> None:
    """Touch, sizes, index, delivery price, and bars of what was heard and of the history."""
    venue = ReplayVenue(read_recordings(root))
    at = SNAPSHOTS[1] + HOUR // 2
    listing = venue.find("BTC-13JAN26-91000-C", at)
    perpetual = venue.find("BTC-PERPETUAL", at)
    assert listing is not None
    assert perpetual is not None
    assert venue.quoted_at(listing, at) == SNAPSHOTS[1]
    quote = venue.option(listing, at)
    assert (quote.bid_amount, quote.ask_amount) == (5.0, 7.0)
    assert venue.delta_one(perpetual, at).bid == close_at(SNAPSHOTS[1]) - 1
    assert venue.index_price("BTC", at) == close_at(SNAPSHOTS[1])
    assert venue.delivery_price("BTC", EXPIRIES[0], EXPIRIES[0]) == 90_123.4
    closes = venue.recording.closes["BTC"]
    assert closes.value[0] == 90_050.0
    assert closes.value[-1] == close_at(int(closes.at[-1]))


def test_staleness_is_that_of_the_recording_s_clock(root: Path) -> None:
    """Half a minute of the wall then; displayed sizes are nobody's assumption."""
    told = read_recordings(root)
    assert (told.staleness_s, told.assumed_sizes) == (30.0 * 60.0, False)
    assert told.opens_at == SNAPSHOTS[0]
    assert told.name == read_recordings(root).name


def test_a_folder_without_quotes_is_refused(tmp_path: Path) -> None:
    """With the remedy."""
    with pytest.raises(ConfigurationError, match="holds no recorded quotes"):
        read_recordings(tmp_path)
