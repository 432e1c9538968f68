"""Who is signed in? Sessions in memory, few, that end with time and with their token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

SESSIONS_MAX: Final = 64
"""Of more the oldest ends."""
SESSION_S: Final = 12 * 3600
"""Wall seconds a session lasts, used or not."""
COOKIE: Final = "trader"
SECURE_COOKIE: Final = "__Host-trader"
"""Under TLS: a browser takes a cookie of this name only from this host, whole and secure."""


class Told(msgspec.Struct, frozen=True):
    """What became of the last command, to be shown once."""

    text: str
    good: bool


class Session:
    """One sign-in. `csrf` stands in its forms; `token` is the digest of what it signed in with."""

    __slots__ = ("by", "csrf", "ends_at", "token", "told")

    def __init__(self, token: bytes, ends_at: float) -> None:
        self.token = token
        self.ends_at = ends_at
        self.csrf = secrets.token_urlsafe(24)
        self.by = ""
        self.told: Told | None = None

    def wrote(self, csrf: str) -> bool:
        """Tell, in constant time, whether a form is one that this session was given."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


class Sessions:
    """The sessions that are open, by the digest of their cookie: none is kept in the clear."""

    def __init__(self) -> None:
        self._open: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def sign_in(self, token: str, now: float) -> tuple[str, Session]:
        """Open a session for who showed a token; give its cookie."""
        cookie = secrets.token_urlsafe(32)
        session = Session(digest(token), now + SESSION_S)
        self._open[digest(cookie)] = session
        while len(self._open) > SESSIONS_MAX:
            del self._open[next(iter(self._open))]
        return cookie, session

    def find(self, cookie: str, tokens: Sequence[str], now: float) -> Session | None:
        """Find a session; it is gone once its time is over or its token no longer holds."""
        key = digest(cookie)
        session = self._open.get(key)
        if session is None:
            return None
        holds = [hmac.compare_digest(session.token, digest(one)) for one in tokens]
        if now >= session.ends_at or not any(holds):
            del self._open[key]
            return None
        return session

    def sign_out(self, cookie: str) -> None:
        """End a session, where there is one."""
        self._open.pop(digest(cookie), None)


def digest(secret: str) -> bytes:
    """Shorten a secret to what can be kept and compared: its length is not told either."""
    return hashlib.sha256(secret.encode()).digest()
