"""What does the bundled exchange answer to a call?

The session answers what concerns the connection (heartbeats, subscriptions); all else comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trader.deribit.messages import SimulatorClock
from trader.deribit.server_session import ServerError
from trader.deribit.simulator import payloads
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.books import book
from trader.deribit.simulator.channels import OF_INDEXES, OF_INSTRUMENTS, parse_channel
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.parameters import Parameters, invalid
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.tickers import ticker, tickers
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue

METHOD_NOT_FOUND: Final = -32_601
DEPTH_DEFAULT: Final = 5
VOLATILITY_INDEXES: Final = ("btc_usd", "eth_usd")

_KINDS: Final = ("any", "option", "future", "spot", "future_combo", "option_combo", "combo")
_SUMMARY_CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR")

Answer = Callable[[Parameters, int], object]


class Exchange:
    """The answers of one market. Invariant: an answer depends on (seed, call, instant) alone.

    `epoch_at` and `speed` describe the clock that clients are told about; `archive` may belong to
    another thread, which then answers the methods that `is_archived` names.
    """

    def __init__(self, venue: Venue, archive: Archive, *, epoch_at: int, speed: float) -> None:
        self.venue = venue
        self._epoch_at = epoch_at
        self._speed = speed
        self._archived: dict[str, Answer] = {
            "public/get_tradingview_chart_data": archive.chart,
            "public/get_delivery_prices": archive.delivery_prices,
            "public/get_funding_rate_value": archive.funding_value,
            "public/get_funding_rate_history": archive.funding_history,
            "public/get_last_trades_by_currency": archive.trades.of_currency,
            "public/get_last_trades_by_currency_and_time": archive.trades.of_currency,
            "public/get_last_trades_by_instrument": archive.trades.of_instrument,
            "public/get_last_trades_by_instrument_and_time": archive.trades.of_instrument,
            "public/get_volatility_index_data": archive.trades.volatility_index,
        }
        reference = Reference(venue)
        self._answers: dict[str, Answer] = {
            "public/get_time": self._time,
            "public/status": self._status,
            "public/get_currencies": self._currencies,
            "public/get_instruments": self._instruments,
            "public/get_instrument": self._instrument,
            "public/get_index_price": self._index_price,
            "public/get_index_price_names": reference.index_names,
            "public/get_supported_index_names": reference.index_names,
            "public/get_index_chart_data": reference.index_chart,
            "public/get_expirations": reference.expirations,
            "public/get_contract_size": reference.contract_size,
            "public/get_historical_volatility": reference.historical_volatility,
            "public/get_last_settlements_by_currency": reference.settlements_of_currency,
            "public/get_last_settlements_by_instrument": reference.settlements_of_instrument,
            "public/get_funding_chart_data": reference.funding_chart,
            "public/get_mark_price_history": reference.mark_price_history,
            "public/get_trade_volumes": reference.trade_volumes,
            "public/get_combos": reference.nothing_of_currency,
            "public/get_combo_ids": reference.nothing_of_currency,
            "public/get_combo_details": reference.combo,
            "public/get_announcements": reference.announcements,
            "public/get_order_book_by_instrument_id": self._order_book_by_id,
            "public/ticker": self._ticker,
            "public/get_order_book": self._order_book,
            "public/get_book_summary_by_currency": self._summaries,
            "public/get_book_summary_by_instrument": self._summary,
            "simulator/clock": self._clock,
            **self._archived,
        }

    def handle(self, method: str, params: Mapping[str, object], at: int) -> object:
        """Answer one call at a market instant.

        Raises:
            ServerError: unknown method, or parameters that cannot be used.
        """
        answer = self._answers.get(method)
        if answer is None:
            raise ServerError(METHOD_NOT_FOUND, "Method not found")
        return answer(Parameters(params), at)

    def is_archived(self, method: str) -> bool:
        """Tell whether the archive answers a method."""
        return method in self._archived

    def knows(self, channel: str, at: int) -> bool:
        """Tell whether a channel exists: its name is right, and so is what it is about."""
        parsed = parse_channel(channel)
        if parsed is None:
            return False
        if parsed.stream == "volatility":
            return parsed.subject in VOLATILITY_INDEXES
        if parsed.stream in OF_INDEXES:
            return parsed.subject in INDEX_UNDERLYINGS
        if parsed.stream not in OF_INSTRUMENTS:
            return True
        listing = self.venue.find(parsed.subject, at)
        return listing is not None and (parsed.stream != "perpetual" or listing.kind == "perpetual")

    def _time(self, _params: Parameters, at: int) -> int:
        return payloads.milliseconds(at)

    def _status(self, _params: Parameters, _at: int) -> Payload:
        return {"locked": "false"}

    def _clock(self, _params: Parameters, at: int) -> SimulatorClock:
        return SimulatorClock(
            epoch_at=self._epoch_at,
            now_at=at,
            speed=self._speed,
            seed=str(self.venue.market.seed),
            market=self.venue.market.version,
        )

    def _currencies(self, _params: Parameters, _at: int) -> list[Payload]:
        return payloads.currencies()

    def _instruments(self, params: Parameters, at: int) -> list[Payload]:
        """Any currency is answered: one that nothing trades in has an empty catalog."""
        wanted = (params.optional_text("currency") or "any").upper()
        kind = params.choice("kind", _KINDS) or "any"
        listed = self.venue.expired(at) if params.flag("expired") else self.venue.listed(at)
        return [
            payloads.instrument(listing, at)
            for listing in listed
            if wanted in ("ANY", currency(listing)) and kind in ("any", payloads.wire_kind(listing))
        ]

    def _instrument(self, params: Parameters, at: int) -> Payload:
        name = params.text("instrument_name")
        listing = self.venue.find(name, at) or self.venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        return payloads.instrument(listing, at)

    def _index_price(self, params: Parameters, at: int) -> Payload:
        underlying = INDEX_UNDERLYINGS.get(params.text("index_name"))
        if underlying is None:
            raise invalid("index_name", "not found")
        return {
            "index_price": self.venue.market.spot(underlying, at),
            "estimated_delivery_price": self.venue.estimated_delivery_price(underlying, at),
        }

    def _ticker(self, params: Parameters, at: int) -> Payload:
        return ticker(self.venue, self._open(params, at), at)

    def _order_book(self, params: Parameters, at: int) -> Payload:
        return self._book(self._open(params, at), params, at)

    def _order_book_by_id(self, params: Parameters, at: int) -> Payload:
        number = params.integer("instrument_id")
        for listing in self.venue.listed(at):
            if listing.instrument_id == number:
                return self._book(listing, params, at)
        raise invalid("instrument_id", "instrument not found")

    def _book(self, listing: Listing, params: Parameters, at: int) -> Payload:
        depth = params.integer("depth", DEPTH_DEFAULT)
        if depth < 1:
            raise invalid("depth", "invalid format")
        content = ticker(self.venue, listing, at)
        touch = [content[f"best_{side}_{what}"] for side in ("bid", "ask")
                 for what in ("price", "amount")]  # fmt: skip
        return payloads.order_book(content, book(listing, *touch), depth)

    def _summary(self, params: Parameters, at: int) -> list[Payload]:
        listing = self._open(params, at)
        return [payloads.summary(listing, ticker(self.venue, listing, at))]

    def _summaries(self, params: Parameters, at: int) -> list[Payload]:
        params.text("currency")
        wanted = params.choice("currency", _SUMMARY_CURRENCIES)
        kind = params.choice("kind", _KINDS) or "any"
        listed = [
            listing
            for listing in self.venue.listed(at)
            if currency(listing) == wanted and kind in ("any", payloads.wire_kind(listing))
        ]
        rows = [
            payloads.summary(listing, ticker(self.venue, listing, at))
            for listing in listed
            if listing.kind != "option"
        ]
        products = dict.fromkeys(one.product for one in listed if one.kind == "option")
        for product in products:
            quoted = tickers(self.venue, product, at)
            rows.extend(payloads.summary(listing, content) for listing, content in quoted)
        return rows

    def _open(self, params: Parameters, at: int) -> Listing:
        name = params.text("instrument_name")
        listing = self.venue.find(name, at)
        if listing is not None:
            return listing
        known = self.venue.find_expired(name, at)
        raise invalid(
            "instrument_name", "instrument is not open" if known else "instrument not found"
        )
