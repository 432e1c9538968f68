"""What does the ticker of an instrument say at an instant? Quotes put into the wire's shape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trader.deribit.simulator import payloads
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.payloads import OptionFigures, Payload, Trading
from trader.deribit.simulator.quotes import Board, OptionQuote
from trader.deribit.simulator.venue import Venue
from trader.pricing.columns import Greeks


class OptionTickers:
    """The tickers of a board at an instant; each is written when it is asked for."""

    def __init__(self, venue: Venue, board: Board, at: int) -> None:
        self.figures = payloads.option_figures(board)
        self._venue = venue
        self._board = board
        self._at = at
        self._index_prices = np.broadcast_to(board.index_price, board.mark.shape)
        self._indexes: dict[int, str] = {}

    def ticker(self, row: int) -> Payload:
        """Write the ticker of one row of the board."""
        listing, at = self._board.listings[row], self._at
        index = self._indexes.get(listing.expires_at)
        if index is None:
            index = self._indexes[listing.expires_at] = self._venue.underlying_index(listing, at)
        return payloads.option_ticker(
            listing,
            OptionFigures(*self.figures[row]),
            trading(self._venue, listing, at),
            self._venue.quoted_at(listing, at),
            index_price=float(self._index_prices[row]),
            underlying_index=index,
        )


def ticker(venue: Venue, listing: Listing, at: int) -> Payload:
    """Write the ticker of what is listed."""
    if listing.kind == "option":
        return _option(venue, listing, venue.option(listing, at), at)
    return delta_one(venue, listing, venue.delta_one(listing, at), at)


def book(venue: Venue, listing: Listing, at: int, depth: int) -> tuple[Payload, OrderBook]:
    """Write the ticker of what is listed, and tell the book whose touch it shows."""
    if listing.kind == "option":
        option = venue.option(listing, at)
        resting = venue.order_book(listing, option, at, depth)
        return _option(venue, listing, option, at), resting
    quote = venue.delta_one(listing, at)
    return delta_one(venue, listing, quote, at), venue.order_book(listing, quote, at, depth)


def tickers(venue: Venue, product: str, at: int) -> Iterator[tuple[Listing, Payload]]:
    """Write the tickers of a whole board."""
    board = venue.board(product, at)
    if board.listings:
        written = OptionTickers(venue, board, at)
        for row, listing in enumerate(board.listings):
            yield listing, written.ticker(row)


def board_of(listings: tuple[Listing, ...], quotes: list[OptionQuote]) -> Board:
    """Put the quotes of some options of one product into columns."""
    columns = [np.array(column) for column in zip(*(quote[:9] for quote in quotes), strict=True)]
    bid, ask, bid_amount, ask_amount, mark, mark_iv, bid_iv, ask_iv, forward = columns
    greeks = zip(*(quote.greeks for quote in quotes), strict=True)
    return Board(
        listings,
        bid,
        ask,
        bid_amount,
        ask_amount,
        mark,
        mark_iv,
        bid_iv,
        ask_iv,
        forward,
        np.array([quote.index_price for quote in quotes]),
        Greeks(*(np.array(column) for column in greeks)),
    )


def delta_one(venue: Venue, listing: Listing, quote: PerpetualQuote, at: int) -> Payload:
    """Write the ticker of a perpetual, a future or a spot pair that is quoted so."""
    quoted_at = venue.quoted_at(listing, at)
    ticker = payloads.delta_one_ticker(listing, quote, trading(venue, listing, at), quoted_at)
    if listing.kind != "perpetual":
        return ticker
    return ticker | payloads.funding_terms(
        quote,
        funding_trailing_8h=venue.funding_trailing_8h(listing.product, at),
        premium=venue.premium(listing.product, at),
    )


def trading(venue: Venue, listing: Listing, at: int) -> Trading:
    """Look up what a ticker tells besides its quote."""
    return Trading(
        venue.traded(listing, at),
        venue.settlement_price(listing, at),
        venue.estimated_delivery_price(listing.underlying, at),
    )


def _option(venue: Venue, listing: Listing, quote: OptionQuote, at: int) -> Payload:
    return OptionTickers(venue, board_of((listing,), [quote]), at).ticker(0)
