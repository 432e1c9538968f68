"""What does the bundled exchange answer to a call?

The session answers what concerns the connection (heartbeats, subscriptions); all else comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from trader.deribit.messages import SimulatorClock
from trader.deribit.server_session import ServerError
from trader.deribit.simulator import payloads
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.boards import Boards
from trader.deribit.simulator.channels import OF_INDEXES, OF_INSTRUMENTS, parse_channel
from trader.deribit.simulator.clock import STEPPED_SPEED
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.parameters import Parameters, invalid
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.tickers import book, ticker
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue

METHOD_NOT_FOUND: Final = -32_601
DEPTH_DEFAULT: Final = 5
VOLATILITY_INDEXES: Final = ("btc_usd", "eth_usd")

Answer = Callable[[Parameters, int], object]
Lane = Literal["archive", "boards"]


class Exchange:
    """The answers of one market. Invariant: an answer depends on (seed, call, instant) alone.

    `epoch_at` and `speed` describe the clock that clients are told about; `archive` and `boards`
    may belong to threads of their own, which then answer what `lane` says is theirs.
    """

    def __init__(
        self,
        venue: Venue,
        archive: Archive,
        boards: Boards | None = None,
        *,
        epoch_at: int,
        speed: float,
    ) -> None:
        self.venue = venue
        self._epoch_at = epoch_at
        self._speed = speed
        self._archived: dict[str, Answer] = {
            "public/get_tradingview_chart_data": archive.chart,
            "public/get_delivery_prices": archive.delivery_prices,
            "public/get_funding_rate_value": archive.funding_value,
            "public/get_funding_rate_history": archive.funding_history,
            "public/get_last_trades_by_currency": archive.trades.of_currency,
            "public/get_last_trades_by_currency_and_time": archive.trades.of_currency_and_time,
            "public/get_last_trades_by_instrument": archive.trades.of_instrument,
            "public/get_last_trades_by_instrument_and_time": archive.trades.of_instrument_and_time,
            "public/get_volatility_index_data": archive.trades.volatility_index,
            "public/get_last_settlements_by_currency": archive.settlements.of_currency,
            "public/get_last_settlements_by_instrument": archive.settlements.of_instrument,
            "public/get_index_chart_data": archive.reference.index_chart,
            "public/get_funding_chart_data": archive.reference.funding_chart,
            "public/get_historical_volatility": archive.reference.historical_volatility,
            "public/get_mark_price_history": archive.reference.mark_price_history,
            "public/get_announcements": archive.reference.announcements,
        }
        boards = boards or Boards(venue)
        self._of_boards: dict[str, Answer] = {
            "public/get_instruments": boards.instruments,
            "public/get_instrument": boards.instrument,
            "public/get_contract_size": boards.contract_size,
            "public/get_expirations": boards.reference.expirations,
            "public/get_trade_volumes": boards.reference.trade_volumes,
            "public/get_book_summary_by_currency": boards.summaries,
        }
        reference = Reference(venue)
        self._answers: dict[str, Answer] = {
            "public/get_time": self._time,
            "public/status": self._status,
            "public/get_currencies": self._currencies,
            "public/get_index_price": self._index_price,
            "public/get_index_price_names": reference.index_names,
            "public/get_supported_index_names": reference.index_names,
            "public/get_combos": reference.nothing_of_currency,
            "public/get_combo_ids": reference.nothing_of_currency,
            "public/get_combo_details": reference.combo,
            "public/get_apr_history": reference.apr_history,
            "public/get_block_rfq_trades": reference.block_rfq_trades,
            "public/get_order_book_by_instrument_id": self._order_book_by_id,
            "public/ticker": self._ticker,
            "public/get_order_book": self._order_book,
            "public/get_book_summary_by_instrument": self._summary,
            "simulator/clock": self._clock,
            **self._archived,
            **self._of_boards,
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

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are answered here."""
        return tuple(self._answers)

    def lane(self, method: str) -> Lane | None:
        """Tell who answers a method: archive, boards, or at once the caller's own thread (None)."""
        if method in self._archived:
            return "archive"
        return "boards" if method in self._of_boards else None

    def knows(self, channel: str, at: int) -> bool:
        """Tell whether a channel exists: its name is right, and so is what it is about."""
        parsed = parse_channel(channel)
        if parsed is None:
            return False
        if parsed.stream == "volatility":
            return parsed.subject in VOLATILITY_INDEXES
        if parsed.stream in OF_INDEXES:
            return INDEX_UNDERLYINGS.get(parsed.subject) in self.venue.underlyings
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
            seed=self.venue.seed,
            market=self.venue.version,
            staleness_s=self.venue.staleness_s,
            assumed_sizes=self.venue.assumed_sizes,
            stepped=self._speed == STEPPED_SPEED,
        )

    def _currencies(self, _params: Parameters, _at: int) -> list[Payload]:
        return payloads.currencies()

    def _index_price(self, params: Parameters, at: int) -> Payload:
        underlying = INDEX_UNDERLYINGS.get(params.text("index_name"))
        if underlying not in self.venue.underlyings:
            raise invalid("index_name", "not found")
        return {
            "index_price": self.venue.index_price(underlying, at),
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
        content, resting = book(self.venue, listing, at, depth)
        return payloads.order_book(content, resting)

    def _summary(self, params: Parameters, at: int) -> list[Payload]:
        listing = self._open(params, at)
        return [payloads.summary(listing, ticker(self.venue, listing, at))]

    def _open(self, params: Parameters, at: int) -> Listing:
        name = params.text("instrument_name")
        listing = self.venue.find(name, at)
        if listing is not None:
            return listing
        known = self.venue.find_expired(name, at)
        raise invalid(
            "instrument_name", "instrument is not open" if known else "instrument not found"
        )
