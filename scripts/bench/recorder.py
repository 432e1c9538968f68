"""How fast are inputs recorded and read back, beside bare pyarrow in the same run?

    .venv/bin/python scripts/bench/recorder.py [ROWS]

Prints rows per CPU second and bytes per row; only ratios inside one run count. `record` starts from
events, as the daemon does; the bare stream is given the same batches as pyarrow's own arrays.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trader.domain.events import Quote, Stamped
from trader.domain.facts import EpochOpened
from trader.storage.arrow import load_arrow
from trader.storage.event_rows import QUOTE_COLUMNS, record_batch, schema
from trader.storage.market_store import MarketStore, RecorderSettings
from trader.storage.recordings import EpochManifest
from trader.storage.replay_inputs import epoch_inputs

BASE = 1_795_000_000_000_000_000
BATCH = 10_000
NAMES = [
    f"BTC-{day}NOV26-{strike}-{letter}"
    for day in (20, 21, 22, 27)
    for strike in range(80_000, 100_000, 500)
    for letter in "CP"
]


def quotes(first: int, count: int, rng: np.random.Generator) -> list[Stamped]:
    """Make quotes that move as a board does: a price on the tick grid, a forward now and then."""
    bids = (rng.integers(1, 400, count) * 0.0001).tolist()
    names = rng.integers(0, len(NAMES), count).tolist()
    rows = []
    for n, (bid, name) in enumerate(zip(bids, names, strict=True), first):
        at = BASE + n * 2_000_000
        forward, index = 90_000.0 + n // 500 % 50, 90_000.0 + n // 700 % 50
        iv = 0.5 + n % 97 * 1e-4
        event = Quote(NAMES[name], at, bid, 25.0, bid + 2e-4, 25.0, bid + 1e-4, iv, forward, index)
        rows.append(Stamped(n, at, event))
    return rows


def record(root: Path, total: int) -> tuple[float, float]:
    """Write everything; return the seconds of writing and those of the compaction."""
    opening = EpochOpened(
        epoch=1, feed="bench", speed=1.0, market="bench", software="", configuration_hash=""
    )
    manifest = EpochManifest(
        opening=opening, opened_at=BASE, opened_sequence=0, facts_recovered=0, balances={},
        strategies={},
    )  # fmt: skip
    store = MarketStore(root, RecorderSettings())
    store.begin(manifest, {})
    rng, spent = np.random.default_rng(1), 0.0
    for first in range(1, total + 1, BATCH):
        rows = quotes(first, min(BATCH, total + 1 - first), rng)
        began = time.process_time()
        store.write(rows)
        spent += time.process_time() - began
    began = time.process_time()
    store.close()
    return spent, time.process_time() - began


def bare_stream(path: Path, total: int) -> float:
    """Write the same batches, ready made, as the same compressed stream; return the seconds."""
    arrow = load_arrow()
    rng, spent = np.random.default_rng(1), 0.0
    options = arrow.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with (
        path.open("wb") as file,
        arrow.ipc.new_stream(file, schema("quotes"), options=options) as writer,
    ):
        for first in range(1, total + 1, BATCH):
            batch = record_batch("quotes", quotes(first, min(BATCH, total + 1 - first), rng))
            began = time.process_time()
            writer.write_batch(batch)
            file.flush()
            spent += time.process_time() - began
    return spent


def bare(path: Path, total: int) -> tuple[float, float]:
    """Write and read the same numbers as one table of pyarrow's own."""
    arrow = load_arrow()
    rng = np.random.default_rng(1)
    rows = quotes(1, total, rng)
    columns = {
        name: [
            getattr(row, name) if name in ("sequence", "at") else getattr(row.event, name)
            for row in rows
        ]
        for name in QUOTE_COLUMNS
    }
    table = arrow.core.table(columns)
    del rows, columns
    began = time.process_time()
    arrow.parquet.write_table(table, path, compression="zstd", row_group_size=65_536)
    wrote = time.process_time()
    arrow.parquet.read_table(path, use_threads=False)
    return wrote - began, time.process_time() - wrote


def main() -> None:
    """Measure and print."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "recordings"
        wrote, compacted = record(root, total)
        streamed = bare_stream(Path(folder) / "bare.arrows", total)
        files = list(root.rglob("*.parquet"))
        size = sum(path.stat().st_size for path in files)
        began = time.process_time()
        read = sum(1 for _ in epoch_inputs(root, 1))
        read_s = time.process_time() - began
        assert read == total
        began = time.process_time()
        for path in files:
            load_arrow().parquet.read_table(path, use_threads=False)
        table_s = time.process_time() - began
        bare_file = Path(folder) / "bare.parquet"
        bare_write, bare_read = bare(bare_file, total)
        million = total / 1e6
        print(f"{total} quotes, M rows/s")
        print(f"record {million / wrote:.2f}, compact {million / compacted:.2f}")
        print(f"bare stream {million / streamed:.2f}: record is {streamed / wrote:.0%} of it")
        print(f"read as inputs {million / read_s:.2f}, as a table {million / table_s:.2f}")
        print(f"bare pyarrow: write {million / bare_write:.2f}, read {million / bare_read:.2f}")
        print(f"bytes per row {size / total:.1f}, bare {bare_file.stat().st_size / total:.1f}")


if __name__ == "__main__":
    main()
