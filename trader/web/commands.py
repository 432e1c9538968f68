"""How does a command come in over HTTP? By a token and JSON, or by a form, a session and consent.

A page is made once for all who ask, so its forms hold no secret. What such a form sends is answered
by a page of this session alone: what the command would do, what speaks against it, and the mark of
the session (CSRF). Only what carries that mark is done.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from trader.views.reading import NotUnderstood
from trader.views.screens.consent import TITLES, consent, sign_in_page
from trader.web.access import SIGNED_IN, comes_from_us
from trader.web.guard import WHO
from trader.web.orders import command_of, fields_of
from trader.web.refusals import refusal, shown
from trader.web.sessions import SESSION_S, Told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from trader.domain.events import Command
    from trader.web.access import Access
    from trader.web.sessions import Session
    from trader.web.window import Answer, Window

    Take = Callable[[Command], Awaitable[Answer]]

CSRF: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
BACK: Final = "back"
THEN: Final = "then"
TOKEN: Final = "token"  # noqa: S105 - the name of a field
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
AGAIN_S: Final = 5.0
"""What a client is told to wait for a daemon that does not trade yet."""
FOREIGN: Final = "this form was not sent by a page of ours: open the page itself and try again"
MARKED: Final = "this form is not one that your session was given: go back, reload, try again"


class Counter:
    """Where commands are taken in. `take` answers once a command is journaled."""

    def __init__(self, view: Window, access: Access, take: Take) -> None:
        self._view = view
        self._access = access
        self._take = take

    def routes(self) -> list[web.RouteDef]:
        """Lay the routes."""
        return [
            web.post("/api/v1/commands/{action}", self.api),
            web.post("/commands/{action}", self.form),
            web.get("/sign-in", self.ask_in),
            web.post("/sign-in", self.sign_in),
            web.post("/sign-out", self.sign_out),
        ]

    async def api(self, request: web.Request) -> web.Response:
        """Take a command as JSON: with a token, or in a session with its mark."""
        who = request[WHO]
        if not who.known:
            return self._refuse(request, 401, "show the token: Authorization: Bearer ...")
        marked = request.headers.get(CSRF_HEADER, "")
        if who.session is not None and not (
            comes_from_us(request.headers, request.scheme) and who.session.wrote(marked)
        ):
            return self._refuse(request, 403, f"{MARKED} (header {CSRF_HEADER})")
        if request.content_type != JSON:
            return self._refuse(request, 415, f"send {JSON}, not {request.content_type}")
        try:
            given = msgspec.json.decode(await request.read(), type=dict[str, object])
            command = command_of(request.match_info["action"], given)
        except (NotUnderstood, msgspec.DecodeError) as error:
            return self._refuse(request, 400, str(error))
        answer = await self._take(command)
        if answer.accepted:
            return web.Response(body=msgspec.json.encode(answer), content_type=JSON)
        if answer.sequence is None:
            return self._refuse(request, 503, answer.detail, wait=AGAIN_S)
        detail = f"{answer.detail} (journaled with sequence {answer.sequence})"
        return self._refuse(request, 409, detail)

    async def form(self, request: web.Request) -> web.Response:
        """Take a command as a form: show what it would do first, then do it and go back."""
        action, form = request.match_info["action"], await self._form(request)
        if action not in TITLES:
            return self._refuse(request, 404, f"there is no command {action[:50]!r}")
        back = local(form.get(BACK) or _came_from(request))
        session: Session | None = request[WHO].session
        if session is None:
            secret = {**form, THEN: action, BACK: back}
            page = sign_in_page(self._place(), secret, action=action)
            return shown(self._view, request, page, status=401)
        mark = form.get(CSRF)
        if mark is None:
            return await self._consent(request, action, form, session)
        if not session.wrote(mark):
            return self._refuse(request, 403, MARKED)
        try:
            given = fields_of(action, form)
            command = command_of(action, {"by": "", "reason": "", **given})
        except NotUnderstood as error:
            session.told = Told(f"Not understood: {error}.", good=False)
            raise web.HTTPSeeOther(back) from error
        session.by = command.by
        answer = await self._take(command)
        about = " ".join(
            str(value) for name, value in given.items() if name not in ("by", "reason", "override")
        )
        said = f"{action} {about}".strip()
        told = f"Done: {said}, by {command.by}; journaled with sequence {answer.sequence}."
        refused = f"Not done: {answer.detail}."
        session.told = Told(told if answer.accepted else refused, good=answer.accepted)
        raise web.HTTPSeeOther(back)

    async def ask_in(self, request: web.Request) -> web.Response:
        """Ask for the token."""
        page = sign_in_page(self._place(), {BACK: local(request.query.get(BACK, ""))})
        return shown(self._view, request, page)

    async def sign_in(self, request: web.Request) -> web.Response:
        """Open a session for who knows the token, and go on with what was begun."""
        form, now = await self._form(request), asyncio.get_running_loop().time()
        given, action = form.pop(TOKEN, ""), form.pop(THEN, "")
        client, note = self._access.client(request), self._access.terms.note
        if not self._access.try_token(client, given, now):
            note("web.refused", f"a wrong token was shown at the sign-in from {client}")
            secret = {**form, **({THEN: action} if action else {})}
            page = sign_in_page(self._place(), secret, wrong=True, action=action)
            return shown(self._view, request, page, status=401)
        cookie, session = self._access.sessions.sign_in(given.strip(), now)
        note(SIGNED_IN, f"somebody signed in from {client}")
        if action in TITLES:
            response = await self._consent(request, action, form, session)
        else:
            response = web.Response(status=303, headers={"Location": local(form.get(BACK, ""))})
        response.set_cookie(
            self._access.cookie, cookie, max_age=SESSION_S, path="/", httponly=True,
            samesite="Strict", secure=self._access.terms.tls is not None,
        )  # fmt: skip
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        await self._form(request)
        self._access.sessions.sign_out(request.cookies.get(self._access.cookie, ""))
        response = web.Response(status=303, headers={"Location": local(_came_from(request))})
        response.del_cookie(
            self._access.cookie, path="/", httponly=True, samesite="Strict",
            secure=self._access.terms.tls is not None,
        )  # fmt: skip
        return response

    async def _consent(
        self, request: web.Request, action: str, form: Mapping[str, str], session: Session
    ) -> web.Response:
        """Show what a command would do, in a form of this session."""
        said = {name: str(value) for name, value in fields_of(action, form).items()}
        said["by"] = said.get("by") or session.by
        secret = {CSRF: session.csrf, BACK: local(form.get(BACK) or _came_from(request))}
        make = partial(consent, action=action, form=said, secret=secret)
        return shown(self._view, request, await self._view.read(make))

    async def _form(self, request: web.Request) -> dict[str, str]:
        """Read a form that a page of ours sent.

        Raises:
            HTTPForbidden: it came from elsewhere.
            HTTPUnsupportedMediaType: it is no form as our pages send them.
        """
        if not comes_from_us(request.headers, request.scheme):
            raise web.HTTPForbidden(text=FOREIGN)
        if request.can_read_body and request.content_type != FORM:
            raise web.HTTPUnsupportedMediaType(text=f"send {FORM}")
        return {name: str(value) for name, value in (await request.post()).items()}

    def _place(self) -> str:
        """Tell where the token lies, to those who can only be on this machine."""
        return self._access.terms.token_place if self._access.local else ""

    def _refuse(
        self, request: web.Request, status: int, detail: str, *, wait: float = 0.0
    ) -> web.Response:
        return refusal(self._view, request, status, detail, wait=wait)


def local(address: str) -> str:
    """Keep an address within our pages: whatever else it names becomes the first page.

    >>> local("/chains?state=open"), local("//evil.example"), local("https://evil.example")
    ('/chains?state=open', '/', '/')
    """
    sound = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if sound and address.isprintable() and len(address) < 1_000 else "/"


def _came_from(request: web.Request) -> str:
    """Tell from which of our pages a form came; an address that only takes forms is none."""
    came = urlsplit(request.headers.get("Referer", ""))
    path = f"{came.path}?{came.query}" if came.query else came.path
    return "/" if path.startswith(("/commands/", "/sign-")) else path
