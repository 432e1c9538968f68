"""Tests of `trader.deribit.session`: the client's end, in virtual time."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deribit.wire import (
    INDEX,
    TICKER,
    answer_all,
    book,
    error,
    index,
    live,
    result,
    sent,
    subscribed,
    ticker,
)
from trader.deribit import messages
from trader.deribit.credits import PRICES, CreditPool, pool_of
from trader.deribit.feed import Failure, Fault, Recovered, Response
from trader.deribit.messages import CLIENT_FRAME_BYTES_MAX
from trader.deribit.pushes import Notification
from trader.deribit.server_session import ServerSession, Subscribed
from trader.deribit.session import NO_ANSWER, ClientSession, SessionLimits
from trader.domain.errors import FeedError


def test_connecting_asks_for_heartbeats_and_subscribes_what_is_wanted() -> None:
    """What was wanted before the connection is subscribed with it, in one call, in order."""
    session = ClientSession(SessionLimits(heartbeat_s=10))
    session.subscribe([INDEX, TICKER], 0.0)
    assert session.data_to_send() == []
    session.connected(0.0)
    frames = sent(session)
    assert frames[0]["method"] == "public/set_heartbeat"
    assert frames[0]["params"] == {"interval": 10}
    assert subscribed(frames) == [INDEX, TICKER]


def test_a_test_request_is_answered_with_a_test() -> None:
    """Trap ccrxt#240: an unanswered test request closes the socket, so it is answered at once."""
    session = live()
    assert session.receive(messages.heartbeat_frame("heartbeat"), 1.0) == []
    assert sent(session) == []
    assert session.receive(messages.heartbeat_frame("test_request"), 1.0) == []
    (test,) = sent(session)
    assert test["method"] == "public/test"
    assert session.receive(result(test["id"], {"version": "1"}), 1.1) == []


def test_a_name_dropped_in_silence_is_a_fault_that_names_it() -> None:
    """Trap: wrong names are not errors; the answer is compared with the question."""
    session = ClientSession(SessionLimits())
    session.subscribe([TICKER, "ticker.NOPE.agg2"], 0.0)
    session.connected(0.0)
    call = next(frame for frame in sent(session) if frame["method"] == "public/subscribe")
    (fault,) = session.receive(result(call["id"], [TICKER]), 0.1)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("mute_channel", ("ticker.NOPE.agg2",), True)
    session.tick(5.0)
    assert subscribed(sent(session)) == []


def test_reconnect_resubscribes_everything_and_only_that() -> None:
    """Trap nautilus_trader#4298: wanted channels come back, unsubscribed ones do not."""
    gone = "ticker.BTC-20NOV26-90000-C.agg2"
    session = live(INDEX, TICKER, gone)
    session.unsubscribe([gone], 1.0)
    assert subscribed(sent(session), "unsubscribe") == [gone]
    assert session.disconnected() == []
    session.subscribe(["ticker.ETH-PERPETUAL.100ms"], 2.0)
    session.connected(3.0)
    assert subscribed(sent(session)) == [INDEX, TICKER, "ticker.ETH-PERPETUAL.100ms"]
    assert gone not in session.book.wanted()


def test_an_expired_channel_leaves_every_map() -> None:
    """Trap: memory must not grow with expired instruments; late pushes are ignored."""
    session = live(TICKER)
    session.unsubscribe([TICKER], 1.0)
    assert len(session.book) == 0
    assert session.receive(ticker(1), 1.1) == []
    assert session.unwanted == 1


def test_1500_channels_are_subscribed_in_small_calls_within_the_credits() -> None:
    """Traps tmatic#439 and ccrxt#118: bounded calls, and never more credits than the pool has."""
    names = [f"ticker.BTC-25DEC26-{strike}-C.agg2" for strike in range(10_000, 160_000, 50)]
    session = ClientSession(SessionLimits())
    session.subscribe(names, 0.0)
    session.connected(0.0)
    pools = {pool: CreditPool(PRICES[pool]) for pool in PRICES}
    seen: list[str] = []
    now = 0.0
    while now < 20.0 and len(seen) < len(names):
        for frame in session.data_to_send():
            call = json.loads(frame)
            assert len(frame) < CLIENT_FRAME_BYTES_MAX
            assert pools[pool_of(call["method"])].spend(now + 1e-6), "10028"
            channels = call["params"].get("channels", [])
            assert len(channels) <= 200
            seen += channels
            session.receive(result(call["id"], channels or "ok"), now)
        now += 0.1
        session.tick(now)
    assert seen == names
    assert len(session.book.active()) == 3_000


