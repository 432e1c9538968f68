"""What stands in a table that somebody else wrote? Named columns of Parquet or CSV, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trader.domain.errors import StorageError
from trader.storage.arrow import load_arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray


Arrays = Any
"""A table of pyarrow's, which comes without types."""


class Words(NamedTuple):
    """A column of texts: each row points into `known`, -1 where it is empty."""

    known: tuple[str, ...]
    row: NDArray[np.int32]


class ForeignTable:
    """Some columns of one file, by our names for them."""

    def __init__(self, path: Path, columns: Mapping[str, str], table: Arrays) -> None:
        self._path = path
        self._columns = columns
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def instants(self, name: str) -> NDArray[np.int64]:
        """Read a column of times, or of dates (their midnight), as UTC nanoseconds.

        Raises:
            StorageError: a time is missing, or the column holds none.
        """
        arrow = load_arrow().core
        column = self._table.column(self._columns[name])
        if arrow.types.is_date(column.type):
            column = column.cast(arrow.timestamp("ms"))
        if not arrow.types.is_timestamp(column.type) or column.null_count:
            raise StorageError(
                f"{self._path}: column {self._columns[name]!r} ({column.type}, {column.null_count} "
                "empty) must hold a timestamp in every row; name another column"
            )
        in_ns = column.cast(arrow.timestamp("ns")).cast(arrow.int64())
        instants: NDArray[np.int64] = in_ns.to_numpy()
        return instants

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Read a column of numbers, NaN where it is empty.

        Raises:
            StorageError: the column holds something else.
        """
        arrow = load_arrow().core
        column = self._table.column(self._columns[name])
        try:
            found: NDArray[np.float64] = np.array(column.cast(arrow.float64()).to_numpy())
        except arrow.ArrowInvalid as error:
            raise StorageError(
                f"{self._path}: column {self._columns[name]!r} ({column.type}) must hold numbers "
                f"({error}); name another column"
            ) from error
        return found

    def words(self, name: str) -> Words:
        """Read a column of texts."""
        arrow = load_arrow().core
        column = self._table.column(self._columns[name]).cast(arrow.string())
        whole = arrow.chunked_array([column.combine_chunks()])
        coded = whole.combine_chunks().dictionary_encode()
        rows = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Words(tuple(coded.dictionary.to_pylist()), rows)


def read_table(path: Path, columns: Mapping[str, str]) -> ForeignTable:
    """Read the columns of a `.parquet`, `.csv` or `.csv.gz` file that `columns` names (ours: its).

    Raises:
        StorageError: the file cannot be read, or lacks a column.
    """
    arrow = load_arrow()
    wanted = list(dict.fromkeys(columns.values()))
    try:
        if path.suffix == ".parquet":
            with arrow.parquet.ParquetFile(path) as file:
                _require(path, wanted, file.schema_arrow.names)
                table = file.read(columns=wanted, use_threads=False)
        else:
            from pyarrow import csv

            table = csv.read_csv(path)
            _require(path, wanted, table.column_names)
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(
            f"{path} cannot be read ({error}): name a Parquet or CSV file"
        ) from error
    return ForeignTable(path, columns, table)


def _require(path: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise StorageError(
            f"{path}: no column {', '.join(map(repr, missing))}; it has {', '.join(names)}"
        )
