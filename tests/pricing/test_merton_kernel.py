"""Are compiled sums over jumps those of numpy, over all that is valid?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.pricing.twice import twice
from trader.pricing import kernels, merton
from trader.pricing.columns import columns
from trader.pricing.merton import RANGES
from trader.pricing.merton_kernel import BLOCK, VALUE

STRIKE = np.exp(np.linspace(-2.0, 2.0, 9))


@given(
    st.one_of(st.just(0.0), st.floats(-5.0, 1.5).map(lambda power: 10.0**power)),
    st.floats(0.0, 20.0), st.floats(0.0, 1e3), st.floats(-2.0, 2.0), st.floats(0.0, 1.5),
)  # fmt: skip
@settings(max_examples=100)
def test_prices_of_the_whole_domain(
    years: float, vol: float, intensity: float, mean: float, std: float
) -> None:
    """Within 1e-11 of spot wherever parameters are valid; refused alike elsewhere."""
    assume(intensity * years < 300.0)
    try:
        numpy, compiled = twice(
            lambda: np.asarray(merton.price("put", 1.0, STRIKE, years, vol, intensity, mean, std))
        )
    except ValueError as refused:
        assume("jump_intensity" not in str(refused))
        raise
    assert compiled == pytest.approx(numpy, abs=1e-11)


@given(
    st.floats(1.0 / 365.0, 1.0), st.floats(0.05, 3.0), st.floats(0.01, 60.0), st.floats(-0.5, 0.5),
    st.floats(0.005, 0.8),
)  # fmt: skip
@settings(max_examples=100)
def test_gradients_of_what_trades(
    years: float, vol: float, intensity: float, mean: float, std: float
) -> None:
    """Values to 1e-13 of the largest forward that counts, derivatives to 1e-11 of their kind."""
    options = columns("call", 1.0, STRIKE, years, 0.0, (vol, intensity, mean, std), RANGES)
    (value, slopes), (fast_value, fast_slopes) = twice(lambda: merton.gradient(options))
    assert fast_value == pytest.approx(value, abs=1e-12)
    for slope, fast in zip(slopes, fast_slopes, strict=True):
        assert fast == pytest.approx(slope, abs=1e-11 * max(1.0, float(np.abs(slope).max())))


def test_a_board_of_many_blocks_is_that_of_its_options() -> None:
    """Near and far expiries in one block: each counts as many jumps as it needs, or more."""
    size = 2 * BLOCK + 3
    years = np.linspace(0.01, 3.0, size)
    jumps = (0.5, 5.0, -0.1, 0.2)
    _, board = twice(lambda: np.asarray(merton.price("call", 1.0, 1.1, years, *jumps)))
    for place in (0, BLOCK - 1, BLOCK, size - 1):
        until = float(years[place])
        alone = twice(lambda until=until: merton.price("call", 1.0, 1.1, until, *jumps))[1]  # type: ignore[misc]
        assert board[place] == pytest.approx(alone, abs=1e-15)


def test_without_jumps_numpy_does_it() -> None:
    """An option of which no jump is to be expected has no logarithm of how many."""
    options = columns("call", 1.0, STRIKE, 0.2, 0.0, (0.5, 0.0, 0.1, 0.1), RANGES)
    counts = np.zeros((2, len(STRIKE)))
    assert twice(lambda: kernels.merton(options, counts[0], counts[1], VALUE)) == (None, None)
