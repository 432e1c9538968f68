"""What stands at the nodes of Heston's integrals? Characteristic function and derivatives.

The formulas are those of `characteristic`. Rows of the work table lie a fixed way apart: that tells
the compiler that they are apart. 0 and 1 hold u (all are complex), 2 f, 4 A, 6 D, 8 b, 10 d, 12 r,
14 log(1 + y), 16 y, 18 S, from 20 on coefficients of the value and of five derivatives; the rest is
scratch. Imported late, and only where numba may run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.pricing.elementary_kernel import angle, circle, exp, fraction, inverse, log, sqrt
from trader.pricing.jit import compiled_fused

if TYPE_CHECKING:
    from trader.pricing.normal import Array

    Model = tuple[float, float, float, float, float, float]

COMPILED_IN: Final = "23b4c26a9cd2c501"
ROW: Final = 64
"""Nodes at once, and the length of a row of the work table."""
WORK: Final = 50 * ROW


@compiled_fused
def evaluate(model: Model, shift: float, count: int, work: Array) -> None:
    """Write f and the parts of its exponent (`characteristic.exponents`) at some u.

    In short passes: those make vectors, and the processor overlaps their turns.
    """
    years, v0, kappa, theta, sigma, rho = model
    squared, per_squared = sigma * sigma, 2.0 / (sigma * sigma)
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        b = kappa - rho * sigma * complex(0.5 - u.imag, u.real)
        root = sqrt(b * b + squared * (u * u + 0.25))
        work[8 * ROW + i], work[9 * ROW + i] = b.real, b.imag
        work[10 * ROW + i], work[11 * ROW + i] = root.real, root.imag
    for i in range(count):
        rest, scale = fraction(-years * work[10 * ROW + i])
        change = scale * rest + (scale - 1.0)
        cos, sin, half = circle(-years * work[11 * ROW + i])
        work[14 * ROW + i] = change * cos - half
        work[15 * ROW + i] = (change + 1.0) * sin
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        b = complex(work[8 * ROW + i], work[9 * ROW + i])
        root = complex(work[10 * ROW + i], work[11 * ROW + i])
        less = complex(work[14 * ROW + i], work[15 * ROW + i])
        ratio = -(u * u + 0.25) * inverse(b + root)
        integral = -0.5 * less * inverse(root)
        y = squared * (ratio * integral)
        work[12 * ROW + i], work[13 * ROW + i] = ratio.real, ratio.imag
        work[16 * ROW + i], work[17 * ROW + i] = y.real, y.imag
        work[18 * ROW + i], work[19 * ROW + i] = integral.real, integral.imag
    for i in range(count):
        real, imag = work[16 * ROW + i], work[17 * ROW + i]
        more = real * (2.0 + real) + imag * imag
        one = max(1.0 + more, 1e-300)
        work[14 * ROW + i] = 0.5 * (log(one) + (more - (one - 1.0)) / one)
    for i in range(count):
        work[15 * ROW + i] = angle(work[17 * ROW + i], 1.0 + work[16 * ROW + i])
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        ratio = complex(work[12 * ROW + i], work[13 * ROW + i])
        ln = complex(work[14 * ROW + i], work[15 * ROW + i])
        y = complex(work[16 * ROW + i], work[17 * ROW + i])
        integral = complex(work[18 * ROW + i], work[19 * ROW + i])
        a = kappa * (years * ratio - per_squared * ln)
        d = -(u * u + 0.25) * integral * inverse(1.0 + y)
        exponent = theta * a + v0 * d + shift * complex(-u.imag, u.real)
        work[2 * ROW + i], work[3 * ROW + i] = exponent.real, exponent.imag
        work[4 * ROW + i], work[5 * ROW + i] = a.real, a.imag
        work[6 * ROW + i], work[7 * ROW + i] = d.real, d.imag
    for i in range(count):
        size = exp(work[2 * ROW + i])
        cos, sin, _ = circle(work[3 * ROW + i])
        work[2 * ROW + i], work[3 * ROW + i] = size * cos, size * sin


@compiled_fused
def weigh(variance: float, count: int, work: Array) -> None:
    """Write coefficients of the covered call: the excess over a lognormal price of a variance."""
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        q = u * u + 0.25
        f = complex(work[2 * ROW + i], work[3 * ROW + i])
        excess = (f - exp(-0.5 * variance * q.real)) * inverse(q)
        work[20 * ROW + i], work[21 * ROW + i] = excess.real, excess.imag


@compiled_fused
def weigh_slopes(model: Model, count: int, work: Array) -> None:
    """Write coefficients of derivatives (`characteristic.slopes`)."""
    years, _, kappa, _, sigma, rho = model
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        d = complex(work[6 * ROW + i], work[7 * ROW + i])
        a = complex(work[4 * ROW + i], work[5 * ROW + i])
        b = complex(work[8 * ROW + i], work[9 * ROW + i])
        root = complex(work[10 * ROW + i], work[11 * ROW + i])
        integral = complex(work[18 * ROW + i], work[19 * ROW + i])
        y = complex(work[16 * ROW + i], work[17 * ROW + i])
        per = complex(work[2 * ROW + i], work[3 * ROW + i]) * inverse(u * u + 0.25)
        per_one, per_root, below = inverse(1.0 + y), inverse(root), inverse(b + root)
        steep = 0.5 * years * per_root - integral * (years + per_root)
        by_v0, by_theta = per * d, per * a
        work[22 * ROW + i], work[23 * ROW + i] = by_v0.real, by_v0.imag
        work[26 * ROW + i], work[27 * ROW + i] = by_theta.real, by_theta.imag
        work[32 * ROW + i], work[33 * ROW + i] = per.real, per.imag
        work[34 * ROW + i], work[35 * ROW + i] = per_one.real, per_one.imag
        work[36 * ROW + i], work[37 * ROW + i] = per_root.real, per_root.imag
        work[38 * ROW + i], work[39 * ROW + i] = below.real, below.imag
        work[40 * ROW + i], work[41 * ROW + i] = steep.real, steep.imag
    _weigh_slope(model, 24, 1.0, 0.0, 0.0, 1.0 / kappa, count, work)
    _weigh_slope(model, 28, 0.0, -rho, sigma, 0.0, count, work)
    _weigh_slope(model, 30, 0.0, -sigma, 0.0, 0.0, count, work)


@compiled_fused
def _weigh_slope(
    model: Model, row: int, b_p: float, b_iz: float, by_sigma: float, by_kappa: float, count: int,
    work: Array,
) -> None:  # fmt: skip
    """Write coefficients of a derivative from that of b, `b_p` + `b_iz` iz."""
    years, v0, kappa, theta, sigma, _ = model
    squared = sigma * sigma
    own = 2.0 / sigma if by_sigma else 0.0
    log_own = 4.0 * kappa / (sigma * squared) if by_sigma else 0.0
    for i in range(count):
        u = complex(work[i], work[ROW + i])
        q, b_by = u * u + 0.25, b_p + b_iz * complex(0.5 - u.imag, u.real)
        b = complex(work[8 * ROW + i], work[9 * ROW + i])
        ratio = complex(work[12 * ROW + i], work[13 * ROW + i])
        y = complex(work[16 * ROW + i], work[17 * ROW + i])
        integral = complex(work[18 * ROW + i], work[19 * ROW + i])
        per_one = complex(work[34 * ROW + i], work[35 * ROW + i])
        per_root = complex(work[36 * ROW + i], work[37 * ROW + i])
        below = complex(work[38 * ROW + i], work[39 * ROW + i])
        steep = complex(work[40 * ROW + i], work[41 * ROW + i])
        root_by = (b * b_by + by_sigma * q) * per_root
        ratio_by = -ratio * (b_by + root_by) * below
        y_by = squared * (ratio_by * integral + ratio * root_by * steep) + own * y
        relative = y_by * per_one
        less = q * (root_by * steep) * per_one
        work[42 * ROW + i], work[43 * ROW + i] = relative.real, relative.imag
        work[44 * ROW + i], work[45 * ROW + i] = less.real, less.imag
        work[46 * ROW + i], work[47 * ROW + i] = ratio_by.real, ratio_by.imag
    for i in range(count):
        a = complex(work[4 * ROW + i], work[5 * ROW + i])
        d = complex(work[6 * ROW + i], work[7 * ROW + i])
        ln = complex(work[14 * ROW + i], work[15 * ROW + i])
        per = complex(work[32 * ROW + i], work[33 * ROW + i])
        relative = complex(work[42 * ROW + i], work[43 * ROW + i])
        less = complex(work[44 * ROW + i], work[45 * ROW + i])
        ratio_by = complex(work[46 * ROW + i], work[47 * ROW + i])
        a_by = kappa * (years * ratio_by - (2.0 / squared) * relative) + by_kappa * a + log_own * ln
        slope = per * (theta * a_by - v0 * (less + d * relative))
        work[48 * ROW + i], work[49 * ROW + i] = slope.real, slope.imag
    for part in range(2):
        there, here = work[(row + part) * ROW :], work[(48 + part) * ROW :]
        for i in range(count):
            there[i] = here[i]
