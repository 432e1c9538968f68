"""The models under the contract are the functions that people call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.pricing import chains
from trader.pricing import black_scholes, heston, merton
from trader.pricing.calibration import Calibrated, vol_quotes
from trader.pricing.models import BlackScholes, Heston, Merton, Neural

if TYPE_CHECKING:
    from pathlib import Path

STRIKES = np.array([55_000.0, 65_000.0, 80_000.0])


def test_models_and_functions_agree() -> None:
    """To the last digit, prices and Greeks."""
    ours = (
        (BlackScholes(), black_scholes, (0.6,)),
        (Merton(), merton, (0.5, 2.0, -0.1, 0.2)),
        (Heston(), heston, (0.36, 2.0, 0.4, 1.0, -0.3)),
    )
    for model, module, parameters in ours:
        arguments = ("put", 65_000.0, STRIKES, 0.2, *parameters)
        worth = np.asarray(model.price(*arguments, rate=0.02))
        assert worth.tolist() == module.price(*arguments, rate=0.02).tolist()
        shown = model.greeks(*arguments)
        theirs = module.greeks(*arguments)
        assert [np.asarray(one).tolist() for one in shown] == [one.tolist() for one in theirs]


def test_bounds_lie_within_what_is_valid() -> None:
    """A search can never propose what the model would refuse."""
    for model in (Merton, Heston, Neural):
        for bound, limits in zip(model.bounds, model.parameters, strict=True):
            assert bound.name == limits.name
            assert limits.low <= bound.low < bound.high <= limits.high


def test_a_flat_board_is_flat_for_all() -> None:
    """Volatility 60 % everywhere: each model reproduces it within a tenth of a point."""
    years = np.repeat([0.05, 0.3], 5)
    strike = 65_000.0 * np.exp(np.tile(np.linspace(-0.3, 0.3, 5), 2))
    quotes = vol_quotes(65_000.0, strike, years, 0.6)
    for model in (BlackScholes(), Merton(), Heston(), Neural()):
        found = model.calibrate(quotes)
        assert isinstance(found, Calibrated)
        assert found.error == pytest.approx(0.0, abs=1e-3)


@pytest.mark.real_data
@pytest.mark.parametrize("coin", [pytest.param("btc", marks=pytest.mark.long), "eth"])
def test_whole_boards_of_four_months_calibrate(real_data: Path, coin: str) -> None:
    """All expiries of a board at once: Heston within 4 points, jumps within 8, a flat one worse.

    The network, which has eight parameters and never saw a market, is closest.
    A board every 20 days; each is fitted from the parameters of the one before, as live.
    """
    chain = chains.read(real_data, coin).near(2.5, days=1.5)
    errors: dict[str, list[float]] = {}
    for model in (BlackScholes(), Merton(), Heston(), Neural()):
        start = None
        for at in np.unique(chain.at)[::80]:
            board = chain.take(chain.at == at)
            distance = np.log(board.strike / board.forward) / (board.vol * np.sqrt(board.years))
            weight = np.exp(-0.5 * distance**2)
            quotes = vol_quotes(board.forward, board.strike, board.years, board.vol, weight)
            found = model.calibrate(quotes, start)
            assert isinstance(found, Calibrated), found
            start = found.parameters
            errors.setdefault(model.name, []).append(found.error)
    assert max(errors["neural"]) < 0.03
    assert max(errors["heston"]) < 0.04
    assert max(errors["merton"]) < 0.08
    assert np.mean(errors["neural"]) < np.mean(errors["heston"])
    assert np.mean(errors["heston"]) < np.mean(errors["merton"]) < np.mean(errors["black_scholes"])
