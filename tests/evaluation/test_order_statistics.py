"""Are the intervals around simulated quantiles and frequencies as wide as they claim?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest  # type: ignore[import-untyped]

from trader.evaluation.order_statistics import (
    estimate_frequency,
    estimate_quantiles,
    quantile_ranks,
)


def test_published_ranks() -> None:
    """Of 1,000 simulations the 95 % quantile lies between ranks 936 and 964."""
    assert quantile_ranks(1_000, 0.95) == (936, 964)


@given(st.integers(1, 3_000), st.floats(0.01, 0.99))
@settings(max_examples=50)
def test_ranks_are_those_of_the_binomial(size: int, probability: float) -> None:
    """The ranks are scipy's quantiles of the binomial, clipped to the sample."""
    low = max(int(binom.ppf(0.025, size, probability)), 1)
    high = min(int(binom.ppf(0.975, size, probability)) + 1, size)
    assert quantile_ranks(size, probability) == (low, high)


def test_quantile_intervals_cover_the_truth() -> None:
    """The true quantile lies inside in at least 95 % of samples, but for chance."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        (estimate,) = estimate_quantiles(rng.random(200), (0.9,))
        hits += estimate.low <= 0.9 <= estimate.high
        assert estimate.low <= estimate.value <= estimate.high
    assert hits / 400 > 0.92


def test_quantiles_interpolate_linearly() -> None:
    """As the original does: between the two neighbors, by distance."""
    low, high = estimate_quantiles(np.array([4.0, 1.0, 3.0, 2.0]), (0.5, 0.95))
    assert low.value == 2.5
    assert high.value == pytest.approx(3.85)


@pytest.mark.parametrize(("hits", "size"), [(0, 500), (1, 500), (250, 500), (500, 500), (3, 7)])
def test_frequencies_carry_the_wilson_interval(hits: int, size: int) -> None:
    """The interval equals scipy's and is closed at impossible and at certain."""
    theirs = binomtest(hits, size).proportion_ci(method="wilson")
    ours = estimate_frequency(hits, size)
    assert ours.value == hits / size
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert hits or ours.low == 0.0
    assert hits < size or ours.high == 1.0
