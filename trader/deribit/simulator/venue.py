"""What does the bundled exchange ask of the market it shows?

`SeededVenue` invents one, `ReplayVenue` repeats one that was recorded. Every answer is a function
of the market and the instant, and tells nothing that came after the instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from trader.deribit.simulator.activity import DayStats, Traded
from trader.deribit.simulator.announcements import Announcement
from trader.deribit.simulator.candles import Candles
from trader.deribit.simulator.clock import Life
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.funding import Funding
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.market import Instants
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.prints import Prints
from trader.deribit.simulator.quotes import Board, OptionQuote
from trader.deribit.simulator.settlements import Settlement
from trader.domain.units import DAY, HOUR
from trader.pricing.normal import Array

INDEX_UNDERLYINGS: Final = {
    "btc_usd": "BTC",
    "eth_usd": "ETH",
    "btc_usdc": "BTC",
    "eth_usdc": "ETH",
    "sol_usdc": "SOL",
    "xrp_usdc": "XRP",
    "ada_usdc": "ADA",
    "avax_usdc": "AVAX",
}
"""Every index name and whose price it shows; the `_usdc` ones are pegged to `_usd`."""

SETTLEMENT_TIME: Final = 8 * HOUR


class Trades(Protocol):
    """The trades that instruments have printed; `seq` counts an instrument's from 1."""

    def latest_seq(self, listing: Listing, at: int) -> int:
        """Return the number of prints until an instant, 0 before the first."""

    def counts(self, listings: tuple[Listing, ...], at: int) -> list[int]:
        """Return `latest_seq` of each of some listed options of one product."""

    def span(self, listing: Listing, start: int, end: int) -> tuple[int, int]:
        """Return the first and last sequence number in [start, end]; none where last < first."""

    def by_sequence(self, listing: Listing, first: int, last: int, at: int) -> Prints:
        """Return the prints numbered first to last (both included) that have happened by `at`."""

    def by_time(self, listing: Listing, start: int, end: int, at: int) -> Prints:
        """Return the prints in [start, end] that have happened by `at`."""

    def of_many(
        self, listings: Sequence[Listing], start: int, end: int, at: int
    ) -> list[tuple[Listing, Prints]]:
        """Return `by_time` of each instrument that has printed then."""


