"""Tests of `trader.deribit.server_auth`: published vectors, grants, expiry, single use."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import (
    NONCES_MAX,
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


def refusal(one: Authority, params: dict[str, Any], now: float = 0.0) -> int:
    """Ask in vain; the code of the refusal."""
    with pytest.raises(ServerError) as caught:
        one.grant(params, now)
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
    grant, result = one.grant(CREDENTIALS | {"state": "mine"}, 100.0)
    assert (result["access_token"], result["state"]) == (grant.access_token, "mine")
    assert one.is_good(grant.access_token, 100.0 + result["expires_in"] - 0.1)
    assert not one.is_good(grant.access_token, 100.0 + result["expires_in"])


def test_a_refresh_token_is_good_once() -> None:
    """The new pair works, the old pair is dead."""
    one = authority()
    first, _ = one.grant(CREDENTIALS, 0.0)
    params = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    second, _ = one.grant(params, 1.0)
    assert one.is_good(second.access_token, 2.0)
    assert not one.is_good(first.access_token, 2.0)
    assert refusal(one, params, 2.0) == 13_009


def test_a_signature_is_good_once_and_not_for_long() -> None:
    """Repeated, older by more than a minute than the newest, or altered: refused."""
    one = authority()
    assert isinstance(one.grant(signed(), 0.0)[0], Grant)
    assert refusal(one, signed()) == 13_004
    one.grant(signed(STAMP + 60_001, "b"), 0.0)
    assert refusal(one, signed(STAMP, "c")) == 13_004
    as_text = signed(STAMP + 60_002, "d") | {"timestamp": str(STAMP + 60_002)}
    one.grant(as_text, 0.0)
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
    grant, _ = one.grant(CREDENTIALS, 0.0)
    assert one.admits(f"Bearer {grant.access_token}", "GET", target, "", 1.0)
    for bad in ("", "Bearer x", "Basic x", "deri-hmac-sha256", "deri-hmac-sha256 id=key,ts=x"):
        assert not one.admits(bad, "GET", target, "", 1.0)


def test_what_is_kept_is_bounded() -> None:
    """Tokens and nonces beyond their number push the oldest out."""
    one = authority()
    first, _ = one.grant(CREDENTIALS, 0.0)
    for _ in range(TOKENS_MAX):
        one.grant(CREDENTIALS, 0.0)
    assert not one.is_good(first.access_token, 0.0)
    for number in range(NONCES_MAX + 1):
        one.grant(signed(STAMP, str(number)), 0.0)
    assert len(one._nonces) == NONCES_MAX
