"""Through which doors do others come? TCP, TLS or a unix socket; hurried, counted, nameless.

aiohttp answers what is no HTTP before anything of ours is asked, with its name and version, and
logs each with a traceback: its end of a connection is therefore refined here.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from trader.domain.errors import ConfigurationError
from trader.web import private_socket
from trader.web.headers import dress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trader.web.access import Terms

LINGER_S: Final = 1.0
"""How long a refused body is still taken in, so that the refusal is read."""


class Visitor(web.RequestHandler):
    """Our end of one connection. One too many is closed at once."""

    __slots__ = ("_connections_max",)

    def __init__(self, server: web.Server, terms: Terms, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server, loop=loop, access_log=None,  # type: ignore[arg-type]  # aiohttp takes None
            keepalive_timeout=terms.idle_s_max, lingering_time=LINGER_S,
        )  # fmt: skip
        self._connections_max = terms.connections_max

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or close it where there are enough."""
        super().connection_made(transport)
        server = self._manager
        if server is not None and len(server.connections) > self._connections_max:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in one plain line."""
        if isinstance(exc, HttpProcessingError):
            response: web.StreamResponse = web.Response(status=status, text="not understood\n")
            response.force_close()
        else:
            response = super().handle_error(request, status, exc, message)
        dress(response.headers)
        response.headers["Server"] = "trader"  # aiohttp would put its own name there
        return response


@asynccontextmanager
async def opened(
    runner: web.AppRunner, host: str, port: int | None, terms: Terms
) -> AsyncIterator[int]:
    """Open the doors until the block ends; yield the TCP port (port 0 takes a free one).

    Without a `port` (None) there is no TCP door, and 0 is yielded.

    Raises:
        ConfigurationError: an address cannot be bound.
    """
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:
        raise RuntimeError("set the runner up first")

    def visitor() -> Visitor:
        return Visitor(server, terms, loop)

    doors: list[asyncio.Server] = []
    sockets = [one for one in (terms.socket, terms.own_socket) if one is not None]
    try:
        bound = 0
        if port is not None:
            try:
                doors.append(await loop.create_server(visitor, host, port, ssl=terms.tls))
            except OSError as error:
                raise ConfigurationError(
                    f"web.port = {port}: cannot listen on {host} ({error.strerror or error});"
                    " choose another port, or 0 to serve nothing"
                ) from error
            bound = int(doors[0].sockets[0].getsockname()[1])
        for path in sockets:
            try:
                channel = private_socket.bind(path)
            except OSError as error:
                raise ConfigurationError(
                    f"web.socket = {path}: cannot listen there ({error.strerror or error});"
                    " name a path in a folder this user may write"
                ) from error
            doors.append(await loop.create_unix_server(visitor, sock=channel))
        yield bound
    finally:
        for door in doors:
            door.close()
        for path in sockets:
            private_socket.remove(path)
