"""How does the web see the daemon? The present by a look at it, the past by a reader of its own.

The reader is a thread that folds the journal as any other program could. So no page waits for the
engine, and the engine for none; what a page shows is durable.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from trader.storage.journal import Journal
from trader.views.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trader.app.vitals import Vitals
    from trader.engine.stages import StageSettings
    from trader.storage.journal import StoredFact
    from trader.views.reading import Pulse, Reading

T = TypeVar("T")
BREATH_FACTS: Final = 200
"""After so many facts the reader lets other threads run."""
BREATH_S: Final = 0.001


class Records:
    """One reader of the journal and the fold of what it read. It belongs to one thread.

    Raises:
        StorageError: the journal cannot be read.
    """

    def __init__(self, url: str, stage_settings: StageSettings, pulse: Pulse) -> None:
        self.desk = Desk()
        self.stage_settings = stage_settings
        self.pulse = pulse
        self._journal = Journal.create_or_open(url, writer=False)
        self._last_id = 0

    def catch_up(self) -> None:
        """Fold what was written since the last call."""
        for stored in self._journal.read(after_id=self._last_id):
            self.desk.apply(stored.recorded)
            self._last_id = stored.id
            if stored.id % BREATH_FACTS == 0:
                time.sleep(BREATH_S)

    def facts(
        self,
        *,
        kinds: Sequence[str] | None = None,
        strategy: str | None = None,
        chain_id: str | None = None,
        verdict_id: str | None = None,
        after_id: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[StoredFact]:
        """Look facts up in the journal."""
        return self._journal.read(
            kinds=kinds, strategy=strategy, chain_id=chain_id, verdict_id=verdict_id,
            after_id=after_id, limit=limit, newest_first=newest_first,
        )  # fmt: skip

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


class DaemonWindow:
    """The window of a running daemon."""

    def __init__(self, url: str, stage_settings: StageSettings, vitals: Vitals) -> None:
        self.pulse = vitals.look
        self.health = vitals.health
        self.metrics = vitals.metrics
        self._url = url
        self._stage_settings = stage_settings
        self._reader = ThreadPoolExecutor(1, "window")
        self._records: Records | None = None

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Make something of all that is durable, on the reader's own thread.

        Raises what `make` raises.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, self._make, make, self.pulse())

    def _make(self, make: Callable[[Reading], T], pulse: Pulse) -> T:
        if self._records is None:
            self._records = Records(self._url, self._stage_settings, pulse)
        self._records.pulse = pulse
        self._records.catch_up()
        return make(self._records)

    def close(self) -> None:
        """Let the reader finish, and end it."""
        self._reader.submit(self._close)
        self._reader.shutdown()

    def _close(self) -> None:
        if self._records is not None:
            self._records.close()
