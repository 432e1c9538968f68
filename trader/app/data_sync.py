"""How does a venue's past get here? Month by month, through its public methods.

Every chunk is fetched, written, then noted as fetched: a sync that was stopped goes on where it
was, and one that is repeated asks for nothing again. The client paces itself by Deribit's credits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from trader.app.data_spans import chunks, month_of
from trader.deribit import translate
from trader.deribit.messages import DeliveryPrices, decode_instruments, decode_result
from trader.domain.errors import FeedError
from trader.domain.instruments import INVERSE_COINS, perpetual_name
from trader.domain.units import DAY, DOLLARS, HOUR, MILLISECOND
from trader.storage.datasets import Columns, DatasetStore, Span

Call = Callable[[str, dict[str, Any]], Awaitable[msgspec.Raw]]
Say = Callable[[str], None]

WHAT: Final = (
    "instruments", "candles", "dvol", "funding", "deliveries", "settlements", "trades",
)  # fmt: skip
SETTLEMENTS_PER_CALL: Final = 1_000
TRADES_PER_CALL: Final = 1_000
DELIVERIES_PER_CALL: Final = 1_000
MAIN_HOST_TRADES: Final = DAY
"""How far back Deribit's main host knows trades; beyond it answers empty, without an error."""

DVOL_COINS: Final = ("BTC", "ETH")
DVOL_IS_PERCENT_ABOVE: Final = 5.0
"""Deribit shows points (46.2); its documentation's sample shows fractions. Neither meets 5."""


class _Chart(msgspec.Struct):
    """`public/get_tradingview_chart_data`."""

    ticks: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    cost: list[float]


class _Dvol(msgspec.Struct):
    """`public/get_volatility_index_data`; `continuation` is the next `end_timestamp`."""

    data: list[tuple[int, float, float, float, float]]
    continuation: int | None = None


class _Funding(msgspec.Struct):
    """A row of `public/get_funding_rate_history`."""

    timestamp: int
    index_price: float
    interest_1h: float
    interest_8h: float


class _Settlement(msgspec.Struct):
    """A row of `public/get_last_settlements_by_currency`; a bankruptcy names no instrument."""

    type: str
    timestamp: int
    instrument_name: str = ""
    index_price: float | None = None
    mark_price: float | None = None
    position: float | None = None
    profit_loss: float | None = None
    session_profit_loss: float | None = None
    funding: float | None = None


class _Settlements(msgspec.Struct):
    """A page of settlements, newest first; `continuation` asks for the next."""

    settlements: list[_Settlement]
    continuation: str | None = None


class _Trade(msgspec.Struct):
    """A row of `public/get_last_trades_by_*`."""

    trade_seq: int
    trade_id: str
    timestamp: int
    instrument_name: str
    direction: str
    price: float
    amount: float
    mark_price: float | None = None
    index_price: float | None = None
    iv: float | None = None


class _Trades(msgspec.Struct):
    """A page of trades."""

    trades: list[_Trade]
    has_more: bool


