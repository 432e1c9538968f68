"""What does a recorded market list and quote at an instant, by the names Deribit uses?

Each contract shows its latest recorded quote, with the time that had; nothing later shows, nothing
is drawn between two quotes, and what was not recorded is empty (trades, funding, dated futures,
settlements) or NaN. Greeks are Black-76 at the recorded volatility.
"""

# ruff: noqa: ARG002  what was not recorded is asked about all the same
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from trader.deribit.simulator.activity import NOTHING_TRADED, DayStats, Traded
from trader.deribit.simulator.announcements import Announcement
from trader.deribit.simulator.candles import NO_CANDLES, Candles
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.funding import Funding
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.prints import NO_PRINTS, Prints
from trader.deribit.simulator.quotes import Board, OptionQuote, rows
from trader.deribit.simulator.recording import NO_STEPS, Instants, Recording, Steps
from trader.deribit.simulator.replay_listings import ReplayListings
from trader.deribit.simulator.settlements import Settlement
from trader.domain.units import HOUR, MILLISECOND, MINUTE, YEAR
from trader.pricing.black_scholes import implied_vol, price_and_greeks
from trader.pricing.columns import Greeks
from trader.pricing.normal import Array

REPLAY_VERSION: Final = "replay-1"

_VOL_MIN: Final = 1e-4
_YEARS_MIN: Final = 1e-9
_HOURS_OF_BARS: Final = (60, 120, 180, 360, 720, 1_440)


class NothingPrinted:
    """The trades of a market of which only quotes were recorded: none."""

    def latest_seq(self, listing: Listing, at: int) -> int:
        """Return 0."""
        return 0

    def counts(self, listings: tuple[Listing, ...], at: int) -> list[int]:
        """Return 0 of each."""
        return [0] * len(listings)

    def span(self, listing: Listing, start: int, end: int) -> tuple[int, int]:
        """Return an empty span."""
        return 1, 0

    def by_sequence(self, listing: Listing, first: int, last: int, at: int) -> Prints:
        """Return nothing."""
        return NO_PRINTS

    def by_time(self, listing: Listing, start: int, end: int, at: int) -> Prints:
        """Return nothing."""
        return NO_PRINTS

    def of_many(
        self, listings: Sequence[Listing], start: int, end: int, at: int
    ) -> list[tuple[Listing, Prints]]:
        """Return nothing."""
        return []


