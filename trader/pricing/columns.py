"""Are these options, and in which columns? What every model asks of its arguments, and gives back.

`kind` is "call", "put", +1 (call), -1 (put), or an array of either. `forward` and `strike` are USD,
`years` is ACT/365 to expiry, `rate` a fraction a year; everything is per one unit of the
underlying. Scalars give a `float`; where any argument is an array all of them broadcast.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array

if TYPE_CHECKING:
    from collections.abc import Sequence

Flag = Literal["call", "put"]
Kind = Flag | int
Signs = NDArray[np.integer] | Array
"""1 for calls, -1 for puts."""
Kinds = Kind | NDArray[np.str_] | Signs
Numbers = float | Array

LEVEL_MIN: Final = 1e-9
LEVEL_MAX: Final = 1e15
YEARS_MAX: Final = 1e3
RATE_MAX: Final = 1e1
DAYS_PER_YEAR: Final = 365.0

FloatOrArray = TypeVar("FloatOrArray", float, Array)


class Greeks(NamedTuple, Generic[FloatOrArray]):
    """Sensitivities of one unit in Deribit's units (floats, or arrays of one shape).

    `delta` is to the forward, without premium adjustment; `net_delta` is the premium-adjusted
    one, delta less the premium in coin (+-(K/F) N(+-d2) under Black-76), the delta of a holder
    whose premium is paid in coin; `gamma` is per USD; `vega` USD per volatility point; `theta`
    USD per day, or per remaining life if under a day; `rho` USD per point of the rate.
    Source: Deribit's tickers, reproduced in their published captures.
    """

    delta: FloatOrArray
    gamma: FloatOrArray
    vega: FloatOrArray
    theta: FloatOrArray
    rho: FloatOrArray
    net_delta: FloatOrArray


class Range(NamedTuple):
    """What an argument called `name` may be: a finite number from `low` to `high`."""

    name: str
    low: float
    high: float

    def check(self, values: Array) -> None:
        """Refuse what lies outside, naming the first offender.

        Raises:
            ValueError: a value is no finite number of the range.
        """
        if values.ndim == 0:
            inside = self.low <= values.item() <= self.high
        else:
            inside = not values.size or (values.min() >= self.low and values.max() <= self.high)
        if not inside:
            values = np.atleast_1d(values)
            wrong = values[~((values >= self.low) & (values <= self.high))][0]
            raise ValueError(
                f"{self.name} = {float(wrong)!r}: must be a finite number in "
                f"[{self.low}, {self.high}]"
            )


FORWARD: Final = Range("forward", LEVEL_MIN, LEVEL_MAX)
STRIKE: Final = Range("strike", LEVEL_MIN, LEVEL_MAX)
YEARS: Final = Range("years", 0.0, YEARS_MAX)
RATE: Final = Range("rate", -RATE_MAX, RATE_MAX)


class Columns(NamedTuple):
    """Checked arguments in columns of one length; `shape` is what they broadcast to.

    `parameters` has a row for each parameter of the model.
    """

    sign: Array
    forward: Array
    strike: Array
    years: Array
    rate: Array
    parameters: Array
    shape: tuple[int, ...]

    def take(self, rows: slice) -> Columns:
        """Return some options, as a plain column."""
        sign, forward, strike, years, rate = (one[rows] for one in self[:5])
        some = self.parameters[:, rows]
        return Columns(sign, forward, strike, years, rate, some, forward.shape)

    def discounted(self, values: Array) -> Array:
        """Return present values; the usual rate of zero costs nothing."""
        return values * np.exp(-self.rate * self.years) if self.rate.any() else values

    def discounted_greeks(self, figures: Greeks[Array]) -> Greeks[Array]:
        """Return Greeks of present values."""
        if not self.rate.any():
            return figures
        factor = np.exp(-self.rate * self.years)
        return Greeks(*(one * factor for one in figures))

    def intrinsic(self) -> Array:
        """Return what exercise at the forward would pay."""
        return np.maximum(self.sign * (self.forward - self.strike), 0.0)

    def out(self) -> Array:
        """Return the kind that is out of the money."""
        return np.where(self.forward <= self.strike, 1.0, -1.0)

    def level(self) -> Array:
        """Return sqrt(FK), the unit of normalized values."""
        return np.sqrt(self.forward) * np.sqrt(self.strike)

    def horizon(self) -> Array:
        """Return the years of a theta: the venue's day, or the remaining life if that is less."""
        return np.minimum(self.years, 1.0 / DAYS_PER_YEAR)

    def scaled(
        self, value: Array, per_forward: Array, curvature: Array, slopes: Array
    ) -> Greeks[Array]:
        """Return Greeks in Deribit's units from undiscounted derivatives.

        `slopes` holds two rows: the derivative by volatility and that by years, both at a forward
        that stands still.
        """
        per_vol, per_year = slopes
        rho = self.years * (self.forward * per_forward - value) / 100.0
        figures = Greeks(
            per_forward,
            curvature,
            per_vol / 100.0,
            (self.rate * value - per_year) * self.horizon(),
            rho,
            per_forward - value / self.forward,
        )
        return self.discounted_greeks(figures)

    def shaped(self, values: Array) -> float | Array:
        """Return a float for scalar arguments, else an array of their shape."""
        return values.reshape(self.shape) if self.shape else float(values[0])

    def shaped_greeks(self, figures: Greeks[Array]) -> Greeks[float] | Greeks[Array]:
        """Return floats for scalar arguments, else arrays of their shape."""
        if self.shape:
            return Greeks(*(one.reshape(self.shape) for one in figures))
        return Greeks(*(float(one[0]) for one in figures))


