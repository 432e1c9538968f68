"""Do the rank tests say what scipy says, and nothing where nothing can be said?"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from trader.behavior.rank_tests import clustered_p, larger_p, rising_p


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("first", "second"), [(1, 1), (5, 7), (20, 20), (2, 20)])
def test_small_samples_are_counted(seed: int, first: int, second: int) -> None:
    """Without ties the p is scipy's exact one."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0.5, 1, first), rng.normal(0, 1, second)
    expected = stats.mannwhitneyu(one, other, alternative="greater", method="exact").pvalue
    assert larger_p(one.tolist(), other.tolist()) == pytest.approx(expected, rel=1e-12)


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.lists(st.integers(0, 6), min_size=21, max_size=40),
)
def test_ties_and_large_samples_are_approximated(one: list[int], other: list[int]) -> None:
    """With ties, or beyond twenty, the p is scipy's asymptotic one; 1 where all are equal."""
    p = larger_p(one, other)
    if len({*one, *other}) == 1:
        assert p == 1.0
        return
    expected = stats.mannwhitneyu(one, other, alternative="greater", method="asymptotic").pvalue
    assert p == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [3, 8, 20])
def test_trends_of_short_series_are_counted(seed: int, count: int) -> None:
    """Without ties the p is that of Kendall's tau against time, exactly."""
    series = np.random.default_rng(seed).normal(0, 2, count) + np.arange(count) * 0.3
    expected = stats.kendalltau(
        np.arange(count), series, alternative="greater", method="exact"
    ).pvalue
    assert rising_p(series.tolist()) == pytest.approx(expected, rel=1e-12)


def test_a_trend_is_known_by_its_direction() -> None:
    """Eight rising values are one order of 8!, eight falling ones prove nothing; ties correct."""
    assert rising_p(range(8)) == pytest.approx(1 / math.factorial(8))
    assert rising_p(range(8, 0, -1)) == 1.0
    assert rising_p([1.0] * 8) == 1.0
    assert rising_p([1, 1, 2, 2, 3, 3, 4, 4]) < 0.002
    assert rising_p([*range(40)]) < 1e-10 < rising_p([3, 1, 2] * 13)


@given(st.lists(st.booleans(), min_size=2, max_size=9))
def test_runs_are_counted(lost: list[bool]) -> None:
    """The p of few runs is the share of all orders with as few."""
    if len(set(lost)) == 1:
        assert math.isnan(clustered_p(lost))
        return
    orders = list(itertools.permutations(lost)) if len(lost) < 7 else []
    few = sum(runs(list(one)) <= runs(lost) for one in orders)
    if orders:
        assert clustered_p(lost) == pytest.approx(few / len(orders))
    assert 0 < clustered_p(lost) <= 1


def test_long_series_of_clustered_losses_are_found() -> None:
    """Blocks are no chance, alternation is no cluster, a coin is neither."""
    assert clustered_p([True] * 30 + [False] * 30) < 1e-9
    assert clustered_p([True, False] * 30) > 0.999
    coin = np.random.default_rng(4).random(400) < 0.5
    assert 0.02 < clustered_p(coin.tolist()) < 0.98
    few, many = [True] * 3 + [False] * 17, [True] * 3 + [False] * 18
    assert clustered_p(many) == pytest.approx(clustered_p(few), rel=0.8)


def test_nothing_is_said_of_nothing() -> None:
    """No value, two values, one kind of result: not a number."""
    assert math.isnan(larger_p([], [1.0]))
    assert math.isnan(larger_p([1.0], []))
    assert math.isnan(rising_p([1.0, 2.0]))
    assert math.isnan(clustered_p([]))


def runs(results: list[bool]) -> int:
    """Count runs."""
    return len([*itertools.groupby(results)])
