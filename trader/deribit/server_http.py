"""What does an HTTP request ask of the exchange, and how is it answered?

`/api/v2/{scope}/{method}` carries the call in path and query (GET) or in a JSON-RPC body (GET or
POST, which may leave the path bare); no socket here. Every refusal is status 400 with its body.
The history host, which knows the trades of years, is the same under `/history` or by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from trader.deribit.messages import (
    CLIENT_FRAME_BYTES_MAX,
    CallEnvelope,
    ErrorBody,
    error_frame,
    read_call,
    result_frame,
)
from trader.deribit.server_session import Call, ServerError

HTTP_PATH: Final = "/api/v2"
HISTORY_PATH: Final = f"/history{HTTP_PATH}"
HISTORY_HOST: Final = "history."
WEBSOCKET_ONLY: Final = frozenset(
    {
        "public/set_heartbeat",
        "public/disable_heartbeat",
        "public/hello",
        "public/subscribe",
        "public/unsubscribe",
        "public/unsubscribe_all",
        "private/subscribe",
        "private/unsubscribe",
        "private/unsubscribe_all",
    }
)


class HttpAnswer(msgspec.Struct, frozen=True):
    """A status and its JSON body."""

    status: int
    body: bytes


def is_http_path(path: str) -> bool:
    """Tell whether a path belongs to the exchange's HTTP door."""
    return any(
        path.rstrip("/") == known or path.startswith(f"{known}/")
        for known in (HTTP_PATH, HISTORY_PATH)
    )


def read_request(
    path: str, query: Iterable[tuple[str, str]], body: bytes, host: str = ""
) -> CallEnvelope:
    """Read the call out of a request; a method in the body goes before one in the path.

    What is asked of the history host carries `historical`.

    Raises:
        ServerError: too large, no JSON-RPC body, or no method at all.
    """
    read = _read(path.removeprefix(HISTORY_PATH).removeprefix(HTTP_PATH), query, body)
    if path.startswith(HISTORY_PATH) or host.startswith(HISTORY_HOST):
        return msgspec.structs.replace(read, params=read.params | {"historical": True})
    return read


def _read(rest: str, query: Iterable[tuple[str, str]], body: bytes) -> CallEnvelope:
    if len(body) > CLIENT_FRAME_BYTES_MAX:
        raise ServerError(-32_600, "request entity too large")
    method = rest.strip("/")
    if not body.strip():
        if not method:
            raise ServerError(11_050, "bad_request", "no method")
        return CallEnvelope(method, None, _parameters(query))
    read = read_call(_with_method(body, method))
    if isinstance(read, ErrorBody):
        raise ServerError(read.code, read.message, read.data)
    return read


def answered(call: Call, result: object, us_out: int, *, testnet: bool = False) -> HttpAnswer:
    """Write the answer of a call."""
    return HttpAnswer(200, result_frame(call.id, result, call.received_us, us_out, testnet))


def refused(
    id_: int | str | None, error: ServerError, us_in: int, us_out: int, *, testnet: bool = False
) -> HttpAnswer:
    """Write a refusal: Deribit knows no other status for an error of the application."""
    return HttpAnswer(400, error_frame(id_, error.body, us_in, us_out, testnet))


def _parameters(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Gather a query; what repeats becomes a list, `[1,2]` in brackets is one already."""
    params: dict[str, Any] = {}
    for name, text in query:
        value: Any = text
        if text.startswith("["):
            try:
                value = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                value = text
        if name in params:
            before = params[name]
            value = [*(before if isinstance(before, list) else [before]), value]
        params[name] = value
    return params


def _with_method(body: bytes, method: str) -> bytes:
    """Add the path's method to a body that names none; what is no object stays as it is."""
    if not method:
        return body
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body
    if not isinstance(content, dict) or "method" in content:
        return body
    return msgspec.json.encode(content | {"method": method})
