"""An exchange on loopback for tests: real sockets around a `ServerSession`, led by scripts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.deribit.wire import index, ticker
from trader.deribit.client import ClientSettings, DeribitClient
from trader.deribit.feed import Disconnected, Fault, FeedEvent
from trader.deribit.pushes import Notification
from trader.deribit.server_session import Call, ServerError, ServerSession, Subscribed, Unsubscribed
from trader.domain.events import FaultKind

SETTINGS = ClientSettings.model_construct(  # faster than a person may choose
    heartbeat_s=10, heartbeat_overdue_s=5.0, mute_channel_s=5.0, gap_s=2.5, request_timeout_s=0.4,
    connect_timeout_s=1.0, close_timeout_s=0.2, backoff_initial_s=0.02, backoff_max_s=0.1,
    stable_s=0.2, queue_max=100,
)  # fmt: skip

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection at the exchange: frames in, frames out, and the session between."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.frames: list[bytes] = []
        self.calls: list[Call] = []
        self.session = ServerSession(
            knows=lambda name: "NOPE" not in name, opened=time.monotonic(), epoch_us=0
        )
        self.subscribed: list[str] = []
        self.parted = asyncio.Event()

    async def send(self, *frames: bytes) -> None:
        """Send frames as they are."""
        for frame in frames:
            await self.socket.send(frame, text=True)

    async def listen(self, *, pushes: bool = True) -> None:
        """Serve as a healthy exchange does, until the client is gone."""
        async for frame in self.socket:
            await self.hear(frame, pushes=pushes)

    async def listen_until(self, channel: str, *, pushes: bool = True) -> None:
        """Serve until a channel is subscribed."""
        while channel not in self.subscribed:
            await self.hear(await self.socket.recv(), pushes=pushes)

    async def hear(self, frame: bytes | str, *, pushes: bool = True) -> None:
        """Take one frame, answer it, and push the present state of fresh channels."""
        now = time.monotonic()
        self.frames.append(frame.encode() if isinstance(frame, str) else frame)
        for event in self.session.receive(frame, now):
            match event:
                case Subscribed(channels=channels):
                    self.subscribed += channels
                    for name in channels if pushes else ():
                        make = ticker if name.startswith("ticker.") else index
                        self.session.push(name, make(1_000, name))
                case Call():
                    self.calls.append(event)
                    self._reply(event, now)
                case Unsubscribed():
                    self.parted.set()
        await self.send(*self.session.data_to_send())

    def _reply(self, call: Call, now: float) -> None:
        match call.method:
            case "public/get_time":
                self.session.answer(call, 1_795_000_000_000, now)
            case "public/get_instruments":
                self.session.answer(call, "x" * 3_000_000, now)
            case "public/never":
                pass
            case _:
                self.session.refuse(call, ServerError(-32_601, "Method not found"), now)


class Exchange:
    """A listening exchange: each connection follows the next script, the last one for good."""

    def __init__(self, *scripts: Script, port: int = 0) -> None:
        self.lines: list[Line] = []
        self.refuse_status: int | None = None
        self._scripts = list(scripts) or [Line.listen]
        self._port = port
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.port}/ws/api/v2"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve, "127.0.0.1", self._port, compression=None, close_timeout=0.2,
            ping_interval=None, process_request=self._admit,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        for line in self.lines:
            line.socket.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def _admit(self, _: ServerConnection, __: Request) -> Response | None:
        if self.refuse_status is None:
            return None
        return Response(self.refuse_status, "no", Headers([("Content-Length", "0")]), b"")

    async def _serve(self, socket: ServerConnection) -> None:
        line = Line(socket)
        self.lines.append(line)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            await script(line)
        except ConnectionClosed:
            return


class Consumer:
    """Keeps what a client delivers and wakes who waits for it."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self._told = asyncio.Condition()

    async def deliver(self, events: Sequence[FeedEvent]) -> None:
        """Take a batch."""
        async with self._told:
            self.events += events
            self._told.notify_all()

    async def until(self, wanted: Callable[[list[FeedEvent]], bool], seconds: float = 5.0) -> None:
        """Wait until what was delivered so far is enough."""
        async with asyncio.timeout(seconds), self._told:
            await self._told.wait_for(lambda: wanted(self.events))


def pushes(events: Sequence[FeedEvent]) -> list[Notification]:
    """List the notifications among events."""
    return [event for event in events if isinstance(event, Notification)]


def impatient(**changes: float) -> ClientSettings:
    """Change some of the fast settings."""
    return SETTINGS.model_copy(update=changes)


def faults(events: Sequence[FeedEvent], kind: FaultKind) -> list[Fault]:
    """List the faults of one kind."""
    return [event for event in events if isinstance(event, Fault) and event.kind == kind]


def ends(events: Sequence[FeedEvent]) -> list[Disconnected]:
    """List the ends of connections."""
    return [event for event in events if isinstance(event, Disconnected)]


@asynccontextmanager
async def feeding(
    url: str, *channels: str, settings: ClientSettings = SETTINGS
) -> AsyncIterator[tuple[DeribitClient, Consumer]]:
    """Run a client with some channels wanted; stop it in the end."""
    consumer = Consumer()
    client = DeribitClient(url, settings, consumer.deliver)
    client.subscribe(channels)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(client.run())
        try:
            yield client, consumer
        finally:
            client.stop()
