"""What does the ledger know of an order that works? What let it pass, and what of it is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.portfolio import WorkingOrder
from trader.domain.units import tidy

if TYPE_CHECKING:
    from trader.domain.facts import OrderPlaced
    from trader.domain.trading import Approved


class WorkingBook:
    """One working order: what was approved for it and how much of it is done.

    `resting_at` is the net price at which it was seen waiting: the broker's memory, no fact.
    """

    __slots__ = ("approval", "filled", "instruments", "order", "resting_at")

    def __init__(self, approval: Approved, placed: OrderPlaced) -> None:
        self.approval = approval
        self.order = placed.order
        self.instruments = {instrument.name: instrument for instrument in placed.instruments}
        self.filled = 0.0
        self.resting_at: float | None = None

    @property
    def remaining(self) -> float:
        """Units not yet filled."""
        return tidy(self.order.amount - self.filled)

    def view(self) -> WorkingOrder:
        """Show it read-only."""
        return WorkingOrder(self.order, self.filled)
