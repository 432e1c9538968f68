"""What runs? One TaskGroup: feed, engine, commands, web, pulse. A dead task ends the process.

Start-up is recovery: lock, journal, fold, connect, open an epoch. A clean stop and a crash are
followed by the same path.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from trader.app import control
from trader.app.assemble import build_engine, recover
from trader.app.driver import Driver, Errand, Inbox
from trader.app.exit_codes import ExitCode
from trader.app.live_feed import LiveFeed
from trader.app.market_clock import MarketClock
from trader.app.metrics import Metrics
from trader.app.narrator import Narrator
from trader.app.notify import Notifier, watchdog_interval_s
from trader.app.observability import configure_log, logger
from trader.app.recorder import (
    Recorder,
    epoch_manifest,
    frozen_configuration,
    recordings_folder,
)
from trader.app.settings import SIMULATED
from trader.app.status_line import status_line
from trader.domain.errors import ConfigurationError
from trader.domain.facts import AlertRaised, CommandTaken, EpochOpened
from trader.domain.units import SECOND, iso
from trader.storage.journal import Journal
from trader.storage.lock import StateLock
from trader.web.server import Health, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from trader.app.configuration import Configuration
    from trader.domain.events import Command
    from trader.domain.facts import Recorded
    from trader.engine.engine import Engine
    from trader.engine.outcome import Outcome

STATUS_EVERY_S: Final = 15.0
PULSE_EVERY_S: Final = 1.0
LOOP_LAG_S_MAX: Final = 5.0
BEHIND_WALL_S_MAX: Final = 60.0
"""An exchange whose clock is further behind the journal than this is another exchange."""


class Daemon:
    """One running daemon over one journal. Invariant: nothing is told before it is durable."""

    def __init__(self, configuration: Configuration, journal: Journal) -> None:
        self._configuration = configuration
        self._journal = journal
        self._log = logger("daemon")
        self.counts = Metrics()
        self.engine: Engine = build_engine(configuration)
        self._recovered = recover(self.engine, journal)
        feed = configuration.settings.feed
        self.clock = MarketClock(wall=feed.source != SIMULATED, floor_at=self.engine.ledger.at)
        self.inbox = Inbox(feed.client.queue_max)
        self.feed = LiveFeed(feed, self.clock, self.inbox, self.counts)
        self._writer = ThreadPoolExecutor(1, "journal")
        recordings = recordings_folder(configuration.state_dir)
        self.recorder = Recorder(recordings, configuration.settings.recorder, self._alert)
        self.driver = Driver(
            self.engine, self.clock, self.inbox, self._append, self._tell, self.recorder.record
        )
        self._narrator = Narrator(self.engine)
        self._notifier = Notifier.from_environment()
        self._stop = asyncio.Event()
        self._loop_lag_s = 0.0
        self._watched: tuple[str, ...] = ()

    async def run(self) -> ExitCode:
        """Trade on paper until SIGINT or SIGTERM.

        Raises:
            ConfigurationError: journal and exchange do not belong together.
            StorageError: the journal cannot be written.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            async with self._open_doors(), asyncio.TaskGroup() as tasks:
                jobs = [tasks.create_task(self.feed.client.run(), name="client")]
                jobs.append(tasks.create_task(self.feed.run(), name="feed"))
                jobs.append(tasks.create_task(self._pulse(), name="pulse"))
                if await self._unless_stopped(self.feed.know_the_time()):
                    await self._open_epoch()
                    jobs.append(tasks.create_task(self.driver.run(), name="engine"))
                    jobs.append(tasks.create_task(self.feed.fetch_deliveries(), name="deliveries"))
                    jobs.append(tasks.create_task(self._status(), name="status"))
                    jobs.append(tasks.create_task(self.recorder.run(), name="recorder"))
                    await self._stop.wait()
                self._log.info("daemon.stopping", message="stopping: positions and orders are kept")
                self._notifier.stopping()
                self.feed.client.stop()
                for job in jobs[1:]:
                    job.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            await self.recorder.close()
            self._writer.shutdown()
        return ExitCode.OK

    async def _unless_stopped(self, waiting: Coroutine[None, None, None]) -> bool:
        """Wait for something; False where a signal came first."""
        async with asyncio.TaskGroup() as tasks:
            wanted = tasks.create_task(waiting)
            stopped = tasks.create_task(self._stop.wait())
            await asyncio.wait({wanted, stopped}, return_when=asyncio.FIRST_COMPLETED)
            wanted.cancel()
            stopped.cancel()
        return not self._stop.is_set()

    @contextlib.asynccontextmanager
    async def _open_doors(self) -> AsyncIterator[None]:
        """Take commands and serve health and metrics while the daemon runs."""
        web = self._configuration.settings.web
        async with contextlib.AsyncExitStack() as doors:
            await doors.enter_async_context(
                control.listen(self._configuration.socket_path, self._take)
            )
            if web.port:
                port = await doors.enter_async_context(
                    serve(self, web.host, web.port, self._configuration.web_token)
                )
                url = f"http://{web.host}:{port}"
                message = f"health and metrics at {url}/healthz and {url}/metrics"
                self._log.info("web.listening", message=message)
            yield

    async def _open_epoch(self) -> None:
        """Check that journal and market belong together, then begin."""
        ledger, now = self.engine.ledger, self.clock.now()
        known = ledger.epoch
        if known is not None and known.market != self.feed.market:
            raise ConfigurationError(
                f"journal: it belongs to market {known.market!r}, the feed is market "
                f"{self.feed.market!r}: use --fresh for a new journal, or another state directory"
            )
        epoch = EpochOpened(
            epoch=1 if known is None else known.epoch + 1,
            feed=self._configuration.settings.feed.source,
            speed=self.clock.speed,
            market=self.feed.market,
            software=version("trader"),
            configuration_hash=self._configuration.hash,
        )
        if not self.clock.wall:
            self._check_clock(ledger.at)
        balances = self._configuration.settings.account.balances
        opened = self.engine.start(epoch, balances, now)
        await self.driver.commit([opened])
        if self._configuration.settings.recorder.enabled:
            manifest = epoch_manifest(
                self._configuration, epoch, at=now, sequence=opened.sequence,
                recovered=self._recovered,
            )  # fmt: skip
            self.recorder.begin(manifest, partial(frozen_configuration, self._configuration))
        message = (
            f"trading on paper: epoch {epoch.epoch}, {len(self.engine.slots)} strategies, market "
            f"{epoch.market} at {epoch.speed:g}x, {self._recovered} facts recovered"
        )
        self._log.info("daemon.ready", at=now, message=message)
        self._notifier.ready(message)

    def _check_clock(self, journaled_at: int) -> None:
        behind_s = (journaled_at - self.clock.told_at) / SECOND / self.clock.speed
        if behind_s > BEHIND_WALL_S_MAX:
            raise ConfigurationError(
                f"journal: its last fact is of {iso(journaled_at)}, the exchange says it is "
                f"{iso(self.clock.told_at)}: another exchange? use --fresh, or the state it kept"
            )

    def _alert(self, kind: str, text: str) -> None:
        """Say what a person should know that is no fact of trading."""
        self._log.error(kind, message=text)
        self.counts.alerts.labels(kind, "critical").inc()

    async def _append(self, records: list[Recorded]) -> None:
        """Write on the journal's own thread; it is durable when this returns."""
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        await loop.run_in_executor(self._writer, self._journal.append, records)
        self.counts.commit_seconds.observe(time.monotonic() - began)

    def _tell(self, outcome: Outcome) -> None:
        """Make known what is durable: log lines, metrics, requests, subscriptions."""
        self._narrator.tell(outcome)
        self.counts.record(outcome.records)
        for request in outcome.requests:
            self.feed.want_delivery(request.underlying, request.expires_at)
        held = tuple(sorted({one.name for one in self.engine.ledger.held()}))
        if held != self._watched:
            self._watched = held
            self.feed.watch(held)

    async def _take(self, command: Command) -> control.Answer:
        """Carry a person's command to the engine; answer once it is journaled."""
        if self.engine.ledger.epoch is None:
            return control.Answer(accepted=False, detail="not trading yet: waiting for the market")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        await self.inbox.put(Errand(command, answer))
        outcome = await answer
        taken = any(isinstance(fact, CommandTaken) for fact in outcome.facts)
        refused = [
            fact.text
            for fact in outcome.facts
            if isinstance(fact, AlertRaised) and fact.kind == "command_refused"
        ]
        return control.Answer(
            accepted=taken and not refused, sequence=outcome.sequence, detail="; ".join(refused)
        )

    async def _pulse(self) -> None:
        """Watch the loop and feed the watchdog, but only while the engine moves."""
        interval_s = watchdog_interval_s()
        last = time.monotonic()
        while True:
            await asyncio.sleep(PULSE_EVERY_S)
            now = time.monotonic()
            self._loop_lag_s = max(now - last - PULSE_EVERY_S, 0.0)
            last = now
            health = self.health()
            waiting = self.engine.ledger.epoch is None
            if interval_s is not None and (waiting or health.progress_age_s < interval_s):
                self._notifier.watchdog()

    async def _status(self) -> None:
        """Fill silences with one line that says where we stand."""
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            fields = status_line(self.engine, self.clock, self.feed.alive)
            self._log.info("status", **fields)
            self._notifier.status(str(fields["message"]))

    def health(self) -> Health:
        """Take the pulse now."""
        web = self._configuration.settings.web
        started = self.engine.ledger.epoch is not None
        return Health(
            feed_alive=self.feed.alive,
            journal_ok=self.driver.journal_ok or self._age_s() < web.progress_age_s_max,
            progress_age_s=self._age_s(),
            progress_age_s_max=web.progress_age_s_max,
            detail="" if started else "waiting for the market",
        )

    def _age_s(self) -> float:
        return time.monotonic() - self.driver.progress_at

    def metrics(self) -> bytes:
        """Write every metric in Prometheus' text format 0.0.4."""
        metrics = self.counts
        metrics.feed_alive.set(float(self.feed.alive))
        metrics.queue_length.set(len(self.inbox))
        metrics.follow(events=self.driver.processed, conflated=self.inbox.conflated)
        metrics.loop_lag_seconds.set(self._loop_lag_s)
        metrics.progress_age_seconds.set(self._age_s())
        metrics.sequence.set(self.engine.sequence)
        if self.clock.known:
            metrics.market_time_seconds.set(self.clock.now() / SECOND)
        return metrics.text()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Name the error that ended the group: what went wrong first is what a person must read."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def run_daemon(configuration: Configuration, *, fresh: bool = False) -> ExitCode:
    """Lock the state, recover, and trade on paper until told to stop."""
    path = configure_log(configuration.settings.log, configuration.state_dir)
    log = logger("daemon")
    with StateLock.acquire(configuration.state_dir):
        if fresh:
            set_aside(configuration)
        with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
            message = f"journal {journal.where}, log {path or 'on stdout only'}"
            log.info("daemon.starting", message=message)
            return await Daemon(configuration, journal).run()


def set_aside(configuration: Configuration) -> None:
    """Keep the old journal under another name: nothing is ever overwritten."""
    from pathlib import Path

    path = Path(configuration.journal_url.removeprefix("sqlite:///"))
    if not path.exists():
        return
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(kept.with_name(kept.name + suffix))
    path.rename(kept)
    logger("daemon").info("journal.set_aside", message=f"the old journal is kept as {kept.name}")
