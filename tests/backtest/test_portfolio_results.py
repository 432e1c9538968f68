"""Does a run tell its events, trades and counts, typed and as the seed's rows?"""

from __future__ import annotations

from datetime import timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from tests.backtest.portfolio_sets import data_set, quiet
from trader.backtest.portfolio import run_portfolio_backtest
from trader.backtest.portfolio_results import time_text
from trader.domain.units import HOUR


def test_events_and_rows_are_the_same() -> None:
    """A row has the seed's keys, in the seed's order; what an event has not, it leaves out."""
    result = run_portfolio_backtest(data_set(25)[0], strict_parity=True)
    entry, closed = result.trades[0], next(one for one in result.trades if "pnl" in one)
    assert list(entry) == [
        "trade_id", "symbol", "strategy", "side", "type", "time", "price", "size", "fee", "equity",
        "bars_in_trade", "risk_per_unit", "entry_score", "avg_book_corr", "risk_scalar",
    ]  # fmt: skip
    assert list(closed)[-2:] == ["pnl", "entry_score"]
    event = result.events[0]
    assert (event.kind, event.at) == ("entry", pd.Timestamp(entry["time"]).value)
    assert (event.cash, event.pnl, event.result) == (entry["equity"], None, None)


def test_a_result_is_what_a_trade_changed_the_cash_by() -> None:
    """Entry fee, partial exits and pyramids included; off, the seed's sum of pnl."""
    data, terms = data_set(24 + 9)
    result = run_portfolio_backtest(data, **terms)
    for trade in result.results:
        events = [one for one in result.events if one.trade_id == trade.trade_id]
        paid = sum(one.fee for one in events if one.pnl is None)
        gained = sum(one.pnl for one in events if one.pnl is not None)
        assert trade.result == pytest.approx(gained - paid, abs=1e-9)
        assert events[-1].result == pytest.approx(trade.result, abs=1e-9)
        assert (trade.opened_at, trade.closed_at) == (events[0].at, events[-1].at)
        assert trade.exit == events[-1].kind
    assert any(trade.partials for trade in result.results)
    bare = run_portfolio_backtest(data, whole_results=False, **terms)
    sums = [one.result for one in bare.results]
    assert sum(sums) > sum(one.result for one in result.results)
    assert all(event.result is None for event in bare.events)


def test_a_position_that_the_seed_forgets_is_open() -> None:
    """Its symbol ends before the others: parity leaves it out, the correction closes it."""
    held = quiet("pullback")
    market = {"SOL": held.iloc[:-50], "XRP": held.assign(pullback_signal=0)}
    forgotten = run_portfolio_backtest(market, strict_parity=True, pullback_time_stop_bars=1_000)
    assert [(one.exit, one.closed_at) for one in forgotten.results] == [("open", None)]
    assert forgotten.curve["gross_notional"][-1] == 0.0
    corrected = run_portfolio_backtest(market, pullback_time_stop_bars=1_000)
    end = held.index[-1].value
    assert [(one.exit, one.closed_at) for one in corrected.results] == [("final_exit", end)]
    assert corrected.curve["gross_notional"][-1] > 0.0


def test_counts_say_what_became_of_every_signal() -> None:
    """Signals are entered or refused, each once."""
    for number in range(13, 25):
        data, terms = data_set(number)
        result = run_portfolio_backtest(data, **terms)
        for one in result.pipeline:
            refused = [r.count for r in result.rejections if r.strategy == one.strategy]
            assert one.raw_signals == one.entries + sum(refused)
            assert one.blocked == sum(refused)


def test_a_result_unpacks_as_the_seeds() -> None:
    """Three things, as often as asked for."""
    result = run_portfolio_backtest(data_set(13)[0])
    trades, cash, curve = result
    assert trades == next(iter(result))
    assert cash == result.final_cash
    assert curve["equity"].to_numpy() == pytest.approx(result.curve["equity"])
    assert np.all(result.curve["gross_notional"] >= 0)


def test_instants_are_written_as_pandas_does() -> None:
    """Whole seconds, microseconds, nanoseconds, any zone."""
    zone = timezone(timedelta(hours=-5))
    for at in (0, HOUR, HOUR + 1_500_000, HOUR + 7, -1):
        assert time_text(at, zone) == str(pd.Timestamp(at, tz=zone))
