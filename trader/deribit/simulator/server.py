"""How does the bundled exchange reach its clients? Websockets on a real port.

One task looks at the market every 100 ms of wall time and hands each client what is new to it; one
task keeps the clock's reservation on disk ahead of the clock; each connection has a reader and a
writer. Nobody waits for a slow reader: its queue is bounded, and it is cut when the queue is full.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import msgspec
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from trader.deribit.server_session import (
    IDLE_CLOSE,
    Call,
    ServerError,
    ServerSession,
    Subscribed,
    Unsubscribed,
)
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.channels import FAST_S, SLOW_S, wanted_channels
from trader.deribit.simulator.clock import (
    DEMO_START_AT,
    ClockState,
    SimulatedClock,
    decode_state,
    encode_state,
)
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.faults import Fault, FaultPlan
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.parameters import invalid
from trader.deribit.simulator.participant import BACKLOG_BYTES_MAX, Participant
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.venue import Venue
from trader.domain.errors import ConfigurationError
from trader.domain.units import MICROSECOND, SECOND

WEBSOCKET_PATH: Final = "/ws/api/v2"
CLIENTS_MAX: Final = 32
"""Connections Deribit accepts from one address; the next is answered 429."""

INCOMING_BYTES_MAX: Final = 256 * 1024
"""Above the 32 kB that a client may send, so that the session can say so."""

CLOCK_CHECK_S: Final = 0.2
_SLOW_EVERY: Final = round(SLOW_S / FAST_S)
_WITHOUT_GOODBYE: Final = IDLE_CLOSE[0]


class Served(msgspec.Struct, frozen=True):
    """Where the exchange listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address a client connects to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}{WEBSOCKET_PATH}"


@asynccontextmanager
async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int,
    speed: float = 1.0,
    start_at: int = DEMO_START_AT,
    state_path: Path | None = None,
    faults: FaultPlan | None = None,
) -> AsyncIterator[Served]:
    """Run the exchange for as long as the context is open; port 0 picks a free one.

    With `state_path` the market resumes where it stood, and never runs backward even after a
    SIGKILL; without, every start begins at `start_at`.

    Raises:
        ConfigurationError: a state of another market, an impossible speed, an address in use.
    """
    market = _market(seed)
    state = _resumed(state_path, market, start_at)
    clock = SimulatedClock(
        epoch_at=state.epoch_at,
        resumed_at=state.ceiling_at,
        speed=speed,
        started_monotonic_ns=monotonic_ns(),
    )
    server = _Server(market, clock, state, state_path, faults or FaultPlan())
    failure: Exception | None = None
    async with await _listen(server, host, port) as listening:
        server.reserve()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(server.publish(), name="exchange-publish"),
                    group.create_task(server.keep_clock(), name="exchange-clock"),
                ]
                try:
                    yield Served(host, int(next(iter(listening.sockets)).getsockname()[1]))
                except Exception as error:  # noqa: BLE001  raised below: the group would wrap it
                    failure = error
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            server.put_down_clock()
    if failure is not None:
        raise failure


async def _listen(server: _Server, host: str, port: int) -> Server:
    try:
        return await serve_websockets(
            server.converse,
            host,
            port,
            process_request=server.admit,
            compression=None,
            max_size=INCOMING_BYTES_MAX,
            ping_interval=None,
            close_timeout=1.0,
        )
    except OSError as error:
        raise ConfigurationError(
            f"exchange: cannot listen on {host}:{port} ({error.strerror or error}); "
            "choose another --host or --port, or stop what listens there"
        ) from error


def _market(seed: int) -> Market:
    try:
        return Market(seed)
    except ValueError as error:
        raise ConfigurationError(f"{error}; give --seed a whole number") from error


def _resumed(path: Path | None, market: Market, start_at: int) -> ClockState:
    fresh = ClockState(str(market.seed), market.version, start_at, start_at)
    if path is None:
        return fresh
    try:
        return decode_state(path.read_bytes(), like=fresh, where=str(path))
    except FileNotFoundError:
        return fresh
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; make it readable") from error


