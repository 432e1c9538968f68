"""On which event loop does it run, and when must it end? uvloop where there is one; two signals."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

Result = TypeVar("Result")
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end on the fastest loop installed."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Turn SIGINT and SIGTERM into an event for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
