"""Does the compiled portfolio do what the slow one does, keep every cent, and see no future?"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backtest.portfolio_oracle import DEFAULTS, Outcome, run_oracle
from tests.backtest.portfolio_sets import NAMES, data_set, gappy, market, trimmed
from tests.source import ROOT
from trader.backtest.features import add_features
from trader.backtest.portfolio import PortfolioResult, PortfolioTerms, run_portfolio_backtest
from trader.backtest.portfolio_layout import REASONS
from trader.storage.bar_files import read_bars

OFF: dict[str, Any] = {
    "mark_at_last_close": False,
    "exit_at_last_close": False,
    "whole_results": False,
}
SETS = 240


def alike(one: Any, other: Any) -> bool:
    """Compare to 1e-9, relative above one."""
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def check_rows(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Expect the same rows, in the same order."""
    assert len(found) == len(wanted)
    for row, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one.keys() == other.keys(), row
        assert [name for name in one if not alike(one[name], other[name])] == [], (row, one, other)


def check_same(result: PortfolioResult, wanted: Outcome) -> None:
    """Expect the oracle's events, cash, curve and counts."""
    trades, cash, curve = result
    check_rows(trades, wanted.trades)
    assert alike(cash, float(wanted.cash))
    rows = curve.reset_index().to_dict("records") if len(curve) else []
    check_rows(rows, wanted.curve)
    told = curve.attrs["signal_pipeline_diagnostics"].to_dict("records")
    check_rows(told, wanted.diagnostics)
    check_rows(curve.attrs["rejection_reasons"].to_dict("records"), wanted.rejections)


@pytest.mark.parametrize(
    "first", [*range(0, SETS - 12, 12), pytest.param(SETS - 12, marks=pytest.mark.long)]
)
def test_strict_parity_gives_the_seeds_events(first: int) -> None:
    """Twelve kinds of markets, gaps among them: events, curve and counts of the rules as given."""
    for number in range(first, first + 12):
        data, terms = data_set(number)
        result = run_portfolio_backtest(data, strict_parity=True, **terms)
        check_same(result, run_oracle(data, **OFF, **terms))


@pytest.mark.parametrize("first", range(SETS, SETS + 72, 12))
def test_the_corrections_are_those_of_the_oracle(first: int) -> None:
    """The default marks and closes what has no bar, and tells whole results."""
    for number in range(first, first + 12):
        data, terms = data_set(number)
        check_same(run_portfolio_backtest(data, **terms), run_oracle(data, **terms))


@pytest.mark.parametrize("number", [2, 7, 14])
def test_thirty_symbols_agree_too(number: int) -> None:
    """Many candidates a bar, more than may be open."""
    random = np.random.default_rng(number)
    data = market(random, list(NAMES[:30]), 230, 0.3, 0.01)
    result = run_portfolio_backtest(data, strict_parity=True)
    check_same(result, run_oracle(data, **OFF))
    assert {one.reason for one in result.rejections} >= {"ranking_or_filter", "score_floor"}


@pytest.mark.long
def test_long_markets_agree() -> None:
    """Four symbols over 4,000 bars, with all symbols' gaps their own."""
    random = np.random.default_rng(4)
    data = market(random, list(NAMES[:4]), 4_000, 0.2, 0.01)
    check_same(run_portfolio_backtest(data, strict_parity=True), run_oracle(data, **OFF))
    gaps = {name: gappy(random, one) for name, one in data.items()}
    check_same(run_portfolio_backtest(gaps), run_oracle(gaps))


@pytest.mark.real_data
def test_real_markets_agree(real_data: Path) -> None:
    """Six coins over ten weeks of 2021, a crash among them, with features of our own."""
    table = read_bars(real_data / "ohlcv" / "binance_spot_1h_to_2023.parquet")
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT", "DOGEUSDT")
    data = {}
    for name in names:
        index = pd.DatetimeIndex(table[name].at, tz="UTC")
        whole = pd.DataFrame(table[name].columns, index=index)
        data[name] = add_features(whole.loc["2021-04-15":"2021-06-25"])
    result = run_portfolio_backtest(data, strict_parity=True)
    check_same(result, run_oracle(data, **OFF))
    assert len(result.events) > 100


def test_every_rule_and_every_exit_is_met() -> None:
    """The sets above are no idle ones: all kinds of events and all refusals occur."""
    kinds: set[str] = set()
    reasons: set[str] = set()
    for number in range(SETS):
        data, terms = data_set(number)
        result = run_portfolio_backtest(data, **terms)
        kinds |= {one.kind for one in result.events}
        reasons |= {one.reason for one in result.rejections}
    assert kinds == {"entry", "stop", "partial", "pyramid", "time_exit", "final_exit"}
    assert reasons == set(REASONS)


