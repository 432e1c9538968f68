"""Which trades has an instrument printed?

Prints follow the quotes: a perpetual, a future or a spot pair prints its mark on the tick, inside
its spread (a bar is made of such prices), an option the ask to a buyer and the bid to a seller.
Every stretch of time of an instrument holds exactly one print, so `trade_seq` counts stretches
since the listing: no gap, and any window can be asked for by time or by sequence. Nothing printed
after the instant of the question shows.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.instrument_series import option_prints_every, series
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.path import on_tick
from trader.deribit.simulator.quotes import Quotes
from trader.deribit.simulator.turnover import print_length, print_times, printed
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

    def counts(self, listings: tuple[Listing, ...], at: int) -> list[int]:
        """Return `latest_seq` of each of some listed options of one product."""
        counts: list[int] = self.quotes.print_counts(listings, at).tolist()
        return counts

    def by_sequence(self, listing: Listing, first: int, last: int, at: int) -> Prints:
        """Return the prints numbered first to last (both included) that have happened by `at`."""
        first, last = max(first, 1), min(last, self.latest_seq(listing, at))
        if last < first:
            return NO_PRINTS
        earlier = min(LOOK_BACK, first - 1)
        return _cut(self._made(listing, np.arange(first - earlier, last + 1)), earlier)

    def by_time(self, listing: Listing, start: int, end: int, at: int) -> Prints:
        """Return the prints in [start, end] that have happened by `at`."""
        first, last = self.span(listing, start, min(end, at))
        return self.by_sequence(listing, first, last, at)

    def span(self, listing: Listing, start: int, end: int) -> tuple[int, int]:
        """Return the first and last sequence number in [start, end]; none where last < first."""
        return self.latest_seq(listing, start - 1) + 1, self.latest_seq(listing, end)

    def of_many(
        self, listings: Sequence[Listing], start: int, end: int, at: int
    ) -> list[tuple[Listing, Prints]]:
        """Return `by_time` of each instrument that has printed then; options at one go."""
        end = min(end, at)
        found = [
            (one, self.by_time(one, start, end, at)) for one in listings if one.kind != "option"
        ]
        products: dict[str, list[Listing]] = {}
        for one in listings:
            if one.kind == "option" and one.listed_at <= end:
                products.setdefault(one.product, []).append(one)
        for options in products.values():
            found += self._options(options, start, end)
        return [one for one in found if len(one[1].seq)]

    def _options(
        self, options: list[Listing], start: int, end: int
    ) -> list[tuple[Listing, Prints]]:
        """Return the prints in [start, end] of options of one product, also where there are none.

        Which ones happen is drawn for all stretches of time; only those are quoted.
        """
        listed_at = np.array([one.listed_at for one in options])
        length = np.array([_length(one) for one in options])
        ends_at = np.minimum(np.array([one.expires_at for one in options]) - 1, end)
        first = np.maximum((start - listed_at) // length, 0)
        counts = np.maximum((ends_at - listed_at) // length - first + 1, 0)
        ends = np.cumsum(counts)
        row = np.repeat(np.arange(len(options)), counts)
        number = np.arange(len(row)) - np.repeat(ends - counts, counts) + first[row]
        within = listed_at[row] + number * length[row]
        if not row.size:
            return []
        times = self.quotes.print_times(tuple(options[one] for one in row.tolist()), within)
        chosen = np.flatnonzero((start <= times) & (times <= ends_at[row]))
        if not chosen.size:
            return []
        row, within, seq = row[chosen], within[chosen], number[chosen] + 1
        printed_by = tuple(options[one] for one in row.tolist())
        met, taken = self.quotes.option_prints(printed_by, within)
        price = np.where(taken.buy, met.ask, met.bid)
        contracts = np.round(taken.amount / options[0].contract_size, 6)
        prints = Prints(
            seq,
            taken.at,
            price,
            taken.amount,
            contracts,
            taken.buy,
            self._option_directions(printed_by, within, length[row], price, seq),
            met.mark,
            self.quotes.market.spots(options[0].underlying, taken.at),
            np.where(taken.buy, met.ask_iv, met.bid_iv),
        )
        cuts = np.flatnonzero(np.diff(row)) + 1
        lows, highs = [0, *cuts.tolist()], [*cuts.tolist(), len(row)]
        return [
            (printed_by[low], _cut(prints, low, high))
            for low, high in zip(lows, highs, strict=True)
        ]

    def _option_directions(
        self,
        options: tuple[Listing, ...],
        within: Instants,
        length: Instants,
        price: Array,
        seq: Instants,
    ) -> Instants:
        """Return tick directions; most prices moved, so that only the others look far back."""
        before = self._earlier(options, within, length, seq, np.array([1]))[:, 0]
        move = price - before
        directions: Instants = np.where(move < 0.0, 2, 0) + (move == 0.0)
        still = np.flatnonzero(move == 0.0)
        if still.size:
            far = np.arange(2, LOOK_BACK + 1)
            asked = tuple(options[row] for row in still.tolist())
            earlier = self._earlier(asked, within[still], length[still], seq[still], far)
            moves = price[still][:, None] - earlier
            last = np.argmax(moves != 0.0, axis=1)
            directions[still] = np.where(moves[np.arange(len(still)), last] < 0.0, 3, 1)
        return directions

    def _earlier(
        self,
        options: tuple[Listing, ...],
        within: Instants,
        length: Instants,
        seq: Instants,
        back: Instants,
    ) -> Array:
        """Return the prices so many prints earlier, [print, how many]; the first one before it."""
        steps: Instants = np.minimum(back, (seq - 1)[:, None])
        instants: Instants = (within[:, None] - steps * length[:, None]).ravel()
        asked = tuple(one for one in options for _ in back)
        met, taken = self.quotes.option_prints(asked, instants)
        prices: Array = np.where(taken.buy, met.ask, met.bid).reshape(steps.shape)
        return prices

    def _times(self, listing: Listing, number: Instants) -> Instants:
        if listing.kind == "option":
            within = listing.listed_at + number * _length(listing)
            return self.quotes.print_times((listing,) * len(number), within)
        return print_times(self.quotes.market, listing, number)

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


def _cut(prints: Prints, low: int, high: int | None = None) -> Prints:
    """Return the prints from a row on, and before another."""
    return Prints(
        prints.seq[low:high],
        prints.at[low:high],
        prints.price[low:high],
        prints.amount[low:high],
        prints.contracts[low:high],
        prints.buy[low:high],
        prints.tick_direction[low:high],
        prints.mark[low:high],
        prints.index_price[low:high],
        prints.iv[low:high],
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
