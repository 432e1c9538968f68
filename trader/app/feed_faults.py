"""What does the feed tell against itself, and what of that must the engine hear?

A lost feed is told once, silent channels once each and their return together: a fault that lasts
must not fill journal and log.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from trader.app.observability import logger
from trader.deribit import translate
from trader.deribit.pushes import BOOK_PREFIX, INDEX_PREFIX, TICKER_PREFIX
from trader.domain.events import FeedFault, FeedLost, FeedRestored
from trader.engine.trust import ALL
from trader.engine.trust import BOOK_PREFIX as BOOK_SCOPE
from trader.engine.trust import INDEX_PREFIX as INDEX_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.app.driver import Inbox
    from trader.app.market_clock import MarketClock
    from trader.app.metrics import Metrics
    from trader.deribit.feed import Fault
    from trader.domain.events import FaultKind

QUIET_S: Final = 60.0
"""A fault after this long without one of its kind is news again."""

STILL_SILENT: Final = "silent since the feed was connected"


class FeedFaults:
    """What is distrusted at the moment, as the engine was told.

    Invariant: `silent` and what came back name only what is subscribed, as long as the caller
    forgets what is not.
    """

    def __init__(self, clock: MarketClock, inbox: Inbox, metrics: Metrics) -> None:
        self._clock = clock
        self._inbox = inbox
        self._metrics = metrics
        self._log = logger("feed")
        self._counts: dict[FaultKind, int] = {}
        self._noted_at: dict[FaultKind, float] = {}
        self._lost = False
        self._silent: dict[str, None] = {}
        self._back: dict[str, None] = {}

    @property
    def silent(self) -> tuple[str, ...]:
        """What was told to be lost by itself and is not back."""
        return tuple(self._silent)

    def connected(self) -> None:
        """Begin a connection: on this one no channel has fallen silent."""
        self._silent.clear()
        self._back.clear()

    def forget(self, names: Iterable[str]) -> None:
        """Drop instruments that are gone, or are listened to on another channel now."""
        for name in names:
            for scope in (name, BOOK_SCOPE + name):
                self._silent.pop(scope, None)
                self._back.pop(scope, None)

    async def lose(self, kind: FaultKind, detail: str) -> None:
        """Distrust everything until `restore`; told once, and not before there is a market time."""
        if self._clock.known and not self._lost:
            self._lost = True
            await self._inbox.put(FeedLost(kind, (ALL,), detail))

    async def restore(self, detail: str) -> None:
        """Trust everything again but the channels that are silent on this connection."""
        self._lost = False
        silent = self.silent
        await self._inbox.put(FeedRestored((ALL,), detail))
        if silent:
            await self._inbox.put(FeedLost("mute_channel", silent, STILL_SILENT))

    async def take(self, fault: Fault) -> None:
        """Note a fault; distrust what it names where it lost anything."""
        scope = scope_of(fault.channels) if fault.channels else (ALL,)
        if not (fault.lost and scope):
            await self.note(fault.kind, fault.detail, scope)
            return
        self._count(fault.kind, fault.detail)
        if ALL in scope:
            await self.lose(fault.kind, fault.detail)
            return
        new = tuple(name for name in scope if name not in self._silent)
        self._silent |= dict.fromkeys(new)
        if new:
            await self._inbox.put(FeedLost(fault.kind, new, fault.detail))

    async def recovered(self, channel: str) -> None:
        """Tell that silent channels speak again, once the last of them does.

        The engine believes each as soon as its quote arrives; of a book it hears nothing but this,
        so that is told at once.
        """
        for name in scope_of((channel,)):
            if name not in self._silent:
                continue
            del self._silent[name]
            if name.startswith(BOOK_SCOPE):
                await self._inbox.put(FeedRestored((name,), f"{channel}: a new snapshot came"))
            else:
                self._back[name] = None
        if self._back and not self._silent:
            back = tuple(self._back)
            self._back.clear()
            await self._inbox.put(FeedRestored(back, f"{len(back)} silent channels speak again"))

    async def note(self, kind: FaultKind, detail: str, scope: tuple[str, ...] = ()) -> None:
        """Count, log and tell a fault that lost no trust."""
        self._count(kind, detail)
        await self._inbox.put(FeedFault(kind, scope, detail))

    def _count(self, kind: FaultKind, detail: str) -> None:
        """Log a fault: the first of its kind, at each doubling of its count, after a quiet time."""
        self._metrics.faults.labels(kind).inc()
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        now = time.monotonic()
        quiet = now - self._noted_at.get(kind, -math.inf) > QUIET_S
        self._noted_at[kind] = now
        if quiet or is_power_of_two(count):
            at = self._clock.now() if self._clock.known else None
            self._log.warning("feed.fault", kind=kind, message=detail, count=count, at=at)


def is_power_of_two(count: int) -> bool:
    """Whether to speak of something that happened so often: ever more rarely."""
    return count & (count - 1) == 0


def scope_of(channels: Sequence[str]) -> tuple[str, ...]:
    """Name what to distrust: instruments, indices, books; channels of listings none."""
    scope: dict[str, None] = {}
    for channel in channels:
        if channel.startswith(TICKER_PREFIX):
            scope[channel.removeprefix(TICKER_PREFIX).rpartition(".")[0]] = None
        elif channel.startswith(INDEX_PREFIX):
            underlying = translate.underlying_of_index(channel.removeprefix(INDEX_PREFIX))
            scope[INDEX_SCOPE + underlying] = None
        elif channel.startswith(BOOK_PREFIX):
            scope[BOOK_SCOPE + channel.split(".")[1]] = None
    return tuple(scope)
