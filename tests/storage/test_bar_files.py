"""Are bars of any common spelling read alike, and is what cannot be read named?"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trader.backtest.portfolio_bars import SymbolBars
from trader.domain.errors import StorageError
from trader.domain.units import HOUR
from trader.storage.bar_files import read_bars, symbol_of

HOURS = [f"2023-01-01T0{hour}:00:00Z" for hour in range(3)]
BEGIN = 1_672_531_200_000_000_000
PRICES = [(10.0, 12.0, 9.0, 11.0), (11.0, 13.0, 10.0, 12.0), (12.0, 14.0, 11.0, 13.0)]


def text(header: str, times: list[str], prices: Sequence[tuple[float, ...]] = PRICES) -> str:
    """Write a time and four prices a row."""
    rows = [
        ",".join([time, *map(str, one)]) for time, one in zip(times, prices, strict=True)
    ]  # fmt: skip
    return "\n".join([header, *rows]) + "\n"


def check(bars: SymbolBars) -> None:
    """Expect the three hours."""
    assert bars.at.tolist() == [BEGIN + hour * HOUR for hour in range(3)]
    assert [bars.columns[name].tolist() for name in ("open", "high", "low", "close")] == [
        list(one) for one in zip(*PRICES, strict=True)
    ]


@pytest.mark.parametrize(
    "header",
    [
        "ts,open,high,low,close", "Timestamp,Open,High,Low,Close", "date,O,H,L,C",
        "Open Time,OPEN,HIGH,LOW,CLOSE", "open_time,open_price,high_price,low_price,close_price",
        "Datetime (UTC),1. open,2. high,3. low,4. close", "unix,o,h,l,last", "time,op,hi,lo,cl",
    ],
)  # fmt: skip
def test_columns_are_known_by_many_names(tmp_path: Path, header: str) -> None:
    """Whatever the case and what stands between the letters."""
    path = tmp_path / "BTC_USDT-1h.csv"
    path.write_text(text(header, HOURS))
    found = read_bars(path)
    assert list(found) == ["BTCUSDT"]
    check(found["BTCUSDT"])


@pytest.mark.parametrize(
    "times",
    [
        [f"2023-01-01 0{hour}:00:00+00:00" for hour in range(3)],
        [f"2023-01-01T0{hour + 5}:30:00+05:30" for hour in range(3)],
        [str(BEGIN // 10**9 + 3_600 * hour) for hour in range(3)],
        [str(BEGIN // 10**6 + 3_600_000 * hour) for hour in range(3)],
        [str(BEGIN // 10**3 + 3_600_000_000 * hour) for hour in range(3)],
        [str(BEGIN + HOUR * hour) for hour in range(3)],
        [f"{BEGIN // 10**9 + 3_600 * hour}.0" for hour in range(3)],
    ],
)
def test_times_are_read_in_every_unit_and_offset(tmp_path: Path, times: list[str]) -> None:
    """All as UTC nanoseconds."""
    path = tmp_path / "SOLUSDT.csv"
    path.write_text(text("time,open,high,low,close", times))
    check(read_bars(path)["SOLUSDT"])


def test_times_without_a_zone_need_one(tmp_path: Path) -> None:
    """Refused with the remedy; with a zone, taken in it."""
    path = tmp_path / "SOLUSDT.csv"
    path.write_text(text("time,open,high,low,close", [one[:-1] for one in HOURS]))
    with pytest.raises(StorageError, match=r"row 0: 'time' .* has no timezone; .* --timezone UTC"):
        read_bars(path)
    check(read_bars(path, "UTC")["SOLUSDT"])
    assert read_bars(path, "Asia/Tokyo")["SOLUSDT"].at[0] == BEGIN - 9 * HOUR
    with pytest.raises(StorageError, match="name a zone like UTC"):
        read_bars(path, "Nowhere/Land")
    path.write_text(text("date,open,high,low,close", ["2023-01-01", "2023-01-02", "2023-01-03"]))
    assert read_bars(path)["SOLUSDT"].at[1] == BEGIN + 24 * HOUR
    assert read_bars(path, "Asia/Tokyo")["SOLUSDT"].at[1] == BEGIN + 15 * HOUR
    with pytest.raises(StorageError, match="name a zone like UTC"):
        read_bars(path, "Nowhere/Land")


def test_a_price_column_of_times_is_told_by_its_name(tmp_path: Path) -> None:
    """Whatever type a file gives a column, what is no number is an error of one line."""
    at = pa.array([BEGIN], pa.timestamp("ns", tz="UTC"))
    columns = {"time": at, "open": at, "high": [1.0], "low": [1.0], "close": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "SOLUSDT.parquet")
    with pytest.raises(StorageError, match=r"row 0: 'open' .* is no number; mend the row"):
        read_bars(tmp_path / "SOLUSDT.parquet")


def test_a_clock_that_goes_back_is_refused(tmp_path: Path) -> None:
    """An hour that a zone has twice means two instants."""
    path = tmp_path / "SOLUSDT.csv"
    times = ["2023-10-29 01:00:00", "2023-10-29 02:00:00", "2023-10-29 03:00:00"]
    path.write_text(text("time,open,high,low,close", times))
    with pytest.raises(StorageError, match="write offsets"):
        read_bars(path, "Europe/Berlin")


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz"])
def test_one_file_may_hold_many_symbols(tmp_path: Path, kind: str) -> None:
    """A column tells them apart; rows of each are oldest first, newest first ones turned round."""
    names = [name for name in ("SOL/USDT", "BTC-USDT") for _ in range(3)]
    hours = [*range(3), 2, 1, 0]
    table = pa.table(
        {
            "symbol": pa.array(names).dictionary_encode(),
            "time": pa.array([BEGIN + hour * HOUR for hour in hours], pa.timestamp("ns", tz="UTC")),
            **{
                name: [PRICES[hour][place] for hour in hours]
                for place, name in enumerate(("open", "high", "low", "close"))
            },
        }
    )
    path = tmp_path / f"bars.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    else:
        frame = table.to_pandas().to_csv(index=False).encode()
        path.write_bytes(gzip.compress(frame) if kind == "csv.gz" else frame)
    found = read_bars(path)
    assert list(found) == ["BTCUSDT", "SOLUSDT"]
    for one in found.values():
        check(one)


def test_a_folder_is_read_whole_and_files_of_a_symbol_joined(tmp_path: Path) -> None:
    """Years in files of their own, in whatever order; what is no table is left alone."""
    (tmp_path / "ETHUSDT.csv").write_text(text("ts,open,high,low,close", HOURS))
    late = tmp_path / "a"
    late.mkdir()
    (tmp_path / "README.md").write_text("not bars")
    (tmp_path / "XRP-1h.csv").write_text(text("ts,open,high,low,close", HOURS[1:], PRICES[1:]))
    (tmp_path / "xrp.csv").write_text(text("ts,open,high,low,close", HOURS[:1], PRICES[:1]))
    found = read_bars(tmp_path)
    assert list(found) == ["ETHUSDT", "XRP"]
    check(found["XRP"])
    (tmp_path / "xrp.csv").write_text(text("ts,open,high,low,close", HOURS[:2], PRICES[:2]))
    with pytest.raises(StorageError, match=r"XRP: .*XRP-1h.csv begins at 2023-01-01T01:00:00Z"):
        read_bars(tmp_path)


PLAIN = "time,open,high,low,close"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time,open,high,close\n2023-01-01T00:00:00Z,1,2,1\n", "no column for low; it has"),
        ("open,high,low,close\n1,2,1,1\n", "no column for time"),
        ("time,Open,open,high,low,close\n2023-01-01T00:00:00Z,1,1,2,1,1\n", "are both open"),
        (text(PLAIN, ["soon", "later", "never"]), "row 0: 'time' 'soon' is no time"),
        (text(PLAIN, ["-5", "6", "7"]), "no times since 1970 in one unit"),
        (text(PLAIN, ["1672531200", "1672534800000", "1672538400"]), "in one unit"),
        (text(PLAIN, [HOURS[0], HOURS[0], HOURS[1]]),
         "SOL: row 1: time 2023-01-01T00:00:00Z stands twice"),
        (text(PLAIN, [HOURS[0], HOURS[2], HOURS[1]]), "row 2: time 2023-01-01T01:00:00Z comes"),
        (text(PLAIN, HOURS).replace("13.0", "much", 1), "row 1: 'high' 'much' is no number"),
        (text(PLAIN, [HOURS[0], "", HOURS[1]]), "row 1: 'time' is empty"),
        ("time,symbol,open,high,low,close\n1672531200,A,1,1,1,1\n1672531200,,1,1,1,1\n",
         "row 1: 'symbol' is empty"),
        ("", "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str, said: str) -> None:
    """File, symbol, column and row."""
    path = tmp_path / "SOL.csv"
    path.write_text(content)
    with pytest.raises(StorageError) as caught:
        read_bars(path)
    assert said in str(caught.value)
    assert "SOL.csv" in str(caught.value)


def test_a_place_without_bars_is_named(tmp_path: Path) -> None:
    """No such path, no such files."""
    with pytest.raises(StorageError, match="does not exist"):
        read_bars(tmp_path / "none")
    with pytest.raises(StorageError, match=r"holds no .parquet"):
        read_bars(tmp_path)


def test_empty_prices_are_left_to_who_judges_them(tmp_path: Path) -> None:
    """NaN, not a number that was made up; a file without rows has none."""
    path = tmp_path / "SOL.csv"
    path.write_text(text(PLAIN, HOURS).replace("13.0", "", 1))
    assert np.isnan(read_bars(path)["SOL"].columns["high"][1])
    table = pa.table(
        {name: pa.array([], pa.float64()) for name in ("open", "high", "low", "close")}
    )
    table = table.append_column("ts", pa.array([], pa.timestamp("ms", tz="UTC")))
    pq.write_table(table, tmp_path / "ADA.parquet")
    assert len(read_bars(tmp_path / "ADA.parquet")["ADA"].at) == 0


def test_symbols_are_words() -> None:
    """As the names that sizes depend on are spelled."""
    for spelled in (
        "BTC/USDT",
        "btc-usdt",
        "BTC_USDT",
        "BTC_USDT-1h",
        "BTCUSDT_1d",
        "BTCUSDT-spot",
    ):
        assert symbol_of(spelled) == "BTCUSDT", spelled
