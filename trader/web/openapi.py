"""What does the API promise? Its OpenAPI 3.1 document, made from the table of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.views.answers.asking import PREFIX
from trader.views.answers.tail import FactLine
from trader.views.reading import Pulse
from trader.web.orders import COMMANDS
from trader.web.problems import PROBLEM_TYPE, Problem
from trader.web.resources import RESOURCES
from trader.web.window import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.events import Command
    from trader.web.resources import Resource

Shape = dict[str, "Shape"] | list["Shape"] | str | float | bool | None
VERSION: Final = "1.0.0"
REF: Final = "#/components/schemas/{name}"
DESCRIPTION: Final = """\
Everything the dashboard shows, for programs; and commands, which need the token.

Times `at` are UTC nanoseconds on the market clock, `time` the same in ISO 8601. Amounts are in
units of their currency, shares and volatilities are fractions. A number that is not finite is
null. Lists that grow are answered newest first, in pages: `next`, where it is not null, goes into
`before`. Answers carry an ETag; one making of an answer serves all who ask within a second.
Errors are problem documents (RFC 9457) that name field, value and remedy.
"""
ANYWHERE: Final = ("401", "421", "429")
TAG: Final = "type"
"""What tells commands apart in the journal; here their address does."""
STREAM: Final = """\
Server-sent events. `start`: from which fact on this stream tells (`{"last": id}`). `fact`: one
fact as it became durable, with its id as the event's; `pulse`: the daemon, each second. After a
break send the last id as `Last-Event-ID` (browsers do) or as `after`: nothing is lost or told
twice. Without one it begins now. Who reads too slowly is cut off and may resume.
"""


def document() -> dict[str, Any]:
    """Write the whole document."""
    kinds = [*(one.answer for one in RESOURCES), Problem, FactLine, Pulse, Answer]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    questions = [one.question for one in RESOURCES]
    _, asked = msgspec.json.schema_components(questions, ref_template=REF)
    paths = {
        f"{PREFIX}{one.path}": {"get": _operation(one, schema, asked[one.question.__name__])}
        for one, schema in zip(RESOURCES, schemas, strict=False)
    }
    paths[f"{PREFIX}/stream"] = {"get": _stream()}
    for action, kind in COMMANDS.items():
        paths[f"{PREFIX}/commands/{action}"] = {"post": _command(action, kind)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "trader", "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": {
            path: {method: _nullable(one) for method, one in methods.items()}
            for path, methods in paths.items()
        },
        "components": {
            "schemas": _nullable(components),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(resource: Resource, schema: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    name = resource.path.strip("/").replace("/", "_").replace("{", "by_").replace("}", "")
    required = asked.get("required", ())
    parameters = [
        _parameter(field, shape, "path" if field in resource.parts else "query", field in required)
        for field, shape in asked.get("properties", {}).items()
    ]
    unchanged = {"description": "As the asker has it already (If-None-Match)."}
    return {
        "operationId": name,
        "summary": resource.summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": resource.summary,
                "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": schema}},
            },
            "304": unchanged,
            **_problems(("400", "404") if resource.parts or parameters else ("400",)),
        },
    }


def _parameter(name: str, shape: dict[str, Any], place: str, required: bool) -> dict[str, Any]:
    """Lay out one parameter; what may be left out has no null in an address."""
    shape = {key: one for key, one in shape.items() if not (key == "default" and one is None)}
    offers = [one for one in shape.get("anyOf", ()) if one.get("type") != "null"]
    if len(offers) == 1:
        shape = {key: one for key, one in shape.items() if key != "anyOf"} | offers[0]
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": str(shape.pop("description", "")),
        "schema": shape,
    }


def _problems(codes: Iterable[str]) -> dict[str, Any]:
    """Describe the problems of an address, and those that any address may answer with."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": REF.format(name=Problem.__name__)}}}
    told = {
        "400": "The question cannot be read.",
        "401": "It needs the token: `Authorization: Bearer ...`.",
        "403": "A page's command needs the mark of its session.",
        "404": "What it is about does not exist.",
        "409": "The command was journaled and refused.",
        "413": "That is more than is taken here.",
        "415": "A command is JSON.",
        "421": "The name in `Host` is not one of ours.",
        "429": "Too many requests, or wrong tokens; `Retry-After` says when to come back.",
        "503": "Not now; `Retry-After` says when to come back.",
    }
    return {
        code: {"description": told[code], "content": content}
        for code in sorted({*codes, *ANYWHERE})
    }


def _stream() -> dict[str, Any]:
    after = {
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
        "description": "Tell what follows this id.",
        "required": False,
    }
    return {
        "operationId": "stream",
        "summary": "What happens, as it happens.",
        "description": STREAM,
        "parameters": [
            {"name": "after", "in": "query", **after},
            {"name": "Last-Event-ID", "in": "header", **after},
        ],
        "responses": {
            "200": {
                "description": "Events without end.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_problems(("400", "503")),
        },
    }


def _command(action: str, kind: type[Command]) -> dict[str, Any]:
    """Describe a command: who and why, and what it is about."""
    _, shapes = msgspec.json.schema_components([kind], ref_template=REF)
    shape = shapes[kind.__name__]
    properties = {name: one for name, one in shape["properties"].items() if name != TAG}
    body = {
        "type": "object",
        "properties": properties,
        "required": [name for name in shape["required"] if name != TAG],
        "additionalProperties": False,
    }
    taken = {"application/json": {"schema": {"$ref": REF.format(name=Answer.__name__)}}}
    summary = " ".join((kind.__doc__ or "").split())
    return {
        "operationId": f"command_{action}",
        "summary": summary,
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "Journaled; `sequence` is its fact's.", "content": taken},
            **_problems(("400", "401", "403", "409", "413", "415", "503")),
        },
    }


def _nullable(shape: Shape) -> Shape:
    """Say of every number that null stands for one that is not finite."""
    if isinstance(shape, list):
        return [_nullable(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    told = {key: _nullable(one) for key, one in shape.items()}
    if told.get("type") == "number":
        told["type"] = ["number", "null"]
    return told
