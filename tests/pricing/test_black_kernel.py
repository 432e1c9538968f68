"""Are compiled boards and implied volatilities those of numpy, over all that is valid?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing.twice import twice
from trader.pricing import black_scholes
from trader.pricing.black_kernel import BLOCK
from trader.pricing.normalized import normalized, total_deviation

levels = st.floats(-9.0, 15.0).map(lambda power: 10.0**power)
rows = st.lists(
    st.tuples(
        st.sampled_from((1.0, -1.0)),
        levels,
        st.floats(-1.0, 1.0).map(lambda power: 10.0**power),
        st.one_of(st.just(0.0), st.floats(-6.0, 3.0).map(lambda power: 10.0**power)),
        st.one_of(st.just(0.0), st.floats(-6.0, 3.0).map(lambda power: 10.0**power)),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


@given(rows, st.sampled_from((0.0, 0.05, -0.01)))
@settings(max_examples=100)
def test_price_and_greeks_are_those_of_numpy(board: list[tuple[float, ...]], rate: float) -> None:
    """To the rounding of the larger of forward and strike, over the whole domain; at limits too."""
    sign, forward, ratio, years, vol = np.array(board).T
    strike = np.clip(forward * ratio, 1e-9, 1e15)
    years = np.where(rate == 0.0, years, np.minimum(years, 10.0))
    numpy, compiled = twice(
        lambda: black_scholes.price_and_greeks(sign, forward, strike, years, vol, rate)
    )
    scale = np.maximum(forward, strike) * np.exp(-rate * years)
    assert (np.abs(compiled[0] - numpy[0]) <= 2e-15 * scale).all()
    # what a rounding of F / K alone changes: that of the distance, in deviations
    steep = 1.0 + 4.0 / np.maximum(vol * np.sqrt(years), 1e-6)
    for name, ours, theirs in zip(numpy[1]._fields, compiled[1], numpy[1], strict=True):
        size = np.abs(theirs) + (strike / forward if name == "net_delta" else 1.0) * 1e-3
        if name in {"vega", "theta", "rho"}:
            size = np.abs(theirs) + scale * (1.0 + years + vol) * 1e-3
        assert (np.abs(ours - theirs) <= 1e-14 * size * steep * steep + 1e-300).all(), name


def test_a_board_of_many_blocks_is_that_of_its_options() -> None:
    """Neither the first, the last nor the one across an edge differs from itself alone."""
    draw = np.random.default_rng(5)
    size = 3 * BLOCK + 7
    strike = 65_000.0 * np.exp(draw.normal(0.0, 0.3, size))
    years, vol = draw.uniform(0.001, 2.0, size), draw.uniform(0.1, 3.0, size)
    _, (worth, shown) = twice(
        lambda: black_scholes.price_and_greeks("put", 65_000.0, strike, years, vol)
    )
    for place in (0, BLOCK - 1, BLOCK, 3 * BLOCK + 6):
        at, until, sigma = (float(one[place]) for one in (strike, years, vol))
        alone, greeks = twice(
            lambda at=at, until=until, sigma=sigma: black_scholes.price_and_greeks(  # type: ignore[misc]
                "put", 65_000.0, at, until, sigma
            )
        )[1]
        assert worth[place] == alone[0]
        assert [one[place] for one in shown] == [one[0] for one in greeks]


def test_columns_that_are_views_are_taken() -> None:
    """Strided and read-only arrays price as their copies do."""
    strikes = np.linspace(40_000.0, 90_000.0, 22)
    strikes.setflags(write=False)
    _, views = twice(lambda: black_scholes.price("call", 65_000.0, strikes[::2], 0.2, 0.5))
    _, copies = twice(lambda: black_scholes.price("call", 65_000.0, strikes[::2].copy(), 0.2, 0.5))
    assert views.tolist() == copies.tolist()


@pytest.mark.parametrize(
    ("reach", "low", "high"),
    [(0.01, -4.0, -1.0), (0.3, -2.0, 0.0), (1.0, -1.0, 0.5), (3.0, -2.0, 1.2), (30.0, -1.0, 1.2)],
)
@pytest.mark.parametrize("factor", [None, 0.3, 0.95, 3.0])
def test_inversion_recovers_the_deviation(
    reach: float, low: float, high: float, factor: float | None
) -> None:
    """From its own start or a guess, s comes back to 3e-13 wherever b tells it."""
    random = np.random.default_rng(3)
    y = -np.abs(random.normal(size=20_000)) * reach
    s = 10.0 ** random.uniform(low, high, 20_000)
    value = normalized(y, s).value
    kept = (value > 1e-300) & (value < np.exp(0.5 * y) * 0.999)
    y, s, value = y[kept], s[kept], value[kept]
    guess = None if factor is None else factor * s
    for found in twice(lambda: total_deviation(y, value, guess)):
        assert np.abs(found / s - 1.0).max() < 3e-13


def test_at_the_money_too() -> None:
    """Where the inflection is at zero."""
    s = np.geomspace(1e-6, 5.0, 300)
    value = normalized(np.zeros(300), s).value
    for found in twice(lambda: total_deviation(np.zeros(300), value)):
        assert found == pytest.approx(s, rel=1e-12)
