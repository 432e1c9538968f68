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
from trader.deribit.messages import notification_frame
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
from trader.deribit.simulator.boards import Boards
from trader.deribit.simulator.certificate import Tls, server_context
from trader.deribit.simulator.channels import FAST_S, SLOW_S, Wanted
from trader.deribit.simulator.clock import DEMO_START_AT, ClockState, SimulatedClock
from trader.deribit.simulator.clock_file import resumed_state, write_state
from trader.deribit.simulator.connection import Connection, address_of, open_socket
from trader.deribit.simulator.disturbance import PLATFORM, Disturbance
from trader.deribit.simulator.exchange import Exchange, Lane
from trader.deribit.simulator.fault_desk import FaultDesk
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.http_door import HttpDoor, turned_away
from trader.deribit.simulator.markets import open_venue
from trader.deribit.simulator.participant import BACKLOG_BYTES_MAX, Participant
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.recording import Recording
from trader.deribit.simulator.served import WEBSOCKET_PATH, Served
from trader.deribit.simulator.stepping import STEP_METHOD, SteppedClock, Stepper, start_clock
from trader.deribit.simulator.venue import Venue
from trader.domain.errors import ConfigurationError
from trader.domain.units import MICROSECOND, SECOND

CLIENTS_MAX: Final = 32
"""Connections Deribit accepts from one address; the next is answered 429."""

