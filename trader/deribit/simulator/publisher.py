"""What is published now, and what of it is new to a client?

Once an interval the publisher looks at the market, once for all clients: it keeps the latest
content of every wanted topic with a version that rises only when the content changed. A client is
sent what is above its place, so a still book is silent. The index alone speaks every second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from trader.deribit.messages import notification_frame
from trader.deribit.simulator import payloads, streams, tickers
from trader.deribit.simulator.books import Book, book
from trader.deribit.simulator.channels import Channel, Place, Subscriptions
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import OptionQuote, rows
from trader.deribit.simulator.trades import Trades
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue

Frame = tuple[str, bytes]
"""A channel and the notification for it."""

LOOKS_APART_MAX: Final = 20
"""A tape nobody looked at for so long begins anew: a fresh listener is not sent the past."""

SINGLES_MAX: Final = 8
"""Up to so many wanted options are quoted one by one; for more the whole board costs less."""


class Topic(msgspec.Struct):
    """The latest content of a topic, encoded; `key` is what a change is measured by.

    A topic whose notifications are differences keeps its `state`, the instant `changed_ms` of its
    last change, and in `written` the difference from each earlier state that anybody held.
    """

    version: int
    key: object
    content: msgspec.Raw
    state: object = None
    changed_ms: int = 0
    written: dict[int, msgspec.Raw] = msgspec.field(default_factory=dict)


class Publisher:
    """The latest content of every topic. Invariant: what has expired is in no map."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._version = 0
        self._topics: dict[str, Topic] = {}
        self._trades = Trades(venue)
        self._read_until: dict[str, tuple[int, int]] = {}
        self._boards: tuple[tuple[Listing, ...], ...] = ()
        self._changes: list[tuple[str, str, str, Payload]] = []

    def refresh(self, wanted: Iterable[Channel], at: int) -> frozenset[str]:
        """Look at the market at an instant, for the channels anybody wants now.

        Returns the names of what has expired since the last look; nobody is to keep them.
        """
        self._version += 1
        expired = self._relist(at)
        options: dict[str, dict[str, list[Channel]]] = {}
        for channel in wanted:
            match channel.stream:
                case (
                    "ranking"
                    | "statistics"
                    | "expiration"
                    | "markprice"
                    | "volatility"
                    | "platform"
                    | "methods"
                ):
                    content = streams.content_of(self._venue, channel, at)
                    self._keep_changed(channel.topic, content)
                case "index":
                    self._publish_index(channel, at)
                case "trades":
                    self._publish_trades(channel, at)
                case "chart":
                    self._keep_changed(channel.topic, streams.chart(self._venue, channel, at))
                case "ticker" | "quote" | "incremental" | "book" | "grouped" | "perpetual":
                    listing = self._venue.find(channel.subject, at)
                    if listing is None:
                        continue
                    if listing.kind == "option":
                        board = options.setdefault(listing.product, {})
                        board.setdefault(listing.name, []).append(channel)
                    else:
                        quoted = self._venue.delta_one(listing, at)
                        self._publish(channel, listing, quoted, at)
                case "state" | "creation":
                    pass
        for product, channels in options.items():
            self._publish_options(product, channels, at)
        return expired

    def frames(self, subscriptions: Subscriptions, *, slow: bool) -> list[Frame]:
        """Write what is new to a client, and move its places."""
        frames: list[Frame] = []
        for place in subscriptions.due(slow=slow):
            channel = place.channel
            if channel.stream in ("state", "creation"):
                if self._changes:
                    frames.extend(self._state_frames(channel))
                continue
            topic = self._topics.get(channel.topic)
            if topic is None or topic.version <= place.sent:
                continue
            content = topic.content
            if channel.stream in ("book", "incremental"):
                content = _difference(topic, place)
                place.held = (topic.state, topic.changed_ms)
            place.sent = topic.version
            frames.append((channel.name, notification_frame(channel.name, content)))
        return frames

    def _state_frames(self, channel: Channel) -> list[Frame]:
        """Write what came and went; of a creation the whole contract."""
        wanted_kind, _, wanted_currency = channel.subject.partition(".")
        return [
            (channel.name, notification_frame(channel.name, content))
            for stream, kind, currency, content in self._changes
            if stream == channel.stream
            and wanted_kind in ("any", kind)
            and wanted_currency in ("any", currency)
        ]

    def _relist(self, at: int) -> frozenset[str]:
        """Compare the boards with the last ones; note what came and went."""
        venue = self._venue
        boards = tuple(venue.listings.dated(one, at) for one in OPTIONS)
        before, self._boards, self._changes = self._boards, boards, []
        if not before or all(now is then for now, then in zip(boards, before, strict=True)):
            return frozenset()
        expired = []
        for then, now in zip(before, boards, strict=True):
            old, new = {one.name: one for one in then}, {one.name: one for one in now}
            gone = [listing for name, listing in old.items() if name not in new]
            come = [listing for name, listing in new.items() if name not in old]
            for state, listings in (("delivered", gone), ("open", come)):
                self._changes += [
                    (
                        "state",
                        payloads.wire_kind(listing),
                        currency(listing),
                        payloads.state_change(listing, state, at),
                    )
                    for listing in listings
                ]
            self._changes += [
                (
                    "creation",
                    payloads.wire_kind(listing),
                    currency(listing),
                    payloads.instrument(listing, at),
                )
                for listing in come
            ]
            expired += [listing.name for listing in gone]
        names = frozenset(expired)
        for topic in [one for one in self._topics if not names.isdisjoint(one.split("."))]:
            del self._topics[topic]
        for topic in [one for one in self._read_until if not names.isdisjoint(one.split("."))]:
            del self._read_until[topic]
        return names

    def _publish_index(self, channel: Channel, at: int) -> None:
        """The index is sent every second, moved or not: clients read liveness off it."""
        price = self._venue.market.spot(INDEX_UNDERLYINGS[channel.subject], at)
        content = payloads.index_tick(channel.subject, price, at)
        self._keep(channel.topic, self._version, content)

    def _publish_options(self, product: str, channels: dict[str, list[Channel]], at: int) -> None:
        if len(channels) <= SINGLES_MAX:
            for name, of_one in channels.items():
                listing = self._venue.find(name, at)
                if listing is not None:
                    quoted = self._venue.option(listing, at)
                    for channel in of_one:
                        self._publish(channel, listing, quoted, at)
            return
        for listing, quoted in rows(self._venue.board(product, at)):
            for channel in channels.get(listing.name, ()):
                self._publish(channel, listing, quoted, at)

    def _publish(
        self, channel: Channel, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int
    ) -> None:
        if channel.stream in ("book", "grouped"):
            self._publish_book(channel, listing, quoted, at)
            return
        key = _key(channel, quoted)
        known = self._topics.get(channel.topic)
        if known is not None and known.key == key:
            return
        if channel.stream == "quote":
            content = payloads.quote(listing, quoted, at)
        elif channel.stream == "perpetual":
            content = streams.perpetual(quoted, at)
        elif isinstance(quoted, OptionQuote):
            content = tickers.option(self._venue, listing, quoted, at)
        else:
            content = tickers.delta_one(self._venue, listing, quoted, at)
        if channel.stream == "incremental":
            self._keep_state(channel.topic, key, content, content, at)
        else:
            self._keep(channel.topic, key, content)

    def _publish_book(
        self, channel: Channel, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int
    ) -> None:
        touch = quoted[:4]
        known = self._topics.get(channel.topic)
        if known is not None and known.key == touch:
            return
        resting = book(listing, quoted.bid, quoted.bid_amount, quoted.ask, quoted.ask_amount)
        if channel.stream == "grouped":
            content = streams.grouped_book(channel, listing, resting, at)
            self._keep(channel.topic, touch, content)
        else:
            content = streams.book_snapshot(listing, resting, at)
            self._keep_state(channel.topic, touch, resting, content, at)

    def _publish_trades(self, channel: Channel, at: int) -> None:
        """Publish what was printed since this channel's last look; nothing at its first one."""
        listing = self._venue.find(channel.subject, at)
        since, looked = self._read_until.get(channel.topic, (at, self._version))
        self._read_until[channel.topic] = (at, self._version)
        if listing is None or self._version - looked > LOOKS_APART_MAX or since >= at:
            return
        printed = self._trades.between(listing, since, at)
        if printed:
            raw = msgspec.Raw(msgspec.json.encode(printed))
            self._topics[channel.topic] = Topic(self._version, None, raw)

    def _keep_changed(self, topic: str, content: Payload | list[Payload] | None) -> None:
        """Keep what is its own key; None says nothing."""
        known = self._topics.get(topic)
        if content is not None and (known is None or known.key != content):
            raw = msgspec.Raw(msgspec.json.encode(content))
            self._topics[topic] = Topic(self._version, content, raw)

    def _keep_state(
        self, topic: str, key: object, state: object, content: Payload, at: int
    ) -> None:
        """Keep what is told by its differences; its instants strictly rise."""
        known = self._topics.get(topic)
        changed_ms = payloads.milliseconds(at)
        if known is not None and changed_ms <= known.changed_ms:
            changed_ms = known.changed_ms + 1
        raw = msgspec.Raw(msgspec.json.encode(streams.snapshot(content, changed_ms)))
        self._topics[topic] = Topic(self._version, key, raw, state, changed_ms)

    def _keep(self, topic: str, key: object, content: Payload) -> None:
        self._topics[topic] = Topic(self._version, key, msgspec.Raw(msgspec.json.encode(content)))


