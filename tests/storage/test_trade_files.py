"""Are trades read as brokers write them, and what cannot be used told by line and column?"""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trader.behavior.trades import instant
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.units import iso
from trader.storage.trade_files import Reading, TradeFile, given_columns, read_trades

HEAD = "symbol,side,opened_at,closed_at,quantity,entry_price,exit_price,pnl"
ROW = "BTCUSDT,buy,2024-05-01T08:00:00Z,2024-05-01T09:30:00Z,0.5,60000,61000,500"


def write(folder: Path, text: str) -> Path:
    """Write a file."""
    path = folder / "me.csv"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, how: Reading | None = None) -> TradeFile:
    """Write a file and read its one trader."""
    return read_trades(write(folder, text), how or Reading())[0]


def test_a_row_is_a_trade(tmp_path: Path) -> None:
    """Times, minutes, notional as size, side and prices."""
    file = read(tmp_path, f"{HEAD}\n{ROW}\n")
    trade = file.trades[0]
    assert (file.trader, file.sizes, file.notes) == ("me", "notional", ())
    assert (trade.pnl, trade.size, trade.holding_minutes) == (500.0, 30_000.0, 90.0)
    assert trade.closed_at == instant("2024-05-01T09:30:00Z")
    assert (trade.symbol, trade.direction, trade.exit_price) == ("BTCUSDT", 1, 61_000.0)


@pytest.mark.parametrize(
    ("side", "direction"), [("Sell", -1), ("short", -1), ("Buy", 1), ("long", 1), ("", 1)]
)
def test_sides(tmp_path: Path, side: str, direction: int) -> None:
    """Sell and short are short."""
    text = f"side,time,pnl\n{side},2024-05-01T08:00:00Z,1"
    assert read(tmp_path, text).trades[0].direction == direction


def test_a_closing_side_is_the_other_way_round(tmp_path: Path) -> None:
    """Who buys to close was short."""
    text = "Closing Direction,time,pnl\n{},2024-05-01T08:00:00Z,1"
    assert read(tmp_path, text.format("Buy")).trades[0].direction == -1
    assert read(tmp_path, text.format("Close Long")).trades[0].direction == 1


def test_numbers_and_files_are_read_as_people_write_them(tmp_path: Path) -> None:
    """Semicolons and decimal commas, a byte order mark, thousands, brackets, gzip, UTF-16."""
    german = "\ufefftime;pnl;size\n2024-05-01T08:00:00Z;-1.234,5;0,25\n"
    trade = read(tmp_path, german).trades[0]
    assert (trade.pnl, trade.size) == (-1_234.5, 0.25)
    path = tmp_path / "me.csv.gz"
    path.write_bytes(gzip.compress(b'time,pnl\n2024-05-01 08:00:00Z,"($1,200.50)"\n'))
    file = read_trades(path, Reading())[0]
    assert (file.trader, file.trades[0].pnl) == ("me", -1_200.5)
    wide = tmp_path / "wide.csv"
    wide.write_bytes("time\tpnl\n2024-05-01T08:00:00Z\t7\n".encode("utf-16"))
    assert read_trades(wide, Reading())[0].trades[0].pnl == 7.0


@pytest.mark.parametrize(
    ("shown", "how"),
    [
        ("2024-05-01T08:00:00Z", Reading()),
        ("2024.05.01 10:00:00", Reading(timezone="Europe/Berlin")),
        ("2024-05-01 08:00:00 UTC", Reading()),
        ("1714550400", Reading()),
        ("1714550400000", Reading(timezone="Asia/Tokyo")),
        ("01/05/2024 08:00", Reading(timezone="UTC", date_format="%d/%m/%Y %H:%M")),
        ("2024-05-01T04:00:00-04:00", Reading(timezone="UTC")),
    ],
)
def test_a_time_is_one_however_written(tmp_path: Path, shown: str, how: Reading) -> None:
    """Zones by offset, by name, by option; numbers since 1970; a format of one's own."""
    file = read(tmp_path, f"time,pnl\n{shown},1\n", how)
    assert file.trades[0].closed_at == instant("2024-05-01T08:00:00Z")


def test_an_hour_that_clocks_repeat_is_told(tmp_path: Path) -> None:
    """The earlier one is taken, and said."""
    how = Reading(timezone="Europe/Berlin")
    file = read(tmp_path, "time,pnl\n2024-10-27 02:30:00,1\n", how)
    assert file.trades[0].closed_at == instant("2024-10-27T00:30:00Z")
    assert file.notes == ("1 rows in the hour that clocks repeat or skip: taken as the earlier",)


def test_openings_deposits_and_repeated_rows_are_told(tmp_path: Path) -> None:
    """What is no result is left out and counted; what stands twice is kept and counted."""
    fills = "Date(UTC),Symbol,Realized Profit\n2024-05-01 08:00:00,X,0\n2024-05-01 08:01:00,X,5\n"
    file = read(tmp_path, fills)
    assert [one.pnl for one in file.trades] == [5.0]
    assert file.notes == ("1 rows realized nothing: left out as openings",)
    ledger = (
        "transactTime,transactType,amount\n2024-05-01T08:00:00Z,Deposit,9\n"
        "2024-05-01T09:00:00Z,RealisedPNL,0\n2024-05-01T09:00:00Z,RealisedPNL,0\n"
    )
    file = read(tmp_path, ledger)
    assert [one.pnl for one in file.trades] == [0.0, 0.0]
    assert file.notes == (
        "1 rows are Deposit: left out",
        "1 rows equal to another to the letter: kept, as fills may be",
    )


