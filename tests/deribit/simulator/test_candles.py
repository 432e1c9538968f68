"""Bars: each exactly its path's steps and its prints, at every resolution, without the future."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from trader.deribit.simulator.candles import NO_CANDLES, RESOLUTIONS_MINUTES, Candles
from trader.deribit.simulator.instrument_series import chart, series, turnover
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listings
from trader.deribit.simulator.market import GENESIS, STEP, Market
from trader.deribit.simulator.path import on_tick
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.quotes import Quotes
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, nanoseconds

NOON = nanoseconds(datetime(2026, 11, 20, 12, 34, 26, tzinfo=UTC))
BTC = PERPETUALS["BTC"]


@pytest.fixture(scope="module")
def market() -> Market:
    """Share one market: its caches never change an answer."""
    return Market(11)


def _bars(market: Market, start: int, end: int, resolution: int, at: int = NOON) -> Candles:
    return chart(market, BTC, start, end, resolution, at)


@pytest.mark.parametrize("resolution", RESOLUTIONS_MINUTES)
def test_candles_aggregate_the_grid(market: Market, resolution: int) -> None:
    """Each bar holds open, extremes and close of its steps on the tick; ticks are aligned."""
    start = NOON - 3 * DAY
    bars = _bars(market, start, NOON, resolution)
    span = resolution * MINUTE
    assert 0 <= bars.ticks[0] * MILLISECOND - start < span
    assert (bars.ticks * MILLISECOND % span == 0).all()
    assert (np.diff(bars.ticks) * MILLISECOND == span).all()
    for index in (0, len(bars.ticks) // 2, -1):
        opened = int(bars.ticks[index]) * MILLISECOND
        instants = np.arange(opened, min(opened + span, NOON + 1), STEP)
        points = on_tick(market.points(series(BTC), instants), BTC.tick_size)
        bar = [column[index] for column in bars[1:5]]
        assert bar == [points[0], points.max(), points.min(), points[-1]]
    assert (bars.volume > 0.0).all()
    assert bars.cost / bars.volume == pytest.approx(bars.close, rel=0.1)


@pytest.mark.parametrize("name", ["BTC", "SOL_USDC"])
def test_a_perpetuals_bar_is_made_of_its_prints(market: Market, name: str) -> None:
    """First, highest, lowest, last print and their sum are the bar, for minutes and for hours."""
    listing = PERPETUALS[name]
    listings = Listings(market)
    tape = Tape(Quotes(market, listings))
    for resolution in (1, 15, 60):
        opened = NOON // HOUR * HOUR - HOUR
        closed = opened + resolution * MINUTE - 1
        bars = chart(market, listing, opened, opened, resolution, NOON)
        prints = tape.by_time(listing, opened, closed, NOON)
        bar = [float(column[0]) for column in bars[1:5]]
        price = prints.price
        assert bar == [price[0], price.max(), price.min(), price[-1]]
        assert len(price) == 12 * resolution
        amount = bars.cost[0] if listing.inverse else bars.volume[0]
        assert amount == pytest.approx(prints.amount.sum(), rel=1e-12)
        other = prints.amount / price if listing.inverse else prints.amount * price
        against = bars.volume[0] if listing.inverse else bars.cost[0]
        assert against == pytest.approx(other.sum(), rel=2e-3)


def test_coarse_candles_are_made_of_fine_ones(market: Market) -> None:
    """An hour is its sixty minutes, volume and cost included."""
    end = NOON // HOUR * HOUR - 1
    fine = _bars(market, end + 1 - DAY, end, 1)
    coarse = _bars(market, end + 1 - DAY, end, 60)
    assert len(coarse.ticks) == 24
    assert fine.open[::60].tolist() == coarse.open.tolist()
    assert fine.high.reshape(24, 60).max(axis=1).tolist() == coarse.high.tolist()
    assert fine.low.reshape(24, 60).min(axis=1).tolist() == coarse.low.tolist()
    assert fine.close[59::60].tolist() == coarse.close.tolist()
    assert fine.cost.reshape(24, 60).sum(axis=1) == pytest.approx(coarse.cost, rel=1e-12)
    assert fine.volume.reshape(24, 60).sum(axis=1) == pytest.approx(coarse.volume, rel=1e-5)


@pytest.mark.parametrize("resolution", [1, 60, 1440])
def test_candles_know_nothing_of_the_future(market: Market, resolution: int) -> None:
    """Bars seen at an instant never open after it, and past bars do not change later."""
    early = _bars(market, NOON - 4 * DAY, NOON + 9 * DAY, resolution)
    late = _bars(market, NOON - 4 * DAY, NOON + 9 * DAY, resolution, NOON + 2 * DAY)
    assert early.ticks[-1] * MILLISECOND <= NOON
    closed = len(early.ticks) - 1
    for before, after in zip(early, late, strict=True):
        assert before[:closed].tolist() == after[:closed].tolist()
    mark = market.point(series(BTC), NOON)
    assert early.close[-1] == pytest.approx(mark, abs=0.51 * BTC.tick_size)
    assert early.volume[-1] < late.volume[closed]


def test_a_bar_does_not_depend_on_the_window_asked_for(market: Market) -> None:
    """The same minute comes back alike from a long window and as the only bar."""
    opened = NOON // MINUTE * MINUTE - 10 * MINUTE
    alone = _bars(market, opened, opened, 1)
    among = _bars(market, opened - HOUR, NOON, 1)
    index = among.ticks.tolist().index(opened // MILLISECOND)
    assert [column[0] for column in alone] == [column[index] for column in among]


def test_a_running_bar_grows_step_by_step(market: Market) -> None:
    """Through an hour turnover only rises and extremes only widen, up to the closed bar."""
    opened = NOON // HOUR * HOUR - HOUR
    seen = [
        chart(market, BTC, opened, opened, 60, opened + part * 97 * MINUTE // 10 + 1)
        for part in range(7)
    ]
    seen.append(chart(market, BTC, opened, opened, 60, NOON))
    for earlier, later in pairwise(seen):
        assert earlier.cost[0] <= later.cost[0]
        assert earlier.high[0] <= later.high[0]
        assert earlier.low[0] >= later.low[0]
        assert earlier.open[0] == later.open[0]


def test_futures_have_bars_while_they_live(market: Market) -> None:
    """A future's bars start with its listing, stand above the index and end at its expiry."""
    listings = Listings(market)
    future = listings.futures("ETH", NOON)[0]
    later = future.expires_at + DAY
    bars = chart(market, future, GENESIS, later, 60, later)
    assert bars.ticks[0] * MILLISECOND == future.listed_at
    assert bars.ticks[-1] * MILLISECOND == future.expires_at - HOUR
    pair = chart(market, SPOT_PAIRS["ETH_USDC"], NOON - DAY, NOON, 60, NOON)
    spots = market.spots("ETH", pair.ticks * MILLISECOND)
    assert pair.open == pytest.approx(spots, abs=0.051)


def test_candles_of_nothing_are_empty(market: Market) -> None:
    """A window in the future or before the genesis holds no bars."""
    assert _bars(market, NOON + DAY, NOON + 2 * DAY, 60) == NO_CANDLES
    assert _bars(market, GENESIS - 2 * DAY, GENESIS - DAY, 60).ticks.size == 0
    first = _bars(market, GENESIS - DAY, GENESIS + 2 * HOUR, 60)
    assert first.ticks.tolist()[0] * MILLISECOND == GENESIS


def test_an_unknown_resolution_is_refused(market: Market) -> None:
    """A resolution the venue does not have raises with its value."""
    with pytest.raises(ValueError, match="resolution_minutes = 7"):
        _bars(market, NOON - DAY, NOON, 7)


def test_caches_stay_bounded() -> None:
    """Blocks of bars and days of turnover leave as new ones come."""
    market = Market(2)
    for back in range(140):
        _bars(market, NOON - back * DAY, NOON - back * DAY, 1)
        market.charts.contracts(series(BTC), turnover(BTC), 1_000 + back)
    assert len(market.charts._minutes) <= 4
    assert len(market.charts._contracts) <= 128
