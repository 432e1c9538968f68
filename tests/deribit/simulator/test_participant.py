"""One client of the exchange without a socket: what waits, what is cut, what is forgotten."""

from __future__ import annotations

import json

import pytest

from trader.deribit.messages import notification_frame
from trader.deribit.server_session import HEARTBEAT_CLOSE, ServerSession
from trader.deribit.simulator.disturbance import Disturbance
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import Delay, Drip, Drop, Mute
from trader.deribit.simulator.participant import Participant

CHANNELS = ("quote.A", "ticker.A.agg2", "quote.B")
FRAMES = [(name, notification_frame(name, {"timestamp": 1})) for name in CHANNELS]


def participant(faults: FaultPlan | None = None, backlog_bytes_max: int = 10_000) -> Participant:
    """Make a participant that has subscribed to the three channels."""
    session = ServerSession(knows=lambda _: True, opened=0.0, epoch_us=0)
    disturbance = Disturbance(faults or FaultPlan(), "ws/1")
    made = Participant(session, disturbance, backlog_bytes_max=backlog_bytes_max)
    call = {"id": 1, "method": "public/subscribe", "params": {"channels": list(CHANNELS)}}
    session.receive(json.dumps(call), 0.0)
    made.follow(CHANNELS)
    made.collect()
    written(made)
    return made


def written(one: Participant) -> list[bytes]:
    """Write everything that waits."""
    frames: list[bytes] = []
    while some := one.next_frames(100):
        one.written(some)
        frames += some
    return frames


def test_a_subscription_owes_its_present_state() -> None:
    """It is fresh until it has been told something."""
    one = participant()
    assert one.fresh
    assert len(one.subscriptions) == 3
    one.tell([], 1.0)
    assert not one.fresh


def test_what_is_told_waits_in_order() -> None:
    """Frames leave as they were told, and the backlog counts them until they have left."""
    one = participant()
    one.tell(FRAMES, 1.0)
    assert one.has_work
    assert one.backlog_bytes == sum(len(frame) for _, frame in FRAMES)
    assert written(one) == [frame for _, frame in FRAMES]
    assert one.backlog_bytes == 0
    assert not one.has_work


def test_a_frame_being_written_still_counts() -> None:
    """A reader that stalls in the middle of a frame is as slow as one that stalls before it."""
    one = participant(backlog_bytes_max=len(FRAMES[0][1]) - 1)
    one.tell(FRAMES[:1], 1.0)
    frames = one.next_frames(1)
    assert frames == [FRAMES[0][1]]
    assert one.too_slow
    one.written(frames)
    assert one.backlog_bytes == 0


def test_too_much_waiting_is_too_slow() -> None:
    """Above the limit the client is to be cut; nothing waits for one that was."""
    one = participant(backlog_bytes_max=1_000)
    for second in range(10):
        one.tell(FRAMES, float(second))
    assert one.too_slow
    one.discard()
    assert one.backlog_bytes == 0
    assert one.next_frames(1) == []


def test_channels_of_what_expired_are_forgotten() -> None:
    """Its places and its subscriptions end; what is left goes on."""
    one = participant()
    one.forget(frozenset({"A"}))
    assert list(one.session.channels) == ["quote.B"]
    one.tell(FRAMES, 1.0)
    assert written(one) == [FRAMES[2][1]]


def test_faults_disturb_what_is_told() -> None:
    """A mute channel is not told; with everything dropped not even an answer leaves."""
    faults = FaultPlan([Mute(scope="quote.*", duration_s=5.0)])
    one = participant(faults)
    faults.advance(1.0, 1.0)
    one.tell(FRAMES, 1.0)
    assert written(one) == [FRAMES[1][1]]
    faults.start(Drop())
    one.session.receive('{"id":2,"method":"public/test"}', 1.5)
    one.collect()
    assert not one.has_work


def test_what_faults_hold_back_counts_as_waiting() -> None:
    """A late line may not fill the memory; how fast bytes may leave is the faults' to say."""
    faults = FaultPlan([Delay(delay_s=60.0, starts_s=1.0), Drip(bytes_per_s=10.0, starts_s=1.0)])
    one = participant(faults, backlog_bytes_max=len(FRAMES[0][1]))
    faults.advance(1.0, 1.0)
    assert one.bytes_per_s == 10.0
    slow = []
    for now in (1.0, 1.1):
        one.tell(FRAMES[:1], now)
        slow.append(one.too_slow)
    assert slow == [False, True]
    assert not one.has_work


@pytest.mark.parametrize(("answers", "closes"), [(True, False), (False, True)])
def test_an_unanswered_test_request_closes(answers: bool, closes: bool) -> None:
    """The session's time passes with each telling; its close is work for the writer."""
    one = participant()
    one.session.receive('{"id":2,"method":"public/set_heartbeat","params":{"interval":10}}', 0.0)
    one.tell([], 12.5)
    if answers:
        one.session.receive('{"id":3,"method":"public/test"}', 13.0)
    one.tell([], 22.6)
    written(one)
    assert (one.session.closing == HEARTBEAT_CLOSE) is closes
    assert one.has_work is closes
