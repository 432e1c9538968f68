"""How does the bundled exchange reach its clients? Websockets and HTTP on one real port.

One task looks at the market every 100 ms of wall time and hands each client what is new to it; one
task keeps the clock's reservation on disk ahead of the clock; each connection has a reader and a
writer. aiohttp listens, since `websockets` cannot read the body of a POST.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import msgspec
from aiohttp import web

from trader.deribit import server_http
from trader.deribit.server_auth import DEMO_ACCOUNTS, Authority
from trader.deribit.server_session import (
    Call,
    Credits,
    ServerError,
    ServerSession,
    Subscribed,
    Unsubscribed,
)
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.certificate import server_context
from trader.deribit.simulator.channels import FAST_S, SLOW_S, wanted_channels
from trader.deribit.simulator.clock import DEMO_START_AT, ClockState, SimulatedClock
from trader.deribit.simulator.clock_file import resumed_state, write_state
from trader.deribit.simulator.connection import (
    Connection,
    address_of,
    open_socket,
)
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.faults import Fault, FaultPlan
from trader.deribit.simulator.http_door import HttpDoor
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

CLOCK_CHECK_S: Final = 0.2
_SLOW_EVERY: Final = round(SLOW_S / FAST_S)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do what, and how often.

    `tls_folder` keeps the certificate and turns TLS on. With `limited`, calls cost credits, and
    `closes_overdrawn` ends a connection that has none left.
    """

    accounts: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(DEMO_ACCOUNTS))
    tls_folder: Path | None = None
    limited: bool = False
    closes_overdrawn: bool = False


class Served(msgspec.Struct, frozen=True):
    """Where the exchange listens."""

    host: str
    port: int
    tls: bool = False

    @property
    def url(self) -> str:
        """The address a websocket client connects to."""
        return f"{'wss' if self.tls else 'ws'}://{self._authority}{WEBSOCKET_PATH}"

    @property
    def http_url(self) -> str:
        """What stands before `/api/v2` in the address of a request."""
        return f"{'https' if self.tls else 'http'}://{self._authority}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


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
    access: Access | None = None,
) -> AsyncIterator[Served]:
    """Run the exchange for as long as the context is open; port 0 picks a free one.

    With `state_path` the market resumes where it stood, and never runs backward even after a
    SIGKILL; without, every start begins at `start_at`.

    Raises:
        ConfigurationError: a state of another market, an impossible speed, an address in use.
    """
    market = _market(seed)
    state = resumed_state(state_path, market, start_at)
    clock = SimulatedClock(
        epoch_at=state.epoch_at,
        resumed_at=state.ceiling_at,
        speed=speed,
        started_monotonic_ns=monotonic_ns(),
    )
    access = access or Access()
    tls = None if access.tls_folder is None else server_context(access.tls_folder, host)
    server = _Server(market, clock, state, state_path, faults or FaultPlan(), access)
    failure: Exception | None = None
    async with _listening(server, host, port, tls) as port_taken:
        server.reserve()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(server.publish(), name="exchange-publish"),
                    group.create_task(server.keep_clock(), name="exchange-clock"),
                ]
                try:
                    yield Served(host, port_taken, tls is not None)
                except Exception as error:  # noqa: BLE001  raised below: the group would wrap it
                    failure = error
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            server.put_down_clock()
    if failure is not None:
        raise failure