def _difference(topic: Topic, place: Place) -> msgspec.Raw:
    """Write what leads from what a client holds to the present; the present where it holds none."""
    if place.held is None:
        return topic.content
    written = topic.written.get(place.sent)
    if written is None:
        before, before_ms = place.held
        content: Payload = {}
        if isinstance(before, Book) and isinstance(topic.state, Book):
            name = place.channel.subject
            content = streams.book_change(name, before, topic.state, before_ms, topic.changed_ms)
        elif isinstance(before, dict) and isinstance(topic.state, dict):
            content = streams.ticker_change(before, topic.state)
        written = topic.written[place.sent] = msgspec.Raw(msgspec.json.encode(content))
    return written


def _key(channel: Channel, quoted: OptionQuote | PerpetualQuote) -> object:
    """Name what must change before a topic is sent again; time alone moves only the Greeks."""
    touch = quoted[:4]
    if channel.stream == "quote":
        return touch
    if channel.stream == "perpetual" and isinstance(quoted, PerpetualQuote):
        return quoted.funding_8h, quoted.index_price
    if isinstance(quoted, OptionQuote):
        return (
            touch,
            round(quoted.mark, 6),
            quoted.mark_iv,
            quoted.underlying_price,
            quoted.index_price,
        )
    return quoted
