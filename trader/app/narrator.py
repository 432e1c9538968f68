"""What does the log say of an outcome? One line per fact, repeated refusals once a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.observability import logger
from trader.domain.facts import (
    AccountMarked,
    AlertRaised,
    BehaviorJudged,
    Filled,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
)
from trader.domain.models import EdgesWeighed, ModelCalibrated
from trader.domain.trading import Approved, Refused
from trader.domain.units import utc_day
from trader.views.behavior_lines import SEVERITIES
from trader.views.log_lines import Known, log_line

if TYPE_CHECKING:
    from trader.domain.facts import Recorded
    from trader.domain.trading import Order
    from trader.engine.engine import Engine
    from trader.engine.outcome import Outcome

LEVELS: Final = {"info": "info", "warning": "warning", "critical": "error"}


class Narrator:
    """Writes the log of what became durable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._log = logger("trader")
        self._day = -1
        self._refused: dict[tuple[str, str], int] = {}
        self._orders = {name: book.order for name, book in engine.ledger.orders.items()}

    def tell(self, outcome: Outcome) -> None:
        """Log every fact of an outcome, with the data-quality marks of the moment."""
        for recorded in outcome.records:
            known = Known(self._share(recorded), self._order(recorded))
            event, fields = log_line(recorded, known, speed=self._engine.market.speed)
            if outcome.data_quality:
                fields["data_quality"] = ",".join(outcome.data_quality)
            getattr(self._log, self._level(recorded, known))(event, **fields)

    def _share(self, recorded: Recorded) -> float | None:
        """Tell what share of equity the chain of a fill may lose at worst."""
        fact = recorded.fact
        if not isinstance(fact, Filled) or fact.chain_id not in self._engine.ledger.chains:
            return None
        chain = self._engine.ledger.chains[fact.chain_id]
        index = self._engine.market.index(chain.underlying)
        return max(chain.risk_usd, chain.risk_coin * index) / chain.equity_at_open_usd

    def _order(self, recorded: Recorded) -> Order | None:
        """Keep the orders at work, which the books forget at once, until their end is told."""
        match recorded.fact:
            case OrderPlaced(order=order):
                self._orders[order.order_id] = order
            case OrderEnded(order_id=order_id):
                return self._orders.pop(order_id, None)
            case _:
                pass
        return None

    def _level(self, recorded: Recorded, known: Known) -> str:
        match recorded.fact:
            case Approved(intent=intent) if intent.action == "quote":
                return "debug"  # every few minutes, two of them: what they meet is told
            case OrderEnded() if known.order is not None and known.order.action == "quote":
                return "debug"
            case AccountMarked() | OrderPlaced() | OrderEnded(end="filled"):
                return "debug"  # told by the status line, the verdict before, the fill beside
            case ModelCalibrated(reason=reason):
                return "warning" if reason else "debug"  # counted, and told by `trader models`
            case EdgesWeighed(taken=taken):
                return "info" if any(taken) else "debug"
            case AlertRaised(severity=severity):
                return LEVELS[severity]
            case HaltChanged(active=True):
                return "error"
            case BehaviorJudged(status=status):
                return LEVELS[SEVERITIES[status]]
            case Refused() as refused:
                return "debug" if self._repeated(refused, utc_day(recorded.at)) else "info"
            case _:
                return "info"

    def _repeated(self, refused: Refused, day: int) -> bool:
        if day != self._day:
            self._day = day
            self._refused.clear()
        key = (refused.intent.strategy, refused.rule)
        self._refused[key] = self._refused.get(key, 0) + 1
        return self._refused[key] > 1
