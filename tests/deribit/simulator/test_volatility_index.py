"""The volatility index: the price of the surface's variance swap, with one path of bars."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.listing import Listings
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.quotes import Quotes
from trader.deribit.simulator.volatility_index import RESOLUTIONS_S, candles, volatility_index
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, YEAR, nanoseconds
from trader.pricing.black_scholes import price

NOON = nanoseconds(datetime(2026, 11, 20, 12, 34, 26, tzinfo=UTC))


@pytest.fixture(scope="module")
def market() -> Market:
    """Share one market: its caches never change an answer."""
    return Market(6)


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_index_is_what_the_listed_options_replicate(market: Market, coin: str) -> None:
    """Between the two expiries around 30 days the marks of the board give the index back."""
    quotes = Quotes(market, Listings(market))
    board = quotes.board(coin, NOON)
    expiry = np.array([one.expires_at for one in board.listings])
    around = NOON + 30 * DAY
    near = [int(expiry[expiry <= around].max()), int(expiry[expiry > around].min())]
    total = []
    for expires_at in near:
        here = expiry == expires_at
        forward = float(board.underlying_price[here][0])
        years = (expires_at - NOON) / YEAR
        level = float(market.money_vol(coin, NOON, np.array([years]))[0])
        strikes = forward * np.exp(np.linspace(-9, 9, 3_001) * level * np.sqrt(years))
        vols = market.implied_vol(coin, NOON, np.full(3_001, years), np.log(strikes / forward))
        listed = np.array(
            [one.strike for one, yes in zip(board.listings, here, strict=True) if yes]
        )
        assert np.interp(listed, strikes, vols) == pytest.approx(board.mark_iv[here], abs=2e-4)
        kinds = np.where(strikes < forward, -1.0, 1.0)
        strip = price(kinds, forward, strikes, years, vols) / strikes**2
        total.append(2.0 * float(np.sum(0.5 * (strip[1:] + strip[:-1]) * np.diff(strikes))))
    share = (around - near[0]) / (near[1] - near[0])
    mixed = (total[0] * (1.0 - share) + total[1] * share) * 365.0 / 30.0
    assert volatility_index(market, coin, NOON) == pytest.approx(np.sqrt(mixed), rel=0.02)


@pytest.mark.parametrize("resolution_s", RESOLUTIONS_S)
def test_bars_are_those_of_the_published_values(market: Market, resolution_s: int) -> None:
    """Open, extremes and close are those of the index at its steps inside the bar."""
    start = NOON - 3 * resolution_s * SECOND
    bars = candles(market, "BTC", start, NOON, resolution_s, NOON)
    assert len(bars.ticks) == 3 + (start % (resolution_s * SECOND) == 0)
    opened = int(bars.ticks[-2]) * MILLISECOND
    every = min(resolution_s, 5) * SECOND
    spread = range(opened, opened + resolution_s * SECOND, max(every, resolution_s * SECOND // 500))
    values = [volatility_index(market, "BTC", at) for at in spread]
    assert bars.open[-2] == values[0]
    assert bars.low[-2] <= min(values) <= max(values) <= bars.high[-2]
    assert bars.close[-1] == volatility_index(market, "BTC", NOON)


def test_resolutions_agree(market: Market) -> None:
    """A day is its twenty-four hours, an hour its sixty minutes."""
    end = NOON // DAY * DAY
    day = candles(market, "ETH", end - DAY, end - 1, 86_400, NOON)
    hours = candles(market, "ETH", end - DAY, end - 1, 3_600, NOON)
    minutes = candles(market, "ETH", end - DAY, end - 1, 60, NOON)
    assert (len(day.ticks), len(hours.ticks), len(minutes.ticks)) == (1, 24, 1_440)
    assert (day.high[0], day.low[0]) == (hours.high.max(), hours.low.min())
    assert (day.open[0], day.close[0]) == (hours.open[0], hours.close[-1])
    assert minutes.high.reshape(24, 60).max(axis=1).tolist() == hours.high.tolist()
    assert minutes.close[59::60].tolist() == hours.close.tolist()


def test_the_future_does_not_show(market: Market) -> None:
    """Bars end at the instant; later ones leave the closed ones as they were."""
    early = candles(market, "BTC", NOON - DAY, NOON + DAY, 3_600, NOON)
    late = candles(market, "BTC", NOON - DAY, NOON + DAY, 3_600, NOON + DAY)
    assert early.ticks[-1] * MILLISECOND <= NOON
    assert early.close[:-1].tolist() == late.close[: len(early.close) - 1].tolist()
    assert candles(market, "BTC", NOON + HOUR, NOON + DAY, 60, NOON).ticks.size == 0


def test_levels_are_plausible_and_move(market: Market) -> None:
    """Over years the index lies between 30 and 200 percent; within a day it wanders."""
    daily = candles(market, "BTC", GENESIS, NOON, 86_400, NOON)
    assert 0.25 < daily.low.min() < 0.55
    assert 0.7 < daily.high.max() < 2.5
    assert np.median(daily.high - daily.low) > 0.01


def test_unknown_resolutions_are_refused(market: Market) -> None:
    """A resolution the venue does not have raises with its value."""
    with pytest.raises(ValueError, match="resolution_s = 5"):
        candles(market, "BTC", NOON - MINUTE, NOON, 5, NOON)
