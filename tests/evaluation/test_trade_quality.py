"""Are the ratios those of their books, and undefined where they are?"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

from tests.evaluation.histories import START, noise, trades_of
from trader.evaluation.trade_quality import (
    HoldingTimes,
    TradeDetail,
    daily_returns,
    kelly_fraction,
    profit_factor,
    sharpe,
    sortino,
    system_quality_number,
    trade_quality,
    ulcer_index,
    underwater,
)
from trader.evaluation.trade_stats import compute_strategy_stats

MULTIPLES = np.array([2, -1, 0, 1, -1, 0, -1, 3, -1, 0.5])


def test_known_values_of_ten_trades() -> None:
    """Expectancy .25, profit factor 1.625, SQN .5649, Kelly .168109."""
    stats = compute_strategy_stats(trades_of(MULTIPLES))
    assert stats.expectancy_per_trade == pytest.approx(0.25)
    assert profit_factor(MULTIPLES) == 1.625
    assert system_quality_number(MULTIPLES) == pytest.approx(0.5649, abs=5e-5)
    assert kelly_fraction(MULTIPLES) == pytest.approx(0.168109, abs=5e-7)


def test_known_ulcer_index() -> None:
    """6.123724 in percent, a fraction here."""
    equity = np.array([100.0, 95, 90, 100, 110, 99])
    assert 100 * ulcer_index(equity) == pytest.approx(6.123724, abs=5e-7)
    assert ulcer_index(np.array([90.0]), peak=100.0) == pytest.approx(0.1)


def test_the_system_quality_number_is_capped_at_100_trades() -> None:
    """A longer history of the same trades does not look better."""
    long = np.tile(MULTIPLES, 40)
    assert system_quality_number(long) == pytest.approx(10 * long.mean() / long.std(ddof=1))


@given(st.lists(st.floats(-0.9, 2.0), min_size=2, max_size=20))
def test_kelly_grows_fastest(results: list[float]) -> None:
    """No other multiple has a higher mean of ln(1 + f R)."""
    values = np.array(results)
    kelly = kelly_fraction(values)
    if values.min() >= -1e-9:
        return
    assert kelly is not None
    bound = -1.0 / values.min()
    assert 0.0 <= kelly < bound
    found = minimize_scalar(
        lambda f: -np.log1p(f * values).mean(), bounds=(0, bound * (1 - 1e-9)), method="bounded"
    )
    assert np.log1p(kelly * values).mean() >= -found.fun - 1e-12


def test_kelly_has_its_limits() -> None:
    """Nothing to lose has no bound, nothing to win is not traded."""
    assert kelly_fraction(np.array([0.1, 0.2])) is None
    assert kelly_fraction(np.array([0.1, -0.2])) == 0.0
    assert kelly_fraction(np.array([1.0, 1.0, -1.0])) == pytest.approx(1 / 3)


def test_time_under_water_is_measured_in_time() -> None:
    """From the trade that goes under to the one that regains the peak."""
    times = np.array([0.0, 1, 2, 5, 6, 10])
    equity = np.array([0.9, 1.0, 0.8, 0.95, 1.2, 1.1])
    assert underwater(times, equity) == (4.0, 0.5)
    assert underwater(np.array([3.0]), np.array([0.5])) == (0.0, 0.0)


def test_ratios_are_made_of_days() -> None:
    """Days without a trade count as zero, results of one day compound."""
    trades = trades_of([0.1, -0.1, 0.2], hours=12.0) + trades_of([0.5], hours=1)
    daily = daily_returns(trades)
    assert daily == pytest.approx([1.1 * 0.9 * 1.5 - 1, 0.2])
    sparse = daily_returns(trades_of([0.1, -0.1], hours=72))
    assert sparse == pytest.approx([0.1, 0, 0, -0.1])


def test_ratios_by_hand() -> None:
    """Sharpe with n - 1, Sortino with all days in the root, both by sqrt(365)."""
    returns = np.array([0.02, -0.01, 0.0, 0.01])
    assert sharpe(returns) == pytest.approx(0.005 / returns.std(ddof=1) * math.sqrt(365))
    assert sortino(returns) == pytest.approx(0.005 / 0.005 * math.sqrt(365))
    assert sharpe(returns, 12) == pytest.approx(0.005 / returns.std(ddof=1) * math.sqrt(12))
    assert sharpe(np.array([0.01, 0.01])) is None
    assert sharpe(np.array([0.01])) is None
    assert sortino(np.array([0.01, 0.02])) is None


def test_the_whole_of_a_history() -> None:
    """All numbers are there, consistent with each other and with the basic statistics."""
    trades = trades_of(noise(3, 365))
    quality = trade_quality(trades)
    stats = compute_strategy_stats(trades)
    assert quality.kelly is not None
    assert quality.half_kelly == quality.kelly / 2
    assert quality.periods_per_year == 365
    growth = np.prod([1 + trade.pnl_pct for trade in trades]) ** (365.25 / 364) - 1
    assert quality.calmar == pytest.approx(growth / -stats.max_drawdown_pct)
    assert 0 < quality.ulcer_index < -stats.max_drawdown_pct
    assert 0 < quality.underwater_share <= 1
    assert 0 < quality.underwater_days_max <= 364
    assert (quality.holding, quality.attribution) == (None, None)


def test_what_is_undefined_is_none() -> None:
    """One winning trade has no ratio at all; ruin has no growth."""
    lone = trade_quality(trades_of([0.01]))
    assert (lone.profit_factor, lone.sqn, lone.kelly, lone.half_kelly) == (None,) * 4
    assert (lone.sharpe, lone.sortino, lone.calmar) == (None,) * 3
    assert trade_quality(trades_of([0.5, -1.0])).calmar == -1.0
    assert trade_quality(trades_of([1e9, -0.5, 1e9])).calmar is None, "beyond any number"


def detail(opened_h: float, closed_h: float, **parts: float) -> TradeDetail:
    """Hold from one hour to another."""
    return TradeDetail(
        START + timedelta(hours=opened_h), START + timedelta(hours=closed_h), **parts
    )


def test_details_tell_holding_exposure_and_sources() -> None:
    """Overlapping trades are counted once in exposure; parts add up."""
    details = [
        detail(0, 10, premium=0.02, fees=-0.001),
        detail(5, 12, premium=0.01, delta=-0.03, fees=-0.001),
        detail(18, 20, delivery=-0.0001),
    ]
    quality = trade_quality(trades_of([0.019, -0.021, -0.0001]), details)
    assert quality.holding is not None
    assert quality.attribution is not None
    assert msgspec.structs.astuple(quality.holding) == pytest.approx((7.0, 9.7, 14 / 20))
    parts = msgspec.structs.astuple(quality.attribution)
    assert parts == pytest.approx((0.03, -0.03, -0.002, -0.0001, 0.0))
    assert sum(parts) == pytest.approx(0.019 - 0.021 - 0.0001)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ([detail(0, 1), detail(0, 1)], "2 details for 1 trades"),
        ([detail(2, 1)], "before opened_at"),
        ([TradeDetail(datetime(2026, 1, 1), START)], "detail 0: naive"),  # noqa: DTZ001
    ],
)
def test_impossible_details_are_refused(details: list[Any], message: str) -> None:
    """One detail a trade, with aware times in order."""
    with pytest.raises(ValueError, match=message):
        trade_quality(trades_of([0.1]), details)


def test_equal_instants_cover_nothing() -> None:
    """A trade opened and closed in one instant has no exposure."""
    quality = trade_quality(trades_of([0.1]), [detail(1, 1)])
    assert quality.holding == HoldingTimes(0.0, 0.0, 0.0)
