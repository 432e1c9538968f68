"""What is an option worth under Black-76, what are its Greeks, and which volatility does it imply?

Everything is per one unit of the underlying, in USD, on the forward; `inverse_price` gives coin.
`kind` is "call", "put", +1 (call), -1 (put), or an array of either. `forward` and `strike` are USD,
`years` is ACT/365 to expiry, `vol` and `rate` are fractions a year. Scalars give a `float`;
where any argument is an array all of them broadcast and the answer is an array.

Limits, by definition and without NaN: with no time or no volatility left a price is its intrinsic
value and delta is 0 or +-1, at the money exactly +-0.5; gamma is 0 there, since a kink has no
curvature a hedger could trade; vega keeps its limit (zero once the time is gone).
Invalid input (NaN, infinite, negative, out of the stated domain) raises `ValueError`.
"""

from enum import IntEnum
from typing import Final, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from trader.pricing import kernels
from trader.pricing.columns import (
    LEVEL_MAX,
    Columns,
    Greeks,
    Kind,
    Kinds,
    Numbers,
    Range,
    columns,
)
from trader.pricing.normal import Array
from trader.pricing.normalized import (
    Curve,
    curvature,
    exercise,
    normalized,
    total_deviation,
)

LANE: Final = 4096
"""Options that numpy works on at once: their columns stay in the cache."""
VOL: Final = Range("vol", 0.0, 1e3)
PRICE: Final = Range("price", 0.0, LEVEL_MAX)


class ImpliedVolStatus(IntEnum):
    """Why a price does or does not imply a volatility."""

    SOLVED = 0
    BELOW_INTRINSIC = 1
    AT_INTRINSIC = 2
    AT_OR_ABOVE_BOUND = 3
    EXPIRED = 4


class ImpliedVols(NamedTuple):
    """Implied volatilities of an array of prices.

    `vol` is NaN exactly where `status` (values of `ImpliedVolStatus`) is not SOLVED, so that no
    arithmetic can mistake an unsolvable price for a volatility.
    """

    vol: Array
    status: NDArray[np.int8]


class ImpliedVolError(ValueError):
    """A single price that implies no volatility; `status` says why."""

    def __init__(self, status: ImpliedVolStatus, price: float) -> None:
        """Carry the reason beside the message."""
        reason = status.name.lower().replace("_", " ")
        super().__init__(f"price = {price!r} implies no volatility: {reason}")
        self.status = status


