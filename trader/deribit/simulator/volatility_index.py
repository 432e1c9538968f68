"""Where does the invented volatility index (DVOL) stand, and where did it?

The volatility at which a variance swap over 30 days is fair on the quoted surface, as a fraction.
It rises with the log-volatility alone while a mood's weight stands, which is an hour, so that its
bars are those of the log-volatility's path, put through the surface.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.candles import NO_CANDLES, Candles
from trader.deribit.simulator.market import GENESIS, LOG_VOL_SERIES, Market
from trader.deribit.simulator.path import STEP
from trader.deribit.simulator.surface import (
    IMPLIED_OVER_EXPECTED,
    State,
    expected_vol,
    variance_swap_vol,
)
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, YEAR
from trader.pricing.normal import Array

RESOLUTIONS_S: Final = (1, 60, 3_600, 43_200, 86_400)
COINS: Final = ("BTC", "ETH")

TENOR: Final = 30 * DAY
"""How far ahead the index looks."""

_TENOR_YEARS: Final = np.array([TENOR / YEAR])
_DECIMALS: Final = 4


def volatility_index(market: Market, coin: str, at: int) -> float:
    """Return the index at an instant, as a fraction."""
    return float(_index(coin, market.state(at))[0])


def candles(market: Market, coin: str, start: int, end: int, resolution_s: int, at: int) -> Candles:
    """Return the index's bars that open in [start, end] and not after `at`, oldest first.

    Nothing is traded: volume and cost are 0.

    Raises:
        ValueError: a resolution other than those in `RESOLUTIONS_S`.
    """
    if resolution_s not in RESOLUTIONS_S:
        raise ValueError(f"resolution_s = {resolution_s!r}: must be one of {RESOLUTIONS_S}")
    bar = resolution_s * SECOND
    first = -((GENESIS - max(start, GENESIS)) // bar)
    last = (min(end, at) - GENESIS) // bar
    if last < first:
        return NO_CANDLES
    if bar < MINUTE:
        return _seconds(market, coin, GENESIS + bar * np.arange(first, last + 1))
    unit = min(bar, HOUR)
    path = market.charts.candles(
        LOG_VOL_SERIES,
        None,
        GENESIS + first * bar,
        GENESIS + (last + 1) * bar - 1,
        unit // MINUTE,
        at,
    )
    state = market.hourly_state(path.ticks * MILLISECOND)
    columns = [_index(coin, state._replace(log_vol=column)) for column in path[1:5]]
    starts = np.arange(0, len(path.ticks), bar // unit)
    ends = np.minimum(starts + bar // unit, len(path.ticks))
    nothing = np.zeros(len(starts))
    return Candles(
        path.ticks[starts],
        columns[0][starts],
        np.maximum.reduceat(columns[1], starts),
        np.minimum.reduceat(columns[2], starts),
        columns[3][ends - 1],
        nothing,
        nothing,
    )


def _seconds(market: Market, coin: str, opens_at: NDArray[np.int64]) -> Candles:
    """Return bars shorter than a step: each is a point."""
    values = _index(coin, market.state(opens_at // STEP * STEP))
    nothing = np.zeros(len(values))
    ticks = opens_at // MILLISECOND
    return Candles(ticks, values, values, values, values, nothing, nothing)


def _index(coin: str, state: State) -> Array:
    """Return the index in each state."""
    level = IMPLIED_OVER_EXPECTED * expected_vol(coin, state, _TENOR_YEARS)
    return np.round(variance_swap_vol(level, float(_TENOR_YEARS[0])), _DECIMALS)
