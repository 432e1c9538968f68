"""The methods that lead faults: who may, what is told, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator import fault_plan
from trader.deribit.simulator.fault_desk import FaultDesk
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import Drop


def test_faults_are_started_listed_and_stopped() -> None:
    """The number that a start tells is that of the list, and stops it."""
    plan = FaultPlan([Drop(starts_s=60.0)])
    plan.advance(1.0, 1.0)
    desk = FaultDesk(plan)
    mute = {"kind": "mute", "scope": "ticker.*", "duration_s": 9}
    assert desk.handle("simulator/fault_start", mute, local=True) == {"id": 2}
    listed: Any = desk.handle("simulator/faults", {}, local=True)
    assert [(row["id"], row["on"], row["kind"]) for row in listed] == [
        (1, False, "drop"),
        (2, True, "mute"),
    ]
    assert (listed[1]["scope"], listed[1]["since_s"]) == ("ticker.*", 1.0)
    assert desk.handle("simulator/fault_stop", {"id": 2}, local=True) == {"stopped": 1}
    assert not plan.disturbs
    assert desk.handle("simulator/fault_stop", {}, local=True) == {"stopped": 1}
    assert desk.handle("simulator/faults", {}, local=True) == []


def test_its_methods_are_known() -> None:
    """What it does not answer is the exchange's."""
    desk = FaultDesk(FaultPlan())
    assert desk.answers("simulator/faults")
    assert not desk.answers("simulator/clock")


@pytest.mark.parametrize("method", ["faults", "fault_start", "fault_stop"])
def test_another_machine_is_refused(method: str) -> None:
    """Nobody else may see faults, let alone start them."""
    plan = FaultPlan()
    with pytest.raises(ServerError) as refused:
        FaultDesk(plan).handle(f"simulator/{method}", {"kind": "drop"}, local=False)
    assert (refused.value.body.code, refused.value.body.message) == (13_021, "forbidden")
    assert plan.entries == ()


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("fault_start", {}, "kind"),
        ("fault_start", {"kind": "tulip"}, "kind"),
        ("fault_start", {"kind": ["drop"]}, "kind"),
        ("fault_start", {"kind": "drop", "duration_s": -1}, "duration_s"),
        ("fault_start", {"kind": "drop", "every_s": 0.1}, "every_s"),
        ("fault_start", {"kind": "drop", "tulip": 1}, "tulip"),
        ("fault_stop", {"id": "all"}, "id"),
        ("fault_stop", {"id": 7}, "id"),
        ("fault_stop", {"id": True}, "id"),
    ],
)
def test_a_mistake_is_named(method: str, params: dict[str, object], param: str) -> None:
    """-32602 with the parameter and a reason."""
    with pytest.raises(ServerError) as refused:
        FaultDesk(FaultPlan()).handle(f"simulator/{method}", params, local=True)
    body = refused.value.body
    assert (body.code, body.data["param"]) == (-32_602, param)


def test_too_many_faults_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what to do."""
    monkeypatch.setattr(fault_plan, "FAULTS_MAX", 0)
    with pytest.raises(ServerError) as refused:
        FaultDesk(FaultPlan()).handle("simulator/fault_start", {"kind": "drop"}, local=True)
    assert "stop some" in refused.value.body.data["reason"]
