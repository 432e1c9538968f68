"""What does a message of Deribit mean in our terms?

The only place where Deribit's units exist: percent become fractions, milliseconds nanoseconds, a
side of 0 or null becomes NaN ("no price"), names become `Instrument`s, and index names underlyings.
Whatever cannot be trusted raises `FeedError` and names the field; nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Final

import msgspec

from trader.deribit import messages
from trader.domain.errors import FeedError
from trader.domain.events import DeliveryPrice, FundingRate, HistoryLoaded, IndexPrice, Quote
from trader.domain.instruments import (
    INVERSE_COINS,
    Instrument,
    Kind,
    OptionType,
    SettlementPeriod,
)
from trader.domain.market import Bars
from trader.domain.units import DOLLARS, HOUR, MILLISECOND, nanoseconds, normalize_underlying

TIMESTAMP_MS_MAX: Final = 7_258_118_400_000
"""2200-01-01: a larger timestamp is no instant of a market (perpetuals "expire" in 3000)."""

IV_MAX: Final = 10.0
"""1,000 % a year: what is above is the artifact of an unsolvable price, not a volatility."""

_AT_MAX: Final = TIMESTAMP_MS_MAX * MILLISECOND
_IV_PERCENT_MAX: Final = 100.0 * IV_MAX

EXPIRY_TIME: Final = time(8, tzinfo=UTC)

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                  "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")  # fmt: skip
_NAME: Final = re.compile(
    r"(?P<pair>[A-Z0-9]+(?:_[A-Z]+)?)-(?P<day>[1-9]|[12]\d|3[01])(?P<month>[A-Z]{3})(?P<year>\d\d)"
    r"(?:-(?P<strike>\d+(?:d\d+)?)-(?P<type>[CP]))?"
)


class ContractName(msgspec.Struct, frozen=True):
    """What the name of a dated contract says: an option where strike and type are there."""

    underlying: str
    expires_at: int
    strike: float | None
    option_type: OptionType | None


def contract_name(name: str) -> ContractName | None:
    """Read `BTC-25DEC26-100000-C`, `XRP_USDC-30JUN23-0d625-C` or `BTC-25DEC26`; None for others.

    In a strike `d` is the decimal point. Deribit, "Naming": expiry is always 08:00 UTC.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["month"] not in _MONTHS:
        return None
    month = _MONTHS.index(match["month"]) + 1
    try:
        expiry = datetime(2000 + int(match["year"]), month, int(match["day"]), 8, tzinfo=UTC)
    except ValueError:
        return None
    strike, option_type = match["strike"], match["type"]
    return ContractName(
        underlying=normalize_underlying(match["pair"]),
        expires_at=nanoseconds(expiry),
        strike=None if strike is None else float(strike.replace("d", ".")),
        option_type=None if option_type is None else ("call" if option_type == "C" else "put"),
    )


def underlying_of_index(index_name: str) -> str:
    """Name the underlying of an index: `btc_usd` (inverse) and `btc_usdc` (linear) are BTC.

    Raises:
        FeedError: not the name of an index.
    """
    try:
        return normalize_underlying(index_name)
    except ValueError as error:
        raise FeedError(f"index {index_name!r}: {error}") from error


def index_name(underlying: str) -> str:
    """Name the index of an underlying: `btc_usd`, or `sol_usdc` where nothing is settled in it."""
    coin = normalize_underlying(underlying)
    return f"{coin}_{'USD' if coin in INVERSE_COINS else DOLLARS}".lower()


def instant(timestamp_ms: int, where: str) -> int:
    """Turn Deribit's milliseconds into nanoseconds.

    Raises:
        FeedError: not an instant between 1970 and 2200.
    """
    if not 0 < timestamp_ms < TIMESTAMP_MS_MAX:
        raise FeedError(f"{where}: timestamp {timestamp_ms!r} is no instant in milliseconds")
    return timestamp_ms * MILLISECOND


