"""What stands in a book behind its best prices?

The touch is the quote's. Behind it every place of the price grid either holds an order or none,
and so much, for a stretch of that place's own time: a level stays where it is while the touch
moves over it. What a print took is missing from the touch, as the quote says.
"""

from typing import Final, NamedTuple

import numpy as np

from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.draws import keys, uniforms
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.makers import SLICE
from trader.deribit.simulator.products import FUTURES, OPTIONS, SPOTS
from trader.deribit.simulator.quotes import OptionQuote, Quotes

LEVELS_MAX: Final = 25

_OCCUPIED: Final = 0.7  # share of places behind the touch that hold an order
_PLACES_SEEN: Final = 2 * LEVELS_MAX
_APART: Final = 2e-5
_SPREAD_OF_SIZES: Final = 2.0

Level = tuple[float, float]


class OrderBook(NamedTuple):
    """Price and amount of each level, best first; an empty side has none."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def order_book(quotes: Quotes, listing: Listing, at: int, depth: int = LEVELS_MAX) -> OrderBook:
    """Return the book of an instrument at an instant, `depth` levels a side at most.

    Raises:
        ValueError: `depth` is not positive, or the instrument has expired.
    """
    if listing.kind == "option":
        return behind(quotes.market.seed, listing, quotes.option(listing, at), at, depth)
    return behind(quotes.market.seed, listing, quotes.delta_one(listing, at), at, depth)


def behind(
    seed: int,
    listing: Listing,
    quote: OptionQuote | PerpetualQuote,
    at: int,
    depth: int = LEVELS_MAX,
) -> OrderBook:
    """Return the book whose touch is a quote that is known already.

    Raises:
        ValueError: `depth` is not positive.
    """
    if depth < 1:
        raise ValueError(f"depth = {depth!r}: must be at least 1")
    return OrderBook(
        _side(seed, listing, quote.bid, quote.bid_amount, -1, at, depth),
        _side(seed, listing, quote.ask, quote.ask_amount, 1, at, depth),
    )


def _side(
    seed: int,
    listing: Listing,
    best: float,
    amount: float,
    away: int,
    at: int,
    depth: int,
) -> tuple[Level, ...]:
    """Return one side from its best price outward."""
    if amount <= 0.0:
        return ()
    levels = [(best, amount)]
    if depth == 1:
        return tuple(levels)
    units = np.array(_grid(listing, best, away), dtype=np.int64)
    key = keys(units + listing.instrument_id)
    if away < 0:
        key = ~key
    phase = (key % np.uint64(SLICE)).astype(np.int64)
    stands, size = uniforms(seed, key, (phase + at) // SLICE, 2)
    rows = np.flatnonzero(stands < _OCCUPIED)[: min(depth, LEVELS_MAX) - 1]
    lot = listing.min_trade_amount
    wanted = _typical(listing) * np.exp(_SPREAD_OF_SIZES * (size[rows] - 0.5))
    amounts = np.round(np.maximum(np.round(wanted / lot), 1.0) * lot, 8)
    prices = np.round(units[rows] * listing.tick_size, 6)
    levels += zip(prices.tolist(), amounts.tolist(), strict=True)
    return tuple(levels)


def _grid(listing: Listing, best: float, away: int) -> list[int]:
    """Return the places for levels beyond the best price, in base ticks.

    Futures and pairs use every so many ticks, about two thousandths of a percent apart; places are
    multiples of that, whatever the touch.
    """
    place = round(best / listing.tick_size)
    if listing.kind != "option":
        apart = 2 ** max(round(np.log2(best * _APART / listing.tick_size)), 0)
        first = place // apart + 1 if away > 0 else -(-place // apart) - 1
        return [one * apart for one in range(first, first + away * _PLACES_SEEN, away) if one > 0]
    ((above, wide),) = listing.tick_size_steps
    wide_from, wide_step = round(above / listing.tick_size), round(wide / listing.tick_size)
    places = []
    for _ in range(_PLACES_SEEN):
        in_wide = place >= wide_from if away > 0 else place > wide_from
        place += away * (wide_step if in_wide else 1)
        if place <= 0:
            break
        places.append(place)
    return places


def _typical(listing: Listing) -> float:
    """Return the usual amount of a level behind the touch."""
    if listing.kind == "option":
        return 0.5 * OPTIONS[listing.product].size_typical
    terms = (SPOTS if listing.kind == "spot" else FUTURES)[listing.product]
    return 1.5 * terms.size_typical * terms.contract_size
