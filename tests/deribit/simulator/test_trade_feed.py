"""The feed of trades: every print once, from the moment it is followed."""

from __future__ import annotations

from trader.deribit.simulator.channels import Channel, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.trade_feed import TradeFeed
from trader.domain.units import MINUTE, SECOND

AT = DEMO_START_AT


def channel(name: str) -> Channel:
    """Read a channel that must exist."""
    parsed = parse_channel(name)
    assert parsed is not None
    return parsed


def test_a_board_and_single_options_tell_the_same(venue: SeededVenue) -> None:
    """Counted together or alone, an option's prints are those of the tape."""
    names = [f"trades.{one.name}.raw" for one in venue.listings.options("BTC", AT)[:3]]
    feed = TradeFeed(venue)
    feed.follow([channel("trades.option.BTC.raw"), *map(channel, names)], AT)
    assert feed.look(AT, slow=True) == {}
    told = feed.look(AT + 40 * MINUTE, slow=True)
    alone = TradeFeed(venue)
    alone.follow([channel(name) for name in names], AT)
    assert alone.look(AT + 40 * MINUTE, slow=False) == {name: told[name] for name in names}
    for name in names:
        listing = venue.find(name.split(".")[1], AT)
        assert listing is not None
        first, last = venue.tape.span(listing, AT + 1, AT + 40 * MINUTE)
        assert [row["trade_seq"] for row in told[name]] == list(range(first, last + 1))
        assert all(row in told["trades.option.BTC.raw"] for row in told[name])


def test_trades_are_told_in_the_order_of_their_time(venue: SeededVenue) -> None:
    """Those of many instruments are one stream."""
    feed = TradeFeed(venue)
    feed.follow([channel("trades.any.any.100ms")], AT)
    (rows,) = feed.look(AT + MINUTE, slow=False).values()
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times)
    assert len({row["instrument_name"] for row in rows}) > 10


def test_following_anew_keeps_the_count_of_what_was_followed(venue: SeededVenue) -> None:
    """What is newly followed begins now; what was followed misses nothing; the rest is gone."""
    feed = TradeFeed(venue)
    old, new = channel("trades.BTC-PERPETUAL.raw"), channel("trades.ETH-PERPETUAL.raw")
    feed.follow([old], AT)
    feed.follow([old, new], AT + MINUTE)
    told = feed.look(AT + MINUTE + SECOND, slow=False)
    assert len(told[old.topic]) >= 12
    assert len(told.get(new.topic, [])) <= 1
    feed.follow([], AT + MINUTE)
    assert feed.look(AT + 2 * MINUTE, slow=True) == {}
