"""The neural pricer: inside of its box without arbitrage and true to models; outside, refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing import chains
from trader.pricing import black_scholes, heston, neural
from trader.pricing.calibration import Calibrated, NotCalibrated, vol_quotes
from trader.pricing.columns import columns
from trader.pricing.models import Neural

if TYPE_CHECKING:
    from pathlib import Path

    from trader.pricing.normal import Array

PARAMETERS = (0.5, 0.55, 0.6, 0.6, -0.05, -0.06, 0.05, 0.05)
seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, count: int = 1) -> Array:
    """Return parameters of the box, a corner each fourth time: a row for each."""
    draw = np.random.default_rng(seed)
    low, high = (np.array([[getattr(one, to)] for one in neural.RANGES]) for to in ("low", "high"))
    share = draw.random((len(low), count))
    share = np.where(draw.random(count) < 0.25, share.round(), share)
    parameters: Array = low + (high - low) * share
    return parameters


def shown(vol: Array, years: Array) -> tuple[float, ...]:
    """Return the figures of a surface: `vol` at -1, 0 and 1 deviations (columns) of four expiries.

    The parameters as the module's docstring defines them.
    """
    total = vol[:, 1] ** 2 * years
    forward = np.sqrt(np.diff(total, prepend=0.0) / np.diff(years, prepend=0.0))
    down, at, up = vol[[0, 2]].T
    return (*forward, *((up - down) / (2.0 * at)), *((up + down - 2.0 * at) / (2.0 * at)))


def test_a_price_of_one_is_that_of_a_board() -> None:
    """Boards larger than what is computed at once; parameters of each option, or one set."""
    draw = np.random.default_rng(1)
    years, strike = draw.uniform(0.01, 1.4, 2_500), np.exp(draw.normal(0.0, 0.4, 2_500))
    board = np.asarray(Neural().price("put", 1.0, strike, years, *PARAMETERS))
    own = drawn(3, 2_500)
    mixed = np.asarray(Neural().price("put", 1.0, strike, years, *own))
    for row in (0, 1_023, 1_024, 2_499):
        alone = (float(strike[row]), float(years[row]))
        assert board[row] == pytest.approx(
            Neural().price("put", 1.0, *alone, *PARAMETERS), abs=1e-15
        )
        its = own[:, row].tolist()
        assert mixed[row] == pytest.approx(Neural().price("put", 1.0, *alone, *its), abs=1e-14)


def test_what_lies_outside_of_the_box_is_refused_by_name() -> None:
    """Each parameter, the time, and the strike against the forward: name, value, what may be."""
    for place, one in enumerate(neural.RANGES):
        for wrong in (one.low - 0.01, one.high + 0.01, float("nan")):
            asked = [*PARAMETERS[:place], wrong, *PARAMETERS[place + 1 :]]
            with pytest.raises(ValueError, match=rf"{one.name} = .*: must be .* \[{one.low}, "):
                Neural().price("call", 1.0, 1.0, 0.1, *asked)
    with pytest.raises(ValueError, match=r"years = 1\.51: must be .* \[0\.0, 1\.5\]"):
        Neural().price("call", 1.0, 1.0, 1.51, *PARAMETERS)
    with pytest.raises(ValueError, match=r"ln\(strike / forward\) = 4\.6\d+: .* \[-3\.0, 3\.0\]"):
        Neural().price("call", 1.0, 100.0, 0.1, *PARAMETERS)


@given(seeds)
@settings(max_examples=40)
def test_a_dense_grid_holds_no_arbitrage(seed: int) -> None:
    """201 strikes by 30 expiries, to rounding: bounds, monotone, convex, calendar. No exception."""
    strike = np.exp(np.linspace(-2.9, 2.9, 201))
    years = np.geomspace(0.5 / 365.0, 1.5, 30)[:, None]
    years[-1] = 1.5
    parameters = drawn(seed)[:, 0].tolist()
    call = np.asarray(Neural().price("call", 1.0, strike, years, *parameters))
    put = np.asarray(Neural().price("put", 1.0, strike, years, *parameters))
    assert (call >= np.maximum(1.0 - strike, 0.0)).all()
    assert (put >= np.maximum(strike - 1.0, 0.0)).all()
    assert (call <= 1.0).all()
    assert (put <= strike).all()
    assert (np.diff(call, axis=0) >= -1e-14).all()
    step = np.diff(strike)
    slope = np.diff(call, axis=1) / step
    assert (slope <= 1e-14 / step).all()
    assert (slope >= -1.0 - 1e-14 / step).all()
    assert (np.diff(slope, axis=1) >= -2e-14 / step[1:] - 2e-14 / step[:-1]).all()


@given(seeds)
@settings(max_examples=20)
def test_derivatives_are_differences(seed: int) -> None:
    """By every parameter; vega is the slope of all volatilities together."""
    draw = np.random.default_rng(seed)
    years, strike = draw.uniform(0.02, 1.2, 12), np.exp(draw.normal(0.0, 0.3, 12))
    at = [one.low + draw.uniform(0.05, 0.95) * (one.high - one.low) for one in neural.RANGES]
    options = columns("call", 1.0, strike, years, 0.0, at, neural.RANGES)
    worth, steep = neural.gradient(options)
    assert worth == pytest.approx(neural.value(options), abs=1e-14)

    def moved(rows: list[int]) -> Array:
        up, down = options.parameters.copy(), options.parameters.copy()
        up[rows] += 3e-6
        down[rows] -= 3e-6
        values = [neural.value(options._replace(parameters=one)) for one in (up, down)]
        return (values[0] - values[1]) / 6e-6

    for row in range(len(at)):
        assert steep[row] == pytest.approx(moved([row]), rel=1e-5, abs=1e-6)
    vega = neural.sensitivities(options).vega
    assert vega * 100.0 == pytest.approx(moved([0, 1, 2, 3]), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [(0.36, 4.0, 0.36, 1.5, -0.3), (0.5, 2.0, 0.3, 1.0, -0.5), (0.2, 10.0, 0.4, 4.0, -0.1)],
)
def test_a_surface_of_heston_comes_back_from_its_figures(parameters: tuple[float, ...]) -> None:
    """Told eight figures of a surface, it knows the rest to a point or so where these are taken."""
    years = np.array([7.0, 30.0, 120.0, 365.0]) / 365.0

    def vol(reach: Array) -> Array:
        """Return volatilities of strikes (a row for each expiry)."""
        strike, time = np.exp(reach), np.broadcast_to(years[:, None], reach.shape)
        kind = np.where(strike >= 1.0, 1, -1)
        worth = np.asarray(heston.price(kind, 1.0, strike, time, *parameters))
        return black_scholes.implied_vol(kind, worth, 1.0, strike, time).vol

    level = vol(np.zeros((4, 1)))
    reach = np.array([-1.0, 0.0, 1.0]) * level * np.sqrt(years)[:, None]
    known = vol(reach)
    figures = shown(known, years)
    kind = np.where(reach >= 0.0, 1, -1)
    worth = np.asarray(Neural().price(kind, 1.0, np.exp(reach), years[:, None], *figures))
    told = black_scholes.implied_vol(kind, worth, 1.0, np.exp(reach), years[:, None]).vol
    assert told == pytest.approx(known, abs=0.015)


def test_quotes_beyond_the_box_are_left_out() -> None:
    """An expiry of two years does not take part; with nothing else there is no calibration."""
    strike = np.tile(np.linspace(50_000.0, 80_000.0, 9), 2)
    years = np.repeat([0.1, 2.0], 9)
    found = Neural().calibrate(vol_quotes(65_000.0, strike, years, 0.6))
    assert isinstance(found, Calibrated)
    assert [(one.years, one.options) for one in found.expiries] == [(0.1, 9)]
    late = Neural().calibrate(vol_quotes(65_000.0, strike, 2.0, 0.6))
    assert late == NotCalibrated("0 quotes have weight: 9 are needed")
    assert Neural().calibrate(vol_quotes(65_000.0, 40.0 * strike, 0.1, 0.6)) == late


def test_inference_loads_numpy_alone() -> None:
    """Neither what trains networks nor what optimizes is imported to price with one."""
    probe = (
        "import sys; from trader.pricing.models import Neural; "
        f"Neural().price('call', 1.0, 1.0, 0.1, *{PARAMETERS!r}); "
        "print(*sorted({'sklearn', 'scipy', 'torch', 'pandas', 'numba'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.real_data
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_recorded_boards_calibrate_within_the_errors_of_the_card(
    real_data: Path, coin: str
) -> None:
    """Whole boards, each from the one before: two points off on average; none at an edge."""
    chain, start = chains.read(real_data, coin).near(2.5, days=1.0), None
    errors = []
    for at in np.unique(chain.at)[::60]:
        board = chain.take(chain.at == at)
        width = np.log(board.strike / board.forward) / (board.vol * np.sqrt(board.years))
        weight = np.exp(-0.5 * width**2)
        quotes = vol_quotes(board.forward, board.strike, board.years, board.vol, weight)
        found = Neural().calibrate(quotes, start)
        assert isinstance(found, Calibrated), found
        start = found.parameters
        errors.append(found.error)
        assert not found.at_bound
    assert max(errors) < 0.03
    assert np.mean(errors) < 0.02
