"""What a recording lists: from the first quote until the expiry, on the venue's terms."""

from __future__ import annotations

import pytest

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import EXPIRIES, MIDNIGHT, SNAPSHOTS, STRIKES
from trader.deribit.simulator.listing import option_listing
from trader.deribit.simulator.replay_listings import ReplayListings, recorded_listing
from trader.domain.expiries import expiry_of
from trader.domain.units import DAY, HOUR


@pytest.fixture(scope="module")
def listings() -> ReplayListings:
    """Read the small recording's names."""
    return ReplayListings(small_recording().rows)


def test_a_contract_is_listed_from_its_first_quote_until_its_expiry(
    listings: ReplayListings,
) -> None:
    """Not a nanosecond earlier, not at the expiry itself; then it is known as expired."""
    name, late = "BTC-11JAN26-90000-C", "BTC-16JAN26-96000-C"
    assert listings.find(name, SNAPSHOTS[0] - 1) is None
    assert listings.find(name, SNAPSHOTS[0]) is not None
    assert listings.find(late, SNAPSHOTS[1] - 1) is None
    assert listings.find(late, SNAPSHOTS[1]) is not None
    assert listings.find(name, EXPIRIES[0] - 1) is not None
    assert listings.find_expired(name, EXPIRIES[0] - 1) is None
    assert listings.find(name, EXPIRIES[0]) is None
    assert listings.find_expired(name, EXPIRIES[0]) is not None
    gone = listings.expired("BTC", EXPIRIES[0])
    assert name in {one.name for one in gone}
    assert {one.expires_at for one in gone} == {EXPIRIES[0]}
    assert listings.expired("BTC", EXPIRIES[0] + HOUR) == ()


def test_a_board_is_one_object_while_nothing_comes_or_goes(listings: ReplayListings) -> None:
    """In the order of a board: by expiry, strike, call before put."""
    board = listings.options("BTC", SNAPSHOTS[1])
    assert board is listings.options("BTC", SNAPSHOTS[1] + HOUR)
    assert board is not listings.options("BTC", EXPIRIES[0])
    assert len(board) == 2 * len(STRIKES) * len(EXPIRIES)
    keys = [(one.expires_at, one.strike, one.option_type) for one in board]
    assert keys == sorted(keys)
    assert listings.options("ETH", SNAPSHOTS[1]) == ()


def test_the_perpetual_is_listed_since_its_first_close(listings: ReplayListings) -> None:
    """Before any option even; it never expires."""
    assert [one.name for one in listings.listed(MIDNIGHT + HOUR)] == ["BTC-PERPETUAL"]
    assert listings.find("BTC-PERPETUAL", MIDNIGHT) is None


def test_the_next_change_is_a_listing_or_an_expiry(listings: ReplayListings) -> None:
    """Until nothing is left to come."""
    assert listings.next_change(SNAPSHOTS[0] - 1) == SNAPSHOTS[0]
    assert listings.next_change(SNAPSHOTS[0]) == SNAPSHOTS[1]
    assert listings.next_change(SNAPSHOTS[1]) == EXPIRIES[0]
    assert listings.next_change(EXPIRIES[-1]) is None


def test_terms_are_the_venue_s() -> None:
    """A recorded name gets ticks, steps and fees of its product, and the class of its date."""
    made = recorded_listing("BTC-30JAN26-90000-P", MIDNIGHT)
    expiry = expiry_of(MIDNIGHT + 20 * DAY)
    assert made == option_listing("BTC", expiry, 90_000.0, "put", MIDNIGHT)
    assert made.settlement_period == "month"


@pytest.mark.parametrize(
    "name", ["BTC-30JAN26", "BTC_USDC", "DOGE-30JAN26-1-C", "BTC-CCAL-30JAN26_27MAR26-1", ""]
)
def test_what_is_not_shown_is_not_listed(name: str) -> None:
    """Dated futures, pairs, combos and unknown coins."""
    assert recorded_listing(name, MIDNIGHT) is None
