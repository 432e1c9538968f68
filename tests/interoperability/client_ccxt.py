"""ccxt, unmodified but for its addresses: lists, reads, and streams for a while over plain sockets.

Run:  python -m tests.interoperability.client_ccxt HTTP_URL WS_URL SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

PERPETUAL = "BTC/USD:BTC"
HOUR_MS = 3_600_000


async def read(exchange: Any) -> dict[str, int]:
    """Read everything once; count what came."""
    markets = await exchange.load_markets()
    ticker = await exchange.fetch_ticker(PERPETUAL)
    since = ticker["timestamp"] - 10 * HOUR_MS
    option = next(name for name, one in markets.items() if one["option"] and one["active"])
    return {
        "markets": len(markets),
        "tickers": len(await exchange.fetch_tickers(params={"currency": "BTC"})),
        "option ticker": len(await exchange.fetch_ticker(option)),
        "levels": len((await exchange.fetch_order_book(PERPETUAL, 5))["bids"]),
        "trades": len(await exchange.fetch_trades(PERPETUAL)),
        "candles": len(await exchange.fetch_ohlcv(PERPETUAL, "1h", since=since, limit=5)),
        "chain": len(await exchange.fetch_option_chain("BTC")),
        "funding": len(await exchange.fetch_funding_rate_history(PERPETUAL, since=since)),
        "status": int((await exchange.fetch_status())["status"] == "ok"),
    }


async def stream(exchange: Any, seconds: float) -> Counter[str]:
    """Watch everything at once; any error of theirs ends it."""
    watches = {
        "ticker": lambda: exchange.watch_ticker(PERPETUAL),
        "book": lambda: exchange.watch_order_book(PERPETUAL),
        "trades": lambda: exchange.watch_trades(PERPETUAL),
        "candles": lambda: exchange.watch_ohlcv(PERPETUAL, "1m"),
        "quotes": lambda: exchange.watch_bids_asks([PERPETUAL, "ETH/USD:ETH"]),
    }
    streamed: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def watch(name: str) -> None:
        while (left := end - loop.time()) > 0:
            try:
                await asyncio.wait_for(watches[name](), left)
            except TimeoutError:
                return
            streamed[name] += 1

    async with asyncio.TaskGroup() as tasks:
        for name in watches:
            tasks.create_task(watch(name))
    return streamed


async def main(rest: str, ws: str, seconds: float) -> None:
    """Read, stream, report."""
    import ccxt.pro

    exchange = ccxt.pro.deribit()
    exchange.urls["api"] = {"rest": rest, "ws": ws}
    try:
        report = {"read": await read(exchange), "streamed": await stream(exchange, seconds)}
    finally:
        await exchange.close()
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
