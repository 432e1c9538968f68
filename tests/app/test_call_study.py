"""Does a study by hand find its past, and do real chains give one that fits their prices?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.test_chain_data import CHAINS, CLOSES
from tests.backtest.pasts import chains, day
from tests.source import ROOT
from trader.app.call_study import COMPARED, configured, span_of, study, write_study
from trader.app.chain_data import read_chains, read_closes
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, nanoseconds

ASKED = {"underlying": "BTC", "start": day(4), "end": day(25), "dte_tolerance": 3.6}


def test_spans_are_midnights_of_the_last_years() -> None:
    """What is asked for wins; otherwise at most the years, within what there is."""
    assert span_of((day(0) + HOUR, day(30) + HOUR), None, None, 1.0) == (day(1), day(30))
    assert span_of((day(0), day(900)), None, None, 1.0) == (day(535), day(900))
    assert span_of((day(0), day(900)), day(3), day(9), 1.0) == (day(3), day(9))


def test_a_study_is_written_whole(tmp_path: Path) -> None:
    """Page and JSON, nothing unfinished; the trades are those of the result."""
    done = study(chains(30, days_max=11.0), configured(**ASKED), COMPARED, 0.5)
    paths = write_study(tmp_path / "out", done)
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["study.html", "study.json"]
    told = json.loads(paths[0].read_text())
    assert told["asked"]["target_dte"] == 7.0
    assert told["history"]["kind"] == "modelled"
    assert list(told["policies"]) == list(COMPARED)
    trades = told["policies"]["always"]["trades"]
    assert len(trades) == len(done.results["always"].trades) > 2
    assert trades[0]["pnl_vs_hodl"] == done.results["always"].trades[0].pnl_vs_hodl


def test_what_cannot_be_studied_is_a_mistake_of_the_person() -> None:
    """Policy, size, span and terms, by name."""
    history, asked = chains(30, days_max=11.0), configured(**ASKED)
    with pytest.raises(ConfigurationError, match="policy 'often'"):
        study(history, asked, ["often"], None)
    with pytest.raises(ConfigurationError, match="size -1"):
        study(history, asked, ["always"], -1.0)
    with pytest.raises(ConfigurationError, match="is not within"):
        study(history, configured(**{**ASKED, "end": day(90)}), ["always"], None)
    with pytest.raises(ConfigurationError, match="timeframe '2h'"):
        configured(**ASKED, timeframe="2h")


@pytest.mark.real_data
@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_four_months_of_real_chains_give_a_study(real_data: Path, coin: str) -> None:
    """Weekly calls are sold, fit the hourly prices, and pay what those say they must."""
    closes = read_closes(real_data / CLOSES, f"{coin}-PERPETUAL")
    market = read_chains(real_data / CHAINS.replace("btc", coin.lower()), coin, closes)
    history = market.chains()
    start, end = span_of(history.span, None, None, 1.0)
    asked = configured(
        underlying=coin, start=start, end=end, decision_interval_bars=1, dte_tolerance=3.0,
        delta_tolerance=0.1,
    )  # fmt: skip
    done = study(history, asked, COMPARED, None)
    always = done.results["always"]
    assert 12 <= len(always.trades) <= 20
    for trade in always.trades:
        opened, closed = nanoseconds(trade.open_time), nanoseconds(trade.close_time)
        assert trade.open_spot == closes.price_at(opened)
        assert trade.close_spot == closes.price_at(closed)
        assert closed % DAY == 8 * HOUR
        assert trade.strike is not None
        paid = max(trade.close_spot - trade.strike, 0.0) / trade.close_spot
        assert trade.close_price == pytest.approx(paid, abs=1e-12)
        assert 0.15 <= trade.delta <= 0.35
        assert trade.strike > trade.open_spot
        assert 0.001 < trade.open_price < 0.03
        assert trade.pnl == pytest.approx(
            trade.size * (trade.close_spot - trade.open_spot) + trade.pnl_vs_hodl
        )
    assert 0.05 < always.metrics["assigned"] / len(always.trades) < 0.5
    for result in done.results.values():
        assert len(result.trades) + sum(result.reasons.values()) == len(result.decisions)
    hodl = list(always.hodl_curve.values())
    assert (hodl[0], hodl[-1]) == (closes.price_at(start), closes.price_at(end))
    assert always.reasons["no_chain"] > 2_000
    assert done.results["never"].metrics["final_equity"] == always.metrics["final_hodl"]


def test_the_example_runs_from_end_to_end(tmp_path: Path) -> None:
    """One command without data or network: trades, table, page."""
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "backtest_example", "--days", "40", "--out", tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "One call, at the start: SimulatedTrade(instrument_name='BTC-9JAN26-" in run.stdout
    assert run.stdout.count("sold at") >= 3
    assert (tmp_path / "study.html").exists()
