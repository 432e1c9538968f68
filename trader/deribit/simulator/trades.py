"""Which trades does the exchange show, and in which shape?

Rows of the market's tape as Deribit writes them. Pages follow its rules: from `start` on the
oldest first, otherwise the newest; `has_more` tells of rows left in the range that was asked for.
"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator import volatility_index
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listing, currency
from trader.deribit.simulator.parameters import CURRENCIES, KINDS, Parameters, invalid
from trader.deribit.simulator.payloads import Payload, milliseconds, wire_kind
from trader.deribit.simulator.prints import Prints
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import DAY, MICROSECOND, MILLISECOND, MINUTE, SECOND

COUNT_MAX: Final = 1_000
POINTS_MAX: Final = 1_000
RECENT: Final = DAY
"""The main host serves the last 24 hours; older windows are empty without an error."""

HISTORY_COUNT_MAX: Final = 10_000
"""What the history host gives at once; its calls come with `historical`."""

_FIRST_STEP: Final = 2 * MINUTE
_NEVER_TRADED: Final = ("future_combo", "option_combo", "combo")
_SORTINGS: Final = ("asc", "desc", "default")
_IDS_PER_MICROSECOND: Final = 100
_ID_DIGITS_MAX: Final = 20
_DVOL_RESOLUTIONS: Final = {"1": 1, "60": 60, "3600": 3_600, "43200": 43_200, "1D": 86_400}


class Trades:
    """The trades and the volatility index of one market; not to be shared between threads."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._tape = venue.tape

    def between(self, listing: Listing, after: int, until: int) -> list[Payload]:
        """Write what an instrument printed in (after, until], oldest first."""
        return rows(listing, self._tape.by_time(listing, after + 1, until, until))

    def of_instrument(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_instrument`."""
        name = params.text("instrument_name")
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        page = _Page(params, at, self._venue.begins_at)
        first, last = self._tape.span(listing, page.start, page.end)
        first = max(first, params.integer("start_seq", first))
        last = min(last, params.integer("end_seq", last))
        more = last - first + 1 > page.count
        if more and page.oldest_first:
            last = first + page.count - 1
        elif more:
            first = last - page.count + 1
        found = rows(listing, self._tape.by_sequence(listing, first, last, at))
        return {"trades": _sorted(found, params), "has_more": more}

    def of_instrument_and_time(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_instrument_and_time`."""
        params.text("instrument_name")
        _need_a_time(params)
        return self.of_instrument(params, at)

    def of_currency_and_time(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_currency_and_time`."""
        params.text("currency")
        _need_a_time(params)
        return self.of_currency(params, at)

    def of_currency(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_trades_by_currency`."""
        wanted = params.required_choice("currency", (*CURRENCIES, "any"))
        kind = params.choice("kind", KINDS) or "any"
        page = _Page(params, at, self._venue.begins_at)
        found = sorted(self._walk(wanted, kind, page, at), key=_moment)
        more = len(found) > page.count
        found = (found if page.oldest_first else found[::-1])[: page.count]
        return {"trades": _sorted(found, params), "has_more": more}

    def _walk(self, wanted: str, kind: str, page: _Page, at: int) -> list[Payload]:
        """Collect the trades of a window in ever longer steps, until there are more than asked."""
        found: list[Payload] = []
        low, high, step = page.start, page.end, _FIRST_STEP
        while low <= high and len(found) <= page.count and kind not in _NEVER_TRADED:
            if page.oldest_first:
                start, end = low, min(low + step, high)
                low = end + 1
            else:
                start, end = max(high - step, low), high
                high = start - 1
            alive = [
                one
                for one in self._alive(wanted, start, end)
                if wanted in ("any", currency(one)) and kind in ("any", wire_kind(one))
            ]
            printed = self._tape.of_many(alive, start, end, at)
            found += [row for listing, prints in printed for row in rows(listing, prints)]
            step = min(2 * step, DAY)
        return found

    def _alive(self, wanted: str, start: int, end: int) -> list[Listing]:
        """List what of a currency may have traded in a window."""
        alive = [*PERPETUALS.values(), *SPOT_PAIRS.values()]
        for product, terms in OPTIONS.items():
            if wanted not in ("any", terms.coin if terms.inverse else "USDC"):
                continue
            alive += self._venue.dated(product, end)
            settled_at = last_settlement(end)
            while settled_at >= start:
                alive += self._venue.expired(product, settled_at)
                settled_at -= DAY
        return alive

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
        start, end = max(start, self._venue.begins_at), min(end, at)
        first = max(start, end - POINTS_MAX * step * SECOND + 1)
        if first > end:
            return {"data": [], "continuation": None}
        bars = self._venue.volatility_bars(coin, first, end, step, at)
        columns = [column.tolist() for column in (bars.open, bars.high, bars.low, bars.close)]
        found = [
            [tick, *(round(100.0 * value, 2) for value in values)]
            for tick, *values in zip(bars.ticks.tolist(), *columns, strict=True)
        ]
        more = bool(found) and first > start
        return {"data": found, "continuation": found[0][0] - 1 if more else None}


def rows(listing: Listing, prints: Prints) -> list[Payload]:
    """Write trades, oldest first; the product's name stands before the id of all but BTC's."""
    options = listing.kind == "option"
    columns = [column.tolist() for column in prints]
    found: list[Payload] = []
    for seq, at, price, amount, contracts, buy, direction, mark, index, iv in zip(
        *columns, strict=True
    ):
        row: Payload = {
            "trade_seq": seq,
            "trade_id": _id_of(listing, seq, at),
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


class _Page:
    """Which trades are wanted: so many, from a window that the host serves, oldest first or last.

    Ids rise with time, so that `start_id` and `end_id` bound the window too.
    """

    def __init__(self, params: Parameters, at: int, begins_at: int) -> None:
        params.choice("sorting", _SORTINGS)
        historical = params.flag("historical")
        self.count = params.whole("count", 1, HISTORY_COUNT_MAX if historical else COUNT_MAX, 10)
        start = params.integer("start_timestamp", 0) * MILLISECOND
        end = params.integer("end_timestamp", milliseconds(at)) * MILLISECOND + MILLISECOND - 1
        since, until = _stamp_of(params, "start_id"), _stamp_of(params, "end_id")
        start = max(start, 0 if since is None else since)
        end = end if until is None else min(end, until + MICROSECOND - 1)
        self.start = max(start, begins_at if historical else max(begins_at, at - RECENT))
        self.end = min(end, at)
        self.oldest_first = since is not None or any(
            params.number(name) is not None for name in ("start_timestamp", "start_seq")
        )


def _need_a_time(params: Parameters) -> None:
    """Refuse a call without any time; clients leave one end open, though both are documented."""
    if params.number("start_timestamp") is None and params.number("end_timestamp") is None:
        raise invalid("start_timestamp", "value is required")


def _stamp_of(params: Parameters, param: str) -> int | None:
    """Read the instant out of a trade's id, to the microsecond; None where none was given."""
    value = params.optional_text(param)
    if value is None:
        return None
    digits = value.rpartition("-")[2]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _ID_DIGITS_MAX):
        raise invalid(param, "invalid format")
    return int(digits) // _IDS_PER_MICROSECOND * MICROSECOND


def _id_of(listing: Listing, seq: int, at: int) -> str:
    """Name a trade: its instant and, for those that share it, instrument and number."""
    prefix = "" if listing.product == "BTC" else f"{listing.product}-"
    number = at // MICROSECOND * _IDS_PER_MICROSECOND
    return f"{prefix}{number + (listing.instrument_id + seq) % _IDS_PER_MICROSECOND}"


def _sorted(found: list[Payload], params: Parameters) -> list[Payload]:
    match params.choice("sorting", _SORTINGS):
        case "asc":
            return sorted(found, key=_moment)
        case "desc":
            return sorted(found, key=_moment, reverse=True)
        case _:
            return found


def _moment(row: Payload) -> tuple[int, int]:
    return row["timestamp"], row["trade_seq"]
