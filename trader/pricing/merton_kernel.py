"""What `merton` sums, as loops that a compiler turns into vectors: values, and their gradient.

A block of options at a time, term after term, in short passes. Rows of the work table lie a fixed
way apart: that tells the compiler that they are apart. Imported late, and only where numba may run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.pricing.elementary_kernel import exp, log, mills
from trader.pricing.jit import compiled_fused

if TYPE_CHECKING:
    from trader.pricing.normal import Array

COMPILED_IN: Final = "23b4c26a9cd2c501"
VALUE, GRADIENT = 1, 5
BLOCK: Final = 64
WORK: Final = 27 * BLOCK
"""Numbers that a work table must hold."""

_NO_DEVIATION: Final = 1e-100
_FAR: Final = 60.0
_PER_ROOT: Final = 0.3989422804014327  # 1 / sqrt(2 pi)


@compiled_fused
def terms(
    sign: Array, forward: Array, strike: Array, years: Array, parameters: Array, first: Array,
    last: Array, work: Array, out: Array,
) -> None:  # fmt: skip
    """Write values of the kinds that are out of the money, and derivatives if there are rows.

    `first` and `last` say how many jumps count; jumps are to be expected of every option.
    """
    for start in range(0, len(sign), BLOCK):
        count = min(BLOCK, len(sign) - start)
        here = slice(start, start + count)
        _copy(sign[here], work)
        _copy(forward[here], work[BLOCK:])
        _copy(strike[here], work[2 * BLOCK :])
        _copy(years[here], work[3 * BLOCK :])
        for row in range(4):
            _copy(parameters[row, here], work[(4 + row) * BLOCK :])
        _prepare(count, work)
        least, most = first[start], last[start]
        for i in range(start, start + count):
            least, most = min(least, first[i]), max(most, last[i])
        for n in range(int(least), int(most) + 1):
            _given(n, math.lgamma(n + 1.0), count, work)
            _tails(count, work)
            _add(count, work)
            if len(out) == GRADIENT:
                _add_slopes(n, count, work)
        for row in range(len(out)):
            _copy(work[(13 + row) * BLOCK :][:count], out[row, start:])


@compiled_fused
def _copy(values: Array, place: Array) -> None:
    for i in range(len(values)):
        place[i] = values[i]


@compiled_fused
def _prepare(count: int, work: Array) -> None:
    """Write what all terms share: distance, jumps expected and their logarithm, drift, growth."""
    for i in range(count):
        intensity, mean, std = work[5 * BLOCK + i], work[6 * BLOCK + i], work[7 * BLOCK + i]
        expected = intensity * work[3 * BLOCK + i]
        growth = exp(mean + 0.5 * std * std)
        work[8 * BLOCK + i] = log(work[BLOCK + i] / work[2 * BLOCK + i])
        work[9 * BLOCK + i] = expected
        work[10 * BLOCK + i] = log(expected)
        work[11 * BLOCK + i] = expected * (growth - 1.0)
        work[12 * BLOCK + i] = growth
    for i in range(13 * BLOCK, 18 * BLOCK):
        work[i] = 0.0


@compiled_fused
def _given(n: int, log_factorial: float, count: int, work: Array) -> None:
    """Write weight, forward, deviation and d1 given n jumps."""
    for i in range(count):
        vol, mean, std = work[4 * BLOCK + i], work[6 * BLOCK + i], work[7 * BLOCK + i]
        moved = n * (mean + 0.5 * std * std) - work[11 * BLOCK + i]
        moved = min(max(moved, -300.0), 300.0)
        deviation = math.sqrt(vol * vol * work[3 * BLOCK + i] + n * (std * std))
        d1 = (work[8 * BLOCK + i] + moved) / max(deviation, _NO_DEVIATION) + 0.5 * deviation
        work[18 * BLOCK + i] = moved
        work[20 * BLOCK + i] = deviation
        work[21 * BLOCK + i] = d1
    for i in range(count):
        work[22 * BLOCK + i] = exp(n * work[10 * BLOCK + i] - work[9 * BLOCK + i] - log_factorial)
    for i in range(count):
        work[19 * BLOCK + i] = work[BLOCK + i] * exp(work[18 * BLOCK + i])


@compiled_fused
def _tails(count: int, work: Array) -> None:
    """Write F n(d1), N(+-d1) and N(+-d2)."""
    for i in range(count):
        d1 = min(max(work[21 * BLOCK + i], -_FAR), _FAR)
        work[23 * BLOCK + i] = work[19 * BLOCK + i] * (exp(-0.5 * d1 * d1) * _PER_ROOT)
    for i in range(count):
        near = work[i] * work[21 * BLOCK + i]
        size = min(abs(near), _FAR)
        tail = mills((size - 5.0) / (size + 5.0)) / (1.0 + size)
        tail = tail * (work[23 * BLOCK + i] / work[19 * BLOCK + i])
        work[24 * BLOCK + i] = tail if near < 0.0 else 1.0 - tail
    for i in range(count):
        far = work[i] * (work[21 * BLOCK + i] - work[20 * BLOCK + i])
        size = min(abs(far), _FAR)
        tail = mills((size - 5.0) / (size + 5.0)) / (1.0 + size)
        tail = tail * (exp(-0.5 * size * size) * _PER_ROOT)
        work[25 * BLOCK + i] = tail if far < 0.0 else 1.0 - tail


@compiled_fused
def _add(count: int, work: Array) -> None:
    """Add the term to the values."""
    for i in range(count):
        first, second = work[19 * BLOCK + i] * work[24 * BLOCK + i], work[25 * BLOCK + i]
        value = max(work[i] * (first - work[2 * BLOCK + i] * second), 0.0)
        work[26 * BLOCK + i] = value
        work[13 * BLOCK + i] += work[22 * BLOCK + i] * value


@compiled_fused
def _add_slopes(n: int, count: int, work: Array) -> None:
    """Add the term to the derivatives by vol, jump_intensity, jump_mean and jump_std."""
    for i in range(count):
        years, vol, std = work[3 * BLOCK + i], work[4 * BLOCK + i], work[7 * BLOCK + i]
        expected, growth, weight = work[9 * BLOCK + i], work[12 * BLOCK + i], work[22 * BLOCK + i]
        deviation = work[20 * BLOCK + i]
        alive = deviation > _NO_DEVIATION
        steep = work[23 * BLOCK + i] / (deviation if alive else 1.0)
        by_vol = steep * (vol * years if alive else math.sqrt(years))
        steep = steep if alive else 0.0
        moved = work[i] * work[24 * BLOCK + i] * work[19 * BLOCK + i]
        arrives = years * (weight * n / expected - weight) * work[26 * BLOCK + i]
        surplus = n - expected * growth
        work[14 * BLOCK + i] += weight * by_vol
        work[15 * BLOCK + i] += arrives - weight * moved * years * (growth - 1.0)
        work[16 * BLOCK + i] += weight * moved * surplus
        work[17 * BLOCK + i] += weight * std * (moved * surplus + steep * n)
