"""Does a replay vouch for a day that was the same, and find the first thing that is not?"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from tests.app.recorded import demo_configuration, record_day
from trader.app.recorder import recordings_folder
from trader.app.replay import EpochReplay, first_difference, replay_engine, replay_epoch
from trader.domain.errors import StorageError
from trader.domain.events import IndexPrice, Stamped, TimerFired
from trader.domain.facts import AccountMarked, Recorded
from trader.domain.units import DAY
from trader.storage.journal import Journal
from trader.storage.recordings import manifests
from trader.storage.replay_inputs import epoch_inputs


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record seven market hours, past a midnight and an expiry, twice; each ends by a kill."""
    state = tmp_path_factory.mktemp("recorded") / "state"
    record_day(state, 7.0, epochs=2)
    return state


def replay(
    state: Path, epoch: int, inputs: list[Stamped] | None = None, *assignments: str
) -> EpochReplay:
    """Re-run one epoch, on its own inputs unless others are given."""
    configuration = demo_configuration(state, *assignments)
    root = recordings_folder(state)
    manifest = manifests(root)[epoch]
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        engine = replay_engine(configuration, manifest)
        rows = epoch_inputs(root, epoch) if inputs is None else iter(inputs)
        return replay_epoch(engine, manifest, journal, rows)


def rows_of(state: Path, epoch: int = 1) -> list[Stamped]:
    """Read an epoch's inputs."""
    return list(epoch_inputs(recordings_folder(state), epoch))


def test_a_recorded_day_replays_identically(recorded: Path) -> None:
    """Both epochs, the second from what the first left, with trades in them."""
    first, second = replay(recorded, 1), replay(recorded, 2)
    assert (first.difference, first.gap, first.notes) == (None, None, ())
    assert (second.difference, second.gap, second.notes) == (None, None, ())
    assert first.inputs > 5_000
    assert min(first.facts, second.facts) > 20


def test_a_changed_threshold_is_found_at_its_first_differing_event(recorded: Path) -> None:
    """Not at the opening, not later: where the first verdict comes out otherwise."""
    whole = replay(recorded, 1)
    changed = replay(recorded, 1, None, "risk.max_risk_per_trade=0.003")
    assert changed.difference is not None
    assert 0 < changed.inputs < whole.inputs
    assert ", timer open:" in changed.difference
    assert "recorded: approved" in changed.difference or "differs in" in changed.difference
    rows = rows_of(recorded)
    before = [one for one in rows if one.sequence < rows[0].sequence + changed.inputs - 1]
    assert replay(recorded, 1, before, "risk.max_risk_per_trade=0.003").difference is None


def test_one_changed_price_is_found(recorded: Path) -> None:
    """The last index before an hour ends: the mark of that hour differs, and it is named."""
    rows = rows_of(recorded)
    mark = next(
        place
        for place, row in enumerate(rows)
        if place > 5_000 and isinstance(row.event, TimerFired) and row.event.name == "mark"
    )
    for place in range(mark, 0, -1):
        event = rows[place].event
        if isinstance(event, IndexPrice):
            wrong = msgspec.structs.replace(event, price=event.price * 0.999)
            rows[place] = msgspec.structs.replace(rows[place], event=wrong)
            break
    found = replay(recorded, 1, rows)
    assert found.difference is not None
    assert f"input {rows[mark].sequence}, timer mark" in found.difference
    assert "AccountMarked differs in" in found.difference


def test_what_was_not_recorded_ends_the_replay_and_is_named(recorded: Path) -> None:
    """A hole, and a beginning that was deleted: all before it is still vouched for."""
    rows = rows_of(recorded)
    hole = replay(recorded, 1, rows[:1_000] + rows[1_010:])
    assert (hole.difference, hole.inputs) == (None, 1_000)
    assert hole.gap is not None
    assert f"inputs {rows[1_000].sequence} to {rows[1_009].sequence} were not recorded" in hole.gap
    killed = replay(recorded, 1, rows[500:])
    assert (killed.difference, killed.inputs, killed.headless) == (None, 0, False)
    tomorrow = next(n for n, row in enumerate(rows) if row.at // DAY > rows[0].at // DAY)
    headless = replay(recorded, 1, rows[tomorrow:])
    assert (headless.difference, headless.inputs, headless.headless) == (None, 0, True)
    assert headless.gap is not None
    assert "retention_days" in headless.gap


def test_the_last_second_may_be_lost_on_either_side(recorded: Path) -> None:
    """Inputs without their facts are noted only as the last; facts without inputs are noted."""
    rows = rows_of(recorded)
    shorter = replay(recorded, 1, rows[:3_000])
    assert shorter.difference is None
    assert shorter.notes == ("facts were journaled after the last recorded input",)


def test_facts_that_never_reached_the_journal_are_no_difference(
    recorded: Path, tmp_path: Path
) -> None:
    """Killed between recording an input and journaling its facts."""
    state = tmp_path / "state"
    shutil.copytree(recorded, state)
    rows = rows_of(state, 2)
    with Journal.create_or_open(f"sqlite:///{state}/journal.sqlite", writer=False) as journal:
        stored = list(journal.read())
    last = stored[-30].recorded.sequence
    kept = [one.recorded for one in stored if one.recorded.sequence < last]
    (state / "journal.sqlite").unlink()
    with Journal.create_or_open(f"sqlite:///{state}/journal.sqlite", writer=True) as journal:
        journal.append(kept)
    until = [one for one in rows if one.sequence <= last]
    found = replay(state, 2, until)
    assert found.difference is None
    assert "its facts never reached the journal" in found.notes[0]
    later = replay(state, 2, rows[: len(until) + 5])
    assert later.difference is not None
    assert "nothing of the kind was recorded" in later.difference


def test_another_journals_recording_is_refused(recorded: Path, tmp_path: Path) -> None:
    """The journal must open the epoch where the manifest says."""
    state = tmp_path / "state"
    shutil.copytree(recorded, state)
    (state / "journal.sqlite").unlink()
    with Journal.create_or_open(f"sqlite:///{state}/journal.sqlite", writer=True):
        pass
    with pytest.raises(StorageError, match="belongs to another journal"):
        replay(state, 1)


def test_a_broken_sequence_of_time_is_a_difference(recorded: Path) -> None:
    """What breaks an invariant now, and did not then, is told as such."""
    rows = rows_of(recorded)[:1_000]
    rows[600] = msgspec.structs.replace(rows[600], at=rows[0].at - 1)
    found = replay(recorded, 1, rows)
    assert found.difference is not None
    assert "breaks an invariant: time runs backward" in found.difference


def test_the_first_different_field_is_named() -> None:
    """Down to the key of a table inside a fact."""
    one = AccountMarked(
        account="main", equity_usd=1.0, trading_pnl_usd=0.0, indices={"BTC": 1.0, "ETH": 2.0}
    )
    other = msgspec.structs.replace(one, indices={"BTC": 1.0, "ETH": 3.0})
    found = first_difference(Recorded(1, 2, one), Recorded(1, 2, other))
    assert found == (".fact.indices['ETH']", 2.0, 3.0)
