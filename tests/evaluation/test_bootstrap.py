"""Does the bootstrap keep dependence, choose the published block length, and cover the truth?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evaluation.histories import autoregressive
from trader.evaluation.bootstrap import (
    mean_interval,
    mean_lower_bound,
    optimal_block_length,
    resampled_means,
    stationary_indexes,
)

# (phi, count) -> block length of the stationary bootstrap by arch 8.0.0,
# `optimal_block_length(autoregressive(7, count, phi, 1.0))["stationary"]`, at least 1.
ARCH = [
    (-0.3, 50, 4.217736823025846),
    (-0.3, 200, 4.568058227093014),
    (-0.3, 1000, 7.075485723423695),
    (0.0, 50, 3.5603438144226276),
    (0.0, 200, 1.0),
    (0.0, 1000, 1.480286903637078),
    (0.3, 50, 1.0),
    (0.3, 200, 3.944867044070235),
    (0.3, 1000, 7.21058170301538),
    (0.7, 50, 3.5750900820757976),
    (0.7, 200, 10.632218270972128),
    (0.7, 1000, 20.697562542483567),
    (0.95, 50, 6.823168149574469),
    (0.95, 200, 17.593985062760595),
    (0.95, 1000, 51.03719325726349),
]


@pytest.mark.parametrize(("phi", "count", "expected"), ARCH)
def test_block_length_equals_the_reference_implementation(
    phi: float, count: int, expected: float
) -> None:
    """Politis and White's estimate agrees with arch's to rounding."""
    values = autoregressive(7, count, phi, 1.0)
    assert optimal_block_length(values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [[0.1], [0.1] * 50, [1.0, -1.0] * 4, [0.0] * 30])
def test_what_shows_no_dependence_is_drawn_one_by_one(values: list[float]) -> None:
    """Too short or constant series have block length 1."""
    assert optimal_block_length(np.array(values)) == 1.0


def test_alternation_does_not_end_in_a_division_by_zero() -> None:
    """A series whose autocorrelations are all perfect still has a finite block length."""
    length = optimal_block_length(np.array([1.0, -1.0] * 50))
    assert 1.0 <= length <= math.ceil(100 / 3)


def test_blocks_go_on_by_one_and_end_as_often_as_asked() -> None:
    """An index follows its predecessor, wrapped, except where a new block starts."""
    drawn = stationary_indexes(np.random.default_rng(1), 50, 4_000, 5.0)
    goes_on = (drawn[:, 1:] - drawn[:, :-1]) % 50 == 1
    # a new block starts with chance 1/5, and 1 in 50 of them continues by accident
    expected = 0.8 + 0.2 / 50
    error = math.sqrt(expected * (1 - expected) / goes_on.size)
    assert abs(goes_on.mean() - expected) < 4 * error
    counts = np.bincount(drawn.ravel(), minlength=50)
    assert counts.min() > 0.9 * drawn.size / 50


@pytest.mark.parametrize("unit", [1e-300, 1e-145, 1e140, 1e300])
def test_a_block_length_has_no_unit(unit: float) -> None:
    """Tiny and huge numbers depend on one another as much as others do."""
    values = autoregressive(7, 200, 0.5, 1.0)
    assert optimal_block_length(values * unit) == pytest.approx(optimal_block_length(values))


def test_block_length_one_is_the_ordinary_bootstrap() -> None:
    """The spread of the resampled means is the textbook error of a mean."""
    values = np.random.default_rng(2).standard_normal(400)
    means = resampled_means(values, resamples=4_000, seed=1, block_length=1.0)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)
    assert (np.diff(means) >= 0).all()


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.85), (0.3, 0.82)])
def test_the_lower_bound_covers_the_truth(phi: float, least: float) -> None:
    """A 90 % bound lies below the true mean in about 90 % of histories, with dependence too."""
    covered = sum(
        mean_lower_bound(autoregressive(seed, 200, phi), resamples=200, seed=seed) < 0.0
        for seed in range(300)
    )
    assert least < covered / 300 < 0.94


def test_drawing_one_by_one_is_too_sure_of_dependent_trades() -> None:
    """On AR(1) the blocks lower the bound that independent draws put too near to the mean."""
    values = autoregressive(3, 400, 0.5)
    mean = float(values.mean())
    plain = mean - mean_lower_bound(values, seed=1, block_length=1.0)
    blocks = mean - mean_lower_bound(values, seed=1)
    assert blocks > 1.3 * plain


def test_the_same_seed_gives_the_same_bound() -> None:
    """Seeds are explicit; another one gives another bound."""
    values = autoregressive(3, 100, 0.2)
    assert mean_lower_bound(values, seed=1) == mean_lower_bound(values, seed=1)
    assert mean_lower_bound(values, seed=1) != mean_lower_bound(values, seed=2)
    assert mean_lower_bound(values, level=0.95) < mean_lower_bound(values, level=0.9)


def test_nonsense_is_refused_by_name() -> None:
    """Empty or non-finite series, impossible levels and lengths."""
    with pytest.raises(ValueError, match="no values"):
        mean_lower_bound(np.array([]))
    with pytest.raises(ValueError, match="value 1 is nan"):
        optimal_block_length(np.array([0.1, math.nan]))
    with pytest.raises(ValueError, match="level is 90"):
        mean_lower_bound(np.array([0.1, 0.2]), level=90)
    with pytest.raises(ValueError, match="level is 0"):
        mean_lower_bound(np.array([0.1, 0.2]), level=0.0)
    with pytest.raises(ValueError, match=r"block_length is 0\.5"):
        mean_lower_bound(np.array([0.1, 0.2]), block_length=0.5)


def test_an_interval_of_independent_values_is_student_s() -> None:
    """Of 60 normal values, drawn one by one: the mean and 1.67 standard errors to either side."""
    values = np.random.default_rng(3).normal(0.2, 1.0, 60)
    low, high = mean_interval(values, 1, resamples=20_000)
    error = values.std(ddof=1) / math.sqrt(60)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.15 * error)
    assert (high - low) / 2 == pytest.approx(1.671 * error, rel=0.05)


def test_an_interval_reaches_further_to_where_losses_are() -> None:
    """Many small gains and few large losses: the mean may lie far lower, hardly higher."""
    values = np.where(np.arange(200) % 20 == 0, -5.0, 0.5)
    low, high = mean_interval(values, 1)
    assert values.mean() - low > 1.2 * (high - values.mean())


def test_an_interval_is_the_same_each_time_and_none_where_nothing_varies() -> None:
    """Seeded, whatever the chunks; constants have no doubt, nor has a series of one."""
    values = np.random.default_rng(3).normal(size=300)
    assert mean_interval(values, 9) == mean_interval(values, 9)
    assert mean_interval(np.zeros(50), 5) == (0.0, 0.0)
    assert mean_interval(np.ones(1), 1) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("block", "level", "said"),
    [(0, 0.9, "block is 0, must be from 1 to 4"), (5, 0.9, "block is 5"), (1, 1.0, "level is 1")],
)
def test_an_interval_needs_a_block_and_a_level(block: int, level: float, said: str) -> None:
    """What is none is refused with what is."""
    with pytest.raises(ValueError, match=said):
        mean_interval(np.arange(4.0), block, level=level)
