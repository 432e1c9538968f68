"""Which trades does the exchange show, and in which shape?

Rows of the market's tape as Deribit writes them. Pages follow its rules: from `start` on the
oldest first, otherwise the newest; `has_more` tells of rows left in the range that was asked for.
"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator import volatility_index
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.market import GENESIS
from trader.deribit.simulator.parameters import Parameters, invalid
from trader.deribit.simulator.payloads import Payload, milliseconds, wire_kind
from trader.deribit.simulator.prints import Prints, Tape
from trader.deribit.simulator.venue import Venue
from trader.domain.units import DAY, MILLISECOND, SECOND

COUNT_MAX: Final = 1_000
POINTS_MAX: Final = 1_000
RECENT: Final = DAY
"""The main host serves the last 24 hours; older windows are empty without an error."""

_KINDS: Final = ("any", "option", "future", "spot", "future_combo", "option_combo", "combo")
_CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR")
_DVOL_RESOLUTIONS: Final = {"1": 1, "60": 60, "3600": 3_600, "43200": 43_200, "1D": 86_400}


class Trades:
    """The trades and the volatility index of one market; not to be shared between threads."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._tape = Tape(venue.quotes)

    def between(self, listing: Listing, after: int, until: int) -> list[Payload]:
        """Write what an instrument printed in (after, until], oldest first."""
        return rows(listing, self._tape.by_time(listing, after + 1, until, until))

    def of_instrument(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_instrument`, with or without `_and_time`."""
        name = params.text("instrument_name")
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        count, oldest_first = _page(params)
        first, last = self._sequences(listing, params, at)
        more = last - first + 1 > count
        if more and oldest_first:
            last = first + count - 1
        elif more:
            first = last - count + 1
        found = rows(listing, self._tape.by_sequence(listing, first, last, at))
        return {"trades": _sorted(found, params), "has_more": more}

    def of_currency(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_currency`, with or without `_and_time`."""
        wanted = params.choice("currency", _CURRENCIES)
        if wanted is None:
            raise invalid("currency", "value is required")
        kind = params.choice("kind", _KINDS) or "any"
        count, oldest_first = _page(params)
        start, end = _window(params, at)
        found: list[Payload] = []
        for listing in self._venue.listed(at):
            if currency(listing) != wanted or kind not in ("any", wire_kind(listing)):
                continue
            first, last = self._tape.span(listing, start, end)
            if oldest_first:
                last = min(last, first + count)
            else:
                first = max(first, last - count)
            found += rows(listing, self._tape.by_sequence(listing, first, last, at))
        found.sort(key=_moment, reverse=not oldest_first)
        return {"trades": _sorted(found[:count], params), "has_more": len(found) > count}

    def volatility_index(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_volatility_index_data`: percent points, the last 1,000 of a window."""
        coin = params.text("currency").upper()
        resolution = params.text("resolution")
        if resolution not in _DVOL_RESOLUTIONS:
            raise invalid("resolution", "invalid format")
        start = params.integer("start_timestamp") * MILLISECOND
        end = params.integer("end_timestamp") * MILLISECOND
        if coin not in volatility_index.COINS:
            return {"data": [], "continuation": None}
        step = _DVOL_RESOLUTIONS[resolution]
        start, end = max(start, GENESIS), min(end, at)
        first = max(start, end - POINTS_MAX * step * SECOND + 1)
        if first > end:
            return {"data": [], "continuation": None}
        bars = volatility_index.candles(self._venue.market, coin, first, end, step, at)
        columns = [column.tolist() for column in (bars.open, bars.high, bars.low, bars.close)]
        found = [
            [tick, *(round(100.0 * value, 2) for value in values)]
            for tick, *values in zip(bars.ticks.tolist(), *columns, strict=True)
        ]
        more = bool(found) and first > start
        return {"data": found, "continuation": found[0][0] - 1 if more else None}

    def _sequences(self, listing: Listing, params: Parameters, at: int) -> tuple[int, int]:
        """Turn what was asked for into the first and last `trade_seq`."""
        first, last = self._tape.span(listing, *_window(params, at))
        if params.number("start_seq") is not None:
            first = max(first, params.integer("start_seq"))
        if params.number("end_seq") is not None:
            last = min(last, params.integer("end_seq"))
        return first, last


def rows(listing: Listing, prints: Prints) -> list[Payload]:
    """Write trades, oldest first; a coin's name stands before the id of all but BTC's."""
    prefix = "" if listing.product == "BTC" else f"{listing.product}-"
    options = listing.kind == "option"
    columns = [column.tolist() for column in prints]
    found: list[Payload] = []
    for seq, at, price, amount, contracts, buy, direction, mark, index, iv in zip(
        *columns, strict=True
    ):
        row: Payload = {
            "trade_seq": seq,
            "trade_id": f"{prefix}{listing.instrument_id}{seq:010d}",
            "timestamp": milliseconds(at),
            "tick_direction": direction,
            "price": price,
            "mark_price": round(mark, 8),
            "index_price": index,
            "instrument_name": listing.name,
            "direction": "buy" if buy else "sell",
            "amount": amount,
            "contracts": contracts,
        }
        if options:
            row["iv"] = round(100.0 * iv, 2)
        found.append(row)
    return found


def _page(params: Parameters) -> tuple[int, bool]:
    """Read how many rows are wanted, and whether from the oldest on."""
    count = params.integer("count", 10)
    if not 1 <= count <= COUNT_MAX:
        raise invalid("count", "invalid format")
    params.choice("sorting", ("asc", "desc", "default"))
    starts = params.number("start_timestamp") is not None or params.number("start_seq") is not None
    return count, starts


def _window(params: Parameters, at: int) -> tuple[int, int]:
    start = params.integer("start_timestamp", 0) * MILLISECOND
    end = params.integer("end_timestamp", milliseconds(at)) * MILLISECOND + MILLISECOND - 1
    return max(start, at - RECENT), min(end, at)


def _sorted(found: list[Payload], params: Parameters) -> list[Payload]:
    match params.choice("sorting", ("asc", "desc", "default")):
        case "asc":
            return sorted(found, key=_moment)
        case "desc":
            return sorted(found, key=_moment, reverse=True)
        case _:
            return found


def _moment(row: Payload) -> tuple[int, int]:
    return row["timestamp"], row["trade_seq"]