def test_an_expiry_leaves_in_chunks_too() -> None:
    """Trap tmatic#450: dropping a whole series at 08:00 is chunked as well."""
    names = [f"ticker.BTC-25DEC26-{strike}-C.agg2" for strike in range(450)]
    session = live(*names)
    session.unsubscribe(names, 1.0)
    calls = [frame["params"]["channels"] for frame in sent(session)]
    assert [len(chunk) for chunk in calls] == [200, 200, 50]


def test_answers_reach_their_request_and_refusals_say_why() -> None:
    """Answers may come in any order; each carries the id and the method it belongs to."""
    session = live()
    first = session.request("public/ticker", {"instrument_name": "X"}, 1.0)
    second = session.request("public/get_time", {}, 1.0)
    (answer,) = session.receive(result(second, 5), 1.1)
    assert isinstance(answer, Response)
    assert (answer.id, answer.method, bytes(answer.result)) == (second, "public/get_time", b"5")
    (failure,) = session.receive(error(first, -32602, "Invalid params"), 1.2)
    assert failure == Failure(first, "public/ticker", -32602, "Invalid params", "")


def test_a_null_result_is_an_answer() -> None:
    """A result of null is a result, not a missing one."""
    session = live()
    asked = session.request("public/x", {}, 0.0)
    (answer,) = session.receive(result(asked, None), 0.1)
    assert isinstance(answer, Response)


def test_an_unanswered_request_fails_after_its_time() -> None:
    """Time-outs are failures without a venue's code; the late answer is noted as a duplicate."""
    session = live(limits=SessionLimits(request_timeout_s=2.0))
    asked = session.request("public/ticker", {}, 1.0)
    assert session.tick(2.9) == []
    (failure,) = session.tick(3.1)
    assert failure == Failure(asked, "public/ticker", NO_ANSWER, "no answer within 2 s", "")
    (late,) = session.receive(result(asked, 1), 3.2)
    assert isinstance(late, Fault)
    assert (late.kind, late.lost) == ("duplicate", False)


def test_unknown_and_odd_answers_are_garbage() -> None:
    """An id never sent, a foreign id, or a frame that is neither answer nor push is reported."""
    session = live()
    for frame in (result(99, 1), b'{"id":"x","result":1}', b"{}", b'{"id":1}', b"42", b"null"):
        (fault,) = session.receive(frame, 1.0)
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.lost) == ("garbage", False)


def test_open_requests_fail_with_their_connection() -> None:
    """Nobody waits for an answer of a connection that is gone."""
    session = live()
    asked = session.request("public/ticker", {}, 1.0)
    (failure,) = session.disconnected()
    assert isinstance(failure, Failure)
    assert (failure.id, failure.code) == (asked, NO_ANSWER)
    with pytest.raises(FeedError, match="not connected"):
        session.request("public/ticker", {}, 1.0)


def test_requests_are_bounded_in_number_and_size() -> None:
    """There is a limit on everything: what is refused says what to do."""
    session = live()
    with pytest.raises(FeedError, match="longer than 32768 bytes"):
        session.request("public/x", {"text": "x" * CLIENT_FRAME_BYTES_MAX}, 0.0)
    for _ in range(1_000):
        session.request("public/get_time", {}, 0.0)
    with pytest.raises(FeedError, match="1000 requests wait"):
        session.request("public/get_time", {}, 0.0)
    assert len(session.data_to_send()) == 79


def test_silence_beyond_the_heartbeat_closes() -> None:
    """A connection that says nothing for longer than heartbeats allow is given up."""
    session = live(TICKER, limits=SessionLimits(heartbeat_overdue_s=15.0))
    session.receive(messages.heartbeat_frame("heartbeat"), 12.0)
    assert not [
        event for event in session.tick(26.9) if getattr(event, "kind", "") != "mute_channel"
    ]
    (fault,) = session.tick(27.1)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("heartbeat_overdue", (), True)
    assert session.closing == fault
    assert session.receive(ticker(1), 27.2) == []


def test_half_a_frame_resubscribes_its_channel() -> None:
    """What a cut push belonged to is distrusted and asked for anew, nothing else."""
    session = live(INDEX, TICKER)
    session.receive(ticker(5_000), 1.0)
    (fault,) = session.receive(ticker(6_000)[:110], 2.0)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("half_frame", (TICKER,), True)
    assert [frame["params"]["channels"] for frame in sent(session)] == [[TICKER], [TICKER]]
    assert session.receive(ticker(5_000), 2.5)[0] == Recovered(TICKER)


def test_a_storm_of_half_frames_is_no_storm_of_subscriptions() -> None:
    """While the fresh subscription is under way, more faults of the channel ask for nothing."""
    session = live(TICKER)
    for tenth in range(50):
        (fault,) = session.receive(ticker(6_000)[:110], 2.0 + tenth / 10)
        assert isinstance(fault, Fault)
        assert fault.lost
        session.tick(2.0 + tenth / 10)
    assert len(sent(session)) == 2


