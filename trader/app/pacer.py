"""How does the daemon drive a replay at full speed? It asks for the next step when it is done.

The exchange's clock stands until then, so nothing is decided late, whatever this machine does.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from trader.app.observability import logger
from trader.deribit.messages import SimulatorStep, decode_result
from trader.domain.errors import FeedError
from trader.domain.units import DAY, MILLISECOND

if TYPE_CHECKING:
    from trader.app.driver import Driver
    from trader.app.live_feed import LiveFeed
    from trader.app.market_clock import MarketClock

LOOK_EVERY_S: Final = 0.001
PATIENCE_S: Final = 10.0
"""What has not come by then is gone on without."""

RETRY_S: Final = 1.0


class Pacer:
    """Paces a stepped clock, and rests where the clock runs by itself.

    Invariant: a step is asked for only while the engine waits for input, no timer is due, and the
    feed owes nothing: no answer, no quote of what was subscribed, no delivery price.
    """

    def __init__(self, clock: MarketClock, feed: LiveFeed, driver: Driver) -> None:
        self._clock = clock
        self._feed = feed
        self._driver = driver
        self._log = logger("pacer")
        self.ended = False

    async def run(self) -> None:
        """Ask for step after step until the recording ends."""
        if not self._clock.stepped:
            return
        while not self.ended:
            await self._done()
            try:
                await self._step()
            except FeedError as error:
                message = f"{error}; asking again in {RETRY_S:g} s"
                self._log.warning("replay.waiting", message=message)
                await asyncio.sleep(RETRY_S)
        await self._done()
        self._log.info(
            "replay.ended", at=self._clock.now(), message="the recording ends here: nothing follows"
        )

    async def _done(self) -> None:
        """Wait until all that was told is dealt with."""
        began = time.monotonic()
        while not self._idle():
            if time.monotonic() - began > PATIENCE_S:
                message = f"the feed owes something for {PATIENCE_S:g} s: going on without it"
                self._log.warning("replay.waiting", message=message, at=self._clock.now())
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _idle(self) -> bool:
        due = self._driver.next_due()
        waits = due is None or due > self._clock.now()
        return waits and self._driver.waiting and self._feed.settled

    async def _step(self) -> None:
        now = self._clock.now()
        until = self._driver.next_due() or now + DAY
        answer = await self._feed.client.call("simulator/step", {"until": -(-until // MILLISECOND)})
        step = decode_result(answer, SimulatorStep)
        self._clock.step_to(step.now_at)
        self.ended = step.ended
