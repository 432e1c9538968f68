"""Does every page stand, under the strict policy, before there is anything to show?"""

from __future__ import annotations

import aiohttp
import pytest

from tests.web.rooms import Room
from trader.web.headers import HEADERS
from trader.web.pages import ADDRESSES
from trader.web.server import serve


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
