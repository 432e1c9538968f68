"""Does a working order tell what of it is left?"""

from __future__ import annotations

from tests.engine.books import CALL, INDEX, approved, order_of
from trader.domain.facts import OrderPlaced
from trader.engine.working_book import WorkingBook


def test_what_is_filled_leaves_a_tidy_rest() -> None:
    """Three tenths, in binary, leave nothing behind; the view shows what was filled."""
    approval = approved()
    placed = OrderPlaced(order=order_of(approval), instruments=(CALL,), equity_usd=1.0, index=INDEX)
    book = WorkingBook(approval, placed)
    assert (book.filled, book.remaining) == (0.0, placed.order.amount)
    book.filled = placed.order.amount * (0.1 + 0.2) / 0.3
    assert book.remaining == 0.0
    assert book.view().order == placed.order
    assert book.view().filled == book.filled
    assert book.instruments == {CALL.name: CALL}
