"""Does each address answer what the journal holds? A real server, real requests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from tests.storage.story import STORY
from tests.web.furnished import DATE, furnished
from trader.views.live import fold
from trader.web.resources import RESOURCES, Resource
from trader.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.web.rooms import Room

    Get = Callable[..., Awaitable[Any]]

PARTS = {
    "strategy": "covered_call_btc", "chain_id": "c1", "verdict_id": "v2", "underlying": "BTC",
    "date": DATE,
}  # fmt: skip


def as_json(value: object) -> Any:
    """Write and read it as JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))


@asynccontextmanager
async def asked(room: Room | None = None) -> AsyncIterator[Get]:
    """Serve a room; give what asks it."""
    async with (
        serve(room or furnished(), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):

        async def get(path: str) -> Any:
            async with session.get(f"http://127.0.0.1:{port}/api/v1{path}") as answer:
                assert answer.status == 200, await answer.text()
                return msgspec.json.decode(await answer.read())

        yield get


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.path)
@pytest.mark.parametrize("facts", [STORY, STORY[:9]], ids=["whole", "alive"])
async def test_every_answer_reads_back_as_what_it_promises(
    resource: Resource, facts: tuple[Any, ...]
) -> None:
    """A program that has our types reads each answer strictly."""
    path = resource.path.format(**PARTS)
    async with asked(furnished(facts)) as get:
        found = await get(path)
    msgspec.convert(found, resource.answer)
    assert found or path in ("/positions", "/chains")


async def test_status_positions_and_chains_are_those_of_the_fold() -> None:
    """The same rows that `trader` prints from the journal."""
    live = fold(STORY[:9])
    async with asked(furnished(STORY[:9])) as get:
        assert await get("/status") == as_json(live.status())
        assert await get("/positions") == as_json(live.positions())
        assert await get("/chains") == as_json(live.chains())
        assert [one["chain_id"] for one in await get("/chains")] == ["c1"]


async def test_verdicts_come_in_pages_and_by_filter() -> None:
    """Following `next` tells each once, newest first; filters leave out what was not asked for."""
    async with asked() as get:
        first = await get("/verdicts?limit=1")
        page = await get(f"/verdicts?limit=1&before={first['next']}")
        seen = [one["verdict_id"] for one in first["verdicts"] + page["verdicts"]]
        assert (seen, page["next"]) == (["v2", "v1"], None)
        assert [one["rule"] for one in page["counts"]]
        ids = {
            query: [one["verdict_id"] for one in (await get(f"/verdicts?{query}"))["verdicts"]]
            for query in (
                "verdict=approved", "verdict=refused", "strategy=nobody",
                f"rule={(await get('/verdicts/v2'))['row']['rule']}", "rule=cooldown",
            )
        }  # fmt: skip
        assert list(ids.values()) == [["v1"], ["v2"], [], ["v2"], []]


async def test_a_verdict_and_a_chain_are_told_in_full() -> None:
    """Every number of the fact, the words a person reads, and what followed."""
    async with asked() as get:
        told = await get("/verdicts/v2")
        assert told["text"].startswith("REFUSED v2")
        assert told["fact"]["type"] == "Refused"
        chain = await get("/chains/c1")
        assert chain["living"] is None
        assert chain["ended"]["pnl_usd"] == pytest.approx(152.1)
        assert [one["fact"]["type"] for one in chain["facts"]][-2:] == ["Settled", "ChainEnded"]
        assert (await get("/chains/ended"))["chains"] == [chain["ended"]]


async def test_a_board_has_numbers_or_null() -> None:
    """Rows by expiry; the models' volatility where it was asked for."""
    async with asked() as get:
        board = await get("/boards/BTC")
        assert board["regime"].startswith("Calm")
        assert all(row["model_iv"] is None for row in board["rows"])
        expiry = board["rows"][0]["expires_at"][:10]
        some = await get(f"/boards/BTC?expiry={expiry}&models=true")
        assert 0 < len(some["rows"]) < len(board["rows"])
        near = [row for row in some["rows"] if row["bid"] and 0.3 < abs(row["delta"]) < 0.7]
        assert near
        assert all(abs(row["model_iv"] - row["mark_iv"]) < 0.1 for row in near)


async def test_what_many_ask_is_made_once() -> None:
    """Two spellings of one question are one making."""
    room = furnished()
    async with asked(room) as get:
        await get("/verdicts")
        await get("/verdicts?limit=50")
        assert room.readings == 1
