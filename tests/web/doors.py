"""A dashboard over real sockets: who asks, what comes back, which commands arrive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import msgspec

from tests.views.readings import PULSE, Told
from trader.domain.events import Command
from trader.views.reading import Pulse, Reading
from trader.web.access import Terms
from trader.web.server import serve
from trader.web.window import Answer, Health

T = TypeVar("T")
TOKEN = "a-token-of-twenty-letters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HTML = {"Accept": "text/html"}
SIGNED = {"by": "ana", "reason": "news"}


class Room:
    """A window over given facts, of a daemon that is fit."""

    def __init__(self, reading: Reading | None = None) -> None:
        self.reading: Reading = reading or Told()

    def health(self) -> Health:
        """Be fit."""
        return Health(feed_alive=True, journal_ok=True, progress_age_s=0, progress_age_s_max=1)

    def metrics(self) -> bytes:
        """Count one thing."""
        return b"trader_feed_alive 1.0\n"

    def pulse(self) -> Pulse:
        """Beat evenly."""
        return PULSE

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read what was given."""
        return make(self.reading)


class Page(msgspec.Struct, frozen=True):
    """An answer as it came."""

    status: int
    text: str
    headers: Any

    def field(self, name: str) -> str:
        """Read what a form of the page holds in a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, f"no field {name} in {self.text}"
        return found.group(1)


class Visitor:
    """A browser, as far as it matters here: it keeps cookies and says where forms come from."""

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self.session = session
        self.root = root

    async def get(self, path: str, **headers: str) -> Page:
        """Open a page, without following where it leads."""
        return await self._ask("GET", path, headers=HTML | headers)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Page:
        """Send a form from a page of the same site."""
        said = {"Origin": self.root, "Sec-Fetch-Site": "same-origin"} | HTML | headers
        kept = {name: value for name, value in said.items() if value}
        return await self._ask("POST", path, data=form, headers=kept)

    async def api(self, path: str, body: object, **headers: str) -> Page:
        """Call the interface as a program does."""
        return await self._ask("POST", f"/api/v1/commands/{path}", json=body, headers=headers)

    async def sign_in(self, token: str = TOKEN) -> Page:
        """Show the token at the sign-in."""
        return await self.post("/sign-in", {"token": token})

    async def _ask(self, method: str, path: str, **how: Any) -> Page:
        url = f"{self.root}{path}"
        async with self.session.request(method, url, allow_redirects=False, **how) as answer:
            return Page(answer.status, await answer.text(), answer.headers)


class Counter:
    """Takes commands as a daemon would, and keeps them; `refusal` is what it says instead."""

    def __init__(self) -> None:
        self.taken: list[Command] = []
        self.refusal: Answer | None = None

    async def take(self, command: Command) -> Answer:
        """Journal a command, or refuse it."""
        if self.refusal is not None:
            return self.refusal
        self.taken.append(command)
        return Answer(accepted=True, sequence=40 + len(self.taken))


class Scene(msgspec.Struct, frozen=True):
    """A dashboard that is served, somebody who looks at it, and the commands that arrived."""

    port: int
    visitor: Visitor
    counter: Counter
    tokens: list[str]
    notes: list[str]

    async def raw(self, request: bytes, seconds: float = 3.0) -> bytes:
        """Say something to the port that no client library would; read until it hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        try:
            async with asyncio.timeout(seconds):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def dashboard(reading: Reading | None = None, **terms: Any) -> AsyncIterator[Scene]:
    """Serve a dashboard on loopback until the block ends."""
    tokens, notes, counter = [TOKEN], list[str](), Counter()
    agreed = Terms(
        tokens=lambda: tuple(tokens), note=lambda event, text: notes.append(f"{event} {text}"),
        token_place="/state/web.token", **terms,
    )  # fmt: skip
    async with (
        serve(Room(reading), "127.0.0.1", 0, agreed, counter.take) as port,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        visitor = Visitor(session, f"http://127.0.0.1:{port}")
        yield Scene(port, visitor, counter, tokens, notes)
