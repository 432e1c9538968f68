"""Are compiled Heston chains those of numpy, over all that is valid?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing.twice import twice
from trader.pricing import heston, kernels
from trader.pricing.columns import columns
from trader.pricing.heston import RANGES
from trader.pricing.heston_kernel import GRADIENT, SIGMA_MIN, VALUE

STRIKE = np.exp(np.linspace(-2.0, 2.0, 9))
TAME, VIOLATING = (0.45, 2.0, 0.6, 0.9, -0.45), (0.1, 1.0, 0.1, 3.0, -0.3)


@given(
    st.floats(-8.0, 1.0).map(math.exp),
    st.tuples(
        st.floats(0.0, 100.0), st.floats(1e-8, 1e3), st.floats(0.0, 100.0),
        st.floats(0.0, 100.0), st.floats(-0.9999, 0.9999),
    ),
)  # fmt: skip
@settings(max_examples=100)
def test_prices_of_the_whole_domain(years: float, parameters: tuple[float, ...]) -> None:
    """Within 1e-11 of spot wherever parameters are valid."""
    numpy, compiled = twice(
        lambda: np.asarray(heston.price("call", 1.0, STRIKE, years, *parameters))
    )
    assert compiled == pytest.approx(numpy, abs=1e-11)


@given(
    st.floats(1.0 / 365.0, 1.0),
    st.tuples(
        st.floats(0.04, 9.0), st.floats(1.0, 10.0), st.floats(0.04, 9.0), st.floats(0.05, 3.0),
        st.floats(-0.95, 0.95),
    ),
)  # fmt: skip
@settings(max_examples=100)
def test_prices_and_gradients_of_what_trades(years: float, parameters: tuple[float, ...]) -> None:
    """Values to 1e-13 of spot; derivatives to 1e-11 of the largest of their kind."""
    options = columns("put", 1.0, STRIKE, years, 0.0, parameters, RANGES)
    (value, slopes), (fast_value, fast_slopes) = twice(lambda: heston.gradient(options))
    assert fast_value == pytest.approx(value, abs=1e-13)
    for slope, fast in zip(slopes, fast_slopes, strict=True):
        assert fast == pytest.approx(slope, abs=1e-11 * max(1.0, float(np.abs(slope).max())))


@pytest.mark.parametrize("parameters", [TAME, VIOLATING])
def test_a_chain_in_any_order(parameters: tuple[float, ...]) -> None:
    """Expiries mixed up: each option has the value it has in a sorted chain, by either rule."""
    years = np.tile([0.9, 0.02, 0.3], 3)
    order = np.argsort(years, kind="stable")
    mixed, tidy = (
        twice(lambda k=k, t=t: np.asarray(heston.price("call", 1.0, k, t, *parameters)))[1]  # type: ignore[misc]
        for k, t in ((STRIKE, years), (STRIKE[order], years[order]))
    )
    assert mixed[order].tolist() == tidy.tolist()


def test_more_strikes_than_fit_at_once() -> None:
    """A maturity of several parts is that of numpy."""
    strike = np.exp(np.linspace(-1.0, 1.0, 200))
    for parameters in (TAME, VIOLATING):
        numpy, compiled = twice(
            lambda p=parameters: np.asarray(heston.price("call", 1.0, strike, 0.2, *p))  # type: ignore[misc]
        )
        assert compiled == pytest.approx(numpy, abs=1e-14)


def test_what_it_refuses_numpy_does() -> None:
    """Next to no vol-of-vol, or more maturities than there is room for: no answer of its own."""
    still = (*TAME[:3], 0.5 * SIGMA_MIN, TAME[4])
    many = np.linspace(0.01, 1.0, 500)
    one = columns("call", 1.0, STRIKE, 0.2, 0.0, still, RANGES)
    other = columns("call", 1.0, 1.0, many, 0.0, TAME, RANGES)
    for options in (one, other):
        k = np.log(options.strike)
        assert twice(lambda k=k, o=options: kernels.heston(o, k, VALUE)) == (None, None)  # type: ignore[misc]
        numpy, compiled = twice(lambda o=options: heston.value(o))  # type: ignore[misc]
        assert compiled == pytest.approx(numpy, abs=1e-14)


def test_what_overflows_numpy_does() -> None:
    """A corner of the domain where the compiled loop finds no number."""
    corner = (0.0, 1e-8, 1.2e-6, 100.0, -0.9999)
    options = columns("call", 1.0, STRIKE, 0.135, 0.0, corner, RANGES)
    assert twice(lambda: kernels.heston(options, np.log(STRIKE), VALUE)) == (None, None)
    numpy, compiled = twice(lambda: heston.value(options))
    assert compiled.tolist() == numpy.tolist()


def test_without_variance_nothing_is_left_to_integrate() -> None:
    """Zero, with a control of no deviation."""
    options = columns("call", 1.0, STRIKE, 0.5, 0.0, (0.0, 1.0, 0.0, 1.0, 0.0), RANGES)
    _, found = twice(lambda: kernels.heston(options, np.log(STRIKE), GRADIENT))
    assert found is not None
    assert not found[0].any()
    assert not found[1].any()
