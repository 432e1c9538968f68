"""How is a verdict written? One intent before the gate, with every limit asked so far."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from trader.domain.trading import (
    Approved,
    Consumer,
    Intent,
    LimitUse,
    MaxLoss,
    Refused,
    Reservation,
    Rule,
    SizeFactor,
)
from trader.domain.units import normalize_underlying
from trader.risk.limits import RiskSettings, exceeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.risk.view import GateView

NO_LOSS = MaxLoss(usd=0.0, coin=0.0, share=0.0, stress_low=0.0, stress_high=0.0)


class Case:
    """An intent, what it is judged on, what was asked of it. Invariant: verdicts hold no NaN."""

    __slots__ = (
        "_users", "factors", "intent", "settings", "underlying", "uses", "verdict_id", "view",
    )  # fmt: skip

    def __init__(
        self, settings: RiskSettings, intent: Intent, view: GateView, verdict_id: str
    ) -> None:
        self.settings = settings
        self.intent = intent
        self.view = view
        self.verdict_id = verdict_id
        self.uses: list[LimitUse] = []
        self.factors: tuple[SizeFactor, ...] = ()
        self.underlying = underlying_of(intent.underlying)
        self._users: tuple[Consumer, ...] | None = None

    def ask(self, use: LimitUse) -> bool:
        """Note a limit as asked; True where it does not allow the request."""
        sound = math.isfinite(use.limit + use.used + use.requested)
        self.uses.append(use if sound else _written(use))
        return exceeded(use)

    def budget_users(self) -> tuple[Consumer, ...]:
        """List what uses the budget of this underlying, by id; the nameless may belong to any."""
        if self._users is None:
            mine = (self.underlying, "")
            users = [one for one in self.view.consumers if underlying_of(one.underlying) in mine]
            self._users = by_id(users)
        return self._users

    def refuse(
        self,
        rule: Rule,
        explanation: str,
        use: LimitUse | None = None,
        *,
        allowed: float = 0.0,
        consumers: tuple[Consumer, ...] = (),
        frees_at: int | None = None,
        equity_needed_usd: float | None = None,
    ) -> Refused:
        """Write a refusal; `use` is the limit that decided, in the unit it counts in."""
        view = self.view
        return Refused(
            verdict_id=self.verdict_id,
            account=view.account,
            intent=self.intent,
            stage=view.stage,
            rule=rule,
            limit=_finite(use.limit) if use else 0.0,
            used=_finite(use.used) if use else 0.0,
            requested=_finite(use.requested) if use else 0.0,
            explanation=explanation,
            allowed=_finite(allowed),
            consumers=consumers,
            frees_at=frees_at,
            equity_needed_usd=(
                equity_needed_usd if math.isfinite(equity_needed_usd or 0.0) else None
            ),
            limits=tuple(self.uses),
            data_quality=view.data_quality,
            restraint=view.restraint,
            regime=view.regime,
            selection=view.selection if self.intent.action == "open" else "",
            sizing=self.factors,
        )

    def approve(
        self,
        amount: float,
        chain_id: str,
        max_loss: MaxLoss = NO_LOSS,
        *,
        reserve_usd: float = 0.0,
        reserve_coin: float = 0.0,
        slot: bool = False,
    ) -> Approved:
        """Write an approval of `amount` units with what it reserves."""
        view = self.view
        return Approved(
            verdict_id=self.verdict_id,
            account=view.account,
            intent=self.intent,
            stage=view.stage,
            amount=amount,
            chain_id=chain_id,
            max_loss=max_loss,
            reservation=Reservation(
                id=self.verdict_id, usd=reserve_usd, coin=reserve_coin, slot=slot
            ),
            limits=tuple(self.uses),
            data_quality=view.data_quality,
            restraint=view.restraint,
            regime=view.regime,
            selection=view.selection if self.intent.action == "open" else "",
            sizing=self.factors,
        )


def by_id(consumers: Iterable[Consumer]) -> tuple[Consumer, ...]:
    """Sort consumers by id."""
    return tuple(sorted(consumers, key=lambda one: (one.id, one.kind)))


@functools.lru_cache(256)
def underlying_of(name: str) -> str:
    """Normalize an underlying; empty where it names nothing, which no contract matches."""
    try:
        return normalize_underlying(name)
    except (AttributeError, ValueError):
        return ""


def _written(use: LimitUse) -> LimitUse:
    return LimitUse(use.rule, *map(_finite, (use.limit, use.used, use.requested)))


def _finite(value: float) -> float:
    """Keep verdicts writable: a number that is not finite is shown as 0, its words name it."""
    return value if math.isfinite(value) else 0.0
