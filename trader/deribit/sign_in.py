"""Who are we, and until when? The sign-in of one connection, where there are credentials.

Deribit sends `raw` channels to signed-in sockets only. A token lives for `expires_in` seconds, a
refresh token is good once, and both die with the socket. Deribit, "Authentication".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.deribit.messages import decode_result
from trader.domain.errors import FeedError

if TYPE_CHECKING:
    from msgspec import Raw

METHOD: Final = "public/auth"
REFRESH_SHARE: Final = 0.8
"""How much of a token's life passes before it is exchanged for the next."""

EXPIRES_IN_S_MIN: Final = 1.0
EXPIRES_IN_S_MAX: Final = 366 * 86_400.0
RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 60.0


class Credentials:
    """A key of the exchange. Invariant: no text made of it shows the secret."""

    __slots__ = ("client_id", "client_secret")

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.client_id = client_id
        self.client_secret = client_secret

    def __repr__(self) -> str:
        """Name the key alone."""
        return f"Credentials({self.client_id!r}, ...)"


class _Granted(msgspec.Struct):
    refresh_token: str
    expires_in: float


class SignIn:
    """When to send `public/auth`, and with what.

    Invariant: at most one question is open; a refresh token is sent once; after a refusal the next
    question carries the credentials, ever later up to a minute. Without credentials nothing is due.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self.signed_in = False
        self._refresh_token: str | None = None
        self._asked = False
        self._due_at = 0.0
        self._refusals = 0

    @property
    def possible(self) -> bool:
        """Whether there is a key to sign in with."""
        return self._credentials is not None

    @property
    def settled(self) -> bool:
        """Whether nothing is gained by waiting: signed in, or without a key for ever."""
        return self.signed_in or not self.possible

    def restart(self, now: float) -> None:
        """Begin a connection: tokens of the last one are worth nothing."""
        self.signed_in = self._asked = False
        self._refresh_token = None
        self._due_at = now

    def question(self, now: float) -> dict[str, Any] | None:
        """Give the params of the `public/auth` that is due now; it counts as asked from here on."""
        if self._credentials is None or self._asked or now < self._due_at:
            return None
        self._asked = True
        token, self._refresh_token = self._refresh_token, None
        if token is not None:
            return {"grant_type": "refresh_token", "refresh_token": token}
        return {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }

    def granted(self, result: Raw, now: float) -> None:
        """Take the tokens.

        Raises:
            FeedError: the answer holds none; it counts as a refusal, and shows no token.
        """
        try:
            tokens = decode_result(result, _Granted)
        except FeedError:
            self.refused(now)
            raise FeedError(f"{METHOD}: the answer holds no tokens") from None
        life_s = min(max(tokens.expires_in, EXPIRES_IN_S_MIN), EXPIRES_IN_S_MAX)
        self._asked, self.signed_in, self._refusals = False, True, 0
        self._refresh_token = tokens.refresh_token
        self._due_at = now + REFRESH_SHARE * life_s

    def refused(self, now: float) -> None:
        """Note that the question was not answered with tokens: ask again with the credentials."""
        refreshing = self.signed_in
        self.signed_in = self._asked = False
        self._refresh_token = None
        wait_s = 0.0 if refreshing else min(RETRY_S * 2.0 ** min(self._refusals, 10), RETRY_S_MAX)
        self._refusals += not refreshing
        self._due_at = now + wait_s

    def lapsed(self, now: float) -> None:
        """Note that the exchange does not know us any more: sign in anew, with the credentials."""
        if self.signed_in:
            self.refused(now)
