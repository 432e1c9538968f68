"""The normal distribution in numpy against scipy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcx, ndtr  # type: ignore[import-untyped]
from scipy.stats import norm  # type: ignore[import-untyped]

from trader.pricing.normal import SMALL, cdf, density, mills, tail_quantile


def test_mills_ratio_is_exact_to_a_few_ulps() -> None:
    """The ratio agrees with scipy's scaled erfc from the center to the far tail."""
    z = np.concatenate([np.linspace(0.0, 30.0, 20_001), np.geomspace(30.0, 1e6, 500)])
    oracle = np.sqrt(np.pi / 2.0) * erfcx(z / np.sqrt(2.0))
    assert np.max(np.abs(mills(z) / oracle - 1.0)) < 2e-15


def test_cdf_keeps_relative_accuracy_in_the_lower_tail() -> None:
    """N(z) agrees with scipy relatively, not only absolutely, down to z = -37."""
    z = np.linspace(-37.0, 9.0, 10_001)
    assert np.max(np.abs(cdf(z) / ndtr(z) - 1.0)) < 3e-13
    assert cdf(np.array([0.0]))[0] == 0.5


def test_cdf_saturates() -> None:
    """Far out N is exactly 0 or 1, and the density 0."""
    far = np.array([-60.0, 60.0])
    assert cdf(far).tolist() == [0.0, 1.0]
    assert density(far).tolist() == [0.0, 0.0]


def test_tail_quantile_is_a_fair_start() -> None:
    """The rational quantile stays within its published error."""
    probability = np.geomspace(1e-12, 0.5, 1_000)
    assert np.max(np.abs(tail_quantile(probability) - norm.isf(probability))) < 4.6e-4


@given(st.lists(st.floats(-45.0, 45.0), min_size=1, max_size=SMALL), st.integers(1, 50))
def test_few_are_computed_to_the_bit_as_many(few: list[float], more: int) -> None:
    """A row asked for alone has the value it has on its board."""
    some = np.array(few)
    many = np.concatenate([some] * (SMALL // len(few) + 1) + [np.zeros(more)])
    assert len(many) > SMALL
    assert cdf(some).tolist() == cdf(many)[: len(few)].tolist()
    assert mills(np.abs(some)).tolist() == mills(np.abs(many))[: len(few)].tolist()
