"""How are Heston's options integrated? All strikes of an expiry from one set of nodes.

Lewis 2001: with k = ln(K/F) and f(u) = E[(S_T / F)^(iu + 1/2)] the covered call of a strike is
min(F, K) less the time value = sqrt(FK) / pi times the integral over u > 0 of
Re e^(-iuk) f(u) / (u^2 + 1/4). Two rules, each with an error that is known beforehand:

Straight. What a lognormal price of equal variance gives is subtracted (the control variate, in
closed form), then summed at equal steps. By Poisson's formula the sum is off by exactly the same
difference at strikes moved by multiples of 2 pi / step, which Chernoff bounds on real moments hold
below the tolerance. Nodes are added until the integrand is exhausted.

Tilted. Where vol_of_vol^2 T is large against the variance (Feller's condition strongly violated)
f decays slowly while its tails are heavy: thousands of straight nodes. There u = (i s + sinh(y +
i w)), w = -+ 45 degrees away from the strike: everything decays exponentially along the contour and
some 80 nodes do for any strike. Source: Boyarchenko and Levendorskii 2019, "Sinh-acceleration".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.pricing.characteristic import (
    Complex,
    Exponents,
    Maturities,
    Numbers,
    exponents,
    log_moment,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trader.pricing.normal import Array

    Rows = NDArray[np.intp]

TOLERANCE: Final = 1e-14
"""Of sqrt(FK), for what is cut off and for what is aliased."""
TILT_BEYOND: Final = 1.5
"""Value of `slowness` beyond which the contour is tilted."""
WITHOUT_CONTROL: Final = 1e2
"""A deviation at which a lognormal price is worth nothing on the way: no control variate."""
NO_DEVIATION: Final = 1e-10

_REACH: Final = -math.log(TOLERANCE)
_NODES_MAX: Final = 1 << 16
_BLOCK: Final = 16
_MORE_MAX: Final = 64
_FIRST_MAX: Final = 8
# p - 1/2 in units of 1 / deviation, for the Chernoff bounds
_MOMENTS: Final = 12.0 * 0.55 ** np.arange(10)
_ANGLE: Final = math.pi / 4.0
_STEP: Final = 2.0 * math.pi * _ANGLE / (_REACH + 3.0)


class Nodes(NamedTuple):
    """A maturity a row, a node a column: z = u - i/2, q = u^2 + 1/4, f and its excess."""

    model: Maturities
    u: Numbers
    q: Numbers
    at: Exponents
    f: Complex
    excess: Complex


class Weights(NamedTuple):
    """What is integrated: `rows` functions of the nodes, the covered call first."""

    rows: int
    weigh: Callable[[Nodes], list[Complex]]


def slowness(model: Maturities, variance: Array) -> Array:
    """Return how soon f ceases to look lognormal: above 1, long before it has decayed."""
    spread = model.vol_of_vol * model.years / (1.0 + model.kappa * model.years)
    slow: Array = spread**2 / np.maximum(variance, NO_DEVIATION**2)
    return slow


def integrals(
    model: Maturities, row: Rows, log_moneyness: Array, weights: Weights
) -> tuple[Array, Array]:
    """Return integrals, a row for each weight, and the deviation of each option's control variate.

    `row` says to which maturity of `model` an option belongs. What is left of a value is that of
    a lognormal price with this deviation.
    """
    variance = model.variance()
    deviation = np.sqrt(variance)
    slow = slowness(model, variance)
    alive = deviation > NO_DEVIATION
    tilted = alive & (slow > TILT_BEYOND)
    straight = alive & ~tilted
    control = np.where(tilted, WITHOUT_CONTROL, deviation)[row]
    if straight.all():
        return _straight(model, variance, slow, row, log_moneyness, weights), control
    sums = np.zeros((weights.rows, len(row)))
    for chosen in (straight, tilted):
        mine = np.flatnonzero(chosen[row])
        if mine.size:
            rows, place = np.unique(row[mine], return_inverse=True)
            some = model.take(rows)
            k = log_moneyness[mine]
            if chosen is tilted:
                sums[:, mine] = _tilted(some, place, k, weights)
            else:
                sums[:, mine] = _straight(some, variance[rows], slow[rows], place, k, weights)
    return sums, control


def _straight(
    model: Maturities, variance: Array, slow: Array, row: Rows, log_moneyness: Array,
    weights: Weights,
) -> Array:  # fmt: skip
    """Sum at equal steps, until every maturity is exhausted: what is left decides how many more."""
    left, right = _tails(model, variance)
    step = 2.0 * math.pi / (left + right)
    near = np.minimum(np.maximum(log_moneyness, -left[row]), right[row])
    order = np.argsort(row, kind="stable")
    waves = _Waves(
        step[row[order]] * near[order], np.searchsorted(row[order], range(len(step) + 1))
    )
    maturities, start = np.arange(len(step)), 0
    # what such maturities usually need; one that needs more gets a second helping
    count = _BLOCK * min(math.ceil(1.6 + 16.0 * float(slow.max())), _FIRST_MAX)
    while True:
        u = step[maturities, None] * np.arange(start, start + count)
        q = u * u + 0.25
        some = model.take(maturities).columns()
        at = exponents(some, u - 0.5j, q)
        f = np.exp(some.theta * at.a + some.v0 * at.d)
        lognormal = np.exp(-0.5 * variance[maturities, None] * q)
        block = np.array(weights.weigh(Nodes(some, u, q, at, f, f - lognormal)))
        if not start:
            block[:, :, 0] *= 0.5
        waves.add(maturities, block, start)
        size = np.abs(f[:, [-_BLOCK, -1]]) + lognormal[:, [-_BLOCK, -1]]
        goal = TOLERANCE * u[:, -1]
        unfinished = size[:, 1] > goal
        start += count
        if not unfinished.any() or start >= _NODES_MAX:
            break
        maturities, size, goal = maturities[unfinished], size[unfinished], goal[unfinished]
        # the logarithm of f falls ever faster: at this slope no more than this is left
        slope = np.log(size[:, 0] / size[:, 1]) / (_BLOCK - 1)
        more = float((np.log(size[:, 1] / goal) / np.maximum(slope, 1e-3)).max())
        count = _BLOCK * min(max(1, math.ceil(more / _BLOCK)), _MORE_MAX)
    sums = np.empty((weights.rows, len(row)))
    sums[:, order] = waves.sums.real
    sums *= step[row] / math.pi
    return sums


class _Waves:
    """Sums of nodes times e^(-i angle j) over j = 0, 1, ...; options stand by maturity.

    Blocks share the waves of the first one, so that all of a maturity is one product of matrices.
    """

    def __init__(self, angle: Array, edges: Rows) -> None:
        self._turn = np.exp(-1j * angle)
        self._edges, self._options = edges.tolist(), np.arange(len(angle))
        powers = np.empty((len(angle), _BLOCK), dtype=np.complex128)
        powers[:, 0], filled, factor = 1.0, 1, self._turn
        while filled < _BLOCK:
            np.multiply(powers[:, :filled], factor[:, None], out=powers[:, filled : 2 * filled])
            factor, filled = factor * factor, 2 * filled
        self._powers, self._leap = powers, factor
        self.sums = np.zeros((1, len(angle)), dtype=np.complex128)

    def add(self, maturities: Rows, nodes: Complex, start: int) -> None:
        """Add nodes of shape (weights, maturities, count) that begin with the one at `start`."""
        rows, _, count = nodes.shape
        blocks = count // _BLOCK
        cut = nodes.reshape(rows, len(maturities), blocks, _BLOCK)
        table = cut.transpose(1, 3, 2, 0).reshape(len(maturities), _BLOCK, blocks * rows)
        if not start:
            self.sums = np.zeros((rows, len(self._turn)), dtype=np.complex128)
        places = [(self._edges[one], self._edges[one + 1]) for one in maturities.tolist()]
        options = np.concatenate([self._options[begin:end] for begin, end in places])
        products = np.empty((len(options), blocks * rows), dtype=np.complex128)
        filled = 0
        for (begin, end), coefficients in zip(places, table, strict=True):
            behind = filled + end - begin
            np.matmul(self._powers[begin:end], coefficients, out=products[filled:behind])
            filled = behind
        leap, total = self._leap[options, None], products[:, -rows:]
        for block in range(blocks - 2, -1, -1):
            total = total * leap + products[:, block * rows : (block + 1) * rows]
        if start:
            total = total * self._turn[options, None] ** start
        self.sums[:, options] += total.T


def _tails(model: Maturities, variance: Array) -> tuple[Array, Array]:
    """Return how far down and up ln(K/F) has to be for a time value below the tolerance.

    Time value <= a E[(S/F)^p] e^(-(p - 1/2) k) sqrt(FK) with a = (p - 1)^(p - 1) / p^p for a call,
    p > 1, and the mirror image for a put: each moment gives a bound, the best one counts.
    """
    deviation = np.sqrt(variance)
    away = np.maximum(_MOMENTS[:, None] / deviation, 0.5)
    most = np.maximum(away - 0.5, 1e-300)
    prefactor = (away - 0.5) * np.log(most) - (away + 0.5) * np.log(away + 0.5)
    moments = log_moment(model, np.stack((0.5 - away, 0.5 + away)))
    left, right = ((moments + (prefactor + _REACH)) / away).min(axis=1)
    lognormal = deviation * math.sqrt(2.0 * _REACH)
    return np.maximum(left, lognormal), np.maximum(right, lognormal)


def _tilted(model: Maturities, row: Rows, log_moneyness: Array, weights: Weights) -> Array:
    """Sum along contours that bend away from each strike."""
    _, v0, kappa, theta, sigma, rho = model
    reach = (v0 + kappa * theta * model.years) / sigma
    decay = np.sqrt(0.5 * (1.0 - rho * rho)) * reach
    count = math.ceil(math.asinh((_REACH + 3.0) / max(float(decay.min()), 1e-20)) / _STEP) + 1
    # f turns as if the strike were elsewhere: together with the wave nothing grows
    shift = rho * reach
    away = log_moneyness + shift[row]
    side = np.where(away >= 0.0, 1.0, -1.0)
    y = _STEP * np.arange(count)
    sums = np.zeros((weights.rows, len(row)))
    for sign in (1.0, -1.0):
        options = np.flatnonzero(side == sign)
        if not options.size:
            continue
        along = y - 1j * sign * _ANGLE
        u = 0.5j * sign + np.sinh(along)
        scale = np.cosh(along) * (_STEP / math.pi)
        scale[0] *= 0.5
        rows, place = np.unique(row[options], return_inverse=True)
        some, q = model.take(rows).columns(), u * u + 0.25
        at = exponents(some, u - 0.5j, q)
        f = np.exp(some.theta * at.a + some.v0 * at.d + shift[rows, None] * (1j * u))
        waves = np.exp(away[options, None] * (-1j * u)) * scale
        block = weights.weigh(Nodes(some, u, q, at, f, f))
        for total, one in zip(sums, block, strict=True):
            total[options] = np.einsum("mj,mj->m", one[place], waves).real
    return sums
