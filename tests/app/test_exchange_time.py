"""Tests of `trader.app.exchange_time`: whose time is it, and is it the same as before?"""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from tests.app.exchange_thread import exchange_thread
from tests.app.feed_scene import START, running
from tests.app.meddler import meddling
from tests.deribit.loopback import Exchange
from trader.deribit.simulator.market import MARKET_VERSION
from trader.deribit.simulator.server import serve
from trader.domain.errors import ConfigurationError
from trader.domain.events import (
    FeedFault,
    FeedRestored,
)
from trader.domain.units import MINUTE


async def test_another_exchange_than_was_meant_is_a_configuration_error() -> None:
    """An exchange without a clock of its own, reached as the bundled one, ends it with a remedy."""
    async with Exchange() as exchange:
        with pytest.raises(ExceptionGroup) as raised:
            async with running(exchange.url) as scene:
                await scene.feed.know_the_time()
    assert raised.value.subgroup(ConfigurationError) is not None
    assert "is not the bundled exchange; name the venue" in str(raised.value.exceptions[0])


async def test_a_market_that_changes_under_us_is_a_configuration_error() -> None:
    """The exchange that comes back as another market ends it: the journal is of the first."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def change_markets() -> None:
        async with running(f"ws://127.0.0.1:{port}/ws/api/v2") as scene:
            async with serve(seed=1, speed=300.0, start_at=START, port=port):
                await scene.feed.know_the_time()
            async with serve(seed=2, speed=300.0, start_at=START, port=port):
                await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup) as raised:
        await change_markets()
    assert f"came back as market 2@{MARKET_VERSION}" in str(raised.value.exceptions[0])


async def test_a_real_venue_runs_on_wall_time() -> None:
    """A URL as source: the system's time, no clock asked for, and no fault while they agree."""
    with exchange_thread(seed=1, speed=1.0, start_at=time.time_ns()) as venue:
        async with meddling(venue) as line:
            asked: list[bytes] = []

            def listen(frame: bytes) -> bytes:
                asked.append(frame)
                return frame

            line.ask = listen
            async with running(line.url, source=line.url) as scene:
                await scene.alive()
                assert scene.feed.market == line.url
                assert abs(scene.clock.now() - time.time_ns()) < 1e9
                line.cut()
                await scene.until(lambda: len(scene.of(FeedRestored)) == 2)
                assert not scene.clock.standing
                assert scene.trust() == ["FeedRestored *", "FeedLost *", "FeedRestored *"]
                assert scene.of(FeedFault) == []
            assert any(b"public/get_time" in frame for frame in asked)
            assert not any(b"simulator/clock" in frame for frame in asked)


async def test_a_system_clock_that_is_wrong_is_said() -> None:
    """A venue that says another time than the system: ages are worth nothing, a fault says so."""
    with exchange_thread(seed=1, speed=1.0, start_at=time.time_ns() - 90 * MINUTE) as venue:
        async with running(venue, source=venue) as scene:
            await scene.until(lambda: scene.of(FeedFault))
            fault = scene.of(FeedFault)[0]
            assert fault.kind == "clock_jump"
            assert "the system's clock is +540" in fault.detail
