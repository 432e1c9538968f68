"""Tickers: one by one and as a board, they agree with each other and with Black-76."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.tickers import ticker, tickers
from trader.domain.units import DAY, YEAR
from trader.pricing.black_scholes import greeks, inverse_price

AT = DEMO_START_AT


def test_a_board_says_the_same_as_each_ticker(venue: SeededVenue) -> None:
    """Asked alone or on its board, an option has one ticker."""
    for listing, content in list(tickers(venue, "ETH", AT))[::60]:
        alone = ticker(venue, listing, AT)
        assert alone.keys() == content.keys()
        for key in (
            "best_bid_price",
            "best_ask_price",
            "mark_price",
            "mark_iv",
            "settlement_price",
        ):
            assert alone[key] == content[key]


def test_marks_and_greeks_are_black_76(venue: SeededVenue) -> None:
    """The published mark follows from the published forward and IV, as on the venue."""
    for listing, content in list(tickers(venue, "BTC", AT + DAY))[::40]:
        assert listing.strike is not None
        assert listing.option_type is not None
        years = (listing.expires_at - AT - DAY) / YEAR
        forward, vol = content["underlying_price"], content["mark_iv"] / 100.0
        mark = inverse_price(listing.option_type, forward, listing.strike, years, vol)
        assert content["mark_price"] == pytest.approx(mark, abs=1e-6)
        delta = greeks(listing.option_type, forward, listing.strike, years, vol).delta
        assert content["greeks"]["delta"] == pytest.approx(delta, abs=1e-5)


def test_bid_and_ask_stand_on_either_side_of_the_mark(venue: SeededVenue) -> None:
    """No ticker is crossed; where both sides stand the mark lies between them."""
    for _, content in tickers(venue, "BTC", AT):
        bid, ask, mark = (
            content[key] for key in ("best_bid_price", "best_ask_price", "mark_price")
        )
        assert 0.0 <= bid < ask
        assert bid - 1e-6 <= mark <= ask + 1e-6


def test_a_perpetual_ticker_carries_funding(venue: SeededVenue) -> None:
    """The current rate is the market's; the trailing one lies within the venue's cap."""
    listing = venue.find("BTC-PERPETUAL", AT)
    assert listing is not None
    content = ticker(venue, listing, AT)
    assert content["current_funding"] == pytest.approx(venue.market.funding_8h("BTC", AT), abs=1e-8)
    assert abs(content["funding_8h"]) <= 0.005
