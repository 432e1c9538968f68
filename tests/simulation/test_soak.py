"""Nothing grows, leaks or breaks under faults: a look in the suite, minutes of them when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.soak import Soak

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_twenty_seconds_of_faults_break_nothing(tmp_path: Path) -> None:
    """Two looks under faults: every map agrees with what is listed, and the journal is sound."""
    soak = Soak(tmp_path, seed=11, fault_every_s=2.0, say=print)
    soak.run(minutes=1 / 3, look_every_s=10.0)
    assert soak.wrong == []
    assert len(soak.samples) == 2
    assert soak.samples[-1].counts["events"] > 0
    assert soak.samples[-1].listed > 100
    assert soak.injected.total() >= 3


def test_a_map_that_outgrows_what_is_listed_is_named(tmp_path: Path) -> None:
    """The looker is looked at: a leftover of an expired contract does not pass."""
    soak = Soak(tmp_path, seed=11, fault_every_s=2.0, say=print)
    names = (
        "listed", "instruments", "quote_rows", "channels", "approvals", "deliveries",
        "settlements", "boards", "suspended", "taken_quotes", "funding_rates", "bars",
    )  # fmt: skip
    sound = {**dict.fromkeys(names, 0), **dict.fromkeys(names[:4], 400)}
    assert soak._disagreements(sound, 400) == []
    for what in names:
        leaking = {**sound, what: sound[what] + 5_000}
        (named,) = soak._disagreements(leaking, 400)
        assert named.startswith(f"{what} ")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_two_minutes_of_faults_break_nothing(tmp_path: Path) -> None:
    """The same over a day and a half of the market: an expiry leaves every map."""
    soak = Soak(tmp_path, seed=12, fault_every_s=5.0, say=print)
    soak.run(minutes=2, look_every_s=20.0)
    assert soak.wrong == []


@pytest.mark.long
@pytest.mark.timeout(1_500)
def test_twenty_minutes_of_faults_leave_memory_where_it_was(tmp_path: Path) -> None:
    """Four market days: after minute ten neither process grows by 5 MB."""
    soak = Soak(tmp_path, seed=13, fault_every_s=8.0, say=print)
    soak.run(minutes=20)
    assert soak.wrong == []
