"""What does the connection mean? Deribit's session without a socket, for both of its ends.

Bytes go in by `receive`, time by `tick`, bytes come out by `data_to_send`. `now` is always a
monotonic second of the caller; no method waits, and no input makes one raise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

import msgspec
from msgspec import Raw

from trader.deribit import messages
from trader.deribit.channels import AWAITED, Broken, Channel, ChannelBook, needs_sign_in
from trader.deribit.credits import PRICES, CreditPool, Pool, pool_of
from trader.deribit.feed import Failure, Fault, Recovered, Response, SessionEvent
from trader.deribit.messages import (
    CLIENT_FRAME_BYTES_MAX,
    Envelope,
    ErrorBody,
)
from trader.deribit.pushes import Notification, Unreadable, read_frame
from trader.deribit.sign_in import METHOD as SIGN_IN
from trader.deribit.sign_in import Credentials, SignIn
from trader.domain.errors import FeedError
from trader.domain.events import FaultKind

NO_ANSWER: Final = 0
"""The code of a failure that the venue did not send: no answer in time, or the connection ended."""

RATE_LIMITED: Final = 10_028
RETRYABLE: Final = frozenset(
    {NO_ANSWER, 10_040, 10_041, 10_047, 10_066, 11_051, 11_056, 11_094, 13_028}
)
CREDIT_SHARE: Final = 0.8
"""How much of the venue's credits we use: bunching of 0.6 s on the way is forgiven."""

RETRY_S_MAX: Final = 30.0
SIGNED_OUT: Final = frozenset({13_009, 13_778})
"""No token, or one that has died: what needs it is asked for again once we are signed in."""

SUBSCRIBES: Final = ("public/subscribe", "private/subscribe")

WAITING_MAX: Final = 1_000
"""Requests that may wait for credits or answers: far more than a day of this daemon asks."""

