"""Which channels do we want, which are active, and does each say what it should, when it should?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Literal

import msgspec
from msgspec import Raw

from trader.deribit.messages import (
    BookUpdate,
    IndexTick,
    Ticker,
)
from trader.deribit.order_book import BookBroken, OrderBook
from trader.deribit.pushes import INDEX_PREFIX, TICKER_PREFIX, is_followed_book
from trader.domain.events import FaultKind

Timed = Ticker | IndexTick
Payload = Timed | BookUpdate | Raw
State = Literal["idle", "asked", "active", "refused"]
PATIENCE_DOUBLINGS_MAX: Final = 4


def needs_sign_in(name: str) -> bool:
    """Tell whether a channel is sent to signed-in sockets only."""
    return name.endswith(".raw")


class Broken(msgspec.Struct, frozen=True):
    """Why a notification is not to be believed, and whether its channel must start afresh."""

    kind: FaultKind
    detail: str
    lost: bool


class Channel:
    """One wanted channel: where its subscription stands, and what it said last.

    Invariant: `last` and `book` belong to this connection; `lost` means that its state is not to be
    trusted until it speaks again (a book: until its snapshot came); once `exposed` to the server,
    it may be active there, answer or not.
    """

    __slots__ = (
        "book",
        "due",
        "exposed",
        "heard_at",
        "last",
        "lost",
        "lost_at",
        "mutes",
        "paced",
        "speaks_first",
        "state",
    )

    def __init__(self, name: str) -> None:
        self.paced = name.startswith(INDEX_PREFIX)
        self.book = OrderBook() if is_followed_book(name) else None
        self.speaks_first = name.startswith(TICKER_PREFIX)
        self.state: State = "idle"
        self.due = 0.0
        self.exposed = False
        self.heard_at: float | None = None
        self.last: Timed | None = None
        self.lost = False
        self.lost_at = -math.inf
        self.mutes = 0

    def lose(self, now: float) -> None:
        """Believe nothing of its state until it is told anew."""
        self.lost, self.lost_at = True, now
        if self.book is not None:
            self.book.reset()

    def restart(self, due: float) -> None:
        """Forget this connection's past; ask for the channel again from `due` on."""
        self.state, self.due, self.heard_at, self.last = "idle", due, None, None
        if self.book is not None:
            self.book.reset()


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
        self.get = self._channels.get
        """Find a wanted channel: the dictionary's own method, every push comes by here."""
        self._clock: tuple[int, float] | None = None
        self._surely = math.inf
        """Up to this market millisecond no push can be ahead of the index."""

    def __len__(self) -> int:
        return len(self._channels)

    def wanted(self) -> list[str]:
        """List every wanted channel."""
        return list(self._channels)

    def active(self) -> list[str]:
        """List the channels the server has confirmed on this connection."""
        return [name for name, channel in self._channels.items() if channel.state == "active"]

    @property
    def settled(self) -> bool:
        """Whether everything wanted was refused, or is active and has shown its present state."""
        return all(
            channel.state == "refused"
            or (channel.state == "active" and not (channel.speaks_first and channel.last is None))
            for channel in self._channels.values()
        )

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

    def ask(self, now: float, *, private: bool) -> list[str]:
        """List what is to be subscribed now; it counts as asked from here on.

        What needs a sign-in is left out where it is not `private`'s turn yet.
        """
        names = [
            name
            for name, channel in self._channels.items()
            if channel.state == "idle" and channel.due <= now
            if private or not needs_sign_in(name)
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

        One whose subscription is under way is not asked for again: a storm of faults costs one. A
        book that was lost a moment ago waits: its snapshots cost the venue more than they help.
        """
        again = []
        for name in names:
            channel = self._channels.get(name)
            if channel is None:
                continue
            torn_again = channel.book is not None and now - channel.lost_at < self._gap_s
            channel.lose(now)
            if channel.state == "active":
                channel.restart(now + self._gap_s if torn_again else now)
                again.append(name)
        return again

    def mute(self, now: float) -> list[str]:
        """List active channels that should have spoken: an index lately, others at least once.

        Deribit sends the present state of a ticker or book right after the subscription, then may
        be silent as long as the book is still. Patience doubles with each time in a row.
        """
        names = []
        for name, channel in self._channels.items():
            if channel.state != "active" or channel.heard_at is None:
                continue
            patience = self._mute_s * 2 ** min(channel.mutes, PATIENCE_DOUBLINGS_MAX)
            owes = channel.paced or (channel.speaks_first and channel.last is None)
            owes = owes or (channel.book is not None and not channel.book.usable)
            if owes and now - channel.heard_at > patience:
                channel.mutes += 1
                names.append(name)
        return names

    def hear(self, channel: Channel, payload: Payload, now: float) -> Broken | None:
        """Check what a channel says against what it said before, and keep it.

        Returns what is wrong with it, if anything; what is wrong is not kept. `AWAITED` is a change
        of a book whose snapshot is still to come: no fault, and nothing to pass on.
        """
        if type(payload) is Ticker or type(payload) is IndexTick:
            # The cheap question of every push; only what looks odd, or paces, is looked at closely.
            shown, last = payload.timestamp, channel.last
            if channel.paced or shown > self._surely or (last and shown <= last.timestamp):
                broken = self._check(channel, payload, now)
                if broken is not None:
                    return broken
            channel.last = payload
        elif type(payload) is BookUpdate:
            broken = _follow(channel, payload)
            if broken is not None:
                return broken
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


def _follow(channel: Channel, update: BookUpdate) -> Broken | None:
    """Apply an update to a channel's order book."""
    if channel.book is None:
        return None
    try:
        match channel.book.apply(update):
            case "applied":
                return None
            case "repeated":
                return _REPEATED
            case "awaited":
                return AWAITED
    except BookBroken as broken:
        return Broken("gap", str(broken), lost=True)


AWAITED: Final = Broken("gap", "a change of a book whose snapshot is still to come", lost=False)
_REPEATED: Final = Broken("duplicate", "the same push twice", False)
