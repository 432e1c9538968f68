"""The HTTP side of the exchange on a real port, plain and over TLS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from trader.deribit.server_auth import request_signature
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import (
    AnyFault,
    Corrupt,
    Delay,
    Drip,
    Drop,
    Maintenance,
    Refuse,
    TooManyRequests,
    Truncate,
)
from trader.deribit.simulator.server import Access, serve

STAMP = 1_795_168_800_000


async def fetch(url: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Ask once: status and body."""
    async with aiohttp.ClientSession() as session:
        verb = "POST" if "data" in options or "json" in options else "GET"
        async with session.request(verb, url, **options) as response:
            return response.status, await response.json()


async def test_get_and_post_are_answered_alike() -> None:
    """Query, body with the method in it, and the bare path."""
    async with serve(seed=7) as served:
        base = f"{served.http_url}/api/v2"
        name = {"instrument_name": "BTC-PERPETUAL"}
        status, got = await fetch(f"{base}/public/get_instrument", params=name)
        assert (status, got["result"]["instrument_name"]) == (200, "BTC-PERPETUAL")
        assert "id" not in got
        assert got["usDiff"] == got["usOut"] - got["usIn"] >= 0
        call = {"jsonrpc": "2.0", "id": "5", "method": "public/get_instrument", "params": name}
        for url in (base, f"{base}/public/get_instrument"):
            status, posted = await fetch(url, json=call)
            assert (status, posted["id"], posted["result"]) == (200, "5", got["result"])


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("public/nope", {}, -32_601),
        ("public/ticker", {}, -32_602),
        ("public/set_heartbeat", {"interval": "10"}, 10_030),
        ("public/subscribe", {"channels": "quote.BTC-PERPETUAL"}, 10_030),
        ("private/subscribe", {"channels": "quote.BTC-PERPETUAL"}, 13_009),
        ("public/test", {"expected_result": "exception"}, 10_001),
        ("public/auth", {"grant_type": "client_credentials", "client_id": "x",
                         "client_secret": "y"}, 13_004),
    ],
)  # fmt: skip
async def test_every_refusal_is_400_with_a_body(
    method: str, params: dict[str, str], code: int
) -> None:
    """Deribit uses neither 401 nor 403 nor 404 for a call."""
    async with serve(seed=7) as served:
        status, body = await fetch(f"{served.http_url}/api/v2/{method}", params=params)
    assert (status, body["error"]["code"]) == (400, code)


async def test_a_body_above_32_kb_is_refused() -> None:
    """Just above and far above the limit, with the same words."""
    async with serve(seed=7) as served:
        for size in (33_000, 600_000):
            status, body = await fetch(f"{served.http_url}/api/v2", data=b" " * size)
            assert (status, body["error"]["code"]) == (400, -32_600)


async def test_a_signed_private_call_gets_past_the_door() -> None:
    """A good signature turns `unauthorized` into what is wrong with the call itself."""
    async with serve(seed=7, access=Access(accounts={"key": "LOCALSECRET"})) as served:
        target = "/api/v2/private/subscribe"
        sig = request_signature("LOCALSECRET", STAMP, "n", "GET", target)
        header = {"Authorization": f"deri-hmac-sha256 id=key,ts={STAMP},sig={sig},nonce=n"}
        status, body = await fetch(served.http_url + target, headers=header)
    assert (status, body["error"]["code"]) == (400, 10_030)


async def test_calls_cost_credits_where_they_are_limited() -> None:
    """Fifty catalogs in a row are paid for, the next is refused; other pools are untouched."""
    async with serve(seed=7, access=Access(limited=True)) as served:
        url = f"{served.http_url}/api/v2/public/get_instruments?currency=EURR"
        async with aiohttp.ClientSession() as session:
            codes = []
            for _ in range(55):
                async with session.get(url) as response:
                    codes.append((await response.json()).get("error", {}).get("code"))
        assert codes[:50] == [None] * 50
        assert 10_028 in codes
        assert (await fetch(f"{served.http_url}/api/v2/public/get_time"))[0] == 200


async def read_codes(socket: ClientConnection, codes: list[int | None]) -> None:
    """Note the error code of every answer, None for a result, until the connection ends."""
    while True:
        codes.append(json.loads(await socket.recv()).get("error", {}).get("code"))


async def test_an_overdrawn_socket_is_closed_where_asked_for() -> None:
    """The refusal comes first, then the close."""
    access = Access(limited=True, closes_overdrawn=True)
    async with serve(seed=7, access=access) as served, connect(served.url) as socket:
        call = {"id": 1, "method": "public/subscribe", "params": {"channels": []}}
        for _ in range(40):
            await socket.send(json.dumps(call))
        codes: list[int | None] = []
        with pytest.raises(ConnectionClosed, match="too_many_requests"):
            await read_codes(socket, codes)
    assert codes[:10] == [None] * 10
    assert codes[-1] == 10_028


