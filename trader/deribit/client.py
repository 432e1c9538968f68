"""How do frames get here and back? One websocket to Deribit, kept alive for one consumer.

The session decides what is said; this shell connects, pumps, waits and tries again.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, Self, cast

from msgspec import Raw
from pydantic import BaseModel, ConfigDict, Field, model_validator

from trader.deribit.feed import Connected, Disconnected, Failure, Fault, FeedEvent, Response
from trader.deribit.messages import RequestFailed
from trader.deribit.server_session import FIRST_BEAT, HEARTBEAT_CLOSE
from trader.deribit.session import ClientSession, SessionLimits

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

    from trader.deribit.batches import BatchedConnection
    from trader.deribit.order_book import OrderBook
    from trader.deribit.sign_in import Credentials
    from trader.domain.events import FaultKind

FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
"""A full catalog is above 5 MB; the library's own limit of 1 MiB would cut the connection."""

TICK_S: Final = 0.1
TOO_MANY_CONNECTIONS: Final = 429

_JITTER: Final = secrets.SystemRandom().uniform

Deliver = Callable[[Sequence[FeedEvent]], Awaitable[None]]
Jitter = Callable[[float, float], float]


class ClientSettings(BaseModel):
    """How patient and how insistent the connection to the exchange is. Wall seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    heartbeat_s: int = Field(
        default=10, ge=10, le=300, description="Interval of the exchange's heartbeats."
    )
    heartbeat_overdue_s: float = Field(
        default=15.0, gt=0, le=600, description="Silence after which the connection is given up."
    )
    mute_channel_s: float = Field(
        default=10.0, gt=0, le=600,
        description="Silence after which an index, or a new ticker subscription, counts as mute.",
    )  # fmt: skip
    gap_s: float = Field(
        default=2.5, gt=1, le=60,
        description="Hole between two pushes of the index after which everything starts afresh.",
    )  # fmt: skip
    request_timeout_s: float = Field(
        default=10.0, gt=0, le=120, description="How long an answer may take."
    )
    connect_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="How long a connection may take to stand."
    )
    close_timeout_s: float = Field(
        default=1.0, gt=0, le=10, description="How long a goodbye may take."
    )
    backoff_initial_s: float = Field(
        default=0.5, gt=0, le=60, description="Longest wait before the first new attempt."
    )
    backoff_max_s: float = Field(
        default=30.0, gt=0, le=600, description="Ceiling of the doubling waits between attempts."
    )
    stable_s: float = Field(
        default=5.0,
        gt=0,
        le=600,
        description="A connection that stood this long ends the doubling.",
    )
    queue_max: int = Field(
        default=20_000, ge=100, le=1_000_000,
        description="Events that may wait for the engine; of quotes only the newest waits.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.heartbeat_overdue_s <= self.heartbeat_s * FIRST_BEAT:
            raise ValueError(
                f"heartbeat_overdue_s {self.heartbeat_overdue_s:g} must exceed heartbeat_s "
                f"{self.heartbeat_s} x {FIRST_BEAT}, or every quiet moment ends the connection"
            )
        if self.backoff_max_s < self.backoff_initial_s:
            raise ValueError(
                f"backoff_max_s {self.backoff_max_s:g} is below backoff_initial_s "
                f"{self.backoff_initial_s:g}: raise the ceiling or lower the start"
            )
        return self


class DeribitClient:
    """A feed that outlives its connections: what is subscribed stays wanted.

    `deliver` is awaited with events in order, one batch at a time. While it waits, nothing is
    read, and TCP slows the exchange down: that is the backpressure. It must come back well within
    the heartbeat, and must not await `call` (the answer would stand behind it).
    Invariant: at most one connection or attempt; waits between attempts are drawn from
    [0, ceiling], the ceiling doubles until a connection has stood for `stable_s`.
    """

    def __init__(
        self,
        url: str,
        settings: ClientSettings,
        deliver: Deliver,
        *,
        credentials: Credentials | None = None,
        ssl: SSLContext | None = None,
        jitter: Jitter = _JITTER,
    ) -> None:
        self._url = url
        self._settings = settings
        self._deliver = deliver
        self._ssl = ssl
        self._jitter = jitter
        self._session = ClientSession(
            SessionLimits(
                heartbeat_s=settings.heartbeat_s,
                heartbeat_overdue_s=settings.heartbeat_overdue_s,
                request_timeout_s=settings.request_timeout_s,
                mute_channel_s=settings.mute_channel_s,
                gap_s=settings.gap_s,
            ),
            credentials,
        )
        self._answers: dict[int, asyncio.Future[Raw]] = {}
        self._delivering = False
        self._delivered = asyncio.Event()
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._connecting: asyncio.Timeout | None = None
        self._stood_since = math.inf

    @property
    def connected(self) -> bool:
        """Whether a connection stands right now."""
        return self._session.connected_now

    @property
    def channels(self) -> list[str]:
        """The wanted channels."""
        return self._session.book.wanted()

    def order_book(self, channel: str) -> OrderBook | None:
        """Show the book that a wanted `book.*` channel tells, as long as it can be used."""
        wanted = self._session.book.get(channel)
        book = None if wanted is None else wanted.book
        return book if book is not None and book.usable else None

    def set_market_speed(self, speed: float, *, unpaced: bool = False) -> None:
        """Say how many market seconds pass per second, before subscribing; 1 on a real venue.

        With `unpaced` nothing waits for credits: only a replay that waits for us is asked so.

        Raises:
            ValueError: not a positive number.
        """
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"market speed {speed!r} must be a positive number")
        self._session.book.market_speed = speed
        self._session.unpaced = unpaced

    @property
    def settled(self) -> bool:
        """Whether every request is answered and everything wanted has spoken or was refused."""
        return self._session.settled

    def subscribe(self, channels: Iterable[str]) -> None:
        """Want these channels from now on, whatever happens to the connection."""
        self._session.subscribe(channels, time.monotonic())
        self._wake.set()

    def unsubscribe(self, channels: Iterable[str]) -> None:
        """Want these channels no longer."""
        self._session.unsubscribe(channels, time.monotonic())
        self._wake.set()

    async def call(self, method: str, params: dict[str, Any] | None = None) -> Raw:
        """Ask the exchange and wait for the result.

        Raises:
            RequestFailed: refused (the venue's code), no answer in time, or disconnected (code 0).
            FeedError: not connected, or too much waiting already.
        """
        id_ = self._session.request(method, params or {}, time.monotonic())
        answer: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        self._answers[id_] = answer
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Connect, pump, and connect again until `stop`; the caller's TaskGroup owns this.

        Raises whatever `deliver` raises (in an ExceptionGroup): that is the consumer's bug.
        """
        attempt = 0
        while not self._stop.is_set():
            attempt += 1
            self._stood_since = math.inf
            end = await self._attempt(attempt)
            if self._stop.is_set():
                return
            if time.monotonic() - self._stood_since >= self._settings.stable_s:
                attempt = 1
            wait_s = self._jitter(0.0, self._backoff_s(attempt))
            await self._deliver([Disconnected(end.kind, end.detail, attempt, wait_s)])
            await _wait(self._stop, wait_s)

    def stop(self) -> None:
        """Say goodbye: `run` returns within the close time-out."""
        self._stop.set()
        self._wake.set()
        if self._connecting is not None:
            self._connecting.reschedule(asyncio.get_running_loop().time())

    def _backoff_s(self, attempt: int) -> float:
        ceiling = self._settings.backoff_initial_s * 2.0 ** min(attempt - 1, 30)
        return min(self._settings.backoff_max_s, ceiling)

    async def _attempt(self, attempt: int) -> Fault:
        from websockets.exceptions import InvalidStatus, WebSocketException

        try:
            socket = await self._connect()
        except InvalidStatus as error:
            status = error.response.status_code
            limited = status == TOO_MANY_CONNECTIONS
            kind: FaultKind = "rate_limited" if limited else "server_gone"
            return Fault(kind, (), f"no connection: HTTP {status}")
        except (OSError, WebSocketException) as error:
            return Fault("server_gone", (), f"no connection: {str(error) or type(error).__name__}")
        try:
            return await self._converse(socket, attempt)
        finally:
            for failure in self._session.disconnected():
                self._settle(failure)
            if not self._stop.is_set():
                socket.transport.abort()  # nobody reads on: a goodbye would only cost its time-out
            await socket.close()

    async def _connect(self) -> BatchedConnection:
        from websockets.asyncio.client import connect

        from trader.deribit.batches import BatchedConnection

        secured: dict[str, Any] = {} if self._ssl is None else {"ssl": self._ssl}
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s) as self._connecting:
                socket = await connect(
                    self._url,
                    create_connection=BatchedConnection,
                    compression=None,
                    max_size=FRAME_BYTES_MAX,
                    open_timeout=None,
                    close_timeout=self._settings.close_timeout_s,
                    ping_interval=None,
                    proxy=None,
                    **secured,
                )
                return cast("BatchedConnection", socket)
        finally:
            self._connecting = None

    async def _converse(self, socket: BatchedConnection, attempt: int) -> Fault:
        self._stood_since = time.monotonic()
        self._session.connected(self._stood_since)
        await self._deliver([Connected(attempt)])
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(self._keep(socket))
            end = await self._read(socket)
            keeper.cancel()
        return self._session.closing or end

    async def _read(self, socket: BatchedConnection) -> Fault:
        from websockets.exceptions import ConnectionClosed

        session, now = self._session, time.monotonic
        try:
            while session.closing is None:
                frames = await socket.receive()
                events: list[FeedEvent] = []
                at = now()
                for frame in frames:
                    events += session.receive(frame, at)
                if events:
                    await self._hand_over(events)
                elif session.must_send:
                    self._wake.set()
        except ConnectionClosed as error:
            return _farewell(error)
        return session.closing

    async def _keep(self, socket: BatchedConnection) -> None:
        """Send what is due and let the session's time pass; the only task that sends."""
        from websockets.exceptions import ConnectionClosed

        session = self._session
        try:
            while session.closing is None and not self._stop.is_set():
                self._wake.clear()
                events = session.tick(time.monotonic())
                if events:
                    await self._hand_over(events)
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    for frame in session.data_to_send():
                        await socket.send(frame, text=True)
                await _wait(self._wake, TICK_S)
            if session.closing is None:
                await socket.close()
            else:
                socket.transport.abort()
        except ConnectionClosed:
            return  # the reader learns of it too, and why
        except TimeoutError:
            socket.transport.abort()  # nobody reads what we send

    async def _hand_over(self, events: Sequence[FeedEvent]) -> None:
        """Deliver, one batch at a time: reader and keeper take turns.

        A flag and an event, where a lock would cost more than the session itself on every push.
        """
        told = [event for event in events if not self._settle(event)] if self._answers else events
        if self._session.must_send:
            self._wake.set()
        if not told:
            return
        while self._delivering:
            self._delivered.clear()
            await self._delivered.wait()
        self._delivering = True
        try:
            await self._deliver(told)
        finally:
            self._delivering = False
            self._delivered.set()

    def _settle(self, event: FeedEvent) -> bool:
        """Give an answer to whoever waits for it; False where the event is for the consumer."""
        match event:
            case Response(id=id_, result=result) if id_ in self._answers:
                answer = self._answers.pop(id_)
                if not answer.done():
                    answer.set_result(result)
                return True
            case Failure(id=int(id_)) if id_ in self._answers:
                answer = self._answers.pop(id_)
                if not answer.done():
                    answer.set_exception(_refusal(event))
                return True
            case _:
                return False


def _refusal(failure: Failure) -> RequestFailed:
    return RequestFailed(failure.method, failure.code, failure.message, failure.reason)


def _farewell(error: ConnectionClosed) -> Fault:
    if error.rcvd is None:
        return Fault("server_gone", (), "the connection broke without a goodbye")
    code, reason = error.rcvd.code, error.rcvd.reason
    overdue = (code, reason) == HEARTBEAT_CLOSE
    kind: FaultKind = "heartbeat_overdue" if overdue else "server_gone"
    return Fault(kind, (), f"closed by the exchange: {code} {reason}".rstrip())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
