"""What does behavior forbid? Asked of what takes new risk, never of what closes or reduces it.

Like every limit it can only take away: what suits a type of trader stands beside the limits of the
account, and the smaller one holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.trading import LimitUse
from trader.risk.limits import TOLERANCE
from trader.risk.sizing import Cap
from trader.risk.structure import opening_legs

if TYPE_CHECKING:
    from trader.domain.trading import Refused
    from trader.risk.case import Case


def not_paused(case: Case) -> Refused | None:
    """Refuse while a critical alert forbids new trades."""
    asked, at = case.view.restraint, case.view.at
    if asked is None or asked.paused_until is None or at >= asked.paused_until:
        return None
    return case.refuse(
        "paused_by_behavior", f"opening is paused: {asked.paused}", frees_at=asked.paused_until
    )


def suits_type(case: Case) -> Refused | None:
    """Refuse what is too unsure for this type of trader, or stopped too far away.

    Who states a stop is asked about that: his confidence is what stop and target need to break
    even, not an estimate. Who buys premium wins seldom by design and has paid what he can lose:
    asked for a seller's confidence he could never trade again.
    """
    asked, intent = case.view.restraint, case.intent
    if asked is None or asked.limits is None:
        return None
    if intent.stop is not None:
        return _stop_near(case, asked.limits.stop_atr_max, asked.profile)
    least = asked.limits.confidence_min
    if intent.confidence >= least - TOLERANCE or _pays(case):
        return None
    return case.refuse(
        "min_confidence",
        f"its confidence of {intent.confidence:.1%} is below the {least:.1%} asked of it "
        f"({asked.profile})",
        LimitUse(rule="min_confidence", limit=least, used=0.0, requested=intent.confidence),
    )


def _pays(case: Case) -> bool:
    """Whether options are bought on balance, at the touch."""
    legs = opening_legs(case.intent.legs, case.view.touches)
    options = [leg for leg in legs if leg.instrument.kind == "option"]
    return sum(leg.ratio * leg.entry_price for leg in options) > 0


def _stop_near(case: Case, most: float, profile: str) -> Refused | None:
    """Compare the distance of a stop with that of its type, in average true ranges."""
    stop = case.intent.stop
    if stop is None or not stop.gap > 0:
        return None
    (leg,) = case.intent.legs
    touch = case.view.touches[leg.instrument]
    entry = touch.ask if leg.ratio > 0 else touch.bid
    distance = abs(entry - stop.price) / stop.gap
    if distance <= most + TOLERANCE:
        return None
    return case.refuse(
        "stop_distance",
        f"its stop is {distance:.2f} average true ranges away, at most {most:g} are asked of it "
        f"({profile})",
        LimitUse(rule="stop_distance", limit=most, used=0.0, requested=distance),
    )


def position_caps(case: Case, used: float, per_unit: float) -> tuple[Cap, ...]:
    """Cap the position by what suits its type, in shares of equity; nothing where nothing does."""
    asked = case.view.restraint
    if asked is None or asked.limits is None:
        return ()
    return (Cap("position_size", asked.limits.position_max, used, per_unit, case.underlying),)


def trades_per_day(case: Case) -> int:
    """Tell how many new trades a day may bring: the limit, or the fewer that suit the type."""
    asked, limit = case.view.restraint, case.settings.max_new_trades_per_day
    if asked is None or asked.limits is None:
        return limit
    return min(limit, asked.limits.trades_per_day_max)
