"""What faults do to one client: frames out, calls in, and that chance is seeded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trader.deribit.messages import notification_frame, result_frame
from trader.deribit.server_session import TOO_MANY_CLOSE
from trader.deribit.simulator.disturbance import Disturbance
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import (
    AnyFault,
    ClockSkew,
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Gap,
    Maintenance,
    Mute,
    Reorder,
    TooManyRequests,
    Truncate,
    ZeroSide,
)

FRAMES = [
    ("ticker.BTC-PERPETUAL.100ms", b'{"params":{"channel":"a"}}'),
    ("book.BTC-PERPETUAL.100ms", b'{"params":{"channel":"b"}}'),
    ("public/ticker", b'{"id":1}'),
    ("heartbeat", b'{"method":"heartbeat"}'),
]
SENT = [frame for _, frame in FRAMES]
INDEX = "deribit_price_index.btc_usd"


def disturbed(*faults: AnyFault, client: str = "ws/1", seed: int = 0) -> Disturbance:
    """Let one client meet faults that are on from now."""
    plan = FaultPlan(faults, seed=seed)
    plan.advance(0.0, 0.0)
    return Disturbance(plan, client)


def at(disturbance: Disturbance, wall_s: float, *numbers: int) -> list[bytes]:
    """Send numbered frames of one topic at an instant."""
    disturbance._plan.advance(wall_s, wall_s)
    return disturbance.pass_on([(INDEX, b"%d" % number) for number in numbers])


def test_without_faults_everything_passes() -> None:
    """Every frame leaves as it is, at once."""
    assert disturbed().pass_on(FRAMES) == SENT
    assert disturbed(Drop(starts_s=9.0)).pass_on(FRAMES) == SENT


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Drop(), []),
        (Drop(scope="ticker.*"), SENT[1:]),
        (Drop(scope="public/*"), [SENT[0], SENT[1], SENT[3]]),
        (Drop(scope="heartbeat"), SENT[:3]),
        (Drop(clients="http"), SENT),
        (Drop(count=1), SENT[1:]),
        (Mute(), SENT[2:]),
        (Gap(probability=1.0), [SENT[0], *SENT[2:]]),
        (Duplicate(scope="book.*"), [SENT[0], SENT[1], SENT[1], *SENT[2:]]),
    ],
)
def test_frames_are_lost_or_doubled_by_topic(fault: AnyFault, left: list[bytes]) -> None:
    """Channels, answers and heartbeats, each by its name; clients by theirs."""
    assert disturbed(fault).pass_on(FRAMES) == left


def test_who_leads_the_faults_is_not_disturbed() -> None:
    """The answers of the fault methods leave whatever is on, and their calls are let in."""
    one = disturbed(Drop(), Maintenance(), TooManyRequests())
    assert one.pass_on([("simulator/fault_stop", b"{}")]) == [b"{}"]
    assert one.refusal("simulator/faults") is None


def test_chance_is_seeded_and_of_each_client() -> None:
    """Same seed, same losses; what another client is sent changes nothing for this one."""
    many = FRAMES[:1] * 200
    first, second = (disturbed(Drop(probability=0.5), seed=3) for _ in range(2))
    left = len(first.pass_on(many))
    assert 50 < left < 150
    plan = second._plan
    Disturbance(plan, "ws/2").pass_on(many)
    assert len(second.pass_on(many)) == left
    losses = [
        tuple(disturbed(Drop(probability=0.5), seed=seed).pass_on(FRAMES * 9)) for seed in (3, 4)
    ]
    assert losses[0] != losses[1]


def test_a_count_is_of_each_coming() -> None:
    """So many frames of a client, and as many again when the fault comes again."""
    one = disturbed(Drop(count=2, duration_s=5.0, every_s=10.0))
    assert at(one, 1.0, 1, 2, 3) == [b"3"]
    assert at(one, 2.0, 4) == [b"4"]
    assert at(one, 11.0, 5, 6, 7) == [b"7"]


def test_late_frames_keep_the_order_of_their_topic() -> None:
    """They leave when due; what follows on the topic waits behind them, also after the fault."""
    one = disturbed(Delay(delay_s=2.0, duration_s=1.0, scope="*index*"))
    assert at(one, 0.5, 1) == []
    assert one.held_bytes == 1
    assert one.pass_on(FRAMES[:1]) == SENT[:1]
    assert at(one, 1.5, 2) == []
    assert at(one, 2.4) == []
    assert at(one, 2.6, 3) == [b"1", b"2", b"3"]
    assert one.held_bytes == 0


def test_jitter_lets_no_frame_overtake_another() -> None:
    """Each is late by its own chance, and still they arrive in order."""
    one = disturbed(Delay(delay_s=0.1, jitter_s=5.0, duration_s=100.0), seed=1)
    left = [frame for second in range(40) for frame in at(one, second / 2.0, second)]
    assert left == [b"%d" % number for number in range(len(left))]
    assert 20 < len(left) < 40


def test_reordered_frames_follow_the_next_of_their_topic() -> None:
    """Pairs change places; the last one leaves when the fault is over."""
    one = disturbed(Reorder(duration_s=5.0))
    assert at(one, 0.0, 1, 2, 3, 4) == [b"2", b"1", b"4", b"3"]
    assert at(one, 1.0, 5) == []
    assert one.held_bytes == 1
    assert at(one, 6.0, 6) == [b"5", b"6"]
    assert one.held_bytes == 0


def test_broken_frames_are_no_json() -> None:
    """Syntax is broken in the middle, or the end is missing."""
    for fault in (Corrupt(), Truncate(keep=0.5)):
        (frame,) = disturbed(fault).pass_on(FRAMES[:1])
        with pytest.raises(json.JSONDecodeError):
            json.loads(frame)
    assert disturbed(Truncate(keep=0.5)).pass_on([(INDEX, b"12345678")]) == [b"1234"]
    assert disturbed(Truncate(keep=1.0)).pass_on([(INDEX, b"12345678")]) == [b"12345678"]


def test_flipped_bits_stay_text_and_are_the_same_for_one_seed() -> None:
    """A socket would end at what is no UTF-8: such bits are left alone."""
    frame = notification_frame(INDEX, {"price": 100_000.0, "index_name": "btc_usd ü"})
    flipped = {
        seed: disturbed(Corrupt(mode="bits"), seed=seed).pass_on([(INDEX, frame)])[0]
        for seed in (1, 1, 2)
    }
    assert flipped[1] != frame
    assert flipped[1] != flipped[2]
    assert all(one.decode() for one in flipped.values())
    assert disturbed(Corrupt(mode="bits")).pass_on([(INDEX, b"")]) == [b""]


def content_of(fault: AnyFault, channel: str, content: object) -> Any:
    """Send one notification through a fault and read what it says then."""
    ((frame),) = disturbed(fault).pass_on([(channel, notification_frame(channel, content))])
    sent = json.loads(frame)
    assert sent["params"]["channel"] == channel
    return sent["params"]["data"]


def test_wrong_types_are_sound_json() -> None:
    """Numbers become texts and texts numbers, as deep as it goes; the envelope stays."""
    ticker = {"name": "X", "price": 1.5, "open": True, "last": None, "bids": [[1, 2.0]]}
    wrong = content_of(Corrupt(mode="types"), "ticker.X", ticker)
    assert wrong == {"name": 1, "price": "1.5", "open": [True], "last": [None],
                     "bids": [["1", "2.0"]]}  # fmt: skip


@pytest.mark.parametrize(
    ("side", "bid", "ask"), [("both", 0.0, 0.0), ("bid", 0.0, 0.03), ("ask", 0.02, 0.0)]
)
def test_an_empty_side_shows_zero(side: str, bid: float, ask: float) -> None:
    """Price and amount of the side are 0, the rest stays."""
    ticker = {"timestamp": 1, "best_bid_price": 0.02, "best_ask_price": 0.03, "mark_price": 0.025}
    fault = ZeroSide.model_validate({"side": side})
    shown = content_of(fault, "quote.X", ticker)
    assert shown == ticker | {"best_bid_price": bid, "best_ask_price": ask}
    assert content_of(fault, "trades.X", [ticker]) == [ticker]


def test_timestamps_are_off_and_drift() -> None:
    """In notifications, in lists of trades, in answers and their microseconds."""
    skew = ClockSkew(skew_s=10.0, drift=0.5, duration_s=100.0)
    assert content_of(skew, "quote.X", {"timestamp": 1_000}) == {"timestamp": 11_000}
    assert content_of(skew, "trades.X", [{"timestamp": 5}]) == [{"timestamp": 10_005}]
    one = disturbed(skew)
    one._plan.advance(4.0, 4.0)
    (frame,) = one.pass_on([("public/get_time", result_frame(1, 1_000, 10, 30, False))])
    answer = json.loads(frame)
    assert answer["result"] == 13_000
    assert (answer["usIn"], answer["usOut"]) == (12_000_010, 12_000_030)
    clock = b'{"result":{"now_at":1,"timestamp":1}}'
    assert one.pass_on([("simulator/clock", clock)]) == [clock]


def test_broken_frames_pass_through_what_reads_them() -> None:
    """A fault that rewrites JSON leaves alone what another has broken."""
    one = disturbed(Truncate(), ZeroSide())
    (frame,) = one.pass_on([("quote.X", notification_frame("quote.X", {"best_bid_price": 1.0}))])
    assert frame.startswith(b'{"jsonrpc"')


def test_calls_are_refused_for_their_number() -> None:
    """10028 for the methods in scope, with the close that follows or without."""
    refusal = disturbed(TooManyRequests(scope="public/get_*", count=1)).refusal
    assert refusal("public/ticker") is None
    first = refusal("public/get_time")
    assert first is not None
    assert (first.error.body.code, first.close) == (10_028, TOO_MANY_CLOSE)
    assert refusal("public/get_time") is None
    kept = disturbed(TooManyRequests(closes=False)).refusal("public/get_time")
    assert kept is not None
    assert kept.close is None


def test_maintenance_silences_channels_and_refuses_calls() -> None:
    """What tells of the platform still speaks, and so do tests and heartbeats."""
    one = disturbed(Maintenance())
    platform = ("platform_state", b"{}")
    assert one.pass_on([*FRAMES, platform]) == [*SENT[2:], b"{}"]
    refusal = one.refusal("public/subscribe")
    assert refusal is not None
    assert (refusal.error.body.code, refusal.close) == (11_051, None)
    assert one.refusal("public/test") is None
    assert one.refusal("simulator/clock") is None