def instrument(message: messages.InstrumentRow) -> Instrument | None:
    """Turn a catalog row into a contract; None for kinds we do not trade, such as combos.

    `underlying` is the coin for inverse and linear contracts alike; `inverse` and
    `settlement_currency` tell them apart.

    Raises:
        FeedError: a field that cannot be traded on (no strike, a step of 0, ...).
    """
    kind = _kind(message)
    if kind is None:
        return None
    name = contract_name(message.instrument_name)
    dated = kind in {"option", "future"}
    is_option = kind == "option"
    for fee_rate in (message.maker_commission, message.taker_commission):
        if not math.isfinite(fee_rate):
            raise FeedError(f"instrument {message.instrument_name}: fee rate {fee_rate!r}")
    try:
        return Instrument(
            name=message.instrument_name,
            kind=kind,
            underlying=normalize_underlying(message.base_currency),
            settlement_currency=_settlement_currency(message, kind),
            inverse=_inverse(message, kind),
            price_index=message.price_index or _price_index(message, kind),
            tick_size=message.tick_size,
            min_trade_amount=message.min_trade_amount,
            contract_size=message.contract_size,
            maker_fee_rate=message.maker_commission,
            taker_fee_rate=message.taker_commission,
            settlement_period=_settlement_period(message, dated=dated),
            tick_size_steps=tuple(
                sorted((step.above_price, step.tick_size) for step in message.tick_size_steps)
            ),
            option_type=_option_type(message, name) if is_option else None,
            strike=_strike(message, name) if is_option else None,
            expires_at=(
                instant(message.expiration_timestamp, message.instrument_name) if dated else None
            ),
        )
    except ValueError as error:
        raise FeedError(f"instrument {error}") from error


def _kind(message: messages.InstrumentRow) -> Kind | None:
    match message.kind:
        case "option":
            return "option"
        case "spot":
            return "spot"
        case "future":
            return "perpetual" if message.settlement_period == "perpetual" else "future"
        case _:
            return None


def _inverse(message: messages.InstrumentRow, kind: Kind) -> bool:
    if kind == "spot":
        return False
    if message.instrument_type is not None:
        return message.instrument_type == "reversed"
    return _settlement_currency(message, kind) == message.base_currency


def _settlement_currency(message: messages.InstrumentRow, kind: Kind) -> str:
    """Before Deribit named it, all that was not quoted in another coin settled in its base."""
    if message.settlement_currency is not None:
        return message.settlement_currency
    inverse = kind != "spot" and message.quote_currency in (message.base_currency, "USD")
    return message.base_currency if inverse else message.quote_currency


def _price_index(message: messages.InstrumentRow, kind: Kind) -> str:
    quote = "usd" if _inverse(message, kind) else message.quote_currency
    return f"{message.base_currency}_{quote}".lower()


def _settlement_period(message: messages.InstrumentRow, *, dated: bool) -> SettlementPeriod:
    """Only `day` changes what a contract costs; an unknown period is charged as a monthly."""
    if not dated:
        return "perpetual"
    match message.settlement_period:
        case "day":
            return "day"
        case "week":
            return "week"
        case _:
            return "month"


def _option_type(message: messages.InstrumentRow, name: ContractName | None) -> OptionType | None:
    match message.option_type:
        case "call":
            return "call"
        case "put":
            return "put"
        case _:
            return name.option_type if name else None


def _strike(message: messages.InstrumentRow, name: ContractName | None) -> float | None:
    if message.strike is not None:
        return message.strike
    return name.strike if name else None


