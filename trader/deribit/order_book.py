"""What stands in the order book? Full depth of one instrument, from a snapshot and its changes.

Deribit numbers the states of a book: each change names the state it follows. The numbers are
shared by many instruments and are no count. Deribit, "book.{instrument_name}.{interval}".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from trader.deribit.messages import BookRow, BookUpdate

Heard = Literal["applied", "repeated", "awaited"]
"""Applied; a state we have already; or a change while the snapshot is still to come."""

LEVELS_MAX: Final = 20_000
"""More levels on one side than any book of the venue has: somebody feeds us nonsense."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """What rests at one price; sizes as the venue counts them (coin, or USD of inverse futures)."""

    price: float
    amount: float


class BookBroken(Exception):
    """The chain of states is torn or a change does not fit: only a new snapshot mends the book."""


class OrderBook:
    """The levels of both sides, followed change by change.

    Invariant: `usable` from a snapshot on until the first update that does not follow; a book that
    is not usable shows no level, so that nobody reads a state the venue never had.
    """

    __slots__ = ("_asks", "_bids", "change_id", "timestamp_ms", "usable")

    def __init__(self) -> None:
        self.usable = False
        self.change_id = 0
        self.timestamp_ms = 0
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}

    def reset(self) -> None:
        """Wait for a snapshot: nothing that was known holds any more."""
        self.usable = False
        self._bids.clear()
        self._asks.clear()

    def apply(self, update: BookUpdate) -> Heard:
        """Take a snapshot, or the change that follows the present state.

        Raises:
            BookBroken: it does not follow, or does not fit; the book has been reset.
        """
        if update.type == "snapshot":
            self.reset()
        elif not self.usable:
            return "awaited"
        elif update.change_id == self.change_id:
            return "repeated"
        elif update.prev_change_id != self.change_id:
            raise self._broken(
                f"state {update.change_id} follows {update.prev_change_id}, we have "
                f"{self.change_id}: a change is missing"
            )
        self._merge(self._bids, update.bids)
        self._merge(self._asks, update.asks)
        self.change_id, self.timestamp_ms, self.usable = update.change_id, update.timestamp, True
        return "applied"

    def _merge(self, side: dict[float, float], rows: tuple[BookRow, ...]) -> None:
        for action, price, amount in rows:
            if not 0.0 < price < math.inf or not 0.0 <= amount < math.inf:
                raise self._broken(f"{action} of {amount!r} at price {price!r} is no level")
            if action != "new" and price not in side:
                raise self._broken(f"{action} at {price:g}, where nothing rests")
            if action == "delete":
                del side[price]
            elif amount > 0.0:
                side[price] = amount
            else:
                raise self._broken(f"{action} at {price:g} without an amount")
        if len(side) > LEVELS_MAX:
            raise self._broken(f"{len(side)} levels on one side")

    def _broken(self, why: str) -> BookBroken:
        self.reset()
        return BookBroken(why)

    def __len__(self) -> int:
        return len(self._bids) + len(self._asks)

    def bids(self, depth: int | None = None) -> tuple[Level, ...]:
        """List the bids, best first, at most `depth`; none while the book is not usable."""
        best = sorted(self._bids.items(), reverse=True)[:depth]
        return tuple(Level(price, amount) for price, amount in best)

    def asks(self, depth: int | None = None) -> tuple[Level, ...]:
        """List the asks, best first, at most `depth`; none while the book is not usable."""
        best = sorted(self._asks.items())[:depth]
        return tuple(Level(price, amount) for price, amount in best)

    @property
    def crossed(self) -> bool:
        """Whether somebody bids at least what somebody else asks: no market shows that for long."""
        return bool(self._bids) and bool(self._asks) and max(self._bids) >= min(self._asks)
