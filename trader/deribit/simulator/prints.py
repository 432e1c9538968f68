"""Which trades has an instrument printed?

Prints follow the quotes: a perpetual, a future or a spot pair prints its mark on the tick, inside
its spread (a bar is made of such prices), an option the ask to a buyer and the bid to a seller.
Every stretch of time of an instrument holds exactly one print, so `trade_seq` counts stretches
since the listing: no gap, and any window can be asked for by time or by sequence. Nothing printed
after the instant of the question shows.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.instrument_series import option_prints_every, series
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.path import on_tick
from trader.deribit.simulator.quotes import Quotes
from trader.deribit.simulator.turnover import print_length, printed
from trader.domain.units import DAY
from trader.pricing.normal import Array

LOOK_BACK: Final = 32
"""How many earlier prints decide the tick direction of one that moved nothing."""

Instants = NDArray[np.int64]


class Prints(NamedTuple):
    """Trades of one instrument, oldest first: `seq` starts at 1 with the listing.

    `amount` is in coin, for inverse perpetuals and futures in USD; `buy` tells that the taker
    bought. `tick_direction` is Deribit's: 0 plus, 1 zero-plus, 2 minus, 3 zero-minus. `iv` is a
    fraction, 0 where the price implies none or the instrument is no option.
    """

    seq: Instants
    at: Instants
    price: Array
    amount: Array
    contracts: Array
    buy: NDArray[np.bool_]
    tick_direction: Instants
    mark: Array
    index_price: Array
    iv: Array


class DayOfPrints(NamedTuple):
    """An option's last 24 hours: prices in its units, volume in coin, and in USD paid for it."""

    high: float
    low: float
    first: float
    last: float
    volume: float
    volume_usd: float


