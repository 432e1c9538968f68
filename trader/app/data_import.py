"""How does history from elsewhere get here? Tardis CSV files and recordings, a stream each.

One file becomes one part that bears its name: importing it again replaces it. Nothing is held in
memory but a block. Times become ns, IV fractions; an empty cell is null.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from trader.domain.errors import StorageError
from trader.storage import recordings
from trader.storage.arrow import Batch, load_arrow
from trader.storage.datasets import DATASETS, Dataset, DatasetStore, batch_of

SUBJECT: Final = "tardis"
RECORDED: Final = "recorded"
BLOCK_BYTES: Final = 8_000_000
_RENAMED: Final = {
    "at": "local_timestamp", "exchange_at": "timestamp", "instrument": "symbol",
    "bid": "bid_price", "ask": "ask_price", "mark": "mark_price", "trade_id": "id",
    "direction": "side",
}  # fmt: skip
_TIMES: Final = ("at", "exchange_at")
_PERCENT: Final = ("bid_iv", "ask_iv", "mark_iv")
_TELLING: Final = {
    "option_chain": ("strike_price", "mark_iv"),
    "derivative_ticker": ("funding_rate", "index_price"),
    "quotes": ("bid_price", "ask_price"),
    "trades": ("id", "side"),
}
"""Columns by which a Tardis file is recognized; the first dataset that has both is meant."""


def import_path(store: DatasetStore, path: Path) -> tuple[str, int]:
    """Import a Tardis CSV file (`.csv`, `.csv.gz`) or a folder of recordings: (dataset, rows).

    Raises:
        StorageError: it is neither, or a row cannot be read; nothing of it is then imported.
    """
    if path.is_dir():
        return "quotes", _import_recordings(store, path)
    arrow = load_arrow()
    from pyarrow import csv

    try:
        with csv.open_csv(path, read_options=csv.ReadOptions(block_size=BLOCK_BYTES)) as head:
            names = head.schema.names
        dataset = _recognized(path, names)
        options = csv.ConvertOptions(column_types=_types(dataset, names), strings_can_be_null=True)
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            convert_options=options,
        ) as reader:
            part = re.sub(r"(\.csv)?(\.gz)?$", "", path.name)
            rows = store.replace(
                dataset.name, SUBJECT, part, (_converted(dataset, one) for one in reader)
            )
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(f"{path} cannot be imported ({error}): nothing of it was") from error
    return dataset.name, rows


def _recognized(path: Path, names: list[str]) -> Dataset:
    for name, columns in _TELLING.items():
        if {"symbol", "timestamp", "local_timestamp", *columns} <= set(names):
            return DATASETS[name]
    known = "options_chain, quotes, trades, derivative_ticker"
    raise StorageError(f"{path} is no Tardis file this software reads ({known})")


def _types(dataset: Dataset, names: list[str]) -> dict[str, Any]:
    pa = load_arrow().core
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    wanted = {_RENAMED.get(name, name): kinds[kind] for name, kind in dataset.types.items()}
    return {name: kind for name, kind in wanted.items() if name in names}


def _converted(dataset: Dataset, block: Batch) -> Batch:
    """Give a block our names and units."""
    from pyarrow import compute

    columns: dict[str, Any] = {}
    for name in dataset.types:
        theirs = _RENAMED.get(name, name)
        if theirs not in block.schema.names:
            continue
        column = block.column(theirs)
        if name in _TIMES:
            column = compute.multiply(column, 1_000)
        elif name in _PERCENT:
            column = compute.divide(column, 100.0)
        columns[name] = column
    return batch_of(dataset, columns)


def _import_recordings(store: DatasetStore, folder: Path) -> int:
    """Import the quotes of a folder of recordings, a part per segment."""
    found = [
        (segment, path)
        for segment, path in recordings.segments(folder).items()
        if segment.table == "quotes"
    ]
    if not found:
        raise StorageError(f"{folder} holds no recordings: name the folder that has day=* in it")
    rows = 0
    dataset = DATASETS["quotes"]
    for segment, path in found:
        part = f"{segment.day}-{segment.currency}-e{segment.epoch:06d}-s{segment.number:04d}"
        blocks = (
            batch_of(dataset, {name: one.column(name) for name in dataset.types})
            for one in recordings.batches(path)
        )
        rows += store.replace("quotes", RECORDED, part, blocks)
    return rows
