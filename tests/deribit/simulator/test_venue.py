"""What the exchange asks of a market, and when it settles."""

from __future__ import annotations

from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue, last_settlement
from trader.domain.units import DAY, iso

EIGHT = last_settlement(DEMO_START_AT)


def test_the_last_settlement_is_8_utc() -> None:
    """At 08:00 itself the settlement of that day has come, just before it has not."""
    assert iso(EIGHT) == "2026-06-01T08:00:00Z"
    assert last_settlement(EIGHT) == EIGHT
    assert last_settlement(EIGHT - 1) == EIGHT - DAY


def test_every_index_has_a_price(venue: SeededVenue) -> None:
    """The invented market can be shown as any other: each named index is of a coin it has."""
    shown: Venue = venue
    for underlying in INDEX_UNDERLYINGS.values():
        assert underlying in shown.underlyings
        assert shown.index_price(underlying, DEMO_START_AT) > 0.0
