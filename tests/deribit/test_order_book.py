"""Tests of `trader.deribit.order_book`: a book that is right or says that it is not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deribit.messages import BookRow, BookUpdate
from trader.deribit.order_book import BookBroken, Level, OrderBook

NAME = "BTC-PERPETUAL"
Side = dict[float, float]

sides = st.dictionaries(
    st.integers(1, 30).map(lambda step: step / 2), st.integers(1, 9).map(float), max_size=12
)
histories = st.lists(st.tuples(sides, sides), min_size=1, max_size=12)


def snapshot(change_id: int, bids: Side, asks: Side) -> BookUpdate:
    """Write a whole book."""
    return BookUpdate(NAME, change_id, change_id, "snapshot", None, _new(bids), _new(asks))


def change(before: int, after: int, bids: tuple[Side, Side], asks: tuple[Side, Side]) -> BookUpdate:
    """Write what turns one book into another."""
    return BookUpdate(NAME, after, after, "change", before, _rows(*bids), _rows(*asks))


def _new(side: Side) -> tuple[BookRow, ...]:
    return tuple(("new", price, amount) for price, amount in side.items())


def _rows(before: Side, after: Side) -> tuple[BookRow, ...]:
    rows: list[BookRow] = [("delete", price, 0.0) for price in before if price not in after]
    for price, amount in after.items():
        if price not in before:
            rows.append(("new", price, amount))
        elif before[price] != amount:
            rows.append(("change", price, amount))
    return tuple(rows)


def told(history: list[tuple[Side, Side]]) -> list[BookUpdate]:
    """Tell a history as the venue does: one snapshot, then changes."""
    updates = [snapshot(7, *history[0])]
    for number, (before, after) in enumerate(itertools.pairwise(history)):
        first = 7 + 3 * number
        updates.append(change(first, first + 3, (before[0], after[0]), (before[1], after[1])))
    return updates


def show(book: OrderBook) -> tuple[Side, Side]:
    """Read both sides back."""
    return (
        {level.price: level.amount for level in book.bids()},
        {level.price: level.amount for level in book.asks()},
    )


@given(histories)
def test_a_followed_book_is_the_venues_book(history: list[tuple[Side, Side]]) -> None:
    """After every change the book is the one that the venue had, best levels first."""
    book = OrderBook()
    for update, state in zip(told(history), history, strict=True):
        assert book.apply(update) == "applied"
        assert show(book) == state
        prices = [level.price for level in book.bids()]
        assert prices == sorted(prices, reverse=True)
        assert book.crossed == (
            bool(state[0]) and bool(state[1]) and max(state[0]) >= min(state[1])
        )
    assert len(book) == len(history[-1][0]) + len(history[-1][1])


@given(histories.filter(lambda history: len(history) > 2), st.data())
def test_a_lost_change_is_noticed_at_the_next_and_only_a_snapshot_mends(
    history: list[tuple[Side, Side]], data: st.DataObject
) -> None:
    """No book is shown that the venue never had: from the gap to the snapshot there is none."""
    updates = told(history)
    lost = data.draw(st.integers(1, len(updates) - 2))
    book = OrderBook()
    for update in updates[:lost]:
        book.apply(update)
    with pytest.raises(BookBroken, match="a change is missing"):
        book.apply(updates[lost + 1])
    assert not book.usable
    assert show(book) == ({}, {})
    for update in updates[lost + 2 :]:
        assert book.apply(update) == "awaited"
    assert book.apply(snapshot(99, *history[-1])) == "applied"
    assert show(book) == history[-1]


def test_the_same_change_twice_is_told_from_a_gap() -> None:
    """A repeated frame changes nothing and costs no subscription."""
    book = OrderBook()
    updates = told([({1.0: 2.0}, {2.0: 1.0}), ({1.0: 3.0}, {2.0: 1.0})])
    assert [book.apply(update) for update in (*updates, updates[1])] == [
        "applied",
        "applied",
        "repeated",
    ]
    assert book.bids(1) == (Level(1.0, 3.0),)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("delete", 5.0, 0.0), "where nothing rests"),
        (("change", 5.0, 1.0), "where nothing rests"),
        (("new", 0.0, 1.0), "is no level"),
        (("new", 5.0, -1.0), "is no level"),
        (("new", float("nan"), 1.0), "is no level"),
        (("new", 5.0, 0.0), "without an amount"),
    ],
)
def test_a_change_that_does_not_fit_breaks_the_book(row: BookRow, why: str) -> None:
    """What cannot be true of a book we hold right says that we do not."""
    book = OrderBook()
    book.apply(snapshot(1, {4.0: 1.0}, {}))
    with pytest.raises(BookBroken, match=why):
        book.apply(BookUpdate(NAME, 2, 2, "change", 1, (row,), ()))
    assert not book.usable


def test_a_book_is_bounded() -> None:
    """A side of more levels than any venue has is refused, not kept."""
    flood = {float(price): 1.0 for price in range(1, 20_003)}
    with pytest.raises(BookBroken, match="levels on one side"):
        OrderBook().apply(snapshot(1, flood, {}))
