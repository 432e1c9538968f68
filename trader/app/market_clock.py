"""What time is it on the market we trade? Wall time on real feeds, the exchange's own elsewhere.

The only reader of clocks for market time. It stands still while the bundled exchange is away and
never runs backward.
"""

from __future__ import annotations

import math
import time

from trader.domain.units import SECOND


class MarketClock:
    """The stamp of every input. Invariant: `now` never falls, not even across restarts.

    `wall` clocks follow the system's time; others must be anchored to the exchange's first.
    Where either is behind what was shown before, `now` waits until it is caught up with.
    `told_at` is what the exchange (or the system) said last. A `stepped` one stands between steps.
    """

    def __init__(self, *, wall: bool, floor_at: int = 0) -> None:
        self.wall = wall
        self.stepped = False
        self.speed = 1.0
        self.told_at = time.time_ns() if wall else 0
        self._floor_at = floor_at
        self._market_at: int | None = self.told_at if wall else None
        self._since_ns: int | None = time.monotonic_ns() if wall else None

    @property
    def known(self) -> bool:
        """Whether there is a time to tell at all."""
        return self._market_at is not None

    @property
    def standing(self) -> bool:
        """Whether time stands still: the bundled exchange is away, or was never reached."""
        return self._since_ns is None

    def now(self) -> int:
        """Tell the market time in UTC nanoseconds; call only once it is `known`."""
        self._floor_at = max(self._floor_at, self._running())
        return self._floor_at

    def _running(self) -> int:
        if self.wall:
            return time.time_ns()
        if self._market_at is None:
            raise RuntimeError("the market clock was read before the exchange told the time")
        if self._since_ns is None:
            return self._market_at
        elapsed = time.monotonic_ns() - self._since_ns
        return self._market_at + int(elapsed * self.speed)

    def anchor(self, market_at: int, speed: float, waited_s: float = 0.0) -> float:
        """Follow the exchange's clock from here on; tell by how many wall seconds it had jumped.

        `waited_s` is how long the answer was on its way: within that the clock is left where it is,
        so that a slow answer neither moves it nor counts as a jump.

        Raises:
            ValueError: the speed is not a positive number.
        """
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"market speed {speed!r} must be a positive number")
        expected = market_at if self.standing else self._running()
        latest = market_at + int(max(waited_s, 0.0) * SECOND * speed)
        followed = min(max(expected, market_at), latest)
        self.speed = speed
        self.told_at = market_at
        self._market_at, self._since_ns = followed, time.monotonic_ns()
        return (followed - expected) / SECOND / speed

    def step_to(self, market_at: int) -> None:
        """Stand at a later instant: the exchange's clock goes by steps."""
        self.told_at = market_at
        self._market_at, self._since_ns = max(market_at, self._market_at or 0), None

    def hear(self, market_at: int) -> None:
        """Take the time off what the exchange tells, where its clock goes by steps."""
        if self.stepped:
            self.step_to(market_at)

    def drift(self) -> float:
        """Tell by how many seconds wall time jumped against monotonic time since last asked."""
        if self._market_at is None or self._since_ns is None or not self.wall:
            return 0.0
        wall_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
        jumped = (wall_ns - self._market_at) - (monotonic_ns - self._since_ns)
        self.told_at = self._market_at = wall_ns
        self._since_ns = monotonic_ns
        return jumped / SECOND

    def freeze(self) -> None:
        """Stand still: the bundled exchange is away, and so is its time."""
        if self.known and not self.wall:
            self._market_at, self._since_ns = self.now(), None

    def wall_s_until(self, due_at: int) -> float:
        """Tell how many wall seconds remain until a market time; infinitely many while standing."""
        if due_at <= self.now():
            return 0.0
        if self.standing:
            return math.inf
        return max((due_at - self._running()) / SECOND / self.speed, 0.0)
