"""A schedule of an unlucky day: the same for a seed, every kind in a long one."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.faults import KINDS
from trader.deribit.simulator.random_faults import QUIET_S, random_schedule


def test_a_schedule_is_the_same_for_one_seed() -> None:
    """One seed, one schedule; a longer one begins like a shorter; another seed, another."""
    first = random_schedule(3, wall_s=600.0)
    assert first == random_schedule(3, wall_s=600.0)
    assert first == random_schedule(3, wall_s=6_000.0)[: len(first)]
    assert first != random_schedule(4, wall_s=600.0)


def test_a_long_schedule_has_every_kind_in_its_time() -> None:
    """Twenty minutes hold about a hundred faults, in order, after a quiet beginning."""
    faults = random_schedule(1, wall_s=1_200.0)
    assert 70 < len(faults) < 130
    starts = [fault.starts_s for fault in faults]
    assert starts == sorted(starts)
    assert QUIET_S <= starts[0] <= starts[-1] < 1_200.0
    assert {fault.kind for fault in random_schedule(1, wall_s=6_000.0)} == set(KINDS)


@pytest.mark.parametrize("fields", [{"wall_s": 0.0}, {"wall_s": 9.0, "apart_s": 0.0}])
def test_a_schedule_without_time_is_refused(fields: dict[str, float]) -> None:
    """Faults need a run to happen in, and time between them."""
    with pytest.raises(ValueError, match="must be positive"):
        random_schedule(1, **fields)
