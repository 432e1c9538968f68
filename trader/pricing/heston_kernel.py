"""At which nodes are Heston's options integrated? The rules of `heston_quadrature`, in loops.

Rules and bounds are the same, only that nodes are counted for each maturity alone; what stands
there is told by `heston_nodes_kernel`, and `heston_sums_kernel` adds it up. Imported late, and only
where numba may run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.pricing.elementary_kernel import angle, circle, exp, log
from trader.pricing.heston_nodes_kernel import ROW, evaluate, weigh, weigh_slopes
from trader.pricing.jit import compiled_fused

if TYPE_CHECKING:
    from trader.pricing.normal import Array

    Model = tuple[float, float, float, float, float, float]

COMPILED_IN: Final = "fdd29fffadc33af9"
VALUE, GRADIENT = 1, 6
"""Functions to integrate: the covered call, or it and its derivatives by the five parameters."""
REFUSED: Final = -1
SIGMA_MIN: Final = 1e-3
"""Below, what differs by vol_of_vol is left to numpy."""
_BLOCK: Final = 16
_TILT_BEYOND: Final = 1.5
_WITHOUT_CONTROL: Final = 1e2
_NO_DEVIATION: Final = 1e-10
_TOLERANCE: Final = 1e-14
_REACH: Final = -math.log(_TOLERANCE)
_ANGLE: Final = math.pi / 4.0
_STEP: Final = 2.0 * math.pi * _ANGLE / (_REACH + 3.0)
_MOMENTS: Final = 10


@compiled_fused
def nodes(
    years: Array, parameters: Array, log_moneyness: Array, rows: int, work: Array, table: Array,
    segments: Array, deviation: Array,
) -> int:  # fmt: skip
    """Write coefficients at nodes, what options they are for, and deviations of the controls.

    Options of one maturity stand together. `table` gets two rows, real and imaginary, for each of
    `rows` functions and then for u; `segments` a row each: first and last option, first node,
    nodes, side (0: straight), step or shift, how far down and up. Return how many segments there
    are, or REFUSED where numpy must do it all.
    """
    begin, used, found = 0, 0, 0
    while begin < len(years):
        end = begin + 1
        while end < len(years) and _same(years, parameters, begin, end):
            end += 1
        model = (
            years[begin], parameters[0, begin], parameters[1, begin], parameters[2, begin],
            parameters[3, begin], parameters[4, begin],
        )  # fmt: skip
        _, v0, kappa, theta, sigma, _ = model
        reach = kappa * years[begin]
        share = -math.expm1(-reach) / reach if reach > 0.0 else 1.0
        variance = theta * years[begin] + (v0 - theta) * years[begin] * share
        spread, control = sigma * years[begin] / (1.0 + reach), math.sqrt(variance)
        first = found
        if variance > _NO_DEVIATION * _NO_DEVIATION:
            if sigma < SIGMA_MIN or found + 2 > len(segments):
                return REFUSED
            if spread * spread > _TILT_BEYOND * variance:
                control = _WITHOUT_CONTROL
                found = _tilted(model, log_moneyness[begin:end], rows, used, work, table, segments,
                                found)  # fmt: skip
            else:
                found = _straight(model, variance, rows, used, work, table, segments, found)
            if found == REFUSED:
                return REFUSED
        for number in range(first, found):
            segments[number, 0], segments[number, 1] = begin, end
            used = int(segments[number, 2] + segments[number, 3])
        for i in range(begin, end):
            deviation[i] = control
        begin = end
    return found


@compiled_fused
def _same(years: Array, parameters: Array, one: int, other: int) -> bool:
    if years[one] != years[other]:
        return False
    same = True
    for row in range(5):
        same &= parameters[row, one] == parameters[row, other]
    return same


@compiled_fused
def _straight(
    model: Model, variance: float, rows: int, used: int, work: Array, table: Array,
    segments: Array, found: int,
) -> int:  # fmt: skip
    """Take equal steps until the maturity is exhausted."""
    left, right = _tails(model, variance, work)
    step, count = 2.0 * math.pi / (left + right), 0
    while True:
        if used + count + _BLOCK > table.shape[1]:
            return REFUSED
        for i in range(_BLOCK):
            work[i], work[ROW + i] = step * (count + i), 0.0
        evaluate(model, 0.0, _BLOCK, work)
        weigh(variance, _BLOCK, work)
        if rows == GRADIENT:
            weigh_slopes(model, _BLOCK, work)
        _keep(rows, _BLOCK, work, table[:, used + count :])
        count += _BLOCK
        u = work[_BLOCK - 1]
        size = math.hypot(work[2 * ROW + _BLOCK - 1], work[3 * ROW + _BLOCK - 1])
        if size + math.exp(-0.5 * variance * (u * u + 0.25)) <= _TOLERANCE * u:
            break
    for row in range(2 * rows):
        table[row, used] *= 0.5
    _tell(segments[found], used, count, 0.0, step, left, right)
    return found + 1


@compiled_fused
def _tilted(
    model: Model, log_moneyness: Array, rows: int, used: int, work: Array, table: Array,
    segments: Array, found: int,
) -> int:  # fmt: skip
    """Take contours that bend away from the strikes, one for each side that has any."""
    years, v0, kappa, theta, sigma, rho = model
    reach = (v0 + kappa * theta * years) / sigma
    shift = rho * reach
    decay = max(math.sqrt(0.5 * (1.0 - rho * rho)) * reach, 1e-20)
    count = math.ceil(math.asinh((_REACH + 3.0) / decay) / _STEP) + 1
    for number in range(2):
        sign, some = 1.0 - 2.0 * number, False
        for i in range(len(log_moneyness)):
            some |= (log_moneyness[i] + shift >= 0.0) == (sign > 0.0)
        if not some:
            continue
        if used + count > table.shape[1]:
            return REFUSED
        _bend(model, sign, shift, count, rows, work, table[:, used:])
        _tell(segments[found], used, count, sign, shift, 0.0, 0.0)
        used, found = used + count, found + 1
    return found


@compiled_fused
def _tell(
    segment: Array, used: int, count: int, side: float, by: float, left: float, right: float
) -> None:
    segment[2], segment[3], segment[4], segment[5] = used, count, side, by
    segment[6], segment[7] = left, right


@compiled_fused
def _bend(
    model: Model, sign: float, shift: float, count: int, rows: int, work: Array, table: Array
) -> None:
    """Write the coefficients along the contour of one side."""
    cos, sin = math.cos(_ANGLE), sign * math.sin(_ANGLE)
    for start in range(0, count, ROW):
        part = min(ROW, count - start)
        for i in range(part):
            y = _STEP * (start + i)
            high, low = math.cosh(y), math.sinh(y)
            work[i], work[ROW + i] = low * cos, 0.5 * sign - high * sin
        evaluate(model, shift, part, work)
        weigh(math.inf, part, work)
        if rows == GRADIENT:
            weigh_slopes(model, part, work)
        _keep(rows, part, work, table[:, start:])
    for i in range(count):
        y = _STEP * i
        weight = _STEP / math.pi * (0.5 if i == 0 else 1.0)
        scale = complex(math.cosh(y) * cos * weight, -math.sinh(y) * sin * weight)
        for row in range(0, 2 * rows, 2):
            scaled = complex(table[row, i], table[row + 1, i]) * scale
            table[row, i], table[row + 1, i] = scaled.real, scaled.imag


@compiled_fused
def _keep(rows: int, count: int, work: Array, table: Array) -> None:
    """Copy coefficients, and u, from the work table."""
    for row in range(2 * rows):
        _copy(work[(20 + row) * ROW :][:count], table[row])
    _copy(work[:count], table[2 * rows])
    _copy(work[ROW:][:count], table[2 * rows + 1])


@compiled_fused
def _copy(values: Array, place: Array) -> None:
    for i in range(len(values)):
        place[i] = values[i]


@compiled_fused
def _tails(model: Model, variance: float, work: Array) -> tuple[float, float]:
    """Return how far ln(K/F) has to be down and up for a time value below the tolerance."""
    deviation = math.sqrt(variance)
    factor = 12.0 / deviation
    for i in range(_MOMENTS):
        away = max(factor, 0.5)
        work[i], work[_MOMENTS + i] = -away, away
        factor *= 0.55
    for i in range(2 * _MOMENTS):
        side = work[i]
        away = abs(side)
        most = log(max(away - 0.5, 1e-300)) * (away - 0.5)
        prefactor = most - (away + 0.5) * log(away + 0.5)
        moment = _log_moment(model, 0.5 + side)
        work[ROW + i] = (moment + (prefactor + _REACH)) / away
    left, right = math.inf, math.inf
    for i in range(_MOMENTS):
        left = min(left, work[ROW + i])
        right = min(right, work[ROW + _MOMENTS + i])
    lognormal = deviation * math.sqrt(2.0 * _REACH)
    return max(left, lognormal), max(right, lognormal)


@compiled_fused
def _log_moment(model: Model, p: float) -> float:
    """Return ln E[(S_T / F)^p], infinite where it has exploded (`characteristic.log_moment`)."""
    years, v0, kappa, theta, sigma, rho = model
    b = kappa - rho * sigma * p
    gap = sigma * sigma * (p - p * p)
    discriminant = b * b + gap
    root = math.sqrt(abs(discriminant))
    half, real = 0.5 * root * years, discriminant > 0.0
    decay = exp(-2.0 * half)
    cos, sin, _ = circle(half)
    odd = 0.5 * (1.0 - decay) if real else sin
    even = 0.5 * (1.0 + decay) if real else cos
    small = half < 1e-4
    per_root = 1.0 / max(root, 1e-150)
    odd_per_root = 0.5 * years if small else odd * per_root
    below = (1.0 if small else even) + b * odd_per_root
    apart = max(root - b, 1e-150)
    stable = 0.5 * (gap / apart + decay * apart) * per_root
    below = stable if real & (b < 0.0) & (not small) else below
    beyond = (below <= 0.0) | ((not real) & (half >= angle(root, -b)))
    safe = 1.0 if beyond else below
    d = (p * p - p) * odd_per_root / safe
    scaled = log(safe) + (half if real & (not small) else 0.0)
    a = kappa * (b * years - 2.0 * scaled) / (sigma * sigma)
    total = math.inf if beyond else theta * a + v0 * d
    return 0.0 if gap == 0.0 else total
