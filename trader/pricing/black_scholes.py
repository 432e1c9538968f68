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
from typing import Final, Generic, Literal, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array
from trader.pricing.normalized import (
    NO_DEVIATION,
    Curve,
    normalized,
    probabilities,
    total_deviation,
)

Flag = Literal["call", "put"]
Kind = Flag | int
Kinds = Kind | NDArray[np.str_] | NDArray[np.integer] | Array
Numbers = float | Array

LEVEL_MIN: Final = 1e-9
LEVEL_MAX: Final = 1e15
YEARS_MAX: Final = 1e3
VOL_MAX: Final = 1e3
RATE_MAX: Final = 1e1
DAYS_PER_YEAR: Final = 365.0

FloatOrArray = TypeVar("FloatOrArray", float, Array)


class Greeks(NamedTuple, Generic[FloatOrArray]):
    """Sensitivities of one unit in Deribit's units (floats, or arrays of one shape).

    `delta` is to the forward, without premium adjustment; `net_delta` is the premium-adjusted
    +-(K/F) N(+-d2), the delta of a holder whose premium is paid in coin; `gamma` is per USD;
    `vega` USD per volatility point; `theta` USD per day, or per remaining life if under a day;
    `rho` USD per point of the rate. Source: Deribit's tickers, reproduced in their published
    captures.
    """

    delta: FloatOrArray
    gamma: FloatOrArray
    vega: FloatOrArray
    theta: FloatOrArray
    rho: FloatOrArray
    net_delta: FloatOrArray


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


class _Options(NamedTuple):
    """Checked arguments in columns of one length; `shape` is what they broadcast to."""

    sign: Array
    forward: Array
    strike: Array
    years: Array
    vol: Array
    rate: Array
    shape: tuple[int, ...]


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
    value = _discounted(_value(options, _curve(options)), options)
    return float(value[0]) if not options.shape else value.reshape(options.shape)


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
    value = _discounted(_value(options, _curve(options)), options) / options.forward
    return float(value[0]) if not options.shape else value.reshape(options.shape)


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
    curve = _curve(options)
    figures = _greeks(options, curve, _value(options, curve))
    if not options.shape:
        return Greeks(*(float(one[0]) for one in figures))
    return Greeks(*(one.reshape(options.shape) for one in figures))


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
    curve = _curve(options)
    value = _value(options, curve)
    return _discounted(value, options), _greeks(options, curve, value)


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
    paid = np.asarray(price, dtype=np.float64)
    _check("price", paid, 0.0, LEVEL_MAX)
    options = _options(kind, forward, strike, years, 0.0, rate, paid.shape)
    columns = np.broadcast_to(paid, options.shape).ravel()
    undiscounted = columns * np.exp(options.rate * options.years)
    solved = _implied_vols(options, undiscounted)
    if options.shape:
        return ImpliedVols(solved.vol.reshape(options.shape), solved.status.reshape(options.shape))
    if solved.status[0] != ImpliedVolStatus.SOLVED:
        raise ImpliedVolError(ImpliedVolStatus(int(solved.status[0])), float(paid))
    return float(solved.vol[0])


def _implied_vols(options: _Options, paid: Array) -> ImpliedVols:
    """Invert undiscounted prices."""
    sign, forward, strike, years, *_ = options
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    value = (paid - intrinsic) / (np.sqrt(forward) * np.sqrt(strike))
    distance = -np.abs(np.log(forward / strike))
    status = _status(paid, intrinsic, years, value >= np.exp(0.5 * distance))
    solvable = status == ImpliedVolStatus.SOLVED
    vol = np.full(paid.shape, np.nan)
    deviation = total_deviation(distance[solvable], value[solvable])
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
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers,
    shape: tuple[int, ...] = (),
) -> _Options:
    """Check every argument and broadcast them to each other and to `shape`."""
    sign = _sign(kind)
    arrays = [np.asarray(one, dtype=np.float64) for one in (forward, strike, years, vol, rate)]
    _check("forward", arrays[0], LEVEL_MIN, LEVEL_MAX)
    _check("strike", arrays[1], LEVEL_MIN, LEVEL_MAX)
    _check("years", arrays[2], 0.0, YEARS_MAX)
    _check("vol", arrays[3], 0.0, VOL_MAX)
    _check("rate", arrays[4], -RATE_MAX, RATE_MAX)
    together = (sign, *arrays)
    shape = np.broadcast_shapes(shape, *(one.shape for one in together))
    signs, f, k, t, v, r = (np.broadcast_to(one, shape).ravel() for one in together)
    return _Options(signs, f, k, t, v, r, shape)


