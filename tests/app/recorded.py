"""A day that was recorded: the bundled market, the real engine, journal and recorder, no wire."""

from __future__ import annotations

from pathlib import Path

from tests.app.running import ROOT
from tests.simulation.harness import MarketFeed, Simulation, demo_start
from trader.app.assemble import build_engine, recover
from trader.app.configuration import Configuration, load_configuration
from trader.app.recorder import epoch_manifest, frozen_configuration, recordings_folder
from trader.domain.facts import EpochOpened
from trader.storage.journal import Journal
from trader.storage.market_store import MarketStore, RecorderSettings


def demo_configuration(state: Path, *assignments: str) -> Configuration:
    """Load the demo's configuration on a state directory."""
    chosen = [f"journal.state_dir={state}", *assignments]
    return load_configuration([ROOT / "config" / "demo.toml"], chosen, environment={})


def record_day(state: Path, hours: float, *, epochs: int = 1, seed: int = 1) -> None:
    """Trade on paper for some market hours per epoch; journal and recording are the real ones.

    Every epoch ends as by a kill: the streams are left as they stand.
    """
    configuration = demo_configuration(state)
    feed = MarketFeed(seed, demo_start(), step_s=900.0)
    state.mkdir(parents=True, exist_ok=True)
    for _ in range(epochs):
        with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
            _record_epoch(configuration, journal, feed, hours)
        feed._listed.clear()
        feed._shown.clear()


def _record_epoch(
    configuration: Configuration, journal: Journal, feed: MarketFeed, hours: float
) -> None:
    simulation = Simulation(lambda: build_engine(configuration), feed)
    simulation.record_inputs = True
    recovered = recover(simulation.engine, journal)
    known = simulation.engine.ledger.epoch
    simulation.epoch = 0 if known is None else known.epoch
    simulation.start(configuration.settings.account.balances)
    opening = simulation.records[0].fact
    assert isinstance(opening, EpochOpened)
    manifest = epoch_manifest(
        configuration, opening, at=simulation.records[0].at,
        sequence=simulation.records[0].sequence, recovered=recovered,
    )  # fmt: skip
    store = MarketStore(
        recordings_folder(configuration.state_dir), RecorderSettings(reserve_gb=0.0)
    )
    store.begin(manifest, frozen_configuration(configuration))
    simulation.run(int(hours * 3600) * 1_000_000_000)
    for first in range(0, len(simulation.inputs), 5_000):
        store.write(simulation.inputs[first : first + 5_000])
    store.abandon()
    journal.append(simulation.records)
