"""What do the indices say, and how far can they be believed?"""

from __future__ import annotations

import math

from trader.engine.quality import mended


class IndexBook:
    """The latest price of every index in USD, when it was told, and its channel's integrity.

    Invariant: a price is positive and finite, and never older than the one before. A negative time
    says that the price is doubted until the next one.
    """

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, int]] = {}
        self._integrity: dict[str, float] = {}

    def __contains__(self, underlying: str) -> bool:
        return underlying in self._told

    def names(self) -> list[str]:
        """List what was ever told."""
        return sorted(self._told)

    def take(self, underlying: str, price: float, quoted_at: int) -> bool:
        """Take a price; False where it is none, or older than what we have: not kept."""
        if not 0 < price < math.inf or quoted_at < self._told.get(underlying, (price, 0))[1]:
            return False
        self._told[underlying] = (price, quoted_at)
        self._integrity[underlying] = mended(self._integrity.get(underlying, 1.0))
        return True

    def price(self, underlying: str) -> float:
        """Tell a price; NaN where none was ever told."""
        return self._told.get(underlying, (math.nan, 0))[0]

    def told_at(self, underlying: str) -> int:
        """Tell when; 0 for never, negative while doubted."""
        return self._told.get(underlying, (math.nan, 0))[1]

    def integrity(self, underlying: str) -> float:
        """Tell how far the channel may be believed by its past."""
        return self._integrity.get(underlying, 1.0)

    def doubt(self, *underlyings: str) -> None:
        """Doubt what these told so far."""
        for name in underlyings:
            if name in self._told:
                price, told_at = self._told[name]
                self._told[name] = (price, -abs(told_at))

    def damage(self, kept: float, *underlyings: str) -> None:
        """Leave these channels only a share of their integrity."""
        for name in underlyings:
            if name in self._integrity:
                self._integrity[name] *= kept
