"""What does the dashboard know of the past? One fold of the journal behind every page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.facts import AccountMarked
from trader.engine.ledger import Ledger
from trader.views.live import LiveView
from trader.views.performance import Performance
from trader.views.stages import StageView

if TYPE_CHECKING:
    from trader.domain.facts import Recorded

MARKS_MAX: Final = 20_000
"""Marks kept of one account: two years of hours; of longer lives the older half grows coarser."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What an account was worth at an hour, and what trading had earned against holding."""

    at: int
    equity_usd: float
    trading_pnl_usd: float


class Desk:
    """The books, the live view, the stages and the curves. Invariant: all of them as of one fact.

    It belongs to one thread; `apply` takes the journal's facts in their order.
    """

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.live = LiveView(self.ledger)
        self.stages = StageView(self.ledger)
        self.performance = Performance()
        self._marks: dict[str, list[Mark]] = {}

    def apply(self, recorded: Recorded) -> None:
        """Fold one fact in.

        Raises:
            InvariantBroken: the fact contradicts the books.
        """
        self.ledger.apply(recorded)
        self.live.apply(recorded)
        self.stages.apply(recorded)
        self.performance.apply(recorded)
        if isinstance(recorded.fact, AccountMarked):
            self._mark(recorded.at, recorded.fact)

    def marks(self, account: str) -> tuple[Mark, ...]:
        """List what an account was worth, oldest first; empty before its first mark."""
        return tuple(self._marks.get(account, ()))

    def _mark(self, at: int, fact: AccountMarked) -> None:
        marks = self._marks.setdefault(fact.account, [])
        marks.append(Mark(at, fact.equity_usd, fact.trading_pnl_usd))
        if len(marks) > MARKS_MAX:
            older = len(marks) // 2
            self._marks[fact.account] = marks[:older:2] + marks[older:]
