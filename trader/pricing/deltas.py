"""How far does an option follow its forward? Deltas of many options, without the other Greeks."""

import numpy as np

from trader.pricing.normal import Array, cdf, cdf_each
from trader.pricing.normalized import NO_DEVIATION


def delta(sign: Array, forward: Array, strike: Array, years: Array, vol: Array) -> Array:
    """Return deltas to the forward of a whole board, alone: `greeks` without the rest.

    The caller vouches for its columns: signs of one, positive finite numbers, years >= 0.
    """
    return sign * cdf(_signed_d1(sign, forward, strike, years, vol))


def delta_each(sign: Array, forward: Array, strike: Array, years: Array, vol: Array) -> Array:
    """Return what `delta` does to 1e-13, sooner where there are some hundred options or fewer."""
    return sign * cdf_each(_signed_d1(sign, forward, strike, years, vol))


def _signed_d1(sign: Array, forward: Array, strike: Array, years: Array, vol: Array) -> Array:
    """Return d1 with the option's sign, within the forty deviations beyond which N stands still."""
    deviation = vol * np.sqrt(years)
    distance = np.log(forward / strike)
    alive = deviation > NO_DEVIATION
    divisor = deviation if alive.all() else np.where(alive, deviation, 1.0)
    d1 = distance / divisor + 0.5 * deviation
    if divisor is not deviation:
        d1 = np.where(alive, d1, np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance)))
    within: Array = np.minimum(np.maximum(sign * d1, -40.0), 40.0)
    return within
