"""How are settlements and deliveries looked up: newest first, page by page, over all the years?

The `continuation` of a page names the day and the row where the next one begins. Nobody goes
bankrupt on the bundled exchange, so of that type there is never a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.parameters import CURRENCIES, Parameters, invalid
from trader.deribit.simulator.payloads import Payload, milliseconds
from trader.deribit.simulator.settlements import Settlement
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import DAY, MILLISECOND

COUNT_MAX: Final = 1_000

_TYPES: Final = ("settlement", "delivery", "bankruptcy")
Place = tuple[int, int]
"""An 08:00 UTC, and a row of that day."""


class SettlementPages:
    """The settlements of one market; not to be shared between threads."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def of_currency(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_settlements_by_currency`."""
        wanted = params.required_choice("currency", CURRENCIES)
        page = _Page(params, at)
        days = () if page.type == "bankruptcy" else self._days(page, self._venue.begins_at)
        return page.of(
            (settled_at, self._venue.settlements(wanted, settled_at, at)) for settled_at in days
        )

    def of_instrument(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_settlements_by_instrument`."""
        name = params.text("instrument_name")
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        page = _Page(params, at)
        return page.of(
            (settled_at, () if row is None else (row,))
            for settled_at in self._days_of(listing, page, at)
            for row in (self._venue.settlement_of(listing, settled_at, at),)
        )

    def _days_of(self, listing: Listing, page: _Page, at: int) -> Iterable[int]:
        """Name the days on which an instrument can have a row of the wanted type."""
        delivered = [one for one in (listing.expires_at,) if page.first[0] >= one <= at]
        if listing.kind == "option" or page.type == "delivery":
            return delivered if page.type in (None, "delivery") else ()
        if listing.kind == "spot" or page.type == "bankruptcy":
            return ()
        return self._days(page, max(listing.listed_at, self._venue.begins_at))

    def _days(self, page: _Page, since: int) -> Iterator[int]:
        settled_at = page.first[0]
        while settled_at > since:
            yield settled_at
            settled_at -= DAY


class _Page:
    """What was asked for: rows of a type from a place on, so many at most."""

    def __init__(self, params: Parameters, at: int) -> None:
        self.type = params.choice("type", _TYPES)
        self.count = params.whole("count", 1, COUNT_MAX, 20)
        latest_at = params.integer("search_start_timestamp", milliseconds(at)) * MILLISECOND
        newest = last_settlement(min(latest_at, at))
        place = params.optional_text("continuation")
        self.first: Place = (newest, 0) if place is None else _place(place, newest)

    def of(self, days: Iterable[tuple[int, tuple[Settlement, ...]]]) -> Payload:
        """Take this page from the days' rows, the newest day first."""
        rows: list[Payload] = []
        for settled_at, settled in days:
            skipped = self.first[1] if settled_at == self.first[0] else 0
            for number, one in enumerate(settled[skipped:], skipped):
                if self.type not in (None, one.type):
                    continue
                if len(rows) == self.count:
                    return {"settlements": rows, "continuation": _token((settled_at, number))}
                rows.append(_row(one))
        return {"settlements": rows, "continuation": None}


def _row(one: Settlement) -> Payload:
    row: Payload = {
        "type": one.type,
        "timestamp": milliseconds(one.at),
        "instrument_name": one.listing.name,
        "index_price": one.index_price,
        "mark_price": one.mark_price,
        "position": one.position,
        "profit_loss": one.profit_loss,
        "session_profit_loss": one.session_profit_loss,
    }
    return row if one.funding is None else row | {"funding": one.funding}


def _token(place: Place) -> str:
    return f"{place[0] // DAY:x}g{place[1]:x}"


def _place(token: str, newest: int) -> Place:
    """Read a continuation that we wrote; it never leads to what is newer than was asked for."""
    day, _, row = token.partition("g")
    try:
        place = last_settlement(int(day, 16) * DAY + DAY - 1), int(row, 16)
    except ValueError:
        raise invalid("continuation", "invalid format") from None
    if not 0 < place[0] <= newest or place[1] < 0:
        raise invalid("continuation", "invalid format")
    return place
