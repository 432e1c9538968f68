"""What does a feed tell its reader? Pushes, answers, faults, and the state of the connection."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from trader.deribit.pushes import Notification
from trader.domain.events import FaultKind


class Response(msgspec.Struct, frozen=True):
    """The answer to a request of the caller."""

    id: int
    method: str
    result: Raw


class Failure(msgspec.Struct, frozen=True):
    """A request was refused, or not answered (code 0); without an id the server named none."""

    id: int | None
    method: str
    code: int
    message: str
    reason: str


class Fault(msgspec.Struct, frozen=True):
    """The feed misbehaved.

    Where `lost`, the state of `channels` is not to be trusted until `Recovered` names them; no
    channels and `lost` means all of them, and a new connection follows.
    """

    kind: FaultKind
    channels: tuple[str, ...]
    detail: str
    lost: bool = False


class Recovered(msgspec.Struct, frozen=True):
    """A distrusted channel speaks again; its notification follows."""

    channel: str


class Connected(msgspec.Struct, frozen=True):
    """A connection stands and everything wanted is being subscribed; `attempt` counts from 1."""

    attempt: int


class Disconnected(msgspec.Struct, frozen=True):
    """There is no connection: it ended, or an attempt failed. The next is tried in `retry_s`."""

    kind: FaultKind
    reason: str
    attempt: int
    retry_s: float


SessionEvent = Notification | Response | Failure | Fault | Recovered
FeedEvent = SessionEvent | Connected | Disconnected
