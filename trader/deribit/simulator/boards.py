"""What does the bundled exchange say of whole catalogs and boards?

Such an answer walks through thousands of contracts and takes tens of milliseconds, so that the
server asks boards of their own beside its event loop.
"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator import payloads
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.parameters import CURRENCIES, KINDS, Parameters, invalid
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.tickers import ticker, tickers
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import DAY

EXPIRED_DAYS: Final = 3
"""How many days of expired contracts `expired=true` still lists."""

EXPIRED_DAYS_OF_HISTORY: Final = 30
"""How many the history host lists; by its name it knows any contract that ever was."""


class Boards:
    """The catalogs and boards of one market; not to be shared between threads."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.reference = Reference(venue)

    def instruments(self, params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_instruments`.

        Any currency is answered: one that nothing trades in has an empty catalog.
        """
        wanted = (params.optional_text("currency") or "any").upper()
        kind = params.choice("kind", KINDS) or "any"
        listed = self._expired(params, at) if params.flag("expired") else self._venue.listed(at)
        return [
            payloads.instrument(listing, at)
            for listing in listed
            if wanted in ("ANY", currency(listing)) and kind in ("any", payloads.wire_kind(listing))
        ]

    def instrument(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_instrument`, also of what expired long ago."""
        return payloads.instrument(self._ever_listed(params, at), at)

    def contract_size(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_contract_size`."""
        return {"contract_size": self._ever_listed(params, at).contract_size}

    def summaries(self, params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_book_summary_by_currency`."""
        wanted = params.required_choice("currency", CURRENCIES)
        kind = params.choice("kind", KINDS) or "any"
        listed = [
            listing
            for listing in self._venue.listed(at)
            if currency(listing) == wanted and kind in ("any", payloads.wire_kind(listing))
        ]
        rows = [
            payloads.summary(listing, ticker(self._venue, listing, at))
            for listing in listed
            if listing.kind != "option"
        ]
        products = dict.fromkeys(one.product for one in listed if one.kind == "option")
        for product in products:
            quoted = tickers(self._venue, product, at)
            rows.extend(payloads.summary(listing, content) for listing, content in quoted)
        return rows

    def _ever_listed(self, params: Parameters, at: int) -> Listing:
        name = params.text("instrument_name")
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        return listing

    def _expired(self, params: Parameters, at: int) -> list[Listing]:
        """List what expired in the last days, latest first."""
        days = EXPIRED_DAYS_OF_HISTORY if params.flag("historical") else EXPIRED_DAYS
        return [
            one
            for back in range(days)
            for product in OPTIONS
            for one in self._venue.expired(product, last_settlement(at) - back * DAY)
        ]
