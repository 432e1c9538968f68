"""Are the parts of a report put together as they are meant?"""

from __future__ import annotations

from trader.views.blocks import Cell, Items, Prose, columns, prose_or, row


def test_a_row_takes_texts_and_cells() -> None:
    """A text becomes a cell, a cell stays as it is."""
    assert row("a", Cell("b", "bad")) == (Cell("a"), Cell("b", "bad"))


def test_numbers_are_columns_of_their_own_kind() -> None:
    """The mark is no part of the title."""
    assert [(one.title, one.numeric) for one in columns("a", "#b")] == [("a", False), ("b", True)]


def test_an_empty_list_is_a_sentence() -> None:
    """What there is none of is said, not left out."""
    assert prose_or((), "none") == Prose("none", "muted")
    assert prose_or((Prose("a"),), "none") == Items((Prose("a"),))
