"""What time does the exchange say it is? The market clock, anchored to whoever keeps the time."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final

from trader.deribit.messages import RequestFailed, SimulatorClock, decode_result
from trader.domain.errors import ConfigurationError, FeedError
from trader.domain.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from trader.app.feed_faults import FeedFaults
    from trader.app.market_clock import MarketClock
    from trader.app.settings import FeedSettings
    from trader.deribit.client import DeribitClient

METHOD_NOT_FOUND: Final = -32601
JUMP_S_MAX: Final = 2.0


class ExchangeTime:
    """Anchors the market clock to the bundled exchange's; holds the system's against a venue's.

    Invariant: once told, the market (its seed and version) and its speed never change: another
    market is another journal. `market` names it; `announced` is what the bundled exchange said of
    it last.
    """

    def __init__(
        self, settings: FeedSettings, client: DeribitClient, clock: MarketClock, faults: FeedFaults
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._faults = faults
        self._told = asyncio.Event()
        self.market = settings.source
        self.announced: SimulatorClock | None = None

    async def known(self) -> None:
        """Wait until the market clock can be read."""
        await self._told.wait()

    async def anchor(self) -> None:
        """Take the exchange's clock where it has one of its own; note jumps."""
        jumped = self._clock.drift() if self._clock.wall else await self._follow()
        self._told.set()
        if abs(jumped) > JUMP_S_MAX:
            text = f"the clock moved by {jumped:+.1f} s of wall time at once"
            await self._faults.note("clock_jump", text)

    async def compare(self) -> None:
        """Hold the system's clock against the venue's: ages and expiries hang on it."""
        began = time.monotonic()
        told = decode_result(await self._client.call("public/get_time"), int) * MILLISECOND
        ahead_s = (self._clock.now() - told) / SECOND
        if not -JUMP_S_MAX <= ahead_s <= JUMP_S_MAX + time.monotonic() - began:
            text = f"the system's clock is {ahead_s:+.1f} s off the exchange's: synchronize it"
            await self._faults.note("clock_jump", text)

    async def _follow(self) -> float:
        began = time.monotonic()
        try:
            answer = await self._client.call("simulator/clock")
        except RequestFailed as error:
            if error.code != METHOD_NOT_FOUND:
                raise
            raise ConfigurationError(
                f"feed.source {self._settings.source!r}: {self._settings.endpoint} is not the "
                "bundled exchange; name the venue (deribit, deribit-test) or its URL as source"
            ) from error
        told = decode_result(answer, SimulatorClock)
        if not (math.isfinite(told.speed) and told.speed > 0):
            raise FeedError(f"simulator/clock: speed {told.speed!r} is not a positive number")
        market = f"{told.seed}@{told.market}"
        if self._told.is_set() and (market != self.market or told.speed != self._clock.speed):
            raise ConfigurationError(
                f"the exchange came back as market {market} at {told.speed:g}x, it was "
                f"{self.market} at {self._clock.speed:g}x: restart the daemon"
            )
        self.market, self.announced = market, told
        self._client.set_market_speed(told.speed, unpaced=told.stepped)
        self._clock.stepped = told.stepped
        if told.stepped:
            self._clock.speed = told.speed
            self._clock.step_to(told.now_at)
            return 0.0
        return self._clock.anchor(told.now_at, told.speed, time.monotonic() - began)