async def test_raw_channels_open_with_a_token() -> None:
    """Unauthenticated they are refused; after `public/auth` they are subscribed."""
    names = ["ticker.BTC-PERPETUAL.raw"]
    async with serve(seed=7) as served, connect(served.url) as socket:

        async def ask(method: str, **params: object) -> dict[str, Any]:
            await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
            while True:
                message: dict[str, Any] = json.loads(await socket.recv())
                if "id" in message:
                    return message

        for scope, code in (("public", 13_778), ("private", 13_009)):
            assert (await ask(f"{scope}/subscribe", channels=names))["error"]["code"] == code
        auth = await ask(
            "public/auth", grant_type="client_credentials", client_id="demo",
            client_secret="demo-secret",
        )  # fmt: skip
        assert auth["result"]["token_type"] == "bearer"
        assert (await ask("private/subscribe", channels=names, scope="x"))["result"] == names
        assert (await ask("private/unsubscribe", channels=names))["result"] == names


@asynccontextmanager
async def faulty(fault: AnyFault) -> AsyncIterator[str]:
    """Serve with one fault on; yields the address of a method that is answered at once."""
    async with serve(seed=7, faults=FaultPlan([fault])) as served:
        yield f"{served.http_url}/api/v2/public/get_time"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (TooManyRequests(duration_s=60.0), 10_028),
        (Maintenance(duration_s=60.0), 11_051),
    ],
)
async def test_faults_refuse_calls(fault: AnyFault, code: int) -> None:
    """The codes are those of a websocket, with the status of every refusal."""
    async with faulty(fault) as url:
        if code == 11_051:
            url = url.replace("get_time", "get_instruments")
        status, got = await fetch(url)
    assert (status, got["error"]["code"]) == (400, code)


async def test_a_platform_under_maintenance_says_so() -> None:
    """Its status is answered, and locked."""
    async with faulty(Maintenance(duration_s=60.0)) as url:
        status, got = await fetch(url.replace("get_time", "status"))
    assert (status, got["result"]) == (200, {"locked": "true"})


@pytest.mark.parametrize("fault", [Corrupt(duration_s=60.0), Truncate(duration_s=60.0)])
async def test_faults_break_answers(fault: AnyFault) -> None:
    """The status is that of an answer, the body is no JSON."""
    async with faulty(fault) as url:
        with pytest.raises(json.JSONDecodeError):
            await fetch(url)


@pytest.mark.parametrize(
    "fault", [Delay(delay_s=0.4, duration_s=60.0), Drip(bytes_per_s=300.0, duration_s=60.0)]
)
async def test_faults_slow_answers_down(fault: AnyFault) -> None:
    """A late answer and one that dribbles are whole, but not at once."""
    async with faulty(fault) as url:
        with pytest.raises(TimeoutError):
            await fetch(url, timeout=aiohttp.ClientTimeout(total=0.2))
        status, got = await fetch(url)
    assert (status, got["result"] > 0) == (200, True)


async def test_a_dropped_answer_is_the_end_of_the_connection() -> None:
    """The first is lost with its connection, the second call is answered."""
    call = {"id": 1, "method": "public/get_time"}
    async with faulty(Drop(count=1, duration_s=60.0)) as url:
        with pytest.raises(aiohttp.ClientConnectionError):
            await fetch(url, json=call)
        assert (await fetch(url, json=call))[0] == 200


async def test_refused_requests_are_turned_away() -> None:
    """With the status that the fault states; websockets are not meant here."""
    async with serve(
        seed=7, faults=FaultPlan([Refuse(clients="http", status=502, duration_s=60.0)])
    ) as served:
        async with aiohttp.ClientSession() as session:
            response = await session.get(f"{served.http_url}/api/v2/public/test")
            assert response.status == 502
        async with connect(served.url) as socket:
            await socket.send('{"id":1,"method":"public/get_time"}')
            assert json.loads(await socket.recv())["result"] > 0


async def test_faults_are_led_over_http_too() -> None:
    """Started with a body, listed with a query, stopped; while they are on, all else is lost."""
    async with serve(seed=7) as served:
        base = f"{served.http_url}/api/v2"
        fault = {"kind": "drop", "duration_s": 60}
        drop = {"id": 1, "method": "simulator/fault_start", "params": fault}
        assert (await fetch(base, json=drop))[1]["result"] == {"id": 1}
        with pytest.raises(aiohttp.ClientConnectionError):
            await fetch(f"{base}/public/test")
        listed = (await fetch(f"{base}/simulator/faults"))[1]["result"]
        assert [one["kind"] for one in listed] == ["drop"]
        assert (await fetch(f"{base}/simulator/fault_stop"))[1]["result"] == {"stopped": 1}
        assert (await fetch(f"{base}/public/test"))[0] == 200
