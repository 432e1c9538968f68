"""Do clients that others wrote read and stream from our exchange without an error of theirs?

Unmodified: only addresses and trust are set. They come with the extra `interoperability`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from trader.deribit.simulator.certificate import CERTIFICATE_NAME
from trader.deribit.simulator.server import Access, serve

pytestmark = pytest.mark.filterwarnings("default")  # theirs are not ours to mend

CCXT = """
import asyncio, json, sys
import ccxt.pro
BTC, OPTION_BASE = "BTC/USD:BTC", "BTC"
async def main(rest, ws, seconds):
    exchange = ccxt.pro.deribit()
    exchange.urls["api"] = {"rest": rest, "ws": ws}
    markets = await exchange.load_markets()
    ticker = await exchange.fetch_ticker(BTC)
    book = await exchange.fetch_order_book(BTC, 5)
    trades = await exchange.fetch_trades(BTC)
    since = ticker["timestamp"] - 10 * 3_600_000
    candles = await exchange.fetch_ohlcv(BTC, "1h", since=since, limit=5)
    chain = await exchange.fetch_option_chain(OPTION_BASE)
    status = await exchange.fetch_status()
    streamed = {"ticker": 0, "book": 0, "trades": 0, "candles": 0, "quotes": 0}
    watches = {
        "ticker": lambda: exchange.watch_ticker(BTC),
        "book": lambda: exchange.watch_order_book(BTC),
        "trades": lambda: exchange.watch_trades(BTC),
        "candles": lambda: exchange.watch_ohlcv(BTC, "1m"),
        "quotes": lambda: exchange.watch_bids_asks([BTC, "ETH/USD:ETH"]),
    }
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async def stream(name):
        while (left := end - loop.time()) > 0:
            try:
                await asyncio.wait_for(watches[name](), left)
            except TimeoutError:
                return
            streamed[name] += 1
    await asyncio.gather(*map(stream, watches))
    await exchange.close()
    print(json.dumps({"markets": len(markets), "last": ticker["last"], "levels": len(book["bids"]),
                      "trades": len(trades), "candles": len(candles), "chain": len(chain),
                      "status": status["status"], "streamed": streamed}))
asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""

CRYPTOFEED = """
import asyncio, json, ssl, sys
from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import FUNDING, L1_BOOK, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Deribit
rest, ws, seconds, trust = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=trust)
Deribit.websocket_endpoints = [WebsocketEndpoint(ws, options={"ssl": context})]
Deribit.rest_endpoints = [RestEndpoint(rest, routes=Routes(
    [f"/api/v2/public/get_instruments?currency={one}" for one in ("BTC", "ETH", "USDC", "SOL")]))]
streamed, errors = {}, []
def count(name):
    async def heard(*_):
        streamed[name] = streamed.get(name, 0) + 1
    return heard
names = (L1_BOOK, L2_BOOK, TRADES, TICKER)
keys = {"deribit": {"key_id": "demo", "key_secret": "demo-secret"}, "log": {"disabled": True}}
handler = FeedHandler(config=keys)
handler.add_feed(Deribit(symbols=["BTC-USD-PERP", "ETH-USD-PERP"], channels=list(names),
                         config=keys, callbacks={name: count(name) for name in names}))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.set_exception_handler(lambda _loop, context: errors.append(str(context)))
handler.run(start_loop=False, install_signal_handlers=False)
loop.run_until_complete(asyncio.sleep(seconds))
print(json.dumps({"symbols": len(Deribit.symbol_mapping()), "streamed": streamed,
                  "errors": errors}), flush=True)
import os
os._exit(0)
"""


async def run(program: str, *arguments: str, seconds: float) -> dict[str, object]:
    """Run a client in a process of its own; what it printed last, after it ended well."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(seconds + 60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2_000:]
    report: dict[str, object] = json.loads(out.decode().splitlines()[-1])
    return report


async def ccxt_reads(seconds: float) -> None:
    """Let ccxt read everything and stream for a while."""
    pytest.importorskip("ccxt", reason="the extra `interoperability` is not installed")
    async with serve(seed=7, speed=60.0) as served:
        report = await run(CCXT, served.http_url, served.url, str(seconds), seconds=seconds)
    assert report["status"] == "ok"
    for name in ("markets", "last", "levels", "trades", "candles", "chain"):
        assert report[name], name
    streamed = report["streamed"]
    assert isinstance(streamed, dict)
    assert all(streamed.values()), streamed


async def cryptofeed_reads(seconds: float, folder: Path) -> None:
    """Let cryptofeed authenticate, list symbols and stream raw channels over TLS."""
    pytest.importorskip("cryptofeed", reason="the extra `interoperability` is not installed")
    pytest.importorskip("cryptography", reason="the extra `tls` is not installed")
    access = Access(tls_folder=folder)
    async with (
        serve(seed=7, speed=60.0, host="localhost", access=access) as secure,
        serve(seed=7, speed=60.0) as plain,
    ):
        trust = folder / CERTIFICATE_NAME
        ssl.create_default_context(cafile=str(trust))
        report = await run(
            CRYPTOFEED, plain.http_url, secure.url, str(seconds), str(trust), seconds=seconds
        )
    assert report["errors"] == []
    assert report["symbols"]
    streamed = report["streamed"]
    assert isinstance(streamed, dict)
    assert set(streamed) == {"l1_book", "l2_book", "trades", "ticker"}, streamed


async def test_ccxt() -> None:
    """It lists, reads and streams for a few seconds."""
    await ccxt_reads(6.0)


async def test_cryptofeed(tmp_path: Path) -> None:
    """It lists, signs in and streams for a few seconds."""
    await cryptofeed_reads(8.0, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_ccxt_for_ten_minutes() -> None:
    """The same, for as long as leaks and gaps need to show."""
    await ccxt_reads(600.0)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_cryptofeed_for_ten_minutes(tmp_path: Path) -> None:
    """The same, with a broken book ending in an error of theirs."""
    await cryptofeed_reads(600.0, tmp_path)
