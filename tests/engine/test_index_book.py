"""Tests of `trader.engine.index_book`."""

from __future__ import annotations

import math

import pytest

from trader.engine.index_book import IndexBook


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_price_is_not_kept(price: float) -> None:
    """An index is a positive number, or unknown."""
    book = IndexBook()
    assert not book.take("BTC", price, 1)
    assert "BTC" not in book
    assert math.isnan(book.price("BTC"))
    assert (book.told_at("BTC"), book.names()) == (0, [])


def test_an_older_price_changes_nothing_and_doubt_lasts_until_the_next() -> None:
    """Time runs forward per index; what was told before a loss is doubted, whoever restores it."""
    book = IndexBook()
    assert book.take("BTC", 90_000.0, 10)
    assert not book.take("BTC", 1.0, 9)
    book.doubt("BTC", "ETH")
    assert (book.price("BTC"), book.told_at("BTC")) == (90_000.0, -10)
    assert book.take("BTC", 91_000.0, 10)
    assert book.told_at("BTC") == 10


def test_a_fault_costs_integrity_that_prices_mend() -> None:
    """The channel's past counts until its messages have made up for it."""
    book = IndexBook()
    book.take("BTC", 1.0, 1)
    book.damage(0.5, "BTC", "ETH")
    assert (book.integrity("BTC"), book.integrity("ETH")) == (0.5, 1.0)
    for second in range(2, 200):
        book.take("BTC", 1.0, second)
    assert book.integrity("BTC") == 1.0
