"""How is a report served as it was written? Its own bytes, its one style allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from trader.views.reading import NotThere

if TYPE_CHECKING:
    from aiohttp import web

    from trader.views.reading import Reading
    from trader.web.window import Window

STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
CONTENT_TYPES: Final = {
    "report.html": "text/html",
    "report.md": "text/markdown",
    "report.json": "application/json",
}
"""What may be asked for."""


class Answer(Protocol):
    """Sends bytes with their ETag and the headers of every page."""

    def __call__(self, request: web.Request, body: bytes, content_type: str) -> web.Response:
        """Send them."""


def report_routes(window: Window, answer: Answer) -> list[web.RouteDef]:
    """Lay the route of reports as files."""
    from aiohttp import web

    async def written(request: web.Request) -> web.Response:
        date, name = request.match_info["date"], request.match_info["file"]
        if name not in CONTENT_TYPES:
            raise web.HTTPNotFound(text=f"no file {name!r}: {', '.join(CONTENT_TYPES)}")
        try:
            body = await window.read(partial(_file, date, name))
        except NotThere as error:
            raise web.HTTPNotFound(text=str(error)) from error
        sent = answer(request, body, CONTENT_TYPES[name])
        sent.headers["Content-Security-Policy"] = policy(body)
        return sent

    return [web.get("/nights/{date}/{file}", written)]


def policy(body: bytes) -> str:
    """Allow the styles that stand in a page by their hashes, and nothing else whatever.

    >>> policy(b"<style>p{}</style>")[:50]
    "default-src 'none'; style-src 'sha256-gG2yISYereRM"
    """
    styles = (base64.b64encode(hashlib.sha256(one).digest()) for one in STYLE.findall(body))
    allowed = " ".join(f"'sha256-{one.decode()}'" for one in styles) or "'none'"
    return (
        f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


def _file(date: str, name: str, reading: Reading) -> bytes:
    return reading.night_file(date, name)
