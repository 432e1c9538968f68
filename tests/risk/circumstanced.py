"""What does the size of a trade rest on in these tests? Circumstances that a test writes down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trader.domain.market import Bars
from trader.domain.models import Observation, Worth
from trader.risk.greeks import Book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_BARS = Bars((), (), (), (), ())


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Circumstances as a test states them; by default nothing is known and nothing leans."""

    earned: Sequence[float] = ()
    valued: Worth | None = None
    regime: Observation = Observation(None, "no history was read")
    hours: Mapping[str, Bars] = {}
    leaning: Book = Book()

    def results(self) -> Sequence[float]:
        """List results."""
        return self.earned

    def worth(self) -> Worth | None:
        """Tell the worth."""
        return self.valued

    def seen(self) -> Observation:
        """Tell the regime."""
        return self.regime

    def bars(self, underlying: str) -> Bars:
        """Show the hours."""
        return self.hours.get(underlying, NO_BARS)

    def book(self) -> Book:
        """Show the book."""
        return self.leaning
