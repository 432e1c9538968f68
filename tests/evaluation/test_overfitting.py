"""Do the statistics against luck equal their papers, and how often do they cry wolf?"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kurtosis, rankdata, skew  # type: ignore[import-untyped]

from trader.evaluation.overfitting import (
    SharpeEstimate,
    backtest_overfitting,
    deflated_sharpe,
    estimate_sharpe,
    expected_max_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)

HEDGE_FUND = SharpeEstimate(1.585 / math.sqrt(12), 24, -2.448, 10.164)
DAILY = SharpeEstimate(2.5 / math.sqrt(250), 1_250, -3.0, 10.0)


def test_published_probabilistic_sharpe() -> None:
    """Bailey and Lopez de Prado's track record of two years."""
    assert probabilistic_sharpe(HEDGE_FUND) == pytest.approx(0.9132343, abs=5e-8)


@pytest.mark.parametrize(("trials", "expected"), [(100, 0.9003968), (46, 0.9505017)])
def test_published_deflated_sharpe(trials: int, expected: float) -> None:
    """After 46 trials the strategy still convinces, after 100 no longer."""
    assert deflated_sharpe(DAILY, trials, 0.5 / 250) == pytest.approx(expected, abs=5e-8)


def test_one_trial_is_not_deflated() -> None:
    """Who tried once has no luck of the best to subtract."""
    assert deflated_sharpe(DAILY, 1, 0.5) == probabilistic_sharpe(DAILY)
    assert expected_max_sharpe(1, 0.5) == 0.0


def test_the_expected_maximum_is_that_of_normal_draws() -> None:
    """The approximation is within a percent of the simulated mean maximum."""
    draws = np.random.default_rng(1).standard_normal((20_000, 100)).max(axis=1)
    assert expected_max_sharpe(100, 1.0) == pytest.approx(draws.mean(), rel=0.015)
    assert expected_max_sharpe(100, 0.25) == pytest.approx(expected_max_sharpe(100, 1.0) / 2)


@given(st.floats(0.02, 0.5), st.floats(-2, 1), st.floats(0.55, 0.99))
def test_a_minimum_track_record_is_just_long_enough(
    ratio: float, lean: float, confidence: float
) -> None:
    """At that many observations the probabilistic Sharpe ratio equals the confidence."""
    estimate = SharpeEstimate(ratio, 2, lean, 3.0 + 2.0 * lean * lean)
    needed = minimum_track_record(estimate, confidence=confidence)
    assert needed is not None
    variance = 1 - lean * ratio + (estimate.kurtosis - 1) / 4 * ratio**2
    z = ratio * math.sqrt(needed - 1) / math.sqrt(variance)
    assert 0.5 * math.erfc(-z / math.sqrt(2)) == pytest.approx(confidence, rel=1e-9)


def test_no_record_is_long_enough_below_the_benchmark() -> None:
    """Longer histories do not make a worse ratio better."""
    assert minimum_track_record(DAILY, benchmark=1.0) is None


def test_moments_are_scipys() -> None:
    """Skew and kurtosis (3 for the normal) of returns."""
    returns = np.random.default_rng(5).standard_t(5, 500)
    found = estimate_sharpe(returns)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert found.skew == pytest.approx(skew(returns))
    assert found.kurtosis == pytest.approx(kurtosis(returns, fisher=False))
    assert found.observations == 500


def test_a_single_strategy_of_noise_convinces_at_its_rate() -> None:
    """Without skill a confidence of 95 % is reached by 5 % of histories."""
    rng = np.random.default_rng(2)
    hits = sum(
        probabilistic_sharpe(estimate_sharpe(rng.standard_normal(250))) > 0.95 for _ in range(2_000)
    )
    assert abs(hits / 2_000 - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 2_000)


