"""What does the exchange know of one client, and what waits to be written to it?

No socket and no clock: the server pumps bytes between this and the connection.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from trader.deribit.server_session import ServerSession
from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.disturbance import Disturbance
from trader.deribit.simulator.publisher import Frame

BACKLOG_BYTES_MAX: Final = 16 * 1024 * 1024
"""What may wait for a slow reader: a catalog and several seconds of both boards."""


TOO_SLOW_CLOSE: Final = (1008, "connection_too_slow")
"""Deribit's word to a slow reader; the frame it comes in is not published."""


class Participant:
    """One client: its session, its places on the channels, and its backlog.

    Invariant: `backlog_bytes` is the length of what waits, the frame being written included.
    `fresh` says that channels were subscribed whose present state is still owed.
    """

    def __init__(
        self, session: ServerSession, disturbance: Disturbance, *, backlog_bytes_max: int
    ) -> None:
        self.session = session
        self.subscriptions = Subscriptions()
        self.fresh = False
        self.backlog_bytes = 0
        self._backlog_bytes_max = backlog_bytes_max
        self._disturbance = disturbance
        self._waiting: deque[bytes] = deque()

    @property
    def too_slow(self) -> bool:
        """Whether so much waits that the client must be cut; what faults hold back counts too."""
        return self.backlog_bytes + self._disturbance.held_bytes > self._backlog_bytes_max

    @property
    def bytes_per_s(self) -> float:
        """How fast bytes may leave; infinity: as fast as they can."""
        return self._disturbance.bytes_per_s

    @property
    def has_work(self) -> bool:
        """Whether the writer has anything to do: frames, or a connection to close."""
        return bool(self._waiting) or self.session.closing is not None

    def follow(self, channels: tuple[str, ...]) -> None:
        """Begin to publish channels; the next look sends their present state."""
        for name in channels:
            channel = parse_channel(name)
            if channel is not None:
                self.subscriptions.add(channel)
        self.fresh = True

    def forget(self, instruments: frozenset[str]) -> None:
        """End the channels of what no longer exists."""
        channels = self.subscriptions.of_instruments(instruments)
        self.subscriptions.remove(channels)
        self.session.drop(channels)

    def tell(self, frames: list[Frame], now: float) -> None:
        """Queue what is new on the channels and let the session's time pass."""
        for channel, frame in frames:
            self.session.push(channel, frame)
        self.session.tick(now)
        self.fresh = False
        self.collect()

    def collect(self) -> None:
        """Move what the session says to what waits, as far as the faults let it pass."""
        frames = self._disturbance.pass_on(self.session.take_outgoing())
        if self.given_up:
            return
        self._waiting.extend(frames)
        self.backlog_bytes += sum(map(len, frames))

    def next_frames(self, bytes_max: int) -> list[bytes]:
        """Take frames to write, one at least and then up to so many bytes; none where none wait.

        `written` is called once they have left.
        """
        frames: list[bytes] = []
        size = 0
        waiting = self._waiting
        while waiting and (not frames or size + len(waiting[0]) <= bytes_max):
            frame = waiting.popleft()
            size += len(frame)
            frames.append(frame)
        return frames

    def written(self, frames: list[bytes]) -> None:
        """Take frames that have left off the backlog."""
        self.backlog_bytes = max(self.backlog_bytes - sum(map(len, frames)), 0)

    @property
    def given_up(self) -> bool:
        """Whether the client was too slow: nothing waits for it any more but the goodbye."""
        return self.session.closing == TOO_SLOW_CLOSE

    def give_up(self) -> None:
        """Say goodbye in place of all that waits."""
        self.discard()
        self.session.closing = TOO_SLOW_CLOSE

    def discard(self) -> None:
        """Forget what waits: there is nobody left to read it."""
        self._waiting.clear()
        self.backlog_bytes = 0
