"""Can a wish be stated that must not be traded?"""

from __future__ import annotations

import math
from typing import Any

import pytest

from trader.domain.trading import Action, Intent, Leg, Pricing


def _intent(**changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "strategy": "test",
        "action": "open",
        "underlying": "BTC",
        "legs": (Leg("A", -1),),
        "confidence": 0.7,
        "reason": "test",
    }
    return Intent(**{**fields, **changes})


@pytest.mark.parametrize("ratio", [0.0, math.nan, math.inf, -math.inf])
def test_a_leg_that_trades_nothing_is_refused(ratio: float) -> None:
    """A ratio is a finite number of units other than 0."""
    with pytest.raises(ValueError, match=rf"leg A: ratio {ratio!r} trades nothing"):
        Leg("A", ratio)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf])
def test_a_confidence_that_is_no_probability_is_refused(confidence: float) -> None:
    """A probability lies in [0, 1]."""
    with pytest.raises(ValueError, match=rf"confidence {confidence!r} must lie in \[0, 1\]"):
        _intent(confidence=confidence)


@pytest.mark.parametrize("amount", [0.0, -1.0, math.nan, math.inf])
def test_an_amount_that_is_none_is_refused(amount: float) -> None:
    """A cap on the size is a positive number, or None for as much as allowed."""
    with pytest.raises(ValueError, match=rf"amount {amount!r} must be a positive number or None"):
        _intent(amount=amount)
    assert _intent(amount=None).amount is None


@pytest.mark.parametrize("action", ["close", "roll", "hedge", "add"])
def test_a_change_must_name_its_chain(action: Action) -> None:
    """Everything but an open acts on a chain."""
    with pytest.raises(ValueError, match=rf"action '{action}' needs the chain_id"):
        _intent(action=action)
    assert _intent(action=action, chain_id="C1").chain_id == "C1"


@pytest.mark.parametrize("field", ["limit_net", "worst_net"])
@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(field: str, price: float) -> None:
    """JSON has no NaN: such a limit would come back from the journal as "any price"."""
    with pytest.raises(ValueError, match=rf"{field} {price!r} must be a finite number or None"):
        Pricing(**{field: price})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["patience", "lifetime"])
def test_a_span_of_time_is_not_negative(field: str) -> None:
    """Patience and lifetime are spans of nanoseconds."""
    with pytest.raises(ValueError, match=rf"{field} -1 ns must not be negative"):
        Pricing(**{field: -1})
