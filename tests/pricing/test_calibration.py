"""Fits: the parameters that made a board come back, and what no parameters fit says so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trader.pricing import black_scholes, heston, merton
from trader.pricing.calibration import (
    STALL_ERROR,
    Bound,
    Calibrated,
    NotCalibrated,
    VolQuotes,
    fit,
    vol_quotes,
)
from trader.pricing.columns import Columns
from trader.pricing.models import Heston, Merton
from trader.pricing.normal import Array

YEARS = np.repeat([7.0 / 365.0, 30.0 / 365.0, 0.25, 0.75], 9)
STRIKE = 65_000.0 * np.exp(np.tile(np.linspace(-1.5, 1.5, 9), 4) * 0.6 * np.sqrt(YEARS))
KIND = np.where(STRIKE >= 65_000.0, 1, -1)
FLAT = (Bound("vol", 0.01, 5.0, log=True),)


def board(worth: object) -> VolQuotes:
    """Return the volatilities that values imply."""
    vol = black_scholes.implied_vol(KIND, np.asarray(worth), 65_000.0, STRIKE, YEARS).vol
    return vol_quotes(65_000.0, STRIKE, YEARS, vol)


@pytest.mark.parametrize(
    "parameters",
    [(0.36, 2.0, 0.5, 1.0, -0.4), (0.3, 5.0, 0.4, 3.0, 0.1), (0.9, 8.0, 0.4, 2.0, -0.7)],
)
def test_heston_finds_what_made_a_board(parameters: tuple[float, ...]) -> None:
    """Also where Feller's condition is violated: all five come back."""
    found = Heston().calibrate(board(heston.price(KIND, 65_000.0, STRIKE, YEARS, *parameters)))
    assert isinstance(found, Calibrated)
    assert found.error < 1e-8
    assert found.parameters == pytest.approx(parameters, rel=1e-4)
    assert found.at_bound == ()


def test_merton_finds_what_made_a_board() -> None:
    """All four come back."""
    parameters = (0.5, 4.0, -0.12, 0.1)
    found = Merton().calibrate(board(merton.price(KIND, 65_000.0, STRIKE, YEARS, *parameters)))
    assert isinstance(found, Calibrated)
    assert found.parameters == pytest.approx(parameters, rel=1e-4)


def test_noise_is_told_as_error_per_expiry_and_in_total() -> None:
    """The error is the root mean square of what is left, by weight."""
    clean = board(heston.price(KIND, 65_000.0, STRIKE, YEARS, 0.36, 2.0, 0.5, 1.0, -0.4))
    noise = np.random.default_rng(3).normal(0.0, 0.01, STRIKE.size)
    weight = np.random.default_rng(4).uniform(0.5, 2.0, STRIKE.size)
    quotes = vol_quotes(65_000.0, STRIKE, YEARS, clean.vol + noise, weight)
    found = Heston().calibrate(quotes)
    assert isinstance(found, Calibrated)
    assert 0.005 < found.error < 0.0101
    fitted = board(heston.price(KIND, 65_000.0, STRIKE, YEARS, *found.parameters))
    apart = fitted.vol - quotes.vol
    total = math.sqrt(float(weight @ apart**2) / float(weight.sum()))
    assert found.error == pytest.approx(total)
    assert [one.years for one in found.expiries] == sorted(set(YEARS.tolist()))
    shares = [float(weight[one.years == YEARS].sum()) for one in found.expiries]
    squares = [share * one.error**2 for share, one in zip(shares, found.expiries, strict=True)]
    assert math.sqrt(sum(squares) / sum(shares)) == pytest.approx(found.error)


def test_weights_decide_and_zero_excludes() -> None:
    """A quote without weight changes nothing, however absurd."""
    clean = board(black_scholes.price(KIND, 65_000.0, STRIKE, YEARS, 0.6))
    vol, weight = clean.vol.copy(), np.ones(STRIKE.size)
    vol[3], weight[3] = 4.0, 0.0
    quotes = vol_quotes(65_000.0, STRIKE, YEARS, vol, weight)
    found = fit(black_scholes.gradient, FLAT, quotes, [(1.0,)])
    assert isinstance(found, Calibrated)
    assert found.parameters[0] == pytest.approx(0.6, rel=1e-9)
    assert sum(one.options for one in found.expiries) == STRIKE.size - 1


