"""How is a refusal told? As a page to people, as a problem document to programs."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from trader.views.blocks import Page, Prose, Section
from trader.views.screen_html import Site, screen_html
from trader.web.pages import TAG

if TYPE_CHECKING:
    from trader.web.window import Window

PROBLEM = "application/problem+json"


def refusal(
    view: Window, request: web.Request, status: int, detail: str, *, wait: float = 0.0
) -> web.Response:
    """Refuse a request: `detail` says why and what to do, `wait` in how many seconds to return."""
    title = HTTPStatus(status).phrase
    headers = {"Retry-After": str(math.ceil(wait))} if wait else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if request.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = msgspec.json.encode(problem)
        return web.Response(status=status, body=body, content_type=PROBLEM, headers=headers)
    if not for_people(request):
        return web.Response(status=status, text=f"{detail}\n", headers=headers)
    page = Page(title, f"{status}", (), (Section("Why", (Prose(detail),), level=2),))
    return shown(view, request, page, status=status, headers=headers)


def for_people(request: web.Request) -> bool:
    """Tell whether who asks is a browser, which can show a page."""
    return "text/html" in request.headers.get("Accept", "")


def shown(
    view: Window,
    request: web.Request,
    page: Page,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """Send a page that is made for this request alone, and stands still."""
    text = screen_html(page, Site(request.path, view.pulse(), TAG, still=True))
    return web.Response(
        status=status, text=text, content_type="text/html",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )  # fmt: skip
