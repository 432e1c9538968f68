"""How the daemon starts, proves life and ends: a real process, watched as systemd would."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Self

import pytest

from tests.simulation.processes import (
    DaemonProcess,
    ExchangeProcess,
    run,
    wait_for,
    write_configuration,
)
from trader.engine.ledger import Ledger
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK, VERIFIED, LOCKED, STORAGE, CONFIGURATION = 0, 0, 73, 74, 78
WATCHDOG_S = 4.0


class Supervisor:
    """Listens where systemd would; keeps every datagram with the second it came."""

    def __init__(self) -> None:
        self.name = f"@trader-test-{os.getpid()}-{time.monotonic_ns()}"
        self.heard: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{self.name[1:]}")
        self._socket.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    @property
    def environment(self) -> dict[str, str]:
        """What systemd would tell the daemon."""
        return {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                text = self._socket.recv(4096).decode()
            except TimeoutError:
                continue
            self.heard.append((time.monotonic(), text))

    def times(self, word: str) -> list[float]:
        """When a datagram with this assignment came."""
        return [at for at, text in self.heard if word in text.splitlines()]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    """One market for all daemons of this module."""
    served = ExchangeProcess(tmp_path_factory.mktemp("market"), seed=9, speed=300.0)
    served.start()
    yield served
    served.end()


@pytest.fixture
def daemon(tmp_path: Path, exchange: ExchangeProcess) -> Iterator[DaemonProcess]:
    """A daemon of its own, not started; nothing of it stays behind."""
    made = DaemonProcess(write_configuration(tmp_path), exchange.url)
    yield made
    made.end()


def fold(daemon: DaemonProcess) -> Ledger:
    """Fold what the journal holds."""
    ledger = Ledger()
    url = f"sqlite:///{daemon.state / 'journal.sqlite'}"
    with Journal.create_or_open(url, writer=False) as journal:
        for stored in journal.read():
            ledger.apply(stored.recorded)
    return ledger


def wait_for_holdings(daemon: DaemonProcess) -> None:
    """Wait for open positions and resting orders."""

    def held() -> bool:
        time.sleep(0.2)
        ledger = fold(daemon)
        return any(chain.legs for chain in ledger.chains.values()) and bool(ledger.orders)

    daemon.ready()
    wait_for(held, 60, "open positions and resting orders")


def test_stop_with_open_positions_and_resting_orders_is_quick_and_clean(
    daemon: DaemonProcess,
) -> None:
    """SIGTERM: STOPPING=1, exit 0 within ten seconds, positions kept; READY and WATCHDOG before."""
    with Supervisor() as supervisor:
        began = time.monotonic()
        daemon.start(environment=supervisor.environment)
        wait_for(lambda: bool(supervisor.times("READY=1")), 15, "READY=1")
        print(f"READY after {time.monotonic() - began:.2f} s")
        wait_for_holdings(daemon)
        wait_for(lambda: len(supervisor.times("WATCHDOG=1")) >= 3, 10, "proof of life")
        second = run("run", "--config", daemon.configuration)
        assert second.returncode == LOCKED
        assert str(daemon.pid) in second.stderr
        assert daemon.stop(within_s=10.0) == OK
        assert len(supervisor.times("STOPPING=1")) == 1
    assert "Traceback" not in daemon.said()
    assert run("verify", "--config", daemon.configuration).returncode == VERIFIED
    kept = fold(daemon)
    assert any(chain.legs for chain in kept.chains.values())
    assert kept.orders


def test_watchdog_starves_while_the_engine_is_stuck(daemon: DaemonProcess) -> None:
    """A journal that cannot be written stops the proofs of life, then ends the daemon: exit 74."""
    with Supervisor() as supervisor:
        daemon.start(environment=supervisor.environment)
        daemon.wait_line(r"verdict\..*", 20)
        wait_for(lambda: bool(supervisor.times("WATCHDOG=1")), 10, "proof of life")
        with closing(sqlite3.connect(daemon.state / "journal.sqlite")) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            wait_for(lambda: not daemon.alive, 30, "the end of the daemon")
            ended = time.monotonic()
            intruder.rollback()
        assert daemon.exit_code() == STORAGE
        assert ended - supervisor.times("WATCHDOG=1")[-1] > WATCHDOG_S / 2
    assert "Traceback" not in daemon.said()
    assert run("verify", "--config", daemon.configuration).returncode == VERIFIED


def test_corrupt_journal_is_refused_and_left_as_it_is(daemon: DaemonProcess) -> None:
    """A journal with a damaged page ends the start with exit 74; no byte of it changes."""
    daemon.start()
    daemon.wait_line(r"verdict\..*", 20)
    assert daemon.stop() == OK
    path = daemon.state / "journal.sqlite"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    refused = run("run", "--config", daemon.configuration)
    assert refused.returncode == STORAGE
    assert str(path) in refused.stderr
    assert "aside" in refused.stderr or "backup" in refused.stderr
    assert path.read_bytes() == content


def test_journal_of_another_market_is_refused(daemon: DaemonProcess, tmp_path: Path) -> None:
    """Another seed: exit 78 and the remedy; with --fresh it begins anew and keeps the old one."""
    daemon.start()
    daemon.ready()
    assert daemon.stop() == OK
    facts = (daemon.state / "journal.sqlite").read_bytes()
    other = ExchangeProcess(tmp_path / "other", seed=10, speed=300.0)
    other.start()
    try:
        foreign = ("run", "--config", daemon.configuration, "--set", f"feed.url={other.url}")
        refused = run(*foreign)
        assert refused.returncode == CONFIGURATION
        assert "--fresh" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert fold(daemon).epoch is not None
        daemon.settings = (f"feed.url={other.url}",)
        daemon.start("--fresh")
        daemon.ready()
        assert daemon.stop() == OK
        assert (daemon.state / "journal.sqlite.1").read_bytes() == facts
    finally:
        other.end()
