"""Who is it that asks, and is the word still good? Deribit's `public/auth` at the server's end.

Nothing private is kept here: a token opens `raw` channels and `private/subscribe`, which
third-party clients use for market channels. A refresh token is good once; tokens die by
`expires_in`.
"""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from trader.deribit.refusal import ServerError

EXPIRES_IN_S: Final = 900
SIGNATURE_AGE_MS_MAX: Final = 60_000
TOKENS_MAX: Final = 1_000
NONCES_MAX: Final = 10_000
SCOPE: Final = "account:read block_rfq:read connection mainaccount trade:read_write wallet:none"
DEMO_ACCOUNTS: Final = {"demo": "demo-secret"}
"""Client ids and their secrets: the exchange is invented, and so is its only customer."""

_HEADER_PART: Final = re.compile(r"(\w+)=([^,\s]+)")


class Grant(msgspec.Struct, frozen=True):
    """A pair of tokens, good until second `until`; `client_id` is whose."""

    client_id: str
    access_token: str
    refresh_token: str
    until: float


def websocket_signature(secret: str, timestamp: int, nonce: str, content: str = "") -> str:
    """Sign `public/auth` with `client_signature`; both newlines are always there."""
    return _signed(secret, f"{timestamp}\n{nonce}\n{content}")


def request_signature(
    secret: str, timestamp: int, nonce: str, verb: str, target: str, body: str = ""
) -> str:
    """Sign an HTTP request; `target` is path and query, from `/api/v2` on."""
    return _signed(secret, f"{timestamp}\n{nonce}\n{verb}\n{target}\n{body}\n")


class Authority:
    """The accounts and live tokens of one exchange, for all its connections.

    Invariant: a refresh token is good once, and its access token dies with it. A client's clock is
    not the market's: the age of a signature is held against the newest one its key has made.
    `seed` makes tokens differ between exchanges; time is monotonic seconds, handed in.
    """

    def __init__(
        self, accounts: Mapping[str, str], *, seed: str, expires_in_s: int = EXPIRES_IN_S
    ) -> None:
        self._accounts = dict(accounts)
        self._seed = seed.encode()
        self._expires_in_s = expires_in_s
        self._made = 0
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._newest: dict[str, int] = {}
        self._nonces: dict[tuple[str, int, str], None] = {}

    def grant(self, params: Mapping[str, Any], now: float) -> tuple[Grant, dict[str, Any]]:
        """Answer `public/auth`: (the grant, the result to send).

        Raises:
            ServerError: credentials, signature or token are not good, or a parameter is missing.
        """
        match params.get("grant_type"):
            case "client_credentials":
                client_id = self._credentials(params)
            case "client_signature":
                client_id = self._signature(params)
            case "refresh_token":
                client_id = self._refreshed(params, now)
            case None:
                raise _missing("grant_type")
            case _:
                raise ServerError(
                    -32_602, "Invalid params", {"reason": "invalid format", "param": "grant_type"}
                )
        grant = self._issue(client_id, now)
        result: dict[str, Any] = {
            "access_token": grant.access_token,
            "refresh_token": grant.refresh_token,
            "token_type": "bearer",
            "expires_in": self._expires_in_s,
            "scope": SCOPE,
            "sid": grant.access_token[:12],
            "enabled_features": [],
            "mandatory_tfa_status": "disabled",
        }
        if isinstance(params.get("state"), str):
            result["state"] = params["state"]
        return grant, result

    def is_good(self, access_token: str, now: float) -> bool:
        """Tell whether an access token is alive."""
        grant = self._access.get(access_token)
        return grant is not None and now < grant.until

    def admits(self, authorization: str, verb: str, target: str, body: str, now: float) -> bool:
        """Tell whether the `Authorization` header of an HTTP request is good."""
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self.is_good(rest.strip(), now)
        if scheme != "deri-hmac-sha256":
            return False
        parts = dict(_HEADER_PART.findall(rest))
        secret = self._accounts.get(parts.get("id", ""))
        if secret is None or not parts.get("ts", "").isdecimal():
            return False
        stamp, nonce = int(parts["ts"]), parts.get("nonce", "")
        expected = request_signature(secret, stamp, nonce, verb, target, body)
        if not _same(expected, parts.get("sig", "")):
            return False
        return self._is_fresh(parts["id"], stamp, nonce)

    def _credentials(self, params: Mapping[str, Any]) -> str:
        client_id, secret = _text(params, "client_id"), _text(params, "client_secret")
        if not _same(self._accounts.get(client_id, ""), secret) or not secret:
            raise ServerError(13_004, "invalid_credentials")
        return client_id

    def _signature(self, params: Mapping[str, Any]) -> str:
        client_id, signature = _text(params, "client_id"), _text(params, "signature")
        nonce, stamp = params.get("nonce", ""), _milliseconds(params)
        content = params.get("data", "")
        secret = self._accounts.get(client_id)
        if secret is None or not isinstance(nonce, str) or not isinstance(content, str):
            raise ServerError(13_004, "invalid_credentials")
        if not _same(websocket_signature(secret, stamp, nonce, content), signature):
            raise ServerError(13_004, "invalid_credentials")
        if not self._is_fresh(client_id, stamp, nonce):
            raise ServerError(
                13_004, "invalid_credentials", {"reason": "signature used or too old"}
            )
        return client_id

    def _refreshed(self, params: Mapping[str, Any], now: float) -> str:
        before = self._refresh.pop(_text(params, "refresh_token"), None)
        if before is None:
            raise ServerError(13_009, "unauthorized", {"reason": "invalid_token"})
        self._access.pop(before.access_token, None)
        if now >= before.until + self._expires_in_s:
            raise ServerError(13_009, "unauthorized", {"reason": "invalid_token"})
        return before.client_id

    def _is_fresh(self, client_id: str, stamp: int, nonce: str) -> bool:
        newest = max(self._newest.get(client_id, stamp), stamp)
        if newest - stamp > SIGNATURE_AGE_MS_MAX or (client_id, stamp, nonce) in self._nonces:
            return False
        self._newest[client_id] = newest
        self._nonces[client_id, stamp, nonce] = None
        while len(self._nonces) > NONCES_MAX:
            del self._nonces[next(iter(self._nonces))]
        return True

    def _issue(self, client_id: str, now: float) -> Grant:
        self._made += 1
        tokens = [
            hmac.new(self._seed, f"{kind} {self._made}".encode(), sha256).hexdigest()
            for kind in ("access", "refresh")
        ]
        grant = Grant(client_id, tokens[0], tokens[1], now + self._expires_in_s)
        self._access[grant.access_token] = grant
        self._refresh[grant.refresh_token] = grant
        for kept in (self._access, self._refresh):
            while len(kept) > TOKENS_MAX:
                del kept[next(iter(kept))]
        return grant


def _signed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _text(params: Mapping[str, Any], param: str) -> str:
    value = params.get(param)
    if not isinstance(value, str):
        raise _missing(param)
    return value


def _milliseconds(params: Mapping[str, Any]) -> int:
    """Read a timestamp: a number, or its digits in a query string."""
    value = params.get("timestamp")
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return int(value)
    raise _missing("timestamp")


def _missing(param: str) -> ServerError:
    return ServerError(-32_602, "Invalid params", {"reason": "value is required", "param": param})
