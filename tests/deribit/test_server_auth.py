"""Tests of `trader.deribit.server_auth`: published vectors, grants, expiry, single use."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import (
    NONCES_MAX,
    SESSIONS_MAX,
    TOKENS_MAX,
    Authority,
    Grant,
    request_signature,
    websocket_signature,
)

SECRET, STAMP, NONCE = "LOCALSECRET", 1_795_168_800_000, "k3j2h1"
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "key", "client_secret": SECRET}


def authority() -> Authority:
    """Make an authority with one account."""
    return Authority({"key": SECRET}, seed="test")


def signed(stamp: int = STAMP, nonce: str = NONCE, **changed: object) -> dict[str, Any]:
    """Write a good `client_signature`, then change it."""
    signature = websocket_signature(SECRET, stamp, nonce)
    return {
        "grant_type": "client_signature", "client_id": "key", "timestamp": stamp, "nonce": nonce,
        "data": "", "signature": signature,
    } | changed  # fmt: skip


def granted(
    one: Authority, params: dict[str, Any], now: float, connection: int = 0
) -> tuple[Grant, dict[str, Any]]:
    """Sign in."""
    return one.answer("public/auth", params, now, connection)


def refusal(one: Authority, params: dict[str, Any], now: float = 0.0) -> int:
    """Ask in vain; the code of the refusal."""
    with pytest.raises(ServerError) as caught:
        one.answer("public/auth", params, now)
    return caught.value.body.code


def test_the_published_vectors_hold() -> None:
    """Websocket, GET and POST are signed as Deribit's documents show."""
    assert websocket_signature(SECRET, STAMP, NONCE) == (
        "5d64aae22a2d4eab1cf3287822567c05913276ed0b142261bb44e06e32fdb214"
    )
    target = "/api/v2/private/get_account_summary?currency=BTC"
    assert request_signature(SECRET, STAMP, NONCE, "GET", target) == (
        "47485f067ab79faed1f7c53c4fd1ee702285486e50da466784b28bce0c550d34"
    )
    body = '{"jsonrpc":"2.0","id":1,"method":"private/get_account_summaries","params":{}}'
    assert request_signature(SECRET, STAMP, NONCE, "POST", "/api/v2", body) == (
        "b3060db4be011caaa3d23db6a727449d76bb1fc0b0c38b78676d1a6bcef4bc50"
    )


def test_credentials_are_granted_tokens_that_expire() -> None:
    """A token is good until `expires_in` has passed; `state` comes back."""
    one = authority()
    grant, result = granted(one, CREDENTIALS | {"state": "mine"}, 100.0)
    assert (result["access_token"], result["state"]) == (grant.access_token, "mine")
    assert one.is_good(grant.access_token, 100.0 + result["expires_in"] - 0.1)
    assert not one.is_good(grant.access_token, 100.0 + result["expires_in"])


def test_a_refresh_token_is_good_once() -> None:
    """The new pair works, the old pair is dead."""
    one = authority()
    first, _ = granted(one, CREDENTIALS, 0.0)
    params = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    second, _ = granted(one, params, 1.0)
    assert one.is_good(second.access_token, 2.0)
    assert not one.is_good(first.access_token, 2.0)
    assert refusal(one, params, 2.0) == 13_009


def test_a_signature_is_good_once_and_not_for_long() -> None:
    """Repeated, older by more than a minute than the newest, or altered: refused."""
    one = authority()
    assert isinstance(granted(one, signed(), 0.0)[0], Grant)
    assert refusal(one, signed()) == 13_004
    granted(one, signed(STAMP + 60_001, "b"), 0.0)
    assert refusal(one, signed(STAMP, "c")) == 13_004
    as_text = signed(STAMP + 60_002, "d") | {"timestamp": str(STAMP + 60_002)}
    granted(one, as_text, 0.0)
    assert refusal(one, signed(STAMP + 60_003, "e", signature="0" * 64)) == 13_004


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -32_602),
        ({"grant_type": "password"}, -32_602),
        ({"grant_type": "client_credentials", "client_id": "key"}, -32_602),
        (CREDENTIALS | {"client_secret": "wrong"}, 13_004),
        (CREDENTIALS | {"client_id": "nobody"}, 13_004),
        (CREDENTIALS | {"client_id": "nobody", "client_secret": ""}, 13_004),
        (signed(timestamp=float("nan")), -32_602),
        (signed(timestamp=None), -32_602),
        (signed(client_id="nobody"), 13_004),
        (signed() | {"nonce": 7}, 13_004),
        ({"grant_type": "refresh_token", "refresh_token": "nope"}, 13_009),
    ],
)
def test_what_is_not_good_is_refused(params: dict[str, Any], code: int) -> None:
    """Wrong credentials are 13004, dead tokens 13009, bad parameters -32602."""
    assert refusal(authority(), params) == code