class Sync:
    """One run of `trader data sync`. `old_trades` asks a host that knows them; None: there is none.

    `say` hears of progress.
    """

    def __init__(
        self, store: DatasetStore, call: Call, say: Say, *, now: int, old_trades: Call | None
    ) -> None:
        self._store = store
        self._call = call
        self._say = say
        self._now = now
        self._old_trades = old_trades

    async def run(self, what: str, currency: str, span: Span) -> int:
        """Fetch one kind of history of a coin (BTC) or a linear pair (SOL_USDC); count its rows.

        Raises:
            FeedError: the venue refused, or its answer cannot be read.
        """
        subject = subject_of(what, currency)
        if what == "instruments":
            return await self._instruments(subject)
        if what == "deliveries":
            return await self._deliveries(subject)
        if what == "dvol" and subject not in DVOL_COINS:
            self._say(f"dvol {subject}: there is none, only of {', '.join(DVOL_COINS)}")
            return 0
        total = 0
        fetch = {"candles": self._candles, "dvol": self._dvol, "funding": self._funding,
                 "settlements": self._settlements, "trades": self._trades}[what]  # fmt: skip
        start, end = span[0], min(span[1], self._now - self._now % HOUR)
        if what == "trades":
            start = self._reach_of_trades(subject, start)
        wanted = [
            one
            for missing in self._store.missing(what, subject, (start, end))
            for one in chunks(missing, by_day=what == "trades")
        ]
        for number, (part, chunk) in enumerate(wanted, 1):
            rows = await fetch(subject, chunk)
            count = len(rows["at"])
            if count:
                self._store.merge(what, subject, part, rows)
            self._store.mark(what, subject, chunk)
            self._say(f"{what} {subject} {part}: {count} rows ({number} of {len(wanted)})")
            total += count
        return total

    def _reach_of_trades(self, currency: str, start: int) -> int:
        reach = self._now - MAIN_HOST_TRADES + HOUR
        if self._old_trades is not None or start >= reach:
            return start
        self._say(
            f"trades {currency}: the main host answers only the last 24 hours, older ones come "
            "from the history host: name it with --history-url"
        )
        return reach - reach % HOUR

    async def _candles(self, perpetual: str, span: Span) -> Columns:
        params = {"instrument_name": perpetual, "resolution": "60"}
        answer = await self._call("public/get_tradingview_chart_data", params | _window(span))
        chart = decode_result(answer, _Chart)
        rows: Columns = {
            name: list(getattr(chart, name))
            for name in ("open", "high", "low", "close", "volume", "cost")
        }
        return {"at": [tick * MILLISECOND for tick in chart.ticks], **rows}

    async def _dvol(self, currency: str, span: Span) -> Columns:
        points: dict[int, list[float]] = {}
        window = _window(span)
        while True:
            params = {"currency": currency, "resolution": "3600"}
            answer = await self._call("public/get_volatility_index_data", params | window)
            page = decode_result(answer, _Dvol)
            points |= {at: prices for at, *prices in page.data}  # the edges of pages overlap
            if page.continuation is None or not page.data:
                break
            if page.continuation >= window["end_timestamp"]:
                raise FeedError(f"dvol {currency}: continuation {page.continuation} does not fall")
            window = window | {"end_timestamp": page.continuation}
        rows: Columns = {"at": [at * MILLISECOND for at in points]}
        for place, name in enumerate(("open", "high", "low", "close")):
            rows[name] = [_fraction(prices[place]) for prices in points.values()]
        return rows

    async def _funding(self, perpetual: str, span: Span) -> Columns:
        params = {"instrument_name": perpetual}
        answer = await self._call("public/get_funding_rate_history", params | _window(span))
        rows = decode_result(answer, list[_Funding])
        return {
            "at": [row.timestamp * MILLISECOND for row in rows],
            "index_price": [row.index_price for row in rows],
            "rate_1h": [row.interest_1h for row in rows],
            "rate_8h": [row.interest_8h for row in rows],
        }

    async def _trades(self, currency: str, span: Span) -> Columns:
        """Page through trades by time; those that share a page's last instant are asked twice."""
        old = self._old_trades if span[0] < self._now - MAIN_HOST_TRADES + HOUR else None
        call, window = old or self._call, _window(span)
        trades: dict[tuple[str, int, str], _Trade] = {}
        while True:
            params = {"currency": currency, "kind": "any", "count": TRADES_PER_CALL,
                      "sorting": "asc", "include_old": True}  # fmt: skip
            method = "public/get_last_trades_by_currency_and_time"
            page = decode_result(await call(method, params | window), _Trades)
            before = len(trades)
            trades |= {(t.instrument_name, t.trade_seq, t.trade_id): t for t in page.trades}
            if not page.has_more or not page.trades:
                break
            if len(trades) == before:
                raise FeedError(
                    f"trades {currency}: more than {TRADES_PER_CALL} share one millisecond "
                    f"({page.trades[-1].timestamp}): they cannot be told apart by time"
                )
            window = window | {"start_timestamp": page.trades[-1].timestamp}
        return _trade_columns(list(trades.values()))

    async def _settlements(self, currency: str, span: Span) -> Columns:
        """Page from the end of a span back to before its start; what is outside is left out."""
        window, continuation = _window(span), None
        found: dict[tuple[int, str, str], _Settlement] = {}
        while True:
            params = {"currency": currency, "count": SETTLEMENTS_PER_CALL,
                      "search_start_timestamp": window["end_timestamp"]}  # fmt: skip
            if continuation is not None:
                params["continuation"] = continuation
            answer = await self._call("public/get_last_settlements_by_currency", params)
            page = decode_result(answer, _Settlements)
            for row in page.settlements:
                if window["start_timestamp"] <= row.timestamp <= window["end_timestamp"]:
                    found[row.timestamp, row.instrument_name, row.type] = row
            ended = not page.settlements or (
                page.settlements[-1].timestamp < window["start_timestamp"]
            )
            if page.continuation is None or ended:
                break
            if page.continuation == continuation:
                raise FeedError(f"settlements {currency}: continuation {continuation} stands still")
            continuation = page.continuation
        return _settlement_columns(list(found.values()))

    async def _deliveries(self, currency: str) -> int:
        """Fetch from the newest back to the first one held already."""
        held = set(self._store.read("deliveries", currency).column("at").to_pylist())
        months: dict[str, Columns] = {}
        offset, total = 0, 0
        while True:
            params = {"index_name": index_of(currency), "offset": offset,
                      "count": DELIVERIES_PER_CALL}  # fmt: skip
            page = decode_result(
                await self._call("public/get_delivery_prices", params), DeliveryPrices
            )
            prices = translate.delivery_prices(currency, page.data)
            for price in prices:
                if price.expires_at not in held:
                    part = months.setdefault(month_of(price.expires_at), {"at": [], "price": []})
                    part["at"].append(price.expires_at)
                    part["price"].append(price.price)
                    total += 1
            offset += len(prices)
            known = any(price.expires_at in held for price in prices)
            if not prices or known or offset >= page.records_total:
                break
        for part_name in sorted(months):  # oldest first: a kill leaves no hole below what is held
            self._store.merge("deliveries", currency, part_name, months[part_name])
        self._say(f"deliveries {currency}: {total} rows")
        return total

    async def _instruments(self, currency: str) -> int:
        """Fetch the catalog; a contract that is known and unchanged is not written again."""
        rows: Columns = {name: [] for name in _INSTRUMENT}
        table = self._store.read("instruments", currency).select(_INSTRUMENT[1:])
        known = set(zip(*(column.to_pylist() for column in table.columns), strict=True))
        listed_now = 0
        for expired in (False, True):
            params = {"currency": currency, "expired": expired}
            answer = await self._call("public/get_instruments", params)
            listed, skipped = decode_instruments(answer)
            for line in skipped:
                self._say(f"instruments {currency}: skipped {line}")
            for message in listed:
                try:
                    one = translate.instrument(message)
                except FeedError as error:
                    self._say(f"instruments {currency}: skipped {error}")
                    continue
                if one is None:
                    continue
                listed_now += 1
                values = (one.name, one.kind, one.expires_at, one.option_type, one.strike,
                          one.settlement_currency, one.tick_size, one.min_trade_amount,
                          one.contract_size, not expired)  # fmt: skip
                if values not in known:
                    for name, value in zip(_INSTRUMENT, (self._now, *values), strict=True):
                        rows[name].append(value)
        count = len(rows["at"])
        if count:
            self._store.merge("instruments", currency, "catalog", rows)
        self._say(f"instruments {currency}: {count} new or changed of {listed_now}")
        return count


