"""Books behind a touch: order, sizes, grouping and differences."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.books import Book, book, changes, grouped
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.venue import Venue


def listing(venue: Venue, name: str = "BTC-PERPETUAL") -> Listing:
    """Find a contract."""
    found = venue.find(name, DEMO_START_AT)
    assert found is not None
    return found


def test_the_best_levels_are_the_touch(venue: Venue) -> None:
    """Bids fall, asks rise, in whole ticks; an empty side stays empty."""
    made = book(listing(venue), 100.5, 10.0, 101.0, 20.0)
    assert (made.bids[0], made.asks[0]) == ((100.5, 10.0), (101.0, 20.0))
    assert [price for price, _ in made.bids[:3]] == [100.5, 100.0, 99.5]
    assert [price for price, _ in made.asks[:3]] == [101.0, 101.5, 102.0]
    assert all(amount > 0 and amount % 10.0 == 0 for _, amount in made.bids + made.asks)
    assert book(listing(venue), 0.0, 0.0, 101.0, 20.0).bids == ()


def test_a_level_keeps_its_size_while_the_market_moves(venue: Venue) -> None:
    """What rests at a price rests there whatever the touch is."""
    before = dict(book(listing(venue), 100.5, 10.0, 101.0, 20.0).bids)
    after = dict(book(listing(venue), 100.0, 10.0, 100.5, 20.0).bids)
    shared = sorted(before.keys() & after.keys() - {100.0, 100.5})
    assert len(shared) > 10
    assert [before[price] for price in shared] == [after[price] for price in shared]


def test_bids_end_above_zero(venue: Venue) -> None:
    """A cheap option's bids do not go through the floor."""
    option = venue.listings.options("BTC", DEMO_START_AT)[0]
    made = book(option, 2 * option.tick_size, 1.0, 5 * option.tick_size, 1.0)
    assert [price for price, _ in made.bids] == pytest.approx([0.0002, 0.0001])


def test_changes_delete_only_what_was_there() -> None:
    """New, changed and gone levels; nothing where nothing differs."""
    before, after = ((2.0, 1.0), (1.0, 5.0)), ((3.0, 1.0), (2.0, 4.0))
    assert changes(before, after) == [["delete", 1.0, 0.0], ["new", 3.0, 1.0], ["change", 2.0, 4.0]]
    assert changes(after, after) == []


def test_groups_round_away_from_the_market() -> None:
    """Bids go down and asks up to the edge of their bin; sizes add up; depth cuts."""
    sides = Book(((101.0, 1.0), (99.0, 2.0), (97.0, 3.0)), ((102.0, 1.0), (104.0, 2.0)))
    assert grouped(sides.bids, 5.0, 10, bids=True) == [[100.0, 1.0], [95.0, 5.0]]
    assert grouped(sides.asks, 5.0, 10, bids=False) == [[105.0, 3.0]]
    assert grouped(sides.bids, 0.0, 2, bids=True) == [[101.0, 1.0], [99.0, 2.0]]
