"""Is a report served byte for byte, its own style allowed and nothing else?"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import TypeVar

import aiohttp
import pytest

from tests.views.nights import a_night, full_card, subject
from tests.views.readings import Told
from tests.web.rooms import Room
from trader.views.nightly_report import render
from trader.views.reading import NotThere, Reading
from trader.web.server import serve
from trader.web.written_reports import policy

T = TypeVar("T")
DATE = "2026-06-01"
FILES = {name: text.encode() for name, text in render(a_night(subject(full_card()))).items()}


class Kept(Told):
    """A reading with the files of one night."""

    def night_file(self, date: str, name: str) -> bytes:
        """Give a file."""
        if date != DATE:
            raise NotThere(f"no night of {date}")
        return FILES[name]


class Archive(Room):
    """A window on it."""

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read."""
        return make(Kept())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("report.html", "text/html"), ("report.md", "text/markdown"),
     ("report.json", "application/json")],
)  # fmt: skip
async def test_each_file_is_what_was_written(name: str, kind: str) -> None:
    """Same bytes, right type, no unsafe style; asked again with its tag nothing is sent."""
    async with serve(Archive(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/nights/{DATE}/{name}"
        async with session.get(url) as answer:
            assert answer.status == 200
            assert answer.content_type == kind
            assert await answer.read() == FILES[name]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            known = {"If-None-Match": answer.headers["ETag"]}
        async with session.get(url, headers=known) as answer:
            assert answer.status == 304


@pytest.mark.parametrize(
    "path", ["2020-01-01/report.html", f"{DATE}/journal.sqlite", f"{DATE}/..%2F..%2Fpasswd"]
)
async def test_nothing_else_is_served(path: str) -> None:
    """No other night, no other file, no way out of the folder."""
    async with (
        serve(Archive(), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/nights/{path}") as answer,
    ):
        assert answer.status == 404


def test_the_style_of_a_report_is_allowed_by_its_hash() -> None:
    """The hash is that of the bytes between the tags; a page without style is allowed none."""
    body = FILES["report.html"]
    style = body.split(b"<style>")[1].split(b"</style>")[0]
    wanted = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert f"style-src 'sha256-{wanted}';" in policy(body)
    assert "style-src 'none'" in policy(b"{}")
