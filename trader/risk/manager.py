"""May this trade be taken? The public risk manager, on shares of equity and datetimes.

The engine asks `Gate`, which knows legs, quotes and the ledger; both ask `trader.risk.limits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from trader.domain.units import normalize_underlying
from trader.risk.gate import Gate
from trader.risk.limits import daily_use, exceeded, per_trade_use, underlying_use
from trader.risk.view import GateView

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CandidateTrade", "Gate", "GateView", "OpenPosition", "RiskConfig", "RiskManager"]


@dataclass(slots=True)
class OpenPosition:
    """A position that uses up risk; `estimated_max_loss_pct` is a fraction of equity."""

    position_id: str
    underlying: str
    estimated_max_loss_pct: float
    opened_at: datetime


@dataclass(slots=True)
class CandidateTrade:
    """A trade somebody wants; `estimated_max_loss_pct` is a fraction of equity."""

    underlying: str
    estimated_max_loss_pct: float
    opened_at: datetime
    strategy_id: str


@dataclass(slots=True)
class RiskConfig:
    """Limits of the risk manager, fractions of equity. Invariant: every limit can be met."""

    max_risk_per_trade: float = 0.01
    max_risk_per_underlying: float = 0.03
    max_new_trades_per_day: int = 2
    enabled: bool = True

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse limits nothing could ever meet or break.

        Raises:
            ValueError: a limit is not a fraction in (0, 1], or the count is not whole and >= 0.
        """
        for name in ("max_risk_per_trade", "max_risk_per_underlying"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 < value <= 1):
                raise ValueError(
                    f"{name} {value!r} must be above 0 and at most 1: a fraction, e.g. 0.01"
                )
        count = self.max_new_trades_per_day
        if not (_is_number(count) and count >= 0 and count == int(count)):
            raise ValueError(f"max_new_trades_per_day {count!r} must be a whole number, e.g. 2")


class RiskManager:
    """Approves trades within the limits and counts them. Invariant: only approvals are counted.

    A slot of the UTC day is recorded on approval; what is open the caller lists. Corrections to
    plain comparisons: risk that is not a positive finite number is refused by name, comparisons
    tolerate 1e-12, underlyings are normalized (`btc` = `BTC_USDC` = `BTC`), the day is UTC.
    """

    def __init__(self, config: RiskConfig) -> None:
        config.check()
        self.config = config
        self._new_trades: dict[tuple[str, date], int] = {}

    def reset_daily_counter(self) -> None:
        """Forget every slot taken so far."""
        self._new_trades.clear()

    def check_trade(
        self, candidate: CandidateTrade, open_positions: Sequence[OpenPosition]
    ) -> tuple[bool, str | None]:
        """Approve (True, None), recording a slot, or refuse with the reason: (False, reason).

        Raises:
            ValueError: the configuration was changed to impossible limits.
        """
        config = self.config
        config.check()
        if not config.enabled:
            return True, None
        mistake = _mistake(candidate, open_positions)
        if mistake is not None:
            return False, mistake
        day = (candidate.strategy_id, candidate.opened_at.astimezone(UTC).date())
        refusal = self._over_limit(candidate, open_positions, self._new_trades.get(day, 0))
        if refusal is not None:
            return False, refusal
        self._new_trades[day] = self._new_trades.get(day, 0) + 1
        return True, None

    def _over_limit(
        self, candidate: CandidateTrade, positions: Sequence[OpenPosition], trades_today: int
    ) -> str | None:
        """Name the first limit that does not allow the candidate: trade, underlying, day."""
        config, share = self.config, candidate.estimated_max_loss_pct
        if exceeded(per_trade_use(config.max_risk_per_trade, share)):
            return f"per-trade risk {share:.2%} exceeds limit {config.max_risk_per_trade:.2%}"
        underlying = normalize_underlying(candidate.underlying)
        on_it = [
            position.estimated_max_loss_pct
            for position in positions
            if normalize_underlying(position.underlying) == underlying
        ]
        use = underlying_use(config.max_risk_per_underlying, on_it, share)
        if exceeded(use):
            return (
                f"correlated risk on {candidate.underlying} would be "
                f"{use.used + use.requested:.2%} > limit {use.limit:.2%}"
            )
        if exceeded(daily_use(config.max_new_trades_per_day, trades_today)):
            return (
                f"daily trade cap reached for strategy {candidate.strategy_id} "
                f"({trades_today}/{config.max_new_trades_per_day})"
            )
        return None


def _mistake(candidate: CandidateTrade, positions: Sequence[OpenPosition]) -> str | None:
    """Name the first field that cannot be judged, with its value and what to give instead."""
    found = _unfit("candidate", candidate)
    for position in positions:
        found = found or _unfit(f"open position {position.position_id}", position)
    return found


def _unfit(whose: str, trade: CandidateTrade | OpenPosition) -> str | None:
    share, at = trade.estimated_max_loss_pct, trade.opened_at
    if not (_is_number(share) and share > 0):
        return (
            f"{whose}: estimated_max_loss_pct {share!r} is not a positive finite number: "
            "give the max loss as a fraction of equity"
        )
    if at.tzinfo is None or at.utcoffset() is None:
        return f"{whose}: opened_at {at.isoformat()} is naive: give it a timezone, e.g. UTC"
    try:
        normalize_underlying(trade.underlying)
    except (AttributeError, ValueError):
        return f"{whose}: underlying {trade.underlying!r} is empty: name the coin, e.g. BTC"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
