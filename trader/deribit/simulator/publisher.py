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
from trader.deribit.simulator import payloads, tickers
from trader.deribit.simulator.channels import Channel, Subscriptions
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.quotes import OptionQuote, PerpetualQuote
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue, option_rows

Frame = tuple[str, bytes]
"""A channel and the notification for it."""

SINGLES_MAX: Final = 8
"""Up to so many wanted options are quoted one by one; for more the whole board costs less."""


class Topic(msgspec.Struct):
    """The latest content of a topic, encoded; `key` is what a change is measured by."""

    version: int
    key: object
    content: msgspec.Raw


class Publisher:
    """The latest content of every topic. Invariant: what has expired is in no map."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._version = 0
        self._topics: dict[str, Topic] = {}
        self._boards: tuple[tuple[Listing, ...], ...] = ()
        self._changes: list[tuple[str, str, Payload]] = []

    def refresh(self, wanted: Iterable[Channel], at: int) -> frozenset[str]:
        """Look at the market at an instant, for the channels anybody wants now.

        Returns the names of what has expired since the last look; nobody is to keep them.
        """
        self._version += 1
        expired = self._relist(at)
        options: dict[str, dict[str, list[Channel]]] = {}
        for channel in wanted:
            match channel.stream:
                case "index":
                    self._publish_index(channel, at)
                case "ticker" | "quote":
                    listing = self._venue.find(channel.subject, at)
                    if listing is None:
                        continue
                    if listing.kind == "option":
                        board = options.setdefault(listing.underlying, {})
                        board.setdefault(listing.name, []).append(channel)
                    else:
                        quoted = self._venue.perpetual(listing.underlying, at)
                        self._publish(channel, listing, quoted, at)
                case "state":
                    pass
        for underlying, channels in options.items():
            self._publish_options(underlying, channels, at)
        return expired

    def frames(self, subscriptions: Subscriptions, *, slow: bool) -> list[Frame]:
        """Write what is new to a client, and move its places."""
        frames: list[Frame] = []
        for place in subscriptions.due(slow=slow):
            channel = place.channel
            if channel.stream == "state":
                if self._changes:
                    frames.extend(self._state_frames(channel))
                continue
            topic = self._topics.get(channel.topic)
            if topic is not None and topic.version > place.sent:
                place.sent = topic.version
                frames.append((channel.name, notification_frame(channel.name, topic.content)))
        return frames

    def _state_frames(self, channel: Channel) -> list[Frame]:
        wanted_kind, _, wanted_currency = channel.subject.partition(".")
        return [
            (channel.name, notification_frame(channel.name, content))
            for kind, currency, content in self._changes
            if wanted_kind in ("any", kind) and wanted_currency in ("any", currency)
        ]

    def _relist(self, at: int) -> frozenset[str]:
        """Compare the boards with the last ones; note what came and went."""
        venue = self._venue
        boards = tuple(venue.listings.options(one, at) for one in venue.market.underlyings)
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
                        payloads.wire_kind(listing),
                        listing.underlying,
                        payloads.state_change(listing, state, at),
                    )
                    for listing in listings
                ]
            expired += [listing.name for listing in gone]
        for name in expired:
            self._topics.pop(f"ticker.{name}", None)
            self._topics.pop(f"quote.{name}", None)
        return frozenset(expired)

    def _publish_index(self, channel: Channel, at: int) -> None:
        """The index is sent every second, moved or not: clients read liveness off it."""
        price = self._venue.market.spot(INDEX_UNDERLYINGS[channel.subject], at)
        content = payloads.index_tick(channel.subject, price, at)
        self._keep(channel.topic, self._version, content)

    def _publish_options(
        self, underlying: str, channels: dict[str, list[Channel]], at: int
    ) -> None:
        if len(channels) <= SINGLES_MAX:
            for name, of_one in channels.items():
                listing = self._venue.find(name, at)
                if listing is not None:
                    quoted = self._venue.option(listing, at)
                    for channel in of_one:
                        self._publish(channel, listing, quoted, at)
            return
        for listing, quoted in option_rows(self._venue.board(underlying, at)):
            for channel in channels.get(listing.name, ()):
                self._publish(channel, listing, quoted, at)

    def _publish(
        self, channel: Channel, listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int
    ) -> None:
        key = _key(channel, quoted)
        known = self._topics.get(channel.topic)
        if known is not None and known.key == key:
            return
        if channel.stream == "quote":
            content = payloads.quote(listing, quoted, at)
        elif isinstance(quoted, OptionQuote):
            content = tickers.option(self._venue, listing, quoted, at)
        else:
            content = tickers.perpetual(self._venue, listing, quoted, at)
        self._keep(channel.topic, key, content)

    def _keep(self, topic: str, key: object, content: Payload) -> None:
        self._topics[topic] = Topic(self._version, key, msgspec.Raw(msgspec.json.encode(content)))


def _key(channel: Channel, quoted: OptionQuote | PerpetualQuote) -> object:
    """Name what must change before a topic is sent again; time alone moves only the Greeks."""
    touch = quoted[:4]
    if channel.stream == "quote":
        return touch
    if isinstance(quoted, OptionQuote):
        return (
            touch,
            round(quoted.mark, 6),
            quoted.mark_iv,
            quoted.underlying_price,
            quoted.index_price,
        )
    return quoted