_INSTRUMENT: Final = (
    "at", "instrument", "kind", "expires_at", "option_type", "strike", "settlement_currency",
    "tick_size", "min_trade_amount", "contract_size", "active",
)  # fmt: skip


def subject_of(what: str, currency: str) -> str:
    """Name what is fetched: a perpetual, a coin, a pair, or all that settles in one currency."""
    coin, _, quote = currency.partition("_")
    match what:
        case "candles" | "funding":
            return f"{currency}-PERPETUAL" if quote else perpetual_name(coin)
        case "dvol":
            return coin
        case "deliveries":
            return currency
        case _:
            return quote or (coin if coin in INVERSE_COINS else DOLLARS)


def index_of(currency: str) -> str:
    """Name the index that delivers a coin's inverse or a pair's linear contracts."""
    return currency.lower() if "_" in currency else translate.index_name(currency)


def _window(span: Span) -> dict[str, int]:
    """Write a half-open span as Deribit's closed one."""
    return {
        "start_timestamp": -(-span[0] // MILLISECOND),
        "end_timestamp": -(-span[1] // MILLISECOND) - 1,
    }


def _fraction(points: float) -> float:
    return points / 100.0 if points > DVOL_IS_PERCENT_ABOVE else points


def _settlement_columns(rows: list[_Settlement]) -> Columns:
    names = ("type", "index_price", "mark_price", "position", "profit_loss",
             "session_profit_loss", "funding")  # fmt: skip
    return {
        "at": [row.timestamp * MILLISECOND for row in rows],
        "instrument": [row.instrument_name for row in rows],
        **{name: [getattr(row, name) for row in rows] for name in names},
    }


def _trade_columns(trades: list[_Trade]) -> Columns:
    return {
        "at": [one.timestamp * MILLISECOND for one in trades],
        "instrument": [one.instrument_name for one in trades],
        "trade_seq": [one.trade_seq for one in trades],
        "trade_id": [one.trade_id for one in trades],
        "direction": [one.direction for one in trades],
        "price": [one.price for one in trades],
        "amount": [one.amount for one in trades],
        "mark": [one.mark_price for one in trades],
        "index_price": [one.index_price for one in trades],
        "iv": [None if one.iv is None else one.iv / 100.0 for one in trades],
    }
