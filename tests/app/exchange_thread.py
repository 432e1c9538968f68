"""How do tests share one exchange? It runs on a loop of its own, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from trader.deribit.simulator.server import serve


@contextmanager
def exchange_thread(**market: Any) -> Iterator[str]:
    """Serve a market for as long as the block lasts; give its address."""
    listening: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def work() -> None:
        done = asyncio.Event()
        try:
            async with serve(**market) as served:
                listening.set_result((served.url, asyncio.get_running_loop(), done))
                await done.wait()
        except BaseException as error:
            if not listening.done():
                listening.set_exception(error)
            raise

    thread = threading.Thread(target=asyncio.run, args=(work(),), name="exchange")
    thread.start()
    url, loop, done = listening.result(20)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        assert not thread.is_alive(), "the exchange did not stop"
