"""Which parameters of a model fit a board? Weighted least squares on implied volatilities.

Levenberg and Marquardt's walk inside of a box, with the model's own derivatives: at an edge a
parameter rests until the slope leads inside again. From a warm start first; where that stalls,
from others too, and the best is taken. No fit is a value (`NotCalibrated`), never an exception.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from trader.pricing.columns import FORWARD, STRIKE, YEARS, Columns, Range
from trader.pricing.normal import Array
from trader.pricing.normalized import normalized_slope, total_deviation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Gradient = Callable[[Columns], tuple[Array, Array]]

VOL: Final = Range("vol", 1e-3, 2e1)
WEIGHT: Final = Range("weight", 0.0, 1e15)
QUOTES_MIN: Final = 5
ERROR_MAX: Final = 0.25
"""Root mean square of volatility beyond which nothing is called a fit."""
STALL_ERROR: Final = 0.01
"""A fit this close (one volatility point) asks for no other start."""

_STEPS_MAX: Final = 100
_GAIN_MIN: Final = 1e-9
_COST_MIN: Final = 1e-24
_DAMPING_MAX: Final = 1e8
_VALUE_MIN: Final = 1e-15


class VolQuotes(msgspec.Struct, frozen=True):
    """Implied volatilities of out-of-the-money options, in columns of one length."""

    forward: Array
    strike: Array
    years: Array
    vol: Array
    weight: Array


class ExpiryError(msgspec.Struct, frozen=True):
    """How well one expiry fits: root mean square in volatility, and of how many options."""

    years: float
    error: float
    options: int


class Calibrated(msgspec.Struct, frozen=True):
    """Parameters that fit, and how well: root mean square in volatility, weighted."""

    parameters: tuple[float, ...]
    error: float
    expiries: tuple[ExpiryError, ...]
    steps: int
    """Evaluations of the board, over all starts."""
    starts: int
    at_bound: tuple[str, ...]
    """Parameters that rest at an edge of their box: the data do not determine them."""


class NotCalibrated(msgspec.Struct, frozen=True):
    """Quotes that no parameters fit, and why."""

    reason: str


class Bound(NamedTuple):
    """Where a parameter is looked for; in logarithms where `log`."""

    name: str
    low: float
    high: float
    log: bool = False


class _Box(NamedTuple):
    """Parameters as coordinates between 0 and 1."""

    names: tuple[str, ...]
    low: Array
    span: Array
    log: Array

    def parameters(self, x: Array) -> Array:
        straight = self.low + x * self.span
        return np.where(self.log, np.exp(np.where(self.log, straight, 0.0)), straight)

    def stretch(self, parameters: Array) -> Array:
        """Return d parameter / d coordinate."""
        return self.span * np.where(self.log, parameters, 1.0)

    def coordinates(self, parameters: Sequence[float]) -> Array:
        given = np.asarray(parameters, dtype=np.float64)
        straight = np.where(self.log, np.log(np.maximum(given, 1e-300)), given)
        return np.clip((straight - self.low) / self.span, 0.0, 1.0)


class _Place(NamedTuple):
    """Where a walk stands; `apart` are model less market volatilities."""

    x: Array
    cost: float
    apart: Array
    slopes: Array


class _Walk(NamedTuple):
    """A finished walk."""

    place: _Place
    steps: int
    settled: bool


def vol_quotes(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    weight: ArrayLike | None = None,
) -> VolQuotes:
    """Check quotes and broadcast them; without `weight` all count alike.

    Raises:
        ValueError: a value is not finite or outside its range, or a time to expiry is zero.
    """
    given = (forward, strike, years, vol, 1.0 if weight is None else weight)
    arrays = [np.asarray(one, dtype=np.float64) for one in given]
    for limits, values in zip((FORWARD, STRIKE, YEARS, VOL, WEIGHT), arrays, strict=True):
        limits.check(values)
    if (arrays[2] <= 0.0).any():
        raise ValueError("years = 0.0: an expired option implies no volatility; leave it out")
    return VolQuotes(*(one.ravel() for one in np.broadcast_arrays(*arrays)))


def fit(
    gradient: Gradient,
    bounds: Sequence[Bound],
    quotes: VolQuotes,
    starts: Sequence[Sequence[float]],
) -> Calibrated | NotCalibrated:
    """Fit parameters to quotes from the first of `starts`, and from the others where it stalls.

    `gradient` gives undiscounted values and their derivatives, a row for each of `bounds`.

    Raises:
        ValueError: a start has not one number for each of `bounds`.
    """
    for start in starts:
        if len(start) != len(bounds):
            names = ", ".join(one.name for one in bounds)
            raise ValueError(f"start = {tuple(start)!r}: must be {names}")
    least = max(QUOTES_MIN, len(bounds) + 1)
    if np.count_nonzero(quotes.weight) < least:
        return NotCalibrated(
            f"{np.count_nonzero(quotes.weight)} quotes have weight: {least} are needed"
        )
    box = _box(bounds)
    market = _Market(gradient, quotes)
    walks: list[_Walk] = []
    for start in starts:
        walks.append(_descend(market, box, box.coordinates(start)))
        if walks[-1].settled and math.sqrt(walks[-1].place.cost) <= STALL_ERROR:
            break
    best = min(walks, key=lambda one: one.place.cost)
    error = math.sqrt(best.place.cost)
    if not math.isfinite(error):
        return NotCalibrated(f"no value of the model is a number from {len(walks)} starts")
    if error > ERROR_MAX:
        return NotCalibrated(f"error {error:.1%} of volatility exceeds {ERROR_MAX:.1%}")
    x = best.place.x
    return Calibrated(
        tuple(box.parameters(x).tolist()),
        error,
        _by_expiry(quotes, best.place.apart),
        sum(one.steps for one in walks),
        len(walks),
        tuple(name for name, at in zip(box.names, x, strict=True) if not 0.0 < at < 1.0),
    )


class _Market:
    """Quotes with all that does not depend on parameters computed once."""

    def __init__(self, gradient: Gradient, quotes: VolQuotes) -> None:
        forward, strike, years = quotes.forward, quotes.strike, quotes.years
        self._gradient = gradient
        self._years_root = np.sqrt(years)
        self._vol = quotes.vol
        self._distance = -np.abs(np.log(forward / strike))
        self._bound = np.exp(0.5 * self._distance)
        self._level = np.sqrt(forward) * np.sqrt(strike)
        sign = np.where(forward <= strike, 1.0, -1.0)
        none = np.empty((0, forward.size))
        self._columns = Columns(
            sign, forward, strike, years, np.zeros_like(years), none, forward.shape
        )
        self.share = quotes.weight / quotes.weight.sum()

    def compare(self, parameters: Array) -> tuple[Array, Array]:
        """Return model less market volatilities and their derivatives, a row for each parameter."""
        table = np.repeat(parameters[:, None], self._vol.size, axis=1)
        worth, slopes = self._gradient(self._columns._replace(parameters=table))
        least = np.minimum(_VALUE_MIN, 0.5 * self._bound)
        scaled = np.clip(worth / self._level, least, self._bound * (1.0 - 1e-12))
        guess = self._vol * self._years_root
        deviation = total_deviation(self._distance, scaled, guess)
        vega = self._level * normalized_slope(self._distance, deviation) * self._years_root
        told = (scaled > least) & (vega > 0.0)
        per_vega = np.where(told, 1.0 / np.where(told, vega, 1.0), 0.0)
        apart = np.where(np.isfinite(worth), deviation / self._years_root - self._vol, np.nan)
        return apart, slopes * per_vega


def _box(bounds: Sequence[Bound]) -> _Box:
    log = np.array([one.log for one in bounds])
    low, high = (
        np.array([math.log(at) if one.log else at for one, at in edges])
        for edges in ([(one, one.low) for one in bounds], [(one, one.high) for one in bounds])
    )
    return _Box(tuple(one.name for one in bounds), low, high - low, log)


def _place(market: _Market, box: _Box, x: Array) -> _Place:
    parameters = box.parameters(x)
    try:
        apart, slopes = market.compare(parameters)
    except ValueError:  # parameters that the model refuses together are no place to go
        nothing = np.full(market.share.size, np.nan)
        return _Place(x, math.inf, nothing, np.zeros((x.size, nothing.size)))
    cost = float(market.share @ (apart * apart))
    scaled = (slopes * box.stretch(parameters)[:, None]) * np.sqrt(market.share)
    finite = math.isfinite(cost) and bool(np.isfinite(scaled).all())
    return _Place(x, cost if finite else math.inf, apart, scaled)


def _descend(market: _Market, box: _Box, x: Array) -> _Walk:
    """Walk downhill; settled where no step gains any more."""
    place, damping = _place(market, box, x), 1e-3
    if not math.isfinite(place.cost):
        return _Walk(place, 1, settled=False)
    if place.cost <= _COST_MIN:
        return _Walk(place, 1, settled=True)
    for step in range(2, _STEPS_MAX + 1):
        ahead = _place(market, box, _step(market, place, damping))
        if ahead.cost < place.cost:
            gained = place.cost - ahead.cost
            place, damping = ahead, max(0.1 * damping, 1e-9)
            if gained <= _GAIN_MIN * place.cost or place.cost <= _COST_MIN:
                return _Walk(place, step, settled=True)
        elif damping > _DAMPING_MAX or np.array_equal(ahead.x, place.x):
            return _Walk(place, step, settled=True)
        else:
            damping *= 10.0
    return _Walk(place, _STEPS_MAX, settled=False)


def _step(market: _Market, place: _Place, damping: float) -> Array:
    """Return the next place: a damped step of those parameters that may move."""
    x, slopes = place.x, place.slopes
    downhill = -slopes @ (place.apart * np.sqrt(market.share))
    free = ~(((x <= 0.0) & (downhill < 0.0)) | ((x >= 1.0) & (downhill > 0.0)))
    normal = slopes[free] @ slopes[free].T
    lift = damping * np.diag(np.maximum(np.diag(normal), 1e-12))
    there = x.copy()
    there[free] += np.linalg.lstsq(normal + lift, downhill[free], rcond=None)[0]
    return np.clip(there, 0.0, 1.0)


def _by_expiry(quotes: VolQuotes, apart: Array) -> tuple[ExpiryError, ...]:
    found = []
    for years in np.unique(quotes.years).tolist():
        mine = (quotes.years == years) & (quotes.weight > 0.0)
        if mine.any():
            weight = quotes.weight[mine]
            error = math.sqrt(float(weight @ apart[mine] ** 2) / float(weight.sum()))
            found.append(ExpiryError(years, error, int(mine.sum())))
    return tuple(found)
