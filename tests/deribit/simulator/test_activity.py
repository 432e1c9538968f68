"""Last prices, day figures and open interest against the tape, whoever asked what before."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.activity import NOTHING_TRADED, Activity
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.settlements import open_interest
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MINUTE, SECOND

AT = DEMO_START_AT
EIGHT = last_settlement(AT)


@pytest.fixture
def activity(venue: SeededVenue) -> Activity:
    """Count the prints of the shared venue anew."""
    return Activity(venue.quotes)


@pytest.fixture(scope="module")
def tape(venue: SeededVenue) -> Tape:
    """Read the tape of the shared venue."""
    return Tape(venue.quotes)


def check(activity: Activity, tape: Tape, listing: Listing, at: int) -> None:
    """Compare the figures of an option with its own tape."""
    prints = tape.by_time(listing, at - DAY + 1, at, at)
    stats = activity.day_stats(listing, at)
    last, held = activity.last_price(listing, at), activity.open_interest(listing, at)
    assert activity.traded(listing, at) == (stats, last, held)
    if not prints.seq.size:
        assert stats == NOTHING_TRADED
        assert activity.last_price(listing, at) is None
        return
    assert activity.last_price(listing, at) == prints.price[-1]
    assert (stats.high, stats.low) == (prints.price.max(), prints.price.min())
    change = 100.0 * (prints.price[-1] / prints.price[0] - 1.0)
    assert stats.change == pytest.approx(change, abs=1e-4)
    assert stats.volume == pytest.approx(prints.amount.sum())


@pytest.mark.parametrize("product", ["BTC", "SOL_USDC"])
def test_an_option_s_figures_are_those_of_its_tape(
    activity: Activity, tape: Tape, venue: SeededVenue, product: str
) -> None:
    """Going on by seconds, by hours, over an expiry and by days, and back again."""
    steps = (0, SECOND, 7 * MINUTE, 3 * HOUR, 20 * HOUR, 22 * HOUR, 3 * DAY, 5 * HOUR)
    for at in (EIGHT + step for step in steps):
        for listing in venue.listings.options(product, at)[::23]:
            check(activity, tape, listing, at)


def test_dollars_paid_follow_the_settlement(
    activity: Activity, tape: Tape, venue: SeededVenue
) -> None:
    """A linear option's cost is price by amount; an inverse one's is that in coin, at the coin."""
    for product, unit in (("SOL_USDC", 1.0), ("ETH", venue.market.spot("ETH", AT))):
        listing = venue.listings.options(product, AT)[80]
        prints = tape.by_time(listing, AT - DAY + 1, AT, AT)
        cost = activity.day_stats(listing, AT).cost
        assert cost == pytest.approx((prints.price * prints.amount).sum() * unit, rel=0.1)


def test_the_last_price_of_a_perpetual_is_its_last_print(
    activity: Activity, tape: Tape, venue: SeededVenue
) -> None:
    """Also of futures and spot pairs, whether asked forward or backward."""
    names = ("BTC-PERPETUAL", "ETH_USDC-PERPETUAL", "BTC_USDC")
    found = [venue.find(name, AT) for name in names]
    futures = venue.listings.futures("ETH", AT)
    for listing in (*found, *futures[:2]):
        assert listing is not None
        for at in (AT, AT + 3 * SECOND, AT + 61 * SECOND, AT - HOUR):
            last = tape.latest_seq(listing, at)
            prints = tape.by_sequence(listing, last, last, at)
            assert activity.last_price(listing, at) == prints.price[0]


def test_open_interest_is_what_settlements_say(activity: Activity, venue: SeededVenue) -> None:
    """One figure for ticker and settlement, from week to week."""
    listings = [venue.find(name, AT) for name in ("BTC-PERPETUAL", "BTC_USDC")]
    for listing in (*listings, *venue.listings.dated("ETH_USDC", AT)[::41]):
        assert listing is not None
        for at in (AT, AT + HOUR, AT + 8 * DAY):
            if at < listing.expires_at:
                expected = open_interest(venue.market, listing, at)
                assert activity.open_interest(listing, at) == expected


def test_what_was_just_listed_has_not_traded(activity: Activity, venue: SeededVenue) -> None:
    """Neither a price nor a volume, until the first print."""
    young = [one for one in venue.listings.options("BTC", EIGHT) if one.listed_at == EIGHT]
    assert young
    for listing in young[:3]:
        assert activity.last_price(listing, EIGHT) is None
        assert activity.day_stats(listing, EIGHT) == NOTHING_TRADED
        assert activity.open_interest(listing, EIGHT) == 0.0
