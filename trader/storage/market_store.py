"""What did the engine take in? The recorder's files: streams now, Parquet once a segment is whole.

Belongs to one thread. Losing its last second loses replay, never a fact: the journal is elsewhere,
and this gives up long before the journal's disk is full. A batch is handed to the system, not
forced onto the disk: it outlives the death of this process at once, a power cut only once the
system wrote it back (seconds). What is compacted is forced.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from trader.domain.events import Quote
from trader.domain.units import DAY
from trader.storage import recordings, retention
from trader.storage.arrow import load_arrow
from trader.storage.event_rows import Table, currency_of, record_batch, schema
from trader.storage.recordings import STREAM, UNFINISHED, EpochManifest, Segment, day_of

if TYPE_CHECKING:
    from trader.domain.events import Stamped

GB: Final = 1_000_000_000
SEGMENT_BYTES_MAX: Final = 64_000_000
SEGMENTS_IN_BUDGET: Final = 16
"""A budget holds at least so many segments, so that deleting the oldest is never deleting most."""


class RecorderSettings(BaseModel):
    """What is kept of the inputs of the engine, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True, description="Whether inputs are recorded; without, nothing can be replayed."
    )
    retention_days: int = Field(
        default=30, ge=1, le=36_500, description="Market days that are kept."
    )
    budget_gb: float = Field(
        default=10.0,
        ge=0.01,
        le=1_000_000,
        allow_inf_nan=False,
        description="Disk space of all recordings, in GB; above it the oldest are deleted.",
    )
    flush_s: float = Field(
        default=1.0,
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="Wall seconds between writes: what a kill may lose.",
    )
    reserve_gb: float = Field(
        default=0.1,
        ge=0,
        le=1_000,
        allow_inf_nan=False,
        description="Free disk space below which recording stops: it is the journal's.",
    )


