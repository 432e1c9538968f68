"""Whom does the daemon answer, and what? Its names, tokens, sessions, where forms come from."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from trader.web.limits import BURST_S, LOCAL, Buckets, Guesses, client_of
from trader.web.sessions import COOKIE, SECURE_COOKIE, Session, Sessions, digest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aiohttp import web

OPEN: Final = ("/healthz", "/sign-in")
"""What anybody may ask for: a probe, the way in, and what that looks like."""
STATIC: Final = "/static/"
FORBIDDEN_SITES: Final = frozenset({"cross-site", "same-site"})
BEARER: Final = "Bearer "
TOKEN_LENGTH_MIN: Final = 16
SIGNED_IN: Final = "web.signed_in"


def no_tokens() -> tuple[str, ...]:
    """Know no token: no command is taken."""
    return ()


def say_nothing(event: str, message: str) -> None:
    """Keep what happens to ourselves."""
    del event, message


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms the daemon is shown. `tokens` are those that hold now, newest first.

    `private`: reading asks for the token as well. `guarded_metrics`: those ask for it in any case.
    `hosts` are names it goes by beside its own. `token_place` tells people on this machine where
    the token lies; `own_socket` is where its own commands ask. `note` hears, in words without
    secrets, who signed in and who was refused.
    """

    tokens: Callable[[], tuple[str, ...]] = no_tokens
    hosts: tuple[str, ...] = ()
    private: bool = False
    guarded_metrics: bool = False
    token_place: str = ""
    socket: Path | None = None
    own_socket: Path | None = None
    tls: ssl.SSLContext | None = None
    requests_per_s: float = 500.0
    body_bytes_max: int = 16_384
    body_s_max: float = 5.0
    connections_max: int = 1_024
    idle_s_max: float = 75.0
    note: Callable[[str, str], None] = say_nothing


class Who(msgspec.Struct, frozen=True):
    """Who asks: with a token of its own, or in a session; neither is anybody."""

    token: bool = False
    session: Session | None = None

    @property
    def known(self) -> bool:
        """Whether it showed a token, now or when it signed in."""
        return self.token or self.session is not None


class Access:
    """Decides who is answered. It keeps what must be remembered of clients, all of it bounded."""

    def __init__(self, terms: Terms, host: str) -> None:
        self.terms = terms
        self.sessions = Sessions()
        self.buckets = Buckets(terms.requests_per_s * BURST_S, terms.requests_per_s)
        self.guesses = Guesses()
        self.local = is_loopback(host)
        self._names = frozenset(
            one.lower().rstrip(".") for one in ("localhost", host, *terms.hosts)
        )
        self.guarded = terms.private or not all(map(is_loopback, terms.hosts))
        self.cookie = COOKIE if terms.tls is None else SECURE_COOKIE

    def hears(self, host: str | None) -> bool:
        """Tell whether a `Host` names us. A page that had its name point here (DNS rebinding)
        sends its own; an address cannot be rebound, and is heard.
        """
        if not host:
            return False
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        return name in self._names or _is_address(name)

    def client(self, request: web.Request) -> str:
        """Name who asks, for limits."""
        return client_of(request.remote)

    def wait(self, request: web.Request, now: float) -> float:
        """Count a request; 0.0 where it may be answered, else the seconds to wait."""
        return self.buckets.take(self.client(request), now)

    def who(self, request: web.Request, now: float) -> Who:
        """Tell who asks. A wrong token counts as a guess.

        Raises:
            TooManyGuesses: this client guessed too often.
        """
        given = request.headers.get("Authorization", "")
        if given.startswith(BEARER):
            return Who(token=self.try_token(self.client(request), given[len(BEARER) :], now))
        cookie = request.cookies.get(self.cookie)
        if cookie is None:
            return Who()
        return Who(session=self.sessions.find(cookie, self.terms.tokens(), now))

    def try_token(self, client: str, given: str, now: float) -> bool:
        """Tell whether a token holds, in time that does not depend on it.

        Raises:
            TooManyGuesses: this client guessed too often: not even the right one is looked at.
        """
        wait = self.guesses.wait(client, now)
        if wait:
            raise TooManyGuesses(wait)
        shown = digest(given.strip())
        matches = [hmac.compare_digest(shown, digest(one)) for one in self.terms.tokens()]
        if not any(matches):
            self.guesses.wrong(client, shown, now)
        return any(matches)

    def may_read(self, request: web.Request, who: Who) -> bool:
        """Tell whether who asks may see what it asked for."""
        path = request.path
        if path in OPEN or path.startswith(STATIC) or who.known:
            return True
        if path == "/metrics" and self.terms.guarded_metrics:
            return False
        return not self.guarded and (self.local or self.client(request) == LOCAL)


class TooManyGuesses(Exception):
    """A client tried too many wrong tokens; it may try again after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many wrong tokens: try again in {wait:.0f} s")
        self.wait = wait


def comes_from_us(headers: Mapping[str, str], scheme: str) -> bool:
    """Tell whether a form was sent by a page of ours. Browsers say where a form comes from
    (`Origin`, and newer ones `Sec-Fetch-Site`); one that says nothing is no browser's.
    """
    if headers.get("Sec-Fetch-Site") in FORBIDDEN_SITES:
        return False
    origin, host = headers.get("Origin"), headers.get("Host")
    if origin is None or host is None:
        return headers.get("Sec-Fetch-Site") == "same-origin"
    sender = urlsplit(origin)
    schemes = ("https",) if scheme == "https" else ("http", "https")  # a proxy may add TLS
    return sender.scheme in schemes and sender.netloc.lower() == host.lower()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