class Venue(Protocol):
    """A market as an exchange shows it; not to be shared between threads.

    `seed` and `version` name it: another name is another market. Instants are UTC nanoseconds from
    `begins_at` on, prices those of the instrument, rates and volatilities fractions. A `product` is
    what stands before a name's first dash.
    """

    @property
    def seed(self) -> str:
        """Which market of its kind."""

    @property
    def version(self) -> str:
        """Which kind of market."""

    @property
    def begins_at(self) -> int:
        """The first instant anything is known of."""

    @property
    def life(self) -> Life:
        """Between which instants the market's clock may run."""

    @property
    def staleness_s(self) -> float | None:
        """After how many market seconds a quote is stale; None where makers quote all the time."""

    @property
    def assumed_sizes(self) -> bool:
        """Whether the displayed amounts are none that anybody showed."""

    @property
    def underlyings(self) -> tuple[str, ...]:
        """The coins that have an index."""

    @property
    def tape(self) -> Trades:
        """The trades."""

    def next_change(self, at: int) -> int | None:
        """Tell when anything recorded follows; None at the end, and where all moves anyway."""

    def find(self, name: str, at: int) -> Listing | None:
        """Find what is listed under a name at an instant."""

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Find a contract that expired at or before an instant, however long ago."""

    def listed(self, at: int) -> tuple[Listing, ...]:
        """List everything that trades."""

    def dated(self, product: str, at: int) -> tuple[Listing, ...]:
        """List what expires of a product; the same object as long as nothing comes or goes."""

    def expired(self, product: str, expires_at: int) -> tuple[Listing, ...]:
        """List what of a product expired at one 08:00 UTC that has come."""

    def underlying_index(self, option: Listing, at: int) -> str:
        """Name what an option is priced off: its future, or a synthetic one."""

    def board(self, product: str, at: int) -> Board:
        """Quote every option of a product."""

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Quote one option that is listed, equal to its row of the board."""

    def option_marks(self, option: Listing, at: Instants) -> Array:
        """Tell the mark of an option at each instant of its life."""

    def delta_one(self, listing: Listing, at: int) -> PerpetualQuote:
        """Quote a perpetual, a future or a spot pair."""

    def quoted_at(self, listing: Listing, at: int) -> int:
        """Tell of when the quote is that an instrument shows: now, or when it was recorded."""

    def order_book(
        self, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int, depth: int
    ) -> OrderBook:
        """Tell what stands in the book whose touch is a quote, `depth` levels a side at most."""

    def order_books(self, product: str, at: int) -> Sequence[OrderBook]:
        """Tell the books of every option of a product, in the order of its board."""

    def settlement_price(self, listing: Listing, at: int) -> float | None:
        """Tell the mark of a contract at the last 08:00 UTC; None if it was not listed then."""

    def traded(self, listing: Listing, at: int) -> Traded:
        """Tell the last 24 hours, last price and open interest of what is listed."""

    def day_stats(self, listing: Listing, at: int) -> DayStats:
        """Sum up the last 24 hours of what is listed."""

    def chart(
        self, listing: Listing, start: int, end: int, resolution_minutes: int, at: int
    ) -> Candles:
        """Draw the bars of what is no option, those that open in [start, end] and by `at`."""

    def index_price(self, underlying: str, at: int) -> float:
        """Tell the index."""

    def index_prices(self, underlying: str, at: Instants) -> Array:
        """Tell the index at each instant."""

    def hourly_index_prices(self, underlying: str, start: int, end: int) -> Array:
        """Tell the index at every full hour in [start, end]."""

    def delivery_price(self, underlying: str, expires_at: int, at: int) -> float | None:
        """Tell the price at which an expiry at 08:00 UTC is paid; None before it."""

    def delivery_prices(
        self, underlying: str, at: int, count: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Tell (08:00 UTC of the day, delivery price), newest first, after `offset` newer ones."""

    def deliveries_count(self, underlying: str, at: int) -> int:
        """Count the delivery prices until an instant."""

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Estimate the next delivery price."""

    def settlements(self, currency: str, settled_at: int, at: int) -> tuple[Settlement, ...]:
        """List what was settled in a currency at one 08:00 UTC: deliveries first."""

    def settlement_of(self, listing: Listing, settled_at: int, at: int) -> Settlement | None:
        """Find the settlement of one instrument at one 08:00 UTC, None where it has none."""

    def premium(self, product: str, at: int) -> float:
        """Tell the perpetual's premium over the index, as a fraction."""

    def funding_8h(self, product: str, at: int) -> float:
        """Tell the perpetual's funding rate per 8 hours."""

    def funding_trailing_8h(self, product: str, at: int) -> float:
        """Sum the interest of the last 8 hours."""

    def funding(self, product: str, start: int, end: int) -> Funding:
        """Tell the interest of each hour that ended in [start, end]."""

    def volatility_index(self, coin: str, at: int) -> float | None:
        """Tell the volatility index, as a fraction; None where there is none."""

    def volatility_bars(
        self, coin: str, start: int, end: int, resolution_s: int, at: int
    ) -> Candles:
        """Draw the bars of the volatility index that open in [start, end] and not after `at`."""

    def announcements(self, since: int, at: int) -> tuple[Announcement, ...]:
        """List what was announced in (since, at], oldest first."""

    def yearly_yields(self, currency: str, days: Instants) -> Array | None:
        """Tell what a coin earned on days since 1970, in percent a year; None where unknown."""


def last_settlement(at: int) -> int:
    """Name the last 08:00 UTC at or before an instant."""
    return at - (at - SETTLEMENT_TIME) % DAY