@asynccontextmanager
async def _listening(
    server: _Server, host: str, port: int, tls: ssl.SSLContext | None
) -> AsyncIterator[int]:
    """Listen for as long as the context is open; yields the port."""
    door = web.Server(server.answer_request, access_log=None)
    server.door = door
    runner = web.ServerRunner(door, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise ConfigurationError(
                f"exchange: cannot listen on {host}:{port} ({error.strerror or error}); "
                "choose another --host or --port, or stop what listens there"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        server.abort_all()
        await runner.cleanup()


def _market(seed: int) -> Market:
    try:
        return Market(seed)
    except ValueError as error:
        raise ConfigurationError(f"{error}; give --seed a whole number") from error


class _Server:
    """The exchange's tasks and its clients."""

    def __init__(
        self,
        market: Market,
        clock: SimulatedClock,
        state: ClockState,
        state_path: Path | None,
        faults: FaultPlan,
        access: Access,
    ) -> None:
        self.door: web.Server | None = None
        venue = Venue(market)
        archive = Archive(Venue(Market(market.seed)))
        self._exchange = Exchange(venue, archive, epoch_at=clock.epoch_at, speed=clock.speed)
        self._publisher = Publisher(venue)
        self._clock = clock
        self._state = state
        self._state_path = state_path
        self._faults = faults
        self._started_ns = monotonic_ns()
        self._access = access
        self._authority = Authority(access.accounts, seed=f"{market.seed} {self._started_ns}")
        self._http = HttpDoor(
            self._result, self.now, faults, self._authority, limited=access.limited
        )
        self._clients: dict[Connection, None] = {}
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
            self.abort_all()
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

    def abort_all(self) -> None:
        """Cut every client without a goodbye."""
        for client in list(self._clients):
            client.abort()

    def _elapsed_s(self) -> float:
        return (monotonic_ns() - self._started_ns) / SECOND

    async def answer_request(self, request: web.BaseRequest) -> web.StreamResponse:
        """Let a request in, or say why not: a websocket, a call over HTTP, or neither."""
        self._faults.advance(self._elapsed_s())
        if self._faults.refuses:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="refused\n")
        if self._connections_from(address_of(request)) > CLIENTS_MAX:
            return _turned_away()
        if request.path == WEBSOCKET_PATH:
            return await self._converse(request)
        if request.method in ("GET", "POST") and server_http.is_http_path(request.path):
            return await self._http.answer(request)
        text = f"websockets: {WEBSOCKET_PATH}, HTTP: {server_http.HTTP_PATH}\n"
        return web.Response(status=HTTPStatus.NOT_FOUND, text=text)

    def _connections_from(self, address: str) -> int:
        """Count the connections of one address, HTTP ones included."""
        if self.door is None:
            return 0
        peers = (
            one.transport.get_extra_info("peername")
            for one in self.door.connections
            if one.transport is not None
        )
        return sum(peer is not None and peer[0] == address for peer in peers)

    async def _converse(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one client until it leaves or is cut."""
        socket = open_socket()
        if not socket.can_prepare(request).ok:
            text = "a websocket upgrade is needed here\n"
            return web.Response(status=HTTPStatus.UPGRADE_REQUIRED, text=text)
        await socket.prepare(request)
        session = ServerSession(
            knows=lambda channel: self._exchange.knows(channel, self.now()),
            opened=asyncio.get_running_loop().time(),
            epoch_us=self.now() // MICROSECOND,
            authority=self._authority,
            credits_left=Credits() if self._access.limited else None,
            closes_overdrawn=self._access.closes_overdrawn,
        )
        participant = Participant(session, self._faults, backlog_bytes_max=BACKLOG_BYTES_MAX)
        client = Connection(request, socket, participant)
        self._clients[client] = None
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(client.write(), name="exchange-write")
                await self._read(client)
                writer.cancel()
        finally:
            del self._clients[client]
        return socket

    async def _read(self, client: Connection) -> None:
        """Answer one client's requests in their order."""
        loop = asyncio.get_running_loop()
        participant = client.participant
        async for frame in client.frames():
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

    async def _answer(self, client: Connection, call: Call) -> None:
        loop = asyncio.get_running_loop()
        try:
            result = await self._result(call.method, call.params, local=client.local)
        except ServerError as error:
            client.participant.session.refuse(call, error, loop.time())
        else:
            client.participant.session.answer(call, result, loop.time())

    async def _result(self, method: str, params: Mapping[str, Any], *, local: bool) -> object:
        """Answer a call, whichever way it came.

        Raises:
            ServerError: the call is refused.
        """
        if method == "simulator/fault":
            return self._inject(params, local=local)
        if self._exchange.is_archived(method):
            async with self._archive_lock:
                return await asyncio.to_thread(self._exchange.handle, method, params, self.now())
        return self._exchange.handle(method, params, self.now())

    def _inject(self, params: Mapping[str, Any], *, local: bool) -> str:
        """Add a fault that starts now; only a client on this machine may.

        Raises:
            ServerError: from elsewhere, or not a fault.
        """
        if not local:
            raise ServerError(13_021, "forbidden", {"reason": "faults are for local clients"})
        try:
            fault = msgspec.convert({**params, "starts_s": self._elapsed_s()}, Fault)
        except (msgspec.ValidationError, ValueError) as error:
            raise invalid("kind", str(error)) from error
        self._faults.inject(fault)
        return "ok"


def _turned_away() -> web.Response:
    response = web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="too many connections\n")
    response.force_close()
    return response