def test_faults_of_hundreds_of_channels_hold_up_no_other() -> None:
    """Each asks for its channel anew, in as few calls as hold them: a late wish waits seconds."""
    names = [f"ticker.BTC-25DEC26-{strike}-C.agg2" for strike in range(400)]
    session = live(*names)
    sent(session)
    for name in names:
        session.receive(ticker(1, name)[:-9], 1.0)
    session.subscribe([TICKER], 1.0)
    calls: list[str] = []
    now, asked = 1.0, []
    while TICKER not in asked:
        assert now < 4.0, f"{len(calls)} calls came first"
        for frame in sent(session):
            asked = frame["params"]["channels"]
            calls += [frame["method"]]
            session.receive(result(frame["id"], asked), now)
        now += 0.1
        session.tick(now)
    assert len(calls) < 20
    assert set(session.book.active()) == {*names, TICKER}


def test_half_a_frame_without_a_name_starts_over() -> None:
    """If nobody knows what was lost, nothing is trusted until a new connection."""
    session = live(TICKER)
    (fault,) = session.receive(ticker(5_000)[:30], 2.0)
    assert fault == session.closing
    assert session.closing is not None
    assert session.closing.kind == "half_frame"


def test_a_push_of_another_shape_is_distrusted_but_not_asked_for_again() -> None:
    """A changed schema would come in the same shape again: no storm of subscriptions."""
    session = live(TICKER)
    odd = ticker(5_000).replace(b"0.02", b'"0.02"')
    (fault,) = session.receive(odd, 2.0)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("garbage", (TICKER,), True)
    assert sent(session) == []
    assert session.receive(ticker(5_001), 2.5)[0] == Recovered(TICKER)


def test_garbage_is_noted_and_survived() -> None:
    """Noise between frames costs nothing but a note."""
    session = live(TICKER)
    (fault,) = session.receive(b"\x00\x7f!not json", 1.0)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.lost) == ("garbage", False)
    assert len(session.receive(ticker(1), 1.1)) == 1


@pytest.mark.parametrize("with_id", [True, False])
def test_too_many_requests_closes_and_is_paced_afterwards(with_id: bool) -> None:
    """Trap ccrxt#118: 10028 ends the session; the next one starts with empty pools."""
    session = live(TICKER)
    asked = session.request("public/ticker", {}, 1.0)
    session.data_to_send()
    refusal = error(asked if with_id else None, 10028, "too_many_requests")
    failure, fault = session.receive(refusal, 1.0)
    assert isinstance(failure, Failure)
    assert failure.code == 10028
    assert isinstance(fault, Fault)
    assert (fault.kind, fault == session.closing) == ("rate_limited", True)
    session.disconnected()
    session.connected(1.05)
    assert subscribed(sent(session)) == []
    session.tick(1.2)
    assert subscribed(sent(session)) == []
    session.tick(1.4)
    assert subscribed(sent(session)) == [TICKER]


@pytest.mark.parametrize(("code", "again"), [(10041, True), (13778, False)])
def test_a_refused_subscription_is_retried_where_that_can_help(code: int, again: bool) -> None:
    """A passing trouble is tried again, a lasting one only reported."""
    session = ClientSession(SessionLimits(retry_s=1.0))
    session.subscribe([TICKER], 0.0)
    session.connected(0.0)
    call = next(frame for frame in sent(session) if frame["method"] == "public/subscribe")
    failure, fault = session.receive(error(call["id"], code), 0.1)
    assert isinstance(failure, Failure)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels) == ("mute_channel", (TICKER,))
    session.tick(0.5)
    assert sent(session) == []
    session.tick(1.2)
    assert subscribed(sent(session)) == ([TICKER] if again else [])


def test_a_channel_whose_answer_never_came_is_called_off_all_the_same() -> None:
    """The server may have heard what it did not answer: an unsubscription still goes out."""
    session = ClientSession(SessionLimits(request_timeout_s=1.0, retry_s=9.0))
    session.subscribe([TICKER], 0.0)
    session.connected(0.0)
    session.data_to_send()
    assert len(session.tick(1.5)) == 3
    session.unsubscribe([TICKER], 2.0)
    assert subscribed(sent(session), "unsubscribe") == [TICKER]


def test_wanting_a_refused_channel_again_asks_again() -> None:
    """A name that was unknown may be listed meanwhile: the caller can insist."""
    session = ClientSession(SessionLimits())
    session.subscribe([TICKER], 0.0)
    session.connected(0.0)
    call = next(frame for frame in sent(session) if frame["method"] == "public/subscribe")
    session.receive(result(call["id"], []), 0.1)
    session.subscribe([TICKER], 5.0)
    assert subscribed(sent(session)) == [TICKER]