class Tape:
    """The trades of one market's instruments."""

    def __init__(self, quotes: Quotes) -> None:
        """Print at the quotes of `quotes`."""
        self.quotes = quotes

    def latest_seq(self, listing: Listing, at: int) -> int:
        """Return the number of prints until an instant, 0 before the first."""
        at = min(at, listing.expires_at - 1)
        number = (at - listing.listed_at) // _length(listing)
        if number < 0:
            return 0
        return int(number) + int(self._times(listing, np.array([number]))[0] <= at)

    def by_sequence(self, listing: Listing, first: int, last: int, at: int) -> Prints:
        """Return the prints numbered first to last (both included) that have happened by `at`."""
        first, last = max(first, 1), min(last, self.latest_seq(listing, at))
        if last < first:
            return NO_PRINTS
        earlier = min(LOOK_BACK, first - 1)
        return _tail(self._made(listing, np.arange(first - earlier, last + 1)), earlier)

    def by_time(self, listing: Listing, start: int, end: int, at: int) -> Prints:
        """Return the prints in [start, end] that have happened by `at`."""
        first, last = self.span(listing, start, min(end, at))
        return self.by_sequence(listing, first, last, at)

    def span(self, listing: Listing, start: int, end: int) -> tuple[int, int]:
        """Return the first and last sequence number in [start, end]; none where last < first."""
        return self.latest_seq(listing, start - 1) + 1, self.latest_seq(listing, end)

    def latest(self, listings: tuple[Listing, ...], at: int) -> list[float | None]:
        """Return the last price of some options of one product, None before the first print."""
        if not listings:
            return []
        length = np.array([_length(one) for one in listings])
        listed_at = np.array([one.listed_at for one in listings])
        number = (at - listed_at) // length
        prices = self._last_prices(listings, listed_at + number * length)
        earlier = self._last_prices(listings, listed_at + np.maximum(number - 1, 0) * length)
        return [
            now[1] if now[0] <= at else (before[1] if before[0] <= at else None)
            for now, before in zip(prices, earlier, strict=True)
        ]

    def day(self, listings: tuple[Listing, ...], at: int) -> list[DayOfPrints | None]:
        """Sum up the last 24 hours of some options of one product, None where none printed.

        Asks for every print of the day at once: tens of milliseconds for a board.
        """
        if not listings:
            return []
        length = np.array([_length(one) for one in listings])
        listed_at = np.array([one.listed_at for one in listings])
        first = np.maximum((at - DAY - listed_at) // length, 0)
        counts = np.maximum((at - listed_at) // length - first + 1, 0)
        row = np.repeat(np.arange(len(listings)), counts)
        number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + first[row]
        within = listed_at[row] + number * length[row]
        met, taken = self.quotes.option_prints(tuple(listings[one] for one in row), within)
        seen = (taken.at > at - DAY) & (taken.at <= at)
        prices = np.where(taken.buy, met.ask, met.bid)[seen]
        amounts = taken.amount[seen]
        dollars = (prices * met.underlying_price[seen]) if listings[0].inverse else prices
        bounds = np.searchsorted(row[seen], np.arange(len(listings) + 1))
        return [
            _summed(prices[low:high], amounts[low:high], dollars[low:high]) if low < high else None
            for low, high in pairwise(bounds.tolist())
        ]

    def _last_prices(
        self, listings: tuple[Listing, ...], within: Instants
    ) -> list[tuple[int, float]]:
        met, taken = self.quotes.option_prints(listings, within)
        prices = np.where(taken.buy, met.ask, met.bid)
        return list(zip(taken.at.tolist(), prices.tolist(), strict=True))

    def _times(self, listing: Listing, number: Instants) -> Instants:
        if listing.kind == "option":
            within = listing.listed_at + number * _length(listing)
            return self.quotes.print_times((listing,) * len(number), within)
        return printed(self.quotes.market, listing, number).at

    def _made(self, listing: Listing, seq: Instants) -> Prints:
        """Make consecutive prints; the directions of the first few look back to what is given."""
        if listing.kind == "option":
            return self._option_prints(listing, seq)
        market = self.quotes.market
        made = printed(market, listing, seq - 1)
        mark = market.points(series(listing), made.at)
        price = on_tick(mark, listing.tick_size)
        return Prints(
            seq,
            made.at,
            price,
            np.round(made.contracts * listing.contract_size, 8),
            made.contracts.astype(np.float64),
            price >= mark,
            _directions(price),
            mark,
            market.spots(listing.underlying, made.at),
            np.zeros(len(seq)),
        )

    def _option_prints(self, listing: Listing, seq: Instants) -> Prints:
        within = listing.listed_at + (seq - 1) * _length(listing)
        met, taken = self.quotes.option_prints((listing,) * len(seq), within)
        price = np.where(taken.buy, met.ask, met.bid)
        return Prints(
            seq,
            taken.at,
            price,
            taken.amount,
            np.round(taken.amount / listing.contract_size, 6),
            taken.buy,
            _directions(price),
            met.mark,
            self.quotes.market.spots(listing.underlying, taken.at),
            np.where(taken.buy, met.ask_iv, met.bid_iv),
        )


def _summed(prices: Array, amounts: Array, dollars: Array) -> DayOfPrints:
    return DayOfPrints(
        float(prices.max()),
        float(prices.min()),
        float(prices[0]),
        float(prices[-1]),
        round(float(amounts.sum()), 8),
        round(float((amounts * dollars).sum()), 2),
    )


def _length(listing: Listing) -> int:
    return option_prints_every(listing) if listing.kind == "option" else print_length(listing)


def _directions(price: Array) -> Instants:
    """Return tick directions; a print that moved nothing takes the sign of the last that did."""
    move = np.sign(np.diff(price, prepend=price[:1]))
    rows = np.arange(len(move))
    moved = np.maximum.accumulate(np.where(move != 0.0, rows, -1))
    known = (moved >= 0) & (rows - moved < LOOK_BACK)
    sign = np.where(known, move[np.maximum(moved, 0)], 1.0)
    directions: Instants = np.where(sign > 0.0, 0, 2) + (move == 0.0)
    return directions


def _tail(prints: Prints, first: int) -> Prints:
    """Return the prints from a row on."""
    return Prints(
        prints.seq[first:],
        prints.at[first:],
        prints.price[first:],
        prints.amount[first:],
        prints.contracts[first:],
        prints.buy[first:],
        prints.tick_direction[first:],
        prints.mark[first:],
        prints.index_price[first:],
        prints.iv[first:],
    )


_NO_INSTANTS: Final = np.empty(0, dtype=np.int64)
_NO_PRICES: Final = np.empty(0)
NO_PRINTS: Final = Prints(
    _NO_INSTANTS,
    _NO_INSTANTS,
    _NO_PRICES,
    _NO_PRICES,
    _NO_PRICES,
    np.empty(0, dtype=np.bool_),
    _NO_INSTANTS,
    _NO_PRICES,
    _NO_PRICES,
    _NO_PRICES,
)
