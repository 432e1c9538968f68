"""What does behavior ask, and what did it find? Sentences for the log, for verdicts and status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.units import HOUR, iso
from trader.engine.guard import trader_name
from trader.views.text import number, percent, when

if TYPE_CHECKING:
    from trader.domain.events import TraderProfile
    from trader.domain.facts import BehaviorAlert, BehaviorJudged
    from trader.domain.trading import Intent, Restraint, TypeLimits
    from trader.views.trade_lines import Fields

SEVERITIES = {"normal": "info", "warning": "warning", "critical": "critical"}


def judged(fact: BehaviorJudged) -> Fields:
    """Lay out a judgment for the log."""
    return {
        "message": judgment_text(fact),
        "strategy": fact.strategy or "",
        "account": fact.account,
        "chain_id": fact.chain_id,
        "severity": SEVERITIES[fact.status],
        "alerts": " ".join(one.type for one in fact.alerts if one.fresh),
        "multiplier": round(fact.multiplier, 4),
        "paused_until": iso(fact.paused_until) if fact.paused_until is not None else "",
    }


def judgment_text(fact: BehaviorJudged) -> str:
    """Tell what was found and what follows, in a sentence."""
    found = "; ".join(_found(one) for one in fact.alerts if one.fresh)
    standing = [one.type for one in fact.alerts if not one.fresh]
    beside = f" (beside {', '.join(standing)})" if standing else ""
    name = trader_name(fact.strategy)
    told = f"{name}: {found}{beside}, as {fact.chain_id} {fact.cause}"
    if fact.multiplier < fact.before:
        told += (
            f"; new risk x {fact.multiplier:.3g}, half of the rest comes back every"
            f" {number(fact.half_life / HOUR)} h"
        )
    if fact.paused_until is not None:
        resume = "trader resume" if fact.strategy is None else f"trader resume {fact.strategy}"
        told += f"; opens nothing until {iso(fact.paused_until)}, or `{resume}`"
    return told


def profile_text(profile: TraderProfile) -> str:
    """Tell a trader's type in a sentence."""
    return (
        f"trades as a {profile.type_name} would ({profile.confidence:.0%} sure,"
        f" {profile.trades} trades; {profile.reason})"
    )


def _found(alert: BehaviorAlert) -> str:
    return f"{alert.type} (x {alert.multiplier:g}): {alert.message}; {alert.reason}"


def restraint_lines(
    asked: Restraint, intent: Intent, at: int, speed: float
) -> list[tuple[str, str]]:
    """Explain what behavior asked of one intent: multiplier, pause, and the limits of its type."""
    reduces = intent.action in ("close", "hedge", "protect")
    aside = "; what takes risk away is not held back" if reduces else ""
    lines = [("behavior", f"new risk x {asked.multiplier:.3g}: {asked.reason}{aside}")]
    if asked.paused_until is not None:
        lines.append(("", f"paused until {when(asked.paused_until, at, speed)}: {asked.paused}"))
    if asked.profile:
        lines.append(("trader type", asked.profile))
    if asked.limits is not None:
        lines.append(("asked of it", _limits(asked.limits, stops=intent.stop is not None)))
    return lines


def _limits(limits: TypeLimits, *, stops: bool) -> str:
    """List the limits of a type, and which of them do not apply to an intent."""
    sure = f"confidence at least {percent(limits.confidence_min)} of what sells premium"
    near = f"stop within {limits.stop_atr_max:g} ATR"
    return ", ".join((
        f"max loss at most {percent(limits.position_max)} of equity",
        f"{limits.trades_per_day_max} new trades a day",
        "confidence not applicable (its stop bounds it)" if stops else sure,
        near if stops else "stop not applicable (it states none)",
        "target not applicable (no intent states one)",
    ))  # fmt: skip
