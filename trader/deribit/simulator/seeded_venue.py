"""What does the invented market of one seed list, quote and print, by the names Deribit uses?

Thin caches over market, listings and quotes; every answer is a function of (seed, instant).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trader.deribit.simulator import announcements, order_books, settlements, volatility_index
from trader.deribit.simulator.activity import Activity, DayStats, Traded
from trader.deribit.simulator.announcements import Announcement
from trader.deribit.simulator.candles import Candles
from trader.deribit.simulator.clock import SEEDED_LIFE
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.funding import Funding, funding_history, trailing_8h
from trader.deribit.simulator.instrument_series import chart, series
from trader.deribit.simulator.listing import Listing, Listings
from trader.deribit.simulator.market import GENESIS, Instants, Market
from trader.deribit.simulator.order_books import Books, OrderBook, Touches
from trader.deribit.simulator.path import keep
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import Board, OptionQuote, Quotes
from trader.deribit.simulator.settlements import Settlement
from trader.deribit.simulator.venue import last_settlement
from trader.deribit.translate import contract_name
from trader.domain.units import DAY
from trader.pricing.normal import Array

BOOKS_KEPT: Final = 128


class SeededVenue:
    """One market as an exchange. Caches hold the latest instant only and never change an answer."""

    begins_at: Final = GENESIS
    life: Final = SEEDED_LIFE
    staleness_s: Final = None
    assumed_sizes: Final = False

    def __init__(self, market: Market) -> None:
        self.market = market
        self.seed = str(market.seed)
        self.version = market.version
        self.underlyings = market.underlyings
        self.listings = Listings(market)
        self.quotes = Quotes(market, self.listings)
        self.tape = Tape(self.quotes)
        self._activity = Activity(self.quotes)
        self._boards: dict[str, tuple[int, Board]] = {}
        self._books: dict[str, Books] = {}
        self._singles: dict[str, Books] = {}
        self._settled: dict[str, tuple[int, dict[str, float]]] = {}
        self._estimates: dict[str, tuple[int, float]] = {}

    def next_change(self, at: int) -> int | None:  # noqa: ARG002  nothing was recorded
        """Tell None: the market moves all the time."""
        return None

    def find(self, name: str, at: int) -> Listing | None:
        """Find what is listed under a name at an instant."""
        return self.listings.find(name, at)

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Find a contract that expired at or before an instant, however long ago."""
        contract, product = contract_name(name), name.partition("-")[0]
        if contract is None or product not in OPTIONS or contract.expires_at > at:
            return None
        expired = self.listings.expired(product, contract.expires_at)
        return next((one for one in expired if one.name == name), None)

    def listed(self, at: int) -> tuple[Listing, ...]:
        """List everything that trades."""
        return self.listings.listed(at)

    def dated(self, product: str, at: int) -> tuple[Listing, ...]:
        """List what expires of a product."""
        return self.listings.dated(product, at)

    def expired(self, product: str, expires_at: int) -> tuple[Listing, ...]:
        """List what of a product expired at one 08:00 UTC."""
        return self.listings.expired(product, expires_at)

    def underlying_index(self, option: Listing, at: int) -> str:
        """Name what an option is priced off."""
        return self.listings.underlying_index(option, at)

    def board(self, product: str, at: int) -> Board:
        """Quote every option of a product."""
        known = self._boards.get(product)
        if known is None or known[0] != at:
            known = (at, self.quotes.board(product, at))
            self._boards[product] = known
        return known[1]

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Quote one option."""
        return self.quotes.option(listing, at)

    def option_marks(self, option: Listing, at: Instants) -> Array:
        """Tell the mark of an option at each instant of its life."""
        return self.quotes.options((option,) * len(at), at).mark

    def delta_one(self, listing: Listing, at: int) -> PerpetualQuote:
        """Quote a perpetual, a future or a spot pair."""
        return self.quotes.delta_one(listing, at)

    def quoted_at(self, listing: Listing, at: int) -> int:  # noqa: ARG002  all are of now
        """Tell that makers quote at every instant."""
        return at

    def order_book(
        self, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int, depth: int
    ) -> OrderBook:
        """Tell what stands in the book whose touch is a quote."""
        books = self._singles.get(listing.name)
        if books is None:
            books = Books(self.market.seed, (listing,))
            keep(self._singles, listing.name, books, BOOKS_KEPT)
        return order_books.cut(books.behind(quoted, at), depth)

    def order_books(self, product: str, at: int) -> Sequence[OrderBook]:
        """Tell the books of every option of a product."""
        board = self.board(product, at)
        books = self._books.get(product)
        if books is None or books.listings is not board.listings:
            books = self._books[product] = Books(self.market.seed, board.listings)
        return books.at(Touches(*board[1:5]), at)

    def settlement_price(self, listing: Listing, at: int) -> float | None:
        """Tell the mark of a contract at the last 08:00 UTC; None if it was not listed then."""
        settled_at = last_settlement(at)
        if listing.kind == "spot" or listing.listed_at >= settled_at:
            return None
        if listing.kind != "option":
            return self.market.point(series(listing), settled_at)
        known = self._settled.get(listing.product)
        if known is None or known[0] != settled_at:
            board = self.quotes.board(listing.product, settled_at)
            rows = zip(board.listings, board.mark.tolist(), strict=True)
            known = (settled_at, {one.name: round(mark, 6) for one, mark in rows})
            self._settled[listing.product] = known
        return known[1].get(listing.name)

    def traded(self, listing: Listing, at: int) -> Traded:
        """Tell the last 24 hours, last price and open interest of what is listed."""
        return self._activity.traded(listing, at)

    def day_stats(self, listing: Listing, at: int) -> DayStats:
        """Sum up the last 24 hours of what is listed."""
        return self._activity.day_stats(listing, at)

    def chart(
        self, listing: Listing, start: int, end: int, resolution_minutes: int, at: int
    ) -> Candles:
        """Draw the bars of what is no option."""
        return chart(self.market, listing, start, end, resolution_minutes, at)

    def index_price(self, underlying: str, at: int) -> float:
        """Tell the index."""
        return self.market.spot(underlying, at)

    def index_prices(self, underlying: str, at: Instants) -> Array:
        """Tell the index at each instant."""
        return self.market.spots(underlying, at)

    def hourly_index_prices(self, underlying: str, start: int, end: int) -> Array:
        """Tell the index at every full hour in [start, end]."""
        return self.market.hourly_spots(underlying, start, end)

    def delivery_price(self, underlying: str, expires_at: int, at: int) -> float | None:
        """Tell the price of an expiry; None before it."""
        return self.market.delivery_price(underlying, expires_at, at)

    def delivery_prices(
        self, underlying: str, at: int, count: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Tell the prices of the last expiries, newest first."""
        return self.market.delivery_prices(underlying, at, count, offset)

    def deliveries_count(self, underlying: str, at: int) -> int:  # noqa: ARG002  all have as many
        """Count the delivery prices until an instant."""
        return (last_settlement(at) - GENESIS) // DAY + 1

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Estimate the next delivery price: the running average in its window, else the index."""
        known = self._estimates.get(underlying)
        if known is None or known[0] != at:
            known = (at, self.market.estimated_delivery_price(underlying, at))
            self._estimates[underlying] = known
        return known[1]

    def settlements(self, currency: str, settled_at: int, at: int) -> tuple[Settlement, ...]:
        """List what was settled in a currency at one 08:00 UTC."""
        return settlements.settlements(self.market, self.listings, currency, settled_at, at)

    def settlement_of(self, listing: Listing, settled_at: int, at: int) -> Settlement | None:
        """Find the settlement of one instrument at one 08:00 UTC."""
        return settlements.settlements_of(self.market, listing, settled_at, at)

    def premium(self, product: str, at: int) -> float:
        """Tell the perpetual's premium over the index, as a fraction."""
        return self.market.premium(product, at)

    def funding_8h(self, product: str, at: int) -> float:
        """Tell the funding rate per 8 hours."""
        return self.market.funding_8h(product, at)

    def funding_trailing_8h(self, product: str, at: int) -> float:
        """Sum the interest of the last 8 hours."""
        return trailing_8h(self.market, product, at)

    def funding(self, product: str, start: int, end: int) -> Funding:
        """Tell the interest of each hour that ended in [start, end]."""
        return funding_history(self.market, product, start, end)

    def volatility_index(self, coin: str, at: int) -> float | None:
        """Tell the volatility index, as a fraction."""
        return volatility_index.volatility_index(self.market, coin, at)

    def volatility_bars(
        self, coin: str, start: int, end: int, resolution_s: int, at: int
    ) -> Candles:
        """Draw the bars of the volatility index."""
        return volatility_index.candles(self.market, coin, start, end, resolution_s, at)

    def announcements(self, since: int, at: int) -> tuple[Announcement, ...]:
        """List what was announced in (since, at]."""
        return announcements.announcements(self.market.seed, since, at)

    def yearly_yields(self, currency: str, days: Instants) -> Array | None:
        """Tell what a coin earned on days since 1970, in percent a year."""
        return announcements.yearly_yields(self.market.seed, currency, days)
