"""Heston's characteristic function: what it must be at once, and where moments explode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.pricing.characteristic import Maturities, exponents, log_moment, rates, slopes

parameters = st.tuples(
    st.floats(1.0 / 365.0, 2.0), st.floats(0.01, 4.0), st.floats(0.5, 10.0), st.floats(0.01, 2.0),
    st.floats(0.05, 3.0), st.floats(-0.95, 0.95),
)  # fmt: skip
TAME = (0.5, 0.36, 2.0, 0.49, 0.9, -0.4)


def maturity(*one: float) -> Maturities:
    """Return a single maturity: years and parameters."""
    return Maturities(*(np.array([value]) for value in one))


def log_function(model: Maturities, z: complex) -> complex:
    """Return ln E[(S_T / F)^(iz)]."""
    at = exponents(model, np.array([z]), np.array([1j * z + z * z]))
    return complex((model.theta * at.a + model.v0 * at.d)[0])


@given(parameters)
@settings(max_examples=40)
def test_probabilities_sum_to_one_and_the_forward_is_kept(one: tuple[float, ...]) -> None:
    """E[1] = 1 and E[S_T / F] = 1, which is z = 0 and z = -i."""
    model = maturity(*one)
    for z in (1e-12 + 0j, 1e-12 - 1j):
        assert abs(log_function(model, z)) < 1e-9


@given(parameters, st.floats(-40.0, 40.0), st.floats(-0.9, 0.0))
@settings(max_examples=60)
def test_it_solves_its_riccati_equation(
    one: tuple[float, ...], real: float, imaginary: float
) -> None:
    """The slope in time is that of the differential equation, in the strip that prices use."""
    years, *rest = one
    z = complex(real, imaginary)
    step = 1e-6 * years
    up, down = (log_function(maturity(years + change, *rest), z) for change in (step, -step))
    model = maturity(*one)
    q = np.array([1j * z + z * z])
    told = complex(rates(model, q, exponents(model, np.array([z]), q))[0])
    assert told == pytest.approx((up - down) / (2.0 * step), rel=1e-5, abs=1e-5 * (1.0 + abs(z)))


def test_the_logarithm_does_not_jump() -> None:
    """Along the real line it turns smoothly even after ten years, where the original one breaks."""
    model = maturity(10.0, 0.04, 0.5, 0.04, 1.0, -0.9)
    u = np.linspace(0.0, 60.0, 4_001)
    at = exponents(model, u - 0.5j, u * u + 0.25)
    turned = (model.theta * at.a + model.v0 * at.d).imag
    assert np.abs(np.diff(turned, n=2)).max() < 1e-2


def test_without_vol_of_vol_it_is_lognormal() -> None:
    """The exponent is that of the expected variance, and nothing cancels on the way there."""
    z = 7.0 - 0.5j
    for tiny in (0.0, 1e-200, 1e-12, 1e-8):
        model = maturity(0.5, 0.36, 2.0, 0.49, tiny, -0.4)
        lognormal = -0.5 * float(model.variance()[0]) * (1j * z + z * z)
        assert log_function(model, z) == pytest.approx(lognormal, rel=1e-6 if tiny else 1e-14)


@given(parameters, st.floats(0.0, 1.0))
@settings(max_examples=60)
def test_moments_are_the_function_on_the_imaginary_axis(
    one: tuple[float, ...], share: float
) -> None:
    """Real moments between 0 and 1 exist always, and both formulas agree on them."""
    model = maturity(*one)
    moment = float(log_moment(model, np.array([share]))[0])
    assert moment == pytest.approx(log_function(model, -1j * share).real, rel=1e-7, abs=1e-9)
    assert moment <= 1e-12


def test_moments_explode() -> None:
    """A high moment is finite for a while and infinite afterwards, as Andersen and Piterbarg say.

    With rho = 0, kappa = 0 (nearly) and p = 2 the time is pi / (vol_of_vol sqrt(p (p - 1))).
    """
    explodes = np.pi / np.sqrt(2.0)
    for years, finite in ((0.99 * explodes, True), (1.01 * explodes, False)):
        model = maturity(years, 0.04, 1e-8, 0.04, 1.0, 0.0)
        assert np.isfinite(log_moment(model, np.array([2.0]))[0]) == finite


def test_the_forward_is_kept_whatever_rounds() -> None:
    """Moments 0 and 1 are one, also where variance would explode under the forward's measure."""
    model = maturity(4.0, 0.0, 4.0, 4.0, 18.0, 0.75)
    assert log_moment(model, np.array([0.0, 1.0])).tolist() == [0.0, 0.0]
    assert np.isinf(log_moment(model, np.array([1.5]))[0])


def test_small_vol_of_vol_bounds_its_moments() -> None:
    """Next to none gives a bound a tenth above the lognormal one."""
    model = maturity(0.5, 0.36, 2.0, 0.49, 0.0, 0.0)
    bound = float(log_moment(model, np.array([3.0]))[0])
    assert bound == pytest.approx(1.1 * 3.0 * float(model.variance()[0]))


@pytest.mark.parametrize("place", range(5))
def test_slopes_are_those_of_the_exponent(place: int) -> None:
    """By v0, kappa, theta, vol_of_vol and rho, against differences."""
    z = np.array([3.0 - 0.5j, 30.0 - 0.5j])
    q = 1j * z + z * z
    model = maturity(*TAME)
    told = slopes(model, z, q, exponents(model, z, q))[place]

    def moved(change: float) -> np.ndarray:
        one = list(TAME)
        one[1 + place] += change
        there = maturity(*one)
        at = exponents(there, z, q)
        return np.asarray(there.theta * at.a + there.v0 * at.d)

    assert told == pytest.approx((moved(1e-6) - moved(-1e-6)) / 2e-6, rel=1e-6)
