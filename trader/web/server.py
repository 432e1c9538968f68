"""Where does the daemon answer over HTTP? Probes, metrics and the pages of the dashboard."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from trader.views.answers.asking import PREFIX
from trader.web.access import Access, Terms
from trader.web.api import api
from trader.web.board_stream import BoardStreams
from trader.web.kitchen import Kitchen
from trader.web.pages import page_routes
from trader.web.window import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import web

    from trader.domain.events import Command
    from trader.web.window import Window

METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
STOP_SECONDS_MAX: Final = 2.0


async def taken_by_nobody(command: Command) -> Answer:
    """Take no command."""
    del command
    return Answer(accepted=False, detail="nothing here takes commands")


@asynccontextmanager
async def serve(
    view: Window,
    host: str,
    port: int | None,
    terms: Terms | None = None,
    take: Callable[[Command], Awaitable[Answer]] = taken_by_nobody,
) -> AsyncIterator[int]:
    """Serve `view` until the block ends; yield the port bound (port 0 takes a free one, None none).

    `terms` say who may see what (default: whoever reaches the address sees all of it); commands
    are handed to `take`. A probe of `/healthz` never needs a token.

    Raises:
        ConfigurationError: an address cannot be bound.
    """
    from aiohttp import web

    from trader.web.door import opened

    terms = terms or Terms()
    application = _application(view, Access(terms, host), take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS_MAX)
    await runner.setup()
    try:
        async with opened(runner, host, port, terms) as bound:
            yield bound
    finally:
        await runner.cleanup()


def _application(
    view: Window, access: Access, take: Callable[[Command], Awaitable[Answer]]
) -> web.Application:
    """Lay the routes, behind their guard."""
    from aiohttp import web

    from trader.web.commands import Counter
    from trader.web.guard import dressing, middlewares

    async def healthz(_: web.Request) -> web.Response:
        health = view.health()
        problems = health.problems()
        body = {"healthy": not problems, "problems": problems, **msgspec.structs.asdict(health)}
        return web.Response(
            body=msgspec.json.encode(body),
            status=503 if problems else 200,
            content_type="application/json",
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=view.metrics(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    application = web.Application(
        middlewares=middlewares(view, access), client_max_size=access.terms.body_bytes_max
    )
    application.on_response_prepare.append(dressing(access))
    application.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    application.add_routes(Counter(view, access, take).routes())
    boards = BoardStreams(view)
    application.add_routes([web.get("/board/stream", boards.handle)])
    application.on_shutdown.append(boards.close)
    kitchen = Kitchen(view)
    application.add_routes(page_routes(view, kitchen))
    application.add_subapp(PREFIX, api(view, kitchen))
    return application
