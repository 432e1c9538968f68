"""Which channels exist, and what has a client been sent on each?

Intervals are wall time, whatever the market's speed: `100ms`, `quote.*` and `instrument.state.*`
are fast, `agg2` and the index are slow (one second). Deribit, "Notifications".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

FAST_S: Final = 0.1
SLOW_S: Final = 1.0

Stream = Literal["ticker", "quote", "index", "state"]

NOTHING_SENT: Final = -1
_KINDS: Final = ("any", "option", "future", "spot", "future_combo", "option_combo")
_CURRENCIES: Final = ("any", "BTC", "ETH", "USDC", "USDT", "EURR")
_FAST_OF: Final = {"100ms": True, "agg2": False}


class Channel(msgspec.Struct, frozen=True):
    """One channel as a client names it; `subject` is the instrument, the index, or `KIND.CCY`.

    `topic` names its content: the same for every interval.
    """

    name: str
    stream: Stream
    subject: str
    topic: str
    fast: bool


def parse_channel(name: str) -> Channel | None:
    """Read a channel's name; None for one that this exchange does not know.

    Whether its instrument or index exists is the exchange's question.
    """
    match name.split("."):
        case ["ticker", instrument, interval] if interval in _FAST_OF:
            return Channel(name, "ticker", instrument, f"ticker.{instrument}", _FAST_OF[interval])
        case ["quote", instrument]:
            return Channel(name, "quote", instrument, name, fast=True)
        case ["deribit_price_index", index]:
            return Channel(name, "index", index, name, fast=False)
        case ["instrument", "state", kind, currency] if kind in _KINDS and currency in _CURRENCIES:
            return Channel(name, "state", f"{kind}.{currency}", name, fast=True)
        case _:
            return None


class Place(msgspec.Struct):
    """A client's place on one channel: the version it was sent last."""

    channel: Channel
    sent: int


class Subscriptions:
    """The channels of one client and its place on each.

    Invariant: a fresh subscription begins where its caller says, `NOTHING_SENT` for channels whose
    first notification is the present state.
    """

    def __init__(self) -> None:
        self._fast: dict[str, Place] = {}
        self._slow: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._fast) + len(self._slow)

    def add(self, channel: Channel, sent: int = NOTHING_SENT) -> None:
        """Subscribe; a channel already active keeps its place and sends nothing anew."""
        (self._fast if channel.fast else self._slow).setdefault(channel.name, Place(channel, sent))

    def remove(self, names: Iterable[str]) -> None:
        """Unsubscribe from what is active of these."""
        for name in names:
            self._fast.pop(name, None)
            self._slow.pop(name, None)

    def of_instruments(self, instruments: frozenset[str]) -> list[str]:
        """Name the channels about some instruments."""
        return [
            name
            for places in (self._fast, self._slow)
            for name, place in places.items()
            if place.channel.subject in instruments
        ]

    def due(self, *, slow: bool) -> Iterator[Place]:
        """Walk the places that are due: the fast ones always, the slow ones once a second."""
        yield from self._fast.values()
        if slow:
            yield from self._slow.values()


def wanted_channels(clients: Iterable[Subscriptions], *, slow: bool) -> list[Channel]:
    """List what any client is due, each channel once."""
    wanted = {place.channel.name: place.channel for one in clients for place in one.due(slow=slow)}
    return list(wanted.values())
