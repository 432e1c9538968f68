"""Which code prices: numpy's, or loops that numba compiles? A process says so once, at its start.

numpy is what all processes do by default, and the reference that compiled loops are held to. Each
function here answers by a compiled loop where those were chosen, else with None: the caller then
goes on in numpy. The kernels themselves are imported at their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.pricing.columns import Columns

if TYPE_CHECKING:
    from trader.pricing.normal import Array

_YEARS_MIN: Final = 1e-300
_NODES: Final = 4096
_SEGMENTS: Final = 128


class _Choice:
    compiled = False


def choose(*, compiled: bool) -> None:
    """Price by compiled loops from here on, or by numpy; the caller knows whether numba may run."""
    _Choice.compiled = compiled


def compile_all() -> None:
    """Compile every loop, or load it from where it is kept: others may price in numpy meanwhile."""
    strike, years = np.array([90.0, 110.0]), np.array([0.1, 0.2])
    _black(_sample(strike, years, 0.5))
    _deviations(-np.abs(np.log(strike / 100.0)), np.array([0.01, 0.02]), None)
    _merton(_sample(strike, years, 0.5, 2.0, -0.1, 0.2), np.zeros(2), np.full(2, 9.0), 5)
    _heston(_sample(strike, years, 0.3, 2.0, 0.4, 0.8, -0.3), np.log(strike / 100.0), 6)


def black(options: Columns) -> Array | None:
    """Return value, delta, gamma, vega, theta, rho and net delta, undiscounted and without rate."""
    return _black(options) if _Choice.compiled else None


def black_values(options: Columns, deviation: Array) -> Array | None:
    """Return undiscounted values of the out-of-the-money options at total deviations."""
    if not _Choice.compiled:
        return None
    vol = deviation / np.sqrt(np.maximum(options.years, _YEARS_MIN))
    values: Array = _black(options._replace(sign=options.out(), parameters=vol[None]))[0]
    return values


def deviations(distance: Array, value: Array, guess: Array | None) -> Array | None:
    """Return what `normalized.total_deviation` does."""
    return _deviations(distance, value, guess) if _Choice.compiled else None


def merton(options: Columns, first: Array, last: Array, rows: int) -> Array | None:
    """Return values of the kinds out of the money (1 row), or those and their gradient (5)."""
    if not _Choice.compiled or not (options.parameters[1] * options.years).all():
        return None
    return _merton(options, first, last, rows)


def heston(options: Columns, log_moneyness: Array, rows: int) -> tuple[Array, Array] | None:
    """Return what `heston_quadrature.integrals` does for the value (1 row) or its gradient (6)."""
    return _heston(options, log_moneyness, rows) if _Choice.compiled else None


def _black(options: Columns) -> Array:
    from trader.pricing import black_kernel

    out = np.empty((7, options.forward.size))
    sign, forward, strike, years, vol = map(_plain, (*options[:4], options.parameters[0]))
    black_kernel.greeks(sign, forward, strike, years, vol, np.empty(black_kernel.WORK), out)
    return out


def _deviations(distance: Array, value: Array, guess: Array | None) -> Array:
    from trader.pricing import black_kernel

    out = np.empty(distance.size)
    away, worth, first = map(_plain, (distance, value, distance if guess is None else guess))
    black_kernel.deviations(away, worth, first, guess is not None, np.empty(black_kernel.WORK), out)
    return out


def _merton(options: Columns, first: Array, last: Array, rows: int) -> Array:
    from trader.pricing import merton_kernel

    _, forward, strike, years = map(_plain, options[:4])
    out = np.empty((rows, forward.size))
    merton_kernel.terms(
        options.out(), forward, strike, years, _plain(options.parameters), first, last,
        np.empty(merton_kernel.WORK), out,
    )  # fmt: skip
    return out


def _heston(options: Columns, log_moneyness: Array, rows: int) -> tuple[Array, Array] | None:
    from trader.pricing import heston_kernel, heston_nodes_kernel, heston_sums_kernel

    years, parameters, k = options.years, options.parameters, log_moneyness
    order = None
    if (years[1:] < years[:-1]).any():
        order = np.argsort(years, kind="stable")
        years, parameters, k = years[order], parameters[:, order], k[order]
    size = k.size
    table, segments = np.empty((2 * rows + 2, _NODES)), np.empty((_SEGMENTS, 8))
    deviation, sums = np.empty(size), np.zeros((rows, size))
    found = heston_kernel.nodes(
        _plain(years), _plain(parameters), k, rows,
        np.empty(heston_nodes_kernel.WORK), table, segments, deviation,
    )  # fmt: skip
    if found == heston_kernel.REFUSED:
        return None
    heston_sums_kernel.sums(k, table, segments[:found], np.empty(heston_sums_kernel.WORK), sums)
    if not np.isfinite(sums).all():  # at the utmost corners a square overflows
        return None
    if order is None:
        return sums, deviation
    back = np.argsort(order)
    return sums[:, back], deviation[back]


def _sample(strike: Array, years: Array, *parameters: float) -> Columns:
    """Return calls to compile for."""
    table = np.repeat(np.array(parameters)[:, None], strike.size, axis=1)
    ones = np.ones_like(strike)
    return Columns(ones, 100.0 * ones, strike, years, 0.0 * ones, table, strike.shape)


def _plain(values: Array) -> Array:
    """Return values as a kernel was compiled for them: of one dimension, in one piece."""
    return values if values.flags.carray else values.copy()
