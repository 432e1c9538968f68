"""What `black_scholes` and `normalized` compute, as loops that a compiler turns into vectors.

A block of options at a time, in passes so short that the processor overlaps their turns; what can
share a division does. Rows of one work table lie a fixed way apart: that tells the compiler that
they are apart. Imported late, and only where numba may run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.pricing.elementary_kernel import exp, log_of, mills, split
from trader.pricing.jit import compiled_fused

if TYPE_CHECKING:
    from trader.pricing.normal import Array

COMPILED_IN: Final = "23b4c26a9cd2c501"
BLOCK: Final = 128
WORK: Final = 21 * BLOCK
"""Numbers that a work table must hold."""

_DAY: Final = 1.0 / 365.0
_NO_DEVIATION: Final = 1e-100
_FAR: Final = -60.0
_SERIES_BELOW: Final = 0.01
_STEPS: Final = 8
_SETTLED: Final = 1e-5  # of a step; Halley's next error is of the order of its cube
_ITERATIONS_MAX: Final = 100
_DEVIATION_MAX: Final = 100.0
_ASIDE: Final = 0.1
_PER_ROOT: Final = 0.3989422804014327  # 1 / sqrt(2 pi)

_TINY: Final = 1e-300


@compiled_fused
def greeks(
    sign: Array, forward: Array, strike: Array, years: Array, vol: Array, work: Array, out: Array
) -> None:
    """Write value, delta, gamma, vega, theta, rho and net delta, without a rate, a row each."""
    for start in range(0, len(sign), BLOCK):
        count = min(BLOCK, len(sign) - start)
        _copy(sign[start : start + count], work)
        _copy(forward[start : start + count], work[BLOCK:])
        _copy(strike[start : start + count], work[2 * BLOCK :])
        _copy(years[start : start + count], work[3 * BLOCK :])
        _copy(vol[start : start + count], work[4 * BLOCK :])
        close = _distances(work, count)
        _curves(work, count)
        _figures(work, count)
        if close:
            _mend(work, count)
        for row in range(7):
            _copy(work[(14 + row) * BLOCK :][:count], out[row, start:])


@compiled_fused
def _copy(values: Array, place: Array) -> None:
    """Copy, in a loop of its own: indices that begin at 0 make vectors."""
    for i in range(len(values)):
        place[i] = values[i]


@compiled_fused
def _distances(work: Array, count: int) -> int:
    """Write root, h, level, 1 / (F K), 1 / s and t; count the options close to the money."""
    close = 0
    for i in range(count):
        forward, strike = work[BLOCK + i], work[2 * BLOCK + i]
        root = math.sqrt(work[3 * BLOCK + i])
        deviation = work[4 * BLOCK + i] * root
        per_product = 1.0 / (forward * strike)
        per_strike = forward * per_product
        ratio = forward * per_strike
        ratio += (forward - ratio * strike) * per_strike  # what three roundings left
        exponent, beyond = split(ratio)
        divisor = max(deviation, _NO_DEVIATION)
        both = 1.0 / ((2.0 + beyond) * divisor)
        distance = -abs(log_of(exponent, beyond, divisor * both))
        work[5 * BLOCK + i] = root
        work[6 * BLOCK + i] = max(distance * ((2.0 + beyond) * both), _FAR)
        work[7 * BLOCK + i] = math.sqrt(forward * strike)
        work[8 * BLOCK + i] = per_product
        work[9 * BLOCK + i] = (2.0 + beyond) * both
        work[11 * BLOCK + i] = 0.5 * deviation
        close += (deviation < _SERIES_BELOW) & (distance > -_SERIES_BELOW)
    return close


@compiled_fused
def _curves(work: Array, count: int) -> None:
    """Write slope, and the tails near and far, from h and t."""
    for i in range(count):
        h, t = work[6 * BLOCK + i], work[11 * BLOCK + i]
        work[10 * BLOCK + i] = exp(-0.5 * (h * h + t * t)) * _PER_ROOT
    for i in range(count):
        h, t = work[6 * BLOCK + i], work[11 * BLOCK + i]
        near, far = abs(h + t), t - h
        near_5, near_1, far_5, far_1 = near + 5.0, near + 1.0, far + 5.0, far + 1.0
        of_near, of_far = near_5 * near_1, far_5 * far_1
        both = 1.0 / (of_near * of_far)
        of_near, of_far = of_far * both, of_near * both
        slope = work[10 * BLOCK + i]
        work[12 * BLOCK + i] = slope * mills((near - 5.0) * near_1 * of_near) * (near_5 * of_near)
        work[13 * BLOCK + i] = slope * mills((far - 5.0) * far_1 * of_far) * (far_5 * of_far)


@compiled_fused
def _figures(work: Array, count: int) -> None:
    """Write what is asked for."""
    for i in range(count):
        sign, forward, strike = work[i], work[BLOCK + i], work[2 * BLOCK + i]
        years, vol, root = work[3 * BLOCK + i], work[4 * BLOCK + i], work[5 * BLOCK + i]
        level, per_product, per_deviation = (
            work[7 * BLOCK + i], work[8 * BLOCK + i], work[9 * BLOCK + i]
        )  # fmt: skip
        t, near, far = work[11 * BLOCK + i], work[12 * BLOCK + i], work[13 * BLOCK + i]
        slope = level * work[10 * BLOCK + i]
        bound = min(forward, strike) * (level * per_product)
        inside = work[6 * BLOCK + i] + t < 0.0
        value = max((near if inside else bound - near) - far, 0.0)
        tail = near * (max(forward, strike) * (level * per_product))
        upper, lower = tail if inside else 1.0 - tail, far * bound
        below = forward <= strike
        first, second = upper if below else lower, lower if below else upper
        out_of_the_money = below == (sign > 0.0)
        first = first if out_of_the_money else 1.0 - first
        second = second if out_of_the_money else 1.0 - second
        per_forward = strike * per_product
        horizon = min(years, _DAY)
        work[14 * BLOCK + i] = level * value + max(sign * (forward - strike), 0.0)
        work[15 * BLOCK + i] = sign * first
        alive = t > 0.5 * _NO_DEVIATION
        gamma = slope * per_forward * per_forward * per_deviation
        work[16 * BLOCK + i] = gamma if alive else 0.0
        work[17 * BLOCK + i] = slope * root * 0.01
        work[18 * BLOCK + i] = -0.5 * slope * vol * vol * per_deviation * horizon
        work[19 * BLOCK + i] = sign * strike * years * second * 0.01
        work[20 * BLOCK + i] = sign * (strike * per_forward) * second


@compiled_fused
def _mend(work: Array, count: int) -> None:
    """Value by the series where the tails nearly cancel; at the limit a half is a half exactly."""
    for i in range(count):
        h, t = work[6 * BLOCK + i], work[11 * BLOCK + i]
        sign, forward, strike = work[i], work[BLOCK + i], work[2 * BLOCK + i]
        if t < 0.5 * _SERIES_BELOW and h * max(2.0 * t, _NO_DEVIATION) > -_SERIES_BELOW:
            value = work[7 * BLOCK + i] * work[10 * BLOCK + i] * _series(h, t)
            work[14 * BLOCK + i] = max(value, 0.0) + max(sign * (forward - strike), 0.0)
        if t <= 0.5 * _NO_DEVIATION and forward == strike:
            work[15 * BLOCK + i] = work[20 * BLOCK + i] = 0.5 * sign
            work[19 * BLOCK + i] = 0.5 * sign * strike * work[3 * BLOCK + i] * 0.01


@compiled_fused
def _series(h: float, t: float) -> float:
    """Return Y(h + t) - Y(h - t), Y = N / n, by its Taylor series in t (odd terms up to t^7)."""
    before = mills((-h - 5.0) / (5.0 - h)) / (1.0 - h)
    now = 1.0 + h * before
    power = 2.0 * t
    total = power * now
    for order in range(1, 6, 2):
        before = h * now + order * before
        now = h * before + (order + 1) * now
        power = power * t * t / ((order + 1) * (order + 2))
        total += power * now
    return total


@compiled_fused
def deviations(
    distance: Array, value: Array, guess: Array, guessed: bool, work: Array, out: Array
) -> None:
    """Write the total deviations at which out-of-the-money options have these values.

    As `normalized.total_deviation`: a start (or `guess`), then Halley's steps for a whole block
    until each has settled; what does not, or is next to the money, is done one by one in a bracket.
    """
    for start in range(0, len(distance), BLOCK):
        count = min(BLOCK, len(distance) - start)
        _copy(distance[start : start + count], work)
        _copy(value[start : start + count], work[BLOCK:])
        _copy(guess[start : start + count], work[2 * BLOCK :])
        _prepare(work, count)
        if not guessed:
            _starts(work, count)
        for _ in range(_STEPS):
            if not _walk(work, count):
                break
        for i in range(count):
            if not work[6 * BLOCK + i] <= _SETTLED:
                work[5 * BLOCK + i] = _bracketed(
                    work[i], work[BLOCK + i], work[4 * BLOCK + i], work[2 * BLOCK + i],
                    work[8 * BLOCK + i] > 0.5,
                )  # fmt: skip
        _copy(work[5 * BLOCK :][:count], out[start:])


@compiled_fused
def _prepare(work: Array, count: int) -> None:
    """Write inflection, bound, the value at the inflection, and which targets lie below it."""
    for i in range(count):
        center, bound = math.sqrt(-2.0 * work[i]), exp(0.5 * work[i])
        # there h + t is 0, h - t is -center, and the slope is that of the bound
        far = bound * _PER_ROOT * mills((center - 5.0) / (center + 5.0)) / (1.0 + center)
        work[3 * BLOCK + i] = center
        work[4 * BLOCK + i] = bound
        work[5 * BLOCK + i] = work[2 * BLOCK + i]
        work[7 * BLOCK + i] = far
        work[8 * BLOCK + i] = 1.0 if work[BLOCK + i] < 0.5 * bound - far else 0.0


@compiled_fused
def _starts(work: Array, count: int) -> None:
    """Begin at a rational start instead, as `normalized._start`."""
    for i in range(count):
        y, target, center, bound = (
            work[i], work[BLOCK + i], work[3 * BLOCK + i], work[4 * BLOCK + i]
        )  # fmt: skip
        value, shortfall = 0.5 * bound - work[7 * BLOCK + i], 0.5 * bound + work[7 * BLOCK + i]
        slope, below = bound * _PER_ROOT, work[8 * BLOCK + i] > 0.5
        rise = target - value
        reached = rise / shortfall
        left = min(max(0.5 * (1.0 - reached), _TINY), 0.5)
        power, beyond = split(value / target if below else left)
        log = log_of(power, beyond, 1.0 / (2.0 + beyond))
        blend = 0.1 * math.sqrt(y / (y - 0.1)) * log
        steep = 2.0 * value / (center * center * center * slope)
        inverse = log * (steep + 2.0 / (y * y) * blend) / (1.0 + blend) + 1.0 / (center * center)
        t = math.sqrt(max(-2.0 * log, 0.0))
        top = 2.515517 + t * (0.802853 + t * 0.010328)
        quantile = t - top / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
        above = center + (rise / slope if reached < 0.1 else 2.0 * quantile)
        first = 1.0 / math.sqrt(inverse) if below else above
        work[2 * BLOCK + i] = first
        work[5 * BLOCK + i] = first


@compiled_fused
def _walk(work: Array, count: int) -> int:
    """Take one step for all; write how large it was, and count those that have not settled."""
    moving = 0
    for i in range(count):
        y, s, bound = work[i], work[5 * BLOCK + i], work[4 * BLOCK + i]
        h, t = y / s, 0.5 * s
        slope = exp(-0.5 * (h * h + t * t)) * _PER_ROOT
        near, far = abs(h + t), t - h
        near = slope * mills((near - 5.0) / (near + 5.0)) / (1.0 + near)
        far = slope * mills((far - 5.0) / (far + 5.0)) / (1.0 + far)
        inside = h + t < 0.0
        value = (near if inside else bound - near) - far
        shortfall = bound - value if inside else near + far
        there = _halley(
            y, s, work[BLOCK + i], bound, work[8 * BLOCK + i] > 0.5,
            value, shortfall, slope,
        )  # fmt: skip
        apart = abs(there - s) / s
        close = (s < _SERIES_BELOW) & (y > -_SERIES_BELOW)
        work[5 * BLOCK + i] = there
        work[6 * BLOCK + i] = math.inf if close else apart
        moving += (not apart <= _SETTLED) & (not close)
    return moving


@compiled_fused
def _halley(
    y: float, s: float, target: float, bound: float, below: bool,
    value: float, shortfall: float, slope: float,
) -> float:  # fmt: skip
    """Return the next s, as `normalized._halley`; NaN where a level underflows."""
    rising = below | (target < 0.5 * bound)
    level = value if rising else shortfall
    power, beyond = split(level / (target if rising else bound - target))
    miss = log_of(power, beyond, 1.0 / (2.0 + beyond))
    steep = slope / level if rising else -slope / level
    bend = y / s * (y / s) / s - 0.25 * s - steep
    cube = -0.5 * s * s * s
    newton = -miss / (steep * cube if below else steep)
    bend = bend * cube - 1.5 * s * s if below else bend
    step = newton / max(1.0 + 0.5 * newton * bend, 0.5)
    # a root on one side of a choice alone would end the vectors
    there = s / math.sqrt(1.0 + step * s * s if below else 1.0) + (0.0 if below else step)
    usable = (level > _TINY) & (slope > _TINY)
    return there if usable else math.nan


@compiled_fused
def _bracketed(y: float, target: float, bound: float, guess: float, below: bool) -> float:
    """Return s by steps within a bracket that only shrinks."""
    center = math.sqrt(-2.0 * y)
    low = 0.0 if below else (1.0 - _ASIDE) * center
    high = (1.0 + _ASIDE) * center if below else _DEVIATION_MAX
    s = min(max(guess, low), high)
    rising = below | (target < 0.5 * bound)
    for _ in range(_ITERATIONS_MAX):
        h, t = max(y / max(s, _NO_DEVIATION), _FAR), 0.5 * s
        slope = exp(-0.5 * (h * h + t * t)) * _PER_ROOT
        near, far = abs(h + t), t - h
        near = slope * mills((near - 5.0) / (near + 5.0)) / (1.0 + near)
        far = slope * mills((far - 5.0) / (far + 5.0)) / (1.0 + far)
        inside = h + t < 0.0
        value = (near if inside else bound - near) - far
        if s < _SERIES_BELOW and y > -_SERIES_BELOW:
            value = slope * _series(h, t)
        value = max(value, 0.0)
        shortfall = bound - value if inside else near + far
        if value > target if rising else shortfall < bound - target:
            high = s
        else:
            low = s
        there = _halley(y, s, target, bound, below, value, shortfall, slope)
        if not low <= there <= high:
            there = min(max(0.5 * (low + high), 0.25 * s), 4.0 * s)
        apart = abs(there - s)
        s, before = there, s
        if apart <= _SETTLED * before:
            break
    return s
