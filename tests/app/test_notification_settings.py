"""Are the limits of notifications limits?"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trader.app.notification_settings import NotificationSettings
from trader.views.notices import KINDS


def test_by_default_nobody_is_told_of_anything() -> None:
    """Every kind is on, for whom addresses are named."""
    settings = NotificationSettings()
    assert settings.urls_file is None
    assert settings.kinds == KINDS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kinds", ["fill"]), ("kinds", []), ("per_hour", 0), ("queue_max", 0), ("timeout_s", 0.0),
        ("timeout_s", float("nan")), ("refusals", 1), ("refusal_minutes", float("inf")),
        ("urls_file", ""), ("url", "x"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(key: str, value: object) -> None:
    """Unknown kinds, zero, NaN, infinite, empty, and keys that do not exist."""
    with pytest.raises(ValidationError):
        NotificationSettings.model_validate({key: value})
