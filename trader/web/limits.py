"""How often may one client ask, and how often guess? Buckets that refill, bounded in number."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

import msgspec

CLIENTS_MAX: Final = 4_096
"""Clients remembered; of more the one that was silent longest is forgotten."""
BURST_S: Final = 2.0
"""A client that was silent may ask as much at once as it may within so many seconds."""
GUESSES: Final = 10
"""Wrong tokens, each another one, after which a client waits."""
GUESS_EVERY_S: Final = 6.0
"""Seconds until one more may be tried."""
LOCAL: Final = "local"
"""The client at the other end of a unix socket: the owner of the daemon."""


def client_of(address: str | None) -> str:
    """Name who asks: an IPv4 address, or the /64 that one household has of IPv6.

    >>> client_of("2001:db8::1:2"), client_of("127.0.0.1"), client_of(None)
    ('2001:db8::/64', '127.0.0.1', 'local')
    """
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return LOCAL
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class Buckets:
    """A bucket for each client: what it may still ask. Bounded by `CLIENTS_MAX`.

    `refill` comes back each second, at most `size` of it is kept; times are of any steady clock.
    """

    def __init__(self, size: float, refill: float) -> None:
        self._size = size
        self._refill = refill
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, client: str, now: float) -> float:
        """Take one; 0.0 where there was one, else the seconds until there is."""
        left = self._left(client, now)
        wait = 0.0 if left >= 1 else (1 - left) / self._refill
        self._keep(client, left - 1 if left >= 1 else left, now)
        return wait

    def wait(self, client: str, now: float) -> float:
        """Tell the seconds until there is one to take, without taking it."""
        left = self._left(client, now)
        return 0.0 if left >= 1 else (1 - left) / self._refill

    def _left(self, client: str, now: float) -> float:
        left, at = self._kept.get(client, (self._size, now))
        return min(self._size, left + (now - at) * self._refill)

    def _keep(self, client: str, left: float, now: float) -> None:
        self._kept[client] = (left, now)
        self._kept.move_to_end(client)
        while len(self._kept) > CLIENTS_MAX:
            self._kept.popitem(last=False)


class Guess(msgspec.Struct, frozen=True):
    """The last wrong token of a client, as a digest."""

    digest: bytes


class Guesses:
    """Counts wrong tokens. One that is wrong again and again (a program with an old one) is one
    guess; whoever tries many waits, with the right one too.
    """

    def __init__(self) -> None:
        self._buckets = Buckets(GUESSES, 1 / GUESS_EVERY_S)
        self._last: OrderedDict[str, Guess] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """Tell the seconds until a client may try again; 0.0 where it may now."""
        return self._buckets.wait(client, now)

    def wrong(self, client: str, digest: bytes, now: float) -> None:
        """Remember a wrong token."""
        last = self._last.get(client)
        if last is None or last.digest != digest:
            self._buckets.take(client, now)
        self._last[client] = Guess(digest)
        self._last.move_to_end(client)
        while len(self._last) > CLIENTS_MAX:
            self._last.popitem(last=False)
