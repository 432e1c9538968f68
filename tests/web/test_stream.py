"""Does an open page hear each fact once, in order, across breaks, and hold back nobody?"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from tests.storage.facts import alert, epoch
from tests.storage.story import STORY
from tests.views.readings import Told
from tests.web.furnished import furnished
from tests.web.rooms import Room
from trader.domain.facts import AccountOpened, Recorded
from trader.web import stream
from trader.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Heard:
    """One stream as a listener hears it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def event(self) -> dict[str, Any]:
        """Wait for the next event: its name, id and data."""
        found: dict[str, Any] = {}
        async for line in self._answer.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not name:
                if "event" in found:
                    return found
                found = {}
            else:
                found[name] = msgspec.json.decode(value) if name == "data" else value
        raise EOFError

    async def facts(self, count: int) -> list[int]:
        """Wait for so many facts; list their ids."""
        ids: list[int] = []
        async with asyncio.timeout(10):
            while len(ids) < count:
                event = await self.event()
                if event["event"] == "fact":
                    assert int(event["id"]) == event["data"]["id"]
                    ids.append(int(event["id"]))
        return ids


@asynccontextmanager
async def listening(
    port: int, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Heard]:
    """Open a stream."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"http://127.0.0.1:{port}/api/v1/stream{query}", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Heard(answer)


def alerts(first: int, count: int, text: str = "hello") -> list[Recorded]:
    """Make facts that need no books."""
    return [alert(sequence, text) for sequence in range(first, first + count)]


def a_room(*facts: Recorded) -> Room:
    """Open a window over an epoch and what follows."""
    opened = Recorded(1, epoch(1).at, AccountOpened("main", {"BTC": 1}))
    return Room(Told([epoch(1), opened, *facts]), takes_s=0.0)


async def test_a_stream_begins_now_and_tells_what_follows() -> None:
    """First where it begins, then the daemon's pulse, then facts with a line of text and keys."""
    room = furnished(STORY[:-2])
    async with serve(room, "127.0.0.1", 0) as port, listening(port) as heard:
        start = await heard.event()
        assert (start["event"], start["data"]) == ("start", {"last": len(STORY) - 2})
        pulse = await heard.event()
        assert (pulse["event"], pulse["data"]["feed"]) == ("pulse", "simulated")
        for recorded in STORY[-2:]:
            room.told.tell(recorded)
        event = await heard.event()
        assert event["data"]["kind"] == "Settled"
        event = await heard.event()
        assert event["data"]["keys"]["chain_id"] == "c1"
        assert "covered_call_btc" in event["data"]["text"]


async def test_a_break_loses_nothing_and_repeats_nothing() -> None:
    """While facts come all the time, each resumes from its own last id, by header or address."""
    room = a_room(*alerts(2, 50))

    async def happen() -> None:
        for sequence in range(100, 700):
            room.told.tell(alert(sequence))
            await asyncio.sleep(0.002)

    async with serve(room, "127.0.0.1", 0) as port, asyncio.TaskGroup() as tasks:
        tasks.create_task(happen())
        heard: list[int] = []
        while len(heard) < 640:
            last = str(heard[-1]) if heard else "0"
            by_header = len(heard) % 2 == 0
            async with listening(
                port,
                "" if by_header else f"?after={last}",
                {"Last-Event-ID": last} if by_header else None,
            ) as stream_now:
                heard += await stream_now.facts(min(71, 640 - len(heard)))
    assert heard == list(range(1, 641))


async def test_who_is_far_behind_catches_up_from_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond what memory keeps, page by page, and on into what happens now."""
    monkeypatch.setattr(stream, "REMEMBERED", 20)
    monkeypatch.setattr(stream, "PAGE", 30)
    room = a_room(*alerts(2, 200))
    async with (
        serve(room, "127.0.0.1", 0) as port,
        listening(port) as now,
        listening(port, "?after=3") as behind,
    ):
        assert (await now.event())["data"] == {"last": 202}
        assert await behind.facts(199) == list(range(4, 203))
        for recorded in alerts(300, 50):
            room.told.tell(recorded)
        for one in (now, behind):
            assert await one.facts(50) == list(range(203, 253))


async def test_a_place_beyond_the_journal_begins_now() -> None:
    """After the journal was set aside a page that was open goes on with the new one."""
    room = a_room()
    async with serve(room, "127.0.0.1", 0) as port, listening(port, "?after=999") as heard:
        assert (await heard.event())["data"] == {"last": 2}
        room.told.tell(alert(5))
        assert await heard.facts(1) == [3]


async def test_many_listeners_are_one_reading() -> None:
    """Twenty who listen ask the journal as often as one would."""
    room = a_room()
    async with serve(room, "127.0.0.1", 0) as port:
        streams = [listening(port) for _ in range(20)]
        heard = [await one.__aenter__() for one in streams]
        before = room.readings
        await asyncio.sleep(1.0)
        assert room.readings - before < 15
        room.told.tell(alert(9))
        assert [await one.facts(1) for one in heard] == [[3]] * 20
        for one in streams:
            await one.__aexit__(None, None, None)


async def test_one_too_many_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with `Retry-After`; a place that is left is free again."""
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)
    async with serve(a_room(), "127.0.0.1", 0) as port:
        address = f"http://127.0.0.1:{port}/api/v1/stream"
        async with aiohttp.ClientSession() as session:
            async with listening(port) as heard:
                await heard.event()
                async with session.get(address) as answer:
                    assert answer.status == 503
                    assert answer.headers["Retry-After"] == "5"
                    assert answer.content_type == "application/problem+json"
            async with asyncio.timeout(5):
                while True:
                    async with session.get(address) as answer:
                        if answer.status == 200:
                            break
                    await asyncio.sleep(0.05)


async def test_who_takes_nothing_is_cut_off_and_others_hear_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A listener that stopped reading holds bounded memory, for a bounded time."""
    monkeypatch.setattr(stream, "WRITE_S_MAX", 0.3)
    room = a_room(*alerts(2, 8_000, "x" * 450))
    async with serve(room, "127.0.0.1", 0) as port:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            slow.connect(("127.0.0.1", port))
            slow.sendall(b"GET /api/v1/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            async with listening(port, "?after=7990") as heard:
                assert await heard.facts(12) == list(range(7_991, 8_003))
                room.told.tell(alert(9_000))
                assert await heard.facts(1) == [8_003]
            await asyncio.sleep(1.0)
            slow.setblocking(False)
            taken = 0
            async with asyncio.timeout(5):
                while True:
                    try:
                        piece = slow.recv(65_536)
                    except BlockingIOError:
                        await asyncio.sleep(0.01)
                        continue
                    except ConnectionResetError:
                        break
                    if not piece:
                        break
                    taken += len(piece)
            assert taken < 1_500_000  # of more than four million bytes


async def test_a_stop_is_said_and_does_not_wait() -> None:
    """The daemon ends within moments although somebody listens; the listener hears of it."""
    async with serve(a_room(), "127.0.0.1", 0) as port:
        opened = listening(port)
        heard = await opened.__aenter__()
        await heard.event()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 1.5
    while (await heard.event())["event"] != "end":
        pass
    with pytest.raises(EOFError):
        await heard.event()
    await opened.__aexit__(None, None, None)
