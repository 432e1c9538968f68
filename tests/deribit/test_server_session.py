"""Tests of `trader.deribit.server_session`: the exchange's end, in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deribit.messages import CLIENT_FRAME_BYTES_MAX, notification_frame, request_frame
from trader.deribit.server_auth import Authority
from trader.deribit.server_session import (
    Call,
    ServerError,
    ServerSession,
    Subscribed,
    Unsubscribed,
)

KNOWN = ("quote.BTC-PERPETUAL", "deribit_price_index.btc_usd")


def opened() -> ServerSession:
    """Open a session of an exchange with two channels at second 100."""
    return ServerSession(knows=lambda name: name in KNOWN, opened=100.0, epoch_us=5_000)


def replies(session: ServerSession) -> list[dict[str, Any]]:
    """Decode what the session wants to send."""
    return [json.loads(frame) for frame in session.data_to_send()]


def ask(
    session: ServerSession, method: str, now: float = 100.0, **params: object
) -> dict[str, Any]:
    """Send a call that the session answers itself and return the answer."""
    session.receive(request_frame(1, method, params), now)
    (reply,) = replies(session)
    return reply


@pytest.mark.parametrize("id_", [7, "101", None])
def test_a_call_is_handed_out_and_answered_under_its_id(id_: int | str | None) -> None:
    """What concerns the market is the exchange's; times and the id's type are kept."""
    session = opened()
    (call,) = session.receive(request_frame(id_, "public/ticker", {"instrument_name": "X"}), 100.5)
    assert call == Call(id_, "public/ticker", {"instrument_name": "X"}, 505_000)
    session.answer(call, {"mark_price": 1.5}, 100.75)
    (reply,) = replies(session)
    expected = {"jsonrpc": "2.0", "result": {"mark_price": 1.5}, "usIn": 505_000,
                "usOut": 755_000, "usDiff": 250_000, "testnet": False}  # fmt: skip
    assert reply == (expected if id_ is None else expected | {"id": id_})


def test_a_refusal_carries_code_message_and_reason() -> None:
    """An exchange's refusal goes out as the venue words it."""
    session = opened()
    (call,) = session.receive(request_frame("a", "public/ticker", {}), 100.0)
    assert isinstance(call, Call)
    session.refuse(call, ServerError(-32602, "Invalid params", {"reason": "no", "param": "x"}), 101)
    (reply,) = replies(session)
    assert reply["id"] == "a"
    assert reply["error"] == {
        "code": -32602, "message": "Invalid params", "data": {"reason": "no", "param": "x"}
    }  # fmt: skip


def test_text_that_is_no_json_is_answered_without_an_id_and_survived() -> None:
    """Deribit answers 11050 `invalid json` and keeps the socket."""
    session = opened()
    assert session.receive("hello", 100.0) == []
    (reply,) = replies(session)
    assert reply["error"] == {"code": 11050, "message": "bad_request", "data": "invalid json"}
    assert "id" not in reply
    assert session.closing is None


def test_a_frame_above_32_kb_is_too_large() -> None:
    """The limit holds for the whole frame, before anything of it is read."""
    session = opened()
    frame = request_frame(1, "public/test", {"pad": "x" * CLIENT_FRAME_BYTES_MAX})
    assert session.receive(frame, 100.0) == []
    (reply,) = replies(session)
    assert reply["error"] == {"code": -32600, "message": "request entity too large"}


def test_unknown_channels_are_dropped_in_silence() -> None:
    """The answer lists what is active; only fresh channels are owed their present state."""
    session = opened()
    frame = request_frame(3, "public/subscribe", {"channels": [KNOWN[0], "quote.NOPE", KNOWN[0]]})
    assert session.receive(frame, 100.0) == [Subscribed((KNOWN[0],))]
    assert replies(session)[0]["result"] == [KNOWN[0]]
    assert session.receive(frame, 101.0) == []
    assert replies(session)[0]["result"] == [KNOWN[0]]


