"""The pump of a websocket: frames joined as a server writes them, over a real socket."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from trader.app.loop import run as run_loop
from trader.deribit.server_session import ServerSession
from trader.deribit.simulator.connection import Connection, joined, open_socket
from trader.deribit.simulator.disturbance import Disturbance
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import Close, Drip, Refuse
from trader.deribit.simulator.participant import Participant


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_joined_frames_are_what_a_server_writes(length: int) -> None:
    """Each length has the header that another implementation gives it."""
    content = b"x" * length
    expected = Frame(Opcode.TEXT, content).serialize(mask=False)
    assert joined([content, b"{}"]) == expected + Frame(Opcode.TEXT, b"{}").serialize(mask=False)


@asynccontextmanager
async def pumping(made: list[Connection], faults: FaultPlan | None = None) -> AsyncIterator[str]:
    """Serve connections on a free port, each kept in `made`; yields the address."""
    plan = faults or FaultPlan()
    plan.advance(0.0, 0.0)

    async def pump(request: web.BaseRequest) -> web.WebSocketResponse:
        socket = open_socket()
        await socket.prepare(request)
        session = ServerSession(knows=lambda _: True, opened=0.0, epoch_us=0)
        disturbance = Disturbance(plan, "ws/1")
        participant = Participant(session, disturbance, backlog_bytes_max=10_000_000)
        one = Connection("ws/1", request, socket, participant)
        made.append(one)
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(one.write())
            async for frame in one.frames():
                session.receive(frame, 0.0)
                participant.collect()
                one.flush()
            await one.leave(writer)
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


@pytest.mark.parametrize("compress", [0, 15])
async def test_bytes_may_leave_slowly_and_arrive_whole(compress: int) -> None:
    """Every answer is whole, pings are answered between them, and the rest leaves at once."""
    made: list[Connection] = []
    plan = FaultPlan([Drip(bytes_per_s=2_000.0, duration_s=60.0)])
    async with (
        pumping(made, plan) as url,
        connect(url, compression="deflate" if compress else None) as socket,
    ):
        for number in range(8):
            await socket.send(json.dumps({"id": number, "method": "public/test"}))
        first = json.loads(await socket.recv())
        waiter = await socket.ping(b"are you there")
        left = made[0].participant.backlog_bytes
        await asyncio.wait_for(waiter, 5.0)
        plan.stop()
        answers = [first, *[json.loads(await socket.recv()) for _ in range(7)]]
    assert left > 0
    assert [answer["id"] for answer in answers] == list(range(8))


async def test_a_client_that_leaves_in_the_middle_of_a_frame_is_let_go() -> None:
    """What is still to dribble ends with the connection."""
    made: list[Connection] = []
    plan = FaultPlan([Drip(bytes_per_s=20.0, duration_s=60.0)])
    async with pumping(made, plan) as url:
        socket = await connect(url, compression=None)
        transport = made[0]._transport
        assert transport is not None
        socket.transport.abort()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(made[0]._write_slowly(transport, b"x" * 1_000), 5.0)


@pytest.mark.parametrize("code", [1000, 1012, 1013, 4000])
async def test_a_connection_closes_with_the_code_of_a_fault(code: int) -> None:
    """Code and reason arrive in the close frame."""
    made: list[Connection] = []
    plan = FaultPlan([Close(code=code, reason="heartbeat close")])
    async with pumping(made, plan) as url, connect(url) as socket:
        made[0].obey(plan)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5.0)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "heartbeat close")


@pytest.mark.parametrize("fault", [Close(), Close(clients="ws/1"), Refuse()])
async def test_a_connection_is_cut_where_a_fault_says_so(fault: Close | Refuse) -> None:
    """1006 is no frame at all; whoever is refused loses what stands."""
    made: list[Connection] = []
    plan = FaultPlan([fault])
    async with pumping(made, plan) as url, connect(url) as socket:
        made[0].obey(plan)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5.0)
    assert closed.value.rcvd is None


async def test_a_connection_that_no_fault_names_stands() -> None:
    """Another client's close and a refusal that cuts nobody leave it alone."""
    made: list[Connection] = []
    plan = FaultPlan([Close(clients="ws/2"), Refuse(cuts=False)])
    async with pumping(made, plan) as url, connect(url) as socket:
        made[0].obey(plan)
        await socket.send('{"id":1,"method":"public/test"}')
        assert json.loads(await socket.recv())["id"] == 1


async def test_a_client_that_leaves_amid_a_large_compressed_frame_leaves_no_complaint() -> None:
    """The frame is compressed beside the loop; its end is heard of, whoever is left to read it."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    made: list[Connection] = []
    large = [b'"' + np.random.default_rng(5).bytes(400_000).hex().encode() + b'"'] * 3
    async with pumping(made) as address:
        for number, wait_s in enumerate((0.0, 0.002, 0.005, 0.01, 0.02), 1):
            client = await connect(address, max_size=None, proxy=None)  # offers to compress
            while len(made) < number:  # noqa: ASYNC110 - the server's side of the same loop
                await asyncio.sleep(0.001)
            made[-1].participant._waiting.extend(large)
            made[-1].flush()
            await asyncio.sleep(wait_s)
            client.transport.abort()
            await client.wait_closed()
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
