"""Does a sync reach its venue over the wire, by websocket and by HTTP?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from aiohttp import web

from tests.app.venue_history import NOW_MS, VenueHistory
from tests.deribit.loopback import Exchange, impatient
from trader.app.data_session import asking, asking_over_http, run_sync
from trader.app.data_spans import day_start
from trader.app.data_sync import WHAT
from trader.deribit.messages import RequestFailed, decode_result
from trader.deribit.server_session import ServerError
from trader.deribit.simulator.server import serve
from trader.domain.errors import FeedError
from trader.domain.units import MINUTE
from trader.storage.datasets import FOLDER, DatasetStore


def arguments(url: str, *what: str, history_url: str | None = None) -> argparse.Namespace:
    """Say what is wanted of whom."""
    return argparse.Namespace(
        config=[], url=url, history_url=history_url, what=what, currency=["BTC"],
        since=day_start("2026-05-30"), until=None,
    )  # fmt: skip


async def test_a_whole_sync_over_a_websocket(tmp_path: Path) -> None:
    """Every kind, from a venue that is no simulator; what is older than a day is not there."""
    venue = VenueHistory()
    store = DatasetStore(tmp_path / FOLDER)
    async with Exchange(venue.script) as exchange:
        assert await run_sync(arguments(exchange.url, *WHAT), tmp_path) == 0
    held = {one.dataset: one.rows for one in store.holdings(check=True)}
    assert held == {
        "instruments": 2, "candles": 60, "dvol": 60, "funding": 60, "deliveries": 100, "trades": 46,
        "settlements": 6,
    }  # fmt: skip


async def test_a_method_the_venue_lacks_costs_only_its_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are fetched; the exit code tells that something is missing."""
    venue = VenueHistory()
    venue.lacking = ("public/get_volatility_index_data",)
    store = DatasetStore(tmp_path / FOLDER)
    async with Exchange(venue.script) as exchange:
        assert await run_sync(arguments(exchange.url, "dvol", "candles"), tmp_path) == 69
    assert [one.dataset for one in store.holdings(check=False)] == ["candles"]
    told = capsys.readouterr()
    assert "does not serve it" in told.err
    assert told.out == "candles BTC: 60 rows fetched\n"


async def test_old_trades_over_http(tmp_path: Path) -> None:
    """The history host speaks HTTP: it is asked for what the main host does not know."""
    old = VenueHistory(trades_reach_ms=10**12)
    venue = VenueHistory()
    store = DatasetStore(tmp_path / FOLDER)
    async with Exchange(venue.script) as exchange, http_venue(old) as url:
        code = await run_sync(arguments(exchange.url, "trades", history_url=url), tmp_path)
    assert code == 0
    assert store.read("trades", "BTC").num_rows == 2 * 60
    assert old.asked("get_last_trades_by_currency_and_time") > 0


async def test_the_bundled_exchange_is_its_own_history_host(tmp_path: Path) -> None:
    """Trades of weeks ago come without naming a host: each print of the hour, none twice."""
    async with serve(seed=3) as served:
        wanted = arguments(served.url, "trades")
        wanted.until = wanted.since + 10 * MINUTE
        assert await run_sync(wanted, tmp_path) == 0
    [market] = (tmp_path / FOLDER).iterdir()
    assert market.name.startswith("3@"), "where the nights of that market look for it"
    held = DatasetStore(market).read("trades", "BTC")
    assert held.num_rows > 100
    assert "BTC-PERPETUAL" in held.column("instrument").to_pylist()
    assert (min(held.column("at").to_pylist()) - wanted.since) < MINUTE


async def test_an_error_over_http_is_the_venues_own() -> None:
    """HTTP 400 carries the code; a host that is away is a feed error."""
    venue = VenueHistory()
    async with http_venue(venue) as url, asking_over_http(url) as ask:
        assert decode_result(await ask("public/get_time", {}), int) == NOW_MS
        with pytest.raises(RequestFailed) as caught:
            await ask("simulator/clock", {})
        assert caught.value.code == -32_601
    async with asking_over_http(url) as ask:
        with pytest.raises(FeedError):
            await ask("public/get_time", {})


async def test_an_error_inside_is_raised_as_it_is() -> None:
    """Not wrapped in a group: the command line prints it as it was phrased."""
    venue = VenueHistory()
    async with Exchange(venue.script) as exchange:
        with pytest.raises(FeedError, match="as it was"):
            async with asking(exchange.url, impatient()):
                raise FeedError("as it was")


class http_venue:  # noqa: N801 - used as a context manager
    """The scripted venue over HTTP."""

    def __init__(self, venue: VenueHistory) -> None:
        self.venue = venue

    async def __aenter__(self) -> str:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_post("/api/v2/{scope}/{method}", self._answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/api/v2"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        try:
            result = self.venue.answer(body["method"], body["params"])
        except ServerError as error:
            told = {"code": error.body.code, "message": "Method not found"}
            return web.json_response({"id": 1, "error": told}, status=400)
        return web.json_response({"id": 1, "result": result})
