"""Where do recorded inputs lie? One folder per day and currency, one file per epoch and segment.

    recordings/day=2026-06-01/currency=BTC/quotes-e000001-s0000.parquet
    recordings/epochs/000001/epoch.json (with the configuration it ran on beside it)

A segment is written as an Arrow stream (`.arrows`) and compacted to Parquet: a stream cut anywhere
can be read up to its last whole batch, a Parquet file that was cut cannot be read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import msgspec

from trader.domain.errors import StorageError
from trader.domain.facts import EpochOpened
from trader.domain.units import day_date
from trader.storage.arrow import Batch, ParquetWriter, Schema, load_arrow
from trader.storage.event_rows import Table
from trader.storage.whole_files import make_durable

FOLDER: Final = "recordings"
STREAM: Final = ".arrows"
PARQUET: Final = ".parquet"
UNFINISHED: Final = ".part"
ROW_GROUP: Final = 65_536
_NAME: Final = re.compile(r"(quotes|events)-e(\d{6,})-s(\d{4,})\.(arrows|parquet)")


class Segment(msgspec.Struct, frozen=True, order=True):
    """One file of a recording: which day, epoch, place in it, currency and table."""

    day: str
    epoch: int
    number: int
    currency: str
    table: str

    def path(self, root: Path, suffix: str = PARQUET) -> Path:
        """Name its file."""
        name = f"{self.table}-e{self.epoch:06d}-s{self.number:04d}{suffix}"
        return root / f"day={self.day}" / f"currency={self.currency}" / name


class EpochManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where an epoch began: its opening, the facts it recovered, and on what it ran.

    `facts_recovered` is the id of the last journaled fact before the opening (0: none);
    `strategies` names the configuration hash of each.
    """

    opening: EpochOpened
    opened_at: int
    opened_sequence: int
    facts_recovered: int
    balances: dict[str, float]
    strategies: dict[str, str]


def day_of(at: int) -> str:
    """Name the UTC day that holds an instant."""
    return day_date(at // 86_400_000_000_000).isoformat()


def segments(root: Path) -> dict[Segment, Path]:
    """List what is recorded, oldest first; a stream that was compacted already counts once."""
    found: dict[Segment, Path] = {}
    for path in sorted(root.glob("day=*/currency=*/*")):
        name = _NAME.fullmatch(path.name)
        if name is None:
            continue
        segment = Segment(
            day=path.parent.parent.name.removeprefix("day="),
            epoch=int(name[2]),
            number=int(name[3]),
            currency=path.parent.name.removeprefix("currency="),
            table=name[1],
        )
        if segment not in found or path.suffix == PARQUET:
            found[segment] = path
    return dict(sorted(found.items()))


def batches(path: Path) -> Iterator[Batch]:
    """Read the record batches of one file; a cut stream ends at its last whole batch.

    Raises:
        StorageError: a Parquet file that cannot be read, or a file that is gone.
    """
    if path.suffix == STREAM:
        yield from _stream_batches(path)
        return
    arrow = load_arrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROW_GROUP, use_threads=False)
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(f"{path} cannot be read ({error}): delete it or restore it") from error


def _stream_batches(path: Path) -> Iterator[Batch]:
    arrow = load_arrow()
    try:
        with path.open("rb") as file:
            try:
                stream = arrow.ipc.open_stream(file)
            except arrow.core.ArrowInvalid:
                return  # killed before even the schema was whole
            while True:
                try:
                    batch = stream.read_next_batch()
                except (StopIteration, arrow.core.ArrowInvalid, OSError):
                    return
                yield batch
    except FileNotFoundError as error:
        raise StorageError(f"{path} is gone: the daemon compacted it; ask again") from error


def compact(stream: Path) -> Path:
    """Turn one finished or cut stream into Parquet; the stream is deleted once that is durable.

    Raises:
        OSError: the disk is full or cannot be written; the stream is then as it was.
    """
    arrow = load_arrow()
    target = stream.with_suffix(PARQUET)
    unfinished = stream.with_suffix(UNFINISHED)
    writer = None
    waiting: list[Batch] = []
    rows = 0
    try:
        for batch in _stream_batches(stream):
            writer = writer or _parquet_writer(unfinished, batch.schema)
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= ROW_GROUP:
                writer.write_table(arrow.core.Table.from_batches(waiting))
                waiting, rows = [], 0
        if waiting and writer is not None:
            writer.write_table(arrow.core.Table.from_batches(waiting))
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        stream.unlink()
        return stream
    make_durable(unfinished)
    unfinished.replace(target)
    make_durable(target.parent)
    stream.unlink()
    return target


def _parquet_writer(path: Path, schema: Schema) -> ParquetWriter:
    """Write integers that rise as differences, repeated texts and prices as a dictionary."""
    rising = [name for name in ("sequence", "at", "exchange_at") if name in schema.names]
    others = [name for name in schema.names if name not in rising and name != "payload"]
    return load_arrow().parquet.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=others,
        column_encoding=dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
    )


def manifest_folder(root: Path, epoch: int) -> Path:
    """Name the folder of an epoch's opening."""
    return root / "epochs" / f"{epoch:06d}"


def write_manifest(root: Path, manifest: EpochManifest, files: Mapping[str, str]) -> Path:
    """Write down where an epoch begins and the configuration files it runs on, whole or not at all.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    folder = manifest_folder(root, manifest.opening.epoch)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"epoch.json{UNFINISHED}"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    make_durable(unfinished)
    unfinished.replace(folder / "epoch.json")
    return folder


def manifests(root: Path) -> dict[int, EpochManifest]:
    """Read every epoch's opening, oldest first.

    Raises:
        StorageError: one cannot be read.
    """
    found: dict[int, EpochManifest] = {}
    for path in sorted(root.glob("epochs/*/epoch.json")):
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=EpochManifest)
        except (OSError, msgspec.MsgspecError) as error:
            raise StorageError(f"{path} cannot be read ({error}): delete that folder") from error
        found[manifest.opening.epoch] = manifest
    return found


def table_of(segment: Segment) -> Table:
    """Tell which of the two tables a segment is part of."""
    return cast("Table", segment.table)
