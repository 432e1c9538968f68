"""How do bytes get from the exchange to one client and back? The pump of a websocket.

One reader answers in order, one writer sends what waits; nobody waits for a slow reader. This
module and `server` alone know the library behind the socket (aiohttp, since one port serves
websockets and HTTP with bodies). Frames without compression are joined before they are written:
a call into the socket costs more than a header.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from aiohttp import WSMsgType, web

from trader.deribit.server_session import IDLE_CLOSE
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.participant import Participant

INCOMING_BYTES_MAX: Final = 256 * 1024
"""Above the 32 kB that a client may send, so that the session can say so."""

JOINED_BYTES_MAX: Final = 128 * 1024
GOODBYE_LOOKS: Final = 30
"""For how many looks at the market (a tenth of a second each) a slow reader may hear goodbye."""

PIECE_S: Final = 0.05
"""Where bytes are to leave slowly, so often a piece of them does."""

LEAVE_WITHIN_S: Final = 1.0
"""How long a frame may take that was being written when its client left."""
_WITHOUT_GOODBYE: Final = IDLE_CLOSE[0]


def open_socket() -> web.WebSocketResponse:
    """Prepare the answer to an upgrade; deflate is agreed on only where the client offers it."""
    return web.WebSocketResponse(
        timeout=1.0,
        autoping=False,
        max_msg_size=INCOMING_BYTES_MAX,
        writer_limit=0,
        decode_text=False,
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
    """One websocket, pumped: what its participant says is written, in order, by one task.

    Invariant: nobody writes while `_dribbling` is held: a frame is in the middle of leaving.
    """

    def __init__(
        self,
        name: str,
        request: web.BaseRequest,
        socket: web.WebSocketResponse,
        participant: Participant,
    ) -> None:
        self.name = name
        self.participant = participant
        self.local = is_local(request)
        self._transport = request.transport
        self._socket = socket
        self._wake = asyncio.Event()
        self._dribbling = asyncio.Lock()
        self._looks_left = GOODBYE_LOOKS
        self._left = False

    async def frames(self) -> AsyncIterator[bytes]:
        """Read the client's frames until it leaves or is cut."""
        while True:
            message = await self._socket.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    yield message.data
                case WSMsgType.PING:
                    await self._pong(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return

    def flush(self) -> None:
        """Wake the writer if there is something to write; give up a reader that is too slow.

        Call it ten times a second: a reader that does not hear the goodbye either is cut.
        """
        if self.participant.given_up:
            self._looks_left -= 1
            if self._looks_left <= 0:
                self.abort()
        elif self.participant.too_slow:
            self.participant.give_up()
        if self.participant.has_work:
            self._wake.set()

    async def leave(self, writer: asyncio.Task[None]) -> None:
        """Let the writer end by itself, since the client is gone; then make it.

        The library compresses large frames beside the loop; canceled meanwhile, it would complain
        of an exception that nobody retrieves.
        """
        self._left = True
        self.participant.discard()
        self._wake.set()
        await asyncio.wait({writer}, timeout=LEAVE_WITHIN_S)
        writer.cancel()

    async def write(self) -> None:
        """Write what waits, in order; the only writer of this connection."""
        participant = self.participant
        try:
            while True:
                await self._wake.wait()
                if self._left:
                    return
                self._wake.clear()
                while frames := participant.next_frames(JOINED_BYTES_MAX):
                    if participant.bytes_per_s == math.inf:
                        await self._send(frames)
                    else:
                        await self._dribble(frames)
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

    async def _dribble(self, frames: list[bytes]) -> None:
        """Send frames slowly, in pieces that end anywhere; compressed ones each as a whole."""
        for frame in frames:
            async with self._dribbling:
                if self._socket.compress or self._transport is None:
                    await self._socket.send_frame(frame, WSMsgType.TEXT)
                    await asyncio.sleep(len(frame) / self.participant.bytes_per_s)
                else:
                    await self._write_slowly(self._transport, joined([frame]))

    async def _write_slowly(self, transport: asyncio.Transport, content: bytes) -> None:
        while content:
            if transport.is_closing():
                raise ConnectionResetError("the client is gone")
            rate = self.participant.bytes_per_s
            size = max(int(min(rate * PIECE_S, len(content))), 1)
            transport.write(content[:size])
            content = content[size:]
            await asyncio.sleep(size / rate)

    async def _pong(self, content: bytes) -> None:
        """Answer a ping, between frames; whoever is gone misses it."""
        async with self._dribbling:
            with suppress(ConnectionError):
                await self._socket.pong(content)

    async def _close(self, code: int, reason: str) -> None:
        if code == _WITHOUT_GOODBYE:
            self.abort()
        else:
            await self._socket.close(code=code, message=reason.encode())

    def obey(self, faults: FaultPlan) -> None:
        """End the connection where a fault that is on says so."""
        closing = faults.closing(self.name)
        refusing = faults.refusing(self.name, standing=True)
        if refusing is not None or (closing is not None and closing.code == _WITHOUT_GOODBYE):
            self.abort()
        elif closing is not None:
            self.participant.session.closing = (closing.code, closing.reason)
            self._wake.set()

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
