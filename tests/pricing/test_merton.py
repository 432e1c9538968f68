"""Jumps: a sum written out, published tables, and what is left without jumps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr  # type: ignore[import-untyped]

from trader.pricing import black_scholes
from trader.pricing.columns import columns
from trader.pricing.merton import RANGES, gradient, greeks, price

FORWARD = 65_000.0


def written_out(
    forward: float, strike: float, years: float, vol: float, intensity: float, mean: float,
    std: float,
) -> float:  # fmt: skip
    """Return a call as 400 terms of the Poisson mixture, each by the textbook."""
    total, expected = 0.0, intensity * years
    growth = math.exp(mean + 0.5 * std * std)
    for n in range(400):
        weight = math.exp(n * math.log(expected) - expected - math.lgamma(n + 1.0))
        at = forward * math.exp(-expected * (growth - 1.0)) * growth**n
        s = math.sqrt(vol * vol * years + n * std * std)
        d1 = math.log(at / strike) / s + 0.5 * s
        total += weight * (at * float(ndtr(d1)) - strike * float(ndtr(d1 - s)))
    return total


@given(
    st.floats(-1.5, 1.5), st.floats(1.0 / 365.0, 1.0), st.floats(0.2, 3.0), st.floats(0.1, 60.0),
    st.floats(-0.4, 0.2), st.floats(0.01, 0.4),
)  # fmt: skip
@settings(max_examples=50)
def test_the_sum_agrees_with_400_terms(
    distance: float, years: float, vol: float, intensity: float, mean: float, std: float
) -> None:
    """To 1e-12 of the forward, whether one jump is to be expected or sixty."""
    strike = FORWARD * math.exp(distance * vol * math.sqrt(years))
    oracle = written_out(FORWARD, strike, years, vol, intensity, mean, std)
    found = price("call", FORWARD, strike, years, vol, intensity, mean, std)
    assert found == pytest.approx(oracle, abs=1e-12 * FORWARD)


def test_many_small_jumps_are_a_diffusion() -> None:
    """A series cut after 10 or 20 terms would miss nearly all: 500 jumps are to be expected."""
    intensity, std = 500.0, 0.02
    jumps = price("call", FORWARD, 70_000.0, 1.0, 0.3, intensity, -0.5 * std * std, std)
    vol = math.sqrt(0.3**2 + intensity * std**2)
    diffusion = black_scholes.price("call", FORWARD, 70_000.0, 1.0, vol)
    assert jumps == pytest.approx(diffusion, rel=2e-3)


@given(
    st.floats(0.5, 2.0), st.floats(0.0, 1.0), st.floats(0.0, 3.0), st.floats(-0.5, 0.5),
    st.floats(0.0, 0.5),
)  # fmt: skip
@settings(max_examples=50)
def test_without_jumps_it_is_black_scholes(
    ratio: float, years: float, vol: float, mean: float, std: float
) -> None:
    """None that arrive, or that move nothing: the value and each Greek of Black-76."""
    strike = FORWARD * ratio
    plain = black_scholes.price("put", FORWARD, strike, years, vol)
    shown = black_scholes.greeks("put", FORWARD, strike, years, vol)
    for jumps in ((0.0, mean, std), (7.0, 0.0, 0.0)):
        assert price("put", FORWARD, strike, years, vol, *jumps) == pytest.approx(
            plain, abs=1e-12 * FORWARD
        )
        for one, other in zip(
            greeks("put", FORWARD, strike, years, vol, *jumps), shown, strict=True
        ):
            assert one == pytest.approx(other, rel=1e-9, abs=1e-9)


def test_jumps_alone_move_the_price() -> None:
    """Without diffusion a value is that of one jump or more, and is intrinsic without either."""
    years, intensity, size = 0.5, 2.0, -0.3
    expected = intensity * years
    factor = math.exp(size)
    oracle = sum(
        math.exp(-expected) * expected**n / math.factorial(n)
        * max(70_000.0 - FORWARD * math.exp(-expected * (factor - 1.0)) * factor**n, 0.0)
        for n in range(60)
    )  # fmt: skip
    found = price("put", FORWARD, 70_000.0, years, 0.0, intensity, size, 0.0)
    assert found == pytest.approx(oracle, rel=1e-12)
    assert price("put", FORWARD, 70_000.0, years, 0.0, 0.0, size, 0.2) == 5_000.0


# Haug, The Complete Guide to Option Pricing Formulas, table of the jump-diffusion model: S = 100,
# r = 8 %, volatility 25 % of which the share gamma of the variance comes from jumps; a row per
# gamma and strike, over intensities 1, 5, 10 and years .1, .25, .5. His sum stops at 11 terms:
# for 80, 10 jumps a year and half a year he prints 23.28 where the whole series has 23.61.
HAUG = {
    (0.25, 80.0): (20.67, 21.74, 23.63, 20.65, 21.70, 23.61, 20.64, 21.70, 23.61),
    (0.25, 90.0): (11.00, 12.74, 15.40, 10.98, 12.75, 15.42, 10.98, 12.75, 15.42),
    (0.25, 100.0): (3.42, 5.88, 8.95, 3.51, 5.96, 9.02, 3.53, 5.97, 9.03),
    (0.25, 110.0): (0.55, 2.11, 4.67, 0.56, 2.16, 4.73, 0.56, 2.17, 4.74),
    (0.25, 120.0): (0.10, 0.64, 2.23, 0.06, 0.63, 2.25, 0.05, 0.62, 2.25),
}


@pytest.mark.parametrize(("gamma", "strike"), HAUG)
def test_table_of_haug(gamma: float, strike: float) -> None:
    """Every value to the cent that is printed."""
    found = []
    for intensity in (1.0, 5.0, 10.0):
        std = 0.25 * math.sqrt(gamma / intensity)
        vol = 0.25 * math.sqrt(1.0 - gamma)
        for years in (0.1, 0.25, 0.5):
            forward = 100.0 * math.exp(0.08 * years)
            jumps = (intensity, -0.5 * std * std, std)
            found.append(price("call", forward, strike, years, vol, *jumps, rate=0.08))
    assert found == pytest.approx(HAUG[gamma, strike], abs=0.0051)


def test_the_gradient_is_that_of_the_value() -> None:
    """By each parameter, against differences; the value beside it is the price."""
    strike = np.array([50_000.0, 65_000.0, 80_000.0])
    parameters = (0.5, 3.0, -0.1, 0.15)
    options = columns("call", FORWARD, strike, 0.3, 0.0, parameters, RANGES)
    worth, slopes = gradient(options)
    assert worth.tolist() == pytest.approx(
        np.asarray(price("call", FORWARD, strike, 0.3, *parameters)).tolist(), rel=1e-14
    )
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-5
        up, down = (
            np.asarray(price("call", FORWARD, strike, 0.3, *(np.array(parameters) + one)))
            for one in (step, -step)
        )
        assert slopes[place] == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_thousands_of_jumps_stay_below_the_bound() -> None:
    """What rounding adds to a long sum is not paid."""
    assert price("call", 1.0, 1.0, 2.9375, 9.0, 888.0, 0.0, 0.0) <= 1.0


def test_more_jumps_than_can_be_summed_are_refused() -> None:
    """With what is too large, by name."""
    with pytest.raises(ValueError, match=r"jump_intensity \* years"):
        price("call", FORWARD, 70_000.0, 100.0, 0.5, 1_000.0, 0.0, 0.1)
    with pytest.raises(ValueError, match="jump_mean: ln of the forward"):
        price("call", FORWARD, 70_000.0, 10.0, 0.5, 10.0, 2.0, 1.0)
