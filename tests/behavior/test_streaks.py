"""Is the law of the longest losing run exact?"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.behavior.streaks import (
    bearable_loss_share,
    losing_run_probabilities,
    losing_run_probability,
)
from trader.evaluation.trade_stats import longest_run


@pytest.mark.parametrize(
    ("trials", "run", "loss", "expected"),
    [
        (100, 7, 0.5, 0.3175203875),
        (200, 8, 0.4, 0.0735573305),
        (100, 10, 0.6, 0.2049098750),
        (20, 3, 0.5, 0.7870283127),
    ],
)
def test_known_values(trials: int, run: int, loss: float, expected: float) -> None:
    """Four probabilities that were computed independently."""
    assert losing_run_probability(trials, run, loss) == pytest.approx(expected, abs=5e-11)


@given(st.integers(0, 9), st.floats(0.0, 1.0))
@settings(max_examples=40)
def test_equals_counting_every_sequence(trials: int, loss: float) -> None:
    """All 2^n histories, weighed, give the same numbers."""
    expected = np.zeros(trials + 3)
    for history in product((0, 1), repeat=trials):
        weight = np.prod([loss if one else 1 - loss for one in history])
        expected[: longest_run([one or -1 for one in history]) + 1] += weight
    np.testing.assert_allclose(
        losing_run_probabilities(trials, loss, trials + 2), expected, rtol=1e-9, atol=1e-15
    )


def test_rare_runs_keep_their_relative_accuracy() -> None:
    """A probability of 1e-30 is not lost in 1 - (1 - p)."""
    # to first order n p^k (1 - p) sequences can begin such a run
    found = losing_run_probability(100, 30, 0.1)
    assert found == pytest.approx(0.1**30 * (1 + 70 * 0.9), rel=1e-12)


@pytest.mark.parametrize(
    "arguments", [(-1, 3, 0.5), (3, -1, 0.5), (3, 1, 1.5), (3, 1, float("nan"))]
)
def test_nonsense_is_refused(arguments: tuple[int, int, float]) -> None:
    """Negative counts and what is no probability."""
    with pytest.raises(ValueError, match=r"negative|must lie in"):
        losing_run_probability(*arguments)


@pytest.mark.parametrize(("trials", "longest", "paths"), [(200, 6, 1_000), (50, 3, 1), (4, 3, 10)])
def test_a_bearable_share_has_even_odds(trials: int, longest: int, paths: int) -> None:
    """With that share of losers no path of so many has a longer run in half of all cases."""
    share = bearable_loss_share(trials, longest, paths)
    odds = (1.0 - losing_run_probability(trials, longest + 1, share)) ** paths
    assert odds == pytest.approx(0.5, abs=0.01)


def test_a_run_longer_than_the_path_is_always_borne() -> None:
    """Three trades cannot lose four times; what can be no count is refused."""
    assert bearable_loss_share(3, 3, 10) == 1.0
    with pytest.raises(ValueError, match="must be positive"):
        bearable_loss_share(10, -1, 10)
