"""Does every page stand, under the strict policy, before there is anything to show?"""

from __future__ import annotations

import aiohttp
import pytest
from yarl import URL

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


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/verdicts/V9", 404, "no verdict &#x27;V9&#x27; is in the journal"),
        ("/strategies/%3Cb%3E", 404, "no strategy &#x27;&lt;b&gt;&#x27; ever had a stage"),
        ("/nights/2020-01-01", 404, "no night of 2020-01-01"),
        ("/verdicts?rule=luck", 400, "rule = &#x27;luck&#x27;: choose from"),
        ("/nights?page=-1", 400, "page = &#x27;-1&#x27;: give a whole number from 1"),
    ],
)
async def test_what_is_not_there_is_told_on_a_page(path: str, status: int, told: str) -> None:
    """A wrong address leads on to all pages, says what was wrong with it, and escapes it."""
    async with (
        serve(Room(), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
        session.get(URL(f"http://127.0.0.1:{port}{path}", encoded=True)) as answer,
    ):
        text = await answer.text()
        assert answer.status == status
        assert answer.content_type == "text/html"
        assert told in text
        assert 'href="/strategies"' in text
