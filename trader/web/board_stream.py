"""How does an open board follow the quotes? Changed cells as server-sent events, made once for all.

A board is looked at only while somebody watches it, at most each `LOOK_S`; all who watch the same
share the looks. Who reads too slowly is dropped, and begins anew with the page.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from trader.views.board_ticker import BoardTicker
from trader.views.reading import NotThere, NotUnderstood
from trader.views.screens.board import chosen

if TYPE_CHECKING:
    from aiohttp import web

    from trader.views.board_ticker import Changes
    from trader.views.reading import Asked, Reading
    from trader.web.window import Window

LOOK_S: Final = 0.1
KEPT: Final = 100
"""Looks that a slow reader may be behind."""
WATCHERS_MAX: Final = 32
WRITE_S_MAX: Final = 5.0
BEAT_S: Final = 2.0
"""After so long without a change a comment says that we are there."""
KEYS: Final = ("board", "expiry")


class Missed(Exception):
    """A reader is further behind than what is kept."""


class Watched:
    """One board that somebody watches: its last changes, numbered. It belongs to the loop."""

    def __init__(self, window: Window, asked: Asked) -> None:
        self.watchers = 0
        self.number = 0
        self._window = window
        self._asked = asked
        self._ticker: BoardTicker | None = None
        self._looked_at = -LOOK_S
        self._turn = asyncio.Lock()
        self._told: deque[tuple[int, bytes]] = deque(maxlen=KEPT)

    async def look(self) -> None:
        """Look at the board, unless somebody just did.

        Raises:
            NotThere, NotUnderstood: what is watched is not listed, or not any more.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            if loop.time() - self._looked_at < LOOK_S:
                return
            self._looked_at = loop.time()
            changes = await self._window.read(self._take)
            if changes:
                self.number += 1
                body = msgspec.json.encode(changes)
                self._told.append((self.number, b"data: " + body + b"\n\n"))

    def since(self, number: int) -> bytes:
        """Give what changed after a look.

        Raises:
            Missed: it is not kept any more.
        """
        if number < self.number and (not self._told or self._told[0][0] > number + 1):
            raise Missed
        return b"".join(body for told, body in self._told if told > number)

    def _take(self, reading: Reading) -> Changes:
        now, expires_at = chosen(reading, self._asked)
        if self._ticker is None:
            self._ticker = BoardTicker(expires_at)
        return self._ticker.take(now)


class BoardStreams:
    """The boards that are watched now. Invariant: nobody looks at one that nobody watches."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._watched: dict[tuple[str, ...], Watched] = {}
        self._watchers = 0
        self._closing = asyncio.Event()

    async def close(self, _: web.Application) -> None:
        """Let every stream end: the daemon stops."""
        self._closing.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send changes until the reader leaves, is too slow, or the board is listed no more."""
        from aiohttp import web

        if self._watchers >= WATCHERS_MAX:
            headers = {"Retry-After": "30"}
            text = f"{WATCHERS_MAX} boards are watched already: try again later"
            raise web.HTTPServiceUnavailable(text=text, headers=headers)
        key = tuple(request.query.get(name, "") for name in KEYS)
        asked = dict(zip(KEYS, key, strict=True))
        board = self._watched.setdefault(key, Watched(self._window, asked))
        board.watchers += 1
        self._watchers += 1
        try:
            return await self._send(request, board)
        finally:
            self._watchers -= 1
            board.watchers -= 1
            if not board.watchers:
                self._watched.pop(key, None)

    async def _send(self, request: web.Request, board: Watched) -> web.StreamResponse:
        from aiohttp import web

        try:
            await board.look()
        except NotThere as error:
            raise web.HTTPNotFound(text=str(error)) from error
        except NotUnderstood as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        # Whatever ends it, the page asks anew, and learns what there is.
        with suppress(NotThere, NotUnderstood, Missed, TimeoutError, ConnectionError):
            await self._follow(response, board)
        return response

    async def _follow(self, response: web.StreamResponse, board: Watched) -> None:
        """Look and send, again and again."""
        loop, number = asyncio.get_running_loop(), board.number
        sent_at = loop.time()
        send = partial(_write, response)
        await send(b": watching\n\n")
        while not await self._closed():
            await board.look()
            if body := board.since(number):
                number, sent_at = board.number, loop.time()
                await send(body)
            elif loop.time() - sent_at >= BEAT_S:
                sent_at = loop.time()
                await send(b"event: beat\ndata: {}\n\n")

    async def _closed(self) -> bool:
        """Wait for the next look; tell whether there is none any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._closing.wait()
        return self._closing.is_set()


async def _write(response: web.StreamResponse, body: bytes) -> None:
    """Send within a time; who does not take it by then is dropped."""
    async with asyncio.timeout(WRITE_S_MAX):
        await response.write(body)