def test_raw_channels_need_an_authenticated_socket() -> None:
    """One raw channel refuses the whole call."""
    session = opened()
    reply = ask(session, "public/subscribe", channels=[KNOWN[0], "ticker.BTC-PERPETUAL.raw"])
    assert reply["error"]["code"] == 13778
    assert session.channels == {}


def test_a_token_stays_on_its_connection_and_forks_without_leaving_it() -> None:
    """Another socket is refused the token of this one; forking keeps this one signed in."""
    authority = Authority({"demo": "secret"}, seed="test")
    here, there = (
        ServerSession(knows=KNOWN.__contains__, opened=100.0, epoch_us=0, authority=authority)
        for _ in range(2)
    )
    credentials: dict[str, Any] = {"grant_type": "client_credentials", "client_id": "demo",
                   "client_secret": "secret"}  # fmt: skip
    bound = ask(here, "public/auth", **credentials)["result"]
    channels: dict[str, Any] = {"channels": [KNOWN[0]]}
    refused = ask(there, "private/subscribe", access_token=bound["access_token"], **channels)
    assert refused["error"]["code"] == 13_009
    assert ask(here, "private/subscribe", **channels)["result"] == [KNOWN[0]]
    named = ask(here, "public/auth", scope="session:a", **credentials)["result"]
    fork: dict[str, Any] = {"refresh_token": named["refresh_token"], "session_name": "b"}
    forked = ask(here, "public/fork_token", **fork)["result"]
    accepted = ask(there, "private/subscribe", access_token=forked["access_token"], **channels)
    assert accepted["result"] == [KNOWN[0]]
    exchange: dict[str, Any] = {"refresh_token": named["refresh_token"], "subject_id": 1}
    assert "access_token" in ask(here, "public/exchange_token", **exchange)["result"]
    assert ask(here, "private/unsubscribe_all")["result"] == "ok"


def test_pushes_go_to_active_channels_only() -> None:
    """After an unsubscription, or when a channel expires, nothing of it leaves."""
    session = opened()
    ask(session, "public/subscribe", channels=list(KNOWN))
    frame = notification_frame(KNOWN[0], {"timestamp": 1})
    assert session.push(KNOWN[0], frame)
    assert session.data_to_send() == [frame]
    gone = request_frame(2, "public/unsubscribe", {"channels": [KNOWN[0], "quote.NOPE"]})
    assert session.receive(gone, 100.0) == [Unsubscribed((KNOWN[0],))]
    assert replies(session)[0]["result"] == [KNOWN[0]]
    assert not session.push(KNOWN[0], frame)
    session.drop([KNOWN[1]])
    assert not session.push(KNOWN[1], frame)
    assert session.data_to_send() == []


def test_unsubscribe_all_ends_everything() -> None:
    """The answer is `ok`; what ended is told."""
    session = opened()
    ask(session, "public/subscribe", channels=list(KNOWN))
    frame = request_frame(2, "public/unsubscribe_all", {})
    assert session.receive(frame, 100.0) == [Unsubscribed(KNOWN)]
    assert session.receive(frame, 100.0) == []
    assert [reply["result"] for reply in replies(session)] == ["ok", "ok"]


def test_heartbeats_follow_the_observed_timing() -> None:
    """With interval 10: a test request after 12 s, then each 10.6 s, a heartbeat when idle."""
    session = opened()
    assert ask(session, "public/set_heartbeat", interval=10)["result"] == "ok"
    beats: list[tuple[float, list[str]]] = []
    for tenth in range(1, 400):
        now = 100.0 + tenth / 10
        session.tick(now)
        kinds = [reply["params"]["type"] for reply in replies(session)]
        if kinds:
            beats.append((round(now - 100.0, 1), kinds))
            session.receive(request_frame(9, "public/test", {}), now)
            session.data_to_send()
    both = ["heartbeat", "test_request"]
    assert [kinds for _, kinds in beats] == [both] * 3
    assert [at for at, _ in beats] == pytest.approx([12.0, 22.6, 33.2], abs=0.15)


