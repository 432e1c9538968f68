"""How do tests write a recorded market down? Parquet, a CSV, and the TOML that names columns."""

from __future__ import annotations

import gzip
from datetime import UTC
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tests.recorded_chain import chain, closes
from trader.domain.units import moment

if TYPE_CHECKING:
    from pathlib import Path


def chain_toml(staleness_hours: int, chains: str, closes: str, *more: str) -> str:
    """Name the columns of a recorded market, and `more` of its chains'."""
    columns = "\n".join(more)
    return f"""\
staleness_hours = {staleness_hours}

[chains]
files = ["{chains}"]
assumed_sizes = {{ BTC = 5.0 }}

[chains.columns]
at = "ts"
instrument = "name"
bid = "bid"
ask = "ask"
mark = "mark"
mark_iv_percent = "iv"
underlying_price = "forward"
index_price = "index"
{columns}

[closes]
file = "{closes}"
symbols = {{ BTC = "BTC-PERPETUAL" }}
delivery_bar_opens_at = "07:00"

[closes.columns]
opens_at = "ts"
symbol = "symbol"
close = "close"
"""


TOML = chain_toml(8, "chain.parquet", "closes.csv.gz", 'open_interest = "oi"')


def write_chain(folder: Path, toml: str = TOML) -> Path:
    """Write the small chain into a folder; return the TOML."""
    columns = chain()
    instants = pa.array(columns.pop("ts"), type=pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
    table = pa.table({"ts": instants.cast(pa.timestamp("ms", tz="UTC")), **columns})
    pq.write_table(table, folder / "chain.parquet", compression="zstd")
    bars = closes()
    lines = ["ts,symbol,close"]
    for at, symbol, close in zip(bars["ts"], bars["symbol"], bars["close"], strict=True):
        lines.append(f"{moment(at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ},{symbol},{close}")
    (folder / "closes.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    path = folder / "market.toml"
    path.write_text(toml, encoding="utf-8")
    return path
