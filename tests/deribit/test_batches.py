"""Tests of `trader.deribit.batches`: over a real socket, against the library's own server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from trader.deribit.batches import WAITING_MAX, BatchedConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def connected(
    speak: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[BatchedConnection]:
    """Connect to a server that says its piece and closes."""
    async with serve(speak, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        async with connect(
            url, create_connection=BatchedConnection, compression=None, proxy=None
        ) as socket:
            yield cast("BatchedConnection", socket)


async def everything(socket: BatchedConnection) -> list[list[bytes]]:
    """Take batches until the connection ends."""
    batches: list[list[bytes]] = []
    try:
        while True:
            batches.append(await socket.receive())
    except ConnectionClosed:
        return batches


async def test_messages_come_in_order_many_at_once_and_before_the_end() -> None:
    """Whatever came before the goodbye is handed out before it is told."""
    said = [f"message {number}".encode() for number in range(500)]

    async def speak(socket: ServerConnection) -> None:
        for one in said:
            await socket.send(one, text=True)

    async with connected(speak) as socket:
        await asyncio.sleep(0.2)
        batches = await everything(socket)
        with pytest.raises(ConnectionClosed):
            await socket.receive()
    assert [one for batch in batches for one in batch] == said
    assert len(batches) < len(said) / 4
    assert all(batches)


async def test_what_comes_in_parts_is_one_message() -> None:
    """Fragments are joined, with whole messages before and after them in their places."""

    async def speak(socket: ServerConnection) -> None:
        await socket.send(b"whole")
        await socket.send([b"in ", b"three ", b"parts"])
        await socket.send("text", text=True)

    async with connected(speak) as socket:
        batches = await everything(socket)
    assert [one for batch in batches for one in batch] == [b"whole", b"in three parts", b"text"]


async def test_nothing_is_read_while_too_much_waits() -> None:
    """Nobody takes anything: the sender is held up; it goes on where somebody does."""
    total, sent = 20_000, 0

    async def speak(socket: ServerConnection) -> None:
        nonlocal sent
        for number in range(total):
            await socket.send(b"%d" % number + b" " * 1_000)
            sent = number + 1

    async with connected(speak) as socket:
        await asyncio.sleep(0.5)
        stopped_at = sent
        assert WAITING_MAX < stopped_at < total
        await asyncio.sleep(0.2)
        assert sent == stopped_at
        batches = await everything(socket)
    assert [int(one) for batch in batches for one in batch] == list(range(total))


async def test_a_cut_connection_wakes_who_waits() -> None:
    """An end without a goodbye is an end as well."""

    async def speak(socket: ServerConnection) -> None:
        await asyncio.sleep(0.1)
        socket.transport.abort()

    async with connected(speak) as socket:
        with pytest.raises(ConnectionClosed) as raised:
            await socket.receive()
    assert raised.value.rcvd is None


async def test_giving_up_waiting_loses_nothing() -> None:
    """A cancelled `receive` leaves the next one everything."""
    go = asyncio.Event()

    async def speak(socket: ServerConnection) -> None:
        await go.wait()
        await socket.send(b"late")

    async with connected(speak) as socket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await socket.receive()
        go.set()
        assert await socket.receive() == [b"late"]
