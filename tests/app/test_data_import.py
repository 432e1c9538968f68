"""Do files from elsewhere arrive in our names and units?"""

# ruff: noqa: E501 - a line of CSV cannot be broken

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.storage.inputs import manifest, quotes, stamped
from trader.app.data_import import Imported, import_path
from trader.domain.errors import StorageError
from trader.domain.events import TimerFired
from trader.storage.datasets import DatasetStore
from trader.storage.market_store import MarketStore, RecorderSettings

CHAIN = """exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,vega,theta,rho
deribit,BTC-25DEC20-20000-C,1591574399413000,1591574400196008,call,20000,1608883200000000,100.5,0.012,0.0095,5,66.5,0.0105,7.5,68.51,0.0099,67.27,BTC-25DEC20,9770.39,0.1,0.00003,9.5,-3.1,2.2
deribit,BTC-25DEC20-20000-P,1591574399413000,1591574400196009,put,20000,1608883200000000,1,,,,,1.2,3,70,1.05,67.27,BTC-25DEC20,9770.39,-0.9,0.00003,9.5,-3.1,2.2
"""
TRADES = """exchange,symbol,timestamp,local_timestamp,id,side,price,amount
deribit,BTC-PERPETUAL,1591574399413000,1591574400196008,ETH-17,buy,9700.5,10
"""
QUOTES = """exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount
deribit,BTC-PERPETUAL,1591574399413000,1591574400196008,10,9700.5,9700,20
"""
TICKER = """exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price
deribit,BTC-PERPETUAL,1591574399413000,1591574400196008,,0.0001,,100,9700,9701,9702
"""


def test_a_chain_arrives_with_fractions_nanoseconds_and_nulls(tmp_path: Path) -> None:
    """Empty cells are no zeros; importing the file again leaves it once."""
    file = tmp_path / "deribit_options_chain_2020-06-08_OPTIONS.csv.gz"
    file.write_bytes(gzip.compress(CHAIN.encode()))
    store = DatasetStore(tmp_path / "datasets")
    assert import_path(store, file) == Imported({"option_chain": 2})
    assert import_path(store, file) == Imported({"option_chain": 2})
    call, put = store.read("option_chain", "tardis").to_pylist()
    assert (call["at"], call["exchange_at"]) == (1591574400196008000, 1591574399413000000)
    assert (call["mark_iv"], call["bid_iv"]) == pytest.approx((0.6727, 0.665))
    assert (call["bid"], call["ask_amount"], call["instrument"]) == (
        0.0095, 7.5, "BTC-25DEC20-20000-C",
    )  # fmt: skip
    assert (put["bid"], put["bid_iv"], put["last_price"]) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "dataset"),
    [(TRADES, "trades"), (QUOTES, "quotes"), (TICKER, "derivative_ticker")],
)
def test_each_kind_of_file_is_known_by_its_columns(
    tmp_path: Path, content: str, dataset: str
) -> None:
    """Whatever its name is; an identifier stays text, a missing rate null."""
    file = tmp_path / "any.csv"
    file.write_text(content)
    store = DatasetStore(tmp_path / "datasets")
    assert import_path(store, file) == Imported({dataset: 1})
    [row] = store.read(dataset, "tardis").to_pylist()
    assert row["instrument"] == "BTC-PERPETUAL"
    expected = {"trades": ("trade_id", "ETH-17"), "quotes": ("bid_amount", 20.0),
                "derivative_ticker": ("predicted_funding_rate", None)}  # fmt: skip
    name, value = expected[dataset]
    assert row[name] == value


def test_a_file_that_breaks_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """A text where a price should be, and a file of another kind: named, nothing kept."""
    store = DatasetStore(tmp_path / "datasets")
    broken = tmp_path / "broken.csv"
    broken.write_text(TRADES + "deribit,X,1,2,id,buy,cheap,1\n")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    for file in (broken, other, tmp_path / "absent.csv"):
        with pytest.raises(StorageError, match=file.name):
            import_path(store, file)
    assert store.holdings(check=False) == []
    assert not list((tmp_path / "datasets").rglob("*.part"))


def test_a_folder_of_recordings_is_imported_by_kind(tmp_path: Path) -> None:
    """What the daemon told itself is no history, and counted; a folder without any is refused."""
    recorded = MarketStore(tmp_path / "recordings", RecorderSettings(reserve_gb=0.0))
    recorded.begin(manifest(), {})
    recorded.write([*quotes(20), *stamped(TimerFired("sweep", 1), first=21)])
    recorded.close()
    store = DatasetStore(tmp_path / "datasets")
    imported = import_path(store, tmp_path / "recordings")
    assert imported.rows == {"quotes": 20}
    assert [note.partition(" ")[0] for note in imported.notes] == ["1"]
    with pytest.raises(StorageError, match="holds no recordings"):
        import_path(store, tmp_path / "datasets")


def test_rows_that_say_nothing_are_left_out_by_reason(tmp_path: Path) -> None:
    """The good rows come in; a person reads how many did not, and why."""
    file = tmp_path / "trades.csv"
    file.write_text(TRADES + TRADES.splitlines()[1] + "\n" + "deribit,,1,2,a,buy,1,1\n")
    imported = import_path(DatasetStore(tmp_path / "datasets"), file)
    assert imported.rows == {"trades": 1}
    assert imported.notes == (
        "left out 1 rows without an instrument", "left out 1 rows that repeat the row before them",
    )  # fmt: skip


def test_a_file_without_one_usable_row_is_refused(tmp_path: Path) -> None:
    """Times in milliseconds: another format, not a history of 1970."""
    file = tmp_path / "trades.csv"
    file.write_text(TRADES.replace("000,", ","))
    store = DatasetStore(tmp_path / "datasets")
    with pytest.raises(StorageError, match=r"no row .* microseconds between 2010 and 2200"):
        import_path(store, file)
    assert store.holdings(check=False) == []