def test_the_best_of_noise_convinces_only_without_deflation() -> None:
    """Of 20 configurations of noise the best looks good in most histories; deflated, in none."""
    rng = np.random.default_rng(3)
    naive = deflated = 0
    for _ in range(200):
        returns = rng.standard_normal((250, 20))
        ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
        best = estimate_sharpe(returns[:, int(ratios.argmax())])
        naive += probabilistic_sharpe(best) > 0.95
        deflated += deflated_sharpe(best, 20, float(ratios.var(ddof=1))) > 0.95
    assert naive / 200 > 0.5
    assert deflated / 200 <= 0.05


def test_overfitting_of_noise_is_a_coin_toss() -> None:
    """Without skill the best in sample is below the median half the time out of sample."""
    found = [
        backtest_overfitting(np.random.default_rng(seed).standard_normal((240, 15)), 8).probability
        for seed in range(60)
    ]
    assert 0.4 < np.mean(found) < 0.6
    assert np.mean(np.array(found) < 0.05) < 0.1, "false approvals of noise"


def test_real_skill_is_not_overfitting() -> None:
    """One configuration with an edge among noise stays best out of sample."""
    returns = np.random.default_rng(1).standard_normal((480, 15))
    returns[:, 4] += 0.4
    found = backtest_overfitting(returns)
    assert (found.probability, found.splits, found.configurations) == (0.0, 12_870, 15)
    assert found.loss_probability == 0.0


def test_the_probability_is_that_of_the_definition() -> None:
    """All splits, one by one, with ranks by scipy."""
    returns = np.random.default_rng(8).standard_normal((50, 7)) + 0.05
    blocks = returns[2:].reshape(6, 8, 7)
    below = lost = 0.0
    splits = list(combinations(range(6), 3))
    for split in splits:
        inside = np.concatenate([blocks[k] for k in split])
        outside = np.concatenate([blocks[k] for k in range(6) if k not in split])
        best = int((inside.mean(0) / inside.std(0)).argmax())
        rank = rankdata(outside.mean(0) / outside.std(0))[best] / 8
        below += 1.0 if rank < 0.5 else 0.5 * (rank == 0.5)
        lost += outside.mean(0)[best] < 0
    found = backtest_overfitting(returns, 6)
    assert found.probability == pytest.approx(below / len(splits))
    assert found.loss_probability == pytest.approx(lost / len(splits))


def test_equal_configurations_are_neither_above_nor_below() -> None:
    """Ties stand in the middle, constant columns by their sign."""
    one = np.random.default_rng(1).standard_normal((64, 1))
    assert backtest_overfitting(np.hstack([one, one, one]), 4).probability == 0.5
    flat = np.column_stack([np.full(64, 0.1), np.zeros(64), np.full(64, -0.1)])
    found = backtest_overfitting(flat, 4)
    assert (found.probability, found.loss_probability) == (0.0, 0.0)


def test_nonsense_is_refused_by_name() -> None:
    """Too little, impossible, or not numbers."""
    with pytest.raises(ValueError, match="at least two"):
        estimate_sharpe(np.array([0.1]))
    with pytest.raises(ValueError, match="all the same"):
        estimate_sharpe(np.array([0.1, 0.1, 0.1]))
    with pytest.raises(ValueError, match="1 observations"):
        probabilistic_sharpe(SharpeEstimate(0.1, 1))
    with pytest.raises(ValueError, match="no distribution"):
        probabilistic_sharpe(SharpeEstimate(1.0, 10, 5.0, 3.0))
    with pytest.raises(ValueError, match="trials is 0"):
        expected_max_sharpe(0, 1.0)
    with pytest.raises(ValueError, match="variance"):
        expected_max_sharpe(5, math.nan)
    with pytest.raises(ValueError, match="confidence is 95"):
        minimum_track_record(DAILY, confidence=95)
    with pytest.raises(ValueError, match="two columns"):
        backtest_overfitting(np.ones((64, 1)))
    with pytest.raises(ValueError, match="blocks is 7"):
        backtest_overfitting(np.ones((64, 2)), 7)
    with pytest.raises(ValueError, match="at most half of 20 rows"):
        backtest_overfitting(np.ones((20, 2)))
