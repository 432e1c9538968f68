"""Which channels do we want, which are active, and does each say what it should, when it should?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Literal

import msgspec
from msgspec import Raw

from trader.deribit.messages import (
    INDEX_PREFIX,
    TICKER_PREFIX,
    IndexTick,
    Ticker,
)
from trader.domain.events import FaultKind

Timed = Ticker | IndexTick
State = Literal["idle", "asked", "active", "refused"]
PATIENCE_DOUBLINGS_MAX: Final = 4


class Broken(msgspec.Struct, frozen=True):
    """Why a notification is not to be believed, and whether its channel must start afresh."""

    kind: FaultKind
    detail: str
    lost: bool


class Channel:
    """One wanted channel: where its subscription stands, and what it said last.

    Invariant: `last` belongs to this connection; `lost` means that its state is not to be trusted
    until it speaks again; once `exposed` to the server, it may be active there, answer or not.
    """

    __slots__ = (
        "due",
        "exposed",
        "heard_at",
        "last",
        "lost",
        "mutes",
        "paced",
        "speaks_first",
        "state",
    )

    def __init__(self, name: str) -> None:
        self.paced = name.startswith(INDEX_PREFIX)
        self.speaks_first = name.startswith(TICKER_PREFIX)
        self.state: State = "idle"
        self.due = 0.0
        self.exposed = False
        self.heard_at: float | None = None
        self.last: Timed | None = None
        self.lost = False
        self.mutes = 0

    def restart(self, due: float) -> None:
        """Forget this connection's past; ask for the channel again from `due` on."""
        self.state, self.due, self.heard_at, self.last = "idle", due, None, None


