"""Does behavior ask for less risk now? Alerts at every opening and every end, and what follows.

What was found is a fact; multipliers, pauses and limits are read off the tapes that facts make.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

from trader.behavior.alerts import BehaviorAlertSystem
from trader.behavior.personalization import PersonalizationEngine
from trader.domain.facts import MAIN_ACCOUNT, BehaviorAlert, BehaviorJudged, ChainEnded, Filled
from trader.domain.trading import Restraint, TypeLimits
from trader.domain.units import DAY, HOUR, SECOND, iso, utc_day
from trader.engine import housekeeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.behavior.alerts import Alert, Analysis
    from trader.behavior.settings import BehaviorSettings
    from trader.behavior.trades import Trade
    from trader.domain.facts import Fact
    from trader.engine.conduct import Deal, Tape
    from trader.engine.ledger import Ledger
    from trader.engine.step import Step

Cause = Literal["opened", "ended"]
FOUND_BY: Final[dict[Cause, tuple[str, ...]]] = {
    "opened": ("OVERTRADING", "REVENGE_TRADING", "RISK_ESCALATION", "EMOTIONAL"),
    "ended": ("LOSS_STREAK", "EXCESSIVE_DRAWDOWN"),
}
"""What an opening can show, and what a loss can: else an alert stands from before, or is none."""
EQUITY: Final = 1.0
"""Results are fractions of equity, so the portfolio is worth one."""


class Guard:
    """Judges traders from their tapes. Invariant: it remembers nothing, and forbids no close.

    The account's trades come from rules that know nothing of each other: it is judged by pace,
    streak and drawdown, sizes after losses by strategy alone.
    """

    def __init__(self, settings: BehaviorSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._system = BehaviorAlertSystem()
        self._personal = PersonalizationEngine()

    @property
    def on(self) -> bool:
        """Whether this epoch is one of those that hold risk back."""
        epoch = self._ledger.epoch
        return epoch is not None and epoch.behavior

    def review(self, step: Step) -> None:
        """Judge, at the end of a step, every trader whose chains opened or ended in it."""
        if not self.on:
            return
        for strategy, account in _traders(step.facts, ChainEnded):
            tape = self._ledger.conduct.of(strategy)
            ended = [one for one in tape.deals if one.closed_in == step.sequence]
            self._judge(strategy, account, "ended", ended, step)
        for strategy, account in _traders(step.facts, Filled):
            tape = self._ledger.conduct.of(strategy)
            opened = [one for one in tape.living.values() if one.opened_in == step.sequence]
            self._judge(strategy, account, "opened", opened, step)

    def _judge(
        self, strategy: str | None, account: str, cause: Cause, deals: Sequence[Deal], step: Step
    ) -> None:
        """Let the alerts look at one trader; what they find anew is a fact, and takes effect."""
        if not deals or (cause == "ended" and all(one.pnl >= 0 for one in deals)):
            return
        tape = self._ledger.conduct.of(strategy)
        analysis = self._analyze(tape, deals if cause == "opened" else (), step.at, strategy)
        alerts = tuple(_told(one, FOUND_BY[cause]) for one in analysis["alerts"])
        fresh = [one for one in alerts if one.fresh]
        if not fresh:
            return
        now = before = tape.scaled(step.at)
        if any(one.multiplier < 1 for one in fresh):
            now = max(min(before, analysis["risk_multiplier"]), min(before, self._settings.floor))
        critical = any(one.severity == "CRITICAL" for one in fresh)
        judged = BehaviorJudged(
            account=account,
            strategy=strategy,
            chain_id=deals[-1].chain_id,
            cause=cause,
            status=analysis["status"],
            alerts=alerts,
            before=before,
            multiplier=now,
            half_life=round(self._settings.half_life_hours * HOUR),
            paused_until=(utc_day(step.at) + 1) * DAY if critical else None,
            suppressed=tuple((one["type"], one["reason"]) for one in analysis["suppressed"]),
        )
        step.record(judged)
        if critical:
            detail = f"behavior of {trader_name(strategy)}: {_types(fresh)}"
            housekeeping.stop_opening(
                self._ledger, step, "canceled", detail, strategy=strategy, account=account
            )

    def _analyze(
        self, tape: Tape, opened: Sequence[Deal], at: int, strategy: str | None
    ) -> Analysis:
        """Show the alerts what a trader did: what else was opened lately, what ended, what opens.

        What else is open comes first: it counts for the pace, and has no result to follow.
        """
        begin = at - round(self._settings.window_hours * HOUR)
        burst = sum(one.decided_at > begin for one in tape.deals)
        count = max(self._settings.recent_trades, burst)
        living = [
            one for one in tape.living.values() if one.decided_at > begin and one not in opened
        ]
        earlier, recent = tape.deals[:-count], tape.deals[-count:]

        def shown(deals: Sequence[Deal]) -> list[Trade]:
            return [one.trade(one.asked if strategy is not None else 0.0) for one in deals]

        return self._system.analyze(
            shown([*living, *recent, *opened]),
            EQUITY,
            self._settings.window_hours,
            history=shown(earlier),
            now=at,
        )

    def restraint(self, strategy: str, account: str, at: int) -> Restraint | None:
        """Say what behavior asks of a strategy on one of its accounts now; None while it is off."""
        if not self.on:
            return None
        own = self._ledger.conduct.of(strategy)
        tapes = {trader: self._ledger.conduct.of(trader) for trader in traders(strategy, account)}
        multiplier = math.prod(tape.scaled(at) for tape in tapes.values())
        words = [held_back(name, tape, at) for name, tape in tapes.items() if tape.scaled(at) < 1]
        pauses = [(name, tape) for name, tape in tapes.items() if tape.paused(at)]
        ends = max((tape.paused_until or 0 for _, tape in pauses), default=None)
        return Restraint(
            multiplier=max(multiplier, self._settings.floor),
            reason="; ".join(words) or "no alert stands",
            paused_until=ends,
            paused="; ".join(pause_text(name, tape) for name, tape in pauses),
            profile=self._profile(own),
            limits=self._limits(own, at),
        )

    def _profile(self, tape: Tape) -> str:
        profile, needed = tape.profile, self._settings.profile_trades_min
        if profile is None:
            return "no night told its type yet"
        if not self._settings.personalize:
            return f"{profile.type_name}: its limits are switched off"
        if profile.trades < needed:
            few = f"{profile.trades} of {needed} trades"
            return f"{profile.type_name}: its limits are not asked yet, {few}"
        return f"{profile.type_name}, {profile.trades} trades, {profile.confidence:.0%} sure"

    def _limits(self, tape: Tape, at: int) -> TypeLimits | None:
        """Tell what suits the type of a strategy, as its alerts tighten it; None without one.

        Not by the multiplier: that scales what all caps together leave, and would count twice.
        """
        profile, settings = tape.profile, self._settings
        enough = profile is not None and profile.trades >= settings.profile_trades_min
        if profile is None or not (settings.personalize and enough):
            return None
        standing = [{"type": one.type} for one in tape.standing(at)]
        suits = self._personal.get_personalized_params(
            {"cluster": profile.cluster}, {"alerts": standing}
        )
        return TypeLimits(
            position_max=suits["max_position_pct"],
            confidence_min=suits["min_confidence"],
            trades_per_day_max=suits["max_trades_per_day"],
            stop_atr_max=suits["sl_atr_mult"],
            target_atr_max=suits["tp_atr_mult"],
        )


def traders(strategy: str, account: str) -> tuple[str | None, ...]:
    """Name whose trade it is: the strategy's, and (None) the account's, but for a shadow's."""
    return (strategy, None) if account == MAIN_ACCOUNT else (strategy,)


