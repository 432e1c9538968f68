"""What makers quote: on the grid, around the mark, and the volatilities it implies."""

import numpy as np
import pytest

from trader.deribit.simulator.makers import Grid, contracts_shown, on_step, quoted_deviations
from trader.deribit.simulator.products import OPTIONS
from trader.pricing.black_scholes import price


@pytest.mark.parametrize("product", OPTIONS)
def test_two_sides_enclose_the_mark_on_ticks(product: str) -> None:
    """For any mark and width the sides are on the grid with the mark between them."""
    terms = OPTIONS[product]
    grid = Grid(terms)
    ((above, wide),) = terms.tick_size_steps
    marks = np.geomspace(terms.tick_size / 100.0, 400.0 * above, 2_000)
    for width in (0.2, 1.0, 7.0, 40.0):
        bid, ask = grid.two_sides(marks, np.full(marks.shape, width * terms.tick_size))
        assert (bid <= marks).all()
        assert (marks <= ask).all()
        assert (bid < ask).all()
        for side in (bid, ask):
            steps = side / np.where(side > above, wide, terms.tick_size)
            assert np.abs(steps - np.round(steps)).max() < 1e-4


def test_spreads_widen_with_distance_and_volatility() -> None:
    """Half spreads rise with distance from the money, volatility and the maker's mood."""
    grid = Grid(OPTIONS["BTC_USDC"])
    one = np.ones(1)

    def half(vol: float, distance: float, mood: float) -> float:
        spread = grid.half_spread(800.0 * one, 9_000.0 * one, vol * one, distance * one, mood * one)
        return float(spread[0])

    assert half(0.5, 0.0, 0.5) < half(0.5, 3.0, 0.5)
    assert half(0.5, 0.0, 0.5) < half(1.5, 0.0, 0.5)
    assert half(0.5, 0.0, 0.0) < half(0.5, 0.0, 1.0)


def test_sizes_are_whole_and_never_zero() -> None:
    """Sizes round to the step, at least one; contracts likewise."""
    assert on_step(np.array([0.0, 0.04, 0.26]), 0.1).tolist() == [0.1, 0.1, 0.3]
    assert contracts_shown(0.001, 0.5) == 1
    assert contracts_shown(100.0, 0.5) == 100


def test_quoted_deviations_invert_prices() -> None:
    """Prices of known volatilities give them back; what no volatility explains gives 0."""
    strikes, years, vol = np.linspace(0.6, 1.6, 41), 0.15, 0.6
    sign = np.where(np.arange(41) % 2, 1.0, -1.0)
    mark = price(sign, 1.0, strikes, years, np.full(41, vol))
    other = price(sign, 1.0, strikes, years, np.full(41, 0.63))
    root = np.sqrt(years)
    vega = (price(sign, 1.0, strikes, years, np.full(41, vol + 1e-4)) - mark) / 1e-4 / root
    sides = np.stack((other, np.zeros(41)))
    found, none = quoted_deviations(sign, strikes, np.full(41, vol * root), mark, vega, sides)
    assert found / root == pytest.approx(np.full(41, 0.63), rel=1e-6)
    assert not none.any()
