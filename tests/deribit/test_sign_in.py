"""Tests of `trader.deribit.sign_in`: tokens that die, and secrets that are never shown."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from tests.deribit.wire import error, result, sent, subscribed
from trader.deribit.feed import Failure, Fault
from trader.deribit.server_auth import Authority
from trader.deribit.server_session import ServerSession
from trader.deribit.session import ClientSession, SessionLimits
from trader.deribit.sign_in import Credentials, SignIn
from trader.domain.errors import FeedError

KEY = Credentials("demo", "demo-secret")
BOOK = "book.BTC-PERPETUAL.raw"
PUBLIC = "book.ETH-PERPETUAL.100ms"


def tokens(refresh_token: str = "next", expires_in: float = 900) -> Raw:
    """Write the answer to `public/auth`."""
    return Raw(
        json.dumps(
            {"access_token": "a", "refresh_token": refresh_token, "expires_in": expires_in}
        ).encode()
    )


def test_without_credentials_nothing_is_due() -> None:
    """A daemon without a key asks for none."""
    sign_in = SignIn(None)
    sign_in.restart(0.0)
    assert sign_in.question(1e9) is None
    assert not sign_in.signed_in


def test_a_token_is_exchanged_at_four_fifths_of_its_life_and_each_once() -> None:
    """A refresh token is single-use: the next exchange sends the one that came with it."""
    sign_in = SignIn(KEY)
    sign_in.restart(0.0)
    first = sign_in.question(0.0)
    assert first == {
        "grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"
    }  # fmt: skip
    assert sign_in.question(1.0) is None
    sign_in.granted(tokens("one"), 10.0)
    assert sign_in.signed_in
    assert sign_in.question(729.0) is None
    assert sign_in.question(730.0) == {"grant_type": "refresh_token", "refresh_token": "one"}
    sign_in.granted(tokens("two", 100), 731.0)
    assert sign_in.question(812.0) == {"grant_type": "refresh_token", "refresh_token": "two"}


def test_a_refused_refresh_falls_back_to_the_credentials_then_patience_doubles() -> None:
    """A dead refresh token costs one question; a dead key is asked about once a minute."""
    sign_in = SignIn(KEY)
    sign_in.restart(0.0)
    sign_in.question(0.0)
    sign_in.granted(tokens(), 0.0)
    assert sign_in.question(720.0) is not None
    sign_in.refused(720.0)
    waits, now = [], 720.0
    for _ in range(9):
        asked = now
        while (question := sign_in.question(now)) is None:
            now += 0.5
        assert question["grant_type"] == "client_credentials"
        waits.append(now - asked)
        sign_in.refused(now)
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@pytest.mark.parametrize("answer", [b'"ok"', b'{"refresh_token":1,"expires_in":900}', b"{}"])
def test_an_answer_without_tokens_is_a_refusal_that_shows_none(answer: bytes) -> None:
    """What cannot be read is not quoted: it may hold half a token."""
    sign_in = SignIn(KEY)
    sign_in.restart(0.0)
    sign_in.question(0.0)
    with pytest.raises(FeedError, match="holds no tokens") as raised:
        sign_in.granted(Raw(answer), 0.0)
    assert raised.value.__suppress_context__
    assert not sign_in.signed_in
    assert sign_in.question(1.0) is not None


@pytest.mark.parametrize("expires_in", [-5.0, 0.0, 1e300])
def test_a_life_that_is_none_is_bounded(expires_in: float) -> None:
    """No answer makes us ask in a storm, nor never again."""
    sign_in = SignIn(KEY)
    sign_in.restart(0.0)
    sign_in.question(0.0)
    sign_in.granted(tokens("x", expires_in), 0.0)
    assert sign_in.question(0.5) is None
    assert sign_in.question(366 * 86_400.0) is not None


def test_no_text_shows_the_secret() -> None:
    """Neither the key nor what holds it can be printed into a log."""
    assert "demo-secret" not in repr(KEY)
    assert "demo-secret" not in f"{KEY}"


def connected() -> ClientSession:
    """Connect a session that wants a raw book and a public one."""
    session = ClientSession(SessionLimits(heartbeat_overdue_s=1e9, request_timeout_s=1e9), KEY)
    session.subscribe([BOOK, PUBLIC], 0.0)
    session.connected(0.0)
    return session


def test_raw_channels_wait_for_the_sign_in_and_harm_no_other() -> None:
    """The public book is asked for at once, the raw one privately after the tokens came."""
    session = connected()
    frames = sent(session)
    (asked,) = [frame for frame in frames if frame["method"] == "public/auth"]
    assert subscribed(frames) == [PUBLIC]
    session.receive(result(asked["id"], json.loads(bytes(tokens()))), 0.1)
    (private,) = sent(session)
    assert (private["method"], private["params"]) == ("private/subscribe", {"channels": [BOOK]})
    session.receive(result(private["id"], [BOOK]), 0.2)
    assert session.book.active() == [BOOK]


def test_a_key_that_is_refused_is_told_without_the_secret_and_the_rest_goes_on() -> None:
    """13004 is a failure with its words; no connection is closed for it."""
    session = connected()
    (asked,) = [frame for frame in sent(session) if frame["method"] == "public/auth"]
    (failure,) = session.receive(error(asked["id"], 13_004, "invalid_credentials"), 0.1)
    assert failure == Failure(asked["id"], "public/auth", 13_004, "invalid_credentials", "")
    assert session.closing is None
    session.tick(0.5)
    assert sent(session) == []
    session.tick(1.2)
    assert [frame["method"] for frame in sent(session)] == ["public/auth"]


def test_a_session_that_the_exchange_forgot_signs_in_anew() -> None:
    """13009 to a raw subscription: the credentials are sent again, then the channel asked for."""
    session = connected()
    (asked,) = [frame for frame in sent(session) if frame["method"] == "public/auth"]
    session.receive(result(asked["id"], json.loads(bytes(tokens()))), 0.1)
    (private,) = sent(session)
    session.receive(error(private["id"], 13_009, "unauthorized"), 0.2)
    session.tick(0.3)
    (again,) = sent(session)
    assert again["params"]["grant_type"] == "client_credentials"
    session.receive(result(again["id"], json.loads(bytes(tokens()))), 0.4)
    session.tick(2.0)
    assert [frame["params"] for frame in sent(session)] == [{"channels": [BOOK]}]


def test_the_bundled_exchange_and_we_agree_for_an_hour() -> None:
    """Tokens of 900 s are exchanged in time: raw stays allowed, every refresh token good once."""
    authority = Authority({"demo": "demo-secret"}, seed="test")
    server = ServerSession(knows=lambda _: True, opened=0.0, epoch_us=0, authority=authority)
    session = connected()
    grants: list[str] = []
    for second in range(3_600):
        session.tick(float(second))
        for frame in session.data_to_send():
            call = json.loads(frame)
            if call["method"] == "public/auth":
                grants.append(call["params"]["grant_type"])
            server.receive(frame, float(second))
        server.tick(float(second))
        for reply in server.data_to_send():
            session.receive(reply, float(second))
        if second:
            assert BOOK in server.channels
    assert grants == ["client_credentials"] + ["refresh_token"] * 4


def test_without_a_key_a_raw_channel_is_asked_for_and_its_refusal_told() -> None:
    """Wanting what cannot be had is the venue's to refuse, and a fault that names the channel."""
    session = ClientSession(SessionLimits())
    session.subscribe([BOOK], 0.0)
    session.connected(0.0)
    (asked,) = [frame for frame in sent(session) if frame["method"] == "public/subscribe"]
    told = session.receive(error(asked["id"], 13_778), 0.1)
    assert [event.channels for event in told if isinstance(event, Fault)] == [(BOOK,)]