class ChannelBook:
    """All wanted channels, in the order they were wanted.

    Invariant: what is no longer wanted is in no map. Times are monotonic seconds of the caller.
    The index (one push a second) is the clock against which gaps and jumps are seen.
    """

    def __init__(self, *, mute_s: float, gap_s: float) -> None:
        self.market_speed = 1.0
        self._mute_s = mute_s
        self._gap_s = gap_s
        self._channels: dict[str, Channel] = {}
        self._clock: tuple[int, float] | None = None
        self._surely = math.inf
        """Up to this market millisecond no push can be ahead of the index."""

    def __len__(self) -> int:
        return len(self._channels)

    def get(self, name: str) -> Channel | None:
        """Find a wanted channel."""
        return self._channels.get(name)

    def wanted(self) -> list[str]:
        """List every wanted channel."""
        return list(self._channels)

    def active(self) -> list[str]:
        """List the channels the server has confirmed on this connection."""
        return [name for name, channel in self._channels.items() if channel.state == "active"]

    def restart(self, now: float) -> None:
        """Begin a connection: nothing is subscribed, nothing was said."""
        self._clock, self._surely = None, math.inf
        for channel in self._channels.values():
            channel.restart(now)
            channel.lost, channel.exposed, channel.mutes = False, False, 0

    def want(self, names: Iterable[str], now: float) -> None:
        """Want these; what was refused is asked for once more."""
        for name in names:
            channel = self._channels.setdefault(name, Channel(name))
            if channel.state == "refused":
                channel.restart(now)

    def forget(self, names: Iterable[str]) -> list[str]:
        """Want these no longer; list those the server may still send."""
        gone = [(name, self._channels.pop(name, None)) for name in names]
        return [name for name, channel in gone if channel is not None and channel.exposed]

    def ask(self, now: float) -> list[str]:
        """List what is to be subscribed now; it counts as asked from here on."""
        names = [
            name
            for name, channel in self._channels.items()
            if channel.state == "idle" and channel.due <= now
        ]
        for name in names:
            self._channels[name].state = "asked"
            self._channels[name].exposed = True
        return names

    def confirm(self, asked: Iterable[str], answered: Iterable[str], now: float) -> list[str]:
        """Compare the answer with the question; list what was dropped without a word."""
        known = dict.fromkeys(answered)
        dropped = []
        for name in asked:
            channel = self._channels.get(name)
            if channel is None or channel.state != "asked":
                continue
            if name in known:
                channel.state = "active"
                channel.heard_at = now if channel.heard_at is None else channel.heard_at
            else:
                channel.state, channel.lost = "refused", True
                dropped.append(name)
        return dropped

    def refuse(self, asked: Iterable[str], retry_at: float | None) -> list[str]:
        """Note that a call was refused; list what is still wanted of it, asked again if told."""
        names = []
        for name in asked:
            channel = self._channels.get(name)
            if channel is not None and channel.state == "asked":
                names.append(name)
                channel.state, channel.lost = "refused", True
                if retry_at is not None:
                    channel.restart(retry_at)
        return names

    def lose(self, names: Iterable[str], now: float) -> list[str]:
        """Distrust these; list those that are active, which count as never asked for from here on.

        One whose subscription is under way is not asked for again: a storm of faults costs one.
        """
        again = []
        for name in names:
            channel = self._channels.get(name)
            if channel is None:
                continue
            channel.lost = True
            if channel.state == "active":
                channel.restart(now)
                again.append(name)
        return again

    def mute(self, now: float) -> list[str]:
        """List active channels that should have spoken: an index lately, a ticker at least once.

        Deribit sends the present state of a ticker right after the subscription, then may be
        silent as long as its book is. Patience doubles with each time in a row.
        """
        names = []
        for name, channel in self._channels.items():
            if channel.state != "active" or channel.heard_at is None:
                continue
            patience = self._mute_s * 2 ** min(channel.mutes, PATIENCE_DOUBLINGS_MAX)
            owes = channel.paced or (channel.speaks_first and channel.last is None)
            if owes and now - channel.heard_at > patience:
                channel.mutes += 1
                names.append(name)
        return names

    def hear(self, channel: Channel, payload: Timed | Raw, now: float) -> Broken | None:
        """Check what a channel says against what it said before, and keep it.

        Returns what is wrong with it, if anything; what is wrong is not kept.
        """
        if type(payload) is not Raw:
            # The cheap question of every push; only what looks odd, or paces, is looked at closely.
            shown, last = payload.timestamp, channel.last
            if channel.paced or shown > self._surely or (last and shown <= last.timestamp):
                broken = self._check(channel, payload, now)
                if broken is not None:
                    return broken
            channel.last = payload
        channel.heard_at = now
        channel.mutes = 0
        return None

    def _check(self, channel: Channel, payload: Timed, now: float) -> Broken | None:
        last = channel.last
        if last is not None and payload.timestamp <= last.timestamp:
            if payload.timestamp == last.timestamp:
                return _REPEATED if payload == last else None
            return self._backward(last.timestamp - payload.timestamp)
        if self._clock is not None:
            shown, at = self._clock
            ahead_s = self._seconds(payload.timestamp - shown) - (now - at)
            if ahead_s > self._gap_s:
                return Broken("clock_jump", f"{ahead_s:.1f} s ahead of the index", True)
        if channel.paced and last is not None:
            missed_s = self._seconds(payload.timestamp - last.timestamp)
            if missed_s > self._gap_s:
                return Broken("gap", f"{missed_s:.1f} s between two pushes of a second each", True)
        if channel.paced:
            self._clock = (payload.timestamp, now)
            self._surely = payload.timestamp + self._gap_s * 1_000 * self.market_speed
        return None

    def _backward(self, back_ms: int) -> Broken:
        back_s = self._seconds(back_ms)
        if back_s > self._gap_s:
            return Broken("clock_jump", f"{back_s:.1f} s back in time", True)
        return Broken("out_of_order", f"older by {back_ms} ms than the one before", False)

    def _seconds(self, market_ms: int) -> float:
        """Turn a stretch of market time into the wall seconds it takes to happen."""
        return market_ms / 1_000 / self.market_speed


_REPEATED: Final = Broken("duplicate", "the same push twice", False)
