"""What is an option worth if variance itself is random? Heston's model on the forward.

dF = F sqrt(v) dW, dv = kappa (theta - v) dt + vol_of_vol sqrt(v) dZ with correlation `rho` and
v = `v0` today; `v0` and `theta` are variances a year (0.36 is 60 %). Values come from the
characteristic function (`characteristic`) by a quadrature whose error is known beforehand
(`heston_quadrature`): to 1e-13 of spot or so.
Source: Heston 1993, "A closed-form solution for options with stochastic volatility".
Arguments are those of `trader.pricing.columns`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.pricing import kernels
from trader.pricing.characteristic import Complex, Maturities, rates, slopes
from trader.pricing.columns import Columns, Greeks, Kinds, Numbers, Range, columns
from trader.pricing.heston_quadrature import NO_DEVIATION, Nodes, Weights, integrals
from trader.pricing.normalized import Black, black, normalized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trader.pricing.normal import Array

RANGES: Final = (
    Range("v0", 0.0, 1e2),
    Range("kappa", 1e-8, 1e3),
    Range("theta", 0.0, 1e2),
    Range("vol_of_vol", 0.0, 1e2),
    Range("rho", -0.9999, 0.9999),
)


def price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    v0: Numbers,
    kappa: Numbers,
    theta: Numbers,
    vol_of_vol: Numbers,
    rho: Numbers,
    rate: Numbers = 0.0,
) -> float | Array:
    """Return the value in USD of one unit, discounted at `rate`.

    Raises:
        ValueError: an argument is not finite or outside its range.
    """
    parameters = (v0, kappa, theta, vol_of_vol, rho)
    options = columns(kind, forward, strike, years, rate, parameters, RANGES)
    return options.shaped(options.discounted(value(options)))


def greeks(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    v0: Numbers,
    kappa: Numbers,
    theta: Numbers,
    vol_of_vol: Numbers,
    rho: Numbers,
    rate: Numbers = 0.0,
) -> Greeks[float] | Greeks[Array]:
    """Return the Greeks of one unit; vega is that of sqrt(v0), the volatility of today.

    Raises:
        ValueError: as `price`.
    """
    parameters = (v0, kappa, theta, vol_of_vol, rho)
    options = columns(kind, forward, strike, years, rate, parameters, RANGES)
    return options.shaped_greeks(sensitivities(options))


def value(options: Columns) -> Array:
    """Return undiscounted values of checked columns."""
    if not options.forward.size:
        return np.empty(0)
    sums, deviation = _integrals(options, Weights(1, _of_value))
    return _value(options, _control_value(options, deviation), sums[0])


def sensitivities(options: Columns) -> Greeks[Array]:
    """Return Greeks of checked columns."""
    if not options.forward.size:
        return Greeks(*np.empty((6, 0)))
    model, row = _maturities(options)
    sums, deviation = integrals(model, row, _log_moneyness(options), Weights(5, _of_greeks))
    covered, by_k, density, by_years, by_v0 = sums
    control = _control(options, deviation)
    ratio = np.sqrt(options.strike) / np.sqrt(options.forward)
    out = control.delta - ratio * (0.5 * covered - by_k)
    delta = np.where(options.sign == options.out(), out, out + options.sign)
    gamma = control.gamma + ratio / options.forward * density
    level = ratio * options.forward
    spot_vol = np.sqrt(options.parameters[0])
    settled = deviation <= NO_DEVIATION
    per_vol = np.where(settled, 0.0, -level * 2.0 * spot_vol * by_v0)
    per_year = np.where(settled, 0.0, -level * by_years)
    worth = _value(options, control.value, covered)
    return options.scaled(worth, delta, np.maximum(gamma, 0.0), np.stack((per_vol, per_year)))


def gradient(options: Columns) -> tuple[Array, Array]:
    """Return undiscounted values and their derivatives by each parameter, in the order of `RANGES`.

    The caller keeps `vol_of_vol` above 1e-4: the derivative by it is a difference of ever larger
    terms.
    """
    sums, deviation = _integrals(options, Weights(6, _of_gradient))
    level = options.level()
    return _value(options, _control_value(options, deviation), sums[0]), -level * sums[1:]


def _integrals(options: Columns, weights: Weights) -> tuple[Array, Array]:
    """Integrate by a compiled loop where those were chosen, which knows these weights by number."""
    log_moneyness = _log_moneyness(options)
    found = kernels.heston(options, log_moneyness, weights.rows)
    if found is not None:
        return found
    model, row = _maturities(options)
    return integrals(model, row, log_moneyness, weights)


def _of_value(nodes: Nodes) -> list[Complex]:
    return [nodes.excess / nodes.q]


def _of_greeks(nodes: Nodes) -> list[Complex]:
    """Weigh the covered call, its slope by ln(K/F), the density, and those by years and v0."""
    model, u, q, at, f, excess = nodes
    share, per = excess / q, f / q
    return [share, -1j * u * share, excess, per * rates(model, q, at), per * at.d]


def _of_gradient(nodes: Nodes) -> list[Complex]:
    model, u, q, at, f, excess = nodes
    per = f / q
    return [excess / q, *(per * one for one in slopes(model, u - 0.5j, q, at))]


def _maturities(options: Columns) -> tuple[Maturities, NDArray[np.intp]]:
    """Return the different maturities (years and parameters) and that of each option."""
    table = np.vstack((options.years, options.parameters))
    if (table[1:] != table[1:, :1]).any():
        different, row = np.unique(table, axis=1, return_inverse=True)
        return Maturities(*different), row.reshape(-1)
    years, row = np.unique(table[0], return_inverse=True)
    return Maturities(years, *(np.full(len(years), one) for one in table[1:, 0])), row


def _log_moneyness(options: Columns) -> Array:
    return np.log(options.strike / options.forward)


def _control(options: Columns, deviation: Array) -> Black:
    return black(options.out(), options.forward, options.strike, deviation)


def _control_value(options: Columns, deviation: Array) -> Array:
    found = kernels.black_values(options, deviation)
    if found is not None:
        return found
    curve = normalized(-np.abs(_log_moneyness(options)), deviation)
    return options.level() * curve.value


def _value(options: Columns, control: Array, covered: Array) -> Array:
    """Return values from the covered call beyond the control variate."""
    level = options.level()
    most = np.minimum(options.forward, options.strike)
    time_value = np.clip(control - level * covered, 0.0, most)
    return time_value + options.intrinsic()
