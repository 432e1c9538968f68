"""When is something due? Timers on the market clock; the driver fires them as events."""

from __future__ import annotations

from trader.domain.errors import InvariantBroken
from trader.domain.units import DAY


class Timers:
    """Named timers, due at multiples of `every` past UTC midnight plus `offset`.

    A timer that is fired late skips what it missed: one firing stands for all of them.
    """

    def __init__(self) -> None:
        self._every: dict[str, tuple[int, int]] = {}
        self._due: dict[str, int] = {}
        self._first: tuple[int, str] | None = None

    def add(self, name: str, every: int, offset: int, at: int) -> None:
        """Schedule `name` from `at` on.

        Raises:
            ValueError: the period is neither within a day nor whole days, or the name is taken.
        """
        if not (0 < every <= DAY or (every > 0 and every % DAY == 0)):
            raise ValueError(
                f"timer {name}: period {every} ns must be positive and at most a day ({DAY} ns), "
                "or whole days: every day starts its timers anew"
            )
        if name in self._every:
            raise ValueError(f"timer {name} exists already")
        self._every[name] = (every, offset)
        self._due[name] = self._next(name, at)
        self._first = None

    def next_due(self) -> tuple[int, str] | None:
        """Tell which timer is due next and when; None where there are none."""
        if self._first is None and self._due:
            self._first = min((due, name) for name, due in self._due.items())
        return self._first

    def due_at(self, name: str) -> int:
        """Tell when `name` is due next.

        Raises:
            InvariantBroken: nobody set such a timer.
        """
        if name not in self._due:
            raise InvariantBroken(f"timer {name!r} was never set")
        return self._due[name]

    def fired(self, name: str, at: int) -> None:
        """Take a firing and schedule the next one after `at`.

        Raises:
            InvariantBroken: nobody set such a timer.
        """
        if name not in self._every:
            raise InvariantBroken(f"timer {name!r} fired but was never set")
        self._due[name] = self._next(name, at)
        self._first = None

    def _next(self, name: str, at: int) -> int:
        every, offset = self._every[name]
        if every > DAY:
            return ((at - offset) // every + 1) * every + offset
        midnight = at - at % DAY
        start = midnight + offset % every
        if at < start:
            return start
        due = start + ((at - start) // every + 1) * every
        tomorrow = midnight + DAY
        return tomorrow + offset % every if DAY % every and due >= tomorrow else due
