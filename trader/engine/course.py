"""How does a chain with a stop go on? Its course, folded from approvals and fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from trader.domain.portfolio import Course
from trader.domain.units import tidy

if TYPE_CHECKING:
    from trader.domain.trading import Intent, Order, Stop


def began(intent: Intent) -> Course | None:
    """Begin the course of a chain that was opened with a stop; None without one."""
    if intent.stop is None:
        return None
    return Course(tag=intent.tag, stop=intent.stop, first_stop=intent.stop.price)


def protected(course: Course, stop: Stop) -> Course:
    """Move the stop."""
    return replace(course, stop=stop)


def traded(
    course: Course, order: Order, filled: float, amount: float, *, price: float, entry: float
) -> Course:
    """Take a fill of `amount` units at a price, of an order that had filled `filled` before.

    `entry` is the average price of what is held with it.
    """
    if order.action == "close":
        return replace(course, reduced=tidy(course.reduced + amount))
    top = max(course.top_price, price)
    if order.action != "open":
        return replace(course, top_price=top, adds=course.adds + (filled == 0))
    return replace(course, top_price=top, units=tidy(course.units + amount), entry_price=entry)


def crossed(course: Course, held: float, bid: float, ask: float) -> bool:
    """Whether the side a holding would leave at trades at its stop; NaN asks for nothing."""
    return bid <= course.stop.price if held > 0 else ask >= course.stop.price
