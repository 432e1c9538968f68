"""The normal distribution in numpy against scipy's."""

import numpy as np
from scipy.special import erfcx, ndtr  # type: ignore[import-untyped]
from scipy.stats import norm  # type: ignore[import-untyped]

from trader.pricing.normal import cdf, density, mills, tail_quantile


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