def write_state(path: Path, state: ClockState) -> None:
    """Replace the state on disk, whole or not at all, and wait until it is durable.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    written = path.with_name(f"{path.name}.new")
    try:
        with written.open("wb") as file:
            file.write(encode_state(state))
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; the market's clock must be writable there"
        ) from error


class _Server:
    """The exchange's tasks and its clients."""

    def __init__(
        self,
        market: Market,
        clock: SimulatedClock,
        state: ClockState,
        state_path: Path | None,
        faults: FaultPlan,
    ) -> None:
        venue = Venue(market)
        archive = Archive(Venue(Market(market.seed)))
        self._exchange = Exchange(venue, archive, epoch_at=clock.epoch_at, speed=clock.speed)
        self._publisher = Publisher(venue)
        self._clock = clock
        self._state = state
        self._state_path = state_path
        self._faults = faults
        self._started_ns = monotonic_ns()
        self._clients: dict[_Client, None] = {}
        self._archive_lock = asyncio.Lock()

    def now(self) -> int:
        """Read the market clock."""
        return self._clock.now(monotonic_ns())

    def reserve(self) -> None:
        """Make the next stretch of market time durable, then allow it."""
        ceiling_at = self._clock.due_ceiling(monotonic_ns())
        if ceiling_at is not None:
            self._store(ceiling_at)
            self._clock.reserve(ceiling_at)

    def put_down_clock(self) -> None:
        """Give back what was reserved and not shown: a clean stop skips no time."""
        self._store(self.now())

    def _store(self, ceiling_at: int) -> None:
        if self._state_path is not None:
            state = msgspec.structs.replace(self._state, ceiling_at=ceiling_at)
            write_state(self._state_path, state)

    async def keep_clock(self) -> None:
        """Keep the reservation ahead of the clock; the disk is waited for in a thread."""
        while True:
            ceiling_at = self._clock.due_ceiling(monotonic_ns())
            if ceiling_at is not None:
                await asyncio.to_thread(self._store, ceiling_at)
                self._clock.reserve(ceiling_at)
            await asyncio.sleep(CLOCK_CHECK_S)

    async def publish(self) -> None:
        """Look at the market every 100 ms; a late look is not made up for."""
        loop = asyncio.get_running_loop()
        next_look, looks = loop.time(), 0
        while True:
            self._look(loop.time(), slow=looks % _SLOW_EVERY == 0)
            looks += 1
            next_look = max(next_look + FAST_S, loop.time())
            await asyncio.sleep(next_look - loop.time())

    def _look(self, now: float, *, slow: bool) -> None:
        self._faults.advance(self._elapsed_s())
        if self._faults.disturbs and self._faults.closes:
            for client in list(self._clients):
                client.abort()
        participants = [client.participant for client in self._clients]
        slow = slow or any(one.fresh for one in participants)
        wanted = wanted_channels((one.subscriptions for one in participants), slow=slow)
        expired = self._publisher.refresh(wanted, self.now())
        for client in list(self._clients):
            participant = client.participant
            participant.tell(self._publisher.frames(participant.subscriptions, slow=slow), now)
            if expired:
                participant.forget(expired)
            client.flush()

    def _elapsed_s(self) -> float:
        return (monotonic_ns() - self._started_ns) / SECOND

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a client in, or say why not."""
        self._faults.advance(self._elapsed_s())
        if self._faults.refuses:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "refused\n")
        if request.path.partition("?")[0] != WEBSOCKET_PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, f"websockets: {WEBSOCKET_PATH}\n")
        if len(self._clients) >= CLIENTS_MAX:
            return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "too many connections\n")
        return None

    async def converse(self, connection: ServerConnection) -> None:
        """Serve one client until it leaves or is cut."""
        opened = asyncio.get_running_loop().time()
        session = ServerSession(
            knows=lambda channel: self._exchange.knows(channel, self.now()),
            opened=opened,
            epoch_us=self.now() // MICROSECOND,
        )
        participant = Participant(session, self._faults, backlog_bytes_max=BACKLOG_BYTES_MAX)
        client = _Client(connection, participant)
        self._clients[client] = None
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(client.write(), name="exchange-write")
                await self._read(client)
                writer.cancel()
        finally:
            del self._clients[client]

    async def _read(self, client: _Client) -> None:
        """Answer one client's requests in their order."""
        loop = asyncio.get_running_loop()
        participant = client.participant
        try:
            async for frame in client.connection:
                for event in participant.session.receive(frame, loop.time()):
                    match event:
                        case Call():
                            await self._answer(client, event)
                        case Subscribed():
                            participant.follow(event.channels)
                        case Unsubscribed():
                            participant.subscriptions.remove(event.channels)
                participant.collect()
                client.flush()
        except ConnectionClosed:
            return

    async def _answer(self, client: _Client, call: Call) -> None:
        loop = asyncio.get_running_loop()
        result: object
        try:
            if call.method == "simulator/fault":
                result = self._inject(client, call.params)
            elif self._exchange.is_archived(call.method):
                async with self._archive_lock:
                    result = await asyncio.to_thread(
                        self._exchange.handle, call.method, call.params, self.now()
                    )
            else:
                result = self._exchange.handle(call.method, call.params, self.now())
        except ServerError as error:
            client.participant.session.refuse(call, error, loop.time())
        else:
            client.participant.session.answer(call, result, loop.time())

    def _inject(self, client: _Client, params: Mapping[str, Any]) -> str:
        """Add a fault that starts now; only a client on this machine may.

        Raises:
            ServerError: from elsewhere, or not a fault.
        """
        if not client.local:
            raise ServerError(13_021, "forbidden", {"reason": "faults are for local clients"})
        try:
            fault = msgspec.convert({**params, "starts_s": self._elapsed_s()}, Fault)
        except (msgspec.ValidationError, ValueError) as error:
            raise invalid("kind", str(error)) from error
        self._faults.inject(fault)
        return "ok"


class _Client:
    """One connection, pumped: what its participant says is written, in order, by one task."""

    def __init__(self, connection: ServerConnection, participant: Participant) -> None:
        self.connection = connection
        self.participant = participant
        self._wake = asyncio.Event()

    @property
    def local(self) -> bool:
        """Whether the client runs on this machine."""
        address = self.connection.remote_address
        return bool(address) and ipaddress.ip_address(address[0]).is_loopback

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
                while (frame := participant.next_frame()) is not None:
                    await self.connection.send(frame, text=True)
                    participant.written(frame)
                if participant.session.closing is not None:
                    await self._close(*participant.session.closing)
                    return
        except ConnectionClosed:
            return

    async def _close(self, code: int, reason: str) -> None:
        if code == _WITHOUT_GOODBYE:
            self.abort()
        else:
            await self.connection.close(code, reason)

    def abort(self) -> None:
        """Cut the connection without a goodbye."""
        self.participant.discard()
        self.connection.transport.abort()
