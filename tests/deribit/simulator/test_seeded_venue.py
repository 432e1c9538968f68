"""What is listed and quoted, by name and instant."""

from __future__ import annotations

import numpy as np
import pytest

from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import rows
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MINUTE

AT = DEMO_START_AT
EIGHT = last_settlement(AT)


def test_what_is_listed_is_found_by_name(venue: SeededVenue) -> None:
    """Every listed contract is found, nothing else is."""
    for listing in venue.listed(AT):
        assert venue.find(listing.name, AT) is listing
    assert venue.find("BTC-1JAN20-1-C", AT) is None


def test_an_expired_contract_leaves_the_listing_and_stays_known(venue: SeededVenue) -> None:
    """Until its expiry a contract is found as listed, from then on only as expired."""
    before = venue.listings.options("BTC", EIGHT - 1)
    listing = next(one for one in before if one.expires_at == EIGHT)
    assert venue.find(listing.name, EIGHT - 1) is not None
    assert venue.find_expired(listing.name, EIGHT - 1) is None
    assert venue.find(listing.name, EIGHT) is None
    assert venue.find_expired(listing.name, EIGHT) == listing


@pytest.mark.parametrize("name", ["", "BTC-PERPETUAL", "SOL-1JUN26-70000-C", "BTC-1JUN26-1-C",
                                  "BTC-1JAN15-100-C", "BTC-2JUN26-1-C"])  # fmt: skip
def test_what_never_was_did_not_expire(venue: SeededVenue, name: str) -> None:
    """Other names, other coins, strikes nobody listed, days before the market, and the future."""
    assert venue.find_expired(name, AT) is None


def test_what_expired_on_a_day_is_listed_by_product(venue: SeededVenue) -> None:
    """Everything of that day, nothing of another; an 08:00 to come has expired nothing yet."""
    for product in OPTIONS:
        for back in (0, 1, 800):
            expired = venue.expired(product, EIGHT - back * DAY)
            assert {one.expires_at for one in expired} <= {EIGHT - back * DAY}
            assert {one.product for one in expired} <= {product}
    assert venue.expired("BTC", EIGHT - 800 * DAY)


def test_an_option_s_marks_are_those_of_its_quotes(venue: SeededVenue) -> None:
    """Asked for many instants at once or one by one."""
    option = venue.listings.options("ETH", AT)[90]
    instants = np.arange(AT - HOUR, AT, 10 * MINUTE)
    marks = venue.option_marks(option, instants).tolist()
    assert marks == [venue.option(option, at).mark for at in instants.tolist()]


def test_rows_are_the_columns_of_the_board(venue: SeededVenue) -> None:
    """Every row carries its own listing's quote, the same as when asked for alone."""
    board = venue.board("ETH", AT)
    walked = list(rows(board))
    assert [listing for listing, _ in walked] == list(board.listings)
    for listing, quote in walked[::97]:
        alone = venue.option(listing, AT)
        np.testing.assert_allclose(quote[:10], alone[:10], rtol=1e-12)
        np.testing.assert_allclose(quote.greeks, alone.greeks, rtol=1e-9, atol=1e-12)


def test_the_settlement_price_is_the_mark_at_8_utc(venue: SeededVenue) -> None:
    """A perpetual's stands since 08:00; what was listed then or later has none."""
    perpetual = venue.find("BTC-PERPETUAL", AT)
    assert perpetual is not None
    settled = venue.market.perpetual_mark("BTC", EIGHT)
    assert venue.settlement_price(perpetual, AT) == settled
    assert venue.settlement_price(perpetual, AT + HOUR) == settled
    board = venue.quotes.board("BTC", EIGHT)
    marks = {one.name: mark for one, mark in zip(board.listings, board.mark.tolist(), strict=True)}
    for listing in venue.listings.options("BTC", AT)[::50]:
        mark = marks.get(listing.name) if listing.listed_at < EIGHT else None
        expected = None if mark is None else round(mark, 6)
        assert venue.settlement_price(listing, AT) == expected


def test_day_stats_span_the_last_24_hours(venue: SeededVenue) -> None:
    """High and low bound the marks of the day, as of the last full five minutes."""
    perpetual = venue.find("BTC-PERPETUAL", AT)
    assert perpetual is not None
    stats = venue.day_stats(perpetual, AT + 4 * MINUTE)
    assert stats.low is not None
    assert stats.high is not None
    marks = [venue.market.perpetual_mark("BTC", AT - back * HOUR) for back in range(24)]
    tick = perpetual.tick_size
    assert stats.low - tick <= min(marks) <= max(marks) <= stats.high + tick
    assert stats.volume > 0
    # An inverse contract's volume is in coin, its cost in USD.
    assert stats.low <= stats.cost / stats.volume <= stats.high
    assert venue.day_stats(perpetual, AT) is stats


def test_trailing_funding_is_the_mean_of_8_hours(venue: SeededVenue) -> None:
    """Constant rates average to themselves, changing ones lie between their extremes."""
    rates = [venue.market.funding_8h("ETH", AT - back * HOUR) for back in range(8)]
    assert min(rates) <= venue.funding_trailing_8h("ETH", AT) <= max(rates)


def test_caches_never_change_an_answer(venue: SeededVenue) -> None:
    """Asking in another order, or asking a fresh venue, gives the same quotes."""
    other = SeededVenue(Market(venue.market.seed))
    later = other.board("BTC", AT + DAY)
    earlier = other.board("BTC", AT)
    np.testing.assert_array_equal(venue.board("BTC", AT).bid, earlier.bid)
    np.testing.assert_array_equal(venue.board("BTC", AT + DAY).bid, later.bid)
    assert venue.estimated_delivery_price("BTC", AT) == other.estimated_delivery_price("BTC", AT)
