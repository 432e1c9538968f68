"""What did one epoch take in, in order? Every partition of a recording, merged by sequence."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from trader.storage import recordings
from trader.storage.event_rows import inputs

if TYPE_CHECKING:
    from trader.domain.events import Stamped
    from trader.storage.recordings import Segment


def epoch_inputs(root: Path, epoch: int, last_day: str | None = None) -> Iterator[Stamped]:
    """Read the inputs of an epoch by rising sequence, days after `last_day` left out.

    Raises:
        StorageError: a file cannot be read.
        ValueError: a row is no input this software knows.
    """
    parts: dict[tuple[str, str], list[tuple[Segment, Path]]] = defaultdict(list)
    for segment, path in recordings.segments(root).items():
        if segment.epoch == epoch and (last_day is None or segment.day <= last_day):
            parts[segment.currency, segment.table].append((segment, path))
    return heapq.merge(*map(_rows, parts.values()), key=attrgetter("sequence"))


def recorded_days(root: Path, epoch: int) -> list[str]:
    """List the market days that hold inputs of an epoch."""
    return sorted({one.day for one in recordings.segments(root) if one.epoch == epoch})


def _rows(files: list[tuple[Segment, Path]]) -> Iterator[Stamped]:
    for segment, path in files:
        table = recordings.table_of(segment)
        for batch in recordings.batches(_still_there(path)):
            yield from inputs(table, batch)


def _still_there(path: Path) -> Path:
    """Follow a stream that the daemon compacted after it was listed."""
    compacted = path.with_suffix(recordings.PARQUET)
    return compacted if not path.exists() and compacted.exists() else path
