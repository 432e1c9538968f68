"""cryptofeed, unmodified but for addresses and trust: signs in and streams raw channels over TLS.

Run:  python -m tests.interoperability.client_cryptofeed HTTP_URL WSS_URL SECONDS CERTIFICATE

What it reads once is the list of instruments; the rest it only streams. It logs its errors and
connects again, so that they are counted in its log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

CURRENCIES = ("BTC", "ETH", "USDC", "SOL")


class Complaints(logging.Handler):
    """Keeps what a library logs from warnings up."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.texts.append(record.getMessage())


def main(rest: str, ws: str, seconds: float, certificate: str) -> None:
    """Stream, report, and leave at once: its own goodbye waits for its back-off."""
    from cryptofeed import FeedHandler
    from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
    from cryptofeed.defines import FUNDING, L1_BOOK, L2_BOOK, OPEN_INTEREST, TICKER, TRADES
    from cryptofeed.exchanges import Deribit

    trust = ssl.create_default_context(cafile=certificate)
    paths = [f"/api/v2/public/get_instruments?currency={one}" for one in CURRENCIES]
    Deribit.websocket_endpoints = [WebsocketEndpoint(ws, options={"ssl": trust})]
    Deribit.rest_endpoints = [RestEndpoint(rest, routes=Routes(paths))]
    streamed: Counter[str] = Counter()

    def count(name: str) -> Callable[..., Awaitable[None]]:
        async def heard(*_: object) -> None:
            streamed[name] += 1

        return heard

    keys = {"deribit": {"key_id": "demo", "key_secret": "demo-secret"}, "log": {"disabled": True}}
    channels = [L1_BOOK, L2_BOOK, TRADES, TICKER, FUNDING, OPEN_INTEREST]
    complaints = Complaints()
    logging.getLogger("feedhandler").addHandler(complaints)
    handler = FeedHandler(config=keys)
    symbols = ["BTC-USD-PERP", "ETH-USD-PERP"]
    callbacks = {name: count(name) for name in channels}
    handler.add_feed(Deribit(symbols=symbols, channels=channels, config=keys, callbacks=callbacks))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda _, context: complaints.texts.append(str(context)))
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.run_until_complete(asyncio.sleep(seconds))
    read = {"markets": len(Deribit.symbol_mapping())}
    print(json.dumps({"read": read, "streamed": streamed, "errors": complaints.texts}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