CHANNEL_BYTES_MAX: Final = CLIENT_FRAME_BYTES_MAX - 1_024
"""What the channels of one call may take, leaving room for the envelope."""


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a client session waits for what, and how much it asks at once."""

    heartbeat_s: int = 10
    heartbeat_overdue_s: float = 15.0
    request_timeout_s: float = 10.0
    mute_channel_s: float = 10.0
    gap_s: float = 2.5
    retry_s: float = 1.0
    channels_per_call: int = 200


class _Asked(msgspec.Struct):
    method: str
    frame: bytes
    channels: tuple[str, ...]
    own: bool
    deadline: float | None = None


class ClientSession:
    """Our end: what we want survives the connection, everything else is of one connection.

    Invariant: no request leaves beyond the venue's credit pools; every wanted channel is active,
    asked for, waiting for its turn, or was reported by a fault. Channels are asked for and called
    off in as few calls as they fit in: names gather while an earlier call waits for credits, so
    that faults of hundreds of channels hold up no other. When `closing` is set, the caller reports
    it, closes the socket and connects anew.
    """

    def __init__(self, limits: SessionLimits, credentials: Credentials | None = None) -> None:
        self.limits = limits
        self._sign_in = SignIn(credentials)
        self.closing: Fault | None = None
        self.book = ChannelBook(mute_s=limits.mute_channel_s, gap_s=limits.gap_s)
        self.connected_now = False
        self.unpaced = False
        self.unwanted = 0
        self._pools: dict[Pool, CreditPool] = {
            name: CreditPool(PRICES[name], CREDIT_SHARE) for name in PRICES
        }
        self._waiting: dict[Pool, deque[int]] = {name: deque() for name in PRICES}
        self._leaving: dict[str, None] = {}
        self._asked: dict[int, _Asked] = {}
        self._outbox: list[bytes] = []
        self._next_id = 1
        self._heard_at = 0.0
        self._refusals = 0

    def connected(self, now: float) -> None:
        """Begin a connection: ask for heartbeats and for everything that is wanted."""
        self.connected_now = True
        self.closing = None
        self._heard_at = now
        self.book.restart(now)
        self._sign_in.restart(now)
        self._ask("public/set_heartbeat", {"interval": self.limits.heartbeat_s}, own=True)
        self._release(now)
        self._reconcile(now)

    def disconnected(self) -> list[SessionEvent]:
        """End the connection; requests of the caller that were open fail."""
        self.connected_now = False
        failures: list[SessionEvent] = [
            Failure(id_, asked.method, NO_ANSWER, "the connection ended before the answer", "")
            for id_, asked in self._asked.items()
            if not asked.own
        ]
        self._asked.clear()
        self._leaving.clear()
        self._outbox.clear()
        for queue in self._waiting.values():
            queue.clear()
        return failures

    @property
    def settled(self) -> bool:
        """Whether nothing is owed: no answer, and no first word of what was subscribed."""
        owed = self._asked or self._leaving
        return self.connected_now and not owed and self.book.settled

    def request(self, method: str, params: dict[str, Any], now: float) -> int:
        """Ask, as soon as credits allow; a `Response` or a `Failure` of this id will follow.

        Raises:
            FeedError: not connected, too much waiting, or too long for a frame.
        """
        if not self.connected_now:
            raise FeedError(f"{method}: not connected; wait for the connection and ask again")
        if len(self._asked) >= WAITING_MAX:
            raise FeedError(f"{method}: {WAITING_MAX} requests wait already; ask again later")
        id_ = self._ask(method, params, own=False)
        if len(self._asked[id_].frame) > CLIENT_FRAME_BYTES_MAX:
            del self._asked[id_]
            raise FeedError(f"{method}: the request is longer than {CLIENT_FRAME_BYTES_MAX} bytes")
        self._release(now)
        return id_

    def subscribe(self, channels: Iterable[str], now: float) -> None:
        """Want these channels, now and after every reconnect, until unsubscribed."""
        self.book.want(channels, now)
        if self.connected_now:
            self._reconcile(now)

    def unsubscribe(self, channels: Iterable[str], now: float) -> None:
        """Want these channels no longer."""
        active = self.book.forget(channels)
        if self.connected_now:
            self._leaving |= dict.fromkeys(active)
            self._reconcile(now)

    @property
    def must_send(self) -> bool:
        """Whether `data_to_send` holds anything."""
        return bool(self._outbox)

    def data_to_send(self) -> list[bytes]:
        """Take the frames to be sent now, in this order."""
        frames, self._outbox = self._outbox, []
        return frames

    def receive(self, frame: bytes, now: float) -> list[SessionEvent]:
        """Take one frame from the server and say what it means; any bytes will do."""
        if self.closing is not None:
            return []
        self._heard_at = now
        message = read_frame(frame)
        match message:
            case Notification():
                return self._heard(message, now)
            case Envelope():
                return self._answered(message, now)
            case Unreadable():
                return self._unreadable(message, now)
            case _:
                assert_never(message)

    def tick(self, now: float) -> list[SessionEvent]:
        """Let time pass: silence, time-outs, mute channels, retries; call it ten times a second."""
        if not self.connected_now or self.closing is not None:
            return []
        silent_s = now - self._heard_at
        if silent_s > self.limits.heartbeat_overdue_s:
            return [self._close("heartbeat_overdue", f"nothing heard for {silent_s:.1f} s")]
        events: list[SessionEvent] = []
        overdue = [
            id_ for id_, asked in self._asked.items() if asked.deadline and asked.deadline < now
        ]
        for id_ in overdue:
            text = f"no answer within {self.limits.request_timeout_s:g} s"
            events += self._failed(id_, ErrorBody(NO_ANSWER, text), now)
        mute = self.book.mute(now)
        if mute:
            detail = f"subscribed, but nothing came for {self.limits.mute_channel_s:g} s or more"
            events.append(self._start_afresh("mute_channel", mute, detail, now))
        self._reconcile(now)
        return events

    def _heard(self, note: Notification, now: float) -> list[SessionEvent]:
        channel = self.book.get(note.channel)
        if channel is None:  # still in flight after an unsubscription
            self.unwanted += 1
            return []
        broken = self.book.hear(channel, note.payload, now)
        if broken is not None:
            return [] if broken is AWAITED else [self._broken(note.channel, channel, broken, now)]
        if channel.lost:
            channel.lost = False
            return [Recovered(note.channel), note]
        return [note]

    def _broken(self, name: str, channel: Channel, broken: Broken, now: float) -> Fault:
        if not broken.lost:
            return Fault(broken.kind, (name,), broken.detail)
        if channel.paced:  # the index is the clock of the whole connection
            return self._close(broken.kind, f"{name}: {broken.detail}")
        return self._start_afresh(broken.kind, [name], broken.detail, now)

    def _answered(self, message: Envelope, now: float) -> list[SessionEvent]:
        if message.method == "heartbeat":
            if message.params is not None and message.params.type == "test_request":
                self._ask("public/test", {}, own=True)
                self._release(now)
            return []
        if message.error is not None and message.id is None:
            body = message.error
            return self._refused(Failure(None, "", body.code, body.message, body.reason), now)
        if not isinstance(message.id, int) or not (message.error or bytes(message.result)):
            return [Fault("garbage", (), f"neither answer nor push: id {message.id!r}")]
        if message.id not in self._asked:
            return self._unasked(message.id)
        if message.error is not None:
            return self._failed(message.id, message.error, now)
        return self._succeeded(message.id, message.result, now)

    def _unasked(self, id_: int) -> list[SessionEvent]:
        if 0 < id_ < self._next_id:
            return [Fault("duplicate", (), f"answer {id_} came again, or after its time-out")]
        return [Fault("garbage", (), f"answer to request {id_}, which was never sent")]

    def _succeeded(self, id_: int, result: Raw, now: float) -> list[SessionEvent]:
        asked = self._asked.pop(id_)
        if not asked.own:
            return [Response(id_, asked.method, result)]
        if asked.method == SIGN_IN:
            return self._signed_in(id_, result, now)
        if asked.method not in SUBSCRIBES:
            return []
        try:
            answered = messages.decode_result(result, list[str])
        except FeedError as error:
            return self._not_subscribed(asked, str(error), None)
        self._refusals = 0
        dropped = self.book.confirm(asked.channels, answered, now)
        if not dropped:
            return []
        detail = "dropped from the subscription without an error: is the name right?"
        return [Fault("mute_channel", tuple(dropped), detail, lost=True)]

    def _signed_in(self, id_: int, result: Raw, now: float) -> list[SessionEvent]:
        try:
            self._sign_in.granted(result, now)
        except FeedError as error:
            return [Failure(id_, SIGN_IN, NO_ANSWER, str(error), "")]
        self._reconcile(now)
        return []

    def _failed(self, id_: int, body: ErrorBody, now: float) -> list[SessionEvent]:
        asked = self._asked.pop(id_)
        failure = Failure(id_, asked.method, body.code, body.message, body.reason)
        events = self._refused(failure, now)
        if asked.method == SIGN_IN and asked.own:
            self._sign_in.refused(now)
        if asked.method in SUBSCRIBES and asked.own and self.closing is None:
            if body.code in SIGNED_OUT:
                self._sign_in.lapsed(now)
            again = body.code in RETRYABLE or (body.code in SIGNED_OUT and self._sign_in.possible)
            retry_at = now + self._patience_s() if again else None
            detail = f"subscription refused: {body.code} {body.message}"
            events += self._not_subscribed(asked, detail, retry_at)
        return events

    def _patience_s(self) -> float:
        """Wait longer each time in a row: a venue in maintenance is not helped by questions."""
        self._refusals += 1
        return min(self.limits.retry_s * 2.0 ** min(self._refusals - 1, 10), RETRY_S_MAX)

    def _not_subscribed(
        self, asked: _Asked, detail: str, retry_at: float | None
    ) -> list[SessionEvent]:
        refused = self.book.refuse(asked.channels, retry_at)
        return [Fault("mute_channel", tuple(refused), detail, lost=True)] if refused else []

    def _refused(self, failure: Failure, now: float) -> list[SessionEvent]:
        if failure.code != RATE_LIMITED:
            return [failure]
        for pool in self._pools.values():
            pool.drain(now)
        return [failure, self._close("rate_limited", f"{failure.code} {failure.message}")]

    def _unreadable(self, frame: Unreadable, now: float) -> list[SessionEvent]:
        channel = self.book.get(frame.channel)
        if channel is None and frame.kind == "half_frame":
            return [self._close("half_frame", f"unknown what was lost: {frame.detail}")]
        if channel is None:
            return [Fault(frame.kind, (), frame.detail)]
        if frame.misfit:  # asking again would bring the same shape again
            channel.lose(now)
            return [Fault(frame.kind, (frame.channel,), frame.detail, lost=True)]
        return [self._start_afresh(frame.kind, [frame.channel], frame.detail, now)]

    def _start_afresh(
        self, kind: FaultKind, names: Sequence[str], detail: str, now: float
    ) -> Fault:
        """Subscribe anew: the venue sends the present state only to a fresh subscription."""
        self._leaving |= dict.fromkeys(self.book.lose(names, now))
        self._reconcile(now)
        return Fault(kind, tuple(names), detail, lost=True)

    def _close(self, kind: FaultKind, detail: str) -> Fault:
        self.closing = Fault(kind, (), detail, lost=True)
        return self.closing

    def _reconcile(self, now: float) -> None:
        question = self._sign_in.question(now)
        if question is not None:
            self._ask(SIGN_IN, question, own=True)
        self._release(now)
        if self._waiting["subscribe"]:  # what is wanted now goes with the next call
            return
        self._call("unsubscribe", list(self._leaving))
        self._leaving.clear()
        self._call("subscribe", self.book.ask(now, private=self._sign_in.settled))
        self._release(now)

    def _call(self, verb: str, names: Sequence[str]) -> None:
        """Say it for all names; those that need a sign-in apart, where a refusal harms no other."""
        signed_in = self._sign_in.signed_in
        private = [name for name in names if signed_in and needs_sign_in(name)]
        public = [name for name in names if name not in private] if private else names
        self._call_each(f"public/{verb}", public)
        self._call_each(f"private/{verb}", private)

    def _call_each(self, method: str, names: Sequence[str]) -> None:
        for chunk in messages.chunk_channels(
            names, self.limits.channels_per_call, CHANNEL_BYTES_MAX
        ):
            self._ask(method, {"channels": chunk}, own=True, channels=tuple(chunk))

    def _ask(
        self, method: str, params: dict[str, Any], *, own: bool, channels: tuple[str, ...] = ()
    ) -> int:
        id_ = self._next_id
        self._next_id += 1
        frame = messages.request_frame(id_, method, params)
        self._asked[id_] = _Asked(method, frame, channels, own)
        self._waiting[pool_of(method)].append(id_)
        return id_

    def _release(self, now: float) -> None:
        for name, queue in self._waiting.items():
            pool = self._pools[name]
            while queue and (queue[0] not in self._asked or self.unpaced or pool.spend(now)):
                asked = self._asked.get(queue.popleft())
                if asked is not None:
                    asked.deadline = now + self.limits.request_timeout_s
                    self._outbox.append(asked.frame)
