"""How fast may a client ask? Deribit's credit pools, for whoever pays and whoever charges."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Pool = Literal["subscribe", "instruments", "default"]


class Price(msgspec.Struct, frozen=True):
    """What one call costs, in a pool of `size` credits refilled by `refill_per_s`."""

    cost: float
    size: float
    refill_per_s: float


PRICES: Final[dict[Pool, Price]] = {
    "subscribe": Price(3_000, 30_000, 10_000),
    "instruments": Price(10_000, 500_000, 10_000),
    "default": Price(500, 50_000, 10_000),
}
"""Deribit, "Rate Limits", for accounts without a volume tier."""

_POOL_OF: Final[dict[str, Pool]] = {
    "public/subscribe": "subscribe",
    "public/unsubscribe": "subscribe",
    "private/subscribe": "subscribe",
    "private/unsubscribe": "subscribe",
    "public/get_instruments": "instruments",
}


def pool_of(method: str) -> Pool:
    """Name the pool a method draws from."""
    return _POOL_OF.get(method, "default")


class CreditPool:
    """A leaky bucket. Invariant: 0 <= credits <= size; time never refunds by running backward.

    Who pays uses a `share` below 1: the other side counts on arrival, and frames bunch on the way.
    """

    def __init__(self, price: Price, share: float = 1.0) -> None:
        self._price = Price(price.cost, price.size * share, price.refill_per_s * share)
        self._credits = self._price.size
        self._at: float | None = None

    def spend(self, now: float) -> bool:
        """Pay for one call at monotonic second `now`; False (and nothing paid) if it cannot."""
        self._refill(now)
        if self._credits < self._price.cost:
            return False
        self._credits -= self._price.cost
        return True

    def drain(self, now: float) -> None:
        """Empty the pool: the other side says that we had overdrawn it."""
        self._refill(now)
        self._credits = 0.0

    def _refill(self, now: float) -> None:
        if self._at is not None and now > self._at:
            earned = (now - self._at) * self._price.refill_per_s
            self._credits = min(self._price.size, self._credits + earned)
        self._at = now if self._at is None else max(self._at, now)
