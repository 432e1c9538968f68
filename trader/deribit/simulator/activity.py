"""What has been traded of each instrument in the last day, at which price last, how much is open?

All of it follows from the prints. Those of the last day are kept for the options that anybody asked
about, so that a board's figures cost microseconds a row; a question about an earlier instant begins
anew, and what is kept never changes an answer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.instrument_series import chart, option_prints_every, series
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.path import keep, on_tick
from trader.deribit.simulator.quotes import Quotes
from trader.deribit.simulator.settlements import held, held_draws, held_shares
from trader.deribit.simulator.turnover import print_length, print_times
from trader.domain.units import DAY, MINUTE

STATS_EVERY: Final = 5 * MINUTE
KEPT: Final = 256

_NEVER: Final = np.iinfo(np.int64).max
_WEEK: Final = 7 * DAY

Instants = NDArray[np.int64]


class DayStats(NamedTuple):
    """The last 24 hours of an instrument: prices in its units, `change` in percent, all three None
    where nothing printed; `volume` in coin, `cost` what was paid for it in USD.
    """

    high: float | None
    low: float | None
    change: float | None
    volume: float
    cost: float


class Traded(NamedTuple):
    """What the tape of an instrument says: its last day, its last price, what is held open."""

    stats: DayStats
    last_price: float | None
    open_interest: float


NOTHING_TRADED: Final = DayStats(None, None, None, 0.0, 0.0)


class Activity:
    """What was traded in one market; what is asked about is listed at the instant."""

    def __init__(self, quotes: Quotes) -> None:
        """Count the prints at the quotes of `quotes`."""
        self._quotes = quotes
        self._options: dict[str, _Options] = {}
        self._last: dict[str, tuple[int, int, float | None]] = {}
        self._stats: dict[str, tuple[int, DayStats]] = {}
        self._draws: dict[str, tuple[int, tuple[float, float]]] = {}

    def traded(self, listing: Listing, at: int) -> Traded:
        """Return day, last price and open interest at once; an option's while they stand."""
        if listing.kind == "option":
            return self._option(listing, at).traded(listing, at)
        stats, price = self.day_stats(listing, at), self.last_price(listing, at)
        return Traded(stats, price, self.open_interest(listing, at))

    def last_price(self, listing: Listing, at: int) -> float | None:
        """Return the price of the last print, None before the first."""
        if listing.kind == "option":
            prices = self._option(listing, at).prices
            return prices[-1] if prices else None
        known = self._last.get(listing.name)
        if known is None or not known[0] <= at < known[1]:
            known = self._last_print(listing, at)
            keep(self._last, listing.name, known, KEPT)
        return known[2]

    def day_stats(self, listing: Listing, at: int) -> DayStats:
        """Sum up the last 24 hours; of what is no option as of the last full five minutes."""
        if listing.kind == "option":
            return self._option(listing, at).day_stats(at)
        as_of = at - at % STATS_EVERY
        known = self._stats.get(listing.name)
        if known is None or known[0] != as_of:
            known = (as_of, self._chart_stats(listing, as_of))
            keep(self._stats, listing.name, known, KEPT)
        return known[1]

    def open_interest(self, listing: Listing, at: int) -> float:
        """Return what is held open: coin, USD for inverse perpetuals and futures; 0 of spot."""
        if listing.kind == "option":
            share = self._option(listing, at).share
            return held(listing, (share, share), at)
        week = at // _WEEK
        known = self._draws.get(listing.name)
        if known is None or known[0] != week:
            known = (week, held_draws(self._quotes.market, listing, at))
            keep(self._draws, listing.name, known, KEPT)
        return held(listing, known[1], at)

    def _option(self, listing: Listing, at: int) -> _Row:
        board = self._options.get(listing.product)
        if board is None:
            board = self._options[listing.product] = _Options(self._quotes)
        return board.row(listing, at)

    def _last_print(self, listing: Listing, at: int) -> tuple[int, int, float | None]:
        """Return since when, until when and at which price the last print is the last."""
        market = self._quotes.market
        number = (at - listing.listed_at) // print_length(listing)
        numbers = np.arange(max(number - 1, 0), number + 2)
        times = print_times(market, listing, numbers)
        last = bisect_right(times.tolist(), at) - 1
        if last < 0:
            return listing.listed_at, int(times[0]), None
        marks = market.points(series(listing), times[last : last + 1])
        price = float(on_tick(marks, listing.tick_size)[0])
        return int(times[last]), int(times[last + 1]), price

    def _chart_stats(self, listing: Listing, at: int) -> DayStats:
        bars = chart(self._quotes.market, listing, at - DAY, at, 60, at)
        if not len(bars.ticks):
            return NOTHING_TRADED
        return DayStats(
            float(bars.high.max()),
            float(bars.low.min()),
            round(100.0 * float(bars.close[-1] / bars.open[0] - 1.0), 4),
            round(float(bars.volume.sum()), 8),
            round(float(bars.cost.sum()), 2),
        )


