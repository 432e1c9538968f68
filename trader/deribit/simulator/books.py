"""What rests in an order book behind the touch, and what changed in it since?

The touch is the quote's; behind it stand resting orders whose sizes belong to their price, so that
a level keeps its size while the market moves toward it. A function of instrument and quote alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from zlib import crc32

import msgspec

from trader.deribit.simulator.listing import Listing

Level = tuple[float, float]
Payload = dict[str, Any]

LEVELS: Final = 20
"""How many levels a side show; the venue's makers quote no deeper here."""

_DECIMALS: Final = 8


class Book(msgspec.Struct, frozen=True):
    """Price and amount of each level, best first; prices of a side never repeat."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def book(listing: Listing, bid: float, bid_amount: float, ask: float, ask_amount: float) -> Book:
    """Build the book behind a touch; an empty side (price 0) is empty to its end."""
    return Book(
        _side(listing, bid, bid_amount, -1.0) if bid > 0.0 else (),
        _side(listing, ask, ask_amount, 1.0) if ask > 0.0 else (),
    )


def changes(before: tuple[Level, ...], after: tuple[Level, ...]) -> list[list[Any]]:
    """List what leads from one side to the other; a level is deleted only if it was there."""
    old, new = dict(before), dict(after)
    found: list[list[Any]] = [["delete", price, 0.0] for price in old if price not in new]
    for price, amount in after:
        known = old.get(price)
        if known is None:
            found.append(["new", price, amount])
        elif known != amount:
            found.append(["change", price, amount])
    return found


def grouped(levels: Iterable[Level], width: float, depth: int, *, bids: bool) -> list[list[float]]:
    """Sum levels up in bins of a width (0: none), bids rounded down and asks up."""
    if width <= 0.0:
        return [list(level) for level in levels][:depth]
    bins: dict[float, float] = {}
    for price, amount in levels:
        steps = price / width
        whole = round(steps)
        if abs(steps - whole) > 1e-9:
            whole = int(steps // 1) + (0 if bids else 1)
        bin_price = round(whole * width, _DECIMALS)
        bins[bin_price] = round(bins.get(bin_price, 0.0) + amount, _DECIMALS)
    return [[price, amount] for price, amount in list(bins.items())[:depth]]


def tick_size(listing: Listing, price: float) -> float:
    """Tell the tick above a price."""
    tick = listing.tick_size
    for above_price, size in listing.tick_size_steps:
        if price >= above_price:
            tick = size
    return tick


def _side(listing: Listing, best: float, amount: float, sign: float) -> tuple[Level, ...]:
    levels = [(best, amount)]
    price = best
    for _ in range(1, LEVELS):
        tick = tick_size(listing, price if sign > 0 else price - listing.tick_size)
        price = round(price + sign * tick, _DECIMALS)
        if price <= 0.0:
            break
        levels.append((price, _resting(listing, price)))
    return tuple(levels)


def _resting(listing: Listing, price: float) -> float:
    """Size a level: drawn from its price, in whole steps."""
    share = crc32(f"{listing.name} {price:.8f}".encode()) % 1_000 / 1_000.0
    step = listing.min_trade_amount
    typical = 20.0 * step * (1.0 + 0.2 * LEVELS * share)
    return round(max(round(typical / step), 1) * step, _DECIMALS)
