"""Does the daemon start, obey, tell the truth about itself, and end as it must?

In this process and for real: an exchange on loopback, a journal on disk, a unix socket, signals.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import structlog

from tests.app.exchange_thread import exchange_thread
from tests.app.running import ROOT, trader, write_configuration
from trader.app.assemble import holdings
from trader.app.configuration import Configuration, load_configuration
from trader.app.control import DaemonUnreachable, send
from trader.app.daemon import run_daemon
from trader.app.exit_codes import ExitCode
from trader.app.observability import LOG_NAME
from trader.app.vitals import NOT_TRADING
from trader.deribit.simulator.market import MARKET_VERSION
from trader.domain.errors import ConfigurationError, JournalLocked, StorageError
from trader.domain.events import (
    ClosePosition,
    Command,
    Demote,
    FlattenAll,
    PauseTrading,
    Promote,
    ResumeTrading,
    StageChanged,
)
from trader.domain.facts import AlertRaised, CommandTaken, EpochOpened, Fact
from trader.domain.units import DAY, HOUR
from trader.engine.ledger import Ledger
from trader.storage.journal import Journal
from trader.web.window import Answer

START = 20_605 * DAY + 18 * HOUR
STOP_S_MAX = 10.0
PAUSE = PauseTrading(by="ana", reason="news")
RESUME = ResumeTrading(by="ana", reason="calm")
NOWHERE = "ws://127.0.0.1:9/ws/api/v2"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Give the root logger and structlog back as they were found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of an exchange that the tests of this module share."""
    with exchange_thread(seed=1, speed=300.0, start_at=START) as served:
        yield served


def configured(folder: Path, url: str, *more: str) -> Configuration:
    """Load a configuration of one strategy against an exchange."""
    path = write_configuration(folder, '[journal]\nstate_dir = "state"\n')
    assignments = [
        f"feed.url={url}", "web.port=0", "feed.expiries_within_days=2",
        "feed.client.backoff_initial_s=0.05", "feed.client.backoff_max_s=0.1", *more,
    ]  # fmt: skip
    return load_configuration([path], assignments, {})


class Running:
    """A daemon in a task of the test, as `trader run` runs it."""

    def __init__(self, configuration: Configuration, *, fresh: bool = False) -> None:
        self.configuration = configuration
        self.log = configuration.state_dir / LOG_NAME
        self._seen = len(self.lines())
        self.task = asyncio.get_running_loop().create_task(run_daemon(configuration, fresh=fresh))

    def lines(self) -> list[dict[str, object]]:
        """Read the log."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    async def until_said(self, event: str, seconds: float = 10.0) -> dict[str, object]:
        """Wait for a line of this run."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines()[self._seen :]:
                    if line["event"] == event:
                        return line
                if self.task.done():
                    raise AssertionError(f"it ended before {event}: {await self.task}")
                await asyncio.sleep(0.02)

    async def ask(self, command: Command) -> Answer:
        """Send a command over the socket, as another process would."""
        return await asyncio.to_thread(send, self.configuration.socket_path, command)

    async def stop(self) -> ExitCode:
        """SIGTERM, and measure how long it takes."""
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        code = await asyncio.wait_for(self.task, STOP_S_MAX)
        assert time.monotonic() - began < STOP_S_MAX
        return code

    def facts(self) -> list[Fact]:
        """Read the journal."""
        with Journal.create_or_open(self.configuration.journal_url, writer=False) as journal:
            return [stored.recorded.fact for stored in journal.read()]


@asynccontextmanager
async def running(configuration: Configuration, *, fresh: bool = False) -> AsyncIterator[Running]:
    """Run a daemon until the block ends; leave nothing behind."""
    daemon = Running(configuration, fresh=fresh)
    try:
        yield daemon
    finally:
        if not daemon.task.done():
            daemon.task.cancel()
            await asyncio.wait({daemon.task})


