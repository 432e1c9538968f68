"""The normalized option against scipy, and its inversion over everything doubles can express."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr  # type: ignore[import-untyped]

from trader.pricing.normal import Array
from trader.pricing.normalized import black, exercise, normalized, probabilities, total_deviation


def _grid(seed: int, reach: float, low: float, high: float) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    y = -np.abs(random.normal(size=20_000)) * reach
    return y, 10.0 ** random.uniform(low, high, 20_000)


def test_value_agrees_with_the_textbook_formula() -> None:
    """b is exp(y/2) N(h + t) - exp(-y/2) N(h - t), absolutely to rounding."""
    y, s = _grid(1, 0.5, -3.0, 1.0)
    oracle = np.exp(0.5 * y) * ndtr(y / s + 0.5 * s) - np.exp(-0.5 * y) * ndtr(y / s - 0.5 * s)
    assert np.max(np.abs(normalized(y, s).value - oracle)) < 1e-15


def test_parts_are_consistent() -> None:
    """Shortfall and value add up to the bound; the probabilities are N(h +- t)."""
    y, s = _grid(2, 1.0, -2.0, 1.3)
    curve = normalized(y, s)
    assert np.max(np.abs(curve.value + curve.shortfall - np.exp(0.5 * y))) < 1e-15
    upper, lower = probabilities(curve)
    assert np.max(np.abs(upper - ndtr(y / s + 0.5 * s))) < 1e-14
    assert np.max(np.abs(lower - ndtr(y / s - 0.5 * s))) < 1e-14


def test_series_and_closed_form_meet() -> None:
    """The slope of b in s is right across the seam between the series and the direct form."""
    s = np.linspace(0.0095, 0.0105, 201)
    for distance in (0.0, -0.003, -0.0099, -0.0101):
        value = normalized(np.full_like(s, distance), s).value
        slope = normalized(np.full(200, distance), 0.5 * (s[1:] + s[:-1])).slope
        assert np.max(np.abs(np.diff(value) / np.diff(s) / slope - 1.0)) < 1e-5


@pytest.mark.parametrize(
    ("reach", "low", "high"),
    [(0.01, -4.0, -1.0), (0.3, -2.0, 0.0), (1.0, -1.0, 0.5), (3.0, -2.0, 1.2), (30.0, -1.0, 1.2)],
)
def test_inversion_recovers_the_deviation(reach: float, low: float, high: float) -> None:
    """s comes back to about 1e-13 wherever b is well conditioned."""
    y, s = _grid(3, reach, low, high)
    value = normalized(y, s).value
    kept = (value > 1e-300) & (value < np.exp(0.5 * y) * 0.999)
    assert kept.sum() > 2_000
    found = total_deviation(y[kept], value[kept])
    assert np.max(np.abs(found / s[kept] - 1.0)) < 3e-13


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.02, 3.0, 30.0])
def test_inversion_from_any_guess(factor: float) -> None:
    """A guess changes the way, not the answer."""
    y, s = _grid(4, 0.3, -2.0, 0.0)
    value = normalized(y, s).value
    kept = value > 1e-300
    found = total_deviation(y[kept], value[kept], factor * s[kept])
    assert np.max(np.abs(found / s[kept] - 1.0)) < 3e-13


@given(st.floats(0.3, 3.0), st.floats(0.01, 2.0), st.sampled_from((1.0, -1.0)))
def test_black_is_the_undiscounted_option(ratio: float, deviation: float, sign: float) -> None:
    """Value, delta, gamma and slope, by scipy's normal distribution."""
    forward, strike = np.array([100.0]), np.array([100.0 * ratio])
    found = black(np.array([sign]), forward, strike, np.array([deviation]))
    d1 = -np.log(ratio) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    value = sign * 100.0 * (ndtr(sign * d1) - ratio * ndtr(sign * d2))
    assert found.value[0] == pytest.approx(value, abs=1e-11)
    assert found.delta[0] == pytest.approx(sign * ndtr(sign * d1), abs=1e-14)
    assert found.gamma[0] == pytest.approx(density / (100.0 * deviation), rel=1e-11, abs=1e-15)
    assert found.slope[0] == pytest.approx(100.0 * density, rel=1e-11, abs=1e-12)


def test_exercise_gives_both_probabilities() -> None:
    """N(+-d1) and N(+-d2) of calls and puts on both sides of the money."""
    forward, strike = np.full(4, 100.0), np.array([80.0, 80.0, 120.0, 120.0])
    sign, deviation = np.array([1.0, -1.0, 1.0, -1.0]), np.full(4, 0.3)
    curve = normalized(-np.abs(np.log(forward / strike)), deviation)
    found = exercise(sign, forward, strike, curve)
    d1 = np.log(forward / strike) / 0.3 + 0.15
    assert found.upper == pytest.approx(ndtr(sign * d1), abs=1e-15)
    assert found.lower == pytest.approx(ndtr(sign * (d1 - 0.3)), abs=1e-15)
