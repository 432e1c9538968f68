"""Steps in time: what holds when, and which of two sources is believed."""

from __future__ import annotations

import numpy as np

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import CLOSES, MIDNIGHT, SNAPSHOTS
from trader.deribit.simulator.recording import NO_STEPS, Steps, merged
from trader.domain.units import HOUR


def steps(**known: float) -> Steps:
    """Make steps of instants (`t5` is 5) and values."""
    return Steps(np.array([int(one[1:]) for one in known]), np.array(list(known.values())))


def test_a_value_holds_until_the_next() -> None:
    """At its instant it is known, before the first there is none (the first is shown)."""
    known = steps(t10=1.0, t20=2.0)
    assert [known.last(at) for at in (9, 10, 19, 20, 99)] == [-1, 0, 0, 1, 1]
    assert known.read(np.array([5, 10, 19, 20])).tolist() == [1.0, 1.0, 1.0, 2.0]


def test_of_one_instant_the_last_source_wins() -> None:
    """Sources are put in order of time; nothing of nothing is nothing."""
    joined = merged([steps(t10=1.0, t30=3.0), NO_STEPS, steps(t20=2.0, t30=9.0)])
    assert joined.at.tolist() == [10, 20, 30]
    assert joined.value.tolist() == [1.0, 2.0, 9.0]
    assert merged([NO_STEPS]).at.size == 0


def test_a_recording_lives_from_its_first_snapshot_to_what_is_known_last() -> None:
    """Closes before the first snapshot are its past; those after the last snapshot are lived."""
    life = small_recording().life
    assert life == (SNAPSHOTS[0], MIDNIGHT + CLOSES * HOUR)
