"""Does every input read back as itself?"""

from __future__ import annotations

import math
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.inputs import NOON, every_kind, quote, stamped
from trader.domain.events import BoardSnapshot, Command, Event, FundingRate, IndexPrice, Quote
from trader.storage.event_rows import (
    COMMON,
    currency_of,
    decode_event,
    encode_event,
    inputs,
    record_batch,
)

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def same(one: object, other: object) -> bool:
    """Compare as values, NaN equal to NaN, arrays by content."""
    if isinstance(one, BoardSnapshot) and isinstance(other, BoardSnapshot):
        return all(
            np.array_equal(getattr(one, name), getattr(other, name))
            if isinstance(getattr(one, name), np.ndarray)
            else getattr(one, name) == getattr(other, name)
            for name in one.__struct_fields__
        )
    if isinstance(one, msgspec.Struct):
        return type(one) is type(other) and repr(one) == repr(other)
    return one == other


def test_the_list_of_kinds_is_complete() -> None:
    """A new kind of event must be added to what the tests record."""
    kinds = {kind for kind in get_args(Event) if kind is not Command}
    assert {type(one) for one in every_kind()} == kinds | set(get_args(Command))


@pytest.mark.parametrize("event", every_kind(), ids=lambda event: type(event).__name__)
def test_every_event_reads_back_as_itself_from_json(event: Event) -> None:
    """JSON carries NaN and infinity, quotation marks and the text `null`."""
    assert same(decode_event(type(event).__name__, encode_event(event)), event)


def test_every_input_reads_back_as_itself_from_columns() -> None:
    """Sequence and instant too, in their order, quotes apart from the rest."""
    events = every_kind()
    touches = stamped(*(one for one in events if isinstance(one, Quote)))
    others = stamped(*(one for one in events if not isinstance(one, Quote)), first=7)
    for table, rows in (("quotes", touches), ("events", others)):
        back = list(inputs(table, record_batch(table, rows)))  # type: ignore[arg-type]
        assert [(one.sequence, one.at) for one in back] == [(one.sequence, one.at) for one in rows]
        assert all(same(a.event, b.event) for a, b in zip(back, rows, strict=True))


@given(st.lists(NUMBERS, min_size=8, max_size=8), st.integers(0, 2**62))
def test_any_quote_is_kept_to_the_bit(numbers: list[float], exchange_at: int) -> None:
    """No float is rounded, no NaN lost, no sign of zero."""
    bid, bid_amount, ask, ask_amount, mark, mark_iv, forward, index = numbers
    touch = Quote(
        "BTC-PERPETUAL",
        exchange_at,
        bid,
        bid_amount,
        ask,
        ask_amount,
        mark,
        mark_iv,
        forward,
        index,
    )
    [back] = inputs("quotes", record_batch("quotes", stamped(touch)))
    assert repr(back.event) == repr(touch)


@given(NUMBERS)
def test_any_number_of_any_other_event_is_kept(price: float) -> None:
    """What JSON cannot say is spelled out."""
    event = IndexPrice("BTC", price, NOON)
    assert repr(decode_event("IndexPrice", encode_event(event))) == repr(event)


def test_currencies_are_underlyings_and_the_rest_is_common() -> None:
    """Linear and inverse contracts of a coin lie together; timers and commands with no coin."""
    assert currency_of(quote("BTC_USDC-3JUN26-90000-C")) == "BTC"
    assert currency_of(FundingRate("ETH-PERPETUAL", 0.0, NOON)) == "ETH"
    assert {currency_of(one) for one in every_kind()} == {"BTC", "ETH", COMMON}


def test_what_this_software_does_not_know_is_refused() -> None:
    """An unknown kind names the known ones; a payload of another kind is no event."""
    with pytest.raises(ValueError, match=r"unknown kind of event 'Rumor'.*Quote"):
        decode_event("Rumor", "{}")
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        decode_event("IndexPrice", '{"underlying":"BTC"}')


def test_a_wrong_number_is_not_recorded() -> None:
    """A text where a price belongs ends the write, not the reader."""
    wrong = msgspec.structs.replace(quote(), bid="0.01")
    with pytest.raises((ValueError, TypeError)):
        record_batch("quotes", stamped(wrong))
    assert math.isnan(quote().ask)
