"""Which channels exist, and what has a client been sent on each?

Intervals are wall time, whatever the market's speed: `100ms`, `quote.*` and `instrument.state.*`
are fast, `agg2` and the index are slow (one second). Nobody trades in blocks here, so their
channels are there and silent. Deribit, "Notifications".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from trader.deribit.messages import notification_head

FAST_S: Final = 0.1
SLOW_S: Final = 1.0

Stream = Literal[
    "ticker",
    "incremental",
    "quote",
    "book",
    "grouped",
    "perpetual",
    "chart",
    "index",
    "ranking",
    "statistics",
    "expiration",
    "markprice",
    "volatility",
    "trades",
    "tape",
    "state",
    "creation",
    "announcements",
    "platform",
    "methods",
    "blocks",
]
OF_INSTRUMENTS: Final = frozenset(
    {"ticker", "incremental", "quote", "book", "grouped", "perpetual", "chart", "trades"}
)
OF_INDEXES: Final = frozenset(
    {"index", "ranking", "statistics", "expiration", "markprice", "volatility"}
)

NEWS: Final = frozenset({"trades", "tape", "state", "creation", "announcements"})
"""What has no present state: a fresh listener is not sent the past."""

NOTHING_SENT: Final = -1
_KINDS: Final = ("any", "option", "future", "spot", "future_combo", "option_combo")
_KINDS_TRADED: Final = (*_KINDS, "combo")
_CURRENCIES: Final = ("any", "BTC", "ETH", "USDC", "USDT", "EURR")
_FAST_OF: Final = {"raw": True, "100ms": True, "agg2": False}
_GROUPS: Final = ("none", "1", "2", "5", "10", "25", "100", "250")
_DEPTHS: Final = ("1", "10", "20")
_RESOLUTIONS: Final = ("1", "3", "5", "10", "15", "30", "60", "120", "180", "360", "720", "1D")
_INDEX_STREAMS: Final[dict[str, Stream]] = {
    "deribit_price_index": "index",
    "deribit_price_ranking": "ranking",
    "deribit_price_statistics": "statistics",
    "estimated_expiration_price": "expiration",
    "deribit_volatility_index": "volatility",
}


class Channel(msgspec.Struct, frozen=True):
    """One channel as a client names it; `subject` is the instrument, the index, or `KIND.CCY`.

    `topic` names its content: the same for every interval. `detail` is what else the name says:
    `GROUP.DEPTH` of a grouped book, the resolution of a chart.
    """

    name: str
    stream: Stream
    subject: str
    topic: str
    fast: bool
    detail: str = ""


def parse_channel(name: str) -> Channel | None:
    """Read a channel's name; None for one that this exchange does not know.

    Whether its instrument or index exists is the exchange's question.
    """
    match name.split("."):
        case ["ticker" | "book" | "perpetual" as stream, subject, interval] if interval in _FAST_OF:
            return Channel(name, stream, subject, f"{stream}.{subject}", _FAST_OF[interval])
        case ["trades", subject, interval] if interval in _FAST_OF:
            return Channel(name, "trades", subject, name, _FAST_OF[interval])
        case ["trades", kind, currency, interval] if (
            kind in _KINDS_TRADED and currency in _CURRENCIES and interval in _FAST_OF
        ):
            return Channel(name, "tape", f"{kind}.{currency}", name, _FAST_OF[interval])
        case ["book", subject, group, depth, "100ms" | "agg2" as interval] if (
            group in _GROUPS and depth in _DEPTHS
        ):
            detail = f"{group}.{depth}"
            topic = f"book.{subject}.{detail}"
            return Channel(name, "grouped", subject, topic, _FAST_OF[interval], detail)
        case ["chart", "trades", subject, resolution] if resolution in _RESOLUTIONS:
            return Channel(name, "chart", subject, name, fast=False, detail=resolution)
        case ["instrument", "state" | "creation" as stream, kind, currency] if (
            kind in _KINDS and currency in _CURRENCIES
        ):
            return Channel(name, stream, f"{kind}.{currency}", name, fast=True)
        case _:
            return _simple_channel(name)


def _simple_channel(name: str) -> Channel | None:
    """Read a name without an interval."""
    match name.split("."):
        case ["quote", subject]:
            return Channel(name, "quote", subject, name, fast=True)
        case ["incremental_ticker", subject]:
            return Channel(name, "incremental", subject, name, fast=False)
        case ["markprice", "options", subject]:
            return Channel(name, "markprice", subject, name, fast=False)
        case [prefix, subject] if prefix in _INDEX_STREAMS:
            return Channel(name, _INDEX_STREAMS[prefix], subject, name, fast=False)
        case ["platform_state"]:
            return Channel(name, "platform", "", name, fast=False)
        case ["platform_state", "public_methods_state"]:
            return Channel(name, "methods", "", name, fast=False)
        case ["announcements"]:
            return Channel(name, "announcements", "", name, fast=False)
        case ["block_trade_confirmations"]:
            return Channel(name, "blocks", "any", name, fast=False)
        case ["block_trade_confirmations", currency] | ["block_rfq", "trades", currency] if (
            currency in _CURRENCIES
        ):
            return Channel(name, "blocks", currency, name, fast=False)
        case _:
            return None


class Place(msgspec.Struct):
    """A client's place on one channel: the version it was sent last, and what that held.

    `held` (state, milliseconds) is kept where the next notification says only what differs; `head`
    is what stands before the content of each notification.
    """

    channel: Channel
    head: bytes
    sent: int
    held: tuple[object, int] | None = None


class Subscriptions:
    """The channels of one client and its place on each.

    Invariant: a fresh subscription begins where its caller says, `NOTHING_SENT` for channels whose
    first notification is the present state.
    """

    def __init__(self) -> None:
        self.edits = 0
        self._fast: dict[str, Place] = {}
        self._slow: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._fast) + len(self._slow)

    def add(self, channel: Channel, sent: int = NOTHING_SENT) -> None:
        """Subscribe; a channel already active keeps its place and sends nothing anew."""
        places = self._fast if channel.fast else self._slow
        if channel.name not in places:
            places[channel.name] = Place(channel, notification_head(channel.name), sent)
            self.edits += 1

    def remove(self, names: Iterable[str]) -> None:
        """Unsubscribe from what is active of these."""
        for name in names:
            self._fast.pop(name, None)
            self._slow.pop(name, None)
        self.edits += 1

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


class Wanted:
    """What any client is subscribed to, each channel once.

    Invariant: the answer is the same object until a client comes, goes or subscribes.
    """

    def __init__(self) -> None:
        self._of: list[tuple[Subscriptions, int]] = []
        self._channels: tuple[Channel, ...] = ()

    def channels(self, clients: Iterable[Subscriptions]) -> tuple[Channel, ...]:
        """List the channels of all clients."""
        now = [(one, one.edits) for one in clients]
        if now != self._of:
            places = (place for one, _ in now for place in one.due(slow=True))
            self._channels = tuple({place.channel.name: place.channel for place in places}.values())
            self._of = now
        return self._channels
