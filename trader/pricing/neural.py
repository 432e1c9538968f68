"""What is an option worth, given what a market shows at the money and how its smiles lean?

A network that has learned from surfaces of other models turns eight figures of a board into the
parts of a mixture (`mixture`), which prices without arbitrage whatever the network says. The
figures: forward volatilities at the money until 7, 30, 120 days and beyond; of the smiles at 7 and
at 120 days the skew, half the difference of the volatilities one deviation above and below the
forward, and the smile, half their sum less that at the money, both as shares of the latter.
It was trained inside of the box of `RANGES`, `YEARS` and `MONEYNESS` and refuses what lies outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.pricing.columns import Columns, Greeks, Range
from trader.pricing.mixture import BUCKETS, Slopes, mixture, out, slopes, spent, values
from trader.pricing.network import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from trader.pricing.normal import Array

RANGES: Final = (
    Range("vol_week", 0.15, 2.5),
    Range("vol_month", 0.15, 2.5),
    Range("vol_quarter", 0.15, 2.5),
    Range("vol_year", 0.15, 2.5),
    Range("skew_near", -0.3, 0.2),
    Range("skew_far", -0.3, 0.2),
    Range("smile_near", -0.02, 0.25),
    Range("smile_far", -0.02, 0.25),
)
YEARS: Final = Range("years", 0.0, 1.5)
MONEYNESS: Final = Range("ln(strike / forward)", -3.0, 3.0)

_AT_ONCE: Final = 1024  # options whose arrays stay in a core's cache
_LEVEL: Final = (np.arange(len(RANGES)) < BUCKETS).astype(np.float64)[:, None, None]


class _Board(NamedTuple):
    """Some options with what the network says of them; `vol` are the forward volatilities."""

    options: Columns
    vol: Array
    spent: Array
    rate: Array
    parts: Array
    moved: Array

    @property
    def variance(self) -> Array:
        return self.vol * self.vol * self.spent

    def slopes(self) -> Slopes:
        return slopes(self.options, mixture(self.parts, self.variance), self.variance)


def value(options: Columns) -> Array:
    """Return undiscounted values of checked columns.

    Raises:
        ValueError: an option lies outside of the box.
    """
    found = [
        values(one.options, mixture(one.parts, one.variance)) for one in _boards(options, None)
    ]
    return np.concatenate([np.empty(0), *found]) + options.intrinsic()


def sensitivities(options: Columns) -> Greeks[Array]:
    """Return Greeks of checked columns; vega is that of all forward volatilities together.

    Raises:
        ValueError: as `value`.
    """
    figures = [np.empty((5, 0))]
    for one in _boards(options, _LEVEL):
        found = one.slopes()
        by_vol = (found.by_variance * 2.0 * one.vol * one.spent).sum(axis=0)
        by_vol += (found.by_part * one.moved[:, 0]).sum(axis=0)
        by_year = (found.by_variance * one.vol * one.vol * one.rate).sum(axis=0)
        figures.append(np.stack((found.value, found.up, found.curved, by_vol, by_year)))
    worth, up, curved, by_vol, by_year = np.concatenate(figures, axis=1)
    forward, sign, alive = options.forward, options.sign, options.years > 0.0
    half = np.where(forward == options.strike, 0.5, 0.0)
    settled = sign * np.where(options.intrinsic() > 0.0, 1.0, half)
    moving = up / forward + np.where(sign == out(options), 0.0, sign)
    delta = np.where(alive, moving, settled)
    gamma = np.where(alive, curved / (forward * forward), 0.0)
    by_either = np.where(alive, np.stack((by_vol, by_year)), 0.0)
    return options.scaled(worth + options.intrinsic(), delta, gamma, by_either)


def gradient(options: Columns) -> tuple[Array, Array]:
    """Return undiscounted values and their derivatives by each parameter, in the order of `RANGES`.

    Raises:
        ValueError: as `value`.
    """
    worth, steep = [np.empty(0)], [np.empty((len(RANGES), 0))]
    for one in _boards(options, np.eye(len(RANGES))[:, :, None]):
        found = one.slopes()
        by_parameter = (found.by_part[:, None] * one.moved).sum(axis=0)
        by_parameter[:BUCKETS] += found.by_variance * 2.0 * one.vol * one.spent
        worth.append(found.value)
        steep.append(by_parameter)
    return np.concatenate(worth) + options.intrinsic(), np.concatenate(steep, axis=1)


def inside(forward: Array, strike: Array, years: Array) -> NDArray[np.bool_]:
    """Tell which options lie in the box."""
    reach = np.log(strike / forward)
    near: NDArray[np.bool_] = (reach >= MONEYNESS.low) & (reach <= MONEYNESS.high)
    return near & (years <= YEARS.high)


def _boards(options: Columns, directions: Array | None) -> Iterator[_Board]:
    """Yield options, some at a time; one set of parameters asks the network once."""
    YEARS.check(options.years)
    MONEYNESS.check(np.log(options.strike / options.forward))
    size = options.forward.size
    parameters = options.parameters
    alike = size > 0 and bool((parameters == parameters[:, :1]).all())
    told = _told(parameters[:, :1], directions) if alike else None
    for start in range(0, size, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        some = options.take(rows)
        parts, moved = _told(some.parameters, directions) if told is None else told
        vol = parameters[:BUCKETS, :1] if alike else some.parameters[:BUCKETS]
        yield _Board(some, vol, *spent(some.years), parts, moved)


def _told(parameters: Array, directions: Array | None) -> tuple[Array, Array]:
    inputs = np.concatenate((np.log(parameters[:BUCKETS]), parameters[BUCKETS:]))
    if directions is not None:
        per = np.ones_like(parameters)
        per[:BUCKETS] /= parameters[:BUCKETS]
        directions = directions * per[:, None, :]
    return network().answer(inputs, directions)
