"""What do Heston's options integrate to, from what is at the nodes? Loops that become vectors.

Coefficients of `heston_kernel` times the wave of each strike, added up. Imported late, and only
where numba may run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.pricing.elementary_kernel import circle, exp
from trader.pricing.jit import compiled_fused

if TYPE_CHECKING:
    from trader.pricing.normal import Array

COMPILED_IN: Final = "23b4c26a9cd2c501"
_PART: Final = 64  # options at once, and the length of a row of the work table
WORK: Final = 12 * _PART
_ANEW: Final = 64  # nodes after which a wave is computed, and no longer turned


@compiled_fused
def sums(log_moneyness: Array, table: Array, segments: Array, work: Array, out: Array) -> None:
    """Write the integrals of each option, a row for each function; `heston_kernel.nodes` says how.

    The caller has filled `out` with zeros.
    """
    rows = len(out)
    for number in range(len(segments)):
        segment = segments[number]
        side, by = segment[4], segment[5]
        place, end, filled = int(segment[0]), int(segment[1]), 0
        begin, count = int(segment[2]), int(segment[3])
        coefficients = table[:, begin : begin + count]
        while place < end:
            k = log_moneyness[place]
            if side == 0.0:
                work[filled] = by * min(max(k, -segment[6]), segment[7])
            else:
                work[filled] = k + by
            work[_PART + filled] = place
            filled += side == 0.0 or (k + by >= 0.0) == (side > 0.0)
            place += 1
            if filled == _PART or (place == end and filled):
                if side == 0.0:
                    _straight(filled, rows, coefficients, work)
                else:
                    _tilted(filled, rows, coefficients, work)
                scale = by / math.pi if side == 0.0 else 1.0
                for row in range(rows):
                    for i in range(filled):
                        at = int(work[_PART + i])
                        out[row, at] = scale * work[(5 + row) * _PART + i]
                filled = 0


@compiled_fused
def _straight(options: int, rows: int, table: Array, work: Array) -> None:
    """Add up coefficients times e^(-i angle j); waves turn by products, and begin anew at times."""
    for i in range(5 * _PART, (5 + rows) * _PART):
        work[i] = 0.0
    for i in range(options):
        cos, sin, _ = circle(work[i])
        work[2 * _PART + i], work[11 * _PART + i] = cos, sin
    for j in range(table.shape[1]):
        if j % _ANEW == 0:
            for i in range(options):
                cos, sin, _ = circle(work[i] * j)
                work[3 * _PART + i], work[4 * _PART + i] = cos, -sin
        _add(options, rows, table[:, j], work)
        for i in range(options):
            cos, sin = work[2 * _PART + i], work[11 * _PART + i]
            real, imag = work[3 * _PART + i], work[4 * _PART + i]
            work[3 * _PART + i], work[4 * _PART + i] = (
                real * cos + imag * sin, imag * cos - real * sin
            )  # fmt: skip


@compiled_fused
def _tilted(options: int, rows: int, table: Array, work: Array) -> None:
    """Add up coefficients times e^(-iu away)."""
    for i in range(5 * _PART, (5 + rows) * _PART):
        work[i] = 0.0
    for j in range(table.shape[1]):
        real, imag = table[2 * rows, j], table[2 * rows + 1, j]
        for i in range(options):
            cos, sin, _ = circle(real * work[i])
            size = exp(imag * work[i])
            work[3 * _PART + i], work[4 * _PART + i] = size * cos, -size * sin
        _add(options, rows, table[:, j], work)


@compiled_fused
def _add(options: int, rows: int, node: Array, work: Array) -> None:
    """Add one node to the sums of all options."""
    c, s = node[0], node[1]
    for i in range(options):
        work[5 * _PART + i] += c * work[3 * _PART + i] - s * work[4 * _PART + i]
    if rows == 1:
        return
    c1, s1, c2, s2, c3, s3 = node[2], node[3], node[4], node[5], node[6], node[7]
    c4, s4, c5, s5 = node[8], node[9], node[10], node[11]
    for i in range(options):
        real, imag = work[3 * _PART + i], work[4 * _PART + i]
        work[6 * _PART + i] += c1 * real - s1 * imag
        work[7 * _PART + i] += c2 * real - s2 * imag
        work[8 * _PART + i] += c3 * real - s3 * imag
        work[9 * _PART + i] += c4 * real - s4 * imag
        work[10 * _PART + i] += c5 * real - s5 * imag
