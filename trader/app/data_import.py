"""How does history from elsewhere get here? Tardis CSV files, recordings, files a TOML describes.

One file becomes one part that bears its name: importing it again replaces it. Nothing is held in
memory but a block.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.app.history_import import import_plan
from trader.app.recording_import import import_recordings
from trader.app.tardis_rows import OUT_OF_ORDER, RENAMED, TardisRows
from trader.domain.errors import StorageError
from trader.storage.arrow import load_arrow
from trader.storage.history_kinds import DATASETS, Dataset

if TYPE_CHECKING:
    from pathlib import Path

    from trader.storage.datasets import DatasetStore

SUBJECT: Final = "tardis"
BLOCK_BYTES: Final = 8_000_000
_TELLING: Final = {
    "option_chain": ("strike_price", "mark_iv"),
    "derivative_ticker": ("funding_rate", "index_price"),
    "quotes": ("bid_price", "ask_price"),
    "trades": ("id", "side"),
}
"""Columns by which a Tardis file is recognized; the first dataset that has both is meant."""


class Imported(msgspec.Struct, frozen=True):
    """What came in, in rows by dataset; `notes` say what was odd about the rest."""

    rows: dict[str, int]
    notes: tuple[str, ...] = ()


def import_path(store: DatasetStore, path: Path, folder: Path | None = None) -> Imported:
    """Import a Tardis CSV file (`.csv`, `.csv.gz`), a folder of recordings, or what a TOML names.

    Files that a TOML names lie in `folder`, else beside it.

    Raises:
        StorageError: it is none of these, or no row of it can be used: nothing of it is imported.
        ConfigurationError: the TOML is wrong, or its files hold something else than it says.
    """
    if path.suffix == ".toml":
        return Imported(import_plan(store, path, folder))
    if path.is_dir():
        rows, others = import_recordings(store, path)
        note = f"{others} inputs tell nothing of the market (timers, commands): left out"
        return Imported(rows, (note,) if others else ())
    return _import_file(store, path)


def _import_file(store: DatasetStore, path: Path) -> Imported:
    arrow = load_arrow()
    from pyarrow import csv

    try:
        with csv.open_csv(path, read_options=csv.ReadOptions(block_size=BLOCK_BYTES)) as head:
            names = head.schema.names
        dataset = _recognized(path, names)
        options = csv.ConvertOptions(column_types=_types(dataset, names), strings_can_be_null=True)
        rows = TardisRows(dataset)
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            convert_options=options,
        ) as reader:
            part = re.sub(r"(\.csv)?(\.gz)?$", "", path.name)
            store.replace(dataset.name, SUBJECT, part, _usable(rows, path, reader))
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(f"{path} cannot be imported ({error}): nothing of it was") from error
    return Imported({dataset.name: rows.kept}, _notes(rows))


def _usable(rows: TardisRows, path: Path, reader: Any) -> Any:  # noqa: ANN401 - of pyarrow's
    """Give the usable rows of every block.

    Raises:
        StorageError: there were rows, and none of them can be used.
    """
    yield from map(rows.converted, reader)
    if rows.read and not rows.kept:
        said = "; ".join(_notes(rows))
        raise StorageError(f"{path} holds no row that can be used ({said}): nothing was imported")


def _notes(rows: TardisRows) -> tuple[str, ...]:
    return tuple(
        f"{count} rows {reason}" if reason == OUT_OF_ORDER else f"left out {count} rows {reason}"
        for reason, count in rows.found.items()
    )


def _recognized(path: Path, names: list[str]) -> Dataset:
    for name, columns in _TELLING.items():
        if {"symbol", "timestamp", "local_timestamp", *columns} <= set(names):
            return DATASETS[name]
    known = "options_chain, quotes, trades, derivative_ticker"
    raise StorageError(f"{path} is no Tardis file this software reads ({known})")


def _types(dataset: Dataset, names: list[str]) -> dict[str, Any]:
    pa = load_arrow().core
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    types = dataset.types | {"exchange_at": "int64"}
    wanted = {RENAMED.get(name, name): kinds[kind] for name, kind in types.items()}
    return {name: kind for name, kind in wanted.items() if name in names}
