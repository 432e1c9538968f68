"""What is worth telling somebody who is not looking? Facts to act upon, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.facts import MAIN_ACCOUNT, AlertRaised, HaltChanged, SettlementPending
from trader.domain.trading import Refused
from trader.domain.units import MINUTE, iso
from trader.engine.stages import RANK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.facts import Recorded
    from trader.domain.trading import Stage

NoticeKind = Literal["demotion", "refusals", "feed_loss", "settlement", "failed_night", "halt"]
KINDS: Final[tuple[NoticeKind, ...]] = get_args(NoticeKind)
TEXT_MAX: Final = 3_000
"""Characters of one notice; services split it further."""
LIMITS: Final = frozenset(
    {
        "per_trade_risk", "underlying_risk", "daily_trades", "open_positions", "margin",
        "maintenance_margin", "daily_loss_halt", "drawdown_halt", "position_size",
        "strategy_position_cap", "strategy_notional_budget", "strategy_risk_budget",
        "portfolio_risk_budget", "gross_exposure",
    }
)  # fmt: skip
"""The rules that are limits: what they refuse in bursts, a person may have set too tight."""


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell: its kind, a title of a few words, and what happened."""

    kind: NoticeKind
    title: str
    text: str


class Lookout:
    """Hears facts in their order, and says which are worth telling.

    `stages` is where each strategy stands when it begins. A burst is `refusals` refusals of one
    strategy by limits within `refusal_minutes` of market time; then the count begins anew.
    """

    def __init__(
        self, stages: Mapping[str, Stage], *, refusals: int, refusal_minutes: float
    ) -> None:
        self._stages: dict[str, Stage] = dict(stages)
        self._refusals = refusals
        self._within = round(refusal_minutes * MINUTE)
        self._refused: dict[str, list[int]] = {}

    def hear(self, recorded: Recorded) -> Notice | None:
        """Take one fact; None where nobody needs to be told."""
        at = iso(recorded.at)
        match recorded.fact:
            case StageChanged() as change:
                return self._moved(change, at)
            case Refused(account=account, rule=rule) as refused if (
                account == MAIN_ACCOUNT and rule in LIMITS
            ):
                return self._burst(refused, recorded.at)
            case AlertRaised(kind="feed_lost", text=text):
                return _notice("feed_loss", "Feed lost", f"{at}: {text}")
            case SettlementPending(account=account) as pending if account == MAIN_ACCOUNT:
                text = f"{', '.join(pending.instruments)} expired and no delivery price is known"
                return _notice("settlement", "Settlement pending", f"{at}: {text}")
            case HaltChanged(active=True, account=account) as halt if account == MAIN_ACCOUNT:
                return _notice("halt", f"Opening halted: {halt.rule}", f"{at}: {halt.detail}")
            case NightEvaluated() as night:
                return _failed(night)
            case _:
                return None

    def _moved(self, change: StageChanged, at: str) -> Notice | None:
        before = self._stages.get(change.strategy)
        self._stages[change.strategy] = change.stage
        if before is None or RANK[change.stage] >= RANK[before]:
            return None
        title = f"{change.strategy} fell from {before} to {change.stage}"
        return _notice("demotion", title, f"{at}: by {change.by}: {change.reason}")

    def _burst(self, refused: Refused, at: int) -> Notice | None:
        strategy = refused.intent.strategy
        times = [one for one in self._refused.get(strategy, ()) if at - one < self._within]
        times.append(at)
        if len(times) < self._refusals:
            self._refused[strategy] = times
            return None
        self._refused.pop(strategy, None)
        minutes = (at - times[0]) / MINUTE
        text = (
            f"{iso(at)}: {len(times)} refusals by limits within {minutes:.0f} minutes, the last by"
            f" {refused.rule} (limit {refused.limit:g}, used {refused.used:g}, requested"
            f" {refused.requested:g}): trader explain {refused.verdict_id}"
        )
        return _notice("refusals", f"{strategy} keeps being refused", text)


def _failed(night: NightEvaluated) -> Notice | None:
    """Tell of a night that could not judge, whole or in part."""
    failed = [one for one in night.verdicts if one.standing == "failed"]
    if not failed:
        return None
    lines = [f"{one.strategy}: {one.reason}" for one in failed]
    return _notice("failed_night", f"The night of {night.date} could not judge", "\n".join(lines))


def _notice(kind: NoticeKind, title: str, text: str) -> Notice:
    """Bound a notice: a text too long must not be lost at a service."""
    cut = text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 2]} …"
    return Notice(kind, " ".join(title.split())[:120], cut)
