"""What does the size of a new trade rest on, beside the account? Looked up when the gate asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.risk.case import underlying_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Bars
    from trader.domain.models import Observation, Worth
    from trader.domain.trading import Intent
    from trader.engine.account_view import AccountView
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.model_desk import ModelDesk
    from trader.risk.greeks import Book


class Surroundings:
    """The circumstances of one intent at one instant. Invariant: it only reads, and keeps nothing.

    Everything it shows comes from facts (record, positions) and inputs (quotes, closed hours), so
    that a replay and a recovered engine see the same.
    """

    __slots__ = ("_account", "_intent", "_ledger", "_market", "_models", "_worth")

    def __init__(
        self,
        intent: Intent,
        worth: Worth | None,
        ledger: Ledger,
        market: MarketState,
        models: ModelDesk,
        account: AccountView,
    ) -> None:
        self._intent = intent
        self._worth = worth
        self._ledger = ledger
        self._market = market
        self._models = models
        self._account = account

    def results(self) -> Sequence[float]:
        """List what closed chains of the strategy earned, in multiples of what each could lose."""
        return self._ledger.conduct.of(self._intent.strategy).results()

    def worth(self) -> Worth | None:
        """Tell what the models made of the structure when the strategy asked them."""
        return self._worth

    def seen(self) -> Observation:
        """Tell the market regime of the underlying."""
        return self._models.seen(self._intent.underlying)

    def bars(self, underlying: str) -> Bars:
        """Show the closed hours of an index."""
        return self._market.bars.closed(underlying)

    def book(self) -> Book:
        """Show what leans on the underlying."""
        return self._account.book(underlying_of(self._intent.underlying))
