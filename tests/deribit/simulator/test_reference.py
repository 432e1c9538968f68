"""Look-ups: expiries, indexes, announcements and volatilities against the market they are of."""

from __future__ import annotations

import numpy as np
import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.reference import Reference
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

AT = DEMO_START_AT
MS = AT // MILLISECOND


@pytest.fixture(scope="module")
def reference(venue: SeededVenue) -> Reference:
    """Make the look-ups of the shared venue."""
    return Reference(venue)


def asked(**values: object) -> Parameters:
    """Name parameters."""
    return Parameters(values)


def test_expirations_are_those_of_the_listing(reference: Reference, venue: SeededVenue) -> None:
    """One label per expiry, nearest first; a perpetual is the last of the futures."""
    found = reference.expirations(asked(currency="BTC", kind="any"), AT)["btc"]
    expiries = sorted({one.expires_at for one in venue.listings.options("BTC", AT)})
    assert len(found["option"]) == len(expiries)
    names = {one.name.split("-")[1] for one in venue.listings.options("BTC", AT)}
    assert set(found["option"]) == names
    assert found["future"][-1] == "PERPETUAL"


def test_an_index_chart_ends_now_and_shows_the_index(
    reference: Reference, venue: SeededVenue
) -> None:
    """Points are even, none is in the future, and each is the index of its instant."""
    chart = reference.index_chart(asked(index_name="eth_usd", range="1h"), AT)
    assert len(chart) == 61
    for tick, price in chart[::20]:
        assert price == venue.market.spot("ETH", int(tick) * MILLISECOND)
    assert chart[-1][0] * MILLISECOND == AT


def test_historical_volatility_is_that_of_the_hours(
    reference: Reference, venue: SeededVenue
) -> None:
    """The last value is the root mean square of 15 days of hourly moves, a year, in percent."""
    rows = reference.historical_volatility(asked(currency="BTC"), AT)
    hours = venue.market.hourly_spots("BTC", AT - 15 * DAY, AT)
    moves = np.diff(np.log(hours))
    expected = 100.0 * float(np.sqrt(np.mean(moves**2) * 24 * 365))
    assert rows[-1][0] == AT // MILLISECOND
    assert rows[-1][1] == pytest.approx(expected, abs=1e-3)
    assert reference.historical_volatility(asked(currency="EURR"), AT) == []


def test_expirations_of_a_pair_are_its_own(reference: Reference) -> None:
    """A pair is an index: the options on SOL have other expiries than those on BTC in USDC."""
    found = [
        reference.expirations(asked(currency="USDC", kind="option", currency_pair=pair), AT)
        for pair in ("sol_usdc", "btc_usdc", "ada_usdc")
    ]
    sol, btc, ada = (one["usdc"]["option"] for one in found)
    assert set(sol) < set(btc)
    assert ada == []


def test_volumes_are_those_of_the_tickers(reference: Reference, venue: SeededVenue) -> None:
    """Calls and puts of every product count for their coin; longer spans only when asked."""
    rows = {row["currency"]: row for row in reference.trade_volumes(asked(), AT)}
    calls = [one for one in venue.listed(AT) if one.option_type == "call"]
    for coin in ("BTC", "SOL", "ADA"):
        volume = sum(venue.day_stats(one, AT).volume for one in calls if one.underlying == coin)
        assert rows[coin]["calls_volume"] == pytest.approx(volume)
        assert rows[coin]["futures_volume"] > 0.0
    assert rows["BTC"]["puts_volume"] > 0.0 < rows["ETH"]["spot_volume"]
    extended = reference.trade_volumes(asked(extended=True), AT)
    assert extended[0]["puts_volume_30d"] > extended[0]["puts_volume_7d"] > 0.0


def test_marks_are_kept_of_what_makes_the_volatility_index(
    reference: Reference, venue: SeededVenue
) -> None:
    """Every five minutes of the window, of the expiries around 30 days alone."""
    options = venue.listings.options("BTC", AT)
    window = {"start_timestamp": MS - 3_600_000, "end_timestamp": MS + 3_600_000}
    kept: dict[int, bool] = {}
    for option in options:
        if option.listed_at < AT - HOUR and option.expires_at not in kept:
            rows = reference.mark_price_history(asked(instrument_name=option.name, **window), AT)
            kept[option.expires_at] = bool(rows)
            for tick, mark in rows:
                at = int(tick) * MILLISECOND
                assert AT - HOUR <= at <= AT
                assert at % (5 * MINUTE) == 0
                assert mark == round(venue.option(option, at).mark, 8)
    around = [expires_at - AT for expires_at, is_kept in kept.items() if is_kept]
    assert min(around) <= 30 * DAY < max(around)
    assert len(around) == 2
    perpetual = asked(instrument_name="BTC-PERPETUAL", **window)
    assert reference.mark_price_history(perpetual, AT) == []


def test_announcements_come_newest_first(reference: Reference) -> None:
    """So many as asked, none from after the instant that was asked for, nor from the future."""
    newest = reference.announcements(asked(count=20), AT)
    stamps = [row["publication_timestamp"] for row in newest]
    assert len(newest) == 20
    assert stamps == sorted(stamps, reverse=True)
    assert stamps[0] <= MS
    earlier = reference.announcements(asked(start_timestamp=stamps[3]), AT)
    assert earlier == newest[3:8]
    assert reference.announcements(asked(start_timestamp=0), AT) == []


def test_yields_page_back_by_day(reference: Reference) -> None:
    """Newest first; the continuation is the next page's `before`; the past ends somewhere."""
    first = reference.apr_history(asked(currency="steth", limit=5), AT)
    second = reference.apr_history(
        asked(currency="steth", limit=5, before=first["continuation"]), AT
    )
    days = [row["day"] for row in first["data"] + second["data"]]
    assert days == list(range(AT // DAY, AT // DAY - 10, -1))
    assert all(1.0 < row["apr"] < 5.0 for row in first["data"])
    assert reference.apr_history(asked(currency="usde", before=100), AT) == {"data": []}


def test_nobody_trades_blocks(reference: Reference) -> None:
    """The list of block trades is empty, in its shape."""
    empty: dict[str, object] = {"block_rfqs": [], "continuation": None}
    assert reference.block_rfq_trades(asked(currency="any"), AT) == empty


@pytest.mark.parametrize(
    ("method", "values", "param"),
    [
        ("expirations", {"kind": "any"}, "currency"),
        ("expirations", {"currency": "BTC"}, "kind"),
        ("index_chart", {"index_name": "btc_usd"}, "range"),
        ("index_chart", {"index_name": "doge_usd", "range": "1d"}, "index_name"),
        ("funding_chart", {"instrument_name": "BTC_USDC", "length": "8h"}, "instrument_name"),
        ("funding_chart", {"instrument_name": "BTC-PERPETUAL"}, "length"),
        ("mark_price_history", {"instrument_name": "x"}, "instrument_name"),
        ("mark_price_history", {"instrument_name": "BTC-PERPETUAL"}, "start_timestamp"),
        ("expirations", {"currency": "BTC", "kind": "any", "currency_pair": "x"}, "currency_pair"),
        ("trade_volumes", {"extended": "perhaps"}, "extended"),
        ("apr_history", {"currency": "BTC"}, "currency"),
        ("apr_history", {"currency": "usde", "limit": 366}, "limit"),
        ("announcements", {"count": 51}, "count"),
        ("block_rfq_trades", {}, "currency"),
        ("nothing_of_currency", {"currency": "BTC", "state": "x"}, "state"),
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
