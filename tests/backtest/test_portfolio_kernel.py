"""Does the loop follow its rules to the price, in markets made by hand?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.backtest.portfolio_sets import SIGNAL, data_set, quiet
from trader.backtest import portfolio, portfolio_kernel, portfolio_signals
from trader.backtest.portfolio import run_portfolio_backtest
from trader.backtest.portfolio_kernel import _correlation
from trader.backtest.portfolio_results import PortfolioEvent
from trader.strategies import trend_choice, trend_looks, trend_sleeves

if TYPE_CHECKING:
    import pandas as pd

PLAIN: dict[str, Any] = {
    "entry_slippage_bps": 0.0, "exit_slippage_bps": 0.0, "fee_rate": 0.0,
    "enable_score_based_sizing": False,
}  # fmt: skip


def test_live_strategies_follow_the_same_numbers() -> None:
    """The loop keeps numbers of its own, for numba sees no change in other modules: they agree."""
    ours = (portfolio_kernel.PARTIAL_R, portfolio_kernel.RSI_EXIT, portfolio_kernel.UNIT_RISK_MIN)
    live = (trend_sleeves.PARTIAL_R, trend_sleeves.RSI_EXIT, trend_sleeves.UNIT_RISK_MIN)
    assert ours == live
    mine = (portfolio_kernel.SHARED_MIN, portfolio_kernel.HUNGRY_CORRELATION)
    assert mine == (trend_choice.SHARED_MIN, trend_choice.HUNGRY_CORRELATION)
    assert portfolio_signals.WARM_UP + 2 == trend_looks.BARS_MIN


def told(one: pd.DataFrame, **terms: Any) -> list[PortfolioEvent]:
    """Run one symbol."""
    return list(run_portfolio_backtest({"SOL": one}, **PLAIN, **terms).events)


def test_a_trend_risks_what_it_says() -> None:
    """Stop at SMA20 - 1.1 ATR = 95.8, risk 4.2 a unit: 105 / 4.2 = 25 units of 10,000 USD."""
    entry = told(quiet("trend"))[0]
    assert (entry.price, entry.risk_per_unit, entry.size) == pytest.approx((100.0, 4.2, 25.0))
    assert entry.at == quiet("trend").index[SIGNAL + 1].value


def test_a_stop_below_the_open_sells_at_the_open() -> None:
    """A gap down costs more than the stop said."""
    gap = dict.fromkeys((5,), 90.0)
    events = told(quiet("trend", open=gap, low=gap, close=gap, high={5: 91.0}))
    assert [one.kind for one in events] == ["entry", "stop"]
    assert events[1].price == 90.0
    touched = told(quiet("trend", low={5: 95.0}))
    assert touched[1].price == pytest.approx(95.8)


def test_half_is_sold_at_the_goal_then_added_then_trailed() -> None:
    """Goal 100 + 2.2 x 4.2; the stop rises to the entry, then to the top less 5 ATR."""
    up, then = range(5, 9), range(6, 9)
    one = quiet(
        "trend", high=dict.fromkeys(up, 110.5), close=dict.fromkeys(up, 110.0),
        open=dict.fromkeys(then, 110.0), low=dict.fromkeys(then, 109.0),
    )  # fmt: skip
    events = told(one)
    assert [one.kind for one in events] == ["entry", "partial", "pyramid", "stop"]
    _, partial, pyramid, stop = events
    assert (partial.price, partial.size) == pytest.approx((109.24, 12.5))
    assert pyramid.at == partial.at
    assert pyramid.size == pytest.approx(10_240.5 * 0.0105 * 0.25 / (110.0 - 100.5))
    assert stop.price == pytest.approx(100.0)
    assert stop.at == one.index[SIGNAL + 9].value


@pytest.mark.parametrize(
    ("bars", "terms", "after", "price"),
    [
        ({"high": {4: 103.7}}, {}, 4, 103.6),
        ({"RSI": {6: 62.0}}, {}, 6, 100.0),
        ({}, {"pullback_time_stop_bars": 20}, 21, 100.0),
    ],
)
def test_a_pullback_ends_at_target_strength_or_time(
    bars: dict[str, Any], terms: dict[str, Any], after: int, price: float
) -> None:
    """1.8 ATR above the entry, an RSI of 62, or more bars than it is given."""
    events = told(quiet("pullback", **bars), **terms)
    assert [one.kind for one in events] == ["entry", "time_exit"]
    assert events[1].price == pytest.approx(price)
    assert events[1].at == quiet("pullback").index[SIGNAL + after].value


def test_a_trend_ends_with_its_time() -> None:
    """One bar after the last it is given."""
    events = told(quiet("trend"), trend_time_stop_bars=10)
    assert (events[1].kind, events[1].bars_in_trade) == ("time_exit", 11)


def test_a_sleeve_waits_before_it_comes_back() -> None:
    """Six bars after its exit it may enter again; the signals between are refused."""
    one = quiet("pullback", RSI={5: 70.0})
    one.loc[one.index[SIGNAL + 5 : SIGNAL + 15], "pullback_signal"] = 1
    result = run_portfolio_backtest({"SOL": one}, **PLAIN)
    again = result.events[2]
    assert (again.kind, again.at) == ("entry", one.index[SIGNAL + 13].value)
    assert {r.reason: r.count for r in result.rejections}["cooldown"] == 7


def test_what_is_lost_shrinks_what_is_risked() -> None:
    """Three quarters from 12 % below the peak, half from 18 %."""
    crash = dict.fromkeys(range(3, 180), 60.0)
    one = quiet("trend", open=crash, low=crash, close=crash, high=crash)
    again = 40
    one.loc[one.index[SIGNAL + again], ["signal", "SMA20", "ATR"]] = [1, 58.0, 2.0]
    result = run_portfolio_backtest(
        {"SOL": one}, **PLAIN, risk_per_trade=0.021, max_portfolio_risk=0.2
    )
    entries = [event for event in result.events if event.kind == "entry"]
    lost = result.curve["drawdown_pct"].min() / 100.0
    assert lost == pytest.approx(-0.2)
    assert result.curve["risk_scalar"].min() == 0.5
    assert entries[1].risk_per_unit == pytest.approx(60.0 - (58.0 - 2.2))
    assert entries[1].size == pytest.approx(8_000.0 * 0.021 * 0.5 / (60.0 - (58.0 - 2.2)))


def test_events_beyond_a_block_go_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop stops for more room and goes on where it was."""
    data, terms = data_set(9)
    whole = run_portfolio_backtest(data, **terms)
    monkeypatch.setattr(portfolio, "EVENTS_MIN", 0)
    monkeypatch.setattr(portfolio, "BLOCK", 1)
    small = run_portfolio_backtest(data, **terms)
    assert small.events == whole.events
    assert small.final_cash == whole.final_cash
    assert len(whole.events) > 30


def test_correlations_are_numpys() -> None:
    """To the last digits; nothing where one does not move."""
    random = np.random.default_rng(3)
    x = y = np.zeros(90)
    for _ in range(50):
        x = random.normal(0.001, 0.01, 90)
        y = 0.5 * x + random.normal(0, 0.01, 90)
        assert _correlation(x, y, x.mean(), y.mean()) == pytest.approx(
            np.corrcoef(x, y)[0, 1], abs=1e-13
        )
    assert np.isnan(_correlation(np.zeros(90), y, 0.0, y.mean()))
    assert _correlation(x, x, x.mean(), x.mean()) == pytest.approx(1.0)
