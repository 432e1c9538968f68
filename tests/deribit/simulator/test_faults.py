"""The fault plan: what each kind does, when it ends, and that chance is seeded."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from trader.deribit.messages import notification_frame
from trader.deribit.simulator.faults import FAULT_NAMES, Fault, FaultName, FaultPlan, draw_plan

FRAMES = [
    ("ticker.BTC-PERPETUAL.100ms", b'{"params":{"channel":"a"}}'),
    ("ticker.ETH-PERPETUAL.100ms", b'{"params":{"channel":"b"}}'),
    ("deribit_price_index.btc_usd", b'{"params":{"channel":"c"}}'),
]
SENT = [frame for _, frame in FRAMES]


def sent_of(faults: FaultPlan, frames: list[tuple[str, bytes]]) -> list[bytes]:
    """Send a batch through the faults and list the frames that leave."""
    return [frame for _, frame in faults.disturb_frames(frames)]


def plan(kind: FaultName, scope: str = "*", probability: float = 0.5) -> FaultPlan:
    """Make a plan whose one fault is on from 1 s to 3 s, moved to 2 s."""
    faults = FaultPlan(
        [Fault(kind=kind, scope=scope, starts_s=1.0, duration_s=2.0, probability=probability)]
    )
    faults.advance(2.0)
    return faults


def test_a_healthy_exchange_sends_everything() -> None:
    """Without faults every frame leaves as it is."""
    faults = FaultPlan()
    faults.advance(5.0)
    assert not faults.disturbs
    assert sent_of(faults, FRAMES) == SENT


@pytest.mark.parametrize(("at", "on"), [(0.0, False), (1.0, True), (2.999, True), (3.0, False)])
def test_a_fault_lasts_from_its_start_to_its_end(at: float, on: bool) -> None:
    """The start counts, the end does not; an ended fault is forgotten."""
    faults = plan("drop_all")
    faults.advance(at)
    assert faults.disturbs is on
    assert faults.silent is on
    assert len(faults.entries) == (0 if at >= 3.0 else 1)


def test_a_mute_channel_says_nothing() -> None:
    """Only the channels in scope fall silent."""
    assert sent_of(plan("mute", "ticker.BTC*"), FRAMES) == SENT[1:]


def test_drop_all_lets_nothing_out() -> None:
    """Not a single frame leaves."""
    assert sent_of(plan("drop_all"), FRAMES) == []


def test_a_half_frame_is_no_json() -> None:
    """One frame of the batch is cut, the others are whole."""
    sent = sent_of(plan("half_frame"), FRAMES)
    assert sent[1:] == SENT[1:]
    assert SENT[0].startswith(sent[0])
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent[0])


def test_garbage_is_no_json() -> None:
    """One frame of the batch is noise, the others are whole."""
    sent = sent_of(plan("garbage", "*index*"), FRAMES)
    assert sent[:2] == SENT[:2]
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent[2])


def test_duplicates_follow_each_other() -> None:
    """A frame in scope is sent twice in a row."""
    sent = sent_of(plan("duplicate", "ticker.ETH*"), FRAMES)
    assert sent == [SENT[0], SENT[1], SENT[1], SENT[2]]


def test_a_gap_loses_some_and_always_the_same() -> None:
    """Chance is seeded: two plans of one seed lose the same frames, some but not all."""
    first, second = plan("gap"), plan("gap")
    many = FRAMES * 20
    assert sent_of(first, many) == sent_of(second, many)
    assert 0 < len(sent_of(plan("gap"), many)) < len(many)
    assert sent_of(plan("gap", probability=1.0), many) == []


def test_a_mute_beats_a_gap_on_the_same_channel() -> None:
    """Two faults on one channel: the stricter one holds."""
    faults = FaultPlan(
        [Fault(kind="gap", probability=1e-9), Fault(kind="mute", scope="ticker.*")], seed=1
    )
    faults.advance(0.5)
    assert sent_of(faults, FRAMES) == SENT[2:]


def content_of(faults: FaultPlan, channel: str, content: dict[str, Any]) -> dict[str, Any]:
    """Send one notification through the faults and read what it says then."""
    ((_, frame),) = faults.disturb_frames([(channel, notification_frame(channel, content))])
    sent = json.loads(frame)
    assert sent["params"]["channel"] == channel
    result: dict[str, Any] = sent["params"]["data"]
    return result


def test_zero_sides_and_clock_jumps_falsify_the_content() -> None:
    """Sides become 0, timestamps are an hour off; the rest stays, and so do other channels."""
    ticker = {"timestamp": 1_000, "best_bid_price": 0.02, "mark_price": 0.03}
    zero = plan("zero_sides", "ticker.*")
    assert content_of(zero, "ticker.X.agg2", ticker) == ticker | {"best_bid_price": 0.0}
    assert content_of(zero, "quote.X", ticker) == ticker
    jump = plan("clock_jump")
    assert content_of(jump, "quote.X", ticker) == ticker | {"timestamp": 3_601_000}


def test_close_and_refuse_cut_connections() -> None:
    """Both cut; only refuse turns newcomers away."""
    assert plan("close").closes
    assert not plan("close").refuses
    assert plan("refuse").closes
    assert plan("refuse").refuses


def test_a_fault_can_be_injected_while_running() -> None:
    """An injected fault takes effect with the next instant."""
    faults = FaultPlan()
    faults.inject(Fault(kind="mute", starts_s=10.0))
    faults.advance(10.5)
    assert sent_of(faults, FRAMES) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": ""},
        {"starts_s": -1.0},
        {"starts_s": math.nan},
        {"duration_s": 0.0},
        {"duration_s": math.inf},
        {"probability": 0.0},
        {"probability": math.nan},
        {"jump_s": math.nan},
    ],
)
def test_an_impossible_fault_is_refused_by_field(fields: dict[str, Any]) -> None:
    """The refusal names the field."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        Fault(kind="mute", **fields)


def test_a_drawn_plan_is_the_same_for_one_seed() -> None:
    """One seed, one plan; another seed, another plan; all kinds occur in a long one."""
    first = draw_plan(3, wall_s=60.0, count=80).entries
    assert first == draw_plan(3, wall_s=60.0, count=80).entries
    assert first != draw_plan(4, wall_s=60.0, count=80).entries
    assert {fault.kind for fault in first} == set(FAULT_NAMES)


def test_a_plan_without_time_is_refused() -> None:
    """Faults need a run to happen in."""
    with pytest.raises(ValueError, match="wall_s"):
        draw_plan(1, wall_s=0.0, count=1)
