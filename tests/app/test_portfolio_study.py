"""Is a portfolio of other people's bars run as asked, and every mistake named?"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.app.bar_folders import BEGIN, write_bars
from trader.app.portfolio_study import study, terms_of, write_study
from trader.backtest.features import add_features
from trader.backtest.portfolio import run_portfolio_backtest
from trader.backtest.portfolio_terms import PortfolioTerms
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.units import DAY, HOUR


def test_files_give_what_frames_give(tmp_path: Path) -> None:
    """The command and the library run the same bars to the same events."""
    folder = write_bars(tmp_path / "bars")
    frames = {
        path.name.removesuffix("-1h.csv"): add_features(
            pd.read_csv(path, index_col="Time", parse_dates=True).rename(columns=str.lower)
        )
        for path in sorted(folder.iterdir())
    }
    done = study(folder, None, None, PortfolioTerms(), None)
    assert done.result.events == run_portfolio_backtest(frames).events
    assert len(done.result.events) > 10
    assert done.gaps == (
        "SOLUSDT: 2 bars missing in 2 gaps, the longest 1 h from 2023-01-13T11:00:00Z",
        "XRPUSDT: 2 bars missing in 2 gaps, the longest 1 h from 2023-01-13T11:00:00Z",
    )
    assert (done.span.symbols, done.span.step) == (("SOLUSDT", "XRPUSDT"), HOUR)


def test_days_bound_the_bars(tmp_path: Path) -> None:
    """From the first on, up to before the last."""
    folder = write_bars(tmp_path / "bars")
    done = study(folder, BEGIN + 5 * DAY, BEGIN + 24 * DAY, PortfolioTerms(), None)
    assert (done.span.start, done.span.end) == (BEGIN + 5 * DAY, BEGIN + 24 * DAY)
    with pytest.raises(ConfigurationError, match="holds no bar between --from and --to"):
        study(folder, BEGIN + 400 * DAY, None, PortfolioTerms(), None)


def test_everything_is_written_and_read_back(tmp_path: Path) -> None:
    """Page, numbers, and the same trades, events and curve from Parquet and CSV."""
    done = study(write_bars(tmp_path / "bars"), None, None, PortfolioTerms(), None)
    written = write_study(tmp_path / "out", done)
    assert [path.name for path in written] == [
        "study.html", "study.json", "trades.parquet", "trades.csv", "events.parquet", "events.csv",
        "curve.parquet", "curve.csv",
    ]  # fmt: skip
    trades = pd.read_parquet(tmp_path / "out" / "trades.parquet")
    assert trades["result"].sum() == pytest.approx(done.result.final_cash - 10_000.0)
    assert str(trades["opened_at"].dt.tz) == "UTC"
    for name in ("trades", "events", "curve"):
        whole = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        text = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        assert list(text.columns) == list(whole.columns)
        assert len(text) == len(whole) > 0
    told = json.loads((tmp_path / "out" / "study.json").read_text())
    assert told["parameters"]["max_positions"] == 8
    assert told["final_cash"] == done.result.final_cash


def test_a_run_without_trades_is_written_too(tmp_path: Path) -> None:
    """Too few bars for any signal: empty tables, not errors."""
    done = study(write_bars(tmp_path / "bars", rows=60), None, None, PortfolioTerms(), None)
    assert done.result.events == ()
    write_study(tmp_path / "out", done)
    assert pd.read_parquet(tmp_path / "out" / "trades.parquet").empty


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("max_positions", "--param 'max_positions': no name=value"),
        ("max_positions=many", "no name=value; write e.g. risk_per_trade=0.01"),
        ("max_position=3", "unknown parameter; did you mean max_positions?"),
        ("fee_rate=-1", "--param fee_rate = -1: give"),
    ],
)
def test_parameters_that_cannot_be_are_named(given: str, said: str) -> None:
    """As they were typed."""
    with pytest.raises(ConfigurationError) as caught:
        terms_of([given])
    assert said in str(caught.value)


def test_parameters_are_written_as_toml() -> None:
    """Numbers, switches and tables by sleeve."""
    terms = terms_of(
        ["max_positions=4", "pyramid_enabled=false", "fee_rate=0",
         "strategy_max_positions={trend_long = 1}"]
    )  # fmt: skip
    assert (terms.max_positions, terms.pyramid_enabled, terms.fee_rate) == (4, False, 0.0)
    assert terms.strategy_max_positions == {"trend_long": 1}


def test_bars_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """A price that is none, bars of two lengths, a high below its low."""
    folder = write_bars(tmp_path / "bars")
    path = folder / "SOLUSDT-1h.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], lines[5].replace("Z,", "Z,-", 1), *lines[6:]]))
    with pytest.raises(ConfigurationError, match=r"SOLUSDT.*row 4: open -.* is no price"):
        study(folder, None, None, PortfolioTerms(), None)
    time, opened, high, low, *rest = lines[5].split(",")
    path.write_text("\n".join([*lines[:5], ",".join([time, opened, low, high, *rest]), *lines[6:]]))
    with pytest.raises(ConfigurationError, match=r"SOLUSDT: row 4 .* lies above high"):
        study(folder, None, None, PortfolioTerms(), None)
    path.write_text("\n".join([lines[0], *lines[1::4]]))
    with pytest.raises(ConfigurationError, match=r"different lengths .XRPUSDT 1 h, SOLUSDT 4 h"):
        study(folder, None, None, PortfolioTerms(), None)
    with pytest.raises(StorageError, match="does not exist"):
        study(tmp_path / "none", None, None, PortfolioTerms(), None)


@pytest.mark.real_data
def test_six_years_of_thirteen_coins(real_data: Path, tmp_path: Path) -> None:
    """Coins that were listed at different times, with shared gaps: every cent is accounted for."""
    done = study(
        real_data / "ohlcv" / "binance_spot_1h_to_2023.parquet", None, None, PortfolioTerms(), None
    )
    result = done.result
    assert (len(done.span.symbols), done.span.bars) == (13, 528_839)
    assert done.gaps[3].startswith("BTCUSDT: 122 bars missing in 27 gaps")
    gained = sum(one.result for one in result.results)
    assert result.final_cash - 10_000.0 == pytest.approx(gained, abs=1e-6)
    assert all(one.closed_at is not None for one in result.results)
    assert {one.symbol for one in result.results} == set(done.span.symbols)
    open_profit = result.curve["equity"] - result.curve["cash"]
    assert not open_profit[result.curve["open_positions"] == 0].any()
    write_study(tmp_path, done)
    assert len(pd.read_parquet(tmp_path / "trades.parquet")) == len(result.results) > 1_000
