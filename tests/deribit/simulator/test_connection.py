"""The pump of a websocket: frames joined as a server writes them, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from websockets.frames import Frame, Opcode

from trader.app.loop import run as run_loop
from trader.deribit.server_session import ServerSession
from trader.deribit.simulator.connection import Connection, joined, open_socket
from trader.deribit.simulator.faults import FaultPlan
from trader.deribit.simulator.participant import Participant


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_joined_frames_are_what_a_server_writes(length: int) -> None:
    """Each length has the header that another implementation gives it."""
    content = b"x" * length
    expected = Frame(Opcode.TEXT, content).serialize(mask=False)
    assert joined([content, b"{}"]) == expected + Frame(Opcode.TEXT, b"{}").serialize(mask=False)


@asynccontextmanager
async def pumping(made: list[Connection]) -> AsyncIterator[str]:
    """Serve connections on a free port, each kept in `made`; yields the address."""

    async def pump(request: web.BaseRequest) -> web.WebSocketResponse:
        socket = open_socket()
        await socket.prepare(request)
        session = ServerSession(knows=lambda _: True, opened=0.0, epoch_us=0)
        participant = Participant(session, FaultPlan(), backlog_bytes_max=10_000_000)
        one = Connection(request, socket, participant)
        made.append(one)
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(one.write())
            async for frame in one.frames():
                session.receive(frame, 0.0)
                participant.collect()
                one.flush()
            writer.cancel()
        return socket

    runner = web.ServerRunner(web.Server(pump, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("compress", [0, 15])
async def test_a_connection_answers_in_order_over_a_socket(compress: int) -> None:
    """Compressed or not, every call is answered, in order, and a local client is known as one."""
    made: list[Connection] = []
    async with (
        pumping(made) as url,
        aiohttp.ClientSession() as client,
        client.ws_connect(url, compress=compress) as socket,
    ):
        for number in range(40):
            await socket.send_json({"id": number, "method": "public/test"})
        answers = [await socket.receive_json() for _ in range(40)]
    assert [answer["id"] for answer in answers] == list(range(40))
    assert [one.local for one in made] == [True]


async def cut() -> aiohttp.WSMsgType:
    """Cut a connected client: what it hears."""
    made: list[Connection] = []
    async with pumping(made) as url, aiohttp.ClientSession() as client:
        socket = await client.ws_connect(url)
        made[0].abort()
        return (await socket.receive(timeout=5.0)).type


@pytest.mark.parametrize("run", [asyncio.run, run_loop], ids=["asyncio", "as the program runs"])
def test_a_cut_client_hears_no_goodbye(
    run: Callable[[Coroutine[None, None, aiohttp.WSMsgType]], aiohttp.WSMsgType],
) -> None:
    """On every event loop: uvloop's transports are of no class of asyncio's."""
    assert run(cut()) in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