def trader_name(strategy: str | None) -> str:
    """Name a trader in a sentence."""
    return "the account" if strategy is None else strategy


def held_back(strategy: str | None, tape: Tape, at: int) -> str:
    """Say by how much a trader is held back, and since which alerts.

    Caller's obligation: some alert stands.
    """
    since = iso(tape.judged_at - tape.judged_at % SECOND)
    costly = [one for one in tape.alerts if one.multiplier < 1]
    was = f"x {tape.multiplier:.3g} by {_types(costly)} at {since}"
    half = f"half of the rest comes back every {tape.half_life / HOUR:g} h"
    return f"{trader_name(strategy)} x {tape.scaled(at):.3g} (was {was}; {half})"


def pause_text(strategy: str | None, tape: Tape) -> str:
    """Say why a trader opens nothing, and what ends that."""
    name = "" if strategy is None else f" {strategy}"
    until = iso(tape.paused_until or 0)
    critical = _types([one for one in tape.alerts if one.severity == "CRITICAL"])
    return f"{trader_name(strategy)}, {critical}: until {until}, or `trader resume{name}`"


def _traders(
    facts: Iterable[Fact], kind: type[Filled | ChainEnded]
) -> list[tuple[str | None, str]]:
    """List the traders that facts of one kind are about, each once, with the account."""
    found: dict[tuple[str | None, str], None] = {}
    for fact in facts:
        if isinstance(fact, kind):
            for strategy in traders(fact.strategy, fact.account):
                found[strategy, fact.account] = None
    return list(found)


def _told(alert: Alert, found_by: Sequence[str]) -> BehaviorAlert:
    return BehaviorAlert(
        type=alert["type"],
        severity=alert["severity"],
        multiplier=alert["multiplier"],
        message=alert["message"],
        recommendation=alert["recommendation"],
        reason=alert["severity_reason"],
        fresh=alert["type"] in found_by,
    )


def _types(alerts: Iterable[BehaviorAlert]) -> str:
    return ", ".join(one.type for one in alerts) or "an alert"
