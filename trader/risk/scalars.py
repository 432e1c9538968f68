"""How much of what the limits allow is wanted? One formula for each reason to trade less.

Every scalar lies in [0, 1] and says why (decisions, 10). What is not known takes nothing away: the
gate's own limits hold whatever stands here.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.trading import FactorName, SizeFactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.domain.market import Floats
    from trader.domain.models import Observation, Worth
    from trader.domain.trading import Stage
    from trader.risk.settings import SizingSettings

PILOT_SHARE: Final = 0.25
KELLY_STEPS: Final = 60
"""Steps in which the Kelly fraction is found, or nearly."""


def factor(name: FactorName, scalar: float, reason: str) -> SizeFactor:
    """Write a factor: what is no number from 0 to 1 leaves nothing, or takes nothing away."""
    return SizeFactor(name, clamped(scalar), reason)


def clamped(scalar: float) -> float:
    """Bring a scalar into [0, 1]; what is no number leaves nothing."""
    return 0.0 if math.isnan(scalar) else min(max(scalar, 0.0), 1.0)


def combined(factors: Iterable[SizeFactor]) -> float:
    """Multiply factors; the result is in [0, 1] whatever they hold."""
    product = 1.0
    for one in factors:
        product *= one.factor if 0.0 <= one.factor <= 1.0 else clamped(one.factor)
    return product


def stage_factor(stage: Stage) -> SizeFactor:
    """Tell what a stage takes: PILOT a quarter (at least one lot), the others all of it."""
    if stage == "PILOT":
        return SizeFactor("stage", PILOT_SHARE, "PILOT trades a quarter, at least one lot")
    return SizeFactor("stage", 1.0, f"{stage} trades the full size")


def kelly_factor(results: Sequence[float], settings: SizingSettings, limit: float) -> SizeFactor:
    """Hold a part of the Kelly fraction of a strategy's own record against the limit of a trade.

    `results` are those of its closed chains in multiples of the most each could lose. They are
    shifted down to the lower confidence bound of their mean (Student's t, one-sided) before the
    fraction f that maximizes the mean of ln(1 + f R) is looked for (Kelly 1956; Thorp 2006): what
    a lucky record promises is not bet. `limit` is the largest share of equity one trade may risk,
    so that the scalar is `kelly_share` x f / limit, at least the floor and at most 1.
    """
    count, least = len(results), settings.kelly_chains_min
    if count < least:
        return SizeFactor("kelly", 1.0, f"{count} closed chains, {least} tell something")
    earned = np.array(results, dtype=float)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(earned.mean())
        spread = math.sqrt(float(((earned - mean) ** 2).sum()) / (count - 1) / count)
    bound = mean - student(settings.kelly_confidence, count - 1) * spread
    if not math.isfinite(bound):
        return SizeFactor("kelly", settings.kelly_floor, "its record holds a result that is none")
    most = limit / settings.kelly_share
    fraction = kelly_fraction(earned - (mean - bound), most)
    about = "or more " if fraction >= most else ""
    told = (
        f"{count} chains earned {mean:+.3f} of their risk on average, {bound:+.3f} at worst "
        f"({settings.kelly_confidence:.0%} sure): {settings.kelly_share:g} Kelly is "
        f"{settings.kelly_share * fraction:.2%} {about}of equity, a trade may risk {limit:.2%}"
    )
    return factor("kelly", max(fraction / most, settings.kelly_floor), told)


def kelly_fraction(results: Floats, most: float) -> float:
    """Return the f from 0 to `most` that maximizes the mean of ln(1 + f R).

    The slope, mean of R / (1 + f R), falls in f: Newton's steps find its zero, halves where one
    would leave the interval that holds it.
    """
    if float(results.sum()) <= 0.0:
        return 0.0
    worst = float(results.min())
    ruin = math.inf if worst >= 0.0 else -1.0 / worst
    low, high = 0.0, min(most, ruin)
    f, last = most if most < ruin else ruin / 2.0, math.inf
    for _ in range(KELLY_STEPS):
        each = results / (1.0 + f * results)
        slope = float(each.sum())
        if slope > 0.0 and f >= most:
            return most
        low, high = (f, high) if slope > 0.0 else (low, f)
        bend = float((each * each).sum())
        move = slope / bend if bend > 0.0 else math.inf
        if not (low < f + move < high and abs(move) < last / 2.0):
            move = (low + high) / 2.0 - f
        f, last = f + move, abs(move)
        if last <= 1e-13 * most or high - low <= 1e-15 * high:
            break
    return f


def student(confidence: float, freedom: int) -> float:
    """Return a quantile of Student's t, by Fisher's and Cornish's expansion of the normal one.

    To .01 from nine degrees of freedom on, to 1e-4 from 49 (Abramowitz and Stegun 1964, 26.7.5).
    """
    z = NormalDist().inv_cdf(confidence)
    return z + math.fsum((
        (z**3 + z) / 4.0 / freedom,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0 / freedom**2,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0 / freedom**3,
    ))  # fmt: skip


def agreement_factor(worth: Worth | None, settings: SizingSettings) -> SizeFactor:
    """Hold the dispersion of the models about the ensemble's value against that value.

    1 - deviation / |value|, at least the floor: models of which one sees twice the worth that
    another sees do not agree. None (no ensemble, or nobody asked it) takes nothing away.
    """
    if worth is None:
        return SizeFactor("agreement", 1.0, "no model was asked")
    spread = _dispersion(worth)
    if not math.isfinite(spread + worth.value):
        return SizeFactor("agreement", settings.agreement_floor, "a model's value is no number")
    share = spread / abs(worth.value) if worth.value else math.inf * spread if spread else 0.0
    told = f"{len(worth.weights)} models value it {worth.value:.6g} within {spread:.2g}"
    return factor("agreement", max(1.0 - share, settings.agreement_floor), told)


def _dispersion(worth: Worth) -> float:
    """Return the weighted standard deviation of what each model says; NaN where that is none."""
    total = sum(worth.weights.values())
    if not (0 < total < math.inf and all(weight >= 0 for weight in worth.weights.values())):
        return math.nan
    return math.hypot(*(
        math.sqrt(weight / total) * (worth.alone.get(name, math.nan) - worth.value)
        for name, weight in worth.weights.items()
    ))  # fmt: skip


def regime_factor(seen: Observation, settings: SizingSettings) -> SizeFactor:
    """Look the market regime up in the table."""
    table = settings.regime
    scalars = {
        "Calm": table.calm,
        "Volatile": table.volatile,
        "Trending": table.trending,
        "Crisis": table.crisis,
        None: table.unknown,
    }
    return factor("regime", scalars[seen.regime], seen.text)


def drawdown_factor(fall_usd: float, equity_usd: float, settings: SizingSettings) -> SizeFactor:
    """Shrink after a fall of trading PnL (against holding) from its peak, as a share of equity.

    Two steps, by default those of seed 003: from 12 % on .75, from 18 % on .5.
    """
    share = max(fall_usd, 0.0) / equity_usd if equity_usd > 0 else math.nan
    told = f"{share:.2%} of equity below the peak of what trading earned"
    if not share < settings.drawdown_second:  # what is no number is no permission
        return SizeFactor("drawdown", settings.drawdown_second_scalar, told)
    if share < settings.drawdown_first:
        return SizeFactor("drawdown", 1.0, told)
    return SizeFactor("drawdown", settings.drawdown_first_scalar, told)
