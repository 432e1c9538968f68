"""What time is it on the market we trade? Wall time on real feeds, the exchange's own elsewhere.

The only reader of clocks for market time. It stands still while the bundled exchange is away and
never runs backward.
"""

from __future__ import annotations

import time

from trader.domain.units import SECOND


class MarketClock:
    """The stamp of every input. Invariant: `now` never falls, not even across restarts.

    `wall` clocks follow the system's time; others must be anchored to the exchange's first.
    `told_at` is what the exchange said last.
    """

    def __init__(self, *, wall: bool, floor_at: int = 0) -> None:
        self.wall = wall
        self.speed = 1.0
        self.told_at = 0
        self._floor_at = floor_at
        self._market_at: int | None = None
        self._monotonic_ns = time.monotonic_ns()
        if wall:
            self._market_at = time.time_ns()

    @property
    def known(self) -> bool:
        """Whether there is a time to tell at all."""
        return self._market_at is not None

    def now(self) -> int:
        """Tell the market time in UTC nanoseconds; call only once it is `known`."""
        self._floor_at = max(self._floor_at, self._running())
        return self._floor_at

    def _running(self) -> int:
        if self.wall:
            return time.time_ns()
        if self._market_at is None:
            raise RuntimeError("the market clock was read before the exchange told the time")
        if not self._monotonic_ns:
            return self._market_at
        elapsed = time.monotonic_ns() - self._monotonic_ns
        return self._market_at + int(elapsed * self.speed)

    def anchor(self, market_at: int, speed: float) -> float:
        """Follow the exchange's clock from here on; tell by how many wall seconds it had jumped."""
        expected = self._running() if self.known and self._monotonic_ns else market_at
        self.speed = speed
        self.told_at = market_at
        self._market_at = market_at
        self._monotonic_ns = time.monotonic_ns()
        return (market_at - expected) / SECOND / speed

    def drift(self) -> float:
        """Tell by how many seconds wall time jumped against monotonic time since last asked."""
        if self._market_at is None or not self.wall:
            return 0.0
        wall_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
        jumped = (wall_ns - self._market_at) - (monotonic_ns - self._monotonic_ns)
        self._market_at, self._monotonic_ns = wall_ns, monotonic_ns
        return jumped / SECOND

    def freeze(self) -> None:
        """Stand still: the bundled exchange is away, and so is its time."""
        if self.known and not self.wall:
            self._market_at = self.now()
            self._monotonic_ns = 0

    def wall_s_until(self, due_at: int) -> float:
        """Tell how many wall seconds remain until a market time."""
        return max((due_at - self.now()) / SECOND / self.speed, 0.0)
