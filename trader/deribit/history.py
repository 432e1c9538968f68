"""What happened before we listened? Catalog, bars and delivery prices, asked page by page.

`call` sends one request and gives back its raw result (`client.call`); what the results mean is
`translate`'s business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec

from trader.deribit import translate
from trader.deribit.messages import (
    ChartData,
    DeliveryPrices,
    decode_instruments,
    decode_result,
)
from trader.domain.errors import FeedError
from trader.domain.events import DeliveryPrice, HistoryLoaded
from trader.domain.instruments import Instrument, perpetual_name
from trader.domain.units import DAY, HOUR, MILLISECOND, iso

Call = Callable[[str, dict[str, Any]], Awaitable[msgspec.Raw]]

BARS_PER_CALL: Final = 5_000
"""What Deribit returns at most per chart call."""

DELIVERIES_FIRST: Final = 10
DELIVERIES_PER_CALL: Final = 1_000
_DELIVERY_HOUR: Final = 8 * HOUR


class Catalog(msgspec.Struct, frozen=True):
    """The contracts we can trade, and a line for each row that could not be understood."""

    instruments: tuple[Instrument, ...]
    skipped: tuple[str, ...]


async def load_instruments(call: Call, currencies: Iterable[str]) -> Catalog:
    """Load the listed contracts of some currencies; each contract once, in the venue's order.

    A row that cannot be understood costs only itself.

    Raises:
        FeedError: the venue refused, or its answer is no catalog.
    """
    instruments: dict[str, Instrument] = {}
    skipped: list[str] = []
    for currency in dict.fromkeys(currencies):
        result = await call("public/get_instruments", {"currency": currency, "expired": False})
        rows, unreadable = decode_instruments(result)
        skipped.extend(unreadable)
        for row in rows:
            try:
                instrument = translate.instrument(row)
            except FeedError as error:
                skipped.append(str(error))
                continue
            if instrument is not None:
                instruments[instrument.name] = instrument
    return Catalog(tuple(instruments.values()), tuple(skipped))


async def load_bars(call: Call, underlying: str, hours: int, now: int) -> HistoryLoaded:
    """Load the last `hours` closed hourly bars of an underlying's perpetual.

    Fewer come back where the venue's history begins.

    Raises:
        FeedError: the venue refused, or its answer is no chart.
        ValueError: fewer than one hour asked for.
    """
    if hours < 1:
        raise ValueError(f"hours {hours!r}: ask for at least one closed bar")
    end = now - now % HOUR
    start = max(end - hours * HOUR, 0)
    charts = []
    while start < end:
        page_end = min(start + BARS_PER_CALL * HOUR, end)
        result = await call(
            "public/get_tradingview_chart_data",
            {
                "instrument_name": perpetual_name(underlying),
                "start_timestamp": start // MILLISECOND,
                "end_timestamp": page_end // MILLISECOND - 1,
                "resolution": "60",
            },
        )
        charts.append(decode_result(result, ChartData))
        start = page_end
    return translate.history(underlying, charts, now)


async def load_delivery_price(call: Call, underlying: str, expires_at: int) -> DeliveryPrice | None:
    """Look up the price at which an expiry was delivered; None while it is not known.

    Raises:
        FeedError: the venue refused, or its answer holds no delivery prices.
        ValueError: not an expiry: those are at 08:00 UTC.
    """
    if expires_at % DAY != _DELIVERY_HOUR:
        raise ValueError(f"expires_at {iso(expires_at)}: Deribit's contracts expire at 08:00 UTC")
    offset, count = 0, DELIVERIES_FIRST
    while True:
        result = await call(
            "public/get_delivery_prices",
            {"index_name": translate.index_name(underlying), "offset": offset, "count": count},
        )
        page = decode_result(result, DeliveryPrices)
        prices = translate.delivery_prices(underlying, page.data)
        for price in prices:
            if price.expires_at == expires_at:
                return price
        offset += len(prices)
        if not prices or prices[-1].expires_at < expires_at or offset >= page.records_total:
            return None
        count = DELIVERIES_PER_CALL