class Stream:
    """One segment that is being written. Invariant: on disk stand whole batches, all flushed."""

    def __init__(self, path: Path, table: Table) -> None:
        arrow = load_arrow()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.table = table
        self._file = path.open("xb")
        options = arrow.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        self._writer = arrow.ipc.new_stream(self._file, schema(table), options=options)

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._file.tell()

    def write(self, rows: list[Stamped]) -> None:
        """Append rows as one batch and hand it to the system.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        self._writer.write_batch(record_batch(self.table, rows))
        self._file.flush()

    def close(self) -> None:
        """End the stream; raises `OSError` where even that cannot be written."""
        try:
            self._writer.close()
        finally:
            self._file.close()


class MarketStore:
    """The recording of one daemon. Call `begin` once per start, then `write`, then `close`.

    Invariant: nothing recorded is ever overwritten; what is older than the retention, or what makes
    all of it larger than the budget, is deleted, the oldest first. `early_day` is the newest day of
    which the budget deleted something that the retention would have kept.
    """

    def __init__(self, root: Path, settings: RecorderSettings) -> None:
        self.root = root
        self.early_day: str | None = None
        self._settings = settings
        self._epoch = 0
        self._day = 0
        self._day_name = ""
        self._streams: dict[tuple[str, str, Table], Stream] = {}
        self._numbers: dict[tuple[str, str, Table], int] = {}
        self._currencies: dict[str, str] = {}
        self._uncompacted: list[Path] = []
        budget = int(settings.budget_gb * GB)
        self._segment_bytes_max = min(SEGMENT_BYTES_MAX, budget // SEGMENTS_IN_BUDGET)
        # While a segment is compacted it stands on disk twice.
        self._budget_bytes = budget - self._segment_bytes_max
        self._room_bytes = 0

    def begin(self, manifest: EpochManifest, files: Mapping[str, str]) -> Path | None:
        """Open an epoch: write the manifest, find what a crash left, make room.

        What was left is compacted by the writes that follow, as finished segments are. A recording
        of another journal (it knows this epoch, or a later one) is set aside whole; its new place
        is given back.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        segments = recordings.segments(self.root)
        known = [*recordings.manifests(self.root), *(one.epoch for one in segments)]
        theirs = max(known, default=0) >= manifest.opening.epoch
        kept = retention.keep_aside(self.root) if theirs else None
        self._epoch = manifest.opening.epoch
        self._day = manifest.opened_at // DAY
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._require_room()
        recordings.write_manifest(self.root, manifest, files)
        self._uncompacted = self._left_behind()
        self.make_room()
        return kept

    def write(self, rows: Iterable[Stamped]) -> None:
        """Write inputs in their order; they survive this process once this returns.

        Raises:
            OSError: the disk is full (or nearly) or cannot be written.
            ValueError: an input cannot be written down.
        """
        parts: dict[tuple[str, str, Table], list[Stamped]] = {}
        for stamped in rows:
            parts.setdefault(self._part(stamped), []).append(stamped)
        if not parts:
            return
        self._require_room()
        for key, part in parts.items():
            stream = self._stream(key)
            before = stream.size
            stream.write(part)
            self._room_bytes -= stream.size - before
        self._rotate(max(day for day, _, _ in parts))
        self._compact_one()
        if self._room_bytes < 0:
            self.make_room()

    def close(self) -> None:
        """End what is open, compact all that is not yet; a second call does nothing.

        Raises:
            OSError: the disk is full; streams stay as they are, readable to their last batch.
        """
        for key in tuple(self._streams):
            self._finish(key)
        while self._uncompacted:
            self._compact_one()

    def abandon(self) -> None:
        """Close files without writing anything more: the disk refuses."""
        for stream in self._streams.values():
            try:
                stream.close()
            except (OSError, ValueError):
                continue  # what stands is readable up to the last whole batch
        self._streams.clear()

    def make_room(self) -> None:
        """Delete what is too old or too much, oldest first.

        Raises:
            OSError: a file cannot be deleted.
        """
        deleted = retention.make_room(
            self.root,
            oldest_day=day_of(max(self._day - self._settings.retention_days + 1, 0) * DAY),
            budget_bytes=self._budget_bytes,
            spare={stream.path for stream in self._streams.values()},
            epoch=self._epoch,
        )
        self._room_bytes = deleted.room_bytes
        self.early_day = deleted.early_day or self.early_day

    def _part(self, stamped: Stamped) -> tuple[str, str, Table]:
        """Name the partition of an input; runs for every one of them."""
        event = stamped.event
        day = stamped.at // DAY
        if day != self._day or not self._day_name:
            self._day, self._day_name = day, day_of(stamped.at)
            self._currencies.clear()  # what has expired is forgotten with the day
        if type(event) is not Quote:
            return self._day_name, currency_of(event), "events"
        currency = self._currencies.get(event.instrument)
        if currency is None:
            currency = self._currencies[event.instrument] = currency_of(event)
        return self._day_name, currency, "quotes"

    def _stream(self, key: tuple[str, str, Table]) -> Stream:
        stream = self._streams.get(key)
        if stream is None:
            day, currency, table = key
            number = self._numbers.get(key, 0)
            segment = Segment(day, self._epoch, number, currency, table)
            stream = self._streams[key] = Stream(segment.path(self.root, STREAM), table)
        return stream

    def _rotate(self, newest_day: str) -> None:
        """Finish segments of past days and those that are large enough."""
        done = [
            key
            for key, stream in self._streams.items()
            if key[0] < newest_day or stream.size >= self._segment_bytes_max
        ]
        for key in done:
            self._finish(key)
        if done:
            self._numbers = {key: n for key, n in self._numbers.items() if key[0] >= newest_day}
            self.make_room()

    def _finish(self, key: tuple[str, str, Table]) -> None:
        stream = self._streams.pop(key)
        self._numbers[key] = self._numbers.get(key, 0) + 1
        stream.close()
        self._uncompacted.append(stream.path)

    def _compact_one(self) -> None:
        """Compact one finished segment: more of them would keep the next inputs waiting."""
        if not self._uncompacted:
            return
        path = self._uncompacted.pop(0)
        if path.exists():  # else the budget took it
            recordings.compact(path)
        self.make_room()

    def _left_behind(self) -> list[Path]:
        """Find the streams a crash left; a half-written Parquet file will be made anew."""
        for path in self.root.glob(f"day=*/currency=*/*{UNFINISHED}"):
            path.unlink()
        left = []
        for path in sorted(self.root.glob(f"day=*/currency=*/*{STREAM}")):
            if path.with_suffix(recordings.PARQUET).exists():
                path.unlink()
            else:
                left.append(path)
        return left

    def _require_room(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < self._settings.reserve_gb * GB:
            raise OSError(
                28,
                f"only {free / GB:.2f} GB are free and {self._settings.reserve_gb:g} GB are the"
                " journal's (recorder.reserve_gb): free disk space, or lower recorder.budget_gb",
                str(self.root),
            )
