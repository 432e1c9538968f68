"""How do bytes get from the exchange to one client and back? The pump of a websocket.

One reader answers in order, one writer sends what waits; nobody waits for a slow reader. This
module and `server` alone know the library behind the socket (aiohttp, since one port serves
websockets and HTTP with bodies). Frames without compression are joined before they are written:
a call into the socket costs more than a header.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import WSMsgType, web

from trader.deribit.server_session import IDLE_CLOSE
from trader.deribit.simulator.participant import Participant

INCOMING_BYTES_MAX: Final = 256 * 1024
"""Above the 32 kB that a client may send, so that the session can say so."""

JOINED_BYTES_MAX: Final = 128 * 1024
_WITHOUT_GOODBYE: Final = IDLE_CLOSE[0]


def open_socket() -> web.WebSocketResponse:
    """Prepare the answer to an upgrade; deflate is agreed on only where the client offers it."""
    return web.WebSocketResponse(
        timeout=1.0, max_msg_size=INCOMING_BYTES_MAX, writer_limit=0, decode_text=False
    )


def address_of(request: web.BaseRequest) -> str:
    """Name the address a request came from, without its port."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def is_local(request: web.BaseRequest) -> bool:
    """Tell whether a request came from this machine."""
    address = address_of(request)
    return bool(address) and ipaddress.ip_address(address).is_loopback


class Connection:
    """One websocket, pumped: what its participant says is written, in order, by one task."""

    def __init__(
        self, request: web.BaseRequest, socket: web.WebSocketResponse, participant: Participant
    ) -> None:
        self.participant = participant
        self.local = is_local(request)
        self._transport = request.transport
        self._socket = socket
        self._wake = asyncio.Event()

    async def frames(self) -> AsyncIterator[bytes]:
        """Read the client's frames until it leaves or is cut."""
        while True:
            message = await self._socket.receive()
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            yield message.data

    def flush(self) -> None:
        """Wake the writer if there is something to write; cut a reader that is too slow."""
        if self.participant.too_slow:
            self.abort()
        elif self.participant.has_work:
            self._wake.set()

    async def write(self) -> None:
        """Write what waits, in order; the only writer of this connection."""
        participant = self.participant
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while frames := participant.next_frames(JOINED_BYTES_MAX):
                    await self._send(frames)
                    participant.written(frames)
                if participant.session.closing is not None:
                    await self._close(*participant.session.closing)
                    return
        except ConnectionError:
            return

    async def _send(self, frames: list[bytes]) -> None:
        """Send frames; all but the last in one piece where nothing compresses them.

        The last goes through the library, which waits while the transport is full.
        """
        if self._socket.compress or self._transport is None:
            for frame in frames:
                await self._socket.send_frame(frame, WSMsgType.TEXT)
            return
        if len(frames) > 1:
            if self._transport.is_closing():
                raise ConnectionResetError("the client is gone")
            self._transport.write(joined(frames[:-1]))
        await self._socket.send_frame(frames[-1], WSMsgType.TEXT)

    async def _close(self, code: int, reason: str) -> None:
        if code == _WITHOUT_GOODBYE:
            self.abort()
        else:
            await self._socket.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """Cut the connection without a goodbye."""
        self.participant.discard()
        if self._transport is not None:  # of no class to ask for: uvloop's is not asyncio's
            self._transport.abort()


def joined(frames: list[bytes]) -> bytes:
    """Write text frames one after the other as a server does: final, unmasked (RFC 6455, 5.2)."""
    pieces: list[bytes] = []
    for frame in frames:
        length = len(frame)
        if length < 126:
            pieces.append(bytes((0x81, length)))
        elif length < 65_536:
            pieces.append(b"\x81\x7e" + length.to_bytes(2, "big"))
        else:
            pieces.append(b"\x81\x7f" + length.to_bytes(8, "big"))
        pieces.append(frame)
    return b"".join(pieces)
