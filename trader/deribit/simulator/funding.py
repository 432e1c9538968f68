"""What have the holders of a perpetual paid each other?

Interest accrues all the time at the rate that the premium sets. Between full hours the premium is a
straight line, so that the interest of an hour is an exact integral.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.market import (
    FUNDING_DAMPER,
    GENESIS,
    Market,
    funding_cap,
    funding_rates,
)
from trader.deribit.simulator.products import coin_of
from trader.domain.units import HOUR
from trader.pricing.normal import Array

_STRAIGHT: Final = 1e-9


class Funding(NamedTuple):
    """Interest by the hour, oldest first: `at` is the hour's end.

    Fractions that a long paid a short: over the hour, and over the 8 hours until then.
    """

    at: NDArray[np.int64]
    index_price: Array
    prev_index_price: Array
    interest_1h: Array
    interest_8h: Array


def funding_history(market: Market, product: str, start: int, end: int) -> Funding:
    """Return the interest of each hour that ended in [start, end]."""
    first = max(-(-start // HOUR) * HOUR, GENESIS + HOUR)
    last = end // HOUR * HOUR
    hours = HOUR * np.arange(first // HOUR, last // HOUR + 1, dtype=np.int64)
    if not hours.size:
        return Funding(hours, *(np.empty(0) for _ in range(4)))
    earliest = max(first - 8 * HOUR, GENESIS)
    interest = _interest(product, market.hourly_premiums(product, earliest, last))
    running = np.concatenate((np.zeros(9), np.cumsum(interest)))
    before = len(interest) - len(hours)
    spots = market.hourly_spots(coin_of(product), first - HOUR, last)
    return Funding(
        hours,
        spots[1:],
        spots[:-1],
        interest[before:],
        (running[8:] - running[:-8])[1 + before :],
    )


def trailing_8h(market: Market, product: str, at: int) -> float:
    """Return the interest of the last 8 full hours (fewer right after the genesis)."""
    history = funding_history(market, product, at - HOUR + 1, at)
    return float(history.interest_8h[-1]) if history.at.size else 0.0


def _interest(product: str, premiums: Array) -> Array:
    """Return the interest between consecutive hourly premiums."""
    start, end = premiums[:-1], premiums[1:]
    move = end - start
    straight = np.abs(move) < _STRAIGHT
    slope = (_area(product, end) - _area(product, start)) / np.where(straight, 1.0, move)
    rate = np.where(straight, funding_rates(product, start), slope)
    interest: Array = rate / 8.0
    return interest


def _area(product: str, premium: Array) -> Array:
    """Return the integral of the funding rate over premiums from 0."""
    cap = funding_cap(product)
    beyond = np.maximum(np.abs(premium) - FUNDING_DAMPER, 0.0)
    capped = np.minimum(beyond, cap)
    area: Array = 0.5 * capped * capped + cap * (beyond - capped)
    return area
