"""Is the document true? Each answer is held to its schema, and strangers make up questions."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from tests.web.doors import BEARER, TOKEN
from tests.web.furnished import furnished
from tests.web.test_api import PARTS, asked
from trader.domain.events import Command, FlattenAll
from trader.views.answers.asking import PREFIX
from trader.web.access import Terms
from trader.web.openapi import document
from trader.web.orders import COMMANDS
from trader.web.resources import RESOURCES, Resource
from trader.web.server import serve
from trader.web.window import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS_LENGTH_MAX = 8_000
"""Longer addresses are refused (400) by aiohttp, before they come to us."""
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
WHOLE = json.loads(msgspec.json.encode(document()))


def schema_of(path: str, code: str = "200") -> dict[str, Any]:
    """Find the schema of an answer, with all it refers to."""
    content = WHOLE["paths"][f"{PREFIX}{path}"]["get"]["responses"][code]["content"]
    (one,) = content.values()
    return {**one["schema"], "components": WHOLE["components"]}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.path)
async def test_each_answer_is_as_its_schema_says(resource: Resource) -> None:
    """What the handlers answer validates against what the document promises."""
    validator = jsonschema_rs.Draft202012Validator(schema_of(resource.path))
    async with asked(furnished()) as get:
        validator.validate(await get(resource.path.format(**PARTS)))
    assert not validator.is_valid(7)


async def test_the_served_document_is_whole() -> None:
    """Every address of the table stands there, every reference leads somewhere, no id twice."""
    async with asked() as get:
        served = await get("/openapi.json")
    assert served == WHOLE
    assert served["openapi"].startswith("3.1")
    expected = {f"{PREFIX}{one.path}" for one in RESOURCES}
    assert set(served["paths"]) >= expected
    references = set(_references(served))
    known = {f"#/components/schemas/{name}" for name in served["components"]["schemas"]}
    assert references <= known
    ids = [one["get"]["operationId"] for one in served["paths"].values() if "get" in one]
    assert len(set(ids)) == len(ids)


def _references(shape: Any) -> Iterator[str]:
    if isinstance(shape, dict):
        if isinstance(shape.get("$ref"), str):
            yield shape["$ref"]
        for one in shape.values():
            yield from _references(one)
    elif isinstance(shape, list):
        for one in shape:
            yield from _references(one)


async def taken(command: Command) -> Answer:
    """Journal every command but the flattening, which is refused."""
    if isinstance(command, FlattenAll):
        return Answer(accepted=False, sequence=7, detail="there is nothing to flatten")
    return Answer(accepted=True, sequence=7)


@contextmanager
def served() -> Iterator[int]:
    """Serve a furnished room from a thread of its own: the fuzzer asks as a program does."""
    ready: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        terms = Terms(tokens=lambda: (TOKEN,), requests_per_s=100_000)
        async with serve(furnished(), "127.0.0.1", 0, terms, taken) as port:
            ready.put_nowait(port)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(ready.get(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def test_commands_stand_in_the_document_as_they_are_taken() -> None:
    """Each by its own address, with who and why; its kind in the journal is not asked for."""
    for action, kind in COMMANDS.items():
        operation = WHOLE["paths"][f"{PREFIX}/commands/{action}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert set(body["properties"]) == {one.name for one in msgspec.structs.fields(kind)}
        assert {"by", "reason"} <= set(body["required"])


def fuzz(examples: int) -> int:
    """Ask every address what its parameters allow and what they forbid; count the questions.

    Held to: no 5xx, a status and content type that are documented, an answer as its schema says.
    """
    counted = 0
    with served() as port:
        schema = schemathesis.openapi.from_dict(WHOLE)
        schema.config.update(base_url=f"http://127.0.0.1:{port}")
        operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
        for operation in operations:
            if operation.path.endswith("/stream"):
                continue  # it has no end
            for mode in schemathesis.GenerationMode:
                negative = mode is schemathesis.GenerationMode.NEGATIVE
                if negative and not (operation.query or operation.body):
                    continue

                @settings(
                    max_examples=examples, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
                )  # fmt: skip
                @given(operation.as_strategy(generation_mode=mode))
                def ask(case: schemathesis.Case[Any]) -> None:
                    nonlocal counted
                    counted += 1
                    response = case.call(headers=BEARER)
                    if len(response.request.url or "") < ADDRESS_LENGTH_MAX:
                        case.validate_response(response, checks=CHECKS)
                    assert response.status_code < 500

                ask()
    return counted


def test_strangers_find_no_way_to_break_it() -> None:
    """A few questions of each kind, in seconds."""
    assert fuzz(examples=8) > 150


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_many_strangers_find_no_way_to_break_it() -> None:
    """Hundreds of questions of each kind."""
    assert fuzz(examples=150) > 1_500
