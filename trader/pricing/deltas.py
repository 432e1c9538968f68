"""How far does an option follow its forward? Deltas of many options, without the other Greeks."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from trader.pricing.normal import SQRT_HALF, Array, cdf
from trader.pricing.normalized import NO_DEVIATION

_FARTHEST: Final = 40.0
"""Deviations beyond which N stands still."""


def delta(sign: Array, forward: Array, strike: Array, years: Array, vol: Array) -> Array:
    """Return deltas to the forward of a whole board, alone: `greeks` without the rest.

    The caller vouches for its columns: signs of one, positive finite numbers, years >= 0.
    """
    deviation = vol * np.sqrt(years)
    distance = np.log(forward / strike)
    alive = deviation > NO_DEVIATION
    divisor = deviation if alive.all() else np.where(alive, deviation, 1.0)
    d1 = distance / divisor + 0.5 * deviation
    if divisor is not deviation:
        d1 = np.where(alive, d1, np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance)))
    within = np.minimum(np.maximum(sign * d1, -_FARTHEST), _FARTHEST)
    return sign * cdf(within)


def delta_each(
    sign: Sequence[float],
    forward: Sequence[float],
    strike: Sequence[float],
    years: Sequence[float],
    vol: Sequence[float],
) -> list[float]:
    """Return what `delta` does to 1e-13, value by value: sooner for some hundred options or fewer.

    NaN where a forward or a volatility is no positive finite number.
    """
    erfc, log, sqrt, infinite = math.erfc, math.log, math.sqrt, math.inf
    found: list[float] = []
    for one, price, at, left, sigma in zip(sign, forward, strike, years, vol, strict=True):
        if not (0.0 < price < infinite and 0.0 < sigma < infinite):
            found.append(math.nan)
            continue
        deviation, distance = sigma * sqrt(left), log(price / at)
        if deviation > NO_DEVIATION:
            d1 = distance / deviation + 0.5 * deviation
        else:
            d1 = math.copysign(infinite, distance) if distance else 0.0
        found.append(one * 0.5 * erfc(-one * d1 * SQRT_HALF))
    return found
