"""Is what an address asks for read within its bounds, or refused by name?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.views.reading import NotUnderstood
from trader.views.screens.asked import one_of, whole


@given(st.integers(1, 500))
def test_a_whole_number_in_bounds_is_read(number: int) -> None:
    """What is written is what is read."""
    assert whole({"page": str(number)}, "page", 7, 1, 500) == number


@pytest.mark.parametrize("text", ["0", "501", "-1", "1.5", "x", " 1", "٣", "9" * 40, "1e2"])
def test_other_numbers_are_refused(text: str) -> None:
    """Out of bounds, or no number: the field, the value and the remedy are named."""
    with pytest.raises(NotUnderstood, match=r"page = .*: give a whole number from 1 to 500"):
        whole({"page": text}, "page", 7, 1, 500)


def test_nothing_asked_means_the_default() -> None:
    """An empty form asks for nothing."""
    assert (whole({}, "page", 7, 1, 9), whole({"page": ""}, "page", 7, 1, 9)) == (7, 7)
    assert (one_of({}, "a", ("x",)), one_of({"a": ""}, "a", ("x",), "x")) == ("", "x")


def test_a_choice_is_one_of_its_values() -> None:
    """What is not offered is refused, and what is offered is named."""
    assert one_of({"level": "info"}, "level", ("info", "error")) == "info"
    with pytest.raises(NotUnderstood, match="level = 'x': choose from info, error"):
        one_of({"level": "x"}, "level", ("info", "error"))
    with pytest.raises(NotUnderstood, match="choose from none"):
        one_of({"level": "x"}, "level", ())
