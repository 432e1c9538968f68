"""Are questions bounded, and is what nobody knows refused?"""

from __future__ import annotations

import msgspec
import pytest

from trader.views.answers.asking import LIMIT, LIMIT_MAX, Paged, Question


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": LIMIT_MAX + 1}, {"before": 0}, {"x": 1}])
def test_what_is_out_of_bounds_or_unknown_is_refused(wrong: dict[str, int]) -> None:
    """No page is empty or endless, and a misspelled field is no silence."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Paged)


def test_nothing_asked_is_the_newest_page() -> None:
    """Defaults ask for the newest; a plain question takes nothing at all."""
    asked = msgspec.convert({}, Paged)
    assert (asked.limit, asked.before) == (LIMIT, None)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"limit": 1}, Question)