def columns(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    rate: Numbers,
    parameters: Sequence[Numbers] = (),
    ranges: Sequence[Range] = (),
) -> Columns:
    """Check every argument and broadcast them to each other; `ranges` are those of `parameters`.

    Raises:
        ValueError: an argument is no number of its range, or the shapes do not fit.
    """
    sign = signs(kind)
    asked = (FORWARD, STRIKE, YEARS, RATE, *ranges)
    given = (forward, strike, years, rate, *parameters)
    arrays = [np.asarray(one, dtype=np.float64) for one in given]
    for limits, values in zip(asked, arrays, strict=True):
        limits.check(values)
    shape = np.broadcast_shapes(sign.shape, *(one.shape for one in arrays))
    ours, at, strikes, until, rates = (_column(one, shape) for one in (sign, *arrays[:4]))
    table = np.empty((len(parameters), *shape))
    for row, values in enumerate(arrays[4:]):
        table[row] = values
    flat = table.reshape(len(parameters), math.prod(shape))
    return Columns(ours, at, strikes, until, rates, flat, shape)


def _column(values: Array, shape: tuple[int, ...]) -> Array:
    """Return values in a column of their own, or of the caller's where that has all of them."""
    if values.shape == shape:
        return values.reshape(-1)
    column = np.empty(shape)
    column[...] = values
    return column.reshape(-1)


def signs(kind: Kinds) -> Array:
    """Return +1.0 for calls and -1.0 for puts.

    Raises:
        ValueError: a kind is neither.
    """
    kinds = np.asarray(kind)
    if kinds.dtype == np.float64 and (np.abs(kinds) == 1.0).all():
        return kinds
    flags: tuple[object, object] = ("call", "put") if kinds.dtype.kind == "U" else (1, -1)
    calls = kinds == flags[0]
    known = calls | (kinds == flags[1])
    if not np.all(known):
        wrong = np.atleast_1d(kinds)[~np.atleast_1d(known)][0]
        raise ValueError(f"kind = {wrong.item()!r}: must be 'call', 'put', +1 or -1")
    return np.where(calls, 1.0, -1.0)
