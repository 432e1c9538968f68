"""What has happened on the bundled exchange: bars, delivery prices, funding?

These answers walk through months of the path and may take a second, so that the server asks an
archive with its own `Market` beside its event loop. Every answer is a function of (seed, params,
instant), and nothing after the instant shows.
"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator.candles import RESOLUTIONS_MINUTES
from trader.deribit.simulator.parameters import Parameters, invalid
from trader.deribit.simulator.payloads import Payload, date_of, milliseconds
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.settlement_pages import SettlementPages
from trader.deribit.simulator.trades import Trades
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue
from trader.domain.units import HOUR, MILLISECOND, MINUTE

BARS_MAX: Final = 5_000
DELIVERIES_MAX: Final = 1_000
FUNDING_HOURS_MAX: Final = 31 * 24

RESOLUTIONS: Final = {
    ("1D" if minutes == 1_440 else str(minutes)): minutes for minutes in RESOLUTIONS_MINUTES
}


class Archive:
    """The past of one market; not to be shared between threads."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.trades = Trades(venue)
        self.settlements = SettlementPages(venue)
        self.reference = Reference(venue)

    def chart(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_tradingview_chart_data`: the last 5,000 bars of what was asked.

        Only perpetuals trade between others than our clients, so options have no bars.
        """
        name = params.text("instrument_name")
        resolution = params.text("resolution")
        if resolution not in RESOLUTIONS:
            raise invalid("resolution", "invalid format")
        minutes = RESOLUTIONS[resolution]
        start, end = self._window(params, at)
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        start = max(start, end - BARS_MAX * minutes * MINUTE + 1)
        if listing.kind == "option" or start > end:
            return {"status": "no_data"} | {column: [] for column in _COLUMNS}
        bars = self._venue.chart(listing, start, end, minutes, at)
        columns = {column: getattr(bars, column).tolist() for column in _COLUMNS}
        return {"status": "ok" if len(bars.ticks) else "no_data"} | columns

    def delivery_prices(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_delivery_prices`, newest first; today's is known from 08:00 UTC."""
        index_name = params.text("index_name")
        underlying = INDEX_UNDERLYINGS.get(index_name)
        if underlying not in self._venue.underlyings:
            raise invalid("index_name", "not found")
        offset, count = params.integer("offset", 0), params.integer("count", 10)
        if offset < 0:
            raise invalid("offset", "invalid format")
        if not 1 <= count <= DELIVERIES_MAX:
            raise invalid("count", "invalid format")
        prices = self._venue.delivery_prices(underlying, at, count, offset)
        return {
            "data": [
                {"date": date_of(expires_at), "delivery_price": price}
                for expires_at, price in prices
            ],
            "records_total": self._venue.deliveries_count(underlying, at),
        }

    def funding_value(self, params: Parameters, at: int) -> float:
        """Answer `public/get_funding_rate_value`: what a long paid in a window, as a fraction."""
        product = self._perpetual(params, at)
        history = self._venue.funding(product, *self._window(params, at))
        return round(float(history.interest_1h.sum()), 10)

    def funding_history(self, params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_funding_rate_history`: one row an hour, oldest first."""
        product = self._perpetual(params, at)
        start, end = self._window(params, at)
        start = max(start, end - FUNDING_HOURS_MAX * HOUR + 1)
        history = self._venue.funding(product, start, end)
        columns = (column.tolist() for column in history)
        return [
            {
                "timestamp": milliseconds(hour),
                "index_price": price,
                "prev_index_price": before,
                "interest_1h": round(interest_1h, 10),
                "interest_8h": round(interest_8h, 10),
            }
            for hour, price, before, interest_1h, interest_8h in zip(*columns, strict=True)
        ]

    def _perpetual(self, params: Parameters, at: int) -> str:
        listing = self._venue.find(params.text("instrument_name"), at)
        if listing is None or listing.kind != "perpetual":
            raise invalid("instrument_name", "instrument not found")
        return listing.product

    def _window(self, params: Parameters, at: int) -> tuple[int, int]:
        """Read start and end (both belong to the window), cut to what has happened."""
        start = params.integer("start_timestamp") * MILLISECOND
        end = params.integer("end_timestamp") * MILLISECOND
        if end < start:
            raise invalid("end_timestamp", "invalid format")
        return max(start, self._venue.begins_at), min(end, at)


_COLUMNS: Final = ("ticks", "open", "high", "low", "close", "volume", "cost")
