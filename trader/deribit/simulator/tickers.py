"""What does the ticker of an instrument say at an instant? Quotes put into the wire's shape."""

from __future__ import annotations

from collections.abc import Iterator

from trader.deribit.simulator import payloads
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.quotes import OptionQuote, PerpetualQuote
from trader.deribit.simulator.venue import Venue, option_rows


def ticker(venue: Venue, listing: Listing, at: int) -> Payload:
    """Write the ticker of what is listed."""
    if listing.kind == "perpetual":
        return perpetual(venue, listing, venue.perpetual(listing.underlying, at), at)
    return option(venue, listing, venue.option(listing, at), at)


def tickers(venue: Venue, underlying: str, at: int) -> Iterator[tuple[Listing, Payload]]:
    """Write the tickers of a whole board."""
    for listing, quote in option_rows(venue.board(underlying, at)):
        yield listing, option(venue, listing, quote, at)


def option(venue: Venue, listing: Listing, quote: OptionQuote, at: int) -> Payload:
    """Write the ticker of an option that is quoted so."""
    return payloads.option_ticker(
        listing,
        quote,
        at,
        settlement_price=venue.settlement_price(listing, at),
        estimated_delivery_price=venue.estimated_delivery_price(listing.underlying, at),
    )


def perpetual(venue: Venue, listing: Listing, quote: PerpetualQuote, at: int) -> Payload:
    """Write the ticker of a perpetual that is quoted so."""
    return payloads.perpetual_ticker(
        listing,
        quote,
        at,
        stats=venue.day_stats(listing.underlying, at),
        settlement_price=venue.settlement_price(listing, at),
        estimated_delivery_price=venue.estimated_delivery_price(listing.underlying, at),
        funding_trailing_8h=venue.funding_trailing_8h(listing.underlying, at),
        premium=venue.market.premium(listing.underlying, at),
    )
