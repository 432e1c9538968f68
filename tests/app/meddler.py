"""How does a test change what the exchange says? A websocket in between that rewrites frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Rewrite = Callable[[bytes], bytes]
FRAME_BYTES_MAX = 64 * 1024 * 1024


class Meddler:
    """Passes frames on both ways; `ask` and `tell` may rewrite what goes up and what comes down."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._lines: list[ServerConnection] = []
        self.ask: Rewrite = bytes
        self.tell: Rewrite = bytes
        self.url = ""

    def cut(self) -> None:
        """Break every connection without a goodbye."""
        for line in self._lines:
            line.transport.abort()

    async def serve(self, client: ServerConnection) -> None:
        """Carry one connection."""
        self._lines.append(client)
        try:
            async with (
                connect(
                    self._upstream, max_size=FRAME_BYTES_MAX, compression=None, proxy=None
                ) as venue,
                asyncio.TaskGroup() as tasks,
            ):
                up = tasks.create_task(self._up(client, venue))
                await self._down(venue, client)
                up.cancel()
        except (ConnectionClosed, OSError):
            return
        finally:
            self._lines.remove(client)

    async def _up(self, client: ServerConnection, venue: ClientConnection) -> None:
        try:
            while True:
                await venue.send(self.ask(await client.recv(decode=False)), text=True)
        except ConnectionClosed:
            await venue.close()

    async def _down(self, venue: ClientConnection, client: ServerConnection) -> None:
        try:
            while True:
                await client.send(self.tell(await venue.recv(decode=False)), text=True)
        except ConnectionClosed:
            await client.close()


@asynccontextmanager
async def meddling(upstream: str) -> AsyncIterator[Meddler]:
    """Stand between a client and an exchange for as long as the block lasts."""
    meddler = Meddler(upstream)
    async with serve(
        meddler.serve, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None,
        close_timeout=0.2,
    ) as listening:  # fmt: skip
        port = next(iter(listening.sockets)).getsockname()[1]
        meddler.url = f"ws://127.0.0.1:{port}/ws/api/v2"
        try:
            yield meddler
        finally:
            meddler.cut()