@overload
def price(  # type: ignore[overload-overlap]
    kind: Kind, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> float: ...
@overload
def price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> Array: ...
def price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> float | Array:
    """Return the Black-76 value in USD of one unit, discounted at `rate`.

    Raises:
        ValueError: an argument is not finite or outside the domain stated above.
    """
    options = _options(kind, forward, strike, years, vol, rate)
    return options.shaped(options.discounted(value(options)))


@overload
def inverse_price(  # type: ignore[overload-overlap]
    kind: Kind, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> float: ...
@overload
def inverse_price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> Array: ...
def inverse_price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> float | Array:
    """Return the value in coin of one unit: the USD value divided by the forward.

    Raises:
        ValueError: as `price`.
    """
    options = _options(kind, forward, strike, years, vol, rate)
    return options.shaped(options.discounted(value(options)) / options.forward)


@overload
def greeks(  # type: ignore[overload-overlap]
    kind: Kind, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> Greeks[float]: ...
@overload
def greeks(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> Greeks[Array]: ...
def greeks(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> Greeks[float] | Greeks[Array]:
    """Return the Greeks of one unit in Deribit's units (see `Greeks`).

    A rate other than zero discounts; theta then holds the forward still, rho holds the spot.

    Raises:
        ValueError: as `price`.
    """
    options = _options(kind, forward, strike, years, vol, rate)
    return options.shaped_greeks(sensitivities(options))


def price_and_greeks(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> tuple[Array, Greeks[Array]]:
    """Return prices and Greeks of a whole board in one pass, always as arrays of one dimension.

    Raises:
        ValueError: as `price`.
    """
    options = _options(kind, forward, strike, years, vol, rate)
    return _all(options)


def value(options: Columns) -> Array:
    """Return undiscounted values of checked columns."""
    found = kernels.black(options)
    return _value(options, _curve(options)) if found is None else found[0]


def sensitivities(options: Columns) -> Greeks[Array]:
    """Return Greeks of checked columns."""
    return _all(options)[1]


def gradient(options: Columns) -> tuple[Array, Array]:
    """Return undiscounted values and, as one row, their derivatives by `vol`."""
    found = kernels.black(options)
    if found is not None:
        return found[0], found[3:4] * 100.0
    curve = _curve(options)
    by_vol = options.level() * curve.slope * np.sqrt(options.years)
    return _value(options, curve), by_vol[None, :]


@overload
def implied_vol(  # type: ignore[overload-overlap]
    kind: Kind,
    price: float,
    forward: float,
    strike: float,
    years: float,
    rate: float = 0.0,
) -> float: ...
@overload
def implied_vol(
    kind: Kinds,
    price: Numbers,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    rate: Numbers = 0.0,
) -> ImpliedVols: ...
def implied_vol(
    kind: Kinds,
    price: Numbers,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    rate: Numbers = 0.0,
) -> float | ImpliedVols:
    """Return the volatility at which `price` (USD per unit) is the Black-76 value.

    An array comes back as `ImpliedVols`, with a status per element. Each price is reduced to
    its time value, that of the out-of-the-money option of the same strike, which a rational
    start and Halley steps invert.

    Raises:
        ValueError: invalid input, as `price`.
        ImpliedVolError: a scalar price that no volatility explains.
    """
    options = columns(kind, forward, strike, years, rate, (price,), (PRICE,))
    paid = options.parameters[0]
    solved = _implied_vols(options, paid * np.exp(options.rate * options.years))
    if options.shape:
        return ImpliedVols(solved.vol.reshape(options.shape), solved.status.reshape(options.shape))
    if solved.status[0] != ImpliedVolStatus.SOLVED:
        raise ImpliedVolError(ImpliedVolStatus(int(solved.status[0])), float(paid[0]))
    return float(solved.vol[0])


def _implied_vols(options: Columns, paid: Array) -> ImpliedVols:
    """Invert undiscounted prices."""
    years, intrinsic = options.years, options.intrinsic()
    time_value = (paid - intrinsic) / options.level()
    distance = -np.abs(np.log(options.forward / options.strike))
    status = _status(paid, intrinsic, years, time_value >= np.exp(0.5 * distance))
    solvable = status == ImpliedVolStatus.SOLVED
    vol = np.full(paid.shape, np.nan)
    deviation = total_deviation(distance[solvable], time_value[solvable])
    vol[solvable] = deviation / np.sqrt(years[solvable])
    return ImpliedVols(vol, status)


def _status(
    paid: Array, intrinsic: Array, years: Array, beyond: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Return an `ImpliedVolStatus` for each price, forgiving what rounding may have taken."""
    rounding = 4.0 * np.finfo(np.float64).eps * intrinsic
    status = np.full(paid.shape, ImpliedVolStatus.SOLVED, dtype=np.int8)
    status[beyond] = ImpliedVolStatus.AT_OR_ABOVE_BOUND
    status[paid <= intrinsic + rounding] = ImpliedVolStatus.AT_INTRINSIC
    status[paid < intrinsic - rounding] = ImpliedVolStatus.BELOW_INTRINSIC
    status[years == 0.0] = ImpliedVolStatus.EXPIRED
    return status


def _options(
    kind: Kinds, forward: Numbers, strike: Numbers, years: Numbers, vol: Numbers, rate: Numbers
) -> Columns:
    return columns(kind, forward, strike, years, rate, (vol,), (VOL,))


def _curve(options: Columns) -> Curve:
    """Evaluate the out-of-the-money side of every option."""
    distance = -np.abs(np.log(options.forward / options.strike))
    return normalized(distance, options.parameters[0] * np.sqrt(options.years))


def _value(options: Columns, curve: Curve) -> Array:
    """Return undiscounted values: time value plus intrinsic, which is parity."""
    return options.level() * curve.value + options.intrinsic()


def _all(options: Columns) -> tuple[Array, Greeks[Array]]:
    """Return present values, and Greeks."""
    found = kernels.black(options)
    if found is None:
        found = _in_lanes(options)
    worth, *figures = found
    if not options.rate.any():
        return worth, Greeks(*figures)
    figures[3] += options.rate * worth * options.horizon()
    return options.discounted(worth), options.discounted_greeks(Greeks(*figures))


def _in_lanes(options: Columns) -> Array:
    """Return what the compiled loop does, in numpy, some options at a time: a row for the value and
    one for each Greek, undiscounted.
    """
    size = options.forward.size
    found = np.empty((7, size))
    for begin in range(0, size, LANE):
        lane = slice(begin, begin + LANE)
        _lane(options.take(lane) if size > LANE else options, found[:, lane])
    return found


def _lane(options: Columns, found: Array) -> None:
    """Write values and Greeks of options that the cache holds; each figure is computed once."""
    sign, forward, strike, years, _, parameters, _ = options
    vol, root, level = parameters[0], np.sqrt(years), options.level()
    deviation = vol * root
    curve = normalized(-np.abs(np.log(forward / strike)), deviation)
    n1, n2 = exercise(sign, forward, strike, curve)
    slope = level * curve.slope  # F n(d1)
    paid = sign * n2
    paid *= strike  # what exercise is expected to cost, in the sign of the kind
    worth, per_forward, gamma, vega, theta, rho, net = found
    np.multiply(level, curve.value, out=worth)
    worth += options.intrinsic()
    np.multiply(sign, n1, out=per_forward)
    gamma[:] = curvature(slope, forward, deviation)
    np.multiply(slope, root, out=vega)
    vega *= 0.01
    np.multiply(slope, vol, out=theta)
    theta *= options.horizon()
    theta /= -2.0 * np.where(years > 0.0, root, 1.0)
    np.multiply(paid, years, out=rho)
    rho *= 0.01
    np.divide(paid, forward, out=net)
