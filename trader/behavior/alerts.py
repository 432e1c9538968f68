"""Is something wrong with how we trade right now? Alerts, and how much less to risk for them.

Types, thresholds, severities and multipliers are the seed's. It sees trades only one by one: here
the legs of a structure count once, what was opened before a loss was known or rolled by plan is no
revenge, and neither is what took its time. The seed's own numbers stand beside ours.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, NotRequired, TypedDict

from trader.behavior.features import gaps
from trader.behavior.rank_tests import larger_p, rising_p
from trader.behavior.streaks import losing_run_probability
from trader.behavior.trades import behavior_trades, instant, legs_of, structures
from trader.domain.units import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from trader.behavior.trades import Trade, TradeLike

AlertType = Literal[
    "OVERTRADING", "REVENGE_TRADING", "LOSS_STREAK", "EXCESSIVE_DRAWDOWN",
    "RISK_ESCALATION", "EMOTIONAL",
]  # fmt: skip
Severity = Literal["INFO", "HIGH", "CRITICAL"]
Status = Literal["normal", "warning", "critical"]

THRESHOLDS: Final = {
    "overtrading_trades_per_hour": 10.0,
    "revenge_size_multiplier": 1.5,
    "max_consecutive_losses": 5.0,
    "max_drawdown_pct": 0.15,
    "tilt_detection_loss_streak": 3.0,
}
TERMS: Final[dict[AlertType, tuple[Severity, float]]] = {
    "OVERTRADING": ("HIGH", 0.5),
    "REVENGE_TRADING": ("CRITICAL", 0.3),
    "LOSS_STREAK": ("HIGH", 0.5),
    "EXCESSIVE_DRAWDOWN": ("CRITICAL", 0.1),
    "RISK_ESCALATION": ("INFO", 1.0),
    "EMOTIONAL": ("INFO", 1.0),
}
"""Severity and multiplier of each alert. What only informs costs nothing."""
SPEED_MINUTES: Final = 15.0
SPEED_OF_MEDIAN: Final = 0.25
"""Revenge is faster than 15 minutes, or than a quarter of one's own median gap if that is more."""
TREND_TRADES: Final = 8
P_MAX: Final = 0.05
HABIT_TRADES: Final = 20
UNUSUAL_SHARE: Final = 1 / 16
"""An hour is unusual where it and its neighbors hold less than half of what three of 24 would."""


class Alert(TypedDict):
    """One finding; `severity_reason` says what makes it as severe as it is."""

    type: AlertType
    severity: Severity
    message: str
    recommendation: str
    multiplier: float
    severity_reason: str
    streak_probability: NotRequired[float]
    """Of a losing run as long within as many trades, by chance, under the own win rate."""


class Suppressed(TypedDict):
    """An alert the seed would raise, and why it is none."""

    type: AlertType
    reason: str


class SeedNumbers(TypedDict):
    """What the seed says of the same trades, each leg for itself."""

    types: list[AlertType]
    risk_multiplier: float
    status: Status
    consecutive_losses: int
    session_drawdown_pct: float


class Analysis(TypedDict):
    """What is wrong with how these trades were made, and what share of new risk remains."""

    alerts: list[Alert]
    risk_multiplier: float
    status: Status
    consecutive_losses: int
    session_drawdown_pct: float
    suppressed: list[Suppressed]
    seed: SeedNumbers


