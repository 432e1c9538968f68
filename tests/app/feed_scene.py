"""A live feed on loopback for tests: the test stands where the engine does and takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from trader.app.driver import Errand, Inbox
from trader.app.live_feed import LiveFeed
from trader.app.market_clock import MarketClock
from trader.app.metrics import Metrics
from trader.app.settings import SIMULATED, FeedSettings
from trader.deribit.client import ClientSettings
from trader.domain.events import (
    Event,
    FeedLost,
    FeedRestored,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    Quote,
)
from trader.domain.instruments import Instrument
from trader.domain.units import DAY, HOUR

Kind = TypeVar("Kind")
START = 20_605 * DAY + 18 * HOUR
"""2026-06-01T18:00:00Z."""
QUICK: dict[str, Any] = {
    "backoff_initial_s": 0.05, "backoff_max_s": 0.1, "request_timeout_s": 5.0, "gap_s": 2.5,
    "mute_channel_s": 2.5, "close_timeout_s": 0.2,
}  # fmt: skip


class Scene:
    """A feed that runs, and everything it gave to the engine so far."""

    def __init__(
        self,
        url: str,
        source: str,
        books: tuple[str, ...] = (),
        *,
        linear: bool = False,
        underlyings: tuple[str, ...] = ("BTC", "ETH"),
        **client: Any,
    ) -> None:
        settings = FeedSettings(
            source=source, url=url, expiries_within_days=2.0, books=books, linear=linear,
            underlyings=underlyings, client=ClientSettings(**{**QUICK, **client}),
        )  # fmt: skip
        self.clock = MarketClock(wall=source != SIMULATED)
        self.inbox = Inbox(settings.client.queue_max)
        self.metrics = Metrics()
        self.feed = LiveFeed(settings, self.clock, self.inbox, self.metrics)
        self.events: list[Event] = []
        self.jobs: list[asyncio.Task[None]] = []

    async def engine(self) -> None:
        """Take what comes."""
        while True:
            while (event := self.inbox.take()) is not None:
                assert not isinstance(event, Errand)
                self.events.append(event)
            await self.inbox.wait(0.5)

    def of(self, kind: type[Kind], after: int = 0) -> list[Kind]:
        """List the events of a kind."""
        return [event for event in self.events[after:] if isinstance(event, kind)]

    async def until(self, enough: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(seconds):
            while not enough():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.01)

    async def alive(self) -> None:
        """Wait until the feed is up and quotes arrive."""
        await self.until(lambda: self.feed.alive and self.of(Quote) and len(self.of(IndexPrice)))

    def listed(self) -> dict[str, Instrument]:
        """Fold listings and expiries, as the engine does."""
        listed: dict[str, Instrument] = {}
        for event in self.events:
            match event:
                case InstrumentListed():
                    listed |= {one.name: one for one in event.instruments}
                case InstrumentExpired():
                    for name in event.names:
                        del listed[name]
                case _:
                    pass
        return listed

    def trust(self) -> list[str]:
        """Tell the story of trust in order."""
        told = [one for one in self.events if isinstance(one, FeedLost | FeedRestored)]
        return [f"{type(one).__name__} {' '.join(one.scope[:2])}" for one in told]

    async def fault(self, kind: str, scope: str = "*", duration_s: float = 0.3) -> None:
        """Let something go wrong at the exchange."""
        params = {"kind": kind, "scope": scope, "duration_s": duration_s}
        await self.feed.client.call("simulator/fault_start", params)


@asynccontextmanager
async def running(
    url: str,
    source: str = SIMULATED,
    books: tuple[str, ...] = (),
    *,
    linear: bool = False,
    underlyings: tuple[str, ...] = ("BTC", "ETH"),
    **client: Any,
) -> AsyncIterator[Scene]:
    """Run a feed until the block ends; what it raises ends the block."""
    scene = Scene(url, source, books, linear=linear, underlyings=underlyings, **client)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for job in (scene.feed.run, scene.feed.deliveries.fetch, scene.engine):
            scene.jobs.append(tasks.create_task(job()))
        tasks.create_task(scene.feed.client.run())
        try:
            yield scene
        finally:
            scene.feed.client.stop()
            for running_job in scene.jobs:
                running_job.cancel()
