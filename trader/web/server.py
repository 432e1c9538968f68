"""Is the daemon healthy, and what does it count? `/healthz` and `/metrics` over HTTP."""

from __future__ import annotations

import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
STOP_SECONDS_MAX: Final = 2.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe must know. `progress_age_s` is wall time since the engine last moved."""

    feed_alive: bool
    journal_ok: bool
    progress_age_s: float
    progress_age_s_max: float
    detail: str = ""

    def problems(self) -> tuple[str, ...]:
        """Name everything that makes the daemon unfit; empty means healthy."""
        late = f"no progress for {self.progress_age_s:.1f} s (limit {self.progress_age_s_max:g} s)"
        faults = (
            ("the feed is not alive", not self.feed_alive),
            ("the journal cannot be written", not self.journal_ok),
            (late, not self.progress_age_s <= self.progress_age_s_max),
        )
        return tuple(text for text, broken in faults if broken)


class ServiceView(Protocol):
    """The read-only window the daemon opens for HTTP; both answers are cheap."""

    def health(self) -> Health:
        """Take the pulse now."""

    def metrics(self) -> bytes:
        """Write every metric in Prometheus' text format 0.0.4."""


@asynccontextmanager
async def serve(
    view: ServiceView, host: str, port: int, token: str | None = None
) -> AsyncIterator[int]:
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


def _application(view: ServiceView, token: str | None) -> web.Application:
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
    return application


def _authorized(request: web.Request, token: str) -> bool:
    """Compare the bearer token in constant time."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
