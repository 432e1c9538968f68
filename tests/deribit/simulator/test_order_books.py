"""Books: the quote on top, ordered levels on the grid behind it that stay where they are."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.order_books import (
    LEVELS_MAX,
    OPTION_LEVELS_MAX,
    Books,
    OrderBook,
    Touches,
    changes,
    cut,
    grouped,
)
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.quotes import Quotes
from trader.domain.units import HOUR, MINUTE, SECOND, nanoseconds

NOON = nanoseconds(datetime(2026, 11, 20, 12, 34, 26, tzinfo=UTC))


@pytest.fixture(scope="module")
def quotes() -> Quotes:
    """Share one venue: its caches never change an answer."""
    market = Market(10)
    return Quotes(market, Listings(market))


def _some(quotes: Quotes) -> list[Listing]:
    listings = quotes.listings
    return [
        *PERPETUALS.values(),
        *SPOT_PAIRS.values(),
        listings.futures("ETH", NOON)[2],
        *listings.options("BTC", NOON)[::61],
        *listings.options("SOL_USDC", NOON)[::47],
    ]


def order_book(quotes: Quotes, listing: Listing, at: int) -> OrderBook:
    """Return the book of one instrument, by nothing that is kept."""
    quote = quotes.option(listing, at) if listing.kind == "option" else None
    books = Books(quotes.market.seed, (listing,))
    return books.behind(quote or quotes.delta_one(listing, at), at)


def _tick(listing: Listing, price: float) -> float:
    wide = [step for above, step in listing.tick_size_steps if price > above]
    return wide[-1] if wide else listing.tick_size


def test_the_touch_is_the_quote(quotes: Quotes) -> None:
    """The first level of a side is the quote's price and amount; an empty side has no level."""
    for listing in _some(quotes):
        book = order_book(quotes, listing, NOON)
        if listing.kind == "option":
            option = quotes.option(listing, NOON)
            touch = (option.bid, option.bid_amount, option.ask, option.ask_amount)
        else:
            quote = quotes.delta_one(listing, NOON)
            touch = (quote.bid, quote.bid_amount, quote.ask, quote.ask_amount)
        bid, bid_amount, ask, ask_amount = touch
        assert list(book.bids.items())[:1] == ([(bid, bid_amount)] if bid_amount else [])
        assert next(iter(book.asks.items())) == (ask, ask_amount)


def test_levels_are_ordered_on_the_grid_with_whole_amounts(quotes: Quotes) -> None:
    """Bids fall, asks rise, each on its tick, each a multiple of the minimum."""
    deep = 0
    for listing in _some(quotes):
        book = order_book(quotes, listing, NOON)
        for side, sign in ((book.bids, -1.0), (book.asks, 1.0)):
            prices = np.array(list(side))
            assert (np.diff(prices) * sign > 0.0).all()
            assert (prices > 0.0).all()
            deep += len(side) > 15
            for price, amount in side.items():
                ticks = price / _tick(listing, price)
                assert ticks == pytest.approx(round(ticks), abs=1e-5)
                lots = amount / listing.min_trade_amount
                assert lots >= 0.999
                assert lots == pytest.approx(round(lots), abs=1e-5)
    assert deep > 20


def test_depth_cuts_the_book(quotes: Quotes) -> None:
    """A shallower book is the beginning of the deeper one; an option's is thinner."""
    full = order_book(quotes, PERPETUALS["ETH"], NOON)
    assert len(full.asks) == len(full.bids) == LEVELS_MAX
    for depth in (1, 5, 20):
        book = cut(full, depth)
        assert list(book.asks.items()) == list(full.asks.items())[:depth]
        assert list(book.bids) == list(full.bids)[:depth]
    assert cut(full, 10_000) == full
    with pytest.raises(ValueError, match="depth = 0"):
        cut(full, 0)
    option = quotes.listings.options("BTC", NOON)[40]
    assert len(order_book(quotes, option, NOON).asks) == OPTION_LEVELS_MAX


