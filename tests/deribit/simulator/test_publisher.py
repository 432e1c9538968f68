"""What is published: present state first, changes only, and what came and went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.tickers import ticker
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

AT = DEMO_START_AT
NEXT_EIGHT = last_settlement(AT) + DAY


class Listener:
    """A client without a socket: subscribes, and reads what a look brings."""

    def __init__(self, publisher: Publisher, *names: str) -> None:
        self.publisher = publisher
        self.subscriptions = Subscriptions()
        self.expired: frozenset[str] = frozenset()
        for name in names:
            channel = parse_channel(name)
            assert channel is not None
            self.subscriptions.add(channel)

    def look(self, at: int, *, slow: bool = True) -> dict[str, Any]:
        """Look at an instant; the last content by channel of what came."""
        wanted = [place.channel for place in self.subscriptions.due(slow=slow)]
        self.expired = self.publisher.refresh(wanted, at)
        return self.read(slow=slow)

    def read(self, *, slow: bool = True) -> dict[str, Any]:
        """Read what is new since the last time."""
        frames = self.publisher.frames(self.subscriptions, slow=slow)
        content = {}
        for channel, frame in frames:
            message = json.loads(frame)
            assert message["method"] == "subscription"
            assert message["params"]["channel"] == channel
            content[channel] = message["params"]["data"]
        return content


@pytest.fixture
def publisher(venue: Venue) -> Publisher:
    """Make a publisher that has looked at nothing yet."""
    return Publisher(venue)


def board_channels(venue: Venue, underlying: str, at: int = AT) -> list[str]:
    """Name the slow ticker of every option of an underlying."""
    return [f"ticker.{one.name}.agg2" for one in venue.listings.options(underlying, at)]


def test_the_present_state_comes_first(publisher: Publisher, venue: Venue) -> None:
    """Every channel of a fresh subscription is sent once, as the ticker method says it."""
    names = [
        *board_channels(venue, "BTC"),
        "ticker.BTC-PERPETUAL.100ms",
        "quote.BTC-PERPETUAL",
        "deribit_price_index.btc_usd",
    ]
    sent = Listener(publisher, *names).look(AT)
    assert sorted(sent) == sorted(names)
    listing = venue.find("BTC-PERPETUAL", AT)
    assert listing is not None
    assert sent["ticker.BTC-PERPETUAL.100ms"] == ticker(venue, listing, AT)
    assert sent["deribit_price_index.btc_usd"]["price"] == venue.market.spot("BTC", AT)


def test_a_still_book_is_silent(publisher: Publisher, venue: Venue) -> None:
    """Within one step of the path no touch moves, hardly a mark does; the index is always sent."""
    board = venue.listings.options("BTC", AT)
    quotes = [f"quote.{one.name}" for one in board]
    marks = board_channels(venue, "BTC")
    listener = Listener(publisher, *quotes, *marks, "deribit_price_index.btc_usd")
    listener.look(AT)
    again = listener.look(AT + SECOND)
    assert len(again.keys() & set(quotes)) < len(quotes) / 50
    assert len(again.keys() & set(marks)) < len(marks) / 5
    assert again["deribit_price_index.btc_usd"]["timestamp"] == (AT + SECOND) // MILLISECOND
    assert listener.look(AT + SECOND).keys() == {"deribit_price_index.btc_usd"}


def test_what_changed_is_sent_with_its_instant(publisher: Publisher, venue: Venue) -> None:
    """Minutes later the marks have moved, and say when."""
    names = board_channels(venue, "ETH")
    listener = Listener(publisher, *names)
    first = listener.look(AT)
    later = listener.look(AT + 5 * MINUTE)
    assert len(later) > len(names) // 2
    for channel, content in later.items():
        assert content["timestamp"] == (AT + 5 * MINUTE) // MILLISECOND
        assert content != first[channel]


def test_few_options_and_a_whole_board_say_the_same(publisher: Publisher, venue: Venue) -> None:
    """How many are wanted changes the way of quoting, not the quotes."""
    names = board_channels(venue, "BTC")
    few = Listener(publisher, *names[50:53]).look(AT)
    board = Listener(Publisher(venue), *names).look(AT)
    assert few.keys() == set(names[50:53])
    for name in few:
        assert few[name]["best_ask_price"] == board[name]["best_ask_price"]
        assert few[name]["mark_price"] == board[name]["mark_price"]


def test_slow_channels_wait_for_their_second(publisher: Publisher) -> None:
    """Between two seconds only the fast channels are looked at."""
    listener = Listener(publisher, "ticker.BTC-PERPETUAL.100ms", "ticker.ETH-PERPETUAL.agg2")
    assert list(listener.look(AT, slow=False)) == ["ticker.BTC-PERPETUAL.100ms"]
    assert list(listener.look(AT, slow=True)) == ["ticker.ETH-PERPETUAL.agg2"]


def test_one_look_serves_every_client(publisher: Publisher) -> None:
    """A client that comes later is sent the same content, and none misses a change."""
    early = Listener(publisher, "quote.BTC-PERPETUAL")
    first = early.look(AT)
    late = Listener(publisher, "quote.BTC-PERPETUAL")
    assert late.read() == first
    assert early.read() == {}
    second = early.look(AT + 10 * MINUTE)
    assert late.read() == second != first


def test_at_8_utc_expired_contracts_are_delivered(publisher: Publisher, venue: Venue) -> None:
    """They leave in one look, are announced once, and nothing is published about them again."""
    expiring = [
        one.name for one in venue.listings.options("BTC", AT) if one.expires_at == NEXT_EIGHT
    ]
    channel = f"ticker.{expiring[0]}.agg2"
    states = "instrument.state.option.BTC"
    listener = Listener(publisher, channel, states)
    before = listener.look(NEXT_EIGHT - SECOND)
    assert channel in before
    frames_at = listener.look(NEXT_EIGHT)
    assert set(expiring) <= listener.expired
    assert channel not in frames_at
    assert states in frames_at
    assert listener.look(NEXT_EIGHT + SECOND) == {}
    assert listener.expired == frozenset()


def test_state_changes_name_every_contract_once(publisher: Publisher, venue: Venue) -> None:
    """Delivered ones, then newly listed ones, filtered by kind and currency."""
    wednesday = NEXT_EIGHT + DAY
    publisher.refresh([], wednesday - HOUR)
    expired = publisher.refresh([], wednesday)
    everything, other = Subscriptions(), Subscriptions()
    for subscriptions, name in (
        (everything, "instrument.state.any.any"),
        (other, "instrument.state.future.any"),
    ):
        channel = parse_channel(name)
        assert channel is not None
        subscriptions.add(channel)
    changes = [
        json.loads(frame)["params"]["data"] for _, frame in publisher.frames(everything, slow=False)
    ]
    delivered = [one["instrument_name"] for one in changes if one["state"] == "delivered"]
    opened = [one["instrument_name"] for one in changes if one["state"] == "open"]
    assert sorted(delivered) == sorted(expired)
    listed = {one.name for one in venue.listed(wednesday)}
    assert opened
    assert set(opened) <= listed
    assert listed.isdisjoint(delivered)
    assert publisher.frames(other, slow=False) == []