def _check(name: str, values: Array, low: float, high: float) -> None:
    """Refuse what is not a finite number of the domain, naming the first offender."""
    if values.size and not (values.min() >= low and values.max() <= high):
        wrong = values[~((values >= low) & (values <= high))][0]
        raise ValueError(f"{name} = {float(wrong)!r}: must be a finite number in [{low}, {high}]")


def _sign(kind: Kinds) -> Array:
    """Return +1.0 for calls and -1.0 for puts."""
    kinds = np.asarray(kind)
    flags: tuple[object, object] = ("call", "put") if kinds.dtype.kind == "U" else (1, -1)
    calls = kinds == flags[0]
    known = calls | (kinds == flags[1])
    if not np.all(known):
        wrong = np.atleast_1d(kinds)[~np.atleast_1d(known)][0]
        raise ValueError(f"kind = {wrong.item()!r}: must be 'call', 'put', +1 or -1")
    return np.where(calls, 1.0, -1.0)


def _curve(options: _Options) -> Curve:
    """Evaluate the out-of-the-money side of every option."""
    distance = -np.abs(np.log(options.forward / options.strike))
    return normalized(distance, options.vol * np.sqrt(options.years))


def _value(options: _Options, curve: Curve) -> Array:
    """Return undiscounted values: time value plus intrinsic, which is parity."""
    level = np.sqrt(options.forward) * np.sqrt(options.strike)
    intrinsic = np.maximum(options.sign * (options.forward - options.strike), 0.0)
    return level * curve.value + intrinsic


def _greeks(options: _Options, curve: Curve, value: Array) -> Greeks[Array]:
    """Return the Greeks from the parts that a price has computed already."""
    sign, forward, strike, years, vol, rate, _ = options
    root = np.sqrt(years)
    deviation = vol * root
    below = forward <= strike
    out = below == (sign > 0.0)
    upper, lower = probabilities(-np.abs(np.log(forward / strike)), curve)
    n1 = np.where(below, upper, lower)
    n2 = np.where(below, lower, upper)
    n1 = np.where(out, n1, 1.0 - n1)  # N(+-d1)
    n2 = np.where(out, n2, 1.0 - n2)  # N(+-d2)
    slope = np.sqrt(forward) * np.sqrt(strike) * curve.slope  # F n(d1)
    alive = deviation > NO_DEVIATION
    gamma = np.where(alive, slope / (forward * forward * np.where(alive, deviation, 1.0)), 0.0)
    # the venue shows the decay of a day, or of the remaining life where that is shorter
    horizon = np.minimum(years, 1.0 / DAYS_PER_YEAR)
    decay = slope * vol * horizon / (2.0 * np.where(years > 0.0, root, 1.0))
    figures = (
        sign * n1,
        gamma,
        slope * root / 100.0,
        rate * value * horizon - decay,
        sign * strike * years * n2 / 100.0,
        sign * strike / forward * n2,
    )
    return Greeks(*(_discounted(one, options) for one in figures))


def _discounted(values: Array, options: _Options) -> Array:
    """Return present values; the usual rate of zero costs nothing."""
    return values * np.exp(-options.rate * options.years) if options.rate.any() else values