CLOCK_CHECK_S: Final = 0.2
_SLOW_EVERY: Final = round(SLOW_S / FAST_S)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do what, and how often.

    `tls` turns TLS on, with a certificate of its own. With `limited`, calls cost credits, and
    `closes_overdrawn` ends a connection that has none left.
    """

    accounts: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(DEMO_ACCOUNTS))
    tls: Tls | None = None
    limited: bool = False
    closes_overdrawn: bool = False


@asynccontextmanager
async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    replay: Recording | None = None,
    speed: float = 1.0,
    start_at: int | None = None,
    state_path: Path | None = None,
    faults: FaultPlan | None = None,
    access: Access | None = None,
) -> AsyncIterator[Served]:
    """Run the exchange for as long as the context is open; port 0 picks a free one.

    The market is invented from `seed`, or repeated from `replay`. It begins at `start_at`; without,
    where demos begin, or a recording does.
    With `state_path` the market resumes where it stood, and never runs backward even after a
    SIGKILL; without, every start begins at `start_at`.

    Raises:
        ConfigurationError: a state of another market, an impossible speed, an address in use.
    """
    market = seed if replay is None else replay
    venue = open_venue(market)
    if start_at is None:
        start_at = DEMO_START_AT if replay is None else venue.life.first_at
    state = resumed_state(state_path, venue, start_at)
    clock = start_clock(state, venue.life, speed, monotonic_ns())
    access = access or Access()
    tls = None if access.tls is None else server_context(access.tls, host)
    server = _Server(market, venue, clock, state, state_path, faults or FaultPlan(), access)
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


class _Server:
    """The exchange's tasks and its clients."""

    def __init__(
        self,
        market: int | Recording,
        venue: Venue,
        clock: SimulatedClock | SteppedClock,
        state: ClockState,
        state_path: Path | None,
        faults: FaultPlan,
        access: Access,
    ) -> None:
        self.door: web.Server | None = None
        archive, boards = Archive(open_venue(market)), Boards(open_venue(market))
        self._exchange = Exchange(
            venue, archive, boards, epoch_at=clock.epoch_at, speed=clock.speed
        )
        self._publisher = Publisher(venue)
        self._clock = clock
        self._state = state
        self._state_path = state_path
        self._faults = faults
        self._desk = FaultDesk(faults)
        self._locked = False
        self._started_ns = monotonic_ns()
        self._started_at = self.now()
        self._access = access
        self._authority = Authority(access.accounts, seed=f"{venue.seed} {self._started_ns}")
        disturbance = Disturbance(faults, "http")
        self._http = HttpDoor(
            self._result, self.now, disturbance, self._authority, limited=access.limited
        )
        self._stepper: Stepper[Connection] | None = None
        if isinstance(clock, SteppedClock):
            self._stepper = Stepper(clock, venue.next_change)
        self._stirred = asyncio.Event()
        self._clients: dict[Connection, None] = {}
        self._clients_seen = 0
        self._wanted = Wanted()
        self._lanes: dict[Lane, asyncio.Lock] = {
            "archive": asyncio.Lock(),
            "boards": asyncio.Lock(),
        }

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
        late = False
        while self._stepper is not None:
            late = await self._publish_step(self._stepper, loop.time(), late=late)
        next_look, looks = loop.time(), 0
        while True:
            self._look(loop.time(), slow=looks % _SLOW_EVERY == 0)
            looks += 1
            next_look = max(next_look + FAST_S, loop.time())
            await asyncio.sleep(next_look - loop.time())

    async def _publish_step(self, stepper: Stepper[Connection], now: float, *, late: bool) -> bool:
        """Go on where all wait for it, look, and answer them; then wait until somebody speaks.

        Tells whether nobody did: the next look is due all the same.
        """
        moved = stepper.move(monotonic_ns())
        if moved or late or any(client.participant.fresh for client in self._clients):
            self._look(now, slow=True)
        for client, call, step in stepper.answers(monotonic_ns()) if moved else ():
            client.participant.session.answer(call, step, now)
            client.participant.collect()
            client.flush()
        try:
            async with asyncio.timeout(FAST_S):
                await self._stirred.wait()
        except TimeoutError:
            return True
        self._stirred.clear()
        return False

    def _look(self, now: float, *, slow: bool) -> None:
        self._advance_faults()
        participants = [client.participant for client in self._clients]
        slow = slow or any(one.fresh for one in participants)
        wanted = self._wanted.channels(one.subscriptions for one in participants)
        expired = self._publisher.refresh(wanted, self.now(), slow=slow)
        for client in list(self._clients):
            participant = client.participant
            participant.tell(self._publisher.frames(participant.subscriptions, slow=slow), now)
            if expired:
                participant.forget(expired)
            client.flush()

    def _advance_faults(self) -> None:
        """Let the faults come and go, and do what concerns the clock and whole connections."""
        wall_s = (monotonic_ns() - self._started_ns) / SECOND
        self._faults.advance(wall_s, (self.now() - self._started_at) / SECOND)
        for storm in self._faults.take_storms():
            self._clock.jump(storm.breaks_at(self.now()), monotonic_ns())
        if self._faults.locked != self._locked:
            self._locked = self._faults.locked
            frame = notification_frame(PLATFORM, {"maintenance": self._locked})
            for client in self._clients:
                client.participant.session.push(PLATFORM, frame)
        for client in self._clients if self._faults.disturbs else ():
            client.obey(self._faults)

    def abort_all(self) -> None:
        """Cut every client without a goodbye."""
        for client in list(self._clients):
            client.abort()

    async def answer_request(self, request: web.BaseRequest) -> web.StreamResponse:
        """Let a request in, or say why not: a websocket, a call over HTTP, or neither."""
        self._advance_faults()
        socket_asked = request.path == WEBSOCKET_PATH
        name = f"ws/{self._clients_seen + 1}" if socket_asked else "http"
        refusing = self._faults.refusing(name)
        if refusing is not None:
            return turned_away(refusing.status, "refused\n")
        if self._connections_from(address_of(request)) > CLIENTS_MAX:
            return turned_away(HTTPStatus.TOO_MANY_REQUESTS, "too many connections\n")
        if socket_asked:
            return await self._converse(request, name)
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

    async def _converse(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        """Serve one client until it leaves or is cut."""
        socket = open_socket()
        if not socket.can_prepare(request).ok:
            text = "a websocket upgrade is needed here\n"
            return web.Response(status=HTTPStatus.UPGRADE_REQUIRED, text=text)
        self._clients_seen += 1
        disturbance = Disturbance(self._faults, name)
        await socket.prepare(request)
        session = ServerSession(
            knows=lambda channel: self._exchange.knows(channel, self.now()),
            opened=asyncio.get_running_loop().time(),
            epoch_us=self.now() // MICROSECOND,
            authority=self._authority,
            credits_left=Credits() if self._access.limited else None,
            closes_overdrawn=self._access.closes_overdrawn,
            refuses=disturbance.refusal,
        )
        participant = Participant(session, disturbance, backlog_bytes_max=BACKLOG_BYTES_MAX)
        client = Connection(name, request, socket, participant)
        self._clients[client] = None
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(client.write(), name="exchange-write")
                await self._read(client)
                await client.leave(writer)
        finally:
            del self._clients[client]
            if self._stepper is not None:
                self._stepper.leave(client)
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
            self._stirred.set()
            await asyncio.sleep(0)  # many calls sent at once are no reason for others to wait

    async def _answer(self, client: Connection, call: Call) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._stepper is not None and call.method == STEP_METHOD:
                self._stepper.wait(client, call)
                return
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
        if self._desk.answers(method):
            return self._desk.handle(method, params, local=local)
        if self._faults.locked and method == "public/status":
            return {"locked": "true"}
        lane = self._exchange.lane(method)
        if lane is not None:
            async with self._lanes[lane]:
                return await asyncio.to_thread(self._written, method, params, self.now())
        return self._exchange.handle(method, params, self.now())

    def _written(self, method: str, params: Mapping[str, Any], at: int) -> msgspec.Raw:
        """Answer and encode where nobody waits: a catalog is megabytes."""
        return msgspec.Raw(msgspec.json.encode(self._exchange.handle(method, params, at)))
