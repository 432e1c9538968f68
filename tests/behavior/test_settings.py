"""Are the keys of `[behavior]` closed, bounded and safe by default?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trader.behavior.settings import BehaviorSettings


def test_the_layer_is_on_unless_switched_off() -> None:
    """Half of what an alert took comes back in half a day; no multiplier falls below 1 %."""
    settings = BehaviorSettings()
    assert (settings.enabled, settings.personalize) == (True, True)
    assert (settings.half_life_hours, settings.floor, settings.window_hours) == (12.0, 0.01, 1.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("half_life_hours", 0.0),
        ("half_life_hours", float("nan")),
        ("half_life_hours", float("inf")),
        ("floor", 0.0),
        ("floor", 1.0),
        ("floor", float("nan")),
        ("window_hours", -1.0),
        ("recent_trades", 1),
        ("recent_trades", 2.5),
        ("profile_trades_min", 0),
        ("enabled", "yes"),
        ("threshold", 1.0),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(key: str, value: Any) -> None:
    """Each mistake names its key."""
    with pytest.raises(ValidationError, match=key):
        BehaviorSettings(**{key: value})