class _Row:
    """The prints of one option, oldest first; `share` is what of its prints is held."""

    __slots__ = ("_stands_until", "_stats", "_traded", "amounts", "dollars", "prices", "share",
                 "times")  # fmt: skip

    def __init__(self, share: float) -> None:
        self.share = share
        self.times = array("q")
        self.prices = array("d")
        self.amounts = array("d")
        self.dollars = array("d")
        self._stats: DayStats | None = None
        self._traded: Traded | None = None
        self._stands_until = 0

    def traded(self, listing: Listing, at: int) -> Traded:
        """Return what stands until the next print, or until one is a day old.

        What is held grows with each stretch of time that may print.
        """
        if self._traded is None or at >= self._stands_until:
            last = self.prices[-1] if self.prices else None
            share = (self.share, self.share)
            self._traded = Traded(self.day_stats(at), last, held(listing, share, at))
            every = option_prints_every(listing)
            stretch_ends_at = at + every - (at - listing.listed_at) % every
            first_at = self.times[0] if self.times else at
            self._stands_until = min(stretch_ends_at, first_at + DAY)
        return self._traded

    def add(
        self, times: list[int], prices: list[float], amounts: list[float], dollars: list[float]
    ) -> None:
        """Append prints."""
        self.times.extend(times)
        self.prices.extend(prices)
        self.amounts.extend(amounts)
        self.dollars.extend(dollars)
        self._stats = self._traded = None

    def day_stats(self, at: int) -> DayStats:
        """Sum up the last 24 hours, and forget what is older."""
        if self.times and self.times[0] <= at - DAY:
            old = bisect_right(self.times, at - DAY)
            for column in (self.times, self.prices, self.amounts, self.dollars):
                del column[:old]
            self._stats = None
        if self._stats is None:
            self._stats = self._summed() if self.times else NOTHING_TRADED
        return self._stats

    def _summed(self) -> DayStats:
        first, last = self.prices[0], self.prices[-1]
        return DayStats(
            max(self.prices),
            min(self.prices),
            round(100.0 * (last / first - 1.0), 4),
            round(sum(self.amounts), 8),
            round(sum(self.dollars), 2),
        )


class _Options:
    """The last day's prints of those expiries of a product that were asked about.

    By row: `_number` counts the stretch of time whose print comes next, `_next_at` is when.
    """

    def __init__(self, quotes: Quotes) -> None:
        self._quotes = quotes
        self._as_of = 0
        self._forget()

    def row(self, listing: Listing, at: int) -> _Row:
        """Return the prints of one option until an instant."""
        if at != self._as_of:
            self._advance(at)
        row = self._rows.get(listing.name)
        if row is None:
            self._add(listing, at)
            row = self._rows[listing.name]
        return row

    def _forget(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._listings: list[Listing] = []
        self._number = self._next_at = self._listed_at = self._length = np.empty(0, np.int64)
        self._due_at = self._ends_at = _NEVER

    def _advance(self, at: int) -> None:
        """Go on to an instant; an earlier one, or one days away, begins anew."""
        if not self._as_of <= at < self._as_of + DAY:
            self._forget()
        self._as_of = at
        if at >= self._ends_at:
            self._drop_expired(at)
        if at >= self._due_at:
            self._print(np.flatnonzero(self._next_at <= at), at)

    def _drop_expired(self, at: int) -> None:
        live = [row for row, one in enumerate(self._listings) if one.expires_at > at]
        self._listings = list(self._of(live))
        self._rows = {one.name: self._rows[one.name] for one in self._listings}
        self._number, self._next_at = self._number[live], self._next_at[live]
        self._listed_at, self._length = self._listed_at[live], self._length[live]
        self._due_at = int(self._next_at.min(initial=_NEVER))
        self._ends_at = min((one.expires_at for one in self._listings), default=_NEVER)

    def _add(self, listing: Listing, at: int) -> None:
        """Read the last day of all options of an expiry that are not yet followed."""
        board = self._quotes.listings.options(listing.product, at)
        added = [
            one
            for one in (board if listing in board else (listing,))
            if one.expires_at == listing.expires_at and one.name not in self._rows
        ]
        shares = held_shares(self._quotes.market, added)
        self._rows.update((one.name, _Row(share)) for one, share in zip(added, shares, strict=True))
        followed = len(self._listings)
        self._listings += added
        listed_at = np.array([one.listed_at for one in added])
        length = np.array([option_prints_every(one) for one in added])
        first = np.maximum((at - DAY - listed_at) // length, 0)
        self._listed_at = np.concatenate((self._listed_at, listed_at))
        self._length = np.concatenate((self._length, length))
        self._number = np.concatenate((self._number, first))
        self._next_at = np.concatenate((self._next_at, listed_at + first * length))
        self._ends_at = min(self._ends_at, listing.expires_at)
        self._print(np.arange(followed, len(self._listings)), at)

    def _print(self, due: Instants, at: int) -> None:
        """Append what the rows `due` printed until an instant, and look for what comes next."""
        first = self._number[due]
        last = np.maximum((at - self._listed_at[due]) // self._length[due], first)
        counts = last - first + 1
        ends = np.cumsum(counts)
        row = np.repeat(due, counts)
        number = np.arange(len(row)) - np.repeat(ends - counts, counts) + self._number[row]
        within = self._listed_at[row] + number * self._length[row]
        met, taken = self._quotes.option_prints(self._of(row.tolist()), within)
        prices = np.where(taken.buy, met.ask, met.bid)
        inverse = self._listings[int(due[0])].inverse
        dollars = prices * taken.amount * (met.underlying_price if inverse else 1.0)
        columns = [one.tolist() for one in (taken.at, prices, taken.amount, dollars)]
        seen = ends - (taken.at[ends - 1] > at)
        for index, low, high in zip(
            due.tolist(), (ends - counts).tolist(), seen.tolist(), strict=True
        ):
            if low < high:
                times, *others = (column[low:high] for column in columns)
                self._rows[self._listings[index].name].add(times, *others)
        self._number[due] = number[ends - 1] + (seen == ends)
        following = self._listed_at[due] + self._number[due] * self._length[due]
        self._next_at[due] = self._quotes.print_times(self._of(due.tolist()), following)
        self._due_at = int(self._next_at.min())

    def _of(self, rows: Sequence[int]) -> tuple[Listing, ...]:
        return tuple(self._listings[row] for row in rows)
