"""What runs? One TaskGroup: feed, engine, commands, web, pulse. A dead task ends the process.

Start-up is recovery: lock, journal, fold, connect, open an epoch. A clean stop and a crash are
followed by the same path.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, assert_never

from trader.app import control, strategy_archive
from trader.app.assemble import build_engine, holdings, recover
from trader.app.calibration_shift import CalibrationShift
from trader.app.driver import Driver, Errand, Inbox
from trader.app.epoch_check import check_epoch
from trader.app.exit_codes import ExitCode
from trader.app.fresh import set_aside
from trader.app.layers import foreign_settings
from trader.app.live_feed import LiveFeed
from trader.app.loop import stop_signals
from trader.app.market_clock import MarketClock
from trader.app.metrics import Metrics
from trader.app.narrator import Narrator
from trader.app.night_folder import NIGHTS, Origin, judging_hash
from trader.app.night_shift import NightShift, nightly_command
from trader.app.notifications import Postman
from trader.app.notify import Notifier
from trader.app.observability import LOG_NAME, configure_log, logger
from trader.app.pacer import Pacer
from trader.app.present import Present
from trader.app.recorder import (
    Recorder,
    epoch_manifest,
    frozen_configuration,
    recordings_folder,
)
from trader.app.settings import SIMULATED
from trader.app.status_line import status_line
from trader.app.vitals import NOT_TRADING, Vitals
from trader.app.web_access import listening, web_terms
from trader.app.window import DaemonWindow, Sources
from trader.domain.facts import EpochOpened
from trader.engine.outcome import CalibrationNeeded, DeliveryPriceNeeded, NightNeeded
from trader.storage.journal import Journal
from trader.storage.lock import StateLock
from trader.views.notices import Lookout
from trader.web.access import SIGNED_IN
from trader.web.server import serve
from trader.web.window import Answer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from trader.app.configuration import Configuration
    from trader.domain.events import Command, NightEvaluated, RecordingTrouble
    from trader.domain.facts import Recorded
    from trader.engine.engine import Engine
    from trader.engine.outcome import Outcome

STATUS_EVERY_S: Final = 15.0
GOODBYE_S_MAX: Final = 3.0
"""How long a stop waits for the connection to end politely."""
WEB_WITHIN_S: Final = 1.0
"""How long health and metrics wait for trading to begin."""
STOPPING: Final = "the daemon is stopping: the command was not taken"


class Daemon:
    """One running daemon over one journal. Invariant: nothing is told before it is durable."""

    def __init__(self, configuration: Configuration, journal: Journal) -> None:
        self._configuration = configuration
        self._journal = journal
        self._log = logger("daemon")
        self.counts = Metrics()
        self.engine: Engine = build_engine(configuration)
        self._recovered = recover(self.engine, journal)
        if self._recovered:
            self._log.info("journal.recovered", **holdings(self.engine.ledger, self._recovered))
        feed = configuration.settings.feed
        self.clock = MarketClock(wall=feed.source != SIMULATED, floor_at=self.engine.ledger.at)
        self.inbox = Inbox(feed.client.queue_max)
        self.feed = LiveFeed(
            feed, self.clock, self.inbox, self.counts, configuration.feed_credentials
        )
        self._writer = ThreadPoolExecutor(1, "journal")
        recordings = recordings_folder(configuration.state_dir)
        self.recorder = Recorder(
            recordings, configuration.settings.recorder, self._recording_trouble
        )
        self.driver = Driver(
            self.engine,
            self.clock,
            self.inbox,
            self._append,
            self._tell,
            self.recorder.record,
            self.counts.event_latency.observe,
        )
        self._night = NightShift(
            configuration.settings.nightly,
            configuration.state_dir / NIGHTS,
            nightly_command(configuration),
            tuple(self.engine.slots.values()),
            self._night_origin,
            self._adopt_night,
        )
        self._calibrations = CalibrationShift(configuration.settings.calibration, self.inbox.put)
        self._narrator = Narrator(self.engine)
        self._notifier = Notifier.from_environment()
        told = configuration.settings.notifications
        self._lookout = Lookout(
            {name: change.stage for name, change in self.engine.ledger.stages.items()},
            refusals=told.refusals, refusal_minutes=told.refusal_minutes,
        )  # fmt: skip
        self._postman = Postman(
            configuration.notification_urls, told,
            lambda kind, fate: self.counts.notifications.labels(kind, fate).inc(),
        )  # fmt: skip
        self._stop = asyncio.Event()
        self.vitals = Vitals(
            configuration, self.engine, self.clock, self.feed, self.inbox, self.driver, self.counts
        )
        self._watched: tuple[str, ...] = ()

    async def run(self) -> ExitCode:
        """Trade on paper until SIGINT or SIGTERM.

        Raises:
            ConfigurationError: journal and exchange do not belong together.
            StorageError: the journal cannot be written.
        """
        try:
            with stop_signals() as self._stop:
                async with (
                    control.listen(self._configuration.socket_path, self._take),
                    asyncio.TaskGroup() as tasks,
                ):
                    await self._work(tasks)
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            self._stop.set()  # nobody takes an input any more
            await self.recorder.close()
            await asyncio.to_thread(self._postman.close)
            self._writer.shutdown()
        return ExitCode.OK

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        """Start what runs, trade once there is a market, end it all when told to stop."""
        client = tasks.create_task(self.feed.client.run(), name="client")
        jobs = [
            tasks.create_task(self.feed.run(), name="feed"),
            tasks.create_task(self.vitals.beat(self._notifier), name="pulse"),
            tasks.create_task(self._serve_web(), name="web"),
        ]
        self._notifier.ready(NOT_TRADING)
        if await self._unless_stopped(self.feed.know_the_time()):
            await self._open_epoch()
            jobs += [
                tasks.create_task(self.driver.run(), name="engine"),
                tasks.create_task(self.feed.deliveries.fetch(), name="deliveries"),
                tasks.create_task(self._status(), name="status"),
                tasks.create_task(self.recorder.run(), name="recorder"),
                tasks.create_task(Pacer(self.clock, self.feed, self.driver).run(), name="pacer"),
                tasks.create_task(self._night.run(), name="night"),
                tasks.create_task(self._calibrations.run(), name="calibrations"),
            ]
            await self._stop.wait()
        self._log.info("daemon.stopping", message="stopping: positions and orders are kept")
        self._notifier.stopping()
        self.feed.client.stop()
        for job in jobs:
            job.cancel()
        await asyncio.wait({client, *jobs}, timeout=GOODBYE_S_MAX)
        client.cancel()
        self._turn_away()

    def _turn_away(self) -> None:
        """Answer the commands that came too late to be journaled."""
        while (left := self.inbox.take()) is not None:
            if isinstance(left, Errand) and not left.answer.done():
                left.answer.set_result(None)

    async def _unless_stopped(self, waiting: Coroutine[None, None, None]) -> bool:
        """Wait for something; False where a signal came first."""
        async with asyncio.TaskGroup() as tasks:
            wanted = tasks.create_task(waiting)
            stopped = tasks.create_task(self._stop.wait())
            await asyncio.wait({wanted, stopped}, return_when=asyncio.FIRST_COMPLETED)
            wanted.cancel()
            stopped.cancel()
        return not self._stop.is_set()

    async def _serve_web(self) -> None:
        """Serve health and metrics until canceled, once trading began or keeps us waiting.

        Its library takes as long to load as all else between start and trading: it comes after.
        """
        web = self._configuration.settings.web
        if not web.port and web.socket is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WEB_WITHIN_S):
                await self.vitals.trading.wait()
        await asyncio.to_thread(importlib.import_module, "aiohttp.web")
        gc.freeze()  # what a start loaded stays: to look through it again takes a tenth of a second
        sources = Sources(
            journal_url=self._configuration.journal_url,
            nights=self._configuration.state_dir / NIGHTS,
            log=self._configuration.state_dir / LOG_NAME
            if self._configuration.settings.log.file
            else None,
            stage_settings=self._configuration.settings.stages,
        )
        window = DaemonWindow(sources, self.vitals, Present(self.engine))
        try:
            terms = web_terms(self._configuration, self._note)
            async with serve(window, web.host, web.port or None, terms, self._take) as port:
                self._log.info("web.listening", message=listening(terms, web.host, port))
                await asyncio.Event().wait()
        finally:
            window.close()

    def _note(self, event: str, message: str) -> None:
        """Log what the web has to say."""
        level = self._log.info if event == SIGNED_IN else self._log.warning
        level(event, message=message)

    async def _open_epoch(self) -> None:
        """Check that journal and market belong together, then begin."""
        ledger, now = self.engine.ledger, self.clock.now()
        known, announced = ledger.epoch, self.feed.announced
        check_epoch(ledger, self.clock, self.feed.market)
        epoch = EpochOpened(
            epoch=1 if known is None else known.epoch + 1,
            feed=self._configuration.settings.feed.source,
            speed=self.clock.speed,
            market=self.feed.market,
            software=version("trader"),
            configuration_hash=self._configuration.hash,
            staleness_s=None if announced is None else announced.staleness_s,
            assumed_sizes=announced is not None and announced.assumed_sizes,
            behavior=self._configuration.settings.behavior.enabled,
            sizing=True,
        )
        balances = self._configuration.settings.account.balances
        opened = self.engine.start(epoch, balances, now)
        await self.driver.commit([opened])
        await asyncio.to_thread(
            strategy_archive.keep, self._configuration.state_dir, self._configuration.strategies
        )
        if self._configuration.settings.recorder.enabled:
            manifest = epoch_manifest(
                self._configuration, epoch, at=now, sequence=opened.sequence,
                recovered=self._recovered,
            )  # fmt: skip
            self.recorder.begin(manifest, partial(frozen_configuration, self._configuration))
        self.vitals.trading.set()
        message = (
            f"trading on paper: epoch {epoch.epoch}, {len(self.engine.slots)} strategies, market "
            f"{epoch.market} at {epoch.speed:g}x, {self._recovered} facts recovered"
        )
        self._log.info("daemon.ready", at=now, message=message)
        self._notifier.status(message)

    async def _recording_trouble(self, trouble: RecordingTrouble) -> None:
        """Let the journal remember what befell the recording; say it where none is written."""
        if not self._stop.is_set():
            await self.inbox.put(trouble)
            return
        self._log.error(trouble.kind, message=trouble.detail)
        self.counts.alerts.labels(trouble.kind, "critical").inc()

    def _append(self, records: list[Recorded]) -> asyncio.Future[int]:
        """Write on the journal's own thread; durable when the future is done."""
        loop, began = asyncio.get_running_loop(), time.monotonic()
        writing = loop.run_in_executor(self._writer, self._journal.append, records)
        observe = self.counts.commit_seconds.observe
        writing.add_done_callback(lambda _: observe(time.monotonic() - began))
        return writing

    def _tell(self, outcome: Outcome) -> None:
        """Make known what is durable: log lines, metrics, requests, subscriptions."""
        self._narrator.tell(outcome)
        for recorded in outcome.records:
            if (notice := self._lookout.hear(recorded)) is not None:
                self._postman.post(notice)
        self.counts.record(outcome.records)
        for request in outcome.requests:
            match request:
                case DeliveryPriceNeeded():
                    self.feed.deliveries.want(request.underlying, request.expires_at)
                case NightNeeded():
                    self._night.want(request)
                case CalibrationNeeded():
                    self._calibrations.want(request)
                case _:
                    assert_never(request)
        held = tuple(sorted({one.name for one in self.engine.ledger.held()}))
        if held != self._watched:
            self._watched = held
            self.feed.watch(held)

    def _night_origin(self) -> Origin:
        """Tell what a night must have been made from to be ours."""
        return Origin(
            configuration=judging_hash(self._configuration),
            journal_began_at=self.engine.ledger.began_at,
        )

    async def _adopt_night(self, night: NightEvaluated) -> None:
        """Let the engine take what a night judged; done once it is journaled."""
        answer: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        await self.inbox.put(Errand(night, answer))
        await answer

    async def _take(self, command: Command) -> Answer:
        """Carry a person's command to the engine; answer once it is journaled."""
        if not self.vitals.trading.is_set() or self._stop.is_set():
            detail = STOPPING if self._stop.is_set() else NOT_TRADING
            return Answer(accepted=False, detail=detail)
        answer: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        await self.inbox.put(Errand(command, answer))
        outcome = await answer
        if outcome is None:
            return Answer(accepted=False, detail=STOPPING)
        return control.answer_of(outcome)

    async def _status(self) -> None:
        """Fill silences with one line that says where we stand."""
        share_max = self._configuration.settings.risk.max_risk_per_underlying
        nights = self._configuration.settings.nightly.run_by != "nobody"
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            fields = status_line(
                self.engine, self.clock, feed_alive=self.feed.alive, risk_share_max=share_max,
                nights=nights, night=self._night.under_way,
            )  # fmt: skip
            self._log.info("status", **fields)
            self.vitals.status = str(fields["message"])
            self._notifier.status(self.vitals.status)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Name the error that ended the group: what went wrong first is what a person must read."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def run_daemon(configuration: Configuration, *, fresh: bool = False) -> ExitCode:
    """Lock the state, recover, and trade on paper until told to stop."""
    with StateLock.acquire(configuration.state_dir):
        path = configure_log(configuration.settings.log, configuration.state_dir)
        log = logger("daemon")
        if fresh:
            set_aside(configuration)
        with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
            message = f"journal {journal.where}, log {path or 'on stdout only'}"
            log.info("daemon.starting", message=message)
            if foreign := foreign_settings(os.environ):
                log.info("settings.ignored", message=foreign)
            return await Daemon(configuration, journal).run()
