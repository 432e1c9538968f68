"""Is the surface free of static arbitrage wherever its parameters are allowed?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trader.pricing.black_scholes import price
from trader.pricing.surface import Smile, Term

RHO = st.floats(-0.9, 0.9)
SHARE = st.floats(0.05, 1.0)
VOL = st.floats(0.2, 1.5)


def _smile(rho: float, share: float) -> Smile:
    return Smile(rho, share * math.sqrt(4 / (1 + abs(rho))))


@given(RHO, SHARE, VOL, st.floats(1 / 365, 0.8))
def test_no_butterfly_is_free(rho: float, share: float, level: float, years: float) -> None:
    """Call prices fall and are convex in the strike, for every smile that can be made."""
    deviation = level * math.sqrt(years)
    k = np.linspace(-6, 6, 801) * deviation
    strike = np.exp(k)
    vol = _smile(rho, share).vol(np.full(801, level), np.full(801, years), k)
    calls = price(1, 1.0, strike, years, vol)
    slope = np.diff(calls) / np.diff(strike)
    assert (slope <= 1e-9).all()
    assert (np.diff(slope) >= -1e-7).all()


@given(RHO, SHARE, VOL, VOL, st.floats(0.5, 12.0))
def test_no_calendar_is_free(
    rho: float, share: float, level: float, long_run: float, kappa: float
) -> None:
    """Total variance at a fixed ln(K/F) rises with the expiry, at every strike."""
    years = np.linspace(1 / 365, 1.5, 60)[:, None]
    k = np.linspace(-1.0, 1.0, 21)[None, :]
    levels = Term(kappa=kappa).level(np.asarray(level), np.asarray(long_run), years)
    total = _smile(rho, share).vol(levels, years, k) ** 2 * years
    assert (np.diff(total, axis=0) >= -1e-9).all()


@given(RHO, SHARE, VOL)
def test_at_the_money_the_smile_is_its_level(rho: float, share: float, level: float) -> None:
    """Whatever the shape."""
    vol = _smile(rho, share).vol(np.array([level]), np.array([0.1]), np.zeros(1))
    assert vol[0] == pytest.approx(level, rel=1e-12)


@given(VOL, VOL)
def test_the_term_structure_meets_its_two_ends(level: float, long_run: float) -> None:
    """At thirty days it is the level; far out it nears the long run."""
    assume(level > 0.5 * long_run)
    term = Term()
    ends = np.array([30 / 365, 400.0])
    near, far = term.level(np.asarray(level), np.asarray(long_run), ends)
    assert near == pytest.approx(level, rel=1e-9)
    assert far == pytest.approx(long_run, rel=0.03)


@pytest.mark.parametrize(
    ("rho", "eta", "said"),
    [
        (1.0, 0.5, "rho 1.0 must lie"),
        (float("nan"), 0.5, "rho nan must lie"),
        (0.0, 0.0, "eta 0.0 must be"),
        (0.0, float("inf"), "eta inf must be"),
        (0.5, 1.9, "eta 1.9 with rho 0.5 allows butterfly arbitrage"),
    ],
)
def test_a_shape_that_allows_arbitrage_is_refused(rho: float, eta: float, said: str) -> None:
    """By name and value, with the bound."""
    with pytest.raises(ValueError, match=said):
        Smile(rho, eta)


@pytest.mark.parametrize("kappa", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(kappa: float) -> None:
    """The term structure must revert."""
    with pytest.raises(ValueError, match="kappa"):
        Term(kappa=kappa)
