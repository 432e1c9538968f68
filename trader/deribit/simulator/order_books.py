"""What stands in a book behind its best prices, and what differs between two books?

The touch is the quote's. Behind it every place of the price grid either holds an order or none,
and so much, for a stretch of that place's own time: a level stays where it is while the touch
moves over it. What a print took is missing from the touch, as the quote says.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.draws import keys, mixed, uniforms
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.makers import SLICE
from trader.deribit.simulator.products import FUTURES, OPTIONS, SPOTS
from trader.deribit.simulator.quotes import OptionQuote
from trader.pricing.normal import Array

LEVELS_MAX: Final = 25
OPTION_LEVELS_MAX: Final = 12
"""An option's book is thinner than a future's."""

_OCCUPIED: Final = 0.7  # share of places behind the touch that hold an order
_PLACES_A_LEVEL: Final = 2
_APART: Final = 2e-5
_SPREAD_OF_SIZES: Final = 2.0
_DECIMALS: Final = 8
_EVEN: Final = 2**62  # a price, in ticks, above all others: the grid has one width

Side = Mapping[float, float]
"""Amount by price, best price first. (Half the garbage of pairs, and read by price anyway.)"""

Instants = NDArray[np.int64]


class OrderBook(NamedTuple):
    """The levels of either side; an empty side has none. Nobody changes a book that exists."""

    bids: Side
    asks: Side


class Touches(NamedTuple):
    """Best prices and amounts of some instruments, in columns; an empty side has amount 0."""

    bid: Array
    ask: Array
    bid_amount: Array
    ask_amount: Array


NO_LEVELS: Final = OrderBook({}, {})


def cut(book: OrderBook, depth: int) -> OrderBook:
    """Return the best levels of a book.

    Raises:
        ValueError: `depth` is not positive.
    """
    if depth < 1:
        raise ValueError(f"depth = {depth!r}: must be at least 1")
    return OrderBook(dict(islice(book.bids.items(), depth)), dict(islice(book.asks.items(), depth)))


class Books:
    """The books of some instruments, looked up together.

    Books whose touch and places stand are kept, and never change an answer.
    """

    def __init__(self, seed: int, listings: tuple[Listing, ...]) -> None:
        """Lay out the price grids of `listings`, whose order the books have."""
        self.listings = listings
        self._seed = seed
        self._grids = _grids(listings)
        self._touches = np.full((4, len(listings)), np.nan)
        self._stands = np.zeros((2, len(listings)), dtype=np.int64)
        self._books = [NO_LEVELS] * len(listings)

    def behind(self, quote: OptionQuote | PerpetualQuote, at: int) -> OrderBook:
        """Return the book behind the quote of the one instrument there is."""
        (book,) = self.at(Touches(*(np.array([one]) for one in quote[:4])), at)
        return book

    def at(self, touches: Touches, at: int) -> list[OrderBook]:
        """Return the book behind each touch at an instant; not to be changed by the caller."""
        shown = np.array(touches)
        since, until = self._stands
        old = (self._touches != shown).any(axis=0) | (at < since) | (at >= until)
        due = np.flatnonzero(old)
        if due.size:
            grids = self._grids.of(due)
            bid, ask, bid_amount, ask_amount = shown[:, due]
            bids, bids_stand = self._sides(grids, bid, bid_amount, -1, at)
            asks, asks_stand = self._sides(grids, ask, ask_amount, 1, at)
            self._stands[0, due] = np.maximum(bids_stand[0], asks_stand[0])
            self._stands[1, due] = np.minimum(bids_stand[1], asks_stand[1])
            self._touches[:, due] = shown[:, due]
            for row, bid_levels, ask_levels in zip(due.tolist(), bids, asks, strict=True):
                self._books[row] = OrderBook(bid_levels, ask_levels)
        return self._books

    def _sides(
        self, grids: "_Grids", best: Array, amount: Array, away: int, at: int
    ) -> tuple[list[Side], tuple[Instants, Instants]]:
        """Return one side of some books, and since and until when its places stand."""
        units = _places(grids, best, away)
        key = mixed(grids.key[:, None] + units.astype(np.uint64))
        if away < 0:
            key = ~key
        phase = (key % np.uint64(SLICE)).astype(np.int64)
        number, into = np.divmod(phase + at, SLICE)
        stands, size = uniforms(self._seed, key, number, 2)
        taken = (stands < _OCCUPIED) & (units > 0) & (amount > 0.0)[:, None]
        chosen = taken & (np.cumsum(taken, axis=1) < grids.levels[:, None])
        row = np.nonzero(chosen)[0]
        lot = grids.lot[row]
        wanted = grids.typical[row] * np.exp(_SPREAD_OF_SIZES * (size[chosen] - 0.5))
        amounts = np.round(np.maximum(np.round(wanted / lot), 1.0) * lot, _DECIMALS).tolist()
        prices = np.round(units[chosen] * grids.tick[row], 6).tolist()
        ends = np.cumsum(chosen.sum(axis=1)).tolist()
        sides: list[Side] = []
        first = 0
        for end, price, shown in zip(ends, best.tolist(), amount.tolist(), strict=True):
            side = {price: shown} if shown > 0.0 else {}
            side.update(zip(prices[first:end], amounts[first:end], strict=True))
            sides.append(side)
            first = end
        return sides, (at - into.min(axis=1), at - into.max(axis=1) + SLICE)


class _Grids(NamedTuple):
    """How the places of some books lie: `near` base ticks apart below `wide_from`, then `wide`."""

    key: NDArray[np.uint64]
    tick: Array
    near: Array
    wide: Instants
    wide_from: Instants
    lot: Array
    typical: Array
    levels: Instants

    def of(self, rows: NDArray[np.intp]) -> "_Grids":
        """Return the grids of some rows."""
        return _Grids(
            self.key[rows],
            self.tick[rows],
            self.near[rows],
            self.wide[rows],
            self.wide_from[rows],
            self.lot[rows],
            self.typical[rows],
            self.levels[rows],
        )


def _grids(listings: tuple[Listing, ...]) -> _Grids:
    steps = [_steps(one) for one in listings]
    options = np.array([one.kind == "option" for one in listings])
    return _Grids(
        keys(np.array([one.instrument_id for one in listings], dtype=np.int64)),
        np.array([one.tick_size for one in listings]),
        np.where(options, 1.0, 0.0),
        np.array([wide for _, wide in steps], dtype=np.int64),
        np.array([above for above, _ in steps], dtype=np.int64),
        np.array([one.min_trade_amount for one in listings]),
        np.array([_typical(one) for one in listings]),
        np.where(options, OPTION_LEVELS_MAX, LEVELS_MAX),
    )


def _steps(listing: Listing) -> tuple[int, int]:
    """Return from which price on places are wider, and how wide, in base ticks."""
    if listing.kind != "option":
        return _EVEN, 1
    ((above, wide),) = listing.tick_size_steps
    return round(above / listing.tick_size), round(wide / listing.tick_size)


def _places(grids: _Grids, best: Array, away: int) -> Instants:
    """Return the places for levels beyond the best prices, in base ticks, [book, place].

    Futures and pairs use every so many ticks, about two thousandths of a percent apart; places are
    multiples of that, whatever the touch.
    """
    first = np.round(best / grids.tick).astype(np.int64)
    apart = np.exp2(np.maximum(np.round(np.log2(np.maximum(best * _APART / grids.tick, 1.0))), 0.0))
    near = np.where(grids.near > 0.0, grids.near, apart).astype(np.int64)
    number = np.arange(1, _PLACES_A_LEVEL * int(grids.levels.max()) + 1)
    if away > 0:
        first = first // near * near
        narrow = np.maximum(-((first - grids.wide_from) // near), 0)[:, None]
        wide = np.maximum(number - narrow, 0)
        above: Instants = (number - wide) * near[:, None] + wide * grids.wide[:, None]
        return first[:, None] + above
    first = -(-first // near) * near
    far = np.maximum((first - grids.wide_from + grids.wide - 1) // grids.wide, 0)[:, None]
    wide = np.minimum(number, far)
    below: Instants = (number - wide) * near[:, None] + wide * grids.wide[:, None]
    return first[:, None] - below


def _typical(listing: Listing) -> float:
    """Return the usual amount of a level behind the touch."""
    if listing.kind == "option":
        return 0.5 * OPTIONS[listing.product].size_typical
    terms = (SPOTS if listing.kind == "spot" else FUTURES)[listing.product]
    return 1.5 * terms.size_typical * terms.contract_size


def changes(before: Side, after: Side) -> list[tuple[str, float, float]]:
    """List what leads from one side to the other; a level is deleted only if it was there."""
    found = [("delete", price, 0.0) for price in before if price not in after]
    if before != after:
        for price, amount in after.items():
            known = before.get(price)
            if known != amount:
                found.append(("new" if known is None else "change", price, amount))
    return found


def grouped(side: Side, width: float, depth: int, *, bids: bool) -> list[list[float]]:
    """Sum levels up in bins of a width (0: none), bids rounded down and asks up."""
    if width <= 0.0:
        return [list(level) for level in islice(side.items(), depth)]
    bins: dict[float, float] = {}
    for price, amount in side.items():
        steps = price / width
        whole = round(steps)
        if abs(steps - whole) > 1e-9 * max(steps, 1.0):
            whole = int(steps // 1) + (0 if bids else 1)
        bin_price = round(whole * width, _DECIMALS)
        bins[bin_price] = round(bins.get(bin_price, 0.0) + amount, _DECIMALS)
    return [list(level) for level in islice(bins.items(), depth)]