class ReplayVenue:
    """One recording as an exchange. What is kept of the last question never changes an answer."""

    seed: Final = "0"

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.version = f"{REPLAY_VERSION}-{recording.name}"
        self.begins_at = int(recording.rows.at[0]) - HOUR
        self.life = recording.life
        self.staleness_s = recording.staleness_s
        self.assumed_sizes = recording.assumed_sizes
        self.underlyings = tuple(recording.indexes)
        self.tape = NothingPrinted()
        self._listings = ReplayListings(recording.rows)
        self._latest = np.full(len(recording.rows.names), -1, dtype=np.int64)
        self._read = 0
        self._boards: dict[str, tuple[tuple[Listing, ...], int, Board]] = {}

    def find(self, name: str, at: int) -> Listing | None:
        """Find what is listed under a name at an instant."""
        return self._listings.find(name, at)

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Find a recorded contract that expired at or before an instant."""
        return self._listings.find_expired(name, at)

    def listed(self, at: int) -> tuple[Listing, ...]:
        """List everything that was quoted and has not expired."""
        return self._listings.listed(at)

    def dated(self, product: str, at: int) -> tuple[Listing, ...]:
        """List the options of a product."""
        return self._listings.options(product, at)

    def expired(self, product: str, expires_at: int) -> tuple[Listing, ...]:
        """List what of a product expired at one 08:00 UTC."""
        return self._listings.expired(product, expires_at)

    def next_change(self, at: int) -> int | None:
        """Tell when anything changes next: a quote, an index, a listing; None at the end."""
        quotes = self.recording.rows.at
        place = int(np.searchsorted(quotes, at, "right"))
        changes = [int(quotes[place])] if place < len(quotes) else []
        for steps in self.recording.indexes.values():
            following = steps.last(at) + 1
            if following < len(steps.at):
                changes.append(int(steps.at[following]))
        listing = self._listings.next_change(at)
        return min(changes if listing is None else [*changes, listing], default=None)

    def underlying_index(self, option: Listing, at: int) -> str:
        """Name what an option was priced off."""
        place = int(self.recording.rows.underlying_index[self._row(option, at)])
        if place < 0:
            return f"SYN.{option.name.rsplit('-', 2)[0]}"
        return self.recording.rows.underlying_indexes[place]

    def board(self, product: str, at: int) -> Board:
        """Quote every option of a product."""
        listings = self._listings.options(product, at)
        self._advance(at)
        known = self._boards.get(product)
        if known is None or known[0] is not listings or known[1] != self._read:
            known = (listings, self._read, self._board(listings, at))
            self._boards[product] = known
        return known[2]

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Quote one option that is listed."""
        return next(rows(self._board((listing,), at)))[1]

    def option_marks(self, option: Listing, at: Instants) -> Array:
        """Tell the mark of an option as it was known last at each instant."""
        known = self.recording.rows
        own = np.flatnonzero(known.instrument == self._listings.code[option.name])
        return Steps(known.at[own], known.mark[own]).read(at)

    def delta_one(self, listing: Listing, at: int) -> PerpetualQuote:
        """Quote a perpetual; what was not recorded of it is empty or NaN."""
        known, row = self.recording.rows, self._row(listing, at)
        return PerpetualQuote(
            float(known.bid[row]),
            float(known.ask[row]),
            float(known.bid_amount[row]),
            float(known.ask_amount[row]),
            float(known.mark[row]),
            self.index_price(listing.underlying, at),
            math.nan,
        )

    def quoted_at(self, listing: Listing, at: int) -> int:
        """Tell of when the quote is that an instrument shows."""
        return int(self.recording.rows.at[self._row(listing, at)])

    def order_book(
        self, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int, depth: int
    ) -> OrderBook:
        """Tell the one level that was recorded."""

        def side(price: float, amount: float) -> dict[float, float]:
            return {price: amount} if price > 0.0 and amount > 0.0 else {}

        return OrderBook(side(quoted.bid, quoted.bid_amount), side(quoted.ask, quoted.ask_amount))

    def order_books(self, product: str, at: int) -> Sequence[OrderBook]:
        """Tell the one level a side of every option of a product."""
        return [self.order_book(one, quote, at, 1) for one, quote in rows(self.board(product, at))]

    def traded(self, listing: Listing, at: int) -> Traded:
        """Tell of no trade, and what was held open."""
        return Traded(NOTHING_TRADED, None, self.open_interest(listing, at))

    def settlement_price(self, listing: Listing, at: int) -> float | None:
        """Tell None: marks at 08:00 UTC were not recorded."""
        return None

    def open_interest(self, listing: Listing, at: int) -> float:
        """Tell what was held open, NaN where it was not recorded."""
        return float(self.recording.rows.open_interest[self._row(listing, at)])

    def last_price(self, listing: Listing, at: int) -> float | None:
        """Tell None: trades were not recorded."""
        return None

    def day_stats(self, listing: Listing, at: int) -> DayStats:
        """Tell of no trade."""
        return NOTHING_TRADED

    def chart(
        self, listing: Listing, start: int, end: int, resolution_minutes: int, at: int
    ) -> Candles:
        """Draw bars from the recorded closes of hours, whole bars only, without a volume.

        A bar opens at the close before it; between two closes nothing is known.
        """
        closes = self.recording.closes.get(listing.product, NO_STEPS)
        if listing.kind != "perpetual" or resolution_minutes not in _HOURS_OF_BARS:
            return NO_CANDLES
        return _bars(closes, start, min(end, at), resolution_minutes * MINUTE, at)

    def index_price(self, underlying: str, at: int) -> float:
        """Tell the index as it was known last."""
        return float(self.index_prices(underlying, np.array([at]))[0])

    def index_prices(self, underlying: str, at: Instants) -> Array:
        """Tell the index as it was known last at each instant."""
        return self.recording.indexes[underlying].read(at)

    def hourly_index_prices(self, underlying: str, start: int, end: int) -> Array:
        """Tell the index at every full hour in [start, end], since when it is known."""
        known_at = int(self.recording.indexes[underlying].at[0])
        first = -(-max(start, known_at) // HOUR)
        hours = HOUR * np.arange(first, end // HOUR + 1, dtype=np.int64)
        return self.index_prices(underlying, hours if hours.size else np.array([end]))

    def delivery_price(self, underlying: str, expires_at: int, at: int) -> float | None:
        """Tell the recorded price of an expiry; None before it, and where it is not known."""
        prices = self.recording.deliveries.get(underlying, NO_STEPS)
        place = prices.last(min(expires_at, at))
        known = place >= 0 and int(prices.at[place]) == expires_at
        return float(prices.value[place]) if known else None

    def delivery_prices(
        self, underlying: str, at: int, count: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Tell the recorded prices of the last expiries, newest first."""
        prices = self.recording.deliveries.get(underlying, NO_STEPS)
        newest = prices.last(at) - offset
        places = range(newest, max(newest - count, -1), -1)
        return [(int(prices.at[place]), float(prices.value[place])) for place in places]

    def deliveries_count(self, underlying: str, at: int) -> int:
        """Count the recorded delivery prices until an instant."""
        return self.recording.deliveries.get(underlying, NO_STEPS).last(at) + 1

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Tell the index: the average of its last half hour was not recorded."""
        return self.index_price(underlying, at)

    def settlements(self, currency: str, settled_at: int, at: int) -> tuple[Settlement, ...]:
        """Tell none: nobody's positions were recorded."""
        return ()

    def settlement_of(self, listing: Listing, settled_at: int, at: int) -> Settlement | None:
        """Tell None: nobody's positions were recorded."""
        return None

    def premium(self, product: str, at: int) -> float:
        """Tell NaN: index and perpetual may be one source."""
        return math.nan

    def funding_8h(self, product: str, at: int) -> float:
        """Tell NaN: funding was not recorded."""
        return math.nan

    def funding_trailing_8h(self, product: str, at: int) -> float:
        """Tell NaN: funding was not recorded."""
        return math.nan

    def funding(self, product: str, start: int, end: int) -> Funding:
        """Tell of no hour."""
        nothing = np.empty(0)
        return Funding(np.empty(0, dtype=np.int64), nothing, nothing, nothing, nothing)

    def announcements(self, since: int, at: int) -> tuple[Announcement, ...]:
        """Tell none: they were not recorded."""
        return ()

    def yearly_yields(self, currency: str, days: Instants) -> Array | None:
        """Tell None: it was not recorded."""
        return None

    def volatility_index(self, coin: str, at: int) -> float | None:
        """Tell None: it was not recorded."""
        return None

    def volatility_bars(
        self, coin: str, start: int, end: int, resolution_s: int, at: int
    ) -> Candles:
        """Draw nothing."""
        return NO_CANDLES

    def _advance(self, at: int) -> None:
        """Read the quotes up to an instant; an earlier one than the last begins anew."""
        known = self.recording.rows
        upto = int(np.searchsorted(known.at, at, "right"))
        if upto < self._read:
            self._latest[:] = -1
            self._read = 0
        fresh = slice(self._read, upto)
        self._latest[known.instrument[fresh]] = np.arange(self._read, upto)
        self._read = upto

    def _row(self, listing: Listing, at: int) -> int:
        self._advance(at)
        return int(self._latest[self._listings.code[listing.name]])

    def _board(self, listings: tuple[Listing, ...], at: int) -> Board:
        self._advance(at)
        known = self.recording.rows
        places = self._latest[[self._listings.code[one.name] for one in listings]]
        return _quoted(
            listings,
            known.at[places],
            *(column[places] for column in known[4:12]),
        )


def _quoted(
    listings: tuple[Listing, ...],
    at: Instants,
    bid: Array,
    ask: Array,
    bid_amount: Array,
    ask_amount: Array,
    mark: Array,
    mark_iv: Array,
    forward: Array,
    index_price: Array,
) -> Board:
    """Put recorded rows into a board, with the Greeks and volatilities that follow from them."""
    strike = np.array([one.strike for one in listings], dtype=np.float64)
    sign = np.array([1.0 if one.option_type == "call" else -1.0 for one in listings])
    expires_at = np.array([one.expires_at for one in listings], dtype=np.int64)
    years = np.maximum((expires_at - at) / YEAR, _YEARS_MIN)
    told = (mark_iv > 0.0) & (forward > 0.0)
    price = np.where(told, forward, strike)
    vol = np.where(told, np.maximum(mark_iv, _VOL_MIN), 1.0)
    figures = price_and_greeks(sign, price, strike, years, vol)[1]
    greeks = Greeks(*(np.where(told, figure, np.nan) for figure in figures))
    inverse = np.array([one.inverse for one in listings], dtype=bool)
    unit = np.where(inverse, price, 1.0)
    bid_iv, ask_iv = (
        np.nan_to_num(implied_vol(sign, side * unit, price, strike, years).vol) * told
        for side in (bid, ask)
    )
    return Board(
        listings, bid, ask, bid_amount, ask_amount, mark, mark_iv, bid_iv, ask_iv, forward,
        index_price, greeks,
    )  # fmt: skip


def _bars(closes: Steps, start: int, end: int, bar: int, at: int) -> Candles:
    """Put the closes of hours together to bars that open in [start, end] and end by `at`."""
    first = closes.last(max(start, 0)) + 1
    opens_at = (closes.at - HOUR)[max(first, 1) :] // bar * bar
    found = (opens_at >= start) & (opens_at <= end) & (opens_at + bar <= at)
    places = np.flatnonzero(found) + max(first, 1)
    if not places.size:
        return NO_CANDLES
    ticks, begins = np.unique(opens_at[found], return_index=True)
    last = np.append(begins[1:], len(places)) - 1
    value, before = closes.value[places], closes.value[places - 1]
    nothing = np.zeros(len(ticks))
    return Candles(
        ticks // MILLISECOND,
        before[begins],
        np.maximum.reduceat(np.maximum(value, before), begins),
        np.minimum.reduceat(np.minimum(value, before), begins),
        value[last],
        nothing,
        nothing,
    )
