"""Look-ups: expiries, indexes, settlements and volatilities against the market they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import DAY, MILLISECOND

AT = DEMO_START_AT


@pytest.fixture(scope="module")
def reference(venue: Venue) -> Reference:
    """Make the look-ups of the shared venue."""
    return Reference(venue)


def asked(**values: object) -> Parameters:
    """Name parameters."""
    return Parameters(values)


def test_expirations_are_those_of_the_listing(reference: Reference, venue: Venue) -> None:
    """One label per expiry, nearest first; a perpetual is the last of the futures."""
    found = reference.expirations(asked(currency="BTC", kind="any"), AT)["btc"]
    expiries = sorted({one.expires_at for one in venue.listings.options("BTC", AT)})
    assert len(found["option"]) == len(expiries)
    names = {one.name.split("-")[1] for one in venue.listings.options("BTC", AT)}
    assert set(found["option"]) == names
    assert found["future"][-1] == "PERPETUAL"


def test_an_index_chart_ends_now_and_shows_the_index(reference: Reference, venue: Venue) -> None:
    """Points are even, none is in the future, and each is the index of its instant."""
    chart = reference.index_chart(asked(index_name="eth_usd", range="1h"), AT)
    assert len(chart) == 61
    for tick, price in chart[::20]:
        assert price == venue.market.spot("ETH", int(tick) * MILLISECOND)
    assert chart[-1][0] * MILLISECOND == AT


def test_historical_volatility_is_that_of_the_hours(reference: Reference, venue: Venue) -> None:
    """The last value is the root mean square of 15 days of hourly moves, a year, in percent."""
    rows = reference.historical_volatility(asked(currency="BTC"), AT)
    hours = venue.market.hourly_spots("BTC", AT - 15 * DAY, AT)
    moves = np.diff(np.log(hours))
    expected = 100.0 * float(np.sqrt(np.mean(moves**2) * 24 * 365))
    assert rows[-1][0] == AT // MILLISECOND
    assert rows[-1][1] == pytest.approx(expected, abs=1e-3)
    assert reference.historical_volatility(asked(currency="EURR"), AT) == []


def test_settlements_page_without_gap_or_overlap(reference: Reference) -> None:
    """Pages put together are the whole; every row was settled at an 08:00 that has come."""

    def page(**values: object) -> dict[str, Any]:
        return reference.settlements_of_currency(asked(currency="BTC", **values), AT)

    whole = page(count=1_000)
    assert whole["continuation"] is None
    rows: list[Any] = []
    more: str | None = "0"
    while more is not None:
        part = page(count=97, continuation=more)
        rows += part["settlements"]
        more = part["continuation"]
    assert rows == whole["settlements"]
    stamps = {row["timestamp"] * MILLISECOND for row in rows}
    assert max(stamps) == last_settlement(AT)
    assert all((stamp - last_settlement(AT)) % DAY == 0 for stamp in stamps)


def test_deliveries_pay_what_an_option_is_worth(reference: Reference, venue: Venue) -> None:
    """An inverse option's mark at delivery is its intrinsic value over the delivery price."""
    settled = last_settlement(AT)
    for listing in venue.listings.expired("BTC", settled)[:10]:
        answer = reference.settlements_of_instrument(asked(instrument_name=listing.name), AT)
        (row,) = answer["settlements"]
        price = venue.market.delivery_price("BTC", settled, settled)
        assert price is not None
        assert listing.strike is not None
        gain = price - listing.strike if listing.option_type == "call" else listing.strike - price
        assert row["index_price"] == price
        assert row["mark_price"] == pytest.approx(max(gain, 0.0) / price, abs=1e-8)


@pytest.mark.parametrize(
    ("method", "values", "param"),
    [
        ("expirations", {"kind": "any"}, "currency"),
        ("expirations", {"currency": "BTC"}, "kind"),
        ("contract_size", {"instrument_name": "BTC-NOPE"}, "instrument_name"),
        ("index_chart", {"index_name": "btc_usd"}, "range"),
        ("index_chart", {"index_name": "doge_usd", "range": "1d"}, "index_name"),
        ("settlements_of_currency", {"currency": "BTC", "count": 0}, "count"),
        ("settlements_of_currency", {"currency": "BTC", "continuation": -1}, "continuation"),
        ("settlements_of_instrument", {"instrument_name": "x"}, "instrument_name"),
        ("funding_chart", {"instrument_name": "BTC_USDC", "length": "8h"}, "instrument_name"),
        ("funding_chart", {"instrument_name": "BTC-PERPETUAL"}, "length"),
        ("mark_price_history", {"instrument_name": "x"}, "instrument_name"),
    ],
)
def test_what_cannot_be_looked_up_names_its_parameter(
    reference: Reference, method: str, values: dict[str, object], param: str
) -> None:
    """The refusal says which parameter is missing or wrong."""
    with pytest.raises(ServerError) as caught:
        getattr(reference, method)(Parameters(values), AT)
    assert isinstance(caught.value.body.data, dict)
    assert caught.value.body.data["param"] == param