class BehaviorAlertSystem:
    """Detects patterns that cost traders money, from closed trades alone."""

    def __init__(self, thresholds: Mapping[str, float] | None = None) -> None:
        unknown = sorted(set(thresholds or {}) - set(THRESHOLDS))
        if unknown:
            raise ValueError(f"threshold {unknown[0]!r} is unknown; known: {', '.join(THRESHOLDS)}")
        self.thresholds = THRESHOLDS | dict(thresholds or {})
        for name, value in self.thresholds.items():
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"threshold {name} is {value}, must be a positive number")

    def analyze(
        self,
        recent_trades: Iterable[TradeLike],
        portfolio_value: float | None,
        time_window_hours: float = 1.0,
        *,
        history: Iterable[TradeLike] = (),
        now: datetime | int | None = None,
    ) -> Analysis:
        """Judge recent trades, the latest of which is the one in question.

        All of them are taken to lie within the window, unless `now` says where it ends: then only
        what closed within it counts for the frequency. `history` is what came before: it makes the
        own win rate, pace, hours and sizes better known and raises no alert by itself. Where the
        portfolio's value is not known (None), neither is the drawdown: it is NaN.

        Raises:
            ValueError: a trade, the portfolio's value or the window is impossible; names it.
        """
        if portfolio_value is not None and not 0 < portfolio_value < math.inf:
            raise ValueError(f"portfolio_value is {portfolio_value}, must be a positive amount")
        if not (math.isfinite(time_window_hours) and time_window_hours >= 0):
            raise ValueError(f"time_window_hours is {time_window_hours}, must not be negative")
        legs = legs_of(recent_trades)
        recent, before = structures(legs), behavior_trades(history)
        count = _within(recent, time_window_hours, now)
        streak = losing_run_now(one.pnl for one in recent)
        drawdown = _drawdown(legs, portfolio_value)
        revenge, excuse = self._revenge(recent, before)
        found = [
            self._overtrading(count, time_window_hours),
            revenge,
            self._streak(streak, [*before, *recent]),
            self._excessive(drawdown),
            _escalation([*before, *recent]) if recent else None,
            _emotional([*before, *recent]) if recent else None,
        ]
        alerts = [one for one in found if one is not None]
        seed = self._seed(legs, time_window_hours, drawdown)
        return {
            "alerts": alerts,
            "risk_multiplier": math.prod(one["multiplier"] for one in alerts),
            "status": _status(one["severity"] for one in alerts),
            "consecutive_losses": streak,
            "session_drawdown_pct": drawdown,
            "suppressed": _suppressed(alerts, seed, excuse, len(legs) - len(recent)),
            "seed": seed,
        }

    def _overtrading(self, count: int, hours: float) -> Alert | None:
        limit = self.thresholds["overtrading_trades_per_hour"]
        pace = count / max(hours, 0.1)
        if pace <= limit:
            return None
        return _alert(
            "OVERTRADING",
            f"Trading {count} times in {hours}h exceeds safe threshold",
            "Reduce trade frequency. Consider taking a break.",
            f"high: {pace:g} trades an hour, more than {limit:g}",
        )

    def _revenge(
        self, recent: Sequence[Trade], history: Sequence[Trade]
    ) -> tuple[Alert | None, str]:
        """Find a larger size soon after a loss; else say what excuses the larger size."""
        if not self._grew_after_loss(recent):
            return None, "the legs of one structure count once: no larger size follows a loss"
        lost, current = recent[-2:]
        excuse = _excuse(lost, current, [*history, *recent[:-1]])
        if excuse:
            return None, excuse
        times = f"{current.size / lost.size:.2f} times" if lost.size else "any size after none:"
        reason = f"critical: {times} the size of the loss before it, and soon after it"
        message = "Position size increased significantly after a loss"
        advice = "Avoid increasing size after losses. Maintain discipline."
        return _alert("REVENGE_TRADING", message, advice, reason), ""

    def _grew_after_loss(self, trades: Sequence[Trade]) -> bool:
        """Put the seed's question: was the last but one lost, and is the last one larger?"""
        if len(trades) < 2:
            return False
        lost, current = trades[-2:]
        return lost.pnl < 0 and current.size > lost.size * self.thresholds[
            "revenge_size_multiplier"
        ]  # fmt: skip

    def _streak(self, streak: int, known: Sequence[Trade]) -> Alert | None:
        if streak < self.thresholds["tilt_detection_loss_streak"]:
            return None
        limit = self.thresholds["max_consecutive_losses"]
        chance, rate = streak_chance(streak, known)
        odds = (
            "over 99%" if chance > 0.99 else f"{chance:.2%}" if chance > 1e-4 else f"{chance:.1e}"
        )
        told = f"within {len(known)} trades at a win rate of {rate:.0%} is {odds}"
        grave = f" (critical: max_consecutive_losses is {limit:g})" if streak >= limit else ""
        alert = _alert(
            "LOSS_STREAK",
            f"{streak} consecutive losing trades detected{grave}",
            "Consider pausing trading. Review strategy before next trade.",
            f"{'critical' if grave else 'high'}: the chance of such a run {told}",
        )
        alert["streak_probability"] = chance
        return alert

    def _excessive(self, drawdown: float) -> Alert | None:
        limit = self.thresholds["max_drawdown_pct"]
        if not drawdown > limit:
            return None
        return _alert(
            "EXCESSIVE_DRAWDOWN",
            f"Session drawdown at {drawdown * 100:.1f}% exceeds {limit * 100}% threshold",
            "Stop trading for the day. Review risk parameters.",
            f"critical: {drawdown:.1%} of the portfolio lost, more than {limit:.1%}",
        )

    def _seed(self, legs: Sequence[Trade], hours: float, drawdown: float) -> SeedNumbers:
        """Tell what the seed says, by its own rules."""
        streak = next(
            (place for place, one in enumerate(reversed(legs)) if one.pnl > 0), len(legs)
        )  # fmt: skip
        limits = self.thresholds
        asked: tuple[tuple[AlertType, bool], ...] = (
            ("OVERTRADING", len(legs) / max(hours, 0.1) > limits["overtrading_trades_per_hour"]),
            ("REVENGE_TRADING", self._grew_after_loss(legs)),
            ("LOSS_STREAK", streak >= limits["tilt_detection_loss_streak"]),
            ("EXCESSIVE_DRAWDOWN", drawdown > limits["max_drawdown_pct"]),
        )
        types = [name for name, raised in asked if raised]
        return {
            "types": types,
            "risk_multiplier": math.prod(TERMS[name][1] for name in types),
            "status": _status(TERMS[name][0] for name in types),
            "consecutive_losses": streak,
            "session_drawdown_pct": drawdown,
        }


