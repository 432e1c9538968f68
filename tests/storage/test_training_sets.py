"""Do the same rows and types come back from each format, also to readers of other makers?"""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from tests.backtest.calls import modelled, study
from trader.backtest.covered_call import CoveredCallSimulator
from trader.backtest.training import generate_training_data
from trader.backtest.training_table import TrainingTable, call_table
from trader.domain.errors import ConfigurationError, StorageError
from trader.storage.arrow import load_arrow
from trader.storage.training_sets import FORMATS, Format, read_set, write_set
from trader.views.data_card import data_card


@pytest.fixture(scope="module")
def table() -> TrainingTable:
    """A month of rows, with things that are not known in most columns."""
    rows = generate_training_data(CoveredCallSimulator(modelled(), study()))
    return call_table(rows)


def written(folder: Path, table: TrainingTable, form: Format) -> Path:
    """Write a table; the bytes told are those of the file."""
    path = folder / f"rows.{form}"
    assert write_set(path, table, form, {"schema": "calls"}) == path.stat().st_size
    return path


def restored(text: str | None, kind: str) -> object:
    """Read a cell of CSV, or a value of JSON, by the type of its column."""
    if text in (None, ""):
        return None
    match kind:
        case "timestamp":
            return datetime.fromisoformat(str(text))
        case "string":
            return text
        case "int64":
            return int(str(text))
        case _:
            return float(str(text))


def test_csv_and_jsonl_hold_the_rows_to_the_last_bit(tmp_path: Path, table: TrainingTable) -> None:
    """Read with nothing but the standard library."""
    kinds = {one.name: one.type for one in table.columns}
    with written(tmp_path, table, "csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    lines = written(tmp_path, table, "jsonl").read_text().splitlines()
    for found in (cells, [json.loads(line) for line in lines]):
        told = [{name: restored(row[name], kinds[name]) for name in kinds} for row in found]
        assert told == table.rows()
    assert all("NaN" not in line for line in lines)


def test_parquet_holds_rows_types_and_meanings(tmp_path: Path, table: TrainingTable) -> None:
    """Units and roles travel with the columns."""
    read = load_arrow().parquet.read_table(written(tmp_path, table, "parquet"))
    assert read.to_pylist() == table.rows()
    types = {"timestamp": "timestamp[us, tz=UTC]", "string": "string", "float64": "double",
             "int64": "int64"}  # fmt: skip
    for column in table.columns:
        field = read.schema.field(column.name)
        assert str(field.type) == types[column.type]
        assert field.metadata[b"unit"].decode() == column.unit
        assert field.metadata[b"role"].decode() == column.role
    assert read.schema.metadata[b"schema"] == b"calls"


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_rows_are_the_same_bytes(
    tmp_path: Path, table: TrainingTable, form: Format
) -> None:
    """Nothing of the day or the machine is in them, and nothing unfinished is left."""
    first, second = (
        hashlib.sha256(written(tmp_path / name, table, form).read_bytes()).digest()
        for name in ("a", "b")
    )
    assert first == second
    assert [one.name for one in (tmp_path / "a").iterdir()] == [f"rows.{form}"]


def card_of(table: TrainingTable, form: Format) -> dict[str, Any]:
    """Describe a table as one of a format."""
    return data_card(table, {"file": {"format": form}})


@pytest.mark.parametrize("form", FORMATS)
def test_pandas_reads_the_same_rows_and_dtypes(
    tmp_path: Path, table: TrainingTable, form: Format
) -> None:
    """As the card says it should."""
    card = card_of(table, form)
    dtypes = {one["name"]: one["pandas"] for one in card["columns"]}
    path = written(tmp_path, table, form)
    frame = eval(card["reads"]["pandas"], {"pandas": pd, "path": path, "dtypes": dtypes})
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == dtypes
    plain = frame.astype(object).where(frame.notna(), None)
    assert plain.to_dict("records") == table.rows()


@pytest.mark.parametrize("form", FORMATS)
def test_polars_reads_the_same_rows_and_dtypes(
    tmp_path: Path, table: TrainingTable, form: Format
) -> None:
    """As the card says it should."""
    kinds = {"timestamp": pl.Datetime("us", "UTC"), "string": pl.String,
             "float64": pl.Float64, "int64": pl.Int64}  # fmt: skip
    card = card_of(table, form)
    schema = {one["name"]: kinds[one["type"]] for one in card["columns"]}
    path = written(tmp_path, table, form)
    frame = eval(card["reads"]["polars"], {"polars": pl, "path": path, "schema": schema})
    assert frame.schema == pl.Schema(schema)
    assert frame.to_dicts() == table.rows()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, table: TrainingTable) -> None:
    """The path, the reason and a remedy; what lay in the way is untouched."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=r"file/rows\.csv cannot be written .*name another"):
        write_set(tmp_path / "file" / "rows.csv", table, "csv")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("form", FORMATS)
def test_a_set_reads_back_to_the_same_values(
    tmp_path: Path, table: TrainingTable, form: Format
) -> None:
    """All columns, to the last bit; or those that are asked for."""
    path = written(tmp_path, table, form)
    kinds: dict[str, str] = {one.name: one.type for one in table.columns}
    assert read_set(path, kinds) == table.values
    assert read_set(path, {"iv": "float64"}) == {"iv": table.values["iv"]}


def test_what_is_no_set_is_refused(tmp_path: Path, table: TrainingTable) -> None:
    """Another ending, no file, a file of something else, a column that is not there."""
    with pytest.raises(ConfigurationError, match=r"ends in \.parquet, \.csv or \.jsonl"):
        read_set(tmp_path / "rows.xls", {})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_set(tmp_path / "rows.csv", {})
    for form in FORMATS:
        path = tmp_path / f"broken.{form}"
        path.write_text("iv\nnothing\n")
        with pytest.raises(ConfigurationError, match="does not hold the columns of its card"):
            read_set(path, {"iv": "float64"})
        with pytest.raises(ConfigurationError, match="does not hold the columns of its card"):
            read_set(written(tmp_path, table, form), {"mood": "float64"})
