"""Are pages made once for all who ask, and never taken for others?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import aiohttp
import pytest

from tests.views.readings import PULSE, Told
from trader.views.blocks import Page
from trader.views.reading import Asked, NotThere, Pulse, Reading
from trader.web import pages
from trader.web.headers import HEADERS
from trader.web.pages import ADDRESSES, Kitchen
from trader.web.server import serve
from trader.web.window import Health

T = TypeVar("T")


class Room:
    """A window over an empty journal that counts its readings, each of which takes a moment."""

    def __init__(self) -> None:
        self.readings = 0

    def health(self) -> Health:
        """Be fit."""
        return Health(feed_alive=True, journal_ok=True, progress_age_s=0, progress_age_s_max=1)

    def metrics(self) -> bytes:
        """Count nothing."""
        return b""

    def pulse(self) -> Pulse:
        """Beat evenly."""
        return PULSE

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read nothing, slowly."""
        self.readings += 1
        await asyncio.sleep(0.01)
        return make(Told())


def named(reading: Reading, asked: Asked) -> Page:
    """Show what was asked."""
    del reading
    return Page(asked.get("name", "nobody"), "", (), ())


async def test_a_hundred_who_ask_at_once_get_one_making() -> None:
    """One reading serves all; another question is another page."""
    room = Room()
    kitchen = Kitchen(room)
    pages = await asyncio.gather(*(kitchen.page("/x", {"name": "a"}, named) for _ in range(100)))
    assert room.readings == 1
    assert len(set(pages)) == 1
    assert b"<h1>b</h1>" in await kitchen.page("/x", {"name": "b"}, named)
    assert room.readings == 2


async def test_a_page_that_takes_long_is_made_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever keeps asking costs the daemon a tenth of its time, not all of it."""
    monkeypatch.setattr(pages, "FRESH_S", 0.0)
    room = Room()
    kitchen = Kitchen(room)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.5:
        await kitchen.page("/x", {}, named)
        await asyncio.sleep(0.001)
    assert 2 <= room.readings <= 6, "each takes at least 10 ms, and rests for 90"


async def test_kept_pages_are_bounded() -> None:
    """A stranger who asks for a thousand pages does not fill the memory."""
    room = Room()
    kitchen = Kitchen(room, kept_max=2)
    for name in ("a", "b", "c"):
        await kitchen.page("/x", {"name": name}, named)
    await kitchen.page("/x", {"name": "c"}, named)
    assert room.readings == 3
    await kitchen.page("/x", {"name": "a"}, named)
    assert room.readings == 4


async def test_a_page_that_cannot_be_made_is_not_kept() -> None:
    """An error reaches who asked, and the next asks anew."""

    def missing(reading: Reading, asked: Asked) -> Page:
        raise NotThere("no such thing")

    room = Room()
    kitchen = Kitchen(room)
    for _ in range(2):
        with pytest.raises(NotThere):
            await kitchen.page("/x", {}, missing)
    assert room.readings == 2


@pytest.mark.parametrize("path", [one for one in ADDRESSES if "{" not in one])
async def test_each_page_stands_over_an_empty_journal(path: str) -> None:
    """Before the first fact every page says what will appear, under the strict policy."""
    async with serve(Room(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
            assert answer.status == 200, await answer.text()
            assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
            tag = answer.headers["ETag"]
            assert len(await answer.read()) < 300_000
        known = {"If-None-Match": tag}
        async with session.get(f"http://127.0.0.1:{port}{path}", headers=known) as answer:
            assert answer.status == 304
