"""What does a connection mean at the exchange's end? The same session, seen from the other side.

Bytes go in by `receive`, time by `tick`, bytes come out by `data_to_send`; no socket, no clock.
The session answers what concerns the connection alone (heartbeats, tests, subscriptions); every
other call is handed out and answered by `answer` or `refuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from trader.deribit import messages
from trader.deribit.credits import PRICES, CreditPool, Pool, pool_of
from trader.deribit.messages import ErrorBody, RequestId
from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import Authority

__all__ = [
    "Call",
    "Outgoing",
    "Refusal",
    "ServerError",
    "ServerEvent",
    "ServerSession",
    "Subscribed",
    "Unsubscribed",
]

Outgoing = tuple[str, bytes]
"""A frame and its topic: a notification's channel, an answer's method, or `heartbeat`."""

VERSION: Final = "1.2.26"
HEARTBEAT_S_MIN: Final = 10.0
TEST_ANSWER_S_MAX: Final = 10.0
IDLE_S_MAX: Final = 60.0
FIRST_BEAT: Final = 1.2
NEXT_BEAT: Final = 1.06
"""Observed with interval 10: the first test request after 12 s, then one every 10.6 s."""

HEARTBEAT_CLOSE: Final = (4000, "heartbeat close")
TOO_MANY_CLOSE: Final = (1008, "too_many_requests")
"""Deribit ends a session that has overdrawn its credits; its close code is not published."""

IDLE_CLOSE: Final = (1006, "")
"""An idle socket is cut without a close frame: abort the transport."""


class Credits:
    """What one asker has left in each pool. Deribit, "Rate Limits"."""

    def __init__(self) -> None:
        self._pools: dict[Pool, CreditPool] = {
            name: CreditPool(price) for name, price in PRICES.items()
        }

    def charge(self, method: str, now: float) -> None:
        """Pay for a call.

        Raises:
            ServerError: 10028, nothing is left.
        """
        if not self._pools[pool_of(method)].spend(now):
            raise ServerError(10_028, "too_many_requests")


class Refusal(msgspec.Struct, frozen=True):
    """A call that is not let in, and with which close the connection ends, where it does."""

    error: ServerError
    close: tuple[int, str] | None = None


class Call(msgspec.Struct, frozen=True):
    """A request for the exchange; `id` is echoed with its type, None where there was none."""

    id: RequestId
    method: str
    params: dict[str, Any]
    received_us: int


class Subscribed(msgspec.Struct, frozen=True):
    """Channels that became active just now: each is owed its present state first."""

    channels: tuple[str, ...]


class Unsubscribed(msgspec.Struct, frozen=True):
    """Channels that ceased to be active."""

    channels: tuple[str, ...]


ServerEvent = Call | Subscribed | Unsubscribed

Params = dict[str, Any]
_Answer = tuple[object, list[ServerEvent]]


class ServerSession:
    """One client's connection at the exchange.

    Invariant: calls are answered in the order of their frames; a notification leaves only for an
    active channel and after the answer that made it active. When `closing` is set (code, reason),
    the caller sends what is left and closes; code 1006 means abort.

    `knows` tells whether a channel exists; `epoch_us` is what `usIn` shows at second `opened`.
    Without `authority` nobody can sign in; without `credits_left` nothing costs; `closes_overdrawn`
    ends a connection with its first 10028. `refuses` may turn any call away, by its method.
    """

    def __init__(
        self,
        *,
        knows: Callable[[str], bool],
        opened: float,
        epoch_us: int,
        testnet: bool = False,
        authority: Authority | None = None,
        credits_left: Credits | None = None,
        closes_overdrawn: bool = False,
        refuses: Callable[[str], Refusal | None] | None = None,
    ) -> None:
        self._refuses = refuses
        self._authority = authority
        self._connection = 0 if authority is None else authority.connect()
        self._credits = credits_left
        self._closes_overdrawn = closes_overdrawn
        self._access_token = ""
        self.closing: tuple[int, str] | None = None
        self.channels: dict[str, None] = {}
        self._knows = knows
        self._opened = opened
        self._epoch_us = epoch_us
        self._testnet = testnet
        self._outbox: list[Outgoing] = []
        self._heard_at = opened
        self._heartbeat_s: float | None = None
        self._next_beat = 0.0
        self._test_since: float | None = None
        self._busy = False

    def receive(self, frame: bytes | str, now: float) -> list[ServerEvent]:
        """Take one frame of the client; say what it asks of the exchange."""
        self._heard_at = now
        content = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
        read = messages.read_call(content)
        if isinstance(read, ErrorBody):
            self._send_error("", None, read, self._us(now), now)
            return []
        call = Call(read.id, read.method, read.params, self._us(now))
        try:
            self._charge(read.method, now)
            own = self._own(read.method, read.params, now)
        except ServerError as error:
            self.refuse(call, error, now)
            return []
        if own is None:
            return [call]
        result, events = own
        self.answer(call, result, now)
        return events

    def _charge(self, method: str, now: float) -> None:
        refusal = None if self._refuses is None else self._refuses(method)
        if refusal is not None:
            self.closing = refusal.close or self.closing
            raise refusal.error
        if self._credits is None:
            return
        try:
            self._credits.charge(method, now)
        except ServerError:
            if self._closes_overdrawn:
                self.closing = TOO_MANY_CLOSE
            raise

    def answer(self, call: Call, result: object, now: float) -> None:
        """Queue the result of a call."""
        us_out = self._us(now)
        frame = messages.result_frame(call.id, result, call.received_us, us_out, self._testnet)
        self._outbox.append((call.method, frame))

    def refuse(self, call: Call, error: ServerError, now: float) -> None:
        """Queue the refusal of a call."""
        self._send_error(call.method, call.id, error.body, call.received_us, now)

    def push(self, channel: str, frame: bytes) -> bool:
        """Queue a notification frame; False where the client does not listen to the channel."""
        if channel not in self.channels:
            return False
        self._outbox.append((channel, frame))
        self._busy = True
        return True

    def drop(self, channels: Iterable[str]) -> None:
        """End subscriptions to what no longer exists, without a word, as the venue does."""
        for channel in channels:
            self.channels.pop(channel, None)

    def data_to_send(self) -> list[bytes]:
        """Take the frames to be sent now, in this order."""
        return [frame for _, frame in self.take_outgoing()]

    def take_outgoing(self) -> list[Outgoing]:
        """Take the frames to be sent now with their topics, in this order."""
        frames, self._outbox = self._outbox, []
        return frames

    def tick(self, now: float) -> None:
        """Let time pass: beat, or close what is dead. Call a few times a second."""
        if self.closing is not None:
            return
        if self._test_since is not None and now - self._test_since >= TEST_ANSWER_S_MAX:
            self.closing = HEARTBEAT_CLOSE
        elif self._heartbeat_s is None:
            if not self.channels and now - self._heard_at >= IDLE_S_MAX:
                self.closing = IDLE_CLOSE
        elif now >= self._next_beat:
            self._beat(now, self._heartbeat_s)

    def _beat(self, now: float, interval_s: float) -> None:
        if not self._busy:
            self._outbox.append(("heartbeat", messages.heartbeat_frame("heartbeat")))
        self._outbox.append(("heartbeat", messages.heartbeat_frame("test_request")))
        self._busy = False
        self._next_beat = now + interval_s * NEXT_BEAT
        if self._test_since is None:
            self._test_since = now

    def _us(self, now: float) -> int:
        return self._epoch_us + int((now - self._opened) * 1_000_000)

    def _send_error(
        self, topic: str, id_: RequestId, body: ErrorBody, us_in: int, now: float
    ) -> None:
        frame = messages.error_frame(id_, body, us_in, self._us(now), self._testnet)
        self._outbox.append((topic, frame))

    def _own(self, method: str, params: Params, now: float) -> _Answer | None:
        match method:
            case "public/set_heartbeat":
                return self._set_heartbeat(params, now)
            case "public/disable_heartbeat":
                self._heartbeat_s = self._test_since = None
                return "ok", []
            case "public/test":
                return self._test(params)
            case "public/hello":
                return _hello(params)
            case "public/auth" | "public/fork_token" | "public/exchange_token":
                return self._auth(method, params, now)
            case "public/subscribe":
                return self._subscribe(_channel_names(params), signed_in=self._signed_in({}, now))
            case "public/unsubscribe":
                return self._unsubscribe(_channel_names(params))
            case "private/subscribe" | "private/unsubscribe" | "private/unsubscribe_all":
                return self._private(method, params, now)
            case "public/unsubscribe_all":
                gone = self._unsubscribe(list(self.channels))
                return "ok", gone[1]
            case _:
                return None

    def _set_heartbeat(self, params: Params, now: float) -> _Answer:
        interval = params.get("interval")
        if not isinstance(interval, int | float) or not HEARTBEAT_S_MIN <= interval <= 86_400:
            raise _invalid("interval", "value is required" if interval is None else "out of range")
        self._heartbeat_s = float(interval)
        self._next_beat = now + interval * FIRST_BEAT
        return "ok", []

    def _test(self, params: Params) -> _Answer:
        self._test_since = None
        return test_answer(params), []

    def _auth(self, method: str, params: Params, now: float) -> _Answer:
        if self._authority is None:
            raise ServerError(13_004, "invalid_credentials")
        grant, result = self._authority.answer(method, params, now, self._connection)
        if method != "public/fork_token":  # the forked session is another's
            self._access_token = grant.access_token
        return result, []

    def _signed_in(self, params: Params, now: float) -> bool:
        """Tell whether this call comes with a living token, its own or the socket's."""
        token = params.get("access_token", self._access_token)
        return (
            self._authority is not None
            and isinstance(token, str)
            and self._authority.is_good(token, now, self._connection)
        )

    def _private(self, method: str, params: Params, now: float) -> _Answer:
        if not self._signed_in(params, now):
            raise ServerError(13_009, "unauthorized", {"reason": "invalid_token"})
        match method:
            case "private/subscribe":
                return self._subscribe(_channel_names(params), signed_in=True)
            case "private/unsubscribe":
                return self._unsubscribe(_channel_names(params))
            case _:
                return "ok", self._unsubscribe(list(self.channels))[1]

    def _subscribe(self, names: list[str], *, signed_in: bool) -> _Answer:
        if not signed_in and any(name.endswith(".raw") for name in names):
            raise ServerError(13_778, "raw_subscriptions_not_available_for_unauthorized")
        known = [name for name in dict.fromkeys(names) if self._knows(name)]
        fresh = tuple(name for name in known if name not in self.channels)
        self.channels.update(dict.fromkeys(fresh))
        return known, [Subscribed(fresh)] if fresh else []

    def _unsubscribe(self, names: list[str]) -> _Answer:
        gone = [name for name in dict.fromkeys(names) if name in self.channels]
        self.drop(gone)
        return gone, [Unsubscribed(tuple(gone))] if gone else []


def test_answer(params: Params) -> dict[str, str]:
    """Answer `public/test`.

    Raises:
        ServerError: 10001, asked for.
    """
    if params.get("expected_result") == "exception":
        raise ServerError(10_001, "error")
    return {"version": VERSION}


def _hello(params: Params) -> _Answer:
    for name in ("client_name", "client_version"):
        if not isinstance(params.get(name), str):
            raise _invalid(name, "value is required")
    return {"version": VERSION}, []


def _channel_names(params: Params) -> list[str]:
    names = params.get("channels")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _invalid("channels", "value is required" if names is None else "invalid format")
    return names


def _invalid(param: str, reason: str) -> ServerError:
    return ServerError(-32_602, "Invalid params", {"reason": reason, "param": param})