FRAMES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [ticker(1), ticker(9), ticker(9)[:100], index(1_000), index(99_000), index(5), b"{}",
         result(1, "ok"), result(2, [TICKER]), error(2, 10041), error(None, 11050), result(2, {}),
         messages.heartbeat_frame("test_request"), error(3, 10028)]
    ),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.tuples(FRAMES, st.floats(0, 20)), max_size=40))
def test_no_story_makes_a_session_raise(story: list[tuple[bytes, float]]) -> None:
    """Any frames at any times: the session goes on, and every wanted channel stays wanted."""
    session = ClientSession(SessionLimits(mute_channel_s=3.0))
    session.subscribe([TICKER, INDEX], 0.0)
    session.connected(0.0)
    now = 0.0
    for frame, wait in story:
        now += wait
        session.receive(frame, now)
        session.tick(now)
        if session.closing is not None:
            session.disconnected()
            session.connected(now)
        session.data_to_send()
    assert session.book.wanted() == [TICKER, INDEX]


def test_both_ends_understand_each_other() -> None:
    """A client and a server session, wired by hand: subscribe, push, beat, unsubscribe."""
    server = ServerSession(knows=lambda name: name in {TICKER, INDEX}, opened=0.0, epoch_us=7)
    session = ClientSession(SessionLimits())
    session.subscribe([TICKER, INDEX], 0.0)
    session.connected(0.0)
    events = [event for frame in session.data_to_send() for event in server.receive(frame, 0.1)]
    assert events == [Subscribed((TICKER, INDEX))]
    assert server.push(TICKER, ticker(5))
    heard = [event for frame in server.data_to_send() for event in session.receive(frame, 0.2)]
    assert [type(event) for event in heard] == [Notification]
    server.tick(12.0)
    for frame in server.data_to_send():
        session.receive(frame, 12.0)
    for frame in session.data_to_send():
        server.receive(frame, 12.1)
    server.tick(23.0)
    assert server.closing is None


def test_a_venue_in_maintenance_is_asked_ever_less_often() -> None:
    """11051 again and again: waits double up to half a minute, on one connection."""
    session = ClientSession(SessionLimits(heartbeat_overdue_s=1e9, request_timeout_s=1e9))
    session.subscribe([TICKER], 0.0)
    session.connected(0.0)
    asked_at: list[float] = []
    now = 0.0
    while len(asked_at) < 8:
        for call in sent(session):
            if call["method"] == "public/subscribe":
                asked_at.append(now)
                session.receive(error(call["id"], 11_051, "system_maintenance"), now)
        now += 0.5
        session.tick(now)
    assert session.closing is None
    assert [b - a for a, b in itertools.pairwise(asked_at)] == [1, 2, 4, 8, 16, 30, 30]


def test_three_months_of_expiries_leave_nothing_behind() -> None:
    """Traps hummingbot#6479, freqtrade#11317: every map holds what is wanted today, no more."""
    session = live(TICKER)
    now = 0.0
    for day in range(90):
        series = [f"{prefix}.BTC-{day}-{strike}-C.100ms" for strike in range(20)
                  for prefix in ("ticker", "book")]  # fmt: skip
        session.subscribe(series, now)
        for _ in range(60):
            now += 0.5
            answer_all(session, now)
            session.receive(ticker(int(now * 1_000)), now)
            session.tick(now)
        assert len(session.book) == 1 + len(series)
        assert session.receive(book(None, 1, channel=series[1]), now)
        session.unsubscribe(series, now)
        for _ in range(20):
            now += 0.5
            answer_all(session, now)
            session.receive(ticker(int(now * 1_000)), now)
            session.tick(now)
    assert session.book.wanted() == session.book.active() == [TICKER]
    assert not session._asked
    assert not any(session._waiting.values())
    assert session.closing is None


def test_nothing_is_owed_once_all_is_answered_and_has_spoken() -> None:
    """An open request, a subscription on its way and a ticker not yet heard are owed."""
    session = live()
    session.receive(ticker(1_000), 1.0)
    owed = [session.settled]
    id_ = session.request("public/get_time", {}, 1.0)
    owed.append(not session.settled)
    session.receive(result(id_, 1), 1.1)
    owed.append(session.settled)
    session.subscribe(["ticker.OTHER.agg2"], 1.2)
    assert [*owed, not session.settled] == [True] * 4


def test_a_replay_that_waits_for_us_is_asked_without_credits() -> None:
    """Unpaced, every request leaves at once; paced, the pool runs dry."""
    for unpaced in (False, True):
        session = live()
        sent(session)
        session.unpaced = unpaced
        for _ in range(150):
            session.request("public/get_time", {}, 1.0)
        assert (len(sent(session)) == 150) is unpaced
