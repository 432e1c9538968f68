"""Are files of recorded chains read as what they are, and refused where they are not?"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.backtest.pasts import START, TERMS, candles, seller, wandering
from trader.app.chain_data import (
    parse_option,
    read_chains,
    read_closes,
    recorded_boards,
    recorded_span,
)
from trader.app.history_import import COLLECTED
from trader.backtest.runner import run_backtest
from trader.domain.errors import ConfigurationError
from trader.domain.events import BoardSnapshot
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE
from trader.storage.datasets import DatasetStore

CHAINS = "options/deribit_chain_btc_6h_2025-12-30_2026-04-30.parquet"
CLOSES = "ohlcv/deribit_perp_close_1h_2025-12-30_2026-04-30.csv.gz"


@pytest.mark.real_data
def test_covered_calls_trade_on_recorded_chains(real_data: Path) -> None:
    """A fortnight of real boards: calls are sold, settle, and the books agree."""
    closes = read_closes(real_data / CLOSES, "BTC-PERPETUAL")
    history = read_chains(real_data / CHAINS, "BTC", closes).chains()
    start = -(-history.span[0] // DAY) * DAY + 3 * DAY
    strategy = seller(hours=1, offset=10 * MINUTE, target_days=2.0, days_tolerance=2.0)
    told = run_backtest(strategy, history, TERMS, start, start + 14 * DAY)
    assert told.provenance.kind == "recorded"
    assert len(told.chains) >= 5
    assert all(one.how in ("settled", "closed") for one in told.chains)
    assert all(-1 < one.pnl_pct < 1 and one.fees_pct < 0 for one in told.chains)


def test_what_is_no_file_of_chains_is_refused(tmp_path: Path) -> None:
    """Missing, of another format, without the columns, of another coin."""
    import pyarrow as pa
    from pyarrow import parquet

    past = candles(wandering(2))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_chains(tmp_path / "none.parquet", "BTC", past)
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_chains(tmp_path / "text.parquet", "BTC", past)
    parquet.write_table(pa.table({"ts": [1]}), tmp_path / "bare.parquet")
    with pytest.raises(ConfigurationError, match="columns currency, expiry"):
        read_chains(tmp_path / "bare.parquet", "BTC", past)


def test_closes_are_read_by_symbol(tmp_path: Path) -> None:
    """A close opens the next bar; another symbol is not there."""
    path = tmp_path / "closes.csv"
    path.write_text(
        "ts,symbol,close\n2026-01-01T00:00:00Z,BTC-PERPETUAL,10.0\n"
        "2026-01-01T01:00:00Z,BTC-PERPETUAL,12.0\n2026-01-01T01:00:00Z,ETH-PERPETUAL,1.0\n"
    )
    found = read_closes(path, "BTC-PERPETUAL")
    assert found.close.tolist() == [10.0, 12.0]
    assert found.open.tolist() == [10.0, 10.0]
    with pytest.raises(ConfigurationError, match="no closes of SOL-PERPETUAL"):
        read_closes(path, "SOL-PERPETUAL")
    with pytest.raises(ConfigurationError, match="no hourly closes"):
        read_closes(tmp_path / "none.csv", "BTC-PERPETUAL")


def test_a_file_of_snapshots_becomes_boards(tmp_path: Path) -> None:
    """Coin of interest only, volatilities as fractions, absent sides, known after their label."""
    import pyarrow as pa
    from pyarrow import parquet

    label = START + 30 * HOUR
    columns = {
        "ts": [label // MILLISECOND] * 3,
        "currency": ["BTC", "ETH", "BTC"],
        "expiry": [(START + 2 * DAY + 8 * HOUR) // MILLISECOND] * 3,
        "strike": [42_000.0, 3_000.0, 40_000.0],
        "option_type": ["C", "C", "P"],
        "bid_price": [None, 0.1, 0.011],
        "ask_price": [0.01, 0.2, 0.012],
        "mark_price": [0.009, 0.15, 0.0115],
        "mark_iv": [55.0, 70.0, 60.0],
        "underlying_price": [40_010.0, 3_000.0, 40_010.0],
        "index_price": [40_000.0, 3_000.0, 40_000.0],
    }
    stamps = {name: pa.array(columns[name], pa.timestamp("ms", "UTC")) for name in ("ts", "expiry")}
    parquet.write_table(pa.table({**columns, **stamps}), tmp_path / "chains.parquet")
    history = read_chains(tmp_path / "chains.parquet", "BTC", candles(wandering(4))).chains()
    boards = [
        (at, one) for at, one in history.events(*history.span) if isinstance(one, BoardSnapshot)
    ]
    ((at, board),) = boards
    assert at == label + COLLECTED
    assert [one.name for one in board.instruments] == ["BTC-5JAN22-40000-P", "BTC-5JAN22-42000-C"]
    assert board.mark_iv.tolist() == [0.6, 0.55]
    assert math.isnan(board.bid[1])
    with pytest.raises(ConfigurationError, match="no chains of SOL"):
        read_chains(tmp_path / "chains.parquet", "SOL", candles(wandering(4)))


def test_imported_quotes_become_boards_of_full_hours(tmp_path: Path) -> None:
    """The last quote of the ten minutes before; other coins, linear options and futures not."""
    store = DatasetStore(tmp_path)
    hour = START + 30 * HOUR
    names = ["BTC-5JAN22-42000-C"] * 3 + ["BTC_USDC-5JAN22-42000-C", "ETH-5JAN22-3000-C"]
    at = [hour - 30 * MINUTE, hour - 9 * MINUTE, hour - MINUTE, hour - MINUTE, hour - MINUTE]
    rows: dict[str, list[object]] = {"at": [*at], "exchange_at": [*at], "instrument": [*names]}
    for name, value in (("ask", 0.02), ("mark_iv", 0.6), ("bid_amount", 5.0), ("ask_amount", 6.0)):
        rows[name] = [value] * 5
    rows["bid"] = [0.01, 0.011, 0.012, 0.1, 0.1]
    rows["underlying_price"] = [43_000.0] * 5
    store.merge("option_chain", "tardis", "one", rows)
    past = candles(wandering(4))
    found = recorded_boards(store, "BTC", candles=past)
    assert found is not None
    assert (found.rows.at.tolist(), found.rows.strike.tolist()) == ([hour], [42_000.0])
    assert found.rows.bid.tolist() == [0.012]
    assert found.rows.bid_amount is not None
    assert found.rows.bid_amount.tolist() == [5.0]
    assert found.rows.index_price.tolist() == [past.price_at(hour)]
    often = recorded_boards(store, "BTC", candles=past, every=10 * MINUTE)
    assert often is not None
    assert often.rows.at.tolist() == [hour - 30 * MINUTE, hour]
    assert often.rows.bid.tolist() == [0.01, 0.012]
    assert often.rows.index_price.tolist() == [43_000.0, 43_000.0], "no close tells it"
    assert "every 10 minutes" in often.note
    assert recorded_boards(store, "BTC", hour - 20 * MINUTE, candles=past) is None, "not yet known"
    assert recorded_span(store, "BTC") == (min(at), max(at))
    assert recorded_boards(DatasetStore(tmp_path / "none"), "BTC", candles=past) is None
    assert recorded_span(DatasetStore(tmp_path / "none"), "BTC") is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("BTC-5JAN22-42000-C", ("BTC", START + 2 * DAY + 8 * HOUR, 42_000.0, True)),
        ("XRP-5JAN22-0d625-P", ("XRP", START + 2 * DAY + 8 * HOUR, 0.625, False)),
        ("BTC-PERPETUAL", None),
        ("BTC_USDC-5JAN22-42000-C", None),
        ("BTC-99JAN22-42000-C", None),
    ],
)
def test_names_of_inverse_options_are_read(name: str, told: object) -> None:
    """Day, strike and letter; what is none of these is None."""
    assert parse_option(name) == told
