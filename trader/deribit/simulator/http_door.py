"""How is a call over HTTP answered? One request, one answer, through the same exchange."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from trader.deribit import server_http
from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import AUTH_METHODS, Authority
from trader.deribit.server_session import Call, Credits, test_answer
from trader.deribit.simulator.connection import (
    INCOMING_BYTES_MAX,
    PIECE_S,
    address_of,
    is_local,
)
from trader.deribit.simulator.disturbance import Disturbance
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
        disturbance: Disturbance,
        authority: Authority,
        *,
        limited: bool,
    ) -> None:
        self._ask = answer
        self._now = now
        self._disturbance = disturbance
        self._authority = authority
        self._limited = limited
        self._askers: dict[str, Credits] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, as the faults let it."""
        us_in = self._now() // MICROSECOND
        id_: int | str | None = None
        method = ""
        try:
            body = await _body(request)
            read = server_http.read_request(request.path, request.query.items(), body, request.host)
            id_, method = read.id, read.method
            call = Call(read.id, read.method, read.params, us_in)
            result = await self._result(request, body, call)
        except ServerError as error:
            answer = server_http.refused(id_, error, us_in, self._now() // MICROSECOND)
        else:
            answer = server_http.answered(call, result, self._now() // MICROSECOND)
        shaped = self._disturbance.shape(method, answer.body)
        await asyncio.sleep(shaped.delay_s)
        if not shaped.frames:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return await self._send(request, answer.status, shaped.frames[0])

    async def _send(self, request: web.BaseRequest, status: int, body: bytes) -> web.StreamResponse:
        """Send an answer; where bytes are to leave slowly, in pieces."""
        headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
        if self._disturbance.bytes_per_s == math.inf:
            return web.Response(body=body, status=status, headers=headers)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        while body:
            rate = self._disturbance.bytes_per_s
            size = max(int(min(rate * PIECE_S, len(body))), 1)
            await response.write(body[:size])
            body = body[size:]
            await asyncio.sleep(size / rate)
        await response.write_eof()
        return response

    async def _result(self, request: web.BaseRequest, body: bytes, call: Call) -> object:
        now = asyncio.get_running_loop().time()
        refusal = self._disturbance.refusal(call.method)
        if refusal is not None:
            raise refusal.error
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
            case method if method in AUTH_METHODS:
                return self._authority.answer(method, call.params, now)[1]
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


def turned_away(status: int, text: str) -> web.Response:
    """Write the answer to who may not come in; the connection ends with it."""
    response = web.Response(status=status, text=text)
    response.force_close()
    return response
