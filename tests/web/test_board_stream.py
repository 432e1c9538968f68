"""Does an open board follow the quotes, for all who watch, and for nobody else?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec
import pytest

from tests.builders import alter, board
from tests.views.readings import Told
from tests.views.test_board_rows import now
from tests.web.rooms import Room
from trader.views.reading import Reading
from trader.web import board_stream
from trader.web.board_stream import KEPT, Missed, Watched
from trader.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")


class Market(Room):
    """A window over a board that the test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.board = board(days=(1,))

    def bid(self, price: float) -> None:
        """Let every bid be one price."""
        self.board = alter(self.board, {"bid": price})

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read the board as it is now."""
        self.readings += 1
        return make(Told((), boards={("BTC", True): now(self.board, None)}))


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, list[list[object]]]]:
    """Give what a stream says, message by message."""
    async for line in response.content:
        if line.startswith(b"data: {") and line != b"data: {}\n":
            yield msgspec.json.decode(line[6:])


async def test_what_moves_is_sent_to_all_who_watch() -> None:
    """Two watchers see the same cells, and a look serves both."""
    market, loop = Market(), asyncio.get_running_loop()
    async with serve(market, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/board/stream?board=BTC&expiry=all"
        async with session.get(url) as one, session.get(url) as other:
            assert one.headers["Content-Type"].startswith("text/event-stream")
            assert await one.content.readline() == b": watching\n"
            assert await other.content.readline() == b": watching\n"
            before, began = market.readings, loop.time()
            market.bid(0.5)
            async with asyncio.timeout(5):
                first = await anext(events(one))
                second = await anext(events(other))
            looks, took = market.readings - before, loop.time() - began
    assert first == second
    assert all([1, "0.5000", ""] in cells for cells in first.values())
    assert len(first) == 61
    assert looks <= took / board_stream.LOOK_S + 2


async def test_nobody_looks_where_nobody_watches() -> None:
    """After the last watcher left, the board is read no more."""
    market = Market()
    async with serve(market, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/board/stream") as one:
            await one.content.readline()
        await asyncio.sleep(3 * board_stream.LOOK_S)
        market.bid(0.4)  # the next write finds that nobody listens
        await asyncio.sleep(5 * board_stream.LOOK_S)
        before = market.readings
        await asyncio.sleep(5 * board_stream.LOOK_S)
        assert market.readings == before


async def test_a_board_that_is_not_listed_is_refused() -> None:
    """With what there is to choose from."""
    async with serve(Market(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/board/stream?board=XRP"
        async with session.get(url) as response:
            assert response.status == 400
            assert "choose from BTC" in await response.text()


async def test_streams_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than may be is told to come back."""
    monkeypatch.setattr(board_stream, "WATCHERS_MAX", 1)
    async with serve(Market(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/board/stream"
        async with session.get(url) as one, session.get(url) as other:
            assert (one.status, other.status) == (200, 503)
            assert other.headers["Retry-After"] == "30"


async def test_who_is_too_far_behind_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded; nobody is told half of what changed."""
    monkeypatch.setattr(board_stream, "LOOK_S", 0.0)
    market = Market()
    watched = Watched(market, {"board": "BTC", "expiry": "all"})
    await watched.look()
    assert watched.since(0) == b""
    for place in range(KEPT):
        market.bid(0.1 + place / 1000)
        await watched.look()
    assert watched.since(0).count(b"data: ") == KEPT
    market.bid(0.9)
    await watched.look()
    with pytest.raises(Missed):
        watched.since(0)
    assert watched.since(1).count(b"data: ") == KEPT
    assert watched.since(watched.number) == b""
