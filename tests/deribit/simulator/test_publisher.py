"""What is published: present state first, changes only, and what came and went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import SNAPSHOTS
from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.tickers import ticker
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, last_settlement
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
        wanted = [place.channel for place in self.subscriptions.due(slow=True)]
        self.expired = self.publisher.refresh(wanted, at, slow=slow)
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
def publisher(venue: SeededVenue) -> Publisher:
    """Make a publisher that has looked at nothing yet."""
    return Publisher(venue)


def board_channels(venue: SeededVenue, underlying: str, at: int = AT) -> list[str]:
    """Name the slow ticker of every option of an underlying."""
    return [f"ticker.{one.name}.agg2" for one in venue.listings.options(underlying, at)]


def test_the_present_state_comes_first(publisher: Publisher, venue: SeededVenue) -> None:
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


def test_a_still_book_is_silent(publisher: Publisher, venue: SeededVenue) -> None:
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
    assert listener.look(AT + SECOND) == {}


def test_what_changed_is_sent_with_its_instant(publisher: Publisher, venue: SeededVenue) -> None:
    """Minutes later the marks have moved, and say when."""
    names = board_channels(venue, "ETH")
    listener = Listener(publisher, *names)
    first = listener.look(AT)
    later = listener.look(AT + 5 * MINUTE)
    assert len(later) > len(names) // 2
    for channel, content in later.items():
        assert content["timestamp"] == (AT + 5 * MINUTE) // MILLISECOND
        assert content != first[channel]


def test_few_options_and_a_whole_board_say_the_same(
    publisher: Publisher, venue: SeededVenue
) -> None:
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


def test_at_8_utc_expired_contracts_are_delivered(publisher: Publisher, venue: SeededVenue) -> None:
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


def test_news_go_to_those_they_concern(publisher: Publisher, venue: SeededVenue) -> None:
    """Every state change once, filtered by kind and currency; a later listener hears no past."""
    everything = Listener(publisher, "instrument.state.any.any", "instrument.state.spot.any")
    everything.look(NEXT_EIGHT - SECOND)
    wanted = [place.channel for place in everything.subscriptions.due(slow=True)]
    expired = publisher.refresh(wanted, NEXT_EIGHT + MINUTE)
    frames = publisher.frames(everything.subscriptions, slow=True)
    assert {channel for channel, _ in frames} == {"instrument.state.any.any"}
    changes = [json.loads(frame)["params"]["data"] for _, frame in frames]
    delivered = [one["instrument_name"] for one in changes if one["state"] == "delivered"]
    assert sorted(delivered) == sorted(expired)
    late = Listener(publisher, "instrument.state.any.any")
    assert late.read() == {}
    assert late.look(NEXT_EIGHT + 2 * MINUTE) == {}


def test_the_platform_tells_the_state_of_every_index(publisher: Publisher) -> None:
    """One notification each at first, then silence."""
    listener = Listener(publisher, "platform_state")
    wanted = [place.channel for place in listener.subscriptions.due(slow=True)]
    publisher.refresh(wanted, AT)
    frames = publisher.frames(listener.subscriptions, slow=True)
    told = [json.loads(frame)["params"]["data"] for _, frame in frames]
    assert [one["price_index"] for one in told] == list(INDEX_UNDERLYINGS)
    assert listener.look(AT + SECOND) == {}


def test_trades_are_told_by_instrument_and_by_kind(
    publisher: Publisher, venue: SeededVenue
) -> None:
    """Both channels tell the same prints, each once; slow ones collect them for a second."""
    names = ("trades.BTC-PERPETUAL.100ms", "trades.future.BTC.100ms", "trades.any.any.agg2")
    listener = Listener(publisher, *names)
    assert listener.look(AT) == {}
    for step in (1, 2):
        told = listener.look(AT + step * 10 * SECOND, slow=False)
        assert told.keys() == set(names[:2])
        one = told[names[0]]
        assert one == [row for row in told[names[1]] if row["instrument_name"] == "BTC-PERPETUAL"]
        assert [row["trade_seq"] for row in one] == sorted(row["trade_seq"] for row in one)
    listing = venue.find("BTC-PERPETUAL", AT)
    assert listing is not None
    collected = listener.look(AT + 30 * SECOND)[names[2]]
    seqs = [row["trade_seq"] for row in collected if row["instrument_name"] == listing.name]
    first, last = venue.tape.span(listing, AT + 1, AT + 30 * SECOND)
    assert seqs == list(range(first, last + 1))


def test_what_nobody_wants_is_forgotten(publisher: Publisher) -> None:
    """The present state of a channel is kept while anybody is subscribed to it, and no longer."""
    listener = Listener(publisher, "quote.BTC-PERPETUAL", "book.ETH-PERPETUAL.raw")
    listener.look(AT)
    assert len(publisher) == 2
    listener.subscriptions.remove(["quote.BTC-PERPETUAL"])
    listener.look(AT)
    assert len(publisher) == 1


def test_books_of_every_pace_are_chained(publisher: Publisher, venue: SeededVenue) -> None:
    """The changes of a fast and a slow channel lead to the book that a fresh client is shown."""
    names = [f"book.{one.name}.{pace}" for one in venue.listings.options("BTC", AT)[40:52]
             for pace in ("100ms", "agg2")]  # fmt: skip
    listener = Listener(publisher, *names)
    held: dict[str, dict[str, dict[float, float]]] = {}
    last: dict[str, int] = {}
    changed = 0
    for look in range(40):
        told = listener.look(AT + look * 4 * SECOND, slow=look % 10 == 0)
        for name, content in told.items():
            assert content.get("prev_change_id") == last.get(name)
            last[name] = content["change_id"]
            changed += content["type"] == "change"
            sides = held.setdefault(name, {"bids": {}, "asks": {}})
            for side, levels in sides.items():
                for action, price, amount in content[side]:
                    assert (action == "new") == (price not in levels)
                    levels[price] = amount
                    if action == "delete":
                        del levels[price]
    assert changed > 100
    listener.look(AT + 170 * SECOND)
    fresh = Listener(publisher, *names).read()
    for name, content in listener.look(AT + 170 * SECOND).items():
        raise AssertionError(f"{name}: nothing moved, yet {content}")
    for name in names[::2]:
        assert fresh[name]["bids"] == fresh[f"{name.rsplit('.', 1)[0]}.agg2"]["bids"]


def test_a_standing_clock_says_nothing_twice(publisher: Publisher) -> None:
    """The index speaks once for an instant, to whoever has not heard it."""
    listener = Listener(publisher, "deribit_price_index.btc_usd")
    assert listener.look(AT)
    assert listener.look(AT) == {}
    assert Listener(publisher, "deribit_price_index.btc_usd").look(AT)
    assert listener.look(AT + SECOND)


def test_recorded_quotes_are_sent_with_their_own_time() -> None:
    """Once per snapshot, also where nothing moved but the time: a client measures age by it."""
    recorded = small_recording()
    publisher = Publisher(ReplayVenue(recorded))
    name = "BTC-13JAN26-91000-C"
    listener = Listener(publisher, f"ticker.{name}.100ms", f"quote.{name}")
    sent = listener.look(SNAPSHOTS[0] + HOUR)
    assert {one["timestamp"] for one in sent.values()} == {SNAPSHOTS[0] // MILLISECOND}
    assert listener.look(SNAPSHOTS[1] - 1) == {}
    sent = listener.look(SNAPSHOTS[1])
    assert {one["timestamp"] for one in sent.values()} == {SNAPSHOTS[1] // MILLISECOND}
