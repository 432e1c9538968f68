"""Perpetuals, futures and pairs: quoted around their marks, touched by their prints."""

from datetime import UTC, datetime

import pytest

from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import Quotes
from trader.domain.units import HOUR, MINUTE, SECOND, nanoseconds

NOW = nanoseconds(datetime(2026, 11, 20, 18, 1, 3, tzinfo=UTC))


@pytest.fixture(scope="module")
def quotes() -> Quotes:
    """Share one venue: its caches never change an answer."""
    market = Market(6)
    return Quotes(market, Listings(market))


def _delta_ones(quotes: Quotes) -> list[Listing]:
    futures = [quotes.listings.futures(product, NOW)[3] for product in OPTIONS]
    return [*PERPETUALS.values(), *SPOT_PAIRS.values(), *futures]


def test_perpetuals_futures_and_pairs_are_quoted_around_their_marks(quotes: Quotes) -> None:
    """Their books stand around the mark on tick and contract size, a few ticks wide."""
    for listing in _delta_ones(quotes):
        for back in range(0, 60, 4):
            at = NOW - back * 13 * MINUTE
            quote = quotes.delta_one(listing, at)
            assert quote.bid <= quote.mark <= quote.ask
            width = round((quote.ask - quote.bid) / listing.tick_size, 6)
            assert 1 <= width <= 12 + 0.001 * quote.mark / listing.tick_size
            for price in (quote.bid, quote.ask):
                assert price / listing.tick_size == pytest.approx(
                    round(price / listing.tick_size), abs=1e-5
                )
            for amount in (quote.bid_amount, quote.ask_amount):
                steps = amount / listing.min_trade_amount
                assert steps >= 1.0 - 1e-9
                assert steps == pytest.approx(round(steps), abs=1e-6)
            assert quote.index_price == quotes.market.spot(listing.underlying, at)
            funded = listing.kind == "perpetual"
            expected = quotes.market.funding_8h(listing.product, at) if funded else 0.0
            assert quote.funding_8h == expected


def test_a_print_takes_from_the_side_it_hit(quotes: Quotes) -> None:
    """Between a print and the end of its stretch its side shows less, the other as before."""
    listing = PERPETUALS["BTC"]
    prints = Tape(quotes).by_time(listing, NOW - MINUTE, NOW, NOW)
    smaller = 0
    for at, buy, amount in zip(
        prints.at.tolist(), prints.buy.tolist(), prints.amount.tolist(), strict=True
    ):
        before, after = quotes.delta_one(listing, at - 1), quotes.delta_one(listing, at)
        if (at - 1) // (5 * SECOND) != at // (5 * SECOND) or before.mark != after.mark:
            continue
        hit = (
            (before.ask_amount, after.ask_amount) if buy else (before.bid_amount, after.bid_amount)
        )
        other = (
            (before.bid_amount, after.bid_amount) if buy else (before.ask_amount, after.ask_amount)
        )
        if other[0] == other[1]:
            assert hit[1] == max(hit[0] - amount, listing.contract_size)
            smaller += 1
    assert smaller > 8


def test_a_desk_remembers_nothing_that_matters(quotes: Quotes) -> None:
    """A venue walked through an hour quotes like one that was never asked before."""
    market = Market(6)
    for listing in _delta_ones(quotes):
        walked = Quotes(market, Listings(market))
        for step in range(0, 3_600, 77):
            walked.delta_one(listing, NOW - HOUR + step * SECOND)
        fresh = Quotes(market, Listings(market))
        assert walked.delta_one(listing, NOW) == fresh.delta_one(listing, NOW)
