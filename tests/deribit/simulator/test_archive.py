"""The exchange's past: bars, delivery prices, funding, and nothing of the future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trader.deribit.server_session import ServerError
from trader.deribit.simulator.archive import BARS_MAX, FUNDING_HOURS_MAX, Archive
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

AT = DEMO_START_AT


@pytest.fixture
def archive(venue: SeededVenue) -> Archive:
    """Open the archive of the shared market."""
    return Archive(venue)


def window(start: int, end: int, **others: object) -> Parameters:
    """Ask for a window of a perpetual."""
    return Parameters(
        {
            "instrument_name": "BTC-PERPETUAL",
            "start_timestamp": start // MILLISECOND,
            "end_timestamp": end // MILLISECOND,
        }
        | others
    )


@pytest.mark.parametrize(
    ("resolution", "minutes"),
    [("1", 1), ("3", 3), ("5", 5), ("10", 10), ("15", 15), ("30", 30), ("60", 60), ("120", 120),
     ("180", 180), ("360", 360), ("720", 720), ("1D", 1_440)],
)  # fmt: skip
def test_every_resolution_of_the_venue_has_bars(
    archive: Archive, resolution: str, minutes: int
) -> None:
    """Columns of one length, opens on the grid of the resolution, both ends included."""
    start, end = AT - 3 * DAY, AT
    chart = archive.chart(window(start, end, resolution=resolution), AT)
    assert chart["status"] == "ok"
    bar_ms = minutes * MINUTE // MILLISECOND
    ticks = chart["ticks"]
    assert all(tick % bar_ms == 0 for tick in ticks)
    assert np.all(np.diff(ticks) == bar_ms)
    assert ticks[-1] == AT // MILLISECOND // bar_ms * bar_ms
    assert {len(column) for column in chart.values() if isinstance(column, list)} == {len(ticks)}


def test_bars_know_nothing_of_the_future(archive: Archive) -> None:
    """The running bar holds what has happened; asking beyond now ends at now."""
    now = AT + 10 * MINUTE
    chart = archive.chart(window(AT, AT + DAY, resolution="60"), now)
    assert chart["ticks"] == [AT // MILLISECOND]
    later = archive.chart(window(AT, AT + DAY, resolution="60"), AT + HOUR - 1)
    assert later["high"][0] >= chart["high"][0]
    assert later["volume"][0] > chart["volume"][0]


def test_a_long_chart_is_cut_to_its_last_bars(archive: Archive) -> None:
    """At most 5,000 bars a call, the newest of what was asked for."""
    chart = archive.chart(window(AT - 10 * DAY, AT, resolution="1"), AT)
    assert len(chart["ticks"]) == BARS_MAX
    assert chart["ticks"][-1] == AT // MILLISECOND


@pytest.mark.parametrize(("start", "end"), [(AT + DAY, AT + 2 * DAY), (0, 5 * DAY)])
def test_where_nothing_happened_there_is_no_data(archive: Archive, start: int, end: int) -> None:
    """The future and the time before the market are empty, not errors."""
    chart = archive.chart(window(start, end, resolution="60"), AT)
    assert chart["status"] == "no_data"
    assert chart["ticks"] == []


def test_options_have_no_bars(archive: Archive, venue: SeededVenue) -> None:
    """Nobody trades them but our clients, on paper."""
    name = venue.listings.options("BTC", AT)[0].name
    chart = archive.chart(window(AT - DAY, AT, resolution="60", instrument_name=name), AT)
    assert chart["status"] == "no_data"


def test_delivery_prices_are_paged_newest_first(archive: Archive, venue: SeededVenue) -> None:
    """Offset and count walk back in days; today's price is there from 08:00 on."""
    eight = last_settlement(AT)
    asked = Parameters({"index_name": "btc_usd", "count": 3})
    page = archive.delivery_prices(asked, eight)
    assert [row["date"] for row in page["data"]] == ["2026-06-01", "2026-05-31", "2026-05-30"]
    assert page["data"][0]["delivery_price"] == venue.market.delivery_price("BTC", eight, eight)
    before = archive.delivery_prices(asked, eight - 1)
    assert before["data"][0]["date"] == "2026-05-31"
    assert before["records_total"] == page["records_total"] - 1
    older = archive.delivery_prices(
        Parameters({"index_name": "btc_usdc", "count": 2, "offset": 1}), eight
    )
    assert older["data"] == page["data"][1:]


def test_the_last_page_of_delivery_prices_is_short(archive: Archive) -> None:
    """`records_total` is what there is."""
    total = archive.delivery_prices(Parameters({"index_name": "eth_usd"}), AT)["records_total"]
    asked = Parameters({"index_name": "eth_usd", "offset": total - 2, "count": 10})
    assert len(archive.delivery_prices(asked, AT)["data"]) == 2


def test_funding_over_a_window_is_the_sum_of_its_hours(archive: Archive) -> None:
    """The value is what the history's rows add up to."""
    asked = window(AT - DAY, AT)
    rows = archive.funding_history(asked, AT)
    assert len(rows) == 25
    assert archive.funding_value(asked, AT) == pytest.approx(sum(r["interest_1h"] for r in rows))
    assert rows[1]["prev_index_price"] == rows[0]["index_price"]


def test_funding_history_is_cut_to_31_days(archive: Archive) -> None:
    """The newest hours are kept."""
    rows = archive.funding_history(window(AT - 60 * DAY, AT), AT)
    assert len(rows) == FUNDING_HOURS_MAX
    assert rows[-1]["timestamp"] == AT // MILLISECOND


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("chart", {"resolution": "7"}, "resolution"),
        ("chart", {"resolution": "60", "instrument_name": "NOPE"}, "instrument_name"),
        ("chart", {"resolution": "60", "start_timestamp": None}, "start_timestamp"),
        ("chart", {"resolution": "60", "end_timestamp": 0}, "end_timestamp"),
        ("funding_value", {"instrument_name": "BTC-2JUN26-70000-C"}, "instrument_name"),
        ("funding_history", {"instrument_name": "SOL-PERPETUAL"}, "instrument_name"),
        ("delivery_prices", {"index_name": "doge_usd"}, "index_name"),
        ("delivery_prices", {"index_name": "btc_usd", "count": 0}, "count"),
        ("delivery_prices", {"index_name": "btc_usd", "count": 1_001}, "count"),
        ("delivery_prices", {"index_name": "btc_usd", "offset": -1}, "offset"),
    ],
)
def test_unusable_parameters_are_named(
    archive: Archive, method: str, params: dict[str, Any], param: str
) -> None:
    """The refusal names the parameter."""
    with pytest.raises(ServerError) as refused:
        getattr(archive, method)(window(AT - DAY, AT, **params), AT)
    assert refused.value.body.code == -32_602
    assert refused.value.body.data["param"] == param
