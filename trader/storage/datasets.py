"""Which history do we hold? Columns in Parquet by dataset and subject, and the spans fetched.

    datasets/candles/BTC-PERPETUAL/2026-06.parquet      times in UTC ns, IV and rates as fractions
    datasets/candles/BTC-PERPETUAL/spans.json           what was asked for, found or not

A part is replaced whole or not at all. Its span counts as fetched only after it is durable, so a
sync that was killed asks again for at most one part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.domain.errors import StorageError
from trader.domain.units import iso
from trader.storage.arrow import Batch, load_arrow
from trader.storage.history_kinds import DATASETS, Dataset
from trader.storage.whole_files import make_durable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Instants = NDArray[np.int64]

FOLDER: Final = "datasets"
SPANS: Final = "spans.json"
Span = tuple[int, int]
Columns = dict[str, list[Any]]


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one subject of a dataset, and what is wrong with it."""

    dataset: str
    subject: str
    parts: int
    rows: int
    bytes: int
    first_at: int | None
    last_at: int | None
    gaps: tuple[Span, ...] = ()
    faults: dict[str, int] = {}


class DatasetStore:
    """All datasets under one folder. Invariant: rows of a keyed part are sorted and unique."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def missing(self, dataset: str, subject: str, span: Span) -> list[Span]:
        """Tell which parts of a span were never asked for."""
        start, end = span
        wanted = []
        for known_start, known_end in self._spans(dataset, subject):
            if known_end <= start or known_start >= end:
                continue
            if known_start > start:
                wanted.append((start, known_start))
            start = max(start, known_end)
        return [*wanted, (start, end)] if start < end else wanted

    def merge(self, dataset: str, subject: str, part: str, rows: Columns) -> int:
        """Add rows to a part, later ones in place of earlier ones of the same key; count them all.

        Raises:
            StorageError: the rows are none of this dataset, or the disk refuses.
        """
        path = self._folder(dataset, subject) / f"{part}.parquet"
        table = _table(DATASETS[dataset], rows)
        pa = load_arrow().core
        if path.exists():
            table = pa.concat_tables([_read(path), table], promote_options="default")
        unique = _unique(table, DATASETS[dataset].key)
        self.replace(dataset, subject, part, iter(unique.to_batches()))
        return int(unique.num_rows)

    def replace(self, dataset: str, subject: str, part: str, batches: Iterator[Batch]) -> int:
        """Write a part anew from record batches; nothing is left of one that fails.

        Raises:
            StorageError: the disk refuses, or the batches fail.
        """
        arrow = load_arrow()
        folder = self._folder(dataset, subject)
        unfinished = folder / f"{part}.part"
        rows = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            schema = _schema(DATASETS[dataset])
            with arrow.parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
            make_durable(unfinished)
            unfinished.replace(folder / f"{part}.parquet")
            make_durable(folder)
        except (OSError, ValueError) as error:
            raise StorageError(f"{unfinished}: {error}; nothing of this part was kept") from error
        finally:
            unfinished.unlink(missing_ok=True)
        return rows

    def mark(self, dataset: str, subject: str, span: Span) -> None:
        """Note that a span was asked for and is durable."""
        spans = _joined([*self._spans(dataset, subject), span])
        folder = self._folder(dataset, subject)
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{SPANS}.part"
        unfinished.write_bytes(msgspec.json.encode(spans))
        make_durable(unfinished)
        unfinished.replace(folder / SPANS)
        make_durable(folder)

    def read(self, dataset: str, subject: str) -> Any:  # noqa: ANN401 - a pyarrow table
        """Read all of a subject as one pyarrow table, by `at`."""
        paths = sorted(self._folder(dataset, subject).glob("*.parquet"))
        schema = _schema(DATASETS[dataset])
        pa = load_arrow().core
        tables = [_read(path) for path in paths] or [schema.empty_table()]
        return pa.concat_tables(tables, promote_options="default").sort_by("at")

    def subjects(self, dataset: str) -> list[str]:
        """List of what a dataset is held, by name."""
        return sorted(one.name for one in (self.root / dataset).glob("*") if one.is_dir())

    def span(self, dataset: str, subject: str) -> Span | None:
        """Tell the first and last instant held of a subject; None where there is nothing."""
        paths = sorted(self._folder(dataset, subject).glob("*.parquet"))
        times = [_read(path, ["at"]).column("at").to_numpy() for path in paths]
        held = [one for one in times if len(one)]
        if not held:
            return None
        return min(int(one.min()) for one in held), max(int(one.max()) for one in held)

    def holdings(self, *, check: bool) -> list[Holding]:
        """Describe everything held; with `check`, look for gaps and faults in every row."""
        found = []
        for name in DATASETS:
            for folder in sorted((self.root / name).glob("*")):
                paths = sorted(folder.glob("*.parquet"))
                if paths:
                    found.append(self._holding(DATASETS[name], folder, paths, check=check))
        return found

    def _holding(
        self, dataset: Dataset, folder: Path, paths: Sequence[Path], *, check: bool
    ) -> Holding:
        rows, faults = 0, dict[str, int]()
        seen: list[Instants] = []
        for path in paths:
            table = _read(path, None if check else ["at"])
            rows += table.num_rows
            at = table.column("at").to_numpy()
            if len(at):
                seen.append(_instants(dataset, at) if check else np.array([at.min(), at.max()]))
            for fault, count in _faults(dataset, table).items() if check else ():
                faults[fault] = faults.get(fault, 0) + count
        times = np.unique(np.concatenate(seen)).tolist() if seen else []
        gaps = _gaps(times, dataset.step) if dataset.step else _holes(self._spans_of(folder))
        return Holding(
            dataset=dataset.name,
            subject=folder.name,
            parts=len(paths),
            rows=rows,
            bytes=sum(path.stat().st_size for path in paths),
            first_at=times[0] if times else None,
            last_at=times[-1] if times else None,
            gaps=tuple(gaps) if check else (),
            faults=faults,
        )

    def _folder(self, dataset: str, subject: str) -> Path:
        return self.root / dataset / subject

    def _spans(self, dataset: str, subject: str) -> list[Span]:
        return self._spans_of(self._folder(dataset, subject))

    @staticmethod
    def _spans_of(folder: Path) -> list[Span]:
        path = folder / SPANS
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[Span])
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise StorageError(
                f"{path} is damaged ({error}): delete it, and what it names is fetched again"
            ) from error


def batch_of(dataset: Dataset, columns: Mapping[str, Any]) -> Batch:
    """Lay out columns (pyarrow arrays or lists) as a record batch; absent ones are null."""
    pa = load_arrow().core
    schema = _schema(dataset)
    size = len(next(iter(columns.values())))
    arrays = []
    for field in schema:
        column = columns.get(field.name)
        if column is None:
            arrays.append(pa.nulls(size, field.type))
        elif isinstance(column, pa.Array):
            arrays.append(column.cast(field.type))
        else:
            arrays.append(pa.array(column, type=field.type, from_pandas=True))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def describe_gap(gap: Span) -> str:
    """Write a gap for people: after the first, before the second instant."""
    return f"{iso(gap[0])} .. {iso(gap[1])}"


def _schema(dataset: Dataset) -> Any:  # noqa: ANN401 - a pyarrow schema
    pa = load_arrow().core
    kinds = {"bool": pa.bool_(), "string": pa.string(), "int64": pa.int64(),
             "float64": pa.float64()}  # fmt: skip
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in dataset.types.items()])


def _table(dataset: Dataset, rows: Columns) -> Any:  # noqa: ANN401 - a pyarrow table
    arrow = load_arrow()
    lengths = {name: len(column) for name, column in rows.items()}
    if set(rows) - set(dataset.types) or len(set(lengths.values())) > 1 or "at" not in rows:
        raise StorageError(f"{dataset.name}: columns {lengths} are not those of this dataset")
    try:
        return arrow.core.Table.from_batches([batch_of(dataset, rows)])
    except (arrow.core.ArrowInvalid, arrow.core.ArrowTypeError) as error:
        raise StorageError(f"{dataset.name}: a row does not fit ({error})") from error


def _read(path: Path, columns: list[str] | None = None) -> Any:  # noqa: ANN401 - a pyarrow table
    arrow = load_arrow()
    try:
        return arrow.parquet.read_table(path, columns=columns, use_threads=False)
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(f"{path} cannot be read ({error}): delete it and sync anew") from error


def _unique(table: Any, key: tuple[str, ...]) -> Any:  # noqa: ANN401 - a pyarrow table
    """Sort by key and keep the last row of each."""
    if not key:
        return table.sort_by("at")
    keys = list(zip(*(table.column(name).to_pylist() for name in key), strict=True))
    last = {one: place for place, one in enumerate(keys)}
    return table.take([last[one] for one in sorted(last)])


def _faults(dataset: Dataset, table: Any) -> dict[str, int]:  # noqa: ANN401 - a pyarrow table
    """Count what cannot be true, by name."""
    values = {
        name: table.column(name).to_numpy()
        for name in (*dataset.positive, *(one for pair in dataset.ordered for one in pair))
    }  # what is missing is NaN there, and compares with nothing
    faults = {f"{name} not positive": int((values[name] <= 0).sum()) for name in dataset.positive}
    faults |= {f"{name} infinite": int(np.isinf(one).sum()) for name, one in values.items()}
    for low, high in dataset.ordered:
        faults[f"{low} above {high}"] = int((values[low] > values[high]).sum())
    if dataset.key:
        columns = (table.column(name).to_pylist() for name in dataset.key)
        faults["duplicate rows"] = table.num_rows - len(set(zip(*columns, strict=True)))
    return {name: count for name, count in faults.items() if count}


def _instants(dataset: Dataset, at: Instants) -> Instants:
    """Thin out the times of a part: what is irregular counts by the step it falls in."""
    if dataset.key or dataset.step is None:
        return np.unique(at)
    by_step = np.unique(at // dataset.step) * dataset.step
    return np.unique(np.concatenate(([at.min()], by_step[1:], [at.max()])))


def _holes(spans: Sequence[Span]) -> Iterator[Span]:
    """Tell what lies between spans that were asked for."""
    return ((one[1], other[0]) for one, other in pairwise(spans))


def _gaps(times: Sequence[int], step: int) -> Iterator[Span]:
    return ((one, other) for one, other in pairwise(times) if other - one > step)


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
