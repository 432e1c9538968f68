"""How does a night behave as a process? Alone, at low priority, gone when the daemon is."""

from __future__ import annotations

import asyncio
import fcntl
import os
import resource
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from trader.app.data_session import METHOD_NOT_FOUND, asking, market_and_time
from trader.app.data_sync import Sync
from trader.app.executors import die_with_parent
from trader.app.night_data import datasets_folder, first_wanted
from trader.app.night_folder import NIGHTS, sweep
from trader.deribit.messages import RequestFailed
from trader.domain.errors import FeedError, JournalLocked
from trader.storage.datasets import DatasetStore
from trader.strategies.strategy import coins_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.app.data_sync import Call
    from trader.app.night_settings import NightSettings

GB: Final = 1_000_000_000
LOCK: Final = ".lock"
KINDS: Final = ("candles", "dvol")
FETCH_SHARE_MAX: Final = 0.25
"""The part of a night's time that fetching may take: judging on less is better than not judging."""
ENDED: Final = 143
"""Exit code of a night whose daemon went away: 128 + SIGTERM, as a shell would say."""


def confine(settings: NightSettings) -> None:
    """Give way to trading, and never take all memory."""
    with suppress(PermissionError):  # a sandbox may forbid it: it has priorities of its own
        os.nice(settings.niceness)
    limit = int(settings.memory_gb_max * GB)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def until_eof() -> None:
    """End this process when its standard input ends: however the daemon dies, we do not stay."""
    die_with_parent()

    def watch() -> None:
        while os.read(0, 4_096):  # not sys.stdin: its lock would outlive us
            pass
        os._exit(ENDED)

    threading.Thread(target=watch, name="until-eof", daemon=True).start()


@contextmanager
def alone(configuration: Configuration, *, wait: bool = False) -> Iterator[Path]:
    """Hold the nights' lock and clear up what a kill left: two never write one folder.

    Raises:
        JournalLocked: another evaluation of this state runs, and we do not `wait` for its end.
    """
    nights = configuration.state_dir / NIGHTS
    nights.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (nights / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise JournalLocked(
                f"another evaluation runs in {nights}: wait for its end, then repeat"
            ) from None
        sweep(nights)
        yield nights


def fetch_history(configuration: Configuration, say: Callable[[str], None]) -> None:
    """Fetch what is missing of candles and volatility; a venue that is away costs freshness only.

    Raises:
        StorageError: what is held cannot be read.
    """
    try:
        asyncio.run(_fetch_in_time(configuration, say))
    except (FeedError, TimeoutError) as error:
        say(f"history not fetched ({str(error) or 'out of time'}): evaluating on what is here")


async def _fetch_in_time(configuration: Configuration, say: Callable[[str], None]) -> None:
    minutes = configuration.settings.nightly.minutes_max
    async with (
        asyncio.timeout(minutes * 60 * FETCH_SHARE_MAX),
        asking(configuration.settings.feed.endpoint) as call,
    ):
        await _fetch(configuration, call, say)


async def _fetch(configuration: Configuration, call: Call, say: Callable[[str], None]) -> None:
    market, now = await market_and_time(call)
    store = DatasetStore(datasets_folder(configuration.state_dir, market))
    sync = Sync(store, call, say, now=now, old_trades=None)
    since = first_wanted(now, configuration.settings.nightly.years)
    traded = (coin for one in configuration.strategies for coin in coins_of(one.strategy))
    for currency in dict.fromkeys(traded):
        for what in KINDS:
            try:
                await sync.run(what, currency, (since, now))
            except RequestFailed as error:
                if error.code != METHOD_NOT_FOUND:
                    raise
                say(f"{what} {currency}: the venue does not serve it ({error})")
