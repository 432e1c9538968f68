"""Is the score the one that was asked for, and is it shown for what it is?"""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.histories import stats, variance
from trader.evaluation.psychology import (
    SCORE_MAX,
    SCORE_MIN,
    SCORE_NEUTRAL,
    component_points,
    compute_psychology_score,
    score_sentence,
)


@pytest.mark.parametrize(
    ("win_rate", "expectancy", "streak", "drawdown", "expected"),
    [
        (0.5, 0.0, 10, 0.3, 45.0),
        (0.8, -0.05, 3, 0.1, 57.6667),
        (0.4, 0.0015, 2, 0.0, 60.25),
        (0.55, 0.001, 8, 0.2, 55.5833),
        (0.9, 0.0015, 5, 0.1, 67.9167),
    ],
)
def test_known_scores(
    win_rate: float, expectancy: float, streak: int, drawdown: float, expected: float
) -> None:
    """Five scores computed by hand."""
    score = compute_psychology_score(stats(win_rate, expectancy), variance(streak, -drawdown))
    assert score.score == pytest.approx(expected, abs=5e-5)


@given(st.floats(0, 1), st.floats(-1, 1), st.integers(0, 50), st.floats(-1, 0))
def test_points_explain_the_score_within_its_range(
    win_rate: float, expectancy: float, streak: int, drawdown: float
) -> None:
    """The neutral 50 plus the points of four components is the score, from 35 to 71.25."""
    score = compute_psychology_score(stats(win_rate, expectancy), variance(streak, drawdown))
    assert SCORE_MIN - 1e-9 <= score.score <= SCORE_MAX + 1e-9
    assert SCORE_NEUTRAL + sum(component_points(score).values()) == pytest.approx(score.score)
    assert list(score.components) == [
        "win_rate_score", "expectancy_score", "streak_penalty", "dd_penalty"
    ]  # fmt: skip


def test_the_range_is_reached() -> None:
    """The worst possible strategy scores 35, the best 71.25."""
    worst = compute_psychology_score(stats(0.0, -1.0), variance(99, -1.0))
    best = compute_psychology_score(stats(1.0, 1.0), variance(0, 0.0))
    assert (worst.score, best.score) == (SCORE_MIN, SCORE_MAX)


def test_the_score_is_never_a_percentage() -> None:
    """It is said with its range and thresholds, rounded as in the summary's line above it."""
    assert score_sentence(40.55).startswith(f"{40.55:.1f} ")
    assert score_sentence(57.6667) == "57.7 (possible 35.0-71.3; pilot needs 40, production 60)"
    assert score_sentence(45, 42.5, 61).endswith("pilot needs 42.5, production 61)")


def test_the_target_scales_the_expectancy() -> None:
    """Half the target is half a point of the component; the target must be positive."""
    score = compute_psychology_score(stats(0.5, 0.001), variance(), 0.002)
    assert score.components["expectancy_score"] == 0.5
    for target in (0.0, -0.001, math.nan):
        with pytest.raises(ValueError, match="target_expectancy_per_trade"):
            compute_psychology_score(stats(), variance(), target)


def test_what_is_no_number_gets_no_score() -> None:
    """NaN would pass every threshold of min and max as some number."""
    with pytest.raises(ValueError, match="win_rate is nan"):
        compute_psychology_score(stats(math.nan), variance())
    broken = msgspec.structs.replace(variance(), worst_max_dd=-math.inf)
    with pytest.raises(ValueError, match="worst_max_dd"):
        compute_psychology_score(stats(), broken)
