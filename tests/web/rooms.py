"""What do web tests look through? Windows over facts in memory, which count their readings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from tests.views.readings import PULSE, Told
from trader.web.window import Health

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.views.reading import Pulse, Reading

T = TypeVar("T")


class Room:
    """A window over given facts; each reading takes a moment."""

    def __init__(self, told: Told | None = None, takes_s: float = 0.01) -> None:
        self.told = told or Told()
        self.readings = 0
        self._takes_s = takes_s

    def health(self) -> Health:
        """Be fit."""
        return Health(feed_alive=True, journal_ok=True, progress_age_s=0, progress_age_s_max=1)

    def metrics(self) -> bytes:
        """Count nothing."""
        return b""

    def pulse(self) -> Pulse:
        """Beat evenly."""
        return PULSE

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read what there is, slowly."""
        self.readings += 1
        await asyncio.sleep(self._takes_s)
        return make(self.told)
