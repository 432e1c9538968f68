"""How is a call over HTTP answered? One request, one answer, through the same exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from trader.deribit import server_http
from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import Authority
from trader.deribit.server_session import Call, Credits, test_answer
from trader.deribit.simulator.channels import FAST_S
from trader.deribit.simulator.connection import INCOMING_BYTES_MAX, address_of, is_local
from trader.deribit.simulator.faults import FaultPlan
from trader.domain.units import MICROSECOND

ASKERS_MAX: Final = 1_000
"""Of how many addresses that ask over HTTP the credits are kept."""


class Answerer(Protocol):
    """What answers a call, whichever way it came; `local` tells whether from this machine."""

    def __call__(self, method: str, params: Mapping[str, Any], *, local: bool) -> Awaitable[object]:
        """Answer one call; raises `ServerError` where it is refused."""


class HttpDoor:
    """The HTTP side of the exchange. Invariant: every answer carries usIn, usOut and usDiff."""

    def __init__(
        self,
        answer: Answerer,
        now: Callable[[], int],
        faults: FaultPlan,
        authority: Authority,
        *,
        limited: bool,
    ) -> None:
        self._ask = answer
        self._now = now
        self._faults = faults
        self._authority = authority
        self._limited = limited
        self._askers: dict[str, Credits] = {}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; while the exchange is mute, wait until it is not."""
        us_in = self._now() // MICROSECOND
        id_: int | str | None = None
        try:
            body = await _body(request)
            read = server_http.read_request(request.path, request.query.items(), body)
            id_ = read.id
            call = Call(read.id, read.method, read.params, us_in)
            result = await self._result(request, body, call)
        except ServerError as error:
            answer = server_http.refused(id_, error, us_in, self._now() // MICROSECOND)
        else:
            answer = server_http.answered(call, result, self._now() // MICROSECOND)
        while self._faults.silent:  # noqa: ASYNC110  faults end by the clock: nobody sets an event
            await asyncio.sleep(FAST_S)
        return web.Response(
            body=answer.body,
            status=answer.status,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _result(self, request: web.BaseRequest, body: bytes, call: Call) -> object:
        now = asyncio.get_running_loop().time()
        if self._limited:
            self._credits_of(address_of(request)).charge(call.method, now)
        if call.method.startswith("private/"):
            header = request.headers.get("Authorization", "")
            content = body.decode("utf-8", "replace")
            if not self._authority.admits(header, request.method, request.raw_path, content, now):
                raise ServerError(13_009, "unauthorized", {"reason": "invalid_token"})
        if call.method in server_http.WEBSOCKET_ONLY:
            raise ServerError(10_030, "must_be_websocket_request")
        match call.method:
            case "public/auth":
                return self._authority.grant(call.params, now)[1]
            case "public/test":
                return test_answer(call.params)
            case _:
                return await self._ask(call.method, call.params, local=is_local(request))

    def _credits_of(self, address: str) -> Credits:
        if address not in self._askers and len(self._askers) >= ASKERS_MAX:
            del self._askers[next(iter(self._askers))]
        return self._askers.setdefault(address, Credits())


async def _body(request: web.BaseRequest) -> bytes:
    """Read a body, not more than must be refused.

    Raises:
        ServerError: it is far too large.
    """
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > INCOMING_BYTES_MAX:
            raise ServerError(-32_600, "request entity too large")
    return bytes(body)
