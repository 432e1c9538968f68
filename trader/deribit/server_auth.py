"""Who is it that asks, and is the word still good? Deribit's tokens at the server's end.

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
SESSIONS_MAX: Final = 16
"""Named sessions of one key; one more ends the oldest."""

SCOPE: Final = "account:read block_rfq:read {} mainaccount trade:read_write wallet:none"
AUTH_METHODS: Final = ("public/auth", "public/fork_token", "public/exchange_token")
DEMO_ACCOUNTS: Final = {"demo": "demo-secret"}
"""Client ids and their secrets: the exchange is invented, and so is its only customer."""

SESSION_NAME_LETTERS_MAX: Final = 100
_DIGITS_MAX: Final = 10
_HEADER_PART: Final = re.compile(r"(\w+)=([^,\s]+)")


class Scope(msgspec.Struct, frozen=True):
    """What a grant is for: a named session, or else one connection (0: it came over HTTP)."""

    session: str = ""
    connection: int = 0
    expires_in_s: int = EXPIRES_IN_S


class Grant(msgspec.Struct, frozen=True):
    """A pair of tokens, good until second `until`; `client_id` is whose."""

    client_id: str
    access_token: str
    refresh_token: str
    until: float
    scope: Scope = Scope()


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

    Invariant: a refresh token is good once, and its access token dies with it; a token granted to a
    connection is good there alone, one of a named session everywhere. A client's clock is not the
    market's: the age of a signature is held against the newest one its key has made. `seed` makes
    tokens differ between exchanges; time is monotonic seconds, handed in.
    """

    def __init__(
        self, accounts: Mapping[str, str], *, seed: str, expires_in_s: int = EXPIRES_IN_S
    ) -> None:
        self._accounts = dict(accounts)
        self._seed = seed.encode()
        self._expires_in_s = expires_in_s
        self._made = 0
        self._connections = 0
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._newest: dict[str, int] = {}
        self._nonces: dict[tuple[str, int, str], None] = {}
        self._sessions: dict[str, dict[str, None]] = {client_id: {} for client_id in accounts}

    def connect(self) -> int:
        """Number a connection that can sign in."""
        self._connections += 1
        return self._connections

    def answer(
        self, method: str, params: Mapping[str, Any], now: float, connection: int = 0
    ) -> tuple[Grant, dict[str, Any]]:
        """Answer one of `AUTH_METHODS`: (the grant, the result to send).

        Raises:
            ServerError: credentials, signature or token are not good, or a parameter is missing.
        """
        match method:
            case "public/auth":
                grant = self._sign_in(params, now, connection)
            case "public/fork_token":
                grant = self._fork(params, now)
            case "public/exchange_token":
                grant = self._exchange(params, now)
            case _:
                raise AssertionError(f"{method}: nobody signs in by it")
        scope = grant.scope
        result: dict[str, Any] = {
            "access_token": grant.access_token,
            "refresh_token": grant.refresh_token,
            "token_type": "bearer",
            "expires_in": scope.expires_in_s,
            "scope": SCOPE.format(f"session:{scope.session}" if scope.session else "connection"),
            "sid": grant.access_token[:12],
            "enabled_features": [],
            "mandatory_tfa_status": "disabled",
        }
        if isinstance(params.get("state"), str):
            result["state"] = params["state"]
        return grant, result

    def is_good(self, access_token: str, now: float, connection: int = 0) -> bool:
        """Tell whether an access token is alive, and was granted to whom it comes from."""
        grant = self._access.get(access_token)
        if grant is None or now >= grant.until:
            return False
        return bool(grant.scope.session) or grant.scope.connection in (0, connection)

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

    def _sign_in(self, params: Mapping[str, Any], now: float, connection: int) -> Grant:
        match params.get("grant_type"):
            case "client_credentials":
                client_id = self._credentials(params)
            case "client_signature":
                client_id = self._signature(params)
            case "refresh_token":
                before = self._refreshed(params, now)
                return self._issue(before.client_id, before.scope, now)
            case None:
                raise _missing("grant_type")
            case _:
                raise _invalid("grant_type", "invalid format")
        return self._issue(client_id, self._scope(params, connection), now)

    def _scope(self, params: Mapping[str, Any], connection: int) -> Scope:
        """Read the wanted scope; rights that are asked for beyond session and life are given."""
        wanted = params.get("scope", "")
        if not isinstance(wanted, str):
            raise _invalid("scope", "invalid format")
        session, expires_in_s = "", self._expires_in_s
        for word in wanted.split():
            kind, _, value = word.partition(":")
            if kind == "session":
                session = _session_name(value, "scope")
            elif kind == "expires":
                if not (value.isascii() and value.isdecimal() and 0 < len(value) < _DIGITS_MAX):
                    raise _invalid("scope", "invalid format")
                expires_in_s = min(max(int(value), 1), expires_in_s)
        return Scope(session, connection, expires_in_s)

    def _fork(self, params: Mapping[str, Any], now: float) -> Grant:
        """Open another named session beside the one whose refresh token is shown."""
        before = self._shown(params, now)
        name = _session_name(_text(params, "session_name"), "session_name")
        if not before.scope.session:
            raise ServerError(13_403, "scope_exceeded", {"reason": "no named session"})
        return self._issue(
            before.client_id, msgspec.structs.replace(before.scope, session=name), now
        )

    def _exchange(self, params: Mapping[str, Any], now: float) -> Grant:
        """Change to another subject; no account here has any but itself."""
        subject_id = params.get("subject_id")
        if subject_id is None:
            raise _missing("subject_id")
        before = self._shown(params, now)
        own = list(self._accounts).index(before.client_id) + 1
        if str(subject_id) != str(own):
            raise ServerError(13_021, "forbidden", {"reason": "no such subject"})
        self._refreshed(params, now)
        return self._issue(before.client_id, before.scope, now)

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

    def _refreshed(self, params: Mapping[str, Any], now: float) -> Grant:
        """Use up a refresh token, and its access token with it."""
        before = self._shown(params, now)
        del self._refresh[before.refresh_token]
        self._access.pop(before.access_token, None)
        return before

    def _shown(self, params: Mapping[str, Any], now: float) -> Grant:
        """Find the grant of a refresh token."""
        before = self._refresh.get(_text(params, "refresh_token"))
        if before is None or now >= before.until + before.scope.expires_in_s:
            raise ServerError(13_009, "unauthorized", {"reason": "invalid_token"})
        return before

    def _is_fresh(self, client_id: str, stamp: int, nonce: str) -> bool:
        newest = max(self._newest.get(client_id, stamp), stamp)
        if newest - stamp > SIGNATURE_AGE_MS_MAX or (client_id, stamp, nonce) in self._nonces:
            return False
        self._newest[client_id] = newest
        self._nonces[client_id, stamp, nonce] = None
        while len(self._nonces) > NONCES_MAX:
            del self._nonces[next(iter(self._nonces))]
        return True

    def _issue(self, client_id: str, scope: Scope, now: float) -> Grant:
        self._made += 1
        tokens = [
            hmac.new(self._seed, f"{kind} {self._made}".encode(), sha256).hexdigest()
            for kind in ("access", "refresh")
        ]
        grant = Grant(client_id, tokens[0], tokens[1], now + scope.expires_in_s, scope)
        self._access[grant.access_token] = grant
        self._refresh[grant.refresh_token] = grant
        for kept in (self._access, self._refresh):
            while len(kept) > TOKENS_MAX:
                del kept[next(iter(kept))]
        if scope.session:
            self._open_session(client_id, scope.session)
        return grant

    def _open_session(self, client_id: str, name: str) -> None:
        """Count a named session; above the limit the oldest and its tokens are gone."""
        sessions = self._sessions[client_id]
        sessions[name] = None
        while len(sessions) > SESSIONS_MAX:
            oldest = next(iter(sessions))
            del sessions[oldest]
            for kept in (self._access, self._refresh):
                ended = [
                    token
                    for token, grant in kept.items()
                    if grant.client_id == client_id and grant.scope.session == oldest
                ]
                for token in ended:
                    del kept[token]


def _signed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _text(params: Mapping[str, Any], param: str) -> str:
    value = params.get(param)
    if value is None:
        raise _missing(param)
    if not isinstance(value, str):
        raise _invalid(param, "invalid format")
    return value


def _milliseconds(params: Mapping[str, Any]) -> int:
    """Read a timestamp: a number, or its digits in a query string."""
    value = params.get("timestamp")
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return int(value)
    raise _missing("timestamp")


def _session_name(name: str, param: str) -> str:
    if not 0 < len(name) <= SESSION_NAME_LETTERS_MAX:
        raise _invalid(param, "invalid format")
    return name


def _missing(param: str) -> ServerError:
    return _invalid(param, "value is required")


def _invalid(param: str, reason: str) -> ServerError:
    return ServerError(-32_602, "Invalid params", {"reason": reason, "param": param})
