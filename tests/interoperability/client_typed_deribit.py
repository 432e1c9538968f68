"""typed-deribit, unmodified but for its addresses: holds answers and pushes to a schema of its own.

Run:  python -m tests.interoperability.client_typed_deribit HTTP_URL WS_URL SECONDS

Left unchecked is what its schema forbids and the venue sends: it takes an option's
`underlying_index` (a name) for a number.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import timedelta
from typing import Any, Literal

PERPETUAL = "BTC-PERPETUAL"
DAY = timedelta(days=1)


async def read(market: Any, over: Literal["http", "ws"]) -> dict[str, int]:
    """Read everything once over one transport; count what came."""
    rows = await market.get_instruments("BTC", transport=over)
    option = next(one["instrument_name"] for one in rows if one["kind"] == "option")
    ticker = await market.ticker(PERPETUAL, transport=over)
    now = ticker["timestamp"]
    book = await market.get_order_book(PERPETUAL, depth=20, transport=over)
    trades = await market.get_last_trades_by_instrument(PERPETUAL, count=50, transport=over)
    window: dict[str, Any] = {"start_timestamp": now - DAY, "end_timestamp": now}
    candles = await market.get_tradingview_chart_data(
        PERPETUAL, resolution="60", transport=over, **window
    )
    marks = await market.ticker(option, validate=False, transport=over)
    funding = await market.get_funding_rate_history(PERPETUAL, transport=over, **window)
    volatility = await market.get_volatility_index_data(
        "BTC", resolution="3600", transport=over, **window
    )
    found = {
        "instruments": len(rows),
        "ticker": len(ticker),
        "levels": len(book["bids"]),
        "trades": len(trades["trades"]),
        "candles": len(candles["ticks"]),
        "option ticker": len(marks),
        "summaries": len(await market.get_book_summary_by_currency("ETH", transport=over)),
        "deliveries": len((await market.get_delivery_prices("btc_usd", transport=over))["data"]),
        "funding": len(funding),
        "volatility": len(volatility["data"]),
        "index": len(await market.get_index_price("btc_usd", transport=over)),
    }
    return {f"{name} over {over}": count for name, count in found.items()}


async def stream(channels: Any, seconds: float) -> Counter[str]:
    """Listen to everything at once; any push its schema refuses ends it."""
    listened = {
        "ticker": channels.ticker(PERPETUAL, interval="100ms"),
        "book": channels.book(PERPETUAL, interval="100ms"),
        "book agg2": channels.book("ETH-PERPETUAL", interval="agg2"),
        "grouped book": channels.book_grouped(PERPETUAL, group="none", depth=10, interval="100ms"),
        "trades": channels.trades_by_instrument(PERPETUAL, interval="100ms"),
        "quote": channels.quote("ETH-PERPETUAL"),
        "candles": channels.chart_trades(PERPETUAL, resolution="1"),
        "index": channels.price_index("btc_usd"),
        "marks": channels.mark_price_options("btc_usd"),
        "volatility": channels.volatility_index("eth_usd"),
        "perpetual": channels.perpetual(PERPETUAL, interval="100ms"),
    }
    streamed: Counter[str] = Counter()

    async def listen(name: str) -> None:
        try:
            async with asyncio.timeout(seconds), listened[name] as pushes:
                async for _ in pushes:
                    streamed[name] += 1
        except TimeoutError:
            return

    async with asyncio.TaskGroup() as tasks:
        for name in listened:
            tasks.create_task(listen(name))
    return streamed


async def main(http: str, ws: str, seconds: float) -> None:
    """Read over both transports, stream, report."""
    from typed_deribit import Deribit
    from typed_deribit.core.transport.http import OAuthHttpRpcClient
    from typed_deribit.core.transport.ws import SocketRpcStreamClient

    client = Deribit(
        rpc_client=OAuthHttpRpcClient(base_url=f"{http}/api/v2"),
        ws_client=SocketRpcStreamClient.new(ws, heartbeat_interval=10),
    )
    async with client:
        found = await read(client.market_data, "http") | await read(client.market_data, "ws")
        streamed = await stream(client.streams.market_data, seconds)
    print(json.dumps({"read": found, "streamed": streamed}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
