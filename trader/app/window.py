"""How does the web see the daemon? The present by a look at it, the past by a reader of its own.

The reader is a thread that folds the journal as any other program could. So no page waits for the
engine, and the engine for none; what a page shows is durable.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from trader.app.log_tail import newest_lines
from trader.app.night_archive import NightArchive
from trader.storage.journal import Journal
from trader.views.desk import Desk
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trader.app.present import Present
    from trader.app.vitals import Vitals
    from trader.engine.stages import StageSettings
    from trader.storage.journal import StoredFact
    from trader.views.reading import BoardNow, LogLine, Pulse, Reading
    from trader.views.report_json import NightReport

T = TypeVar("T")
BREATH_FACTS: Final = 200
"""After so many facts the reader lets other threads run."""
BREATH_S: Final = 0.001
PULSE_S: Final = 0.1
SWITCH_S: Final = 0.0005
"""How soon a thread that computes lets the engine's loop go on; Python's own 5 ms would be felt."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where the past is read: the journal, the folder of nights, the log (None: none is kept)."""

    journal_url: str
    nights: Path
    log: Path | None
    stage_settings: StageSettings


class Records:
    """One reader of the journal and the fold of what it read. It belongs to one thread.

    Raises:
        StorageError: the journal cannot be read.
    """

    def __init__(self, sources: Sources, pulse: Pulse, *, breath_s: float = BREATH_S) -> None:
        self.desk = Desk()
        self.stage_settings = sources.stage_settings
        self.pulse = pulse
        self.present: Mapping[tuple[str, bool], BoardNow] = {}
        self._log = sources.log
        self._nights = NightArchive(sources.nights)
        self._journal = Journal.create_or_open(sources.journal_url, writer=False)
        self._breath_s = breath_s
        self._last_id = 0

    def catch_up(self) -> None:
        """Fold what was written since the last call."""
        for stored in self._journal.read(after_id=self._last_id):
            self.desk.apply(stored.recorded)
            self._last_id = stored.id
            if stored.id % BREATH_FACTS == 0:
                time.sleep(self._breath_s)

    def facts(
        self,
        *,
        kinds: Sequence[str] | None = None,
        strategy: str | None = None,
        chain_id: str | None = None,
        verdict_id: str | None = None,
        after_id: int = 0,
        before_id: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[StoredFact]:
        """Look facts up in the journal."""
        return self._journal.read(
            kinds=kinds, strategy=strategy, chain_id=chain_id, verdict_id=verdict_id,
            after_id=after_id, before_id=before_id, limit=limit, newest_first=newest_first,
        )  # fmt: skip

    def board(self, underlying: str, *, inverse: bool = True) -> BoardNow:
        """Show a board as it stood when it was asked for."""
        found = self.present.get((underlying, inverse))
        if found is None:
            there = (
                ", ".join(name for name, coins in self.present if coins == inverse) or "none yet"
            )
            raise NotThere(f"no options on {underlying!r} are listed: choose from {there}")
        return found

    def boards(self) -> tuple[tuple[str, bool], ...]:
        """List the boards there are."""
        return tuple(self.present)

    def nights(self) -> tuple[str, ...]:
        """List the nights that are kept, newest first."""
        return self._nights.dates()

    def night(self, date: str) -> NightReport:
        """Read the report of a night."""
        return self._nights.report(date)

    def night_file(self, date: str, name: str) -> bytes:
        """Read a file of a night as it was written."""
        return self._nights.file(date, name)

    def log(self, limit: int) -> tuple[LogLine, ...]:
        """Read the last lines of the log, newest first."""
        return newest_lines(self._log, limit) if self._log is not None else ()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


class DaemonWindow:
    """The window of a running daemon."""

    def __init__(self, sources: Sources, vitals: Vitals, present: Present) -> None:
        sys.setswitchinterval(SWITCH_S)
        self._vitals = vitals
        self._pulse: Pulse | None = None
        self._felt_at = float("-inf")
        self.health = vitals.health
        self.metrics = vitals.metrics
        self._sources = sources
        self._present = present
        self._reader = ThreadPoolExecutor(1, "window")
        self._records: Records | None = None

    def pulse(self) -> Pulse:
        """Look at the daemon, at most once in `PULSE_S` however many ask; call it on the loop."""
        now = asyncio.get_running_loop().time()
        if self._pulse is None or now - self._felt_at >= PULSE_S:
            self._pulse, self._felt_at = self._vitals.look(), now
        return self._pulse

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Make something of all that is durable, on the reader's own thread.

        Raises what `make` raises.
        """
        loop, pulse, boards = asyncio.get_running_loop(), self.pulse(), self._present.boards()
        return await loop.run_in_executor(self._reader, self._make, make, pulse, boards)

    def _make(
        self,
        make: Callable[[Reading], T],
        pulse: Pulse,
        boards: Mapping[tuple[str, bool], BoardNow],
    ) -> T:
        if self._records is None:
            self._records = Records(self._sources, pulse)
        self._records.pulse, self._records.present = pulse, boards
        self._records.catch_up()
        return make(self._records)

    def close(self) -> None:
        """Let the reader finish, and end it."""
        self._reader.submit(self._close)
        self._reader.shutdown()

    def _close(self) -> None:
        if self._records is not None:
            self._records.close()
