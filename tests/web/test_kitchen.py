"""Are bytes made once for all who ask, kept within bounds, and served as each asker takes them?"""

from __future__ import annotations

import asyncio
import gzip
import time
from functools import partial

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.web.rooms import Room
from trader.views.reading import NotThere, Reading
from trader.web import kitchen as kitchen_module
from trader.web.kitchen import Dish, Kitchen, serve_dish

LONG = b"the same again, " * 1_000


def text(said: str, reading: Reading) -> bytes:
    """Make bytes of a reading."""
    return f"{said} {reading.desk.ledger.sequence}".encode()


async def test_a_hundred_who_ask_at_once_get_one_making() -> None:
    """One reading serves all; another question is another dish."""
    room = Room()
    kitchen = Kitchen(room)
    dishes = await asyncio.gather(*(kitchen.dish("a", partial(text, "a")) for _ in range(100)))
    assert room.readings == 1
    assert {one.body for one in dishes} == {b"a -1"}
    assert (await kitchen.dish("b", partial(text, "b"))).body == b"b -1"
    assert room.readings == 2


async def test_what_is_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second later the next asker gets what is true then."""
    room = Room()
    kitchen = Kitchen(room)
    monkeypatch.setattr(kitchen_module, "FRESH_S", 0.05)
    await kitchen.dish("a", partial(text, "a"))
    await asyncio.sleep(0.06)
    await kitchen.dish("a", partial(text, "a"))
    assert room.readings == 2


async def test_what_takes_long_is_made_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps asking costs the daemon a tenth of its time, not all of it."""

    def slowly(_: Reading) -> bytes:
        time.sleep(0.01)
        return b"slow"

    monkeypatch.setattr(kitchen_module, "FRESH_S", 0.0)
    room = Room(takes_s=0.0)
    kitchen = Kitchen(room)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.5:
        await kitchen.dish("x", slowly)
        await asyncio.sleep(0.001)
    assert 2 <= room.readings <= 6, "each takes at least 10 ms, and rests for 90"


async def test_kept_dishes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who asks a thousand questions does not fill the memory, by number or by bytes."""
    room = Room()
    kitchen = Kitchen(room, kept_max=2)
    for name in ("a", "b", "c"):
        await kitchen.dish(name, partial(text, name))
    await kitchen.dish("c", partial(text, "c"))
    assert room.readings == 3
    await kitchen.dish("a", partial(text, "a"))
    assert room.readings == 4
    monkeypatch.setattr(kitchen_module, "KEPT_BYTES_MAX", 20)
    big = Kitchen(room)
    for name in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        await big.dish(name, partial(text, name))
    await big.dish("cccccccc", partial(text, "cccccccc"))
    assert room.readings == 7
    await big.dish("aaaaaaaa", partial(text, "aaaaaaaa"))
    assert room.readings == 8


async def test_what_cannot_be_made_is_not_kept() -> None:
    """An error reaches who asked, and the next asks anew."""

    def missing(_: Reading) -> bytes:
        raise NotThere("no such thing")

    room = Room()
    kitchen = Kitchen(room)
    for _ in range(2):
        with pytest.raises(NotThere):
            await kitchen.dish("x", missing)
    assert room.readings == 2


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
async def test_bytes_go_as_the_asker_takes_them(accepted: str, packed: bool) -> None:
    """Compressed for who says so, with a tag that spares sending them again."""
    dish = Dish.of(LONG)

    async def handler(request: web.Request) -> web.Response:
        return serve_dish(request, dish, "text/plain")

    application = web.Application()
    application.router.add_get("/", handler)
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        asked = {"Accept-Encoding": accepted}
        async with session.get(server.make_url("/"), headers=asked) as answer:
            body = await answer.read()
            assert (answer.headers.get("Content-Encoding") == "gzip") is packed
            assert (gzip.decompress(body) if packed else body) == LONG
            assert (len(body) < len(LONG) / 10) is packed
            tag = answer.headers["ETag"]
        known = {**asked, "If-None-Match": tag}
        async with session.get(server.make_url("/"), headers=known) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with session.head(server.make_url("/"), headers=asked) as answer:
            assert (answer.status, answer.headers["ETag"]) == (200, tag)


def test_small_bytes_are_sent_as_they_are() -> None:
    """What fits a packet is not packed; the same bytes have the same tag, others another."""
    assert Dish.of(b"small").gzipped is None
    assert Dish.of(b"a").tag == Dish.of(b"a").tag != Dish.of(b"b").tag
