"""What waits for the engine when the feed is faster? Everything in order; of quotes, the newest."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")


class ConflationFull(Exception):
    """There is no room; the caller waits for `take` and puts again, or stops reading."""


class _Waiting(Generic[T]):
    __slots__ = ("item", "key")

    def __init__(self, item: T, key: str | None) -> None:
        self.item = item
        self.key = key


class Conflation(Generic[T]):
    """A bounded queue in which an item with a key takes the place of the waiting one of that key.

    Invariant: at most `capacity` items wait; items without a key are never dropped, replaced or
    reordered among themselves; nothing moves across a barrier (what is put after the word that a
    feed is lost or restored stays after it). Replacing never needs room.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity!r}: give room for at least one item")
        self.capacity: Final = capacity
        self.accepted = 0
        self.conflated = 0
        self.waiting_max = 0
        self._waiting: deque[_Waiting[T]] = deque()
        self._newest: dict[str, _Waiting[T]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether an item that replaces none has no room."""
        return len(self._waiting) >= self.capacity

    def put(self, item: T, *, key: str | None = None, barrier: bool = False) -> None:
        """Add an item, in the place of the waiting one of its key where there is one.

        Raises:
            ConflationFull: no room; nothing was changed.
        """
        replaced = None if key is None else self._newest.get(key)
        if replaced is not None:
            replaced.item = item
            self.accepted += 1
            self.conflated += 1
            return
        if self.full:
            raise ConflationFull(f"{self.capacity} items wait: take some before putting more")
        waiting = _Waiting(item, key)
        self._waiting.append(waiting)
        if key is not None:
            self._newest[key] = waiting
        if barrier:
            self._newest.clear()
        self.accepted += 1
        self.waiting_max = max(self.waiting_max, len(self._waiting))

    def take(self, count_max: int) -> list[T]:
        """Take up to `count_max` items, oldest place first."""
        taken = []
        for _ in range(min(count_max, len(self._waiting))):
            waiting = self._waiting.popleft()
            if waiting.key is not None and self._newest.get(waiting.key) is waiting:
                del self._newest[waiting.key]
            taken.append(waiting.item)
        return taken