@given(seed=st.integers(0, 2**32))
def test_every_cent_is_accounted_for(seed: int) -> None:
    """Cash and open positions are the equity at every bar; all results are what cash gained."""
    random = np.random.default_rng(seed)
    data = market(random, list(NAMES[:3]), 280, 0.3, 0.02)
    data = {name: trimmed(random, gappy(random, one)) for name, one in data.items()}
    result = run_portfolio_backtest(data, max_portfolio_risk=0.3, pyramid_trigger_r=0.5)
    closes = {name: one["close"] for name, one in data.items()}
    decided = [_decided(closes, event) for event in result.events]
    for number, time in enumerate(pd.DatetimeIndex(result.times, tz="UTC")):
        cash = 10_000.0
        held: dict[int, tuple[str, pd.Timestamp, float, float]] = {}
        for event, since in zip(result.events, decided, strict=True):
            if since < time or (since == time and event.kind not in ("entry", "final_exit")):
                cash += (event.pnl or 0.0) if event.pnl is not None else -event.fee
                _apply(held, event)
        equity = cash + sum(
            (_mark(closes[symbol], opened, entry, time) - entry) * size
            for symbol, opened, entry, size in held.values()
        )
        assert result.curve["cash"][number] == pytest.approx(cash, rel=1e-9)
        assert result.curve["equity"][number] == pytest.approx(equity, rel=1e-9)
        assert result.curve["open_positions"][number] == len(held)
    gained = sum(one.result for one in result.results)
    assert result.final_cash - 10_000.0 == pytest.approx(gained, abs=1e-6)
    assert all(one.closed_at is not None for one in result.results)


def _decided(closes: dict[str, pd.Series], event: Any) -> pd.Timestamp:
    """Return when an event entered the account: an entry at the bar before its own."""
    at = pd.Timestamp(event.at, tz="UTC")
    if event.kind != "entry":
        return at
    index = closes[event.symbol].index
    return index[index.get_loc(at) - 1]


def _apply(held: dict[int, tuple[str, pd.Timestamp, float, float]], event: Any) -> None:
    """Keep the open positions: symbol, since when, mean entry, size."""
    if event.kind == "entry":
        since = pd.Timestamp(event.at, tz="UTC")
        held[event.trade_id] = (event.symbol, since, event.price, event.size)
        return
    symbol, since, entry, size = held.pop(event.trade_id)
    if event.kind == "partial":
        held[event.trade_id] = (symbol, since, entry, size - event.size)
    if event.kind == "pyramid":
        whole = size + event.size
        mean = (entry * size + event.price * event.size) / whole
        held[event.trade_id] = (symbol, since, mean, whole)


def _mark(closes: pd.Series, since: pd.Timestamp, entry: float, time: pd.Timestamp) -> float:
    seen = closes.loc[since:time]
    return float(seen.iloc[-1]) if len(seen) else entry


Making = Callable[[pd.DataFrame], pd.DataFrame]


def seen_late(data: dict[str, pd.DataFrame], features: Making) -> list[int]:
    """Return the cuts after which the events before them are others than on the whole."""
    whole = run_portfolio_backtest({name: features(one) for name, one in data.items()}).events
    late = []
    for cut in range(230, 400, 7):
        end = data[NAMES[0]].index[cut]
        known = {name: features(one.loc[:end]) for name, one in data.items()}
        kept = [one for one in run_portfolio_backtest(known).events if one.kind != "final_exit"]
        before = [one for one in whole if one.at <= end.value and one.kind != "final_exit"]
        assert before
        late += [cut] if kept != before else []
    return late


def test_what_comes_later_changes_nothing_before() -> None:
    """Cut at any bar: the events up to the last decision there are the same."""
    data = market(np.random.default_rng(8), list(NAMES[:4]), 400, 0.2, 0.01)
    assert seen_late(data, lambda one: one) == []


def test_a_planted_peek_is_caught() -> None:
    """Signals that know where the price will be in three bars fail the same comparison."""
    data = market(np.random.default_rng(9), list(NAMES[:4]), 400, 0.2, 0.01)

    def peeking(one: pd.DataFrame) -> pd.DataFrame:
        return one.assign(signal=(one["close"].shift(-3) > one["close"]).astype(int))

    assert len(seen_late(data, peeking)) > 5


def test_without_numba_it_is_the_same() -> None:
    """The rules run as plain Python to the same events, but for the last bits of a correlation."""
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from tests.backtest.portfolio_sets import data_set\n"
        "from trader.backtest.portfolio import run_portfolio_backtest\n"
        "for number in (9, 11, 13): \n"
        "    data, terms = data_set(number)\n"
        "    for event in run_portfolio_backtest(data, **terms).trades:\n"
        "        print({k: f'{v:.9g}' if isinstance(v, float) else v for k, v in event.items()})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    wanted = [
        str({k: f"{v:.9g}" if isinstance(v, float) else v for k, v in event.items()})
        for number in (9, 11, 13)
        for event in run_portfolio_backtest(data_set(number)[0], **data_set(number)[1]).trades
    ]
    assert run.stdout.splitlines() == wanted
    assert len(wanted) > 20


def test_it_is_imported_without_pandas_and_numba() -> None:
    """Only a run loads numba, only frames load pandas."""
    probe = (
        "import sys, trader.backtest.portfolio\n"
        "print(*sorted({'pandas', 'numba'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT,
                         check=True)  # fmt: skip
    assert run.stdout.strip() == ""


def test_the_defaults_are_the_seeds() -> None:
    """Each parameter of the seed, with its value; sleeves that are None mean the seed's."""
    fields = PortfolioTerms.model_fields
    sleeves = {name for name in DEFAULTS if name.startswith("strategy_")}
    assert {name: fields[name].default for name in DEFAULTS if name not in sleeves} == {
        name: value for name, value in DEFAULTS.items() if name not in sleeves
    }
    data, _ = data_set(13)
    spelled = run_portfolio_backtest(data, **DEFAULTS | {"starting_equity": 10_000.0})
    assert spelled.events == run_portfolio_backtest(data).events
