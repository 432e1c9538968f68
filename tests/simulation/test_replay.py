"""Do the same inputs give the same outcomes, in this process and under any hash seed?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.harness import (
    BALANCES,
    MarketFeed,
    Simulation,
    demo_start,
    make_engine,
)
from tests.simulation.processes import DaemonProcess, ExchangeProcess, run, write_configuration
from tests.source import ROOT
from trader.app.recorder import recordings_folder
from trader.domain.events import FeedLost, FeedRestored, PauseTrading, ResumeTrading, Stamped
from trader.domain.facts import EpochOpened
from trader.domain.units import HOUR, SECOND, iso
from trader.engine.outcome import OutcomeDigest
from trader.storage.recordings import manifests
from trader.storage.replay_inputs import recorded_days

SEED = 7
HOURS = 18


def recorded_run(*, snapshots: bool = True) -> tuple[list[Stamped], EpochOpened, int, str]:
    """Run a market with a fault and a pause in it, keeping every input."""
    feed = MarketFeed(SEED, demo_start(), 15 * 60.0, snapshots=snapshots)
    simulation = Simulation(make_engine, feed)
    simulation.record_inputs = True
    start_at = feed.at
    simulation.start()
    epoch = simulation.records[0].fact
    assert isinstance(epoch, EpochOpened)
    simulation.run(5 * HOUR)
    simulation.send(FeedLost("server_gone", ("*",), "gone"))
    simulation.run(HOUR)
    simulation.send(FeedRestored(("*",), "again"))
    simulation.send(PauseTrading(by="ann", reason="lunch", strategy="covered_call_eth"))
    simulation.run(2 * HOUR)
    simulation.send(ResumeTrading(by="ann", reason="back"))
    simulation.run((HOURS - 8) * HOUR)
    assert len(simulation.records) > 40
    return simulation.inputs, epoch, start_at, simulation.digest.hexdigest()


def replay(inputs: list[Stamped], epoch: EpochOpened, start_at: int) -> str:
    """Feed recorded inputs to a fresh engine."""
    engine, digest = make_engine(), OutcomeDigest()
    digest.add(engine.start(epoch, BALANCES, start_at))
    for stamped in inputs:
        digest.add(engine.process(stamped))
    return digest.hexdigest()


@pytest.mark.parametrize("snapshots", [True, False])
def test_the_recorded_inputs_give_the_recorded_outcomes_again(snapshots: bool) -> None:
    """Two replays of one recording end on the digest of the run itself."""
    inputs, epoch, start_at, digest = recorded_run(snapshots=snapshots)
    assert replay(inputs, epoch, start_at) == digest
    assert replay(inputs, epoch, start_at) == digest


def test_an_input_left_out_changes_the_digest() -> None:
    """The digest is no constant: one missing quote is seen."""
    inputs, epoch, start_at, digest = recorded_run()
    renumbered = [
        Stamped(number + 1, one.at, one.event)
        for number, one in enumerate(inputs[:-40] + inputs[-39:])
    ]
    assert replay(renumbered, epoch, start_at) != digest


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    """Two processes with other hash seeds end on one digest, that of this process."""
    code = "from tests.simulation.test_replay import recorded_run; print(recorded_run()[3])"
    digests = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert digests == [recorded_run()[3]] * 2


class Recording:
    """Exchange and daemon for real, the daemon killed at will; every epoch is then replayed.

    Invariant: `kill` notes the market time at which the daemon was dead at the latest.
    """

    SPEED = 300.0
    LOST_S_MAX = 1.0 + 5.0
    """Wall seconds a kill may cost: a flush, and what a busy machine keeps that waiting."""

    def __init__(self, folder: Path) -> None:
        self.exchange = ExchangeProcess(folder, seed=SEED, speed=self.SPEED)
        self.exchange.start()
        self.daemon = DaemonProcess(write_configuration(folder), self.exchange.url)
        self.root = recordings_folder(self.daemon.state)
        self.killed_at: list[int] = []

    def live(self, seconds: float) -> None:
        """Run the daemon for a while and kill it."""
        self.daemon.start()
        self.daemon.ready()
        time.sleep(seconds)
        last = self.exchange.market_now()
        self.daemon.kill()
        self.killed_at.append(last)

    def end(self) -> None:
        """Leave nothing behind."""
        self.daemon.end()
        self.exchange.end()

    def days(self) -> list[str]:
        """Name the recorded days."""
        return sorted(
            {day for epoch in manifests(self.root) for day in recorded_days(self.root, epoch)}
        )

    def replay(self, day: str, *more: str) -> tuple[int, list[dict[str, Any]]]:
        """Replay a day as a person does: exit code and epochs."""
        told = run("replay", "--date", day, "--state", self.daemon.state, "--json", *more)
        return told.returncode, json.loads(told.stdout)["epochs"]

    def check(self) -> int:
        """Replay every day; each kill cost at most its last second. Count the inputs."""
        reached = {epoch: one.opened_at for epoch, one in manifests(self.root).items()}
        inputs: dict[int, int] = {}
        for day in self.days():
            code, epochs = self.replay(day)
            assert code == 0, (day, epochs)
            for one in epochs:
                reached[one["epoch"]] = one["until_at"]
                inputs[one["epoch"]] = one["inputs"]
        lost_max = int(self.LOST_S_MAX * self.SPEED * SECOND)
        assert [*reached] == list(range(1, len(self.killed_at) + 1))  # each opens at once
        for killed_at, until_at in zip(self.killed_at, reached.values(), strict=True):
            assert killed_at - until_at < lost_max, iso(until_at)
        return sum(inputs.values())


@pytest.mark.parametrize(
    "lives",
    [(4.0, 1.5), pytest.param((60.0, 0.0, 7.3, 120.0, 1.1, 240.0), marks=pytest.mark.long)],
    ids=["two lives", "two days"],
)
@pytest.mark.timeout(900)
def test_sigkill_leaves_a_recording_that_replays_up_to_its_last_second(
    tmp_path: Path, lives: tuple[float, ...]
) -> None:
    """Over real sockets, killed at any moment: every day of it comes out the same.

    A threshold that is changed on purpose is found, at an input and in words.
    """
    recording = Recording(tmp_path)
    try:
        for seconds in lives:
            recording.live(seconds)
    finally:
        recording.end()
    assert recording.check() > 500
    assert run("verify", "--state", recording.daemon.state).returncode == 0
    code, epochs = recording.replay(recording.days()[0], "--set", "risk.max_risk_per_trade=0.0001")
    assert code == 4
    assert "timer open:" in str(epochs[0]["difference"])
