"""Which history do we hold? Columns in Parquet by dataset and subject, and the spans fetched.

    datasets/candles/BTC-PERPETUAL/2026-06.parquet      times in UTC ns, IV and rates as fractions
    datasets/candles/BTC-PERPETUAL/spans.json           what was asked for, found or not

A part is replaced whole or not at all. Its span counts as fetched only after it is durable, so a
sync that was killed asks again for at most one part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.domain.errors import StorageError
from trader.domain.units import DAY, HOUR, iso
from trader.storage.arrow import Batch, load_arrow

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = "datasets"
SPANS: Final = "spans.json"
Span = tuple[int, int]
Columns = dict[str, list[Any]]


class Dataset(msgspec.Struct, frozen=True):
    """What a dataset's rows are: a row is known by `key`, regular ones come every `step`.

    `positive` names prices that must be above 0; `ordered` pairs that must not cross.
    """

    name: str
    types: dict[str, str]
    key: tuple[str, ...] = ("at",)
    step: int | None = None
    positive: tuple[str, ...] = ()
    ordered: tuple[tuple[str, str], ...] = ()


_PRICES: Final = dict.fromkeys(("open", "high", "low", "close"), "float64")
_ENDS: Final = (("low", "high"), ("low", "open"), ("low", "close"), ("open", "high"))
_TOUCH: Final = dict.fromkeys(("bid", "bid_amount", "ask", "ask_amount"), "float64")

DATASETS: Final = {
    one.name: one
    for one in (
        Dataset(
            "candles",
            {"at": "int64"} | _PRICES | {"volume": "float64", "cost": "float64"},
            step=HOUR,
            positive=("open", "high", "low", "close"),
            ordered=_ENDS,
        ),
        Dataset(
            "dvol", {"at": "int64"} | _PRICES, step=HOUR, positive=("close",), ordered=_ENDS
        ),
        Dataset(
            "funding",
            {"at": "int64"} | dict.fromkeys(("index_price", "rate_1h", "rate_8h"), "float64"),
            step=HOUR,
            positive=("index_price",),
        ),
        Dataset("deliveries", {"at": "int64", "price": "float64"}, step=DAY, positive=("price",)),
        Dataset(
            "trades",
            {
                "at": "int64", "instrument": "string", "trade_seq": "int64", "trade_id": "string",
                "direction": "string", "price": "float64", "amount": "float64", "mark": "float64",
                "index_price": "float64", "iv": "float64",
            },
            key=("at", "instrument", "trade_seq", "trade_id"),
            positive=("price", "amount"),
        ),
        Dataset(
            "instruments",
            {
                "at": "int64", "instrument": "string", "kind": "string", "expires_at": "int64",
                "option_type": "string", "strike": "float64", "settlement_currency": "string",
                "tick_size": "float64", "min_trade_amount": "float64", "contract_size": "float64",
                "active": "bool",
            },
            key=("instrument",),
            positive=("tick_size", "min_trade_amount", "contract_size"),
        ),
        Dataset(
            "quotes",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"} | _TOUCH,
            key=(),
            ordered=(("bid", "ask"),),
        ),
        Dataset(
            "option_chain",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"}
            | _TOUCH
            | dict.fromkeys(
                ("bid_iv", "ask_iv", "mark", "mark_iv", "underlying_price", "open_interest",
                 "last_price", "delta", "gamma", "vega", "theta", "rho"),
                "float64",
            )
            | {"underlying_index": "string"},
            key=(),
            ordered=(("bid", "ask"),),
        ),
        Dataset(
            "derivative_ticker",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"}
            | dict.fromkeys(
                ("funding_rate", "predicted_funding_rate", "open_interest", "last_price",
                 "index_price", "mark"),
                "float64",
            ),
            key=(),
            positive=("index_price", "mark"),
        ),
    )
}  # fmt: skip


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
            table = pa.concat_tables([_read(path), table])
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
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(folder / f"{part}.parquet")
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
        unfinished.replace(folder / SPANS)

    def read(self, dataset: str, subject: str) -> Any:  # noqa: ANN401 - a pyarrow table
        """Read all of a subject as one pyarrow table, by `at`."""
        paths = sorted(self._folder(dataset, subject).glob("*.parquet"))
        schema = _schema(DATASETS[dataset])
        pa = load_arrow().core
        tables = [_read(path) for path in paths] or [schema.empty_table()]
        return pa.concat_tables(tables).sort_by("at")

    def holdings(self, *, check: bool) -> list[Holding]:
        """Describe everything held; with `check`, look for gaps and faults in every row."""
        found = []
        for name in DATASETS:
            for folder in sorted((self.root / name).glob("*")):
                paths = sorted(folder.glob("*.parquet"))
                if paths:
                    found.append(self._holding(DATASETS[name], folder.name, paths, check=check))
        return found

    def _holding(
        self, dataset: Dataset, subject: str, paths: Sequence[Path], *, check: bool
    ) -> Holding:
        rows, faults, times = 0, dict[str, int](), list[int]()
        for path in paths:
            table = _read(path, None if check else ["at"])
            rows += table.num_rows
            instants = table.column("at").to_pylist()
            if instants:
                times += instants if check and dataset.step else [min(instants), max(instants)]
            for fault, count in _faults(dataset, table).items() if check else ():
                faults[fault] = faults.get(fault, 0) + count
        times.sort()
        regular = dataset.step if check else None
        return Holding(
            dataset=dataset.name,
            subject=subject,
            parts=len(paths),
            rows=rows,
            bytes=sum(path.stat().st_size for path in paths),
            first_at=times[0] if times else None,
            last_at=times[-1] if times else None,
            gaps=tuple(_gaps(times, regular)) if regular else (),
            faults=faults,
        )

    def _folder(self, dataset: str, subject: str) -> Path:
        return self.root / dataset / subject

    def _spans(self, dataset: str, subject: str) -> list[Span]:
        path = self._folder(dataset, subject) / SPANS
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
    numpy = {
        name: table.column(name).to_numpy()
        for name in (*dataset.positive, *(one for pair in dataset.ordered for one in pair))
    }
    faults = {f"{name} not positive": int((~(numpy[name] > 0)).sum()) for name in dataset.positive}
    for low, high in dataset.ordered:
        faults[f"{low} above {high}"] = int((numpy[low] > numpy[high]).sum())
    if dataset.key:
        columns = (table.column(name).to_pylist() for name in dataset.key)
        faults["duplicate rows"] = table.num_rows - len(set(zip(*columns, strict=True)))
    return {name: count for name, count in faults.items() if count}


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
