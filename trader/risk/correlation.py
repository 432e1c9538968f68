"""How far do underlyings move together, and what does that leave of a new trade?

The correlation is that of hourly log returns of the indices, weighted exponentially backward from
the last hour both have closed (RiskMetrics 1996, 5.2: no mean is taken off). Hours before
`lookback_hours` do not count, and below `observations_min` returns in common nothing is said.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.domain.trading import SizeFactor
from trader.domain.units import HOUR
from trader.risk.scalars import factor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Bars, Floats, Ints
    from trader.risk.settings import CorrelationSettings


class Correlation(msgspec.Struct, frozen=True):
    """How two underlyings moved together: NaN where too few hours are known, and how many are."""

    value: float
    observations: int


def correlation(one: Bars, other: Bars, settings: CorrelationSettings) -> Correlation:
    """Correlate the returns of hours that both have closed; each needs the hour before it too.

    A market that never moved has no correlation. The last hours in common are the present.
    """
    hours, first, second = _common(one, other, settings.lookback_hours + 1)
    moves = np.diff(np.log(first)), np.diff(np.log(second))
    steps = np.diff(hours) == HOUR
    count = int(steps.sum())
    if count < settings.observations_min:
        return Correlation(math.nan, count)
    ages = (hours[-1] - hours[1:][steps]) / HOUR
    weights = 0.5 ** (ages / settings.half_life_hours)
    a, b = moves[0][steps], moves[1][steps]
    variances = float((weights * a**2).sum()) * float((weights * b**2).sum())
    if not variances > 0.0:
        return Correlation(math.nan, count)
    value = float((weights * (a * b)).sum()) / math.sqrt(variances)
    return Correlation(min(max(value, -1.0), 1.0), count)


def correlation_factor(
    open_risk: Mapping[str, float],
    correlations: Mapping[str, Correlation],
    settings: CorrelationSettings,
    limit: float,
) -> SizeFactor:
    """Let open risk on underlyings that move with this one count toward its own limit.

    `open_risk` are shares of equity at risk on each other underlying, `limit` the most that may be
    at risk on one. What moves together with correlation rho >= `threshold` is taken as rho of its
    risk on this one: the scalar is 1 - sum(rho x risk) / limit, at least the floor. That is the
    first-order worst case of one factor driving both, whichever way each position leans; a
    correlation below the threshold, negative or unknown takes nothing away. The formula is ours.
    """
    counted, told = [], []
    for name, risk in sorted(open_risk.items()):
        seen = correlations.get(name, Correlation(math.nan, 0))
        if risk > 0 and seen.value >= settings.threshold:
            counted.append(seen.value * risk)
            told.append(f"{name} {risk:.2%} at correlation {seen.value:.2f}")
        elif risk > 0 and math.isnan(seen.value):
            told.append(
                f"{name} {risk:.2%} at an unknown one ({seen.observations} of "
                f"{settings.observations_min} hours)"
            )
    if any(math.isnan(risk) for risk in open_risk.values()):
        return SizeFactor("correlation", settings.floor, "what is at risk elsewhere is no number")
    reason = "; ".join(told) or "no open risk on another coin counts"
    left = 1.0 - math.fsum(counted) / limit
    return factor("correlation", max(left, settings.floor), reason)


def _common(one: Bars, other: Bars, most: int) -> tuple[Ints, Floats, Floats]:
    """Find the last hours that both know with a price that is one, and both closes."""
    hours, rows, others = np.intersect1d(
        np.array(one.opened_at[-most:], dtype=np.int64),
        np.array(other.opened_at[-most:], dtype=np.int64),
        assume_unique=True,
        return_indices=True,
    )
    first = np.array(one.close[-most:])[rows]
    second = np.array(other.close[-most:])[others]
    sound = np.isfinite(first) & np.isfinite(second) & (first > 0) & (second > 0)
    return hours[sound], first[sound], second[sound]
