"""The plan: when faults come, come again and go, on either clock, and how they are led."""

from __future__ import annotations

import math

import pytest

from trader.deribit.simulator import fault_plan
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import (
    AnyFault,
    Close,
    Drip,
    Drop,
    ExpiryStorm,
    Maintenance,
    Mute,
    Refuse,
)


def on(plan: FaultPlan, wall_s: float, market_s: float = 0.0) -> list[AnyFault]:
    """Move the plan and list what is on."""
    plan.advance(wall_s, market_s)
    return [entry.fault for entry in plan.active]


def test_a_healthy_exchange_is_not_disturbed() -> None:
    """An empty plan never has anything on."""
    plan = FaultPlan()
    plan.advance(5.0, 5.0)
    assert not plan.disturbs
    assert plan.entries == ()
    assert plan.bytes_per_s("ws/1") == math.inf


@pytest.mark.parametrize(("at", "is_on"), [(0.0, False), (1.0, True), (2.999, True), (3.0, False)])
def test_a_fault_lasts_from_its_start_to_its_end(at: float, is_on: bool) -> None:
    """The start counts, the end does not; a fault that is over is forgotten."""
    plan = FaultPlan([Drop(starts_s=1.0, duration_s=2.0)])
    assert bool(on(plan, at)) is is_on
    assert len(plan.entries) == (0 if at >= 3.0 else 1)


def test_a_fault_comes_again() -> None:
    """Every so many seconds, each time for as long; the turns are counted."""
    plan = FaultPlan([Drop(starts_s=1.0, duration_s=2.0, every_s=10.0)])
    seen = [bool(on(plan, at)) for at in (0.5, 1.5, 3.5, 10.9, 11.0, 12.9, 13.0, 101.5)]
    assert seen == [False, True, False, False, True, True, False, True]
    assert plan.entries[0].turn == 11
    assert plan.elapsed_s(plan.entries[0]) == pytest.approx(0.5)


def test_a_fault_may_follow_the_market() -> None:
    """Its seconds are then those of the market, however fast that is."""
    plan = FaultPlan([Drop(clock="market", starts_s=600.0, duration_s=60.0), Mute(starts_s=600.0)])
    assert on(plan, 1.0, 300.0) == []
    assert [fault.kind for fault in on(plan, 2.0, 600.0)] == ["drop"]
    assert on(plan, 2.2, 660.0) == []
    assert [fault.kind for fault in on(plan, 600.0, 180_000.0)] == ["mute"]


def test_faults_are_started_and_stopped_while_running() -> None:
    """A start counts from now and is on at once; numbers are told and never used twice."""
    plan = FaultPlan([Drop(starts_s=100.0)])
    plan.advance(50.0, 50.0)
    mute = plan.start(Mute(duration_s=5.0))
    later = plan.start(Drip(starts_s=10.0))
    assert (mute, later) == (2, 3)
    assert [fault.kind for fault in on(plan, 50.0)] == ["mute"]
    assert [fault.kind for fault in on(plan, 60.5)] == ["drip"]
    assert plan.stop(later) == 1
    assert on(plan, 60.6) == []
    assert plan.stop(later) == 0
    assert plan.start(Mute()) == 4
    assert plan.stop() == 2
    assert plan.entries == ()
    assert not plan.disturbs


def test_a_plan_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts faults in a loop is stopped before memory is."""
    monkeypatch.setattr(fault_plan, "FAULTS_MAX", 2)
    plan = FaultPlan([Drop(), Drop()])
    with pytest.raises(ValueError, match="stop some"):
        plan.start(Drop())


def test_whole_connections_are_asked_about_by_name() -> None:
    """Closing, refusing and dripping concern the clients they name; the slowest drip counts."""
    faults = (
        Close(clients="ws/1", code=4000),
        Refuse(clients="ws/2"),
        Refuse(clients="http", cuts=False),
        Drip(bytes_per_s=100.0),
        Drip(bytes_per_s=50.0, clients="ws/3"),
    )
    plan = FaultPlan(faults)
    plan.advance(0.5, 0.5)
    closing = plan.closing("ws/1")
    assert closing is not None
    assert closing.code == 4000
    assert plan.closing("ws/2") is None
    assert plan.refusing("ws/2", standing=True) is not None
    assert plan.refusing("http") is not None
    assert plan.refusing("http", standing=True) is None
    assert (plan.bytes_per_s("ws/1"), plan.bytes_per_s("ws/3")) == (100.0, 50.0)


def test_a_storm_breaks_once_each_time_it_comes() -> None:
    """It is handed over once, and once more when it comes again."""
    plan = FaultPlan([ExpiryStorm(duration_s=5.0, every_s=10.0), Maintenance()])
    seen = []
    for wall_s, market_s in ((0.1, 0.1), (0.2, 600_000.0), (10.1, 700_000.0)):
        plan.advance(wall_s, market_s)
        seen.append((plan.locked, len(plan.take_storms())))
    assert seen == [(True, 1), (True, 0), (False, 1)]