def test_a_busy_socket_gets_test_requests_only() -> None:
    """Where pushes flow, a heartbeat would say nothing new."""
    session = opened()
    ask(session, "public/subscribe", channels=[KNOWN[0]])
    ask(session, "public/set_heartbeat", interval=10)
    session.push(KNOWN[0], b"{}")
    session.data_to_send()
    session.tick(112.1)
    assert [reply["params"]["type"] for reply in replies(session)] == ["test_request"]


def test_an_unanswered_test_request_closes_with_4000() -> None:
    """Ten seconds without a `public/test` end the connection, whatever else is said."""
    session = opened()
    ask(session, "public/set_heartbeat", interval=10)
    session.tick(112.0)
    session.receive(request_frame(5, "public/get_time", {}), 113.0)
    session.tick(121.9)
    assert session.closing is None
    session.tick(122.0)
    assert session.closing == (4000, "heartbeat close")


def test_disabled_heartbeats_close_nothing() -> None:
    """After `disable_heartbeat` a pending test request is forgiven."""
    session = opened()
    ask(session, "public/set_heartbeat", interval=10)
    session.tick(112.0)
    session.data_to_send()
    assert ask(session, "public/disable_heartbeat", now=113.0)["result"] == "ok"
    session.tick(170.0)
    assert session.closing is None
    assert session.data_to_send() == []


def test_an_idle_socket_without_subscription_is_cut() -> None:
    """Sixty seconds of nothing end it without a close frame; one quiet subscription keeps it."""
    idle, quiet = opened(), opened()
    ask(quiet, "public/subscribe", channels=[KNOWN[0]])
    for session in (idle, quiet):
        session.tick(159.9)
        assert session.closing is None
        session.tick(160.1)
    assert idle.closing == (1006, "")
    assert quiet.closing is None


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("public/set_heartbeat", {}, "interval"),
        ("public/set_heartbeat", {"interval": 9}, "interval"),
        ("public/set_heartbeat", {"interval": "10"}, "interval"),
        ("public/set_heartbeat", {"interval": 10**400}, "interval"),
        ("public/subscribe", {}, "channels"),
        ("public/subscribe", {"channels": "quote.X"}, "channels"),
        ("public/unsubscribe", {"channels": [1]}, "channels"),
        ("public/hello", {"client_name": "x"}, "client_version"),
    ],
)
def test_bad_params_are_refused_by_name(method: str, params: dict[str, object], param: str) -> None:
    """The refusal names the parameter at fault."""
    session = opened()
    session.receive(json.dumps({"id": 1, "method": method, "params": params}), 100.0)
    (reply,) = replies(session)
    assert reply["error"]["code"] == -32602
    assert reply["error"]["data"]["param"] == param


def test_test_and_hello_say_the_version() -> None:
    """Both answer alike; `expected_result` asks for an error."""
    session = opened()
    hello = ask(session, "public/hello", client_name="a", client_version="1")
    assert hello["result"] == ask(session, "public/test")["result"] == {"version": "1.2.26"}
    assert ask(session, "public/test", expected_result="exception")["error"]["code"] == 10001


@given(
    st.binary(max_size=120)
    | st.text(max_size=80)
    | st.fixed_dictionaries(
        {"method": st.sampled_from(["public/subscribe", "public/set_heartbeat", "public/test"])},
        optional={
            "id": st.integers() | st.text(max_size=5) | st.none() | st.booleans(),
            "params": st.dictionaries(
                st.sampled_from(["channels", "interval", "expected_result"]),
                st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.text(max_size=9)),
            ),
        },
    ).map(json.dumps)
)
def test_no_frame_makes_a_server_raise(frame: bytes | str) -> None:
    """Every frame that is not the exchange's to answer is answered with exactly one frame."""
    session = opened()
    events = session.receive(frame, 100.0)
    handed_out = [event for event in events if isinstance(event, Call)]
    assert len(replies(session)) + len(handed_out) == 1
