"""Which surface fits a board? One smile and a level for each expiry, by weighted least squares.

Parameters are written so that none can allow arbitrage: eta is a share of the most that its rho
allows (no butterfly), and the variance at the money of an expiry is that of the one before plus
something positive (no calendar). Levenberg-Marquardt from several starts.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array
from trader.pricing.surface import Smile

OPTIONS_MIN: Final = 5
REACH: Final = 2.5
"""Options further than this many deviations from the money say more of ticks than of a smile."""

ERROR_MAX: Final = 0.05
STEPS_MAX: Final = 80
STARTS: Final = ((-0.3, 0.5), (0.0, 0.4), (0.3, 0.5), (-0.6, 0.8))
"""rho, and eta as a share of its bound."""

Rows = NDArray[np.integer[Any]]
_SMALL: Final = 1e-7


class ExpiryFit(msgspec.Struct, frozen=True):
    """How one expiry fits: its volatility at the money and the error, in volatility (root mean)."""

    years: float
    level: float
    error: float
    options: int


class Fitted(msgspec.Struct, frozen=True):
    """A surface that fits. Invariant: total variance at the money rises with the expiry."""

    smile: Smile
    expiries: tuple[ExpiryFit, ...]
    error: float


class NotFitted(msgspec.Struct, frozen=True):
    """A board that no surface fits, and why."""

    reason: str


def fit(
    log_moneyness: Array, years: Array, vol: Array, weight: Array | None = None
) -> Fitted | NotFitted:
    """Fit a surface to implied volatilities of ln(K/F) at times to expiry; arrays of one length.

    Rows that are no numbers, or have no time left, are left out; so are expiries with fewer than
    five options near the money. Without `weight`, rows count by their vega.

    Raises:
        ValueError: the columns differ in length.
    """
    columns = [np.asarray(one, dtype=np.float64) for one in (log_moneyness, years, vol)]
    columns.append(np.ones(len(columns[0])) if weight is None else np.asarray(weight, np.float64))
    if len({len(one) for one in columns}) > 1:
        raise ValueError(f"columns differ in length: {[len(one) for one in columns]}")
    table = np.stack(columns)
    usable = np.isfinite(table).all(axis=0) & (table[1:] > 0).all(axis=0)
    near = _near(table[:, usable], by_vega=weight is None)
    if not near.shape[1]:
        return NotFitted(f"no expiry has {OPTIONS_MIN} usable options near the money")
    return _best(near)


def _near(table: Array, *, by_vega: bool) -> Array:
    """Keep the expiries with enough options near the money, sorted; weigh by vega if asked."""
    kept = []
    for expiry in np.unique(table[1]):
        rows = table[:, table[1] == expiry]
        level = rows[2, np.argmin(np.abs(rows[0]))]
        distance = rows[0] / (level * math.sqrt(expiry))
        rows = rows[:, np.abs(distance) <= REACH]
        if by_vega:
            rows[3] = np.exp(-0.5 * distance[np.abs(distance) <= REACH] ** 2)
        if rows.shape[1] >= OPTIONS_MIN:
            kept.append(rows)
    return np.concatenate(kept, axis=1) if kept else np.empty((4, 0))


def _best(table: Array) -> Fitted | NotFitted:
    expiries, group = np.unique(table[1], return_inverse=True)
    first = [int(np.argmin(np.where(group == one, np.abs(table[0]), np.inf))) for one in
             range(len(expiries))]  # fmt: skip
    total = np.maximum.accumulate(table[2, first] ** 2 * expiries)
    rises = np.maximum(np.diff(total, prepend=0.0), 1e-6 * total[0])
    tries = [
        _descend(np.array([math.atanh(rho), _logit(share), *np.log(rises)]), table, group)
        for rho, share in STARTS
    ]
    cost, parameters = min(tries, key=lambda one: one[0])
    if not math.isfinite(cost):
        return NotFitted("the search does not converge")
    smile, totals = _surface(parameters)
    apart = smile.vol(np.sqrt(totals / expiries)[group], table[1], table[0]) - table[2]
    fits = []
    for place, expiry in enumerate(expiries.tolist()):
        mine = group == place
        fits.append(
            ExpiryFit(
                expiry,
                float(np.sqrt(totals[place] / expiry)),
                _root_mean(apart[mine], table[3][mine]),
                int(mine.sum()),
            )
        )
    error = _root_mean(apart, table[3])
    if error > ERROR_MAX:
        return NotFitted(f"error {error:.1%} of volatility exceeds {ERROR_MAX:.1%}")
    return Fitted(smile, tuple(fits), error)


def _root_mean(apart: Array, weight: Array) -> float:
    return float(np.sqrt((weight * apart * apart).sum() / weight.sum()))


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


def _surface(parameters: Array) -> tuple[Smile, Array]:
    """Read parameters: a smile within its bound, rising total variances at the money."""
    rho = 0.999 * math.tanh(float(parameters[0]))
    share = 1.0 / (1.0 + math.exp(-min(max(float(parameters[1]), -30.0), 30.0)))
    eta = max(share, 1e-6) * 2.0 / math.sqrt(1.0 + abs(rho))
    return Smile(rho, eta), np.cumsum(np.exp(np.clip(parameters[2:], -40.0, 10.0)))


def _apart(parameters: Array, table: Array, group: Rows) -> Array:
    """Return weighted distances between surface and quotes."""
    smile, totals = _surface(parameters)
    level = np.sqrt(totals[group] / table[1])
    apart: Array = np.sqrt(table[3]) * (smile.vol(level, table[1], table[0]) - table[2])
    return apart


def _descend(parameters: Array, table: Array, group: Rows) -> tuple[float, Array]:
    """Walk downhill (Levenberg-Marquardt, Jacobian by differences); return cost and place."""
    apart = _apart(parameters, table, group)
    cost, damping = float(apart @ apart), 1e-2
    for _ in range(STEPS_MAX):
        slopes = np.stack(
            [
                (_apart(parameters + _SMALL * unit, table, group) - apart) / _SMALL
                for unit in np.eye(len(parameters))
            ],
            axis=1,
        )
        normal = slopes.T @ slopes
        lift = damping * np.diag(np.maximum(np.diag(normal), 1e-12))
        step = np.linalg.lstsq(normal + lift, -slopes.T @ apart, rcond=None)[0]
        ahead = _apart(parameters + step, table, group)
        better = float(ahead @ ahead)
        if better < cost:
            gained = cost - better
            parameters, apart, cost, damping = parameters + step, ahead, better, damping / 5.0
            if gained <= 1e-10 * cost:
                break
        else:
            damping *= 4.0
            if damping > 1e9:
                break
    return (cost if math.isfinite(cost) else math.inf), parameters