def ticker(message: messages.Ticker) -> tuple[Quote | FundingRate, ...]:
    """Turn a ticker into the displayed touch, and for a perpetual its funding rate as well.

    A mark of 0 stays 0: it values what is worthless, and nobody can trade at it.

    Raises:
        FeedError: no instant.
    """
    name, exchange_at = message.instrument_name, message.timestamp * MILLISECOND
    if not 0 < exchange_at < _AT_MAX:
        instant(message.timestamp, name)  # raises, and says why
    bid, ask, mark = message.best_bid_price, message.best_ask_price, message.mark_price
    bid_amount, ask_amount = message.best_bid_amount, message.best_ask_amount
    iv, forward, index_price = message.mark_iv, message.underlying_price, message.index_price
    if index_price is None or not 0.0 < index_price < math.inf:
        index_price = math.nan
    # Every push comes by here: what `_price` says is written out, without its calls.
    quote = Quote(
        name,
        exchange_at,
        bid if bid is not None and 0.0 < bid < math.inf else math.nan,
        bid_amount if bid_amount is not None and 0.0 < bid_amount < math.inf else 0.0,
        ask if ask is not None and 0.0 < ask < math.inf else math.nan,
        ask_amount if ask_amount is not None and 0.0 < ask_amount < math.inf else 0.0,
        mark if mark is not None and 0.0 <= mark < math.inf else math.nan,
        iv / 100.0 if iv is not None and 0.0 < iv <= _IV_PERCENT_MAX else math.nan,
        index_price if forward is None else _price(forward),
        index_price,
    )
    rate_8h = message.current_funding
    if rate_8h is None or not math.isfinite(rate_8h):
        return (quote,)
    return (quote, FundingRate(name, rate_8h, exchange_at))


def _price(value: float | None) -> float:
    """0, null, negative and infinite are no prices."""
    return value if value is not None and 0.0 < value < math.inf else math.nan


def index_price(message: messages.IndexTick) -> IndexPrice:
    """Turn an index notification into the index of its underlying, in USD.

    Raises:
        FeedError: no instant, or no positive price.
    """
    if not 0.0 < message.price < math.inf:
        raise FeedError(f"index {message.index_name}: price {message.price!r} is not positive")
    return IndexPrice(
        underlying=underlying_of_index(message.index_name),
        price=message.price,
        exchange_at=instant(message.timestamp, message.index_name),
    )


def history(underlying: str, charts: Iterable[messages.ChartData], now: int) -> HistoryLoaded:
    """Join pages of hourly chart data into the bars closed by `now`, sorted, each hour once.

    A later page wins where two hold the same hour; rows without sound prices are left out.

    Raises:
        FeedError: columns of unequal length.
    """
    rows: dict[int, tuple[float, float, float, float]] = {}
    for chart in charts:
        columns = (chart.open, chart.high, chart.low, chart.close)
        if any(len(column) != len(chart.ticks) for column in columns):
            raise FeedError(f"chart of {underlying}: columns differ in length")
        for tick, *prices in zip(chart.ticks, *columns, strict=True):
            opened_at = instant(tick, f"chart of {underlying}")
            open_, high, low, close = (_price(price) for price in prices)
            sound = low <= open_ <= high and low <= close <= high
            if sound and opened_at % HOUR == 0 and opened_at + HOUR <= now:
                rows[opened_at] = (open_, high, low, close)
    hours = sorted(rows)
    return HistoryLoaded(
        normalize_underlying(underlying),
        Bars(
            tuple(hours),
            *(tuple(rows[hour][column] for hour in hours) for column in range(4)),
        ),
    )


def delivery_prices(
    underlying: str, rows: Sequence[messages.DeliveryRow]
) -> tuple[DeliveryPrice, ...]:
    """Turn delivery rows (a date each) into the prices of their 08:00 UTC expiries.

    Raises:
        FeedError: an unreadable date, or a price that is not positive.
    """
    return tuple(_delivery_price(normalize_underlying(underlying), row) for row in rows)


def _delivery_price(underlying: str, row: messages.DeliveryRow) -> DeliveryPrice:
    where = f"delivery price of {underlying} on {row.date!r}"
    try:
        day = date.fromisoformat(row.date)
    except ValueError as error:
        raise FeedError(f"{where}: not a date") from error
    if not 0.0 < row.delivery_price < math.inf:
        raise FeedError(f"{where}: {row.delivery_price!r} is not a positive price")
    return DeliveryPrice(
        underlying=underlying,
        expires_at=nanoseconds(datetime.combine(day, EXPIRY_TIME)),
        price=row.delivery_price,
    )
