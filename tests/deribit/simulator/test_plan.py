"""The plan: every wanted topic once, where it comes from."""

from __future__ import annotations

from trader.deribit.simulator.channels import Channel, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.plan import SINGLES_MAX, plan
from trader.deribit.simulator.seeded_venue import SeededVenue

AT = DEMO_START_AT


def channels(*names: str) -> list[Channel]:
    """Read channels that must exist."""
    found = [parse_channel(name) for name in names]
    assert None not in found
    return [one for one in found if one is not None]


def test_channels_are_sorted_by_what_they_ask(venue: SeededVenue) -> None:
    """Indexes, trades, futures and options apart; of what is not listed nothing is asked."""
    option = venue.listings.options("BTC", AT)[0].name
    wanted = channels(
        "deribit_price_index.btc_usd",
        "trades.any.any.raw",
        "quote.BTC-PERPETUAL",
        f"book.{option}.100ms",
        "quote.BTC-1JAN20-1-C",
    )
    planned = plan(venue, wanted, AT)
    assert planned.general == (wanted[0],)
    assert planned.trades == (wanted[1],)
    assert [one.channels for one in planned.delta_ones] == [(wanted[2],)]
    (options,) = planned.options
    assert (options.product, options.few[0].name, options.with_books) == ("BTC", option, True)
    assert planned.topics() == {one.topic for one in wanted[:-1]}


def test_a_fast_channel_stands_for_the_slow_ones_of_its_topic(venue: SeededVenue) -> None:
    """Each topic is looked at once; slow ones alone wait for their second."""
    one, two = (listing.name for listing in venue.listings.options("ETH", AT)[:2])
    wanted = channels(f"ticker.{one}.agg2", f"ticker.{one}.raw", f"ticker.{two}.agg2")
    (options,) = plan(venue, wanted, AT).options
    assert [wish.channel.name for wish in options.fast] == [f"ticker.{one}.raw"]
    assert len(options.every) == 2
    assert not options.with_books


def test_many_options_are_rows_of_their_board(venue: SeededVenue) -> None:
    """Above a handful the whole board is quoted."""
    board = venue.board("BTC", AT).listings
    names = [f"quote.{one.name}" for one in board[5 : 6 + SINGLES_MAX]]
    (options,) = plan(venue, channels(*names), AT).options
    assert options.few == ()
    assert all(board[wish.row] == wish.listing for wish in options.every)
