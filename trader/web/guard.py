"""What stands before every handler? Limits, the name asked for, who asks, the body."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

from trader.views.screen_html import SIGN_IN_LINK, TOLD
from trader.views.svg import escape
from trader.web.access import STATIC, TooManyGuesses, Who
from trader.web.headers import dress
from trader.web.refusals import for_people, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware

    from trader.web.access import Access
    from trader.web.sessions import Session
    from trader.web.window import Window

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WHO: Final = web.RequestKey("who", Who)
"""Under this key a handler finds who asks."""
READING: Final = ("GET", "HEAD")
SIGN_OUT: Final = (
    '<form method="post" action="/sign-out" class="inline">Signed in. '
    "<button>Sign out</button></form>"
)


def middlewares(view: Window, access: Access) -> tuple[Middleware, ...]:
    """Make the chain, the outermost first."""
    return (_refusing(view, access), _guarding(view, access), _personal())


def dressing(access: Access) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Make what puts the headers on every answer, whatever made it."""
    strict = access.terms.tls is not None and not access.local

    async def dressed(_: web.Request, response: web.StreamResponse) -> None:
        dress(response.headers, strict_transport=strict)

    return dressed


def _refusing(view: Window, access: Access) -> Middleware:
    """Turn what a handler raises into an answer that tells no more than it should."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            told = error.text if error.text and not error.text.startswith(str(error.status)) else ""
            answer = refusal(view, request, error.status, told or _usual(error))
            for name in ("Allow", "Retry-After", "WWW-Authenticate"):
                if name in error.headers:
                    answer.headers[name] = error.headers[name]
            return answer
        except TooManyGuesses as error:
            return refusal(view, request, 429, str(error), wait=error.wait)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one page must not tell about others
            access.terms.note("web.failed", f"{request.method} {request.path}: {error!r}"[:500])
            return refusal(view, request, 500, "this page failed: the log says more")

    return refuse


def _usual(error: web.HTTPException) -> str:
    match error.status:
        case 404:
            return "there is nothing at this address"
        case 405:
            return f"{error.reason}: ask with {error.headers.get('Allow', 'GET')}"
        case 413:
            return "that is more than is taken here"
        case _:
            return error.reason


def _guarding(view: Window, access: Access) -> Middleware:
    """Let nobody through who asks too often, under another name, without a right to, too much."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        now = asyncio.get_running_loop().time()
        wait = access.wait(request, now)
        if wait:
            return refusal(view, request, 429, f"too many requests: wait {wait:.1f} s", wait=wait)
        named = request.headers.getall("Host", [])
        if len(named) != 1 or not access.hears(named[0]):
            shown = ", ".join(named) or "none"
            detail = f"this is not {shown[:100]}: use an address, localhost, or a name in web.hosts"
            return refusal(view, request, 421, detail)
        request[WHO] = who = access.who(request, now)
        if not access.may_read(request, who):
            if for_people(request) and request.method == "GET":
                raise web.HTTPSeeOther(f"/sign-in?back={quote(request.path_qs)}")
            return refusal(view, request, 401, "show the token: Authorization: Bearer ...")
        if request.method not in READING:
            await _take_in(request, access)
        return await handler(request)

    return guard


async def _take_in(request: web.Request, access: Access) -> None:
    """Take the body in, whole and soon.

    Raises:
        HTTPRequestEntityTooLarge: it is too large, or says that it will be.
        HTTPRequestTimeout: it does not come.
    """
    most = access.terms.body_bytes_max
    if (request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(
            max_size=most, actual_size=request.content_length or 0,
            text=f"at most {most} bytes are taken (web.body_bytes_max)",
        )  # fmt: skip
    try:
        async with asyncio.timeout(access.terms.body_s_max):
            await request.read()
    except TimeoutError as error:
        seconds = f"{access.terms.body_s_max:g} s"
        raise web.HTTPRequestTimeout(text=f"the body did not come within {seconds}") from error


def _personal() -> Middleware:
    """Tell who is signed in so, and what became of the command; pages are the same for all."""

    @web.middleware
    async def personal(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        who = request[WHO]
        if (
            who.session is None
            or not isinstance(response, web.Response)
            or response.content_type != "text/html"
            or not isinstance(response.body, bytes)
            or request.path.startswith(STATIC)
        ):
            return response
        navigated = request.headers.get("Sec-Fetch-Dest", "document") == "document"
        made = response.body
        if response.headers.pop("Content-Encoding", "") == "gzip":
            made = gzip.decompress(made)
        body = _for_session(made, who.session, navigated=navigated)
        response.body = body
        response.headers["Vary"] = "Cookie"
        response.headers["Cache-Control"] = "private, no-cache"
        tag = hashlib.blake2b(body, digest_size=12).hexdigest()
        response.headers["ETag"] = f'"{tag}"'
        if any(one.value == tag for one in request.if_none_match or ()):
            return web.Response(status=304, headers=response.headers)
        return response

    return personal


def _for_session(body: bytes, session: Session, *, navigated: bool) -> bytes:
    """Write into a page what is for one session only; what was told is told once."""
    body = body.replace(SIGN_IN_LINK.encode(), SIGN_OUT.encode(), 1)
    told = session.told
    if told is None or not navigated:
        return body
    session.told = None
    tone = "good" if told.good else "bad"
    text = f'<div id="told" role="status"><p class="notice {tone}">{escape(told.text)}</p></div>'
    return body.replace(TOLD.encode(), text.encode(), 1)
