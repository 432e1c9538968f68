"""What comes and goes: the states of a contract's life, in their order, each told once."""

from __future__ import annotations

from collections import Counter

import pytest

from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.lifecycle import Lifecycle
from trader.deribit.simulator.listing import SETTLING, state
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

EIGHT = last_settlement(DEMO_START_AT) + DAY


@pytest.fixture
def lifecycle(venue: SeededVenue) -> Lifecycle:
    """Make one that has looked at nothing yet."""
    return Lifecycle(venue)


def states(lifecycle: Lifecycle) -> Counter[str]:
    """Count the state changes of the last look."""
    return Counter(one.content["state"] for one in lifecycle.changes if one.stream == "state")


def test_the_first_look_tells_nothing(lifecycle: Lifecycle) -> None:
    """Nothing is known of what was before; a second look at the same hour says no change."""
    assert lifecycle.look(DEMO_START_AT) == frozenset()
    assert lifecycle.changes == ()
    assert lifecycle.look(DEMO_START_AT + SECOND) is None
    assert lifecycle.changes == ()


def test_books_settle_at_8_utc_and_open_again(lifecycle: Lifecycle, venue: SeededVenue) -> None:
    """All but spot close, what expires is delivered, the others open three seconds later."""
    expiring = [one.name for one in venue.listed(EIGHT - 1) if one.expires_at == EIGHT]
    lifecycle.look(EIGHT - SECOND)
    traded = [one for one in venue.listed(EIGHT - SECOND) if one.kind != "spot"]
    assert lifecycle.look(EIGHT + SECOND) == frozenset(expiring)
    first = states(lifecycle)
    assert first["settlement"] == len(traded)
    assert first["delivered"] == len(expiring) > 100
    at = EIGHT // MILLISECOND
    settled = [
        one
        for one in lifecycle.changes
        if one.stream == "state" and one.content["state"] == "settlement"
    ]
    assert {one.content["timestamp"] for one in settled} == {at}
    assert lifecycle.look(EIGHT + 2 * SECOND) is None
    assert lifecycle.changes == ()
    assert lifecycle.look(EIGHT + SETTLING) is None
    assert states(lifecycle) == {"open": len(traded) - len(expiring)}
    assert lifecycle.look(EIGHT + SETTLING + SECOND) is None
    assert lifecycle.changes == ()


def test_a_look_that_jumps_over_8_utc_tells_all_of_it(
    lifecycle: Lifecycle, venue: SeededVenue
) -> None:
    """Fast markets see no settlement; the changes lead to the state each contract is in."""
    lifecycle.look(EIGHT - HOUR)
    before = {one.name: one for one in venue.listed(EIGHT - HOUR)}
    lifecycle.look(EIGHT + MINUTE)
    last = {
        one.content["instrument_name"]: one.content["state"]
        for one in lifecycle.changes
        if one.stream == "state"
    }
    for name, listing in before.items():
        assert last.get(name, "open") == state(listing, EIGHT + MINUTE)
    created = [one.content["instrument_name"] for one in lifecycle.changes
               if one.stream == "creation"]  # fmt: skip
    assert {last[name] for name in created} == {"open"}
    assert not set(created) & before.keys()


def test_a_month_after_its_end_a_contract_is_put_away(
    lifecycle: Lifecycle, venue: SeededVenue
) -> None:
    """`archivized` is told of what expired thirty days ago."""
    lifecycle.look(EIGHT - MINUTE)
    lifecycle.look(EIGHT + MINUTE)
    away = {one.content["instrument_name"] for one in lifecycle.changes
            if one.content.get("state") == "archivized"}  # fmt: skip
    ended = [one for product in OPTIONS for one in venue.expired(product, EIGHT - 30 * DAY)]
    assert away == {one.name for one in ended}
    assert away


def test_notices_are_told_as_they_are_published(lifecycle: Lifecycle, venue: SeededVenue) -> None:
    """Each once, with the members of the venue, at whatever hour."""
    lifecycle.look(EIGHT)
    told = []
    hours = 0
    while hours < 5 * 7 * 24:
        hours += 13
        lifecycle.look(EIGHT + hours * HOUR)
        told += [one.content for one in lifecycle.changes if one.stream == "announcements"]
    published = venue.announcements(EIGHT, EIGHT + hours * HOUR)
    assert [one["id"] for one in told] == [one.id for one in published]
    assert {one["action"] for one in told} == {"new"}
