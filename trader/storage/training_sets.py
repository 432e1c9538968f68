"""How does a set of training rows become a file, and a file a set? Parquet, CSV or JSONL.

The same rows and types come back from each: instants in UTC microseconds, shortest digits that give
the same number, nothing (CSV), null (JSONL, Parquet) for what is not known.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from trader.domain.errors import ConfigurationError
from trader.storage.arrow import load_arrow
from trader.storage.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trader.backtest.training_table import TrainingTable

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)


def write_set(path: Path, table: TrainingTable, form: Format, card: Mapping[str, str] = {}) -> int:
    """Write a table, and into Parquet's own metadata `card`; return the bytes of the file.

    Raises:
        StorageError: the disk refuses; what lay there before still does.
    """
    return write_whole(path, _encoded(table, form, card))


def read_set(path: Path, types: Mapping[str, str]) -> dict[str, list[Any]]:
    """Read the columns of a set that `types` names; what is not known is None.

    `types` are those of its card: timestamp, string, float64, int64.

    Raises:
        ConfigurationError: the file is not there, is no such set, or lacks one of the columns.
    """
    form = path.suffix.removeprefix(".")
    if form not in FORMATS:
        raise ConfigurationError(f"{path}: a set ends in .parquet, .csv or .jsonl; name one")
    try:
        return _decoded(path.read_bytes(), form, types)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error}); name another") from error
    except (ValueError, KeyError, IndexError, TypeError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"{path} does not hold the columns of its card ({error!r}); export it anew"
        ) from error


def _decoded(content: bytes, form: str, types: Mapping[str, str]) -> dict[str, list[Any]]:
    if form == "parquet":
        arrow = load_arrow()
        table = arrow.parquet.read_table(arrow.core.BufferReader(content), columns=[*types])
        return {name: table.column(name).to_pylist() for name in types}
    rows: list[dict[str, Any]]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    else:
        rows = [msgspec.json.decode(line) for line in content.splitlines()]
    return {
        name: [None if row[name] in ("", None) else _read(row[name], kind) for row in rows]
        for name, kind in types.items()
    }


def _read(value: Any, kind: str) -> Any:  # noqa: ANN401 - a cell
    """Read a cell of a text; what is no text is of its type already."""
    match kind:
        case "timestamp":
            return datetime.fromisoformat(value)
        case "float64":
            return float(value)
        case "int64":
            return int(value)
        case _:
            return str(value)


def _encoded(table: TrainingTable, form: Format, card: Mapping[str, str]) -> bytes:
    match form:
        case "parquet":
            return _parquet(table, card)
        case "csv":
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow([one.name for one in table.columns])
            for row in table.rows():
                writer.writerow([_told(value) for value in row.values()])
            return text.getvalue().encode()
        case "jsonl":
            return b"".join(msgspec.json.encode(row) + b"\n" for row in table.rows())


def _told(value: object) -> object:
    """Write an instant as ISO 8601 with its offset; the rest as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def _parquet(table: TrainingTable, card: Mapping[str, str]) -> bytes:
    arrow = load_arrow()
    pa = arrow.core
    kinds: dict[str, Any] = {
        "timestamp": pa.timestamp("us", tz="UTC"), "string": pa.string(),
        "float64": pa.float64(), "int64": pa.int64(),
    }  # fmt: skip
    fields = [
        pa.field(
            one.name, kinds[one.type],
            metadata={"role": one.role, "unit": one.unit, "meaning": one.meaning},
        )
        for one in table.columns
    ]  # fmt: skip
    arrays = [pa.array(table.values[one.name], type=kinds[one.type]) for one in table.columns]
    written = pa.BufferOutputStream()
    arrow.parquet.write_table(
        pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=dict(card))),
        written, compression="zstd",
    )  # fmt: skip
    content: bytes = written.getvalue().to_pybytes()
    return content