def test_levels_stay_while_the_touch_moves(quotes: Quotes) -> None:
    """From step to step most places behind the touch keep their amount."""
    listing = quotes.listings.options("BTC", NOON)[40]
    kept = total = 0
    before = order_book(quotes, listing, NOON)
    for step in range(1, 25):
        after = order_book(quotes, listing, NOON + step * 5 * SECOND)
        standing = dict(list(after.asks.items())[1:])
        behind = list(before.asks.items())[1:]
        shared = [(price, amount) for price, amount in behind if price in standing]
        total += len(shared)
        kept += sum(standing[price] == amount for price, amount in shared)
        before = after
    assert total > 100
    assert kept > 0.85 * total


def test_books_change_in_the_end(quotes: Quotes) -> None:
    """Within ten minutes most places have another amount."""
    listing = PERPETUALS["BTC"]
    early = order_book(quotes, listing, NOON)
    late = order_book(quotes, listing, NOON + 10 * MINUTE)
    assert early != late


def test_a_book_is_a_function_of_the_instant(quotes: Quotes) -> None:
    """A fresh venue asked only for that instant shows the same book."""
    market = Market(10)
    fresh = Quotes(market, Listings(market))
    for listing in _some(quotes)[::3]:
        at = NOON - 7 * HOUR
        if listing.listed_at <= at:
            assert order_book(quotes, listing, at) == order_book(fresh, listing, at)


def test_a_board_of_books_is_each_book(quotes: Quotes) -> None:
    """Looked up together, step by step and over what is kept, books are those of one question."""
    for product, at in (("BTC", NOON), ("XRP_USDC", NOON)):
        listings = quotes.listings.options(product, at)
        books = Books(quotes.market.seed, listings)
        for step in (0, 1, 2, 30, 31, 4):
            now = at + step * SECOND
            board = quotes.board(product, now)
            touches = Touches(board.bid, board.ask, board.bid_amount, board.ask_amount)
            found = books.at(touches, now)
            for row in range(0, len(listings), 83):
                assert found[row] == order_book(quotes, listings[row], now)


def test_what_a_print_took_is_missing_from_the_book(quotes: Quotes) -> None:
    """Right after a print the side it hit shows less; the level behind it stands as it stood."""
    tape = Tape(quotes)
    shrunk = 0
    for listing in quotes.listings.options("BTC", NOON)[100:140]:
        prints = tape.by_sequence(listing, 1, 10**9, NOON)
        at, buy, price = int(prints.at[-1]), bool(prints.buy[-1]), float(prints.price[-1])
        before, after = order_book(quotes, listing, at - 1), order_book(quotes, listing, at)
        hit = (before.asks, after.asks) if buy else (before.bids, after.bids)
        if next(iter(hit[0])) == next(iter(hit[1])) == price:
            assert hit[1][price] <= hit[0][price]
            shrunk += hit[1][price] < hit[0][price]
    assert shrunk > 10


def test_changes_delete_only_what_was_there() -> None:
    """New, changed and gone levels; nothing where nothing differs."""
    before, after = {2.0: 1.0, 1.0: 5.0}, {3.0: 1.0, 2.0: 4.0}
    assert changes(before, after) == [("delete", 1.0, 0.0), ("new", 3.0, 1.0), ("change", 2.0, 4.0)]
    assert changes(after, after) == []


def test_groups_round_away_from_the_market() -> None:
    """Bids go down and asks up to the edge of their bin; sizes add up; depth cuts."""
    bids, asks = {101.0: 1.0, 99.0: 2.0, 97.0: 3.0}, {102.0: 1.0, 104.0: 2.0}
    assert grouped(bids, 5.0, 10, bids=True) == [[100.0, 1.0], [95.0, 5.0]]
    assert grouped(asks, 5.0, 10, bids=False) == [[105.0, 3.0]]
    assert grouped(bids, 0.0, 2, bids=True) == [[101.0, 1.0], [99.0, 2.0]]


def test_bids_end_above_zero(quotes: Quotes) -> None:
    """A cheap option's bids do not go through the floor."""
    option = quotes.listings.options("BTC", NOON)[0]
    cheap = quotes.option(option, NOON)._replace(bid=0.0003, bid_amount=1.0)
    bids = Books(quotes.market.seed, (option,)).behind(cheap, NOON).bids
    assert next(iter(bids)) == 0.0003
    assert set(bids) <= {0.0003, 0.0002, 0.0001}
