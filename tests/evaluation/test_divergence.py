"""Is a vanished edge seen on paper, and a healthy one left alone?"""

from __future__ import annotations

import numpy as np
import pytest

from trader.evaluation.divergence import divergence


def backtest(seed: int = 7, size: int = 600) -> np.ndarray:
    """Draw results of a seller of options: small wins, rare larger losses."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(size) < 0.85, 0.1, -0.4) + rng.normal(0, 0.02, size)


def test_paper_from_the_same_distribution_stays_within_the_band() -> None:
    """A simultaneous 1 % band: looked at along the whole path it alarms about once in a hundred."""
    rng = np.random.default_rng(1)
    known = backtest()
    alarms = sum(divergence(rng.choice(known, 60), known).diverged for _ in range(60))
    assert alarms <= 4


def test_a_vanished_edge_leaves_it() -> None:
    """Paper that only loses is outside after twenty trades."""
    rng = np.random.default_rng(2)
    found = divergence(rng.normal(-0.2, 0.1, 25), backtest())
    assert found.diverged
    assert "outside the 1% band" in found.reason


def test_before_twenty_trades_nothing_is_said() -> None:
    """However bad: the band begins at twenty."""
    found = divergence(np.full(19, -1.0), backtest())
    assert (found.diverged, found.z) == (False, None)
    assert "19 of 20 closed paper trades" in found.reason


def test_better_than_expected_is_no_divergence() -> None:
    """The band has a lower side only: demotion is for what is lost."""
    assert not divergence(np.full(40, 1.0), backtest()).diverged


def test_the_same_numbers_give_the_same_answer() -> None:
    """The resampling is seeded."""
    paper = backtest(3, 30)
    assert divergence(paper, backtest()) == divergence(paper, backtest())


def test_more_paper_than_backtest_can_be_compared() -> None:
    """A path longer than the history is resampled in rounds."""
    assert divergence(backtest(5, 90), backtest(6, 40)).z is not None


def test_bad_numbers_are_refused() -> None:
    """A NaN, or a backtest too short to have an envelope."""
    with pytest.raises(ValueError, match="finite"):
        divergence(np.array([np.nan]), backtest())
    with pytest.raises(ValueError, match="19 trades has no envelope"):
        divergence(np.zeros(30), backtest(1, 19))
