"""How does the API say no? Problem documents (RFC 9457) that name field, value and remedy."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web
    from aiohttp.typedefs import Middleware

    from trader.views.answers.asking import Question

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

UNREADABLE: Final = "the question cannot be read"
PROBLEM_TYPE: Final = "application/problem+json"
VALUE_LENGTH_MAX: Final = 200
FIELD: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?$", re.DOTALL)
UNKNOWN: Final = re.compile(r"unknown field `(?P<field>.*)`", re.DOTALL)
MISSING: Final = re.compile(r"missing required field `(?P<field>.*)`", re.DOTALL)

Q = TypeVar("Q", bound="Question")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an answer is none. `field` and `value` are what was wrong, `remedy` what to do."""

    title: str
    status: int
    detail: str
    field: str | None = None
    value: str | None = None
    remedy: str | None = None


class Refused(Exception):
    """A question that is answered by a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def given(request: web.Request) -> dict[str, str]:
    """Take what stands in an address.

    Raises:
        Refused: a field is given twice, or is no plain text.
    """
    found = dict(request.match_info)
    for name, value in request.query.items():
        if name in found:
            raise _unread(name, value, "is given more than once", f"give {name} once")
        found[name] = value
    for name, value in found.items():
        if not f"{name}{value}".isprintable():
            raise _unread(name, value, "holds unprintable characters", "write plain text in UTF-8")
    return found


def _unread(name: str, value: str, wrong: str, remedy: str) -> Refused:
    field, shown = ascii(name)[1:-1][:VALUE_LENGTH_MAX], ascii(value)[1:-1][:VALUE_LENGTH_MAX]
    return Refused(
        Problem(
            title=UNREADABLE,
            status=400,
            detail=f"{field} {wrong}",
            field=field,
            value=shown,
            remedy=remedy,
        )
    )


def understood(kind: type[Q], given: Mapping[str, str]) -> Q:
    """Read a question from what stands in an address.

    Raises:
        Refused: a field is unknown, missing, or out of bounds.
    """
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(_bad(str(error), given, words(kind))) from error


def _bad(said: str, given: Mapping[str, str], words: Mapping[str, str]) -> Problem:
    known = ", ".join(words) or "nothing"
    if found := UNKNOWN.search(said) or MISSING.search(said):
        field = found["field"]
        return Problem(
            title=UNREADABLE, status=400, detail=f"{said[:400]}", field=field,
            value=_short(given.get(field, "")), remedy=f"this address takes {known}",
        )  # fmt: skip
    parts = FIELD.match(said)
    field = parts["field"] if parts is not None and parts["field"] else ""
    what = parts["what"] if parts is not None else said
    value = _short(given.get(field, ""))
    return Problem(
        title=UNREADABLE,
        status=400,
        detail=f"{field} = {value!r}: {what}",
        field=field,
        value=value,
        remedy=words.get(field) or f"this address takes {known}",
    )


def _short(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH_MAX else f"{value[:VALUE_LENGTH_MAX]}..."


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """Send a problem."""
    from aiohttp import web

    body = msgspec.json.encode({"type": "about:blank", **msgspec.to_builtins(problem)})
    return web.Response(
        body=body,
        status=problem.status,
        content_type=PROBLEM_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusals_told() -> Middleware:
    """Make what answers a question that was refused; other errors are told for all addresses."""
    from aiohttp import web

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            return problem_response(error.problem)

    return told


@lru_cache(maxsize=64)
def words(question: type[Question]) -> dict[str, str]:
    """Say of every field of a question what it may be."""
    shown = msgspec.json.schema_components([question], ref_template="{name}")[1]
    properties = shown[question.__name__].get("properties", {})
    return {name: _said(schema) for name, schema in properties.items()}


def _said(schema: dict[str, Any]) -> str:
    """Say what a value may be, then what it means."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    meanings = [one["description"] for one in (schema, *kinds) if "description" in one]
    return "; ".join([*(_bounds(one) for one in kinds), *meanings[:1]])


def _bounds(kind: dict[str, Any]) -> str:
    if "enum" in kind:
        return "one of " + ", ".join(str(one) for one in kind["enum"])
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    bounds = [f"{word} {kind[key]}" for key, word in words.items() if key in kind]
    return " ".join([str(kind.get("type", "")), *bounds])
