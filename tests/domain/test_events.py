"""Is every input a value that can be recorded, told apart and read back?"""

from __future__ import annotations

import math
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.facts import of_struct, of_type
from trader.domain.events import (
    BoardSnapshot,
    Command,
    Event,
    HistoryLoaded,
    Quote,
    Stamped,
    TimerFired,
)
from trader.domain.market import Bars

ARRAYS = (BoardSnapshot, HistoryLoaded)
PLAIN = tuple(kind for kind in get_args(Event) if kind not in ARRAYS)


def _quote(**changes: float) -> Quote:
    quote = Quote("A", 1, 0.01, 5.0, 0.011, 5.0, 0.0105, 0.5, 90_000.0, 90_000.0)
    return msgspec.structs.replace(quote, **changes)


@settings(max_examples=40)
@given(st.one_of([of_struct(kind) for kind in PLAIN]))
def test_every_event_reads_back_from_json(event: Any) -> None:
    """What was recorded is what is replayed, field by field."""
    assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event


@settings(max_examples=40)
@given(st.one_of([of_struct(kind) for kind in get_args(Command)]))
def test_commands_are_told_apart_by_their_name(command: Any) -> None:
    """One decoder reads all commands: each comes back as its own kind."""
    told = msgspec.json.encode(command)
    decoded = msgspec.json.decode(told, type=Command)
    assert decoded == command
    assert type(decoded) is type(command)
    assert msgspec.json.decode(told)["type"] == type(command).__name__


def test_a_command_always_says_who_and_why() -> None:
    """No command can be given without a name and a reason."""
    for kind in get_args(Command):
        required = {field.name for field in msgspec.structs.fields(kind) if field.required}
        assert {"by", "reason"} <= required, kind.__name__


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.__name__)
@settings(max_examples=2)
@given(data=st.data())
def test_events_cannot_be_changed_after_they_happened(kind: Any, data: st.DataObject) -> None:
    """An input that was stamped stays what it was."""
    event = data.draw(of_type(kind))
    with pytest.raises(AttributeError, match="immutable"):
        setattr(event, kind.__struct_fields__[0], None)


@pytest.mark.parametrize("side", ["bid", "ask", "mark", "mark_iv"])
def test_a_quote_without_a_price_is_legal(side: str) -> None:
    """An empty side is NaN: a fact about the market, not an error."""
    assert math.isnan(getattr(_quote(**{side: math.nan}), side))


def test_history_holds_bars_and_nothing_unsorted() -> None:
    """A history of unsorted hours cannot even be stated."""
    with pytest.raises(ValueError, match="strictly increasing"):
        HistoryLoaded("BTC", Bars((2, 1), (1.0,) * 2, (1.0,) * 2, (1.0,) * 2, (1.0,) * 2))


def test_a_stamp_carries_sequence_and_time_beside_the_event() -> None:
    """The stamp is ours, the event the world's: the same event may be stamped twice."""
    event = TimerFired("mark", 7)
    assert Stamped(1, 8, event) != Stamped(2, 8, event)
    assert Stamped(1, 8, event).event is event
