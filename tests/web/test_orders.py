"""Is what people send read as the command they meant, or refused by name?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain import events
from trader.views.reading import NotUnderstood
from trader.web.orders import COMMANDS, command_of, fields_of

SIGNED: dict[str, Any] = {"by": "ana", "reason": "news"}


@pytest.mark.parametrize(
    ("action", "given", "why"),
    [
        ("launch", SIGNED, "action 'launch': choose from pause, resume"),
        ("flatten", {"by": "ana"}, "field 'reason' is missing"),
        ("flatten", {**SIGNED, "by": "  "}, "field 'by' is empty"),
        ("flatten", {**SIGNED, "by": "x" * 201}, "field 'by': at most 200"),
        ("flatten", {**SIGNED, "by": "a\nb"}, "field 'by': at most 200 printable"),
        ("flatten", {**SIGNED, "by": "Night"}, "signs for the program itself"),
        ("flatten", {**SIGNED, "by": "config"}, "signs for the program itself"),
        ("flatten", {**SIGNED, "strategy": "x"}, "field 'strategy': flatten takes by, reason"),
        ("close", SIGNED, "field 'chain_id' is missing"),
        ("close", {**SIGNED, "chain_id": 7}, "Expected `str`, got `int`"),
        ("promote", {**SIGNED, "strategy": "x", "stage": "LIVE"}, "Invalid enum value 'LIVE'"),
        (
            "promote",
            {**SIGNED, "strategy": "x", "stage": "PILOT", "override": "yes"},
            "Expected `bool`, got `str`",
        ),
    ],
)
def test_what_is_no_command_is_refused_by_name(
    action: str, given: dict[str, Any], why: str
) -> None:
    """Field, value, remedy."""
    with pytest.raises(NotUnderstood) as caught:
        command_of(action, given)
    assert why in str(caught.value)


@given(
    st.sampled_from([*COMMANDS, "x"]),
    st.dictionaries(
        st.sampled_from(["by", "reason", "strategy", "stage", "override", "date", "chain_id", "?"]),
        st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())),
    ),
)
def test_nothing_that_is_sent_raises_anything_else(action: str, given: dict[str, Any]) -> None:
    """Any JSON is a signed command or is refused."""
    try:
        command = command_of(action, given)
    except NotUnderstood:
        return
    assert command.by.strip()
    assert command.reason.strip()


def test_a_form_says_what_was_filled_in() -> None:
    """Ticks are true, what was left empty is not said, what is not ours is left out."""
    form = {"strategy": "x", "stage": "PILOT", "override": "true", "csrf": "m", "by": " "}
    assert fields_of("promote", form) == {"strategy": "x", "stage": "PILOT", "override": True}
    assert fields_of("pause", {"strategy": ""}) == {}
    assert fields_of("launch", form) == {}
    command = command_of("promote", {**SIGNED, **fields_of("promote", form)})
    assert command == events.Promote("ana", "news", "x", "PILOT", override=True)
