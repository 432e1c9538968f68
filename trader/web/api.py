"""How does the API answer? One handler per row of the table, each answer made once for all."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from trader.views.reading import NotThere, NotUnderstood
from trader.web.kitchen import Dish, serve_dish
from trader.web.openapi import document
from trader.web.problems import UNREADABLE, Problem, Refused, given, refusals_told, understood
from trader.web.resources import RESOURCES
from trader.web.stream import Streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from trader.views.answers.asking import Question
    from trader.views.reading import Reading
    from trader.web.kitchen import Kitchen
    from trader.web.resources import Resource
    from trader.web.window import Window

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api(window: Window, kitchen: Kitchen) -> web.Application:
    """Make the application that answers below `/api/v1`."""
    from aiohttp import web

    application = web.Application(middlewares=[refusals_told()])
    router = application.router
    for resource in RESOURCES:
        router.add_get(resource.path, _answering(resource, kitchen))
    described: list[Dish] = []

    async def openapi(request: web.Request) -> web.Response:
        if not described:  # it takes a tenth of a second, and few ever ask
            described.append(await asyncio.to_thread(_described))
        return serve_dish(request, described[0], "application/json")

    router.add_get("/openapi.json", openapi)
    streams = Streams(window)
    router.add_get("/stream", streams.serve, allow_head=False)
    application.on_shutdown.append(streams.close)
    return application


def _answering(resource: Resource, kitchen: Kitchen) -> Handler:
    """Make the handler of one resource."""

    async def handler(request: web.Request) -> web.Response:
        asked = understood(resource.question, given(request))
        key = f"api {resource.path} {asked}"
        try:
            dish = await kitchen.dish(key, partial(_made, resource, asked))
        except (NotThere, NotUnderstood) as error:
            raise Refused(_problem(error, request)) from error
        return serve_dish(request, dish, "application/json")

    return handler


def _described() -> Dish:
    return Dish.of(msgspec.json.format(msgspec.json.encode(document()), indent=1))


def _made(resource: Resource, asked: Question, reading: Reading) -> bytes:
    return msgspec.json.encode(resource.make(reading, asked))


def _problem(error: NotThere | NotUnderstood, request: web.Request) -> Problem:
    """Name what is not there."""
    field, value = next(iter(request.match_info.items()), (None, None))
    match error:
        case NotThere():
            return Problem(
                title="there is no such thing", status=404, detail=str(error), field=field,
                value=value, remedy="choose one that there is",
            )  # fmt: skip
        case NotUnderstood():
            return Problem(title=UNREADABLE, status=400, detail=str(error))
