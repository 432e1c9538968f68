"""Which market does a recording of ours hold? Its quotes in columns, and what was told beside them.

Of the engine's inputs only what the exchange said counts here: the rest belongs to one daemon.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.domain.events import DeliveryPrice, HistoryLoaded, IndexPrice
from trader.storage import recordings
from trader.storage.event_rows import inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS: Final = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price", "index_price",
)  # fmt: skip

Told = IndexPrice | DeliveryPrice | HistoryLoaded


class RecordedQuotes(NamedTuple):
    """Every quote of a recording, in no order: `instrument` points into `names`, NaN is unknown."""

    names: tuple[str, ...]
    instrument: NDArray[np.int32]
    exchange_at: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]


def recorded_quotes(root: Path) -> RecordedQuotes:
    """Read the quotes of all epochs.

    Raises:
        StorageError: a file cannot be read.
    """
    names: dict[str, int] = {}
    codes: list[NDArray[np.int32]] = []
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in COLUMNS}
    instants: list[NDArray[np.int64]] = []
    for segment, path in recordings.segments(root).items():
        for batch in recordings.batches(path) if segment.table == "quotes" else ():
            column = batch.column("instrument").dictionary_encode()
            known = [names.setdefault(one, len(names)) for one in column.dictionary.to_pylist()]
            places = column.indices.to_numpy(zero_copy_only=False)
            codes.append(np.array(known, dtype=np.int32)[places])
            instants.append(batch.column("exchange_at").to_numpy())
            for name, columns in parts.items():
                columns.append(batch.column(name).to_numpy())
    if not codes:
        nothing = {name: np.empty(0) for name in COLUMNS}
        return RecordedQuotes((), np.empty(0, np.int32), np.empty(0, np.int64), nothing)
    joined = {name: np.concatenate(columns) for name, columns in parts.items()}
    return RecordedQuotes(tuple(names), np.concatenate(codes), np.concatenate(instants), joined)


def recorded_events(root: Path) -> Iterator[Told]:
    """Read what was told of indexes, deliveries and history, file by file.

    Raises:
        StorageError: a file cannot be read.
        ValueError: a row is no input this software knows.
    """
    for segment, path in recordings.segments(root).items():
        for batch in recordings.batches(path) if segment.table == "events" else ():
            for stamped in inputs("events", batch):
                event = stamped.event
                if isinstance(event, IndexPrice | DeliveryPrice | HistoryLoaded):
                    yield event
