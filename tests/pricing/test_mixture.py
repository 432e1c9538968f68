"""The mixture: whatever its parts, what they price admits no arbitrage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.pricing import black_scholes
from trader.pricing.columns import columns
from trader.pricing.mixture import BUCKETS, NODES, PARTS, mixture, slopes, spent, values
from trader.pricing.normal import Array

YEARS = np.array([1.0 / 365.0, 7.0 / 365.0, 0.05, 0.2, 0.7, 1.5])
VARIANCE = np.array([[0.3], [0.5], [0.2], [0.4]])
seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, columns_: int = 1) -> Array:
    """Return parts that nobody trained."""
    return np.random.default_rng(seed).normal(0.0, 1.0, (PARTS, columns_))


def worth(parts: Array, years: float, strike: Array, variance: Array = VARIANCE) -> Array:
    """Return calls on 1."""
    options = columns("call", 1.0, strike, years, 0.0)
    mixed = mixture(parts, variance * spent(options.years)[0])
    return values(options, mixed) + options.intrinsic()


def test_buckets_take_all_of_the_time_in_turn() -> None:
    """The parts add up to the years; the first week is the first bucket's, the last year not."""
    years = np.linspace(0.0, 1.5, 2_000)
    part, rate = spent(years)
    assert part.sum(axis=0) == pytest.approx(years, abs=1e-15)
    assert (np.diff(part, axis=1) >= -1e-17).all()
    step = 1e-7
    slope = (spent(years[1:] + step)[0] - spent(years[1:] - step)[0]) / (2.0 * step)
    assert rate[:, 1:] == pytest.approx(slope, abs=1e-8)
    day, year = spent(np.array([1.0 / 365.0, 1.0]))[0].T
    assert day[0] > 0.999 * day.sum()
    assert year[:-1].sum() < 0.34 * year.sum()


def test_values_are_those_of_lognormal_parts() -> None:
    """Independent nodes and one deviation: the average of Black-76 over all pairs, exactly."""
    parts = drawn(5)[:, 0]
    variance = (VARIANCE * spent(np.array([0.3]))[0])[:, 0]
    start, components = BUCKETS, [(1.0, 1.0)]
    for nodes in NODES:
        g = np.sqrt(np.exp(parts[start : start + BUCKETS]) @ variance)
        node, logit = parts[start + BUCKETS :][:nodes], parts[start + BUCKETS + nodes :][:nodes]
        chance = np.exp(logit) / np.exp(logit).sum()
        place = np.exp(g * node) / (chance @ np.exp(g * node))
        components = [
            (p * q, m * n) for p, m in components for q, n in zip(chance, place, strict=True)
        ]
        start += BUCKETS + 2 * nodes
    s = float(np.sqrt(np.exp(parts[:BUCKETS]) @ variance))
    strike = np.array([0.3, 0.8, 1.0, 1.2, 3.0])
    expected = sum(p * black_scholes.price("call", m, strike, 1.0, s) for p, m in components)
    assert worth(parts[:, None], 0.3, strike) == pytest.approx(expected, abs=1e-15)
    assert sum(p * m for p, m in components) == pytest.approx(1.0, abs=1e-15)


@given(seeds)
@settings(max_examples=50)
def test_no_parts_admit_arbitrage(seed: int) -> None:
    """Bounds, slopes, convexity and calendar hold to rounding, however wild the parts."""
    parts = drawn(seed)
    strike = np.exp(np.linspace(-2.0, 2.0, 81))
    board = np.array([worth(parts, float(one), strike) for one in YEARS])
    assert (board >= np.maximum(1.0 - strike, 0.0)).all()
    assert (board <= 1.0).all()
    assert (np.diff(board, axis=0) >= -1e-15).all()
    rounding = 1e-15 / np.diff(strike).min()
    slope = np.diff(board, axis=1) / np.diff(strike)
    assert (slope <= rounding).all()
    assert (slope >= -1.0 - rounding).all()
    assert (np.diff(slope, axis=1) >= -4.0 * rounding).all()


@given(seeds)
@settings(max_examples=20)
def test_slopes_are_differences(seed: int) -> None:
    """By each part and each bucket's variance, and by the forward once and twice."""
    draw = np.random.default_rng(seed)
    years = draw.uniform(0.02, 1.0, 9)
    strike = np.exp(draw.normal(0.0, 0.4, 9))
    options = columns("call", 1.0, strike, years, 0.0)
    parts, variance = drawn(seed, 9), VARIANCE * spent(years)[0]
    found = slopes(options, mixture(parts, variance), variance)

    def value(parts: Array = parts, variance: Array = variance, forward: float = 1.0) -> Array:
        moved = options._replace(forward=np.full(9, forward))
        return values(moved, mixture(parts, variance)) + moved.intrinsic()

    assert found.value == pytest.approx(values(options, mixture(parts, variance)), abs=1e-15)
    for row in range(PARTS):
        step = 1e-6 * (np.arange(PARTS) == row)[:, None]
        slope = (value(parts + step) - value(parts - step)) / 2e-6
        assert found.by_part[row] == pytest.approx(slope, rel=1e-6, abs=1e-7)
    for row in range(BUCKETS):
        step = 1e-4 * variance * (np.arange(BUCKETS) == row)[:, None]
        slope = (value(parts, variance + step) - value(parts, variance - step)) / 2e-4
        assert found.by_variance[row] * variance[row] == pytest.approx(slope, rel=1e-6, abs=1e-9)
    tick = 1e-4
    higher, lower = value(forward=1.0 + tick), value(forward=1.0 - tick)
    inside = (strike < 1.0).astype(np.float64)
    assert found.up + inside == pytest.approx((higher - lower) / (2.0 * tick), abs=1e-4)
    curve = (higher - 2.0 * value() + lower) / tick**2
    assert found.curved == pytest.approx(curve, rel=2e-3, abs=1e-3)


@given(seeds)
@settings(max_examples=30)
def test_nothing_is_left_where_nothing_deviates(seed: int) -> None:
    """No variance: out-of-the-money values and all slopes but that by the forward are zero."""
    options = columns("call", 1.0, np.array([0.9, 1.0, 1.1]), 0.0, 0.0)
    nothing, parts = np.zeros((BUCKETS, 3)), drawn(seed, 3)
    found = slopes(options, mixture(parts, nothing), nothing)
    assert values(options, mixture(parts, nothing)) == pytest.approx(0.0, abs=1e-300)
    assert found.value == pytest.approx(0.0, abs=1e-300)
    assert np.isfinite(found.by_part).all()
    assert not found.by_variance.any()
    assert not found.curved.any()
