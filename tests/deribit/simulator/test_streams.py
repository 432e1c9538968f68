"""What is pushed: contents against the market they show, and changes that add up."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.simulator import streams
from trader.deribit.simulator.channels import Channel, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.units import HOUR, MILLISECOND, MINUTE

AT = DEMO_START_AT
BEFORE = OrderBook({100.0: 5.0, 99.5: 3.0}, {100.5: 4.0, 101.0: 2.0})
AFTER = OrderBook({100.0: 6.0, 99.0: 1.0}, {101.0: 2.0})


def channel(name: str) -> Channel:
    """Read a channel that must exist."""
    parsed = parse_channel(name)
    assert parsed is not None
    return parsed


def content(venue: SeededVenue, name: str, at: int = AT) -> Any:
    """Write the content of a channel about an index."""
    return streams.content_of(venue, channel(name), at)


def test_index_channels_show_the_index(venue: SeededVenue) -> None:
    """Sources weigh 100 together and show the price; the day's range holds it."""
    price = venue.market.spot("BTC", AT)
    ranking = content(venue, "deribit_price_ranking.btc_usd")
    assert sum(one["weight"] for one in ranking) == 100.0
    assert {one["price"] for one in ranking} == {price}
    day = content(venue, "deribit_price_statistics.btc_usd")
    assert day["low24h"] <= price <= day["high24h"]


def test_an_expiration_counts_down_to_8_utc(venue: SeededVenue) -> None:
    """At 18:00 there are 14 hours left and no estimate; in the last half hour there is one."""
    name = "estimated_expiration_price.btc_usd"
    assert content(venue, name)["seconds"] == 14 * 3_600
    assert not content(venue, name)["is_estimated"]
    late = content(venue, name, AT + 14 * HOUR - MINUTE)
    assert (late["seconds"], late["is_estimated"]) == (60, True)


def test_mark_prices_are_those_of_the_board(venue: SeededVenue) -> None:
    """Every listed option of the coin has one; a coin without options has none."""
    rows = content(venue, "markprice.options.btc_usd")
    assert [row["instrument_name"] for row in rows] == [
        one.name for one in venue.board("BTC", AT).listings
    ]


def test_a_bar_in_the_making_opens_on_its_minute(venue: SeededVenue) -> None:
    """It holds its close and starts at or before the instant; an option has none."""
    bar = streams.chart(venue, channel("chart.trades.BTC-PERPETUAL.5"), AT + 2 * MINUTE)
    assert bar is not None
    assert bar["tick"] == AT // MILLISECOND
    assert bar["low"] <= bar["close"] <= bar["high"]
    option = venue.listings.options("BTC", AT)[0].name
    assert streams.chart(venue, channel(f"chart.trades.{option}.5"), AT) is None


def test_a_book_and_its_changes_add_up(venue: SeededVenue) -> None:
    """Whoever applies the changes to the snapshot holds the later book, linked by its ids."""
    listing = venue.find("BTC-PERPETUAL", AT)
    assert listing is not None
    whole = streams.book_snapshot(listing.name, BEFORE, 10)
    change = streams.book_change(listing.name, BEFORE, AFTER, 10, 20)
    assert (whole["type"], whole["change_id"]) == ("snapshot", change["prev_change_id"])
    for side, expected in (("bids", AFTER.bids), ("asks", AFTER.asks)):
        held = {price: amount for _, price, amount in whole[side]}
        for action, price, amount in change[side]:
            if action == "delete":
                del held[price]
            else:
                held[price] = amount
        assert held == dict(expected)


def test_a_grouped_book_is_cut_to_its_depth(venue: SeededVenue) -> None:
    """Best levels first, no more than asked for."""
    listing = venue.find("BTC-PERPETUAL", AT)
    assert listing is not None
    wide = OrderBook(
        {100.0 - step: 1.0 for step in range(40)}, {101.0 + step: 1.0 for step in range(40)}
    )
    told = streams.grouped_book(channel("book.BTC-PERPETUAL.none.10.100ms"), listing, wide, AT)
    assert [level[0] for level in told["bids"]] == [100.0 - step for step in range(10)]
    assert len(told["asks"]) == 10


def test_a_ticker_change_holds_what_differs_alone() -> None:
    """Members that stand are left out, in nested ones too."""
    before = {"timestamp": 1, "instrument_name": "A", "mark": 5.0, "stats": {"low": 1, "high": 2}}
    after = {"timestamp": 2, "instrument_name": "A", "mark": 5.0, "stats": {"low": 1, "high": 3}}
    change = streams.ticker_change(before, after)
    assert change == {
        "type": "change", "timestamp": 2, "instrument_name": "A", "stats": {"high": 3},
    }  # fmt: skip


@pytest.mark.parametrize("subject", ["BTC-PERPETUAL", "ETH-PERPETUAL"])
def test_a_perpetual_tells_its_funding(venue: SeededVenue, subject: str) -> None:
    """Interest and index are those of the quote."""
    listing = venue.find(subject, AT)
    assert listing is not None
    quoted = venue.delta_one(listing, AT)
    told = streams.perpetual(quoted, AT)
    assert told["interest"] == round(quoted.funding_8h, 8)
    assert told["index_price"] == venue.market.spot(listing.underlying, AT)
