"""Does the loop run work to its end, and do signals end it?"""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from trader.app.loop import STOP_SIGNALS, run, stop_signals


async def answer() -> int:
    """Do a little work."""
    await asyncio.sleep(0)
    return 42


@pytest.mark.filterwarnings("default")
def test_work_runs_to_its_end() -> None:
    """The result comes back, on uvloop where it is installed."""
    assert run(answer()) == 42


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    """SIGINT and SIGTERM ask for the end; nothing is interrupted."""
    with stop_signals() as stop:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), 2)
    assert stop.is_set()


async def test_signals_are_given_back_after_the_block() -> None:
    """After the block SIGINT is Python's own again."""
    with stop_signals():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
