"""Does a course tell how a chain with a stop went, whatever is filled in which order?"""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.builders import working_order
from tests.engine.floor import perpetual, wish
from trader.domain.portfolio import Course
from trader.domain.trading import Leg, Order, Stop
from trader.engine.course import began, crossed, protected, traded

NAME = perpetual().name
STOP = Stop(88_000.0, 500.0)
BEGUN = Course(tag="trend_long", stop=STOP, first_stop=88_000.0)


def order(action: str) -> Order:
    """Make an order of an action."""
    return msgspec.structs.replace(working_order().order, action=action)


def test_a_course_begins_with_a_stop_alone() -> None:
    """Without one there is nothing to remember."""
    asked = wish((Leg(NAME, 1),))
    assert began(asked) is None
    stopped = msgspec.structs.replace(asked, stop=STOP, tag="trend_long")
    assert began(stopped) == BEGUN


def test_opening_fills_average() -> None:
    """Two fills of one order are one entry; the dearest is remembered."""
    half = traded(BEGUN, order("open"), 0.0, 100.0, price=90_000.0, entry=90_000.0)
    whole = traded(half, order("open"), 100.0, 300.0, price=91_000.0, entry=90_748.0)
    assert (half.entry_price, half.units) == (90_000.0, 100.0)
    assert (whole.entry_price, whole.units, whole.top_price) == (90_748.0, 400.0, 91_000.0)


def test_an_addition_counts_once_and_leaves_the_entry() -> None:
    """However many fills it takes."""
    opened = traded(BEGUN, order("open"), 0.0, 100.0, price=90_000.0, entry=90_000.0)
    added = traded(opened, order("add"), 0.0, 10.0, price=92_000.0, entry=90_000.0)
    again = traded(added, order("add"), 10.0, 10.0, price=91_000.0, entry=90_000.0)
    assert (again.adds, again.entry_price, again.units, again.top_price) == (
        1, 90_000.0, 100.0, 92_000.0,
    )  # fmt: skip


def test_what_is_given_up_is_counted() -> None:
    """And changes nothing else."""
    opened = traded(BEGUN, order("open"), 0.0, 100.0, price=90_000.0, entry=90_000.0)
    left = traded(opened, order("close"), 0.0, 50.0, price=93_000.0, entry=90_000.0)
    assert left == msgspec.structs.replace(opened, reduced=50.0)


def test_a_moved_stop_keeps_where_it_began() -> None:
    """Targets count from the first risk."""
    moved = protected(BEGUN, Stop(89_000.0, 400.0))
    assert (moved.stop.price, moved.first_stop) == (89_000.0, 88_000.0)


@pytest.mark.parametrize(
    ("held", "bid", "ask", "met"),
    [
        (10.0, 88_000.0, 88_001.0, True),
        (10.0, 88_000.5, 88_001.0, False),
        (10.0, math.nan, 80_000.0, False),
        (-10.0, 87_999.0, 88_000.0, True),
        (-10.0, 87_998.0, 87_999.0, False),
        (-10.0, 99_000.0, math.nan, False),
    ],
)
def test_the_side_one_would_leave_at_meets_the_stop(
    held: float, bid: float, ask: float, met: bool
) -> None:
    """Bids for what was bought, asks for what was sold; what is not shown meets nothing."""
    assert crossed(BEGUN, held, bid, ask) is met
