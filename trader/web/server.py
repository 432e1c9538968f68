"""Where does the daemon answer over HTTP? Probes, metrics and the pages of the dashboard."""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.errors import ConfigurationError
from trader.web.pages import page_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from trader.web.window import Window

METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
STOP_SECONDS_MAX: Final = 2.0


@asynccontextmanager
async def serve(view: Window, host: str, port: int, token: str | None = None) -> AsyncIterator[int]:
    """Serve `view` until the block ends; yield the port bound (port 0 takes a free one).

    Where a token is given, `/metrics` asks for it (`Authorization: Bearer ...`); a probe of
    `/healthz` never needs one.

    Raises:
        ConfigurationError: the address cannot be bound.
    """
    from aiohttp import web

    runner = web.AppRunner(
        _application(view, token), access_log=None, shutdown_timeout=STOP_SECONDS_MAX
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"web.port = {port}: cannot listen on {host} ({error.strerror or error});"
                " choose another port, or 0 to serve nothing"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _application(view: Window, token: str | None) -> web.Application:
    """Lay the two routes."""
    from aiohttp import web

    async def healthz(_: web.Request) -> web.Response:
        health = view.health()
        problems = health.problems()
        body = {"healthy": not problems, "problems": problems, **msgspec.structs.asdict(health)}
        return web.Response(
            body=msgspec.json.encode(body),
            status=503 if problems else 200,
            content_type="application/json",
        )

    async def metrics(request: web.Request) -> web.Response:
        if token is not None and not _authorized(request, token):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return web.Response(body=view.metrics(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    application.add_routes(page_routes(view))
    return application


def _authorized(request: web.Request, token: str) -> bool:
    """Compare the bearer token in constant time."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
