"""Which page lies where? Addresses, the screens they show, and bytes that are made once for all."""

from __future__ import annotations

import hashlib
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
from trader.web.kitchen import Dish, answer, serve_dish
from trader.web.written_reports import report_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from trader.views.reading import Asked, Reading
    from trader.web.kitchen import Kitchen
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
SCRIPT: Final = files("trader.web").joinpath("live.js").read_bytes()
STATIC: Final = {
    "style.css": (Dish.of(STYLE.encode()), "text/css"),
    "live.js": (Dish.of(SCRIPT), "text/javascript"),
}
TAG: Final = hashlib.blake2b(STYLE.encode() + SCRIPT, digest_size=6).hexdigest()


def _bytes(path: str, asked: Asked, screen: Screen, reading: Reading) -> bytes:
    return screen_html(screen(reading, asked), Site(path, reading.pulse, TAG)).encode()


def page_routes(window: Window, kitchen: Kitchen) -> list[web.RouteDef]:
    """Lay the routes of pages, script and stylesheet."""
    from aiohttp import web

    def shown(screen: Screen) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            asked = {**request.query, **request.match_info}
            try:
                dish = await kitchen.dish(
                    f"{request.path}?{sorted(asked.items())}",
                    partial(_bytes, request.path, asked, screen),
                )
            except NotThere as error:
                return _apart(request, window, "Not here", error, 404)
            except NotUnderstood as error:
                return _apart(request, window, "Not understood", error, 400)
            return serve_dish(request, dish, "text/html")

        return handler

    async def static(request: web.Request) -> web.Response:
        found = STATIC.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return serve_dish(request, *found)

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
