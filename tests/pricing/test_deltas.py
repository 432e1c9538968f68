"""Tests of `trader.pricing.deltas`: both ways against the Greeks, and at their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.pricing.black_scholes import greeks
from trader.pricing.columns import Flag
from trader.pricing.deltas import delta, delta_each


@given(
    st.sampled_from(("call", "put")),
    st.floats(100.0, 500_000.0),
    st.floats(0.4, 2.5),
    st.floats(1.0 / 365.0, 2.0),
    st.floats(0.1, 3.0),
)
def test_delta_alone_is_that_of_all_greeks(
    kind: Flag, forward: float, relative: float, years: float, vol: float
) -> None:
    """The quick ways for many options give the same deltas."""
    sign = np.array([1.0 if kind == "call" else -1.0])
    strike = forward * relative
    option = np.array([forward]), np.array([strike]), np.array([years]), np.array([vol])
    full = greeks(kind, forward, strike, years, vol).delta
    assert delta(sign, *option)[0] == pytest.approx(full, abs=1e-14)
    one_by_one = delta_each(sign.tolist(), *(column.tolist() for column in option))
    assert one_by_one == [pytest.approx(full, abs=1e-14)]


def test_delta_alone_knows_its_limits() -> None:
    """Without time a delta is 0 or 1 of its sign, a half at the money."""
    sign = np.array([1.0, 1.0, 1.0, -1.0, -1.0])
    forward = np.array([2.0, 1.0, 0.5, 2.0, 0.5])
    one = np.ones(5)
    limits = [1.0, 0.5, 0.0, 0.0, -1.0]
    assert delta(sign, forward, one, 0 * one, one).tolist() == limits
    columns = (sign, forward, one, 0 * one, one)
    assert delta_each(*(column.tolist() for column in columns)) == limits


@pytest.mark.parametrize("value", [math.nan, 0.0, -1.0, math.inf])
def test_without_a_forward_or_a_volatility_there_is_no_delta(value: float) -> None:
    """One row that says nothing leaves its neighbors alone."""
    known, *unknown = delta_each(
        [1.0] * 3, [1.0, value, 1.0], [1.0] * 3, [0.0] * 3, [1.0, 1.0, value]
    )
    assert known == 0.5
    assert all(map(math.isnan, unknown))
