"""What the contract itself does for every model; what models must do is in tests/contracts."""

from __future__ import annotations

import numpy as np
import pytest

from trader.pricing.columns import FORWARD, RATE, STRIKE, YEARS
from trader.pricing.model import PricingModel
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
