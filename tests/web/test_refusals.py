"""Are refusals told in the way of who asked?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import aiohttp
import msgspec

from tests.web.doors import Counter, Room, Visitor, dashboard
from trader.domain.errors import StorageError
from trader.views.reading import Reading
from trader.web.access import Terms
from trader.web.server import serve

T = TypeVar("T")


class Broken(Room):
    """A window whose readings fail."""

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Fail with what nobody should see."""
        raise StorageError("the journal at /secret/place is broken")


async def test_people_get_a_page_and_programs_a_problem() -> None:
    """The same refusal, three ways: a page with navigation, a problem document, a line."""
    async with dashboard() as scene:
        page = await scene.visitor.get("/nothing")
        assert page.status == 404
        assert '<nav aria-label="Pages">' in page.text
        assert "there is nothing at this address" in page.text
        assert "<script" not in page.text, "nobody asks for it again"
        line = await scene.visitor.get("/nothing", Accept="*/*")
        assert line.text == "there is nothing at this address\n"
        problem = await scene.visitor.get("/api/v1/nothing")
        assert problem.headers["Content-Type"].startswith("application/problem+json")
        assert msgspec.json.decode(problem.text) == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "there is nothing at this address",
        }


async def test_a_page_that_fails_tells_strangers_nothing() -> None:
    """500 without a trace or a message; the note says what it was; others go on."""
    notes: list[str] = []
    terms = Terms(note=lambda event, text: notes.append(f"{event} {text}"))
    async with (
        serve(Broken(), "127.0.0.1", 0, terms, Counter().take) as port,
        aiohttp.ClientSession() as session,
    ):
        visitor = Visitor(session, f"http://127.0.0.1:{port}")
        page = await visitor.get("/")
        assert page.status == 500
        assert "secret" not in page.text
        assert "/secret/place" in notes[0]
        assert (await visitor.get("/healthz")).status == 200
