"""What is published now, and what of it is new to a client?

Once an interval the publisher looks at the market, once for all clients: it keeps the latest
content of every wanted topic, encoded, with a version that rises only when the content changed. A
client is sent what is above its place, so a still book is silent. The index alone speaks every
second. Options are quoted board by board: a look costs what changed, not what is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from trader.deribit.messages import NOTIFICATION_END
from trader.deribit.simulator import payloads, streams, tickers
from trader.deribit.simulator.channels import NEWS, NOTHING_SENT, Channel, Place, Subscriptions
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.lifecycle import Lifecycle
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.order_books import LEVELS_MAX, OrderBook
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.plan import OptionsWanted, Plan, Wish, plan
from trader.deribit.simulator.quotes import Board, OptionQuote
from trader.deribit.simulator.tickers import OptionTickers
from trader.deribit.simulator.trade_feed import TradeFeed
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue

Frame = tuple[str, bytes]
"""A channel and the notification for it."""

_MOVED: Final = 9
"""So many leading figures of an option make its ticker news; Greeks and bounds follow them."""


class Topic(msgspec.Struct, gc=False):
    """The latest content of a topic, encoded; `key` is what a change is measured by.

    `more` holds what follows the content as notifications of their own. A topic whose notifications
    are differences keeps its `state`, the instant `changed_ms` of its last change, and in `written`
    the difference from each earlier state that anybody held; its content is encoded when asked for.
    """

    version: int
    key: object
    content: bytes
    more: tuple[bytes, ...] = ()
    state: OrderBook | Payload | None = None
    changed_ms: int = 0
    written: dict[int, bytes] | None = None


class Publisher:
    """The latest content of every topic. Invariant: what nobody wants is in no map."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._version = 0
        self._topics: dict[str, Topic] = {}
        self._lifecycle = Lifecycle(venue)
        self._trades = TradeFeed(venue)
        self._sparse = venue.staleness_s is not None
        self._stood: dict[str, tuple[Board, tuple[Wish, ...]]] = {}
        self._planned: Sequence[Channel] | None = None
        self._plan = Plan((), (), (), ())

    def __len__(self) -> int:
        """Count the topics that are kept."""
        return len(self._topics)

    def refresh(self, wanted: Sequence[Channel], at: int, *, slow: bool = True) -> frozenset[str]:
        """Look at the market at an instant, for all channels that anybody wants.

        Without `slow` the slow ones are left as they are. Returns the names of what has expired
        since the last look; nobody is to keep them.
        """
        self._version += 1
        expired = self._lifecycle.look(at)
        if expired is not None or wanted is not self._planned:
            self._plan_anew(wanted, at)
        for channel in self._plan.general:
            if slow or channel.fast:
                self._publish_general(channel, at)
        for one in self._plan.delta_ones:
            due = [channel for channel in one.channels if slow or channel.fast]
            if due:
                quoted = self._venue.delta_one(one.listing, at)
                for channel in due:
                    self._publish_delta_one(channel, one.listing, quoted, at)
        for options in self._plan.options:
            wishes = options.every if slow else options.fast
            if wishes:
                self._publish_options(options, wishes, at)
        for topic, printed in self._trades.look(at, slow=slow).items():
            self._keep(topic, None, printed)
        return expired or frozenset()

    def frames(self, subscriptions: Subscriptions, *, slow: bool) -> list[Frame]:
        """Write what is new to a client, and move its places."""
        frames: list[Frame] = []
        topics = self._topics
        for place in subscriptions.due(slow=slow):
            topic = topics.get(place.channel.topic)
            if topic is None or topic.version <= place.sent:
                if topic is None and place.sent == NOTHING_SENT:
                    place.sent = self._begin(place)
                continue
            if place.sent == NOTHING_SENT and place.channel.stream in NEWS:
                place.sent = self._version
                continue
            content = topic.content if topic.state is None else _told(topic, place)
            place.sent = topic.version
            name = place.channel.name
            frames.append((name, place.head + content + NOTIFICATION_END))
            frames += [(name, place.head + further + NOTIFICATION_END) for further in topic.more]
        return frames

    def _begin(self, place: Place) -> int:
        """Tell where a fresh place begins whose topic has said nothing yet."""
        return self._version if place.channel.stream in NEWS else NOTHING_SENT

    def _plan_anew(self, wanted: Sequence[Channel], at: int) -> None:
        """Sort what is wanted by where it comes from, and forget what is wanted no more."""
        self._planned = wanted
        self._plan = plan(self._venue, wanted, at)
        self._trades.follow(self._plan.trades, at)
        live = self._plan.topics()
        for topic in [one for one in self._topics if one not in live]:
            del self._topics[topic]

    def _publish_general(self, channel: Channel, at: int) -> None:
        """Publish what is about an index, the catalog or the platform."""
        match channel.stream:
            case "index":
                if self._is_new(channel.topic, at):  # where the clock stands nothing is said twice
                    price = self._venue.index_price(INDEX_UNDERLYINGS[channel.subject], at)
                    content = payloads.index_tick(channel.subject, price, at)
                    self._keep(channel.topic, at, content)
            case "state" | "creation" | "announcements":
                self._keep_all(channel.topic, list(self._changes(channel)))
            case "platform":
                if channel.topic not in self._topics:
                    self._keep_all(channel.topic, streams.platform_states())
            case "blocks":
                pass
            case "chart":
                self._keep_changed(channel.topic, streams.chart(self._venue, channel, at))
            case _:
                content_now = streams.content_of(self._venue, channel, at)
                self._keep_changed(channel.topic, content_now)

    def _changes(self, channel: Channel) -> Iterator[Payload]:
        """Walk what came, went and was announced that a channel tells of."""
        kind, _, currency = channel.subject.partition(".")
        for change in self._lifecycle.changes:
            if change.stream == channel.stream and (
                change.stream == "announcements"
                or (kind in ("any", change.kind) and currency in ("any", change.currency))
            ):
                yield change.content

    def _publish_delta_one(
        self, channel: Channel, listing: Listing, quoted: PerpetualQuote, at: int
    ) -> None:
        topic, touch = channel.topic, quoted[:4]
        quoted_at = self._venue.quoted_at(listing, at)
        told = quoted_at if self._sparse else None
        match channel.stream:
            case "quote":
                if self._is_new(topic, (touch, told)):
                    self._keep(topic, (touch, told), payloads.quote(listing, touch, quoted_at))
            case "perpetual":
                key = (quoted.funding_8h, quoted.index_price)
                if self._is_new(topic, key):
                    self._keep(topic, key, streams.perpetual(quoted, at))
            case "book" | "grouped":
                resting = self._venue.order_book(listing, quoted, at, LEVELS_MAX)
                self._publish_book(channel, listing, resting, at)
            case _:
                if self._is_new(topic, (quoted, told)):
                    content = tickers.delta_one(self._venue, listing, quoted, at)
                    self._keep_ticker(channel, (quoted, told), content, at)

    def _publish_options(self, options: OptionsWanted, wishes: tuple[Wish, ...], at: int) -> None:
        board, books = self._quoted(options, at)
        stood = self._stood.get(options.product)
        if self._sparse and stood is not None and stood[0] is board and stood[1] is wishes:
            return  # recorded quotes stand still between two snapshots
        self._stood[options.product] = (board, wishes)
        written = OptionTickers(self._venue, board, at)
        touches = [figures[:4] for figures in written.figures]
        moved = [(*figures[:_MOVED], board.index_price) for figures in written.figures]
        times = [at] * len(touches)
        if self._sparse:  # a new snapshot is news also where nothing moved but its time
            times = [self._venue.quoted_at(one, at) for one in board.listings]
            moved = [(*one[:-1], shown) for one, shown in zip(moved, times, strict=True)]
        topics = self._topics
        for row, listing, channel in wishes:
            topic = channel.topic
            known = topics.get(topic)
            match channel.stream:
                case "quote":
                    touch = touches[row]
                    told = (touch, times[row]) if self._sparse else touch
                    if known is None or known.key != told:
                        self._keep(topic, told, payloads.quote(listing, touch, times[row]))
                case "book" | "grouped":
                    self._publish_book(channel, listing, books[row], at)
                case _:
                    key = moved[row]
                    if known is None or known.key != key:
                        self._keep_ticker(channel, key, written.ticker(row), at)

    def _quoted(self, options: OptionsWanted, at: int) -> tuple[Board, Sequence[OrderBook]]:
        """Quote the options that are wanted, and their books where any of them is wanted."""
        venue = self._venue
        if options.few:
            quotes: list[OptionQuote] = [venue.option(one, at) for one in options.few]
            pairs = zip(options.few, quotes, strict=True) if options.with_books else ()
            books = [venue.order_book(one, quote, at, LEVELS_MAX) for one, quote in pairs]
            return tickers.board_of(options.few, quotes), books
        books_of_all = venue.order_books(options.product, at) if options.with_books else ()
        return venue.board(options.product, at), books_of_all

    def _publish_book(
        self, channel: Channel, listing: Listing, resting: OrderBook, at: int
    ) -> None:
        known = self._topics.get(channel.topic)
        if channel.stream == "grouped":
            if known is None or known.key != resting:
                content = streams.grouped_book(channel, listing, resting, at)
                self._keep(channel.topic, resting, content)
        elif known is None or known.state != resting:
            self._keep_state(channel.topic, None, resting, at)

    def _is_new(self, topic: str, key: object) -> bool:
        known = self._topics.get(topic)
        return known is None or known.key != key

    def _keep_changed(self, topic: str, content: Payload | list[Payload] | None) -> None:
        """Keep what is its own key; None says nothing."""
        if content is not None and self._is_new(topic, content):
            self._keep(topic, content, content)

    def _keep_all(self, topic: str, contents: list[Payload]) -> None:
        """Keep what is told in as many notifications; nothing where there is none."""
        if contents:
            first, *more = map(_encode, contents)
            self._topics[topic] = Topic(self._version, None, first, tuple(more))

    def _keep_ticker(self, channel: Channel, key: object, content: Payload, at: int) -> None:
        if channel.stream == "incremental":
            self._keep_state(channel.topic, key, content, at)
        else:
            self._keep(channel.topic, key, content)

    def _keep_state(self, topic: str, key: object, state: OrderBook | Payload, at: int) -> None:
        """Keep what is told by its differences; its instants strictly rise."""
        known = self._topics.get(topic)
        changed_ms = payloads.milliseconds(at)
        if known is not None and changed_ms <= known.changed_ms:
            changed_ms = known.changed_ms + 1
        self._topics[topic] = Topic(self._version, key, b"", (), state, changed_ms)

    def _keep(self, topic: str, key: object, content: Payload | list[Payload]) -> None:
        self._topics[topic] = Topic(self._version, key, _encode(content))


_encode: Final = msgspec.json.Encoder().encode


def _told(topic: Topic, place: Place) -> bytes:
    """Write what leads from what a client holds to the present; the present where it holds none."""
    state, held = topic.state, place.held
    place.held = (state, topic.changed_ms)
    if held is None:
        if not topic.content:
            topic.content = _encode(_whole(topic, place.channel.subject))
        return topic.content
    if topic.written is None:
        topic.written = {}
    written = topic.written.get(place.sent)
    if written is None:
        before, before_ms = held
        content: Payload = {}
        if isinstance(before, OrderBook) and isinstance(state, OrderBook):
            name = place.channel.subject
            content = streams.book_change(name, before, state, before_ms, topic.changed_ms)
        elif isinstance(before, dict) and isinstance(state, dict):
            content = streams.ticker_change(before, state)
        written = topic.written[place.sent] = _encode(content)
    return written


def _whole(topic: Topic, name: str) -> Payload:
    """Write a first notification, which is whole."""
    if isinstance(topic.state, OrderBook):
        return streams.book_snapshot(name, topic.state, topic.changed_ms)
    return {"type": "snapshot"} | (topic.state or {})
