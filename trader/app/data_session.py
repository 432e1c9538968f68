"""Whom does a sync ask? One websocket client, and the history host where one is named."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.app.data_sync import Sync
from trader.app.exit_codes import ExitCode
from trader.app.night_data import datasets_folder
from trader.app.settings import FEED_URLS
from trader.app.terminal import complain, say
from trader.deribit.client import ClientSettings, DeribitClient
from trader.deribit.credits import PRICES, CreditPool
from trader.deribit.feed import Connected
from trader.deribit.messages import RequestFailed, SimulatorClock, decode_result
from trader.deribit.server_http import HISTORY_PATH
from trader.domain.errors import FeedError
from trader.domain.units import DAY, MILLISECOND
from trader.storage.datasets import DatasetStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from trader.app.data_sync import Call
    from trader.deribit.feed import FeedEvent

ATTEMPTS: Final = 5
CONNECT_WITHIN_S: Final = 20.0
HTTP_TIMEOUT_S: Final = 30.0
TRANSIENT: Final = frozenset({0, 10_028, 10_040, 10_041, 10_047, 10_066, 11_051, 11_094, 13_028})
"""Codes after which asking again helps; 0 is a connection that ended."""

HISTORY_URLS: Final = {FEED_URLS["deribit"]: "https://history.deribit.com/api/v2"}
"""Who knows the trades of a venue that are older than 24 hours."""

METHOD_NOT_FOUND: Final = -32_601
WEBSOCKET_PATH: Final = "/ws/api/v2"


async def run_sync(arguments: argparse.Namespace, state_dir: Path) -> ExitCode:
    """Fetch what is missing, kind by kind; a method the venue lacks costs only its kind.

    It goes where nights of that venue's market look for it.

    Progress goes to stderr, one line of what came to stdout.

    Raises:
        FeedError: the venue cannot be reached, or its answers cannot be read.
    """
    from trader.app.configuration import load_settings

    feed = load_settings(arguments.config).feed
    url = arguments.url or feed.endpoint
    lacking = False
    async with (
        asking(url) as call,
        _history(arguments.history_url or await _history_of(url, call)) as old_trades,
    ):
        market, now = await market_and_time(call)
        store = DatasetStore(datasets_folder(state_dir, market))
        since = arguments.since if arguments.since is not None else now - now % DAY - 365 * DAY
        until = arguments.until if arguments.until is not None else now
        sync = Sync(store, call, _progress, now=now, old_trades=old_trades)
        for currency in arguments.currency or feed.underlyings:
            for what in arguments.what:
                try:
                    rows = await sync.run(what, currency.upper(), (since, until))
                except RequestFailed as error:
                    if error.code != METHOD_NOT_FOUND:
                        raise
                    lacking = True
                    complain(f"{what} {currency}: {url} does not serve it ({error})")
                else:
                    say(f"{what} {currency.upper()}: {rows} rows fetched")
    return ExitCode.UNAVAILABLE if lacking else ExitCode.OK


async def market_and_time(call: Call) -> tuple[str, int]:
    """Ask a venue which market it shows, "" for a real one, and what time it is there.

    Raises:
        FeedError: it cannot be asked.
    """
    try:
        clock = decode_result(await call("simulator/clock", {}), SimulatorClock)
    except RequestFailed as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        return "", decode_result(await call("public/get_time", {}), int) * MILLISECOND
    return f"{clock.seed}@{clock.market}", clock.now_at


def _progress(text: str) -> None:
    complain(text)
    sys.stderr.flush()


async def _history_of(url: str, call: Call) -> str | None:
    """Name the history host of a venue; the bundled exchange is its own, on the same port."""
    if url in HISTORY_URLS or not url.startswith("ws://") or not url.endswith(WEBSOCKET_PATH):
        return HISTORY_URLS.get(url)
    try:
        await call("simulator/clock", {})
    except RequestFailed as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        return None
    return f"http{url.removeprefix('ws').removesuffix(WEBSOCKET_PATH)}{HISTORY_PATH}"


@asynccontextmanager
async def _history(host: str | None) -> AsyncIterator[Call | None]:
    """Ask the history host, where there is one."""
    if host is None:
        yield None
    elif host.startswith("http"):
        async with asking_over_http(host) as ask:
            yield ask
    else:
        async with asking(host) as ask:
            yield ask


@asynccontextmanager
async def asking(url: str, settings: ClientSettings | None = None) -> AsyncIterator[Call]:
    """Ask over a websocket that is reconnected as long as the block lasts.

    Raises:
        FeedError: nobody answers at that address.
    """
    connected = asyncio.Event()

    async def deliver(events: Sequence[FeedEvent]) -> None:
        if any(isinstance(event, Connected) for event in events):
            connected.set()

    client = DeribitClient(url, settings or ClientSettings(), deliver)

    async def call(method: str, params: dict[str, Any]) -> msgspec.Raw:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await client.call(method, params)
            except FeedError as error:
                code = error.code if isinstance(error, RequestFailed) else 0
                if code not in TRANSIENT or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(attempt)
        raise FeedError(f"{method}: no answer")

    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(client.run(), name="client")
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await connected.wait()
            yield call
        except TimeoutError:
            failure = FeedError(f"nobody answers at {url}")
        except Exception as error:  # noqa: BLE001 - raised below: the group would wrap it
            failure = error
        finally:
            client.stop()
            task.cancel()
    if failure is not None:
        raise failure


@asynccontextmanager
async def asking_over_http(url: str) -> AsyncIterator[Call]:
    """Ask by HTTP POST, paced by the credits of an account without a volume tier."""
    import aiohttp

    pool = CreditPool(PRICES["default"], share=0.9)
    timeout = aiohttp.ClientTimeout(total=HTTP_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def call(method: str, params: dict[str, Any]) -> msgspec.Raw:
            while not pool.spend(time.monotonic()):  # noqa: ASYNC110 - credits come with time
                await asyncio.sleep(0.05)
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            try:
                address = f"{url.rstrip('/')}/{method}"
                async with session.post(address, json=request) as response:
                    body = msgspec.json.decode(await response.read(), type=_Body)
            except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
                raise FeedError(f"{method} at {url}: {error} ({type(error).__name__})") from error
            if body.error is not None:
                raise RequestFailed(method, body.error.code, body.error.message)
            return body.result

        yield call


class _Error(msgspec.Struct):
    """What an answer says went wrong."""

    code: int
    message: str


class _Body(msgspec.Struct):
    """An answer over HTTP."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None
