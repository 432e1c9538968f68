"""What is an out-of-the-money option worth in units of sqrt(FK), and at which total deviation?

With y = -|ln(F/K)| <= 0 and s = vol sqrt(T), the undiscounted option is sqrt(FK) b(y, s), whatever
its kind: one function prices both sides and one inversion serves both.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.pricing import kernels
from trader.pricing.normal import SQRT_2PI, Array, mills, tail_quantile

Mask = NDArray[np.bool_]

NO_DEVIATION: Final = 1e-100  # a total deviation below this is the limit itself
TOLERANCE: Final = 1e-5  # of a step; Halley's next error is of the order of its cube

_FAR: Final = -60.0  # n(-60) is zero in double precision
_SERIES_BELOW: Final = 0.01  # bound on |y| and s for the series in s / 2
_ITERATIONS_MAX: Final = 100
_ASIDE: Final = 0.1  # what rounds at the inflection may be sought a little beyond it
_DEVIATION_MAX: Final = 100.0  # b is its own bound in double precision long before


class Curve(NamedTuple):
    """b and what moves it, with h = y / s and t = s / 2.

    `value` is b; `bound` exp(y / 2); `shortfall` that less b, without cancellation where b is close
    to it; `slope` db/ds = n(h) exp(-t^2 / 2) = F n(d1) / sqrt(FK); `near` and `far` are the tails
    of N beyond |h + t| and |h - t| in the same scale; `inside` says that h + t is negative.
    """

    value: Array
    bound: Array
    shortfall: Array
    slope: Array
    near: Array
    far: Array
    inside: Mask


class Probabilities(NamedTuple):
    """Of the out-of-the-money option: `upper` N(h + t), `lower` N(h - t)."""

    upper: Array
    lower: Array


def normalized(distance: Array, deviation: Array) -> Curve:
    """Evaluate b(y, s) for `distance` = y <= 0 and `deviation` = s >= 0 of one length.

    n(h) exp(-t^2 / 2) is a factor of every term, so that only Mills ratios are subtracted; where
    these nearly cancel (both |y| and s small) the Taylor series of the ratio about h takes over.
    """
    h = np.maximum(distance / np.maximum(deviation, NO_DEVIATION), _FAR)
    t = 0.5 * deviation
    d1 = h + t
    ratios = mills(np.abs(np.concatenate((d1, h - t))))
    slope = np.exp(-0.5 * (h * h + t * t)) / SQRT_2PI
    near, far = slope * ratios[: h.size], slope * ratios[h.size :]
    bound = np.exp(0.5 * distance)
    inside = d1 < 0.0
    value = np.where(inside, near, bound - near) - far
    series = (t < 0.5 * _SERIES_BELOW) & (distance > -_SERIES_BELOW)
    if series.any():
        value[series] = slope[series] * _series(h[series], t[series])
    value = np.maximum(value, 0.0)
    shortfall = np.where(inside, bound - value, near + far)
    return Curve(value, bound, shortfall, slope, near, far, inside)


def normalized_slope(distance: Array, deviation: Array) -> Array:
    """Return the slope of `normalized` alone."""
    h = np.maximum(distance / np.maximum(deviation, NO_DEVIATION), _FAR)
    t = 0.5 * deviation
    found: Array = np.exp(-0.5 * (h * h + t * t)) / SQRT_2PI
    return found


def probabilities(curve: Curve) -> Probabilities:
    """Return N(h + t) and N(h - t) from an evaluated curve."""
    tail = curve.near / curve.bound
    return Probabilities(np.where(curve.inside, tail, 1.0 - tail), curve.far * curve.bound)


def exercise(sign: Array, forward: Array, strike: Array, curve: Curve) -> Probabilities:
    """Return N(+-d1) and N(+-d2) of calls (`sign` 1) and puts (-1) from their evaluated curve."""
    below = forward <= strike
    out = below == (sign > 0.0)
    upper, lower = probabilities(curve)
    n1 = np.where(below, upper, lower)
    n2 = np.where(below, lower, upper)
    return Probabilities(np.where(out, n1, 1.0 - n1), np.where(out, n2, 1.0 - n2))


class Black(NamedTuple):
    """An undiscounted option: its value and what moves that, by forward and total deviation."""

    value: Array
    delta: Array
    gamma: Array
    slope: Array


def black(sign: Array, forward: Array, strike: Array, deviation: Array) -> Black:
    """Evaluate undiscounted options of total deviations; the caller vouches for its columns."""
    curve = normalized(-np.abs(np.log(forward / strike)), deviation)
    level = np.sqrt(forward) * np.sqrt(strike)
    value = level * curve.value + np.maximum(sign * (forward - strike), 0.0)
    slope = level * curve.slope
    delta = sign * exercise(sign, forward, strike, curve).upper
    return Black(value, delta, curvature(slope, forward, deviation), slope)


def curvature(slope: Array, forward: Array, deviation: Array) -> Array:
    """Return gamma from F n(d1); without deviation 0: a kink has none that could be traded."""
    alive = deviation > NO_DEVIATION
    return np.where(alive, slope / (forward * forward * np.where(alive, deviation, 1.0)), 0.0)


def _series(h: Array, t: Array) -> Array:
    """Return Y(h + t) - Y(h - t), Y = N / n, by its Taylor series in t (odd terms up to t^7).

    Y' = 1 + h Y and Y^(n+1) = h Y^(n) + n Y^(n-1).
    """
    before = mills(-h)
    now = 1.0 + h * before
    power = 2.0 * t
    total = power * now
    for order in range(1, 6, 2):
        before = h * now + order * before
        now = h * before + (order + 1) * now
        power = power * t * t / ((order + 1) * (order + 2))
        total += power * now
    return total


def total_deviation(
    distance: Array, value: Array, guess: Array | None = None, tolerance: float = TOLERANCE
) -> Array:
    """Return s with b(y, s) = `value`, for 0 < `value` < exp(y / 2) elementwise.

    A rational start (or a positive `guess`, where one is known to be close), then Halley steps in
    the coordinate where the curve is nearly straight: ln b over 1 / s^2 below the inflection at
    s_c = sqrt(2 |y|), ln b or the logarithm of the shortfall from the bound over s above it. A
    bracket that only shrinks catches what leaves it. `tolerance` bounds the last relative step;
    the error left is of the order of its cube.
    """
    found = kernels.deviations(distance, value, guess) if tolerance == TOLERANCE else None
    if found is not None:
        return found
    bound = np.exp(0.5 * distance)
    center = np.sqrt(-2.0 * distance)
    if guess is None:
        deviation, below = _start(distance, value, center)
    else:
        # at the inflection h + t is 0, h - t is -center, and the slope is that of the bound
        deviation, below = guess, value < bound * (0.5 - mills(center) / SQRT_2PI)
    low = np.where(below, 0.0, (1.0 - _ASIDE) * center)
    high = np.where(below, (1.0 + _ASIDE) * center, _DEVIATION_MAX)
    deviation = np.minimum(np.maximum(deviation, low), high)
    active = np.arange(deviation.size)
    for _ in range(_ITERATIONS_MAX):
        if not active.size:
            break
        here = deviation[active]
        there, over = _halley(distance[active], here, value[active], bound[active], below[active])
        high[active] = np.where(over, here, high[active])
        low[active] = np.where(over, low[active], here)
        outside = ~((there >= low[active]) & (there <= high[active]))
        middle = np.clip(0.5 * (low[active] + high[active]), 0.25 * here, 4.0 * here)
        there = np.where(outside, middle, there)
        deviation[active] = there
        active = active[np.abs(there - here) > tolerance * here]
    return deviation


def _halley(y: Array, s: Array, value: Array, bound: Array, below: Mask) -> tuple[Array, Mask]:
    """Return the next s by one Halley step, and whether b(y, s) is over the target.

    NaN where b or the shortfall underflows at s: the caller's bracket then halves.
    """
    at = normalized(y, s)
    rising = below | (value < 0.5 * bound)
    level = np.where(rising, at.value, at.shortfall)
    usable = (level > 0.0) & (at.slope > 0.0)
    miss = np.log(np.where(usable, level, 1.0)) - np.log(np.where(rising, value, bound - value))
    slope = np.where(usable, at.slope, 1.0) / np.where(usable, level, 1.0)
    slope = np.where(rising, slope, -slope)
    bend = y / s * (y / s) / s - 0.25 * s - slope  # second derivative over the first
    cube = -0.5 * s**3  # ds/dq of q = 1 / s^2
    newton = -miss / np.where(below, slope * cube, slope)
    bend = np.where(below, bend * cube - 1.5 * s * s, bend)
    step = newton / np.maximum(1.0 + 0.5 * newton * bend, 0.5)
    moved = np.where(below, 1.0 + step * s * s, 1.0)
    straight = s / np.sqrt(np.where(moved > 0.0, moved, np.nan))
    there = np.where(below, straight, s + step)
    over = np.where(usable, np.where(rising, miss > 0.0, miss < 0.0), ~rising)
    return np.where(usable, there, np.nan), over


def _start(y: Array, value: Array, center: Array) -> tuple[Array, Mask]:
    """Return a first s and whether the target lies below the inflection."""
    at_center = normalized(y, center)
    below = value < at_center.value
    start = np.empty_like(value)
    start[below] = _start_below(y[below], value[below], at_center, below)
    start[~below] = _start_above(center[~below], value[~below], at_center, ~below)
    return start, below


def _start_below(y: Array, value: Array, at_center: Curve, chosen: Mask) -> Array:
    """Return a first s under s_c: 1 / s^2 as a rational function of ln(b_c / b).

    Its slope is right at s_c and, 2 / y^2, in the far wing; the blend between them is fitted.
    """
    center_value, slope = at_center.value[chosen], at_center.slope[chosen]
    center_squared = -2.0 * y
    depth = np.log(center_value) - np.log(value)
    near = 2.0 * center_value / (center_squared**1.5 * slope)
    blend = 0.1 * np.sqrt(y / (y - 0.1)) * depth
    inverse_square = 1.0 / center_squared + depth * (near + 2.0 / (y * y) * blend) / (1.0 + blend)
    start: Array = 1.0 / np.sqrt(inverse_square)
    return start


def _start_above(center: Array, value: Array, at_center: Curve, chosen: Mask) -> Array:
    """Return a first s over s_c: the tangent, then the normal quantile (exact at the money)."""
    rise = value - at_center.value[chosen]
    reached = rise / at_center.shortfall[chosen]
    tangent = center + rise / at_center.slope[chosen]
    left = np.clip(0.5 * (1.0 - reached), np.finfo(np.float64).tiny, 0.5)
    quantile = center + 2.0 * tail_quantile(left)
    return np.where(reached < 0.1, tangent, quantile)
