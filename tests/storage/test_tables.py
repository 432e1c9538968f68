"""Tables that somebody else wrote: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trader.domain.errors import StorageError
from trader.domain.units import SECOND
from trader.storage.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"at": "when", "price": "px", "name": "symbol"}
CSV = "when,px,symbol,more\n1970-01-01T00:00:01Z,1.5,A,x\n1970-01-01T00:00:02Z,,B,y\n"


def parquet(folder: Path, **columns: pa.Array) -> Path:
    """Write a small table."""
    known = {
        "when": pa.array([1_000, 2_000], type=pa.timestamp("ms", tz="UTC")),
        "px": pa.array([1.5, None]),
        "symbol": pa.array(["A", "B"], type=pa.large_string()),
    }
    pq.write_table(pa.table(known | columns), folder / "t.parquet")
    return folder / "t.parquet"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_columns_are_read_by_our_names(tmp_path: Path, suffix: str) -> None:
    """Times as nanoseconds, empty numbers as NaN, texts as places in what is known."""
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        parquet(tmp_path)
    else:
        content = CSV.encode()
        path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    table = read_table(path, COLUMNS)
    assert len(table) == 2
    assert table.instants("at").tolist() == [SECOND, 2 * SECOND]
    assert table.numbers("price") == pytest.approx(np.array([1.5, np.nan]), nan_ok=True)
    words = table.words("name")
    assert [words.known[place] for place in words.row] == ["A", "B"]


def test_an_empty_text_is_none_of_them(tmp_path: Path) -> None:
    """It points nowhere."""
    path = parquet(tmp_path, symbol=pa.array([None, "B"]))
    assert read_table(path, COLUMNS).words("name").row.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("columns", "reader", "says"),
    [
        ({"when": pa.array([1, 2])}, "instants", "must hold a timestamp in every row"),
        ({"when": pa.array([None, 1], type=pa.timestamp("ms"))}, "instants", "1 empty"),
        ({"px": pa.array(["one", "two"])}, "numbers", "must hold numbers"),
    ],
)
def test_a_column_of_another_kind_is_refused(
    tmp_path: Path, columns: dict[str, pa.Array], reader: str, says: str
) -> None:
    """With its name and what it holds."""
    table = read_table(parquet(tmp_path, **columns), COLUMNS)
    with pytest.raises(StorageError, match=says):
        getattr(table, reader)({"instants": "at", "numbers": "price"}[reader])


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_what_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    """A file that is not there, and one of another kind."""
    with pytest.raises(StorageError, match="cannot be read"):
        read_table(tmp_path / name, COLUMNS)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be read"):
        read_table(tmp_path / name, COLUMNS)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """Beside those that are there."""
    with pytest.raises(StorageError, match="no column 'bid'; it has when, px, symbol"):
        read_table(parquet(tmp_path), COLUMNS | {"bid": "bid"})
