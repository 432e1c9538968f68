"""A replay at full speed: the daemon decides on time, at what was recorded, and to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.chain_files import write_chain
from tests.app.replayed import drive
from tests.app.running import ROOT, trader
from tests.recorded_chain import EXPIRIES, SNAPSHOTS, close_at
from trader.app.replay_chains import read_chains
from trader.app.replay_recordings import read_recordings
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.domain.facts import AccountMarked, EpochOpened, Filled, Settled
from trader.domain.units import HOUR
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from trader.domain.facts import Recorded

STRATEGY = ROOT / "config" / "demo" / "strategies" / "covered_call_btc.toml"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drive one strategy through the small chain, once for all tests."""
    folder = tmp_path_factory.mktemp("replay")
    config = folder / "trader.toml"
    config.write_text(
        f'strategies = ["{STRATEGY}"]\n[feed]\nunderlyings = ["BTC"]\n'
        '[journal]\nstate_dir = "state"\n[engine]\nsweep_s = 900\n'
        "[account.balances]\nBTC = 20.0\n",
        encoding="utf-8",
    )
    drive(config, read_chains(write_chain(folder), None))
    return folder / "state"


@pytest.fixture(scope="module")
def facts(state: Path) -> list[Recorded]:
    """Read what was journaled."""
    with Journal.create_or_open(f"sqlite:///{state / 'journal.sqlite'}", writer=False) as journal:
        return [stored.recorded for stored in journal.read()]


def test_every_hour_of_the_recording_was_lived(facts: list[Recorded]) -> None:
    """Timers fire at their very instant, however fast it went: none is late or left out."""
    marked = [one.at for one in facts if isinstance(one.fact, AccountMarked)]
    first = SNAPSHOTS[0] // HOUR * HOUR + HOUR
    hours = sorted({at for at in marked if at % HOUR == 0})
    assert hours[0] in (first, first - HOUR)
    assert hours == list(range(hours[0], hours[-1] + 1, HOUR))
    assert hours[-1] >= EXPIRIES[2]


def test_fills_say_that_their_size_was_assumed(facts: list[Recorded]) -> None:
    """As the TOML states, and the epoch that opened it."""
    fills = [one.fact for one in facts if isinstance(one.fact, Filled)]
    assert fills
    assert all(fill.assumed_size for fill in fills)
    (epoch,) = [one.fact for one in facts if isinstance(one.fact, EpochOpened)]
    assert (epoch.staleness_s, epoch.assumed_sizes) == (8 * 3_600.0, True)


def test_settlement_prices_are_the_source_s(facts: list[Recorded]) -> None:
    """The close of the bar that the TOML names, at the expiry itself."""
    settled = [one for one in facts if isinstance(one.fact, Settled)]
    assert settled
    for one in settled:
        assert isinstance(one.fact, Settled)
        assert one.fact.delivery_price == close_at(one.fact.expires_at)
        assert one.at < one.fact.expires_at + HOUR


def test_the_journal_holds_and_the_recording_of_it_replays(state: Path) -> None:
    """`trader verify` finds nothing; the inputs that were recorded decide the same again."""
    run = trader("verify", "--state", state)
    assert run.returncode == 0, run.stderr
    again = trader("replay", "--date", "2026-01-11", "--state", state)
    assert again.returncode == 0, again.stdout + again.stderr


def test_what_the_daemon_recorded_is_a_market_to_replay(state: Path) -> None:
    """Its own recording shows the same quotes, index and delivery prices."""
    venue = ReplayVenue(read_recordings(state / "recordings"))
    at = SNAPSHOTS[2] + HOUR // 2
    listing = venue.find("BTC-13JAN26-91000-C", at)
    assert listing is not None
    assert venue.quoted_at(listing, at) == SNAPSHOTS[2]
    assert venue.index_price("BTC", at) == close_at(SNAPSHOTS[2])
    assert venue.delivery_price("BTC", EXPIRIES[0], at + HOUR * 24) == close_at(EXPIRIES[0])
    assert venue.assumed_sizes