def losing_run_now(pnls: Iterable[float]) -> int:
    """Count the losses since the last win; scratches are stepped over."""
    run = 0
    for pnl in pnls:
        run = run + 1 if pnl < 0 else run if pnl == 0 else 0
    return run


def streak_chance(streak: int, known: Sequence[Trade]) -> tuple[float, float]:
    """Return the chance of such a losing run within as many trades, and the win rate it assumes.

    The rate is Laplace's (one win, one loss added), so that few trades prove nothing.
    """
    decided = [one.pnl > 0 for one in known if one.pnl]
    rate = (sum(decided) + 1) / (len(decided) + 2)
    return losing_run_probability(len(decided), streak, 1 - rate), rate


def _excuse(lost: Trade, current: Trade, earlier: Sequence[Trade]) -> str:
    """Say why a larger size after a loss is no revenge; nothing where it may be."""
    if current.scheduled_roll:
        return "a scheduled roll carries on by plan"
    began = current.began_at
    if began is None or lost.closed_at is None:
        return ""
    if current.opened_at is not None and current.opened_at < lost.closed_at:
        return "it was opened before the loss was known"
    gap = max((began - lost.closed_at) / MINUTE, 0.0)
    own = gaps(earlier)
    limit = max(SPEED_MINUTES, SPEED_OF_MEDIAN * median(own) if own else 0.0)
    if gap < limit:
        return ""
    return f"it was opened {gap:.0f} minutes after the loss, revenge takes less than {limit:.0f}"


def _escalation(known: Sequence[Trade]) -> Alert | None:
    sizes = [one.size for one in known[-TREND_TRADES:]]
    chance = rising_p(sizes) if len(sizes) == TREND_TRADES and all(sizes) else math.nan
    if not chance < P_MAX:
        return None
    return _alert(
        "RISK_ESCALATION",
        f"Position sizes rise over the last {TREND_TRADES} trades",
        "Return to the size you planned.",
        f"for information: the chance of such a trend is {chance:.2g}",
    )


def _emotional(known: Sequence[Trade]) -> Alert | None:
    """Find a pace that losses quicken, in an hour that is not one's own."""
    began = known[-1].began_at
    if len(known) < HABIT_TRADES or began is None:
        return None
    hour = began % DAY // HOUR
    hours = [one.began_at % DAY // HOUR for one in known[:-1] if one.began_at is not None]
    near = sum((one - hour) % 24 in (0, 1, 23) for one in hours)
    if near >= UNUSUAL_SHARE * len(hours):
        return None
    chance = larger_p(gaps(known, after_loss=False), gaps(known, after_loss=True))
    if not chance < P_MAX:
        return None
    return _alert(
        "EMOTIONAL",
        "Trades follow losses faster than wins, now at an unusual hour",
        "Step away before the next trade.",
        f"for information: the chance of such a pace is {chance:.2g}, and {near} of {len(hours)}"
        f" earlier trades were opened within an hour of {hour:02d}:00 UTC",
    )


def _suppressed(
    alerts: Sequence[Alert], seed: SeedNumbers, excuse: str, joined: int
) -> list[Suppressed]:
    """Say of each alert that the seed would raise why it is none."""
    raised = [one["type"] for one in alerts]
    told = {
        "REVENGE_TRADING": excuse,
        "OVERTRADING": f"{joined} legs belong to structures that count once"
        if joined
        else "not all of these trades closed within the window",
        "LOSS_STREAK": f"{joined} legs belong to structures that count once"
        if joined
        else "a scratch is no loss",
    }
    return [{"type": name, "reason": told[name]} for name in seed["types"] if name not in raised]


def _within(trades: Sequence[Trade], hours: float, now: datetime | int | None) -> int:
    """Count the trades of the window; without `now`, or their times, all of them.

    Where openings are stated they are what counts: an expiry that ends ten chains is no trading.
    """
    if now is None:
        return len(trades)
    end = now if isinstance(now, int) else instant(now, "now")
    begin = end - round(hours * HOUR)
    times = (one.closed_at if one.opened_at is None else one.opened_at for one in trades)
    return sum(at is None or begin < at <= end for at in times)


def _drawdown(trades: Sequence[Trade], portfolio_value: float | None) -> float:
    if portfolio_value is None:
        return math.nan
    return abs(min(sum(one.pnl for one in trades), 0.0)) / (portfolio_value + 1e-8)


def _status(severities: Iterable[Severity]) -> Status:
    grave = {one for one in severities if one != "INFO"}
    return "critical" if "CRITICAL" in grave else "warning" if grave else "normal"


def _alert(name: AlertType, message: str, recommendation: str, reason: str) -> Alert:
    severity, multiplier = TERMS[name]
    return {
        "type": name,
        "severity": severity,
        "message": message,
        "recommendation": recommendation,
        "multiplier": multiplier,
        "severity_reason": reason,
    }
