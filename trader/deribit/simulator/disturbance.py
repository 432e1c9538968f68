"""What do the faults do to one client? Its frames on their way out, its calls on their way in.

No socket and no clock: time is the plan's, which moves ten times a second.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import numpy as np

from trader.deribit.refusal import ServerError
from trader.deribit.server_session import TOO_MANY_CLOSE, Outgoing, Refusal
from trader.deribit.simulator.fault_plan import Entry, FaultPlan
from trader.deribit.simulator.faults import (
    ClockSkew,
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    FrameFault,
    Gap,
    Mute,
    Reorder,
    TooManyRequests,
    Truncate,
    ZeroSide,
)

OURS: Final = "simulator/"
"""What the exchange says of itself as a demo is late or lost, as all is, but never false."""

ADMIN_PREFIX: Final = "simulator/fault"
"""Who leads the faults is not disturbed by them."""

PLATFORM: Final = "platform_state"
WORKS_WHILE_LOCKED: Final = frozenset(
    {
        "public/status",
        "public/test",
        "public/hello",
        "public/get_time",
        "public/set_heartbeat",
        "public/disable_heartbeat",
    }
)
NOISE: Final = b"\x00!not json"
"""No JSON may hold a bare control character, not even within a text."""
_SIDES: Final = {
    "bid": ("best_bid_price", "best_bid_amount"),
    "ask": ("best_ask_price", "best_ask_amount"),
    "both": ("best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount"),
}


class Shaped(msgspec.Struct):
    """What becomes of one frame: what leaves (nothing, it, it twice), how late, and in what order.

    `after` says that it leaves after the next one of its topic.
    """

    frames: list[bytes]
    delay_s: float = 0.0
    after: bool = False


class Disturbance:
    """The faults as one client meets them; `client` is the name that its faults may call it by.

    Invariant: chance is drawn per client and fault, so that one client's frames never change what
    happens to another's. What is held back leaves in the end, however the fault ends.
    """

    def __init__(self, plan: FaultPlan, client: str) -> None:
        self._plan = plan
        self._client = client
        self._chances: dict[int, np.random.Generator] = {}
        self._touched: dict[int, tuple[int, int]] = {}
        self._late: list[tuple[float, str, list[bytes]]] = []
        self._last_due: dict[str, float] = {}
        self._after: dict[str, list[bytes]] = {}
        self.held_bytes = 0

    @property
    def bytes_per_s(self) -> float:
        """How fast bytes may leave for this client; infinity: as fast as they can."""
        return self._plan.bytes_per_s(self._client) if self._plan.disturbs else math.inf

    def pass_on(self, frames: Iterable[Outgoing]) -> list[bytes]:
        """Turn what the exchange sends into what leaves now."""
        if not (self._plan.disturbs or self._late or self._after):
            return [frame for _, frame in frames]
        passed = self._due()
        for topic, frame in frames:
            shaped = self.shape(topic, frame)
            if shaped.after and topic not in self._after:
                self._after[topic] = shaped.frames
                self.held_bytes += _size(shaped.frames)
                continue
            if not shaped.frames:
                continue
            before = self._after.pop(topic, [])
            self.held_bytes -= _size(before)
            passed += self._in_time(topic, shaped.frames + before, shaped.delay_s)
        return passed

    def shape(self, topic: str, frame: bytes) -> Shaped:
        """Do to one frame what the faults that are on do to it."""
        shaped = Shaped([frame])
        if topic.startswith(ADMIN_PREFIX):
            return shaped
        if self._plan.locked and is_notification(topic) and topic != PLATFORM:
            shaped.frames = []
        for entry in self._plan.active:
            fault = entry.fault
            if (
                not shaped.frames
                or not isinstance(fault, FrameFault)
                or not self._hits(entry, topic)
            ):
                continue
            match fault:
                case Drop() | Mute() | Gap():
                    shaped.frames = []
                case Delay():
                    shaped.delay_s += fault.delay_s + fault.jitter_s * self._chance(entry).random()
                case Reorder():
                    shaped.after = True
                case Duplicate():
                    shaped.frames = shaped.frames * 2
                case _ if not topic.startswith(OURS):
                    shaped.frames = [self._falsified(entry, one) for one in shaped.frames]
                case _:
                    pass
        return shaped

    def refusal(self, method: str) -> Refusal | None:
        """Say no to a call in place of the exchange; None where it may pass."""
        if not self._plan.disturbs or method.startswith(ADMIN_PREFIX):
            return None
        if self._plan.locked and not (method in WORKS_WHILE_LOCKED or method.startswith(OURS)):
            return Refusal(ServerError(11_051, "system_maintenance"))
        for entry in self._plan.active:
            fault = entry.fault
            if isinstance(fault, TooManyRequests) and self._hits(entry, method):
                error = ServerError(10_028, "too_many_requests")
                return Refusal(error, TOO_MANY_CLOSE if fault.closes else None)
        return None

    def _in_time(self, topic: str, frames: list[bytes], delay_s: float) -> list[bytes]:
        """Let frames pass, or hold them back; what follows on a topic waits for what is late."""
        now_s = self._plan.wall_s
        due_s = max(now_s + delay_s, self._last_due.get(topic, now_s))
        if due_s <= now_s:
            return frames
        self._late.append((due_s, topic, frames))
        self._last_due[topic] = due_s
        self.held_bytes += _size(frames)
        return []

    def _due(self) -> list[bytes]:
        """Take what was held back and may leave."""
        passed: list[bytes] = []
        still: list[tuple[float, str, list[bytes]]] = []
        for due_s, topic, frames in self._late:
            if due_s <= self._plan.wall_s:
                passed += frames
            else:
                still.append((due_s, topic, frames))
        self._late = still
        if not still:
            self._last_due.clear()
        if self._after and not any(isinstance(one.fault, Reorder) for one in self._plan.active):
            passed += [frame for frames in self._after.values() for frame in frames]
            self._after.clear()
        self.held_bytes -= _size(passed)
        return passed

    def _hits(self, entry: Entry, topic: str) -> bool:
        """Tell whether a fault strikes this frame or call, and count that it did."""
        fault = entry.fault
        if not isinstance(fault, FrameFault):
            return False
        if not (fault.concerns(self._client) and fault.covers(topic)):
            return False
        if isinstance(fault, Mute | Gap) and not is_notification(topic):
            return False
        if fault.count is None and fault.probability == 1.0:
            return True
        turn, count = self._touched.get(entry.id, (entry.turn, 0))
        if turn != entry.turn:
            count = 0
        if fault.count is not None and count >= fault.count:
            return False
        if self._chance(entry).random() >= fault.probability:
            return False
        self._touched[entry.id] = (entry.turn, count + 1)
        return True

    def _chance(self, entry: Entry) -> np.random.Generator:
        chance = self._chances.get(entry.id)
        if chance is None:
            seed = (self._plan.seed, entry.id, zlib.crc32(self._client.encode()))
            chance = self._chances[entry.id] = np.random.default_rng(seed)
        return chance

    def _falsified(self, entry: Entry, frame: bytes) -> bytes:
        match entry.fault:
            case Truncate(keep=keep):
                return frame[: int(len(frame) * keep)] if keep < 1 else frame
            case Corrupt(mode="bits", bits=bits):
                return flipped(frame, bits, self._chance(entry))
            case Corrupt(mode="types"):
                return _rewritten(frame, with_wrong_types)
            case Corrupt():
                middle = len(frame) // 2
                return frame[:middle] + NOISE + frame[middle:]
            case ZeroSide(side=side):
                return _rewritten(frame, lambda message: with_zero_side(message, side))
            case ClockSkew() as fault:
                skew_s = fault.skew_s + fault.drift * self._plan.elapsed_s(entry)
                return _rewritten(frame, lambda message: with_skew(message, int(skew_s * 1_000)))
            case _:
                return frame


def is_notification(topic: str) -> bool:
    """Tell whether a frame speaks for a channel; methods have a slash."""
    return "/" not in topic and topic not in ("", "heartbeat")


def flipped(frame: bytes, bits: int, chance: np.random.Generator) -> bytes:
    """Flip bits, but none that would make the text no UTF-8: sockets end at those by themselves."""
    spoiled = bytearray(frame)
    for at in chance.integers(0, len(frame), bits) if frame else ():
        if spoiled[at] < 0x80:
            spoiled[at] ^= 1 << int(chance.integers(0, 7))
    return bytes(spoiled)


def with_wrong_types(message: dict[str, Any]) -> dict[str, Any]:
    """Turn the numbers of what is told into texts, and the texts into numbers."""
    return _told(message, _wrong_type)


def with_zero_side(message: dict[str, Any], side: str) -> dict[str, Any]:
    """Show 0 for a side of a ticker or a quote."""

    def emptied(content: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(content, dict):
            content.update((key, 0.0) for key in _SIDES[side] if key in content)
        return content

    return _told(message, emptied)


def with_skew(message: dict[str, Any], skew_ms: int) -> dict[str, Any]:
    """Move every timestamp of what is told, and the microseconds of an answer."""

    def moved(content: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(content, list):
            return [moved(one) for one in content]
        if isinstance(content, dict) and isinstance(content.get("timestamp"), int):
            content["timestamp"] += skew_ms
        return content

    for key in ("usIn", "usOut"):
        if key in message:
            message[key] += skew_ms * 1_000
    if isinstance(message.get("result"), int):  # the answer of `public/get_time`
        message["result"] += skew_ms
    return _told(message, moved)


def _told(message: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Change what a notification or an answer tells."""
    if "result" in message:
        message["result"] = change(message["result"])
    elif isinstance(message.get("params"), dict) and "data" in message["params"]:
        message["params"]["data"] = change(message["params"]["data"])
    return message


def _wrong_type(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {key: _wrong_type(one) for key, one in value.items()}
        case list():
            return [_wrong_type(one) for one in value]
        case bool() | None:
            return [value]
        case int() | float():
            return str(value)
        case _:
            return len(str(value))


def _rewritten(frame: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """Change a frame as JSON; one that is none any more stays as it is."""
    try:
        message = msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return frame
    return msgspec.json.encode(change(message)) if isinstance(message, dict) else frame


def _size(frames: list[bytes]) -> int:
    return sum(map(len, frames))