def test_requests_are_admitted_by_signature_or_bearer() -> None:
    """The order of the header's members is free; a changed path is refused, and so is a replay."""
    one = authority()
    target = "/api/v2/private/subscribe"
    sig = request_signature(SECRET, STAMP, NONCE, "GET", target)
    header = f"deri-hmac-sha256 sig={sig},nonce={NONCE},id=key,ts={STAMP}"
    assert not one.admits(header, "GET", target + "?x=1", "", 0.0)
    assert one.admits(header, "GET", target, "", 0.0)
    assert not one.admits(header, "GET", target, "", 0.0)
    grant, _ = granted(one, CREDENTIALS, 0.0)
    assert one.admits(f"Bearer {grant.access_token}", "GET", target, "", 1.0)
    for bad in ("", "Bearer x", "Basic x", "deri-hmac-sha256", "deri-hmac-sha256 id=key,ts=x"):
        assert not one.admits(bad, "GET", target, "", 1.0)


def test_what_is_kept_is_bounded() -> None:
    """Tokens and nonces beyond their number push the oldest out."""
    one = authority()
    first, _ = granted(one, CREDENTIALS, 0.0)
    for _ in range(TOKENS_MAX):
        granted(one, CREDENTIALS, 0.0)
    assert not one.is_good(first.access_token, 0.0)
    for number in range(NONCES_MAX + 1):
        granted(one, signed(STAMP, str(number)), 0.0)
    assert len(one._nonces) == NONCES_MAX


def test_a_connection_s_token_is_good_there_alone() -> None:
    """Another connection and HTTP are refused it; a named session's is good everywhere."""
    one = authority()
    here, there = one.connect(), one.connect()
    bound, result = granted(one, CREDENTIALS, 0.0, here)
    assert " connection " in result["scope"]
    assert one.is_good(bound.access_token, 1.0, here)
    assert not one.is_good(bound.access_token, 1.0, there)
    assert not one.admits(f"Bearer {bound.access_token}", "GET", "/api/v2", "", 1.0)
    named, result = granted(one, CREDENTIALS | {"scope": "session:bot trade:read"}, 0.0, here)
    assert " session:bot " in result["scope"]
    assert one.is_good(named.access_token, 1.0, there)
    assert one.admits(f"Bearer {named.access_token}", "GET", "/api/v2", "", 1.0)


def test_a_scope_may_shorten_a_life() -> None:
    """`expires:60` asks for a minute; more than the exchange gives is not given."""
    one = authority()
    for asked, given in (("60", 60), ("86400", 900), ("0", 1)):
        grant, result = granted(one, CREDENTIALS | {"scope": f"expires:{asked}"}, 0.0)
        assert result["expires_in"] == given
        assert one.is_good(grant.access_token, given - 0.5)
        assert not one.is_good(grant.access_token, given + 0.5)


def test_one_session_too_many_ends_the_oldest() -> None:
    """Sixteen named sessions of a key live; the seventeenth ends the first, refresh and all."""
    one = authority()
    grants = [
        granted(one, CREDENTIALS | {"scope": f"session:{number}"}, 0.0)[0]
        for number in range(SESSIONS_MAX + 1)
    ]
    assert [one.is_good(grant.access_token, 1.0) for grant in grants] == [False] + [True] * 16
    params = {"grant_type": "refresh_token", "refresh_token": grants[0].refresh_token}
    assert refusal(one, params, 1.0) == 13_009
    params["refresh_token"] = grants[-1].refresh_token
    assert granted(one, params, 1.0)[0].scope == grants[-1].scope


def test_a_session_forks_into_another() -> None:
    """Both live on; a connection's token forks into nothing."""
    one = authority()
    named, _ = granted(one, CREDENTIALS | {"scope": "session:a"}, 0.0)
    fork = {"refresh_token": named.refresh_token, "session_name": "b"}
    forked, result = one.answer("public/fork_token", fork, 1.0)
    assert " session:b " in result["scope"]
    assert one.is_good(named.access_token, 2.0)
    assert one.is_good(forked.access_token, 2.0)
    bound, _ = granted(one, CREDENTIALS, 0.0)
    with pytest.raises(ServerError) as caught:
        one.answer("public/fork_token", fork | {"refresh_token": bound.refresh_token}, 1.0)
    assert caught.value.body.code == 13_403


def test_a_token_is_exchanged_for_one_s_own_subject() -> None:
    """The new pair takes the old one's place; another subject is forbidden."""
    one = authority()
    first, _ = granted(one, CREDENTIALS, 0.0)
    params = {"refresh_token": first.refresh_token, "subject_id": "1"}
    with pytest.raises(ServerError) as caught:
        one.answer("public/exchange_token", params | {"subject_id": 2}, 1.0)
    assert caught.value.body.code == 13_021
    second, _ = one.answer("public/exchange_token", params, 1.0)
    assert one.is_good(second.access_token, 2.0)
    assert not one.is_good(first.access_token, 2.0)


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("public/fork_token", {}, "refresh_token"),
        ("public/exchange_token", {"refresh_token": "x"}, "subject_id"),
        ("public/exchange_token", {"refresh_token": 5, "subject_id": 1}, "refresh_token"),
        ("public/auth", CREDENTIALS | {"scope": 5}, "scope"),
        ("public/auth", CREDENTIALS | {"scope": "session:"}, "scope"),
        ("public/auth", CREDENTIALS | {"scope": "expires:soon"}, "scope"),
    ],
)
def test_a_bad_parameter_is_named(method: str, params: dict[str, Any], param: str) -> None:
    """Missing, of another type, or not readable."""
    with pytest.raises(ServerError) as caught:
        authority().answer(method, params, 0.0)
    assert isinstance(caught.value.body.data, dict)
    assert caught.value.body.data["param"] == param