def test_a_parameter_at_an_edge_is_named() -> None:
    """A box that leaves out the answer ends at its edge, and the fit says which parameter."""
    quotes = board(black_scholes.price(KIND, 65_000.0, STRIKE, YEARS, 0.6))
    found = fit(black_scholes.gradient, (Bound("vol", 0.1, 0.5, log=True),), quotes, [(0.3,)])
    assert isinstance(found, Calibrated)
    assert found.parameters == pytest.approx((0.5,))
    assert found.at_bound == ("vol",)


def test_a_start_that_stalls_asks_for_others() -> None:
    """A first walk that ends far off is not the answer; a good one needs no second."""
    quotes = board(black_scholes.price(KIND, 65_000.0, STRIKE, YEARS, 0.6))

    def trap(options: Columns) -> tuple[Array, Array]:
        """Return Black-76, blind to its parameter above 80 %."""
        vol = np.minimum(options.parameters, 0.8)
        worth, slopes = black_scholes.gradient(options._replace(parameters=vol))
        return worth, np.where(options.parameters > 0.8, 0.0, slopes)

    stalled = fit(trap, FLAT, quotes, [(2.0,)])
    assert isinstance(stalled, Calibrated)
    assert stalled.error > STALL_ERROR
    found = fit(trap, FLAT, quotes, [(2.0,), (0.5,), (0.7,)])
    assert isinstance(found, Calibrated)
    assert found.error < 1e-9
    assert found.starts == 2


def test_a_model_that_returns_no_numbers_is_not_calibrated() -> None:
    """NaN from every start is a value with its reason."""

    def broken(options: Columns) -> tuple[Array, Array]:
        return np.full(options.forward.size, np.nan), np.ones((1, options.forward.size))

    quotes = board(black_scholes.price(KIND, 65_000.0, STRIKE, YEARS, 0.6))
    found = fit(broken, FLAT, quotes, [(0.5,), (1.0,)])
    assert found == NotCalibrated("no value of the model is a number from 2 starts")


def test_parameters_that_a_model_refuses_are_walked_around() -> None:
    """What lies in the box but not in the model's domain is no place to go, and no exception."""

    def narrow(options: Columns) -> tuple[Array, Array]:
        if (options.parameters > 0.9).any():
            raise ValueError("vol: too high for this model")
        return black_scholes.gradient(options)

    quotes = board(black_scholes.price(KIND, 65_000.0, STRIKE, YEARS, 0.88))
    found = fit(narrow, FLAT, quotes, [(2.0,), (math.nan,), (0.2,)])
    assert isinstance(found, Calibrated)
    assert found.parameters == pytest.approx((0.88,))
    assert found.starts == 3
    with pytest.raises(ValueError, match=r"start = \(0.5, 0.6\): must be vol"):
        fit(narrow, FLAT, quotes, [(0.5, 0.6)])


def test_a_board_that_nothing_fits_is_not_calibrated() -> None:
    """An error beyond a quarter of volatility is no fit."""
    wild = np.random.default_rng(1).uniform(0.1, 4.0, STRIKE.size)
    found = Heston().calibrate(vol_quotes(65_000.0, STRIKE, YEARS, wild))
    assert isinstance(found, NotCalibrated)
    assert "exceeds 25.0%" in found.reason


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("forward", 0.0), ("strike", -1.0), ("years", -0.1), ("vol", 0.0), ("vol", math.nan),
     ("weight", -1.0), ("weight", math.inf)],
)  # fmt: skip
def test_quotes_are_checked_by_name(field: str, wrong: float) -> None:
    """Field and value; so are options that have expired."""
    good = {"forward": 65_000.0, "strike": STRIKE, "years": YEARS, "vol": 0.6, "weight": 1.0}
    with pytest.raises(ValueError, match=f"{field} = {wrong!r}"):
        vol_quotes(**{**good, field: wrong})
    with pytest.raises(ValueError, match=r"years = 0.0: an expired option"):
        vol_quotes(65_000.0, STRIKE, 0.0, 0.6)
