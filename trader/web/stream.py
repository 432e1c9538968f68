"""How does an open page hear what happens? Server-sent events, resumed by id without gap or repeat.

Every event about a fact comes from the journal, so what is told is durable, whether it is told as
it happens or caught up with. One reading serves all who listen; a slow listener holds back nobody,
for it has no queue: it goes on from where it is, and is cut off where it takes too long.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from trader.views.answers.asking import ID_MAX, Question
from trader.views.answers.tail import fact_line
from trader.web.problems import Problem, given, problem_response, understood

if TYPE_CHECKING:
    from aiohttp import web

    from trader.views.reading import Reading
    from trader.web.window import Window

STREAMS_MAX: Final = 100
RETRY_S: Final = 5
LOOK_EVERY_S: Final = 0.2
"""Wall seconds between looks into the journal, while anybody listens."""
PULSE_EVERY_S: Final = 1.0
WRITE_S_MAX: Final = 10.0
"""Who does not take what was written within this time is cut off."""
PAGE: Final = 500
REMEMBERED: Final = 2_000
"""Events kept in memory for those who are a little behind; who is further reads the journal."""
BUFFER_BYTES: Final = 65_536
RECONNECT: Final = b"retry: 2000\n"
GOODBYE: Final = b"event: end\ndata: {}\n\n"


class StreamQuestion(Question, frozen=True, kw_only=True):
    """Asks for what follows a fact."""

    after: (
        Annotated[
            int, msgspec.Meta(ge=0, le=ID_MAX, description="Tell what follows this fact's id.")
        ]
        | None
    ) = None


class Told(msgspec.Struct, frozen=True):
    """One fact as an event, by the id of the fact."""

    id: int
    event: bytes


class Feed:
    """What all listeners share: the newest events, and the pulse of this second."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._turn = asyncio.Lock()
        self._recent: deque[Told] = deque(maxlen=REMEMBERED)
        self._looked_at = self._felt_at = float("-inf")
        self._pulse = b""
        self.last = 0

    async def look(self) -> None:
        """Take over what became durable, at most once in `LOOK_EVERY_S` for all."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if loop.time() - self._looked_at < LOOK_EVERY_S / 2:
                return
            first = self._looked_at == float("-inf")
            last, told = await self._window.read(_newest if first else partial(_page, self.last))
            self._recent.extend(told)
            self.last = last
            self._looked_at = loop.time()

    async def after(self, place: int) -> tuple[bytes, int]:
        """Give the events that follow a place, a page at most, and the place after them."""
        if place >= self.last:
            return b"", place
        if not self._recent or place + 1 < self._recent[0].id:
            last, told = await self._window.read(partial(_page, place))
            return b"".join(one.event for one in told), last
        skipped = place + 1 - self._recent[0].id
        following = [self._recent[n] for n in range(skipped, len(self._recent))][:PAGE]
        return b"".join(one.event for one in following), following[-1].id

    def pulse(self) -> bytes:
        """Give the pulse of this second."""
        now = asyncio.get_running_loop().time()
        if now - self._felt_at >= PULSE_EVERY_S:
            self._pulse = _event("pulse", msgspec.json.encode(self._window.pulse()))
            self._felt_at = now
        return self._pulse


def _newest(reading: Reading) -> tuple[int, list[Told]]:
    """Find the end of the journal."""
    newest = next(iter(reading.facts(limit=1, newest_first=True)), None)
    return (0 if newest is None else newest.id), []


def _page(after: int, reading: Reading) -> tuple[int, list[Told]]:
    """Read what follows a place; it is told in words beside the loop."""
    speed = reading.pulse.speed
    lines = [fact_line(one, speed) for one in reading.facts(after_id=after, limit=PAGE)]
    told = [Told(one.id, _event("fact", msgspec.json.encode(one), one.id)) for one in lines]
    return (told[-1].id if told else after), told


def _event(kind: str, body: bytes, place: int | None = None) -> bytes:
    head = f"event: {kind}\n" if place is None else f"event: {kind}\nid: {place}\n"
    return head.encode() + b"data: " + body + b"\n\n"


class Streams:
    """The open streams, at most `STREAMS_MAX`."""

    def __init__(self, window: Window) -> None:
        self._feed = Feed(window)
        self._closing = asyncio.Event()
        self.open = 0
        self.dropped = 0

    async def close(self, _: web.Application) -> None:
        """Let every stream say goodbye."""
        self._closing.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Tell what happens until the listener goes, is too slow, or the daemon stops."""
        from aiohttp import web

        place = _resumed(request)
        if self.open >= STREAMS_MAX or self._closing.is_set():
            return problem_response(_full(), {"Retry-After": str(RETRY_S)})
        self.open += 1
        try:
            response = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream",
                    "Cache-Control": "no-store",
                }
            )
            await response.prepare(request)
            _bound(request.transport)
            await self._tell(request, response, place)
            return response
        finally:
            self.open -= 1

    async def _tell(
        self, request: web.Request, response: web.StreamResponse, place: int | None
    ) -> None:
        feed, loop = self._feed, asyncio.get_running_loop()
        await feed.look()
        place = feed.last if place is None else min(place, feed.last)
        start = RECONNECT + _event("start", b'{"last":%d}' % place, place)
        felt_at = float("-inf")
        news = start
        try:
            while not self._closing.is_set():
                if loop.time() - felt_at >= PULSE_EVERY_S:
                    news, felt_at = news + feed.pulse(), loop.time()
                if news:
                    async with asyncio.timeout(WRITE_S_MAX):
                        await response.write(news)
                news, place = await feed.after(place)
                if not news:
                    await self._pause()
                    await feed.look()
            async with asyncio.timeout(1.0):
                await response.write(news + GOODBYE)
        except TimeoutError:
            self.dropped += 1
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            return

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._closing.wait()
        except TimeoutError:
            return


def _resumed(request: web.Request) -> int | None:
    """Tell after which fact a listener goes on; None: from now on.

    Raises:
        Refused: what was given is no place, or given twice.
    """
    known = given(request)
    header = request.headers.get("Last-Event-ID", "")
    if header and "after" not in known:
        known["after"] = header
    return understood(StreamQuestion, known).after


def _bound(transport: asyncio.Transport | None) -> None:
    """Let no more wait for a listener than it may lag behind."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=BUFFER_BYTES)
    channel = transport.get_extra_info("socket")
    if channel is not None:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)


def _full() -> Problem:
    return Problem(
        title="too many streams",
        status=503,
        detail=f"{STREAMS_MAX} streams are open already",
        remedy=f"close one, or come back in {RETRY_S} s",
    )
