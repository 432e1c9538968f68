"""At which price did an expiry settle? The exchange is asked until it tells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trader.app.feed_faults import is_power_of_two
from trader.app.observability import logger
from trader.deribit import history
from trader.domain.errors import FeedError
from trader.domain.units import iso

if TYPE_CHECKING:
    from trader.app.driver import Inbox
    from trader.app.market_clock import MarketClock
    from trader.deribit.client import DeribitClient

DELIVERY_EVERY_S: Final = 1.0
STEP_S: Final = 0.01  # the same where the exchange's clock waits for us
DELIVERY_TRIES_QUICK: Final = 30
"""After so many tries a delivery price is asked for every tenth time only."""


class Deliveries:
    """The delivery prices that are missing. Invariant: each is asked for until it is an event."""

    def __init__(self, client: DeribitClient, clock: MarketClock, inbox: Inbox) -> None:
        self._client = client
        self._clock = clock
        self._inbox = inbox
        self._log = logger("feed")
        self._wanted: dict[tuple[str, int], int] = {}

    def __len__(self) -> int:
        """Count what is missing."""
        return len(self._wanted)

    def want(self, underlying: str, expires_at: int) -> None:
        """Ask for a delivery price until it is known; it arrives as an event."""
        self._wanted.setdefault((underlying, expires_at), 0)

    async def fetch(self) -> None:
        """Ask for missing delivery prices until each is known."""
        while True:
            await asyncio.sleep(STEP_S if self._clock.stepped else DELIVERY_EVERY_S)
            for wanted, tries in tuple(self._wanted.items()):
                if not self._client.connected:
                    break
                self._wanted[wanted] = tries + 1
                if tries < DELIVERY_TRIES_QUICK or tries % 10 == 0:
                    await self._ask(*wanted)

    async def _ask(self, underlying: str, expires_at: int) -> None:
        wanted = (underlying, expires_at)
        missing = "is not published yet"
        try:
            price = await history.load_delivery_price(self._client.call, underlying, expires_at)
        except FeedError as error:
            price, missing = None, f"was not told: {error}"
        if price is not None:
            del self._wanted[wanted]
            await self._inbox.put(price)
        elif is_power_of_two(self._wanted[wanted]):
            message = f"the delivery price of {underlying} at {iso(expires_at)} {missing}"
            self._log.warning("delivery.missing", message=message, tries=self._wanted[wanted])
