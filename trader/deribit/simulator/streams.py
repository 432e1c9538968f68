"""In which shape does Deribit push books, bars, indexes and the state of its platform?"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator.archive import RESOLUTIONS
from trader.deribit.simulator.channels import Channel
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.market import DELIVERY_WINDOW
from trader.deribit.simulator.order_books import OrderBook, Side, changes, grouped
from trader.deribit.simulator.payloads import Payload, milliseconds
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import OptionQuote
from trader.deribit.simulator.tickers import tickers
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue, last_settlement
from trader.domain.units import DAY, MINUTE, SECOND

_SOURCES: Final = (("bitstamp", 25.0), ("coinbase", 25.0), ("kraken", 25.0), ("lmax", 25.0))
_HIGH_VOLATILITY: Final = 0.1
"""A day that moved by more of its price counts as one of high volatility."""


def content_of(venue: Venue, channel: Channel, at: int) -> Payload | list[Payload] | None:
    """Write the content of a channel about an index or the platform; None says nothing."""
    match channel.stream:
        case "methods":
            return {"allow_unauthenticated_public_requests": True}
        case "ranking":
            return _ranking(venue, channel.subject, at)
        case "statistics":
            return _statistics(venue, channel.subject, at)
        case "volatility":
            return _volatility(venue, channel.subject, at)
        case "expiration":
            return _expiration(venue, channel.subject, at)
        case "markprice":
            return _mark_prices(venue, channel.subject, at)
        case _:
            raise AssertionError(f"{channel.name}: not about an index")


def platform_states() -> list[Payload]:
    """Write the state of every index: none is ever locked here."""
    return [{"price_index": name, "locked": False, "reasons": []} for name in INDEX_UNDERLYINGS]


def _ranking(venue: Venue, index_name: str, at: int) -> list[Payload]:
    """Every source shows the one price there is."""
    price = venue.index_price(INDEX_UNDERLYINGS[index_name], at)
    return [
        {
            "identifier": identifier,
            "enabled": True,
            "weight": weight,
            "original_price": price,
            "price": price,
            "timestamp": milliseconds(at),
        }
        for identifier, weight in _SOURCES
    ]


def _volatility(venue: Venue, index_name: str, at: int) -> Payload | None:
    share = venue.volatility_index(INDEX_UNDERLYINGS[index_name], at)
    if share is None:
        return None
    return {
        "timestamp": milliseconds(at),
        "volatility": round(100.0 * share, 2),
        "index_name": index_name,
    }


def _statistics(venue: Venue, index_name: str, at: int) -> Payload:
    underlying = INDEX_UNDERLYINGS[index_name]
    now = venue.index_price(underlying, at)
    hours = venue.hourly_index_prices(underlying, at - DAY, at)
    low, high = min(float(hours.min()), now), max(float(hours.max()), now)
    return {
        "index_name": index_name,
        "low24h": low,
        "high24h": high,
        "change24h": round(now - float(hours[0]), 4),
        "high_volatility": high - low > _HIGH_VOLATILITY * now,
    }


def _expiration(venue: Venue, index_name: str, at: int) -> Payload:
    left = last_settlement(at) + DAY - at
    return {
        "seconds": left // SECOND,
        "price": venue.estimated_delivery_price(INDEX_UNDERLYINGS[index_name], at),
        "is_estimated": left <= DELIVERY_WINDOW,
    }


def _mark_prices(venue: Venue, index_name: str, at: int) -> list[Payload]:
    """Here the IV is a fraction, as in Deribit's documents."""
    product = index_name.removesuffix("_usd").upper()
    if product not in OPTIONS:
        return []
    return [
        {
            "timestamp": milliseconds(at),
            "instrument_name": listing.name,
            "mark_price": ticker["mark_price"],
            "iv": round(ticker["mark_iv"] / 100.0, 4),
        }
        for listing, ticker in tickers(venue, product, at)
    ]


def chart(venue: Venue, channel: Channel, at: int) -> Payload | None:
    """Write the bar that is being made; None where nothing trades."""
    listing = venue.find(channel.subject, at)
    if listing is None or listing.kind == "option":
        return None
    minutes = RESOLUTIONS[channel.detail]
    start = at - at % (minutes * MINUTE)
    bars = venue.chart(listing, start, at, minutes, at)
    if not len(bars.ticks):
        return None
    return {
        "tick": int(bars.ticks[-1]),
        "open": float(bars.open[-1]),
        "high": float(bars.high[-1]),
        "low": float(bars.low[-1]),
        "close": float(bars.close[-1]),
        "volume": float(bars.volume[-1]),
        "cost": float(bars.cost[-1]),
    }


def perpetual(quoted: OptionQuote | PerpetualQuote, at: int) -> Payload:
    """Write the funding of a perpetual (`perpetual.*`)."""
    assert isinstance(quoted, PerpetualQuote)  # noqa: S101  `knows` admits no option
    return {
        "timestamp": milliseconds(at),
        "interest": round(quoted.funding_8h, 8),
        "index_price": quoted.index_price,
    }


def book_snapshot(name: str, resting: OrderBook, changed_ms: int) -> Payload:
    """Write a whole book; `change_id` counts in milliseconds of market time."""

    def new(side: Side) -> list[tuple[str, float, float]]:
        return [("new", price, amount) for price, amount in side.items()]

    return {
        "type": "snapshot",
        "timestamp": changed_ms,
        "instrument_name": name,
        "change_id": changed_ms,
        "bids": new(resting.bids),
        "asks": new(resting.asks),
    }


def book_change(
    name: str, before: OrderBook, after: OrderBook, before_ms: int, after_ms: int
) -> Payload:
    """Write what changed in a book."""
    return {
        "type": "change",
        "timestamp": after_ms,
        "instrument_name": name,
        "prev_change_id": before_ms,
        "change_id": after_ms,
        "bids": changes(before.bids, after.bids),
        "asks": changes(before.asks, after.asks),
    }


def grouped_book(channel: Channel, listing: Listing, resting: OrderBook, at: int) -> Payload:
    """Write the window of a grouped book: no type, no past."""
    group, _, depth = channel.detail.partition(".")
    width = 0.0 if group == "none" else float(group) * listing.tick_size
    return {
        "timestamp": milliseconds(at),
        "instrument_name": listing.name,
        "change_id": milliseconds(at),
        "bids": grouped(resting.bids, width, int(depth), bids=True),
        "asks": grouped(resting.asks, width, int(depth), bids=False),
    }


def ticker_change(before: Payload, after: Payload) -> Payload:
    """Write what differs between two tickers, nested ones included."""
    return {
        "type": "change",
        "timestamp": after["timestamp"],
        "instrument_name": after["instrument_name"],
    } | _differing(before, after)


def _differing(before: Payload, after: Payload) -> Payload:
    changed: Payload = {}
    for key, value in after.items():
        known = before.get(key)
        if known == value:
            continue
        nested = isinstance(value, dict) and isinstance(known, dict)
        changed[key] = _differing(known, value) if nested and known else value
    return changed
