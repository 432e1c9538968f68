"""What does the ticker of an instrument say at an instant? Quotes put into the wire's shape."""

from __future__ import annotations

from collections.abc import Iterator

from trader.deribit.simulator import payloads
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.quotes import OptionQuote, rows
from trader.deribit.simulator.venue import Venue


def ticker(venue: Venue, listing: Listing, at: int) -> Payload:
    """Write the ticker of what is listed."""
    if listing.kind == "option":
        return option(venue, listing, venue.option(listing, at), at)
    return delta_one(venue, listing, venue.delta_one(listing, at), at)


def tickers(venue: Venue, product: str, at: int) -> Iterator[tuple[Listing, Payload]]:
    """Write the tickers of a whole board."""
    for listing, quote in rows(venue.board(product, at)):
        yield listing, option(venue, listing, quote, at)


def option(venue: Venue, listing: Listing, quote: OptionQuote, at: int) -> Payload:
    """Write the ticker of an option that is quoted so."""
    return payloads.option_ticker(
        listing,
        quote,
        at,
        settlement_price=venue.settlement_price(listing, at),
        estimated_delivery_price=venue.estimated_delivery_price(listing.underlying, at),
        underlying_index=venue.listings.underlying_index(listing, at),
    )


def delta_one(venue: Venue, listing: Listing, quote: PerpetualQuote, at: int) -> Payload:
    """Write the ticker of a perpetual, a future or a spot pair that is quoted so."""
    ticker = payloads.delta_one_ticker(
        listing,
        quote,
        at,
        stats=venue.day_stats(listing, at),
        settlement_price=venue.settlement_price(listing, at),
        estimated_delivery_price=venue.estimated_delivery_price(listing.underlying, at),
    )
    if listing.kind != "perpetual":
        return ticker
    return ticker | payloads.funding_terms(
        quote,
        funding_trailing_8h=venue.funding_trailing_8h(listing.product, at),
        premium=venue.market.premium(listing.product, at),
    )
