"""Do the same inputs give the same outcomes, in this process and under any hash seed?"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.harness import (
    BALANCES,
    MarketFeed,
    Simulation,
    demo_start,
    make_engine,
)
from tests.source import ROOT
from trader.domain.events import FeedLost, FeedRestored, PauseTrading, ResumeTrading, Stamped
from trader.domain.facts import EpochOpened
from trader.domain.units import HOUR
from trader.engine.outcome import OutcomeDigest

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
