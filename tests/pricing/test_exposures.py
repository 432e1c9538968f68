"""Are exposures what a position gains in USD by a step of the market?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.pricing.black_scholes import price
from trader.pricing.exposures import NOTHING, Exposure, option_exposure

FORWARD = st.floats(100.0, 200_000.0)
MONEYNESS = st.floats(0.6, 1.6)
YEARS = st.floats(0.5 / 365, 1.0)
VOL = st.floats(0.2, 2.0)
SIGN = st.sampled_from((1, -1))


@given(SIGN, FORWARD, MONEYNESS, YEARS, VOL)
def test_exposures_are_differences_of_the_price(
    sign: int, forward: float, moneyness: float, years: float, vol: float
) -> None:
    """Delta, gamma and vega per step, against central differences of Black-76."""
    strike = forward * moneyness

    def worth(at: float, sigma: float = vol) -> float:
        return price(sign, at, strike, years, sigma)

    found = option_exposure(sign, forward, strike, years, vol)
    small = 1e-4 * forward
    slope = (worth(forward + small) - worth(forward - small)) / (2 * small)
    bend = (worth(forward + small) - 2 * worth(forward) + worth(forward - small)) / small**2
    vega = (worth(forward, vol + 1e-5) - worth(forward, vol - 1e-5)) / 2e-5
    assert found.delta == pytest.approx(slope * forward * 0.01, rel=1e-3, abs=1e-6 * forward)
    assert found.gamma == pytest.approx(bend * (forward * 0.01) ** 2, rel=1e-2, abs=1e-5 * forward)
    assert found.vega == pytest.approx(vega * 0.01, rel=1e-4, abs=1e-8 * forward)


def test_the_vector_of_the_decisions() -> None:
    """F 65,000, K 70,000, 30 days at 60 %: a delta of .3651162496, for 1 % of 65,000."""
    call = option_exposure(1, 65_000.0, 70_000.0, 30 / 365, 0.6)
    put = option_exposure(-1, 65_000.0, 70_000.0, 30 / 365, 0.6)
    assert call.delta == pytest.approx(0.3651162496 * 650.0)
    assert put.delta == pytest.approx(-0.6348837504 * 650.0)
    assert (call.gamma, call.vega) == pytest.approx((put.gamma, put.vega))


@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.6), (0.1, 0.0), (0.0, 0.0)])
def test_limits_are_steps_without_a_bend(years: float, vol: float) -> None:
    """No time or no volatility left: a delta of one, a half or none, no gamma; vega by time."""
    deltas = [
        option_exposure(1, 100.0, strike, years, vol).delta for strike in (90.0, 100.0, 110.0)
    ]
    assert deltas == [1.0, 0.5, 0.0]
    found = option_exposure(1, 100.0, 100.0, years, vol)
    assert found.gamma == 0.0
    assert found.vega == pytest.approx(math.sqrt(years) / math.sqrt(2 * math.pi))


def test_exposures_add_up_signed() -> None:
    """Two bought and one of another sold."""
    one, other = Exposure(1.0, 2.0, 3.0), Exposure(10.0, 20.0, 30.0)
    assert NOTHING.plus(one, 2.0).plus(other, -1.0) == Exposure(-8.0, -16.0, -24.0)