def test_a_metatrader_history_is_read(tmp_path: Path) -> None:
    """Both prices are called alike, sides stand in `Type`, deposits are rows of their own."""
    text = (
        "Ticket,Open Time,Type,Size,Item,Price,S/L,T/P,Close Time,Price,Swap,Profit\n"
        "1,2024.05.01 08:00:00,balance,,,,,,2024.05.01 08:00:00,,,5000\n"
        "2,2024.05.01 09:00:00,sell,0.5,eurusd,1.10,0,0,2024.05.01 10:00:00,1.09,0,500\n"
    )
    file = read(tmp_path, text, Reading(timezone="UTC"))
    trade = file.trades[0]
    assert (trade.pnl, trade.direction, trade.holding_minutes) == (500.0, -1, 60.0)
    assert (trade.entry_price, trade.exit_price) == (1.10, 1.09)
    assert file.notes == ("1 rows are balance: left out",)
    assert file.knows("side")


def test_a_testers_list_of_trades_counts_each_once(tmp_path: Path) -> None:
    """Entry and exit are rows with the same result: the exit counts."""
    text = (
        "Trade #,Type,Signal,Date/Time,Price USDT,Contracts,Profit USDT\n"
        "1,Exit short,x,2024-05-01 10:00,60000,0.5,250\n"
        "1,Entry short,s,2024-05-01 08:00,60500,0.5,250\n"
    )
    file = read(tmp_path, text, Reading(timezone="UTC"))
    assert [(one.pnl, one.direction) for one in file.trades] == [(250.0, -1)]
    assert file.notes == ("1 rows are Entry short: left out",)


def test_a_column_makes_several_traders(tmp_path: Path) -> None:
    """Only where it is named."""
    path = tmp_path / "all.csv"
    path.write_text("who,time,pnl\na,1714550400,1\nb,1714550401,2\na,1714550402,3\n")
    files = read_trades(path, Reading(columns={"trader": "who"}))
    assert [(one.trader, len(one.trades)) for one in files] == [("a", 2), ("b", 1)]
    assert len(read_trades(path, Reading())) == 1


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("time,pnl", "2024-05-01 08:00:00,1", "line 2: 'time' '2024-05-01 08:00:00' names no zone"),
        ("time,pnl", "05/01/2024,1", "line 2: 'time' '05/01/2024' is no time.*--date-format"),
        ("time,pnl", "2024-05-01T08:00:00Z,much", "line 2: 'pnl' 'much' is no number"),
        ("time,pnl", "2024-05-01T08:00:00Z,nan", "line 2: 'pnl' 'nan' is not finite"),
        ("time,pnl", "9999999999999999999,1", "line 2: 'time'.* is not of 1970 to 2099"),
        ("time,pnl", "0024-05-01T08:00:00Z,1", "line 2: 'time'.* is not of 1970 to 2099"),
        ("time,pnl", ",1", "line 2: 'time' '' is empty"),
        ("open_time,close_time,pnl", "1714550500,1714550400,1", "line 2: 'open_time'.*after"),
        ("time,pnl,holding_time", "1714550400,1,-5", "line 2: 'holding_time' '-5' is negative"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, head: str, row: str, said: str) -> None:
    """Line, column, value and remedy."""
    with pytest.raises(StorageError, match=said):
        read(tmp_path, f"{head}\n{row}\n")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, empty, no text, no gzip, no zone of that name."""
    with pytest.raises(StorageError, match=r"absent.csv cannot be read"):
        read_trades(tmp_path / "absent.csv", Reading())
    with pytest.raises(StorageError, match="is empty"):
        read(tmp_path, "\n")
    (tmp_path / "binary.csv").write_bytes(b"\x80\x81,\n")
    with pytest.raises(StorageError, match="cannot be read"):
        read_trades(tmp_path / "binary.csv", Reading())
    (tmp_path / "no.csv.gz").write_bytes(b"time,pnl")
    with pytest.raises(StorageError, match="cannot be read"):
        read_trades(tmp_path / "no.csv.gz", Reading())
    with pytest.raises(ConfigurationError, match="'Mars/Base': no such zone"):
        read(tmp_path, f"{HEAD}\n{ROW}\n", Reading(timezone="Mars/Base"))


TEXTS = st.text("0123456789-+.,;:TZ ()e$%\t\"'ab\n\u2212\x00", max_size=40)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), st.sampled_from(["UTC", None]))
def test_whatever_a_file_holds_it_is_read_or_named(
    tmp_path: Path, rows: list[tuple[str, str]], zone: str | None
) -> None:
    """No text makes anything but trades that are finite, or an error that names the file."""
    text = "\n".join(("time,pnl", *map(",".join, rows)))
    files, refused = [], ""
    try:
        files = read_trades(write(tmp_path, text), Reading(timezone=zone))
    except StorageError as error:
        refused = str(error)
    assert not refused or "me.csv" in refused
    for trade in (one for file in files for one in file.trades):
        assert math.isfinite(trade.pnl)
        assert trade.closed_at is not None
        assert iso(trade.closed_at)


def test_only_names_of_columns_hold_no_trader(tmp_path: Path) -> None:
    """No row, nobody."""
    path = tmp_path / "me.csv"
    path.write_text(HEAD)
    assert read_trades(path, Reading()) == []


def test_columns_of_a_command_line() -> None:
    """`meaning=header`, or a mistake that shows how."""
    assert given_columns(["pnl=Closed P&L", "chain=a=b"]) == {"pnl": "Closed P&L", "chain": "a=b"}
    for wrong in ("pnl", "pnl="):
        with pytest.raises(ConfigurationError, match="MEANING=HEADER"):
            given_columns([wrong])
