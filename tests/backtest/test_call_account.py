"""Are curves and totals the sum of what each call did?"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.backtest.calls import HOURS, T0, WEEK, config, held, modelled, study
from trader.backtest.call_account import drawdown_pct
from trader.backtest.covered_call import CoveredCallSimulator, TrendPolicy, always_trade_policy


def test_the_account_marks_running_calls() -> None:
    """Coin less mark plus premium on the way; the payoff at the end; both beside the coin alone."""
    result = CoveredCallSimulator(held(80_000.0), config()).simulate_policy(always_trade_policy)
    middle = T0 + timedelta(days=3)
    coin = 65_000.0 + 15_000.0 * 3 / 7
    assert result.hodl_curve[middle] == pytest.approx(coin)
    assert result.account_curve[middle] == pytest.approx((1 + 0.02 - 0.021) * coin)
    assert result.account_curve[T0 + WEEK - HOURS] == pytest.approx(
        0.999 * (65_000.0 + 15_000.0 * 167 / 168)
    )
    assert result.account_curve[T0 + WEEK] == pytest.approx(71_600.0)
    assert list(result.account_curve) == list(result.hodl_curve)
    assert result.metrics["capital"] == 65_000.0
    assert result.metrics["final_equity"] == pytest.approx(71_600.0)
    assert result.equity_curve == {T0 + WEEK: pytest.approx(6_600.0)}
    assert result.equity_vs_hodl == {T0 + WEEK: pytest.approx(-8_400.0)}


def test_totals_add_up() -> None:
    """Premiums less assignments less fees are the result against holding; counts are counts."""
    result = CoveredCallSimulator(modelled(), study()).simulate_policy(TrendPolicy(0.5), 0.5)
    told = result.metrics
    assert told["premium"] - told["assignment"] - told["fees"] == pytest.approx(
        told["final_pnl_vs_hodl"]
    )
    assert told["num_trades"] == len(result.trades) > 5
    assert told["decisions"] == len(result.decisions)
    assert told["decisions"] == told["num_trades"] + sum(result.reasons.values())
    closes = [one.close_time for one in sorted(result.trades, key=lambda one: one.close_time)]
    assert list(result.equity_curve) == list(dict.fromkeys(closes))
    assert told["final_pnl"] == list(result.equity_curve.values())[-1]


def test_a_drawdown_is_the_deepest_fall_from_a_peak() -> None:
    """Percent of the peak; nothing has none."""
    assert drawdown_pct(np.array([100.0, 120.0, 60.0, 150.0, 90.0])) == pytest.approx(50.0)
    assert drawdown_pct(np.array([])) == 0.0
