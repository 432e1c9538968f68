"""What the contract itself does for every model; what models must do is in tests/contracts."""

from __future__ import annotations

import numpy as np
import pytest

from trader.pricing.columns import FORWARD, RATE, STRIKE, YEARS
from trader.pricing.model import PricingModel, prices_or_nan
from trader.pricing.models import BlackScholes, Heston


def test_the_valid_domain_is_that_of_options_and_parameters() -> None:
    """Forward, strike, years and rate first, then the parameters in the order of arguments."""
    names = [one.name for one in Heston().valid_domain]
    assert names == ["forward", "strike", "years", "rate", *(one.name for one in Heston.parameters)]
    assert Heston().valid_domain[:4] == (FORWARD, STRIKE, YEARS, RATE)


def test_linear_and_inverse_premiums() -> None:
    """USD and coin of the decided vector: F 65000, K 70000, 30 days, 60 %."""
    model, month = BlackScholes(), 30.0 / 365.0
    coin = model.inverse_price("call", 65_000.0, 70_000.0, month, 0.6)
    assert coin == pytest.approx(0.0391993782, abs=5e-11)
    assert model.price("call", 65_000.0, 70_000.0, month, 0.6) == pytest.approx(65_000.0 * coin)
    discounted = model.inverse_price("call", 65_000.0, 70_000.0, month, 0.6, rate=0.1)
    assert discounted == pytest.approx(coin * np.exp(-0.1 * month))


def test_an_unfinished_model_cannot_be_built() -> None:
    """A class that lacks part of the contract is no model."""

    class Half(PricingModel):
        name = "half"
        parameters = ()

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_a_wrong_number_of_parameters_says_which_there_are() -> None:
    """By name, in order."""
    with pytest.raises(ValueError, match="heston got 2 parameters: must be v0, kappa, theta, vol"):
        Heston().price("call", 65_000.0, 70_000.0, 0.1, 0.3, 2.0)


@pytest.mark.parametrize("beyond", [(), (0,), (2, 3), (4,), (0, 1, 2, 3, 4)])
def test_what_a_model_refuses_costs_its_neighbors_nothing(beyond: tuple[int, ...]) -> None:
    """Each option beyond the edge has no value; the others are worth what they are alone."""
    model = BlackScholes()
    strike = np.array([60_000.0, 65_000.0, 70_000.0, 75_000.0, 80_000.0])
    years = np.full(5, 0.1)
    sides, forward = np.array([-1, 1, 1, -1, 1]), np.full(5, 65_000.0)
    strike[list(beyond)] = -1.0
    found = prices_or_nan(model, sides, forward, strike, years, (0.6,))
    for row in range(5):
        if row in beyond:
            assert np.isnan(found[row])
        else:
            side = int(sides[row])
            assert found[row] == model.price(side, 65_000.0, float(strike[row]), 0.1, 0.6)
