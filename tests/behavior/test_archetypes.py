"""Do rules give the types the seed gives, and are models of types what the rules call them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trader.behavior.archetypes import (
    ARCHETYPES,
    ASKED,
    TRADER_TYPES,
    distances,
    rule_based_type,
)
from trader.behavior.features import FEATURES, TRADE_COUNT

if TYPE_CHECKING:
    from trader.domain.market import Floats


def features(held: float, size: float, pace: float = 1.0, count: float = 1e9) -> Floats:
    """Make features of these alone."""
    row = np.zeros(len(FEATURES))
    row[[*ASKED, TRADE_COUNT]] = held, size, pace, count
    return row


@pytest.mark.parametrize(
    ("held", "size", "name"),
    [
        (4.999, 0.5, "Scalper"), (5.0, 0.5, "Aggressive"), (1440.0, 0.1, "Moderate"),
        (1440.1, 0.001, "Swing Trader"), (60.0, 0.02, "Moderate"), (60.0, 0.0199, "Conservative"),
        (60.0, 0.1001, "Aggressive"), (0.0, 0.0, "Scalper"),
    ],
)  # fmt: skip
def test_limits_of_the_rules(held: float, size: float, name: str) -> None:
    """The seed's limits, each side of each."""
    assert TRADER_TYPES[rule_based_type(features(held, size))[0]] == name


@pytest.mark.parametrize("kind", ARCHETYPES)
def test_each_model_is_of_its_type_and_nearest_to_itself(kind: int) -> None:
    """By rule and by distance, with room to its limits."""
    model = ARCHETYPES[kind]
    row = features(model.holding_minutes, model.position_size, model.trades_per_day)
    found, confidence = rule_based_type(row)
    assert (found, int(distances(row)[0].argmin())) == (kind, kind)
    assert distances(row)[0, kind] == 0.0
    assert confidence > 0.49


def test_who_is_near_a_limit_or_little_known_is_not_surely_of_a_type() -> None:
    """On the limit confidence is 0, at half or double .5; with 20 trades it is half of that."""
    assert rule_based_type(features(5.0, 0.05))[1] == 0.0
    assert rule_based_type(features(2.5, 0.05))[1] == pytest.approx(0.5)
    assert rule_based_type(features(2880.0, 0.05))[1] == pytest.approx(0.5)
    assert rule_based_type(features(2880.0, 0.05, count=20))[1] == pytest.approx(0.25)
    assert rule_based_type(features(0.0, 0.0, count=0))[1] == 0.0
