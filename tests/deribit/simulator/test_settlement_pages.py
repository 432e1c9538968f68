"""Settlements page by page: no gap, no overlap, over the years, and nothing of the future."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.settlement_pages import SettlementPages
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, MILLISECOND

AT = DEMO_START_AT
EIGHT = last_settlement(AT)


@pytest.fixture(scope="module")
def pages(venue: SeededVenue) -> SettlementPages:
    """Make the pages of the shared venue."""
    return SettlementPages(venue)


def of_currency(pages: SettlementPages, **values: object) -> dict[str, Any]:
    """Ask for a page of a currency."""
    return pages.of_currency(Parameters({"currency": "BTC"} | values), AT)


def of_instrument(pages: SettlementPages, name: str, **values: object) -> dict[str, Any]:
    """Ask for a page of an instrument."""
    return pages.of_instrument(Parameters({"instrument_name": name} | values), AT)


@pytest.mark.parametrize("wanted", [None, "settlement", "delivery"])
def test_pages_put_together_are_the_whole(pages: SettlementPages, wanted: str | None) -> None:
    """Newest first, each row once, of the wanted type, whatever the size of the pages."""
    values = {} if wanted is None else {"type": wanted}
    whole = of_currency(pages, count=250, **values)
    rows: list[Any] = []
    more: dict[str, object] = {}
    while len(rows) < 250:
        part = of_currency(pages, count=min(73, 250 - len(rows)), **values, **more)
        rows += part["settlements"]
        more = {"continuation": part["continuation"]}
    assert rows == whole["settlements"]
    assert more == {"continuation": whole["continuation"]}
    keys = [(row["timestamp"], row["instrument_name"]) for row in rows]
    assert len(keys) == len(set(keys))
    stamps = [row["timestamp"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert stamps[0] * MILLISECOND == EIGHT
    assert {row["type"] for row in rows} == ({wanted} if wanted else {"settlement", "delivery"})


def test_a_perpetual_s_settlements_reach_back_years(
    pages: SettlementPages, venue: SeededVenue
) -> None:
    """One row a day with its funding, down to the market's first; then there is no more."""
    page = of_instrument(pages, "ETH-PERPETUAL", count=1_000)
    rows, continuation = page["settlements"], page["continuation"]
    assert len(rows) == 1_000
    assert any(row["funding"] for row in rows)
    last = of_instrument(pages, "ETH-PERPETUAL", count=1_000, continuation=continuation)
    assert last["continuation"] is None
    stamps = [row["timestamp"] * MILLISECOND for row in rows + last["settlements"]]
    assert stamps == list(range(EIGHT, venue.begins_at + DAY, -DAY))


def test_an_expired_option_was_delivered_once(pages: SettlementPages, venue: SeededVenue) -> None:
    """Also one of years ago: its mark is its payoff; it never was settled, nor is a live one."""
    for settled in (EIGHT, EIGHT - 700 * DAY):
        for listing in venue.listings.expired("BTC", settled)[:9]:
            (row,) = of_instrument(pages, listing.name)["settlements"]
            assert row["type"] == "delivery"
            assert row["timestamp"] * MILLISECOND == settled
            assert of_instrument(pages, listing.name, type="settlement")["settlements"] == []
    live = venue.listings.options("BTC", AT)[0]
    assert of_instrument(pages, live.name) == {"settlements": [], "continuation": None}


def test_a_search_starts_where_it_is_told(pages: SettlementPages) -> None:
    """The latest row is not after `search_start_timestamp`, and never after now."""
    day = 86_400_000
    start = EIGHT // MILLISECOND - 100 * day
    page = of_currency(pages, search_start_timestamp=start + day - 1, count=1)
    assert page["settlements"][0]["timestamp"] == start
    ahead = of_currency(pages, search_start_timestamp=start + 999 * day, count=1)
    assert ahead["settlements"][0]["timestamp"] * MILLISECOND == EIGHT
    nothing = of_currency(pages, search_start_timestamp=0)
    assert nothing == {"settlements": [], "continuation": None}


@pytest.mark.parametrize("name", ["BTC-PERPETUAL", "BTC_USDC"])
def test_what_never_happens_has_no_rows(pages: SettlementPages, name: str) -> None:
    """No bankruptcy, no delivery of what never expires, and nothing at all of a spot pair."""
    nothing: dict[str, Any] = {"settlements": [], "continuation": None}
    assert of_instrument(pages, name, type="bankruptcy") == nothing
    assert of_instrument(pages, name, type="delivery") == nothing
    assert of_currency(pages, type="bankruptcy") == nothing
    assert of_currency(pages, currency="EURR") == nothing
    if name == "BTC_USDC":
        assert of_instrument(pages, name) == nothing


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"currency": "DOGE"}, "currency"),
        ({"currency": None}, "currency"),
        ({"count": 0}, "count"),
        ({"count": 1_001}, "count"),
        ({"type": "gift"}, "type"),
        ({"continuation": "zz"}, "continuation"),
        ({"continuation": "ffffffffg0"}, "continuation"),
        ({"continuation": "10g-1"}, "continuation"),
        ({"search_start_timestamp": "soon"}, "search_start_timestamp"),
    ],
)
def test_unusable_parameters_are_named(
    pages: SettlementPages, values: dict[str, object], param: str
) -> None:
    """The refusal says which parameter is wrong."""
    with pytest.raises(ServerError) as caught:
        of_currency(pages, **values)
    assert isinstance(caught.value.body.data, dict)
    assert caught.value.body.data["param"] == param


def test_an_unknown_instrument_is_refused(pages: SettlementPages) -> None:
    """By its name."""
    with pytest.raises(ServerError) as caught:
        of_instrument(pages, "BTC-NOPE")
    assert caught.value.body.reason.startswith("instrument not found")
