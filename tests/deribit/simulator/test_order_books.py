"""Books: the quote on top, ordered levels on the grid behind it that stay where they are."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.order_books import LEVELS_MAX, OrderBook, behind, order_book
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
        assert book.bids[:1] == (((bid, bid_amount),) if bid_amount else ())
        assert book.asks[0] == (ask, ask_amount)


def test_levels_are_ordered_on_the_grid_with_whole_amounts(quotes: Quotes) -> None:
    """Bids fall, asks rise, each on its tick, each a multiple of the minimum."""
    deep = 0
    for listing in _some(quotes):
        book = order_book(quotes, listing, NOON)
        for side, sign in ((book.bids, -1.0), (book.asks, 1.0)):
            prices = np.array([price for price, _ in side])
            assert (np.diff(prices) * sign > 0.0).all()
            assert (prices > 0.0).all()
            deep += len(side) > 15
            for price, amount in side:
                ticks = price / _tick(listing, price)
                assert ticks == pytest.approx(round(ticks), abs=1e-5)
                lots = amount / listing.min_trade_amount
                assert lots >= 0.999
                assert lots == pytest.approx(round(lots), abs=1e-5)
    assert deep > 20


def test_depth_cuts_the_book(quotes: Quotes) -> None:
    """A shallower book is the beginning of the deeper one; depth above the limit is the limit."""
    listing = PERPETUALS["ETH"]
    full = order_book(quotes, listing, NOON, 10_000)
    assert len(full.asks) == len(full.bids) == LEVELS_MAX
    for depth in (1, 5, 20):
        book = order_book(quotes, listing, NOON, depth)
        assert book == OrderBook(full.bids[:depth], full.asks[:depth])
    with pytest.raises(ValueError, match="depth = 0"):
        order_book(quotes, listing, NOON, 0)


def test_levels_stay_while_the_touch_moves(quotes: Quotes) -> None:
    """From step to step most places behind the touch keep their amount."""
    listing = quotes.listings.options("BTC", NOON)[40]
    kept = total = 0
    before = order_book(quotes, listing, NOON)
    for step in range(1, 25):
        after = order_book(quotes, listing, NOON + step * 5 * SECOND)
        standing = dict(after.asks[1:])
        shared = [(price, amount) for price, amount in before.asks[1:] if price in standing]
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


def test_a_known_quote_gives_the_same_book(quotes: Quotes) -> None:
    """The book behind a quote that was looked up already is the whole question's answer."""
    listing = PERPETUALS["SOL_USDC"]
    quote = quotes.delta_one(listing, NOON)
    seed = quotes.market.seed
    assert behind(seed, listing, quote, NOON, 5) == order_book(quotes, listing, NOON, 5)
