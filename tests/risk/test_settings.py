"""Are the keys below [risk] bounded, and are contradictions named?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from trader.risk.settings import (
    CorrelationSettings,
    GreekLimits,
    RegimeScalars,
    SizingSettings,
    UniverseSettings,
)

KINDS = (CorrelationSettings, GreekLimits, RegimeScalars, SizingSettings, UniverseSettings)


@pytest.mark.parametrize("kind", KINDS)
def test_sections_are_closed_and_their_numbers_finite(kind: type[BaseModel]) -> None:
    """An unknown key, NaN, infinity and what is not positive are mistakes."""
    with pytest.raises(ValidationError):
        kind.model_validate({"surprise": 1})
    for name, field in kind.model_fields.items():
        if field.annotation is float:
            for bad in (float("nan"), float("inf"), -0.1):
                with pytest.raises(ValidationError):
                    kind.model_validate({name: bad})


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (SizingSettings, {"drawdown_first": 0.2}, "drawdown_second 0.18 must be above"),
        (SizingSettings, {"drawdown_first_scalar": 0.4}, "a deeper fall leaves less"),
        (UniverseSettings, {"hours_min": 48.0, "days_max": 2.0}, "no expiry lies between"),
        (UniverseSettings, {"underlyings": ("BTC", "btc")}, "names a coin twice"),
        (CorrelationSettings, {"lookback_hours": 100}, "must be below lookback_hours 100"),
    ],
)
def test_contradictions_are_named(
    kind: type[BaseModel], values: dict[str, Any], words: str
) -> None:
    """With both keys and their values."""
    with pytest.raises(ValidationError, match=words):
        kind.model_validate(values)
