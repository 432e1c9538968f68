"""Tests of what the models may be asked: worth, edge, and the answer where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trader.domain.models import NO_MODELS, Edge, Observation, Worth, regimes_named
from trader.domain.trading import Leg

if TYPE_CHECKING:
    from trader.domain.models import Models

LEGS = (Leg("BTC-27NOV26-95000-C", 1.0),)
WORTH = Worth(
    value=0.0200,
    uncertainty=0.0010,
    alone={"black_scholes": 0.0230, "heston": 0.0195},
    weights={"black_scholes": 0.2, "heston": 0.8},
)


def edge(net: float, *, costs: float = 0.0004, needed: float = 0.0005) -> Edge:
    """Hold the worth above against a price."""
    return Edge(legs=LEGS, net=net, costs=costs, needed=needed, worth=WORTH)


def test_a_gain_is_value_less_price_and_costs() -> None:
    """What is paid and what it costs are both taken off what the structure is worth."""
    assert edge(0.0170).gain == pytest.approx(0.0200 - 0.0170 - 0.0004)


@pytest.mark.parametrize(("net", "enough"), [(0.0180, True), (0.0182, False), (0.0250, False)])
def test_an_edge_must_exceed_costs_uncertainty_and_what_is_needed(net: float, enough: bool) -> None:
    """0.02 less costs 0.0004, uncertainty 0.001 and 0.0005 needed pays for 0.0181, no more."""
    assert edge(net).enough is enough


def test_each_model_alone_decides_for_itself() -> None:
    """One model would buy what another leaves alone; one without a value buys nothing."""
    asked = edge(0.0192)
    assert asked.enough_alone("black_scholes")
    assert not asked.enough_alone("heston")
    assert not asked.enough_alone("merton")


def test_without_models_nothing_is_known() -> None:
    """Every value is NaN, every edge None, and the regime unknown with a reason."""
    models: Models = NO_MODELS
    assert np.isnan(models.vols(np.array([0, 3]))).all()
    assert models.worth(LEGS) is None
    assert models.edge(LEGS, 0.01) is None
    assert models.seen.regime is None
    assert models.seen.reason


def test_a_regime_states_its_reason() -> None:
    """The text of a verdict names the regime first, "unknown" where there is none."""
    assert Observation("Calm", "nothing moved").text == "Calm: nothing moved"
    assert Observation(None, "3 days").text == "unknown: 3 days"
    assert math.isfinite(edge(0.01).gain)


def test_regimes_are_read_as_a_person_lists_them() -> None:
    """In any case and order, each once; what is none is refused with the choice."""
    assert regimes_named("calm, Crisis") == ("Calm", "Crisis")
    for wrong in ("", "bull", "calm,calm", "calm,"):
        with pytest.raises(ValueError, match="regimes are crisis, volatile, trending, calm"):
            regimes_named(wrong)