async def test_commands_go_round_while_it_trades(tmp_path: Path, url: str) -> None:
    """Pause, resume, close, flatten: each is answered once it is in the journal, or refused."""
    async with running(configured(tmp_path, url)) as daemon:
        await daemon.until_said("daemon.ready")
        for command in (PAUSE, RESUME, FlattenAll(by="ana", reason="holiday")):
            answer = await daemon.ask(command)
            assert answer.accepted, answer
            assert CommandTaken(command) in daemon.facts()
        unknown = await daemon.ask(ClosePosition(by="ana", reason="done", chain_id="C1"))
        assert not unknown.accepted
        assert unknown.detail == "chain 'C1' holds nothing that could be closed"
        assert unknown.sequence is not None
        assert await daemon.stop() == ExitCode.OK
        assert not daemon.configuration.socket_path.exists()


async def typed(daemon: Running, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command as a person does, in a process of its own, while the daemon runs."""
    config = daemon.configuration.state_dir.parent / "trader.toml"
    return await asyncio.to_thread(trader, *words, "--config", config)


async def test_stages_that_a_person_gives_and_takes(tmp_path: Path, url: str) -> None:
    """Refused by rule, then overridden, then lowered: exit codes, journal and log say the same,
    and the next daemon lives by it.
    """
    name, who = "covered_call_btc", ("--by", "ana", "--reason", "good month")
    configuration = configured(tmp_path, url)
    async with running(configuration) as daemon:
        await daemon.until_said("daemon.ready")
        refused = await typed(daemon, "promote", name, "--to", "PRODUCTION", *who, "--yes")
        assert refused.returncode == 1
        assert "RESEARCH since" in refused.stdout
        assert "only 0 of 60 days at its present stage" in refused.stderr
        raised = await typed(
            daemon, "promote", name, "--to", "PRODUCTION", *who, "--override", "--yes"
        )
        assert raised.returncode == 0, raised.stderr
        lowered = await typed(daemon, "demote", name, "--to", "PILOT", *who)
        assert lowered.returncode == 0, lowered.stderr
        await daemon.until_said("stage.changed")
        assert await daemon.stop() == ExitCode.OK
        stages = [fact for fact in daemon.facts() if isinstance(fact, StageChanged)]
        assert [(one.stage, one.by, one.reason) for one in stages[-2:]] == [
            ("PRODUCTION", "ana", "good month"), ("PILOT", "ana", "good month")
        ]  # fmt: skip
        commands = [fact.command for fact in daemon.facts() if isinstance(fact, CommandTaken)]
        assert [type(one) for one in commands] == [Promote, Promote, Demote]
        said = [line["message"] for line in daemon.lines() if line["event"] == "stage.changed"]
        assert said[-2:] == [
            f"{name} lives at {stage} now, by ana: good month" for stage in ("PRODUCTION", "PILOT")
        ]
    async with running(configuration) as daemon:
        await daemon.until_said("daemon.ready")
        story = (await typed(daemon, "explain", name)).stdout
        assert f"ana asked to promote {name} to PRODUCTION: good month" in story
        assert f"{name} lives at PILOT now, by ana: good month" in story
        rows = json.loads((await typed(daemon, "strategies", "--json")).stdout)
        assert {(row["stage"], row["by"]) for row in rows} == {("PILOT", "ana")}


async def get(address: str) -> tuple[int, str]:
    """Fetch a page, whatever its status."""

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(fetch)


def free_port() -> int:
    """Find a port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def test_it_tells_the_truth_over_http(tmp_path: Path, url: str) -> None:
    """Healthy once the feed is up, with numbers that move; and again after it idled for a while."""
    port = free_port()
    async with running(configured(tmp_path, url, f"web.port={port}")) as daemon:
        await daemon.until_said("web.listening")
        async with asyncio.timeout(10):
            while (await get(f"http://127.0.0.1:{port}/healthz"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        status, health = await get(f"http://127.0.0.1:{port}/healthz")
        assert status == 200
        assert json.loads(health)["problems"] == []
        assert json.loads(health)["progress_age_s"] < 2
        _, metrics = await get(f"http://127.0.0.1:{port}/metrics")
        shown = dict(
            line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#")
        )
        assert float(shown["trader_feed_alive"]) == 1
        assert float(shown["trader_events_total"]) > 0
        assert float(shown["trader_feed_connects_total"]) == 1
        assert float(shown["trader_market_time_seconds"]) > START / 1e9
        assert float(shown["trader_journal_commit_seconds_count"]) >= 1
        listed = float(shown['trader_held{what="listed"}'])
        assert float(shown['trader_held{what="quote_rows"}']) == listed > 0
        assert await daemon.stop() == ExitCode.OK


async def test_a_program_commands_it_over_http_with_the_token_it_made(
    tmp_path: Path, url: str
) -> None:
    """The log says where the token lies; with it a command is journaled, signed, without it not."""
    port = free_port()
    async with running(configured(tmp_path, url, f"web.port={port}")) as daemon:
        said = await daemon.until_said("web.listening")
        place = Path(str(said["message"]).rpartition(" ")[2])
        token = (await asyncio.to_thread(place.read_text, encoding="utf-8")).strip()
        await daemon.until_said("daemon.ready")

        def post(given: str) -> tuple[int, bytes]:
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/commands/pause",
                data=json.dumps({"by": "ana", "reason": "news"}).encode(),
                headers={"Authorization": f"Bearer {given}", "Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()

        assert (await asyncio.to_thread(post, "x" * 40))[0] == 401
        assert CommandTaken(PAUSE) not in daemon.facts()
        status, body = await asyncio.to_thread(post, token)
        assert status == 200, body
        assert json.loads(body)["accepted"] is True
        assert CommandTaken(PAUSE) in daemon.facts()
        assert token not in daemon.log.read_text(encoding="utf-8")
        assert await daemon.stop() == ExitCode.OK


async def test_a_taken_web_port_ends_it_in_words(tmp_path: Path, url: str) -> None:
    """Health that cannot be served is a mistake of configuration, told when it is tried."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"web.port = {port}: cannot listen on"):
            await asyncio.wait_for(
                run_daemon(configured(tmp_path, url, f"web.port={port}")), timeout=15
            )


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen as systemd does, with a watchdog of two seconds."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        yield channel


def notified(channel: socket.socket) -> str:
    """Read everything the supervisor was told."""
    told = []
    while True:
        try:
            told.append(channel.recv(4_096).decode())
        except BlockingIOError:
            return "\n".join(told)


async def test_it_waits_for_the_exchange_alive(
    tmp_path: Path, url: str, supervisor: socket.socket
) -> None:
    """Also with a journal from before: ready, pulsing, refusing commands and stopping at once."""
    async with running(configured(tmp_path, url)) as daemon:
        await daemon.until_said("daemon.ready")
        assert await daemon.stop() == ExitCode.OK
    notified(supervisor)
    port = free_port()
    async with running(configured(tmp_path, NOWHERE, f"web.port={port}")) as daemon:
        recovered = await daemon.until_said("journal.recovered")
        assert recovered["facts"] == len(daemon.facts())
        await daemon.until_said("feed.waiting")
        began = time.monotonic()
        answer = await daemon.ask(PAUSE)
        assert answer == Answer(accepted=False, detail=NOT_TRADING)
        assert time.monotonic() - began < 1
        await asyncio.sleep(2.2)
        await daemon.until_said("web.listening")
        status, health = await get(f"http://127.0.0.1:{port}/healthz")
        assert status == 503
        assert json.loads(health)["problems"] == ["the feed is not alive"]
        assert json.loads(health)["detail"] == NOT_TRADING
        assert await daemon.stop() == ExitCode.OK
        assert CommandTaken(PAUSE) not in daemon.facts()
    told = notified(supervisor)
    assert told.startswith("READY=1")
    assert "WATCHDOG=1" in told
    assert told.endswith("STOPPING=1")


async def test_a_restart_goes_on_where_it_stood(tmp_path: Path, url: str) -> None:
    """The next epoch has the next number, the pause still holds, and no time was taken back."""
    configuration = configured(tmp_path, url)
    async with running(configuration) as daemon:
        await daemon.until_said("daemon.ready")
        assert (await daemon.ask(PAUSE)).accepted
        assert await daemon.stop() == ExitCode.OK
    async with running(configuration) as daemon:
        ready = await daemon.until_said("daemon.ready")
        assert "epoch 2" in str(ready["message"])
        assert await daemon.stop() == ExitCode.OK
    epochs = [fact for fact in daemon.facts() if isinstance(fact, EpochOpened)]
    assert [one.epoch for one in epochs] == [1, 2]
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        stored = list(journal.read())
    instants = [one.recorded.at for one in stored]
    assert instants == sorted(instants)


async def test_a_second_daemon_is_turned_away(tmp_path: Path, url: str) -> None:
    """While one holds the state, the next ends at once and touches neither log nor journal."""
    configuration = configured(tmp_path, url)
    async with running(configuration) as daemon:
        await daemon.until_said("daemon.ready")
        with pytest.raises(JournalLocked, match="stop that daemon first"):
            await run_daemon(configuration)
        assert (await daemon.ask(PAUSE)).accepted
        assert await daemon.stop() == ExitCode.OK


async def test_another_market_than_the_journals_is_refused(tmp_path: Path, url: str) -> None:
    """A journal of one seed and an exchange of another: exit 78 with the remedy, then --fresh."""
    async with running(configured(tmp_path, url)) as daemon:
        await daemon.until_said("daemon.ready")
        assert await daemon.stop() == ExitCode.OK
    with exchange_thread(seed=2, speed=300.0, start_at=START + DAY) as other:
        configuration = configured(tmp_path, other)
        with pytest.raises(
            ConfigurationError,
            match=rf"market '1@{MARKET_VERSION}', the feed is market '2@{MARKET_VERSION}'",
        ):
            await asyncio.wait_for(run_daemon(configuration), 15)
        async with running(configuration, fresh=True) as daemon:
            ready = await daemon.until_said("daemon.ready")
            assert "epoch 1" in str(ready["message"])
            assert await daemon.stop() == ExitCode.OK


async def test_an_exchange_far_behind_the_journal_is_another(tmp_path: Path, url: str) -> None:
    """The same seed from the start again: the journal's time never comes, so it is refused."""
    async with running(configured(tmp_path, url)) as daemon:
        await daemon.until_said("daemon.ready")
        assert await daemon.stop() == ExitCode.OK
    with (
        exchange_thread(seed=1, speed=300.0, start_at=START - DAY) as other,
        pytest.raises(ConfigurationError, match="another exchange"),
    ):
        await asyncio.wait_for(run_daemon(configured(tmp_path, other)), 15)


async def test_a_market_that_changes_while_it_runs_ends_it(tmp_path: Path) -> None:
    """A mistake found by a task deep inside comes out as itself: the one readable error."""
    port = free_port()
    address = f"ws://127.0.0.1:{port}/ws/api/v2"
    async with running(configured(tmp_path, address)) as daemon:
        with exchange_thread(seed=1, speed=300.0, start_at=START, port=port):
            await daemon.until_said("daemon.ready")
        with (
            exchange_thread(seed=2, speed=300.0, start_at=START, port=port),
            pytest.raises(ConfigurationError, match=f"came back as market 2@{MARKET_VERSION}"),
        ):
            await asyncio.wait_for(daemon.task, 15)


async def until_sick(port: int) -> list[str]:
    """Probe until health names a lack of progress; the busy database gives up soon after."""
    while True:
        status, health = await get(f"http://127.0.0.1:{port}/healthz")
        problems: list[str] = json.loads(health)["problems"]
        if status == 503 and any(text.startswith("no progress") for text in problems):
            return problems
        await asyncio.sleep(0.1)


async def test_a_journal_that_cannot_be_written_ends_it(tmp_path: Path, url: str) -> None:
    """A commit that hangs shows; one that fails ends it, unanswered; the journal stays sound."""
    port = free_port()
    configuration = configured(tmp_path, url, f"web.port={port}", "web.progress_age_s_max=1.5")
    async with running(configuration) as daemon:
        await daemon.until_said("web.listening")
        path = configuration.journal_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            asked = asyncio.get_running_loop().create_task(daemon.ask(PAUSE))
            problems = await until_sick(port)
            assert "the journal cannot be written" in problems
            assert any(text.startswith("no progress for") for text in problems)
            with pytest.raises(StorageError, match="database is locked"):
                await asyncio.wait_for(daemon.task, 15)
            intruder.execute("ROLLBACK")
        with pytest.raises(DaemonUnreachable, match="no daemon answers"):
            await asked
        assert CommandTaken(PAUSE) not in daemon.facts()


async def test_a_stop_carries_the_running_commit_through(tmp_path: Path, url: str) -> None:
    """SIGTERM while the disk is busy: the command that is being written is kept and answered."""
    configuration = configured(tmp_path, url)
    async with running(configuration) as daemon:
        await daemon.until_said("alert")  # the feed is up: nothing else is about to be written
        path = configuration.journal_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            asked = asyncio.get_running_loop().create_task(daemon.ask(PAUSE))
            await asyncio.sleep(0.4)
            stopping = asyncio.get_running_loop().create_task(daemon.stop())
            await asyncio.sleep(0.4)
            assert not daemon.task.done()
            intruder.execute("ROLLBACK")
        assert await stopping == ExitCode.OK
        assert (await asked).accepted
        assert CommandTaken(PAUSE) in daemon.facts()


async def test_a_task_that_dies_ends_the_daemon(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in any task is not survived in silence: the process ends with that very error."""
    monkeypatch.setattr("trader.app.daemon.STATUS_EVERY_S", 0.05)

    def broken(*_: object, **__: object) -> dict[str, object]:
        raise ZeroDivisionError("a bug in the status line")

    monkeypatch.setattr("trader.app.daemon.status_line", broken)
    with pytest.raises(ZeroDivisionError, match="a bug in the status line"):
        await asyncio.wait_for(run_daemon(configured(tmp_path, url)), 15)


def test_what_was_recovered_is_summed_up() -> None:
    """An empty ledger holds nothing, and says so."""
    fields = holdings(Ledger(), 0)
    assert fields["message"] == "0 facts recovered: 0 chains with 0 positions, 0 orders working"
    assert (fields["positions"], fields["orders"]) == ({}, {})


def test_nothing_heavy_is_loaded() -> None:
    """The daemon starts without pandas, numba and scipy: they cost more than it weighs itself."""
    code = (
        "import sys, trader.app.daemon, trader.deribit.client, aiohttp, websockets;"
        "print([name for name in ('pandas', 'numba', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_recorder_that_stopped_is_remembered_and_trading_goes_on(
    tmp_path: Path, url: str
) -> None:
    """The journal keeps the alert, once; commands are still taken and journaled after it."""

    def alerts(daemon: Running) -> list[str]:
        """Name the alerts about the recording."""
        found = (fact for fact in daemon.facts() if isinstance(fact, AlertRaised))
        return [fact.text for fact in found if fact.kind == "recording_stopped"]

    async with running(configured(tmp_path, url, "recorder.reserve_gb=1000")) as daemon:
        await daemon.until_said("daemon.ready")
        async with asyncio.timeout(10):
            while not alerts(daemon):  # noqa: ASYNC110 - the journal tells nobody
                await asyncio.sleep(0.05)
        assert (await daemon.ask(PAUSE)).accepted
        assert await daemon.stop() == ExitCode.OK
        [text] = alerts(daemon)
        assert "recorder.reserve_gb" in text
        kinds = [getattr(fact, "kind", "") for fact in daemon.facts()]
        assert CommandTaken(PAUSE) in daemon.facts()[kinds.index("recording_stopped") :]
