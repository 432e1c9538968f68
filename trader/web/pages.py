"""Which page lies where? Addresses, the screens they show, and bytes that are made once for all."""

from __future__ import annotations

import asyncio
import hashlib
import math
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from trader.views.blocks import Page, Prose
from trader.views.reading import NotThere, NotUnderstood
from trader.views.screen_html import STYLE, Site, screen_html
from trader.views.screens.behavior import behavior
from trader.views.screens.board import board
from trader.views.screens.chain import chain
from trader.views.screens.chains import chains
from trader.views.screens.log import log
from trader.views.screens.models import models
from trader.views.screens.nights import night, night_diff, nights
from trader.views.screens.overview import overview
from trader.views.screens.strategies import strategies
from trader.views.screens.strategy import strategy
from trader.views.screens.system import system
from trader.views.screens.verdicts import verdict, verdicts
from trader.web.written_reports import report_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from trader.views.reading import Asked, Reading
    from trader.web.window import Window

    Screen = Callable[[Reading, Asked], Page]

ADDRESSES: Final[dict[str, Screen]] = {
    "/": overview,
    "/chains": chains,
    "/chains/{id}": chain,
    "/board": board,
    "/models": models,
    "/behavior": behavior,
    "/log": log,
    "/system": system,
    "/strategies": strategies,
    "/strategies/{name}": strategy,
    "/verdicts": verdicts,
    "/verdicts/{id}": verdict,
    "/nights": nights,
    "/nights/diff": night_diff,
    "/nights/{date}": night,
}
"""Every page, by the pattern of its address."""
FRESH_S: Final = 1.0
"""Wall seconds for which one making of a page serves all who ask for it."""
REST: Final = 9.0
"""A page that takes long to make serves so many times as long: making takes a tenth of the time."""
SCRIPT: Final = files("trader.web").joinpath("live.js").read_bytes()
STATIC: Final = {
    "style.css": (STYLE.encode(), "text/css"),
    "live.js": (SCRIPT, "text/javascript"),
}
TAG: Final = hashlib.blake2b(STYLE.encode() + SCRIPT, digest_size=6).hexdigest()


class Made:
    """A page as it was made last, and who may make it anew."""

    __slots__ = ("body", "fresh_until", "turn")

    def __init__(self) -> None:
        self.fresh_until = -math.inf
        self.body = b""
        self.turn = asyncio.Lock()


class Kitchen:
    """Pages as bytes, each made at most once a second however many ask; one that takes long is made
    more seldom. Bounded by `kept_max`.
    """

    def __init__(self, window: Window, kept_max: int = 256) -> None:
        self._window = window
        self._kept_max = kept_max
        self._kept: dict[str, Made] = {}

    async def page(self, path: str, asked: Asked, screen: Screen) -> bytes:
        """Give a page.

        Raises:
            NotThere: it is about something that does not exist.
            NotUnderstood: what was asked cannot be read.
        """
        key = f"{path}?{sorted(asked.items())}"
        loop, made = asyncio.get_running_loop(), self._kept.pop(key, None) or Made()
        self._kept[key] = made  # the newest asked for is last, the first is forgotten first
        while len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]
        async with made.turn:
            began = loop.time()
            if began >= made.fresh_until:
                made.body = await self._window.read(partial(_bytes, path, asked, screen))
                now = loop.time()
                made.fresh_until = now + max(FRESH_S, REST * (now - began))
            return made.body


def _bytes(path: str, asked: Asked, screen: Screen, reading: Reading) -> bytes:
    return screen_html(screen(reading, asked), Site(path, reading.pulse, TAG)).encode()


def page_routes(window: Window) -> list[web.RouteDef]:
    """Lay the routes of pages, script and stylesheet."""
    from aiohttp import web

    kitchen = Kitchen(window)

    def shown(screen: Screen) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            asked = {**request.query, **request.match_info}
            try:
                body = await kitchen.page(request.path, asked, screen)
            except NotThere as error:
                return _apart(request, window, "Not here", error, 404)
            except NotUnderstood as error:
                return _apart(request, window, "Not understood", error, 400)
            return answer(request, body, "text/html")

        return handler

    async def static(request: web.Request) -> web.Response:
        found = STATIC.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return answer(request, found[0], found[1])

    pages = [web.get(path, shown(screen)) for path, screen in ADDRESSES.items()]
    return [*pages, *report_routes(window, answer), web.get("/static/{name}", static)]


def _apart(
    request: web.Request, window: Window, title: str, error: Exception, status: int
) -> web.Response:
    """Say on a page why there is none, with the way to all others."""
    page = Page(title, "", (Prose(str(error), "bad"),), ())
    body = screen_html(page, Site(request.path, window.pulse(), TAG)).encode()
    made = answer(request, body, "text/html")
    made.set_status(status)
    return made


def answer(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """Send bytes with their ETag; 304 where the asker has them already."""
    from aiohttp import web

    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    if any(one.value in (tag, "*") for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)
