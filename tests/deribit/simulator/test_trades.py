"""Trades as the exchange shows them: pages, windows, order, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.trades import Trades
from trader.deribit.simulator.venue import Venue
from trader.domain.units import HOUR, MILLISECOND, MINUTE

AT = DEMO_START_AT
MS = AT // MILLISECOND
NAME = "BTC-PERPETUAL"


@pytest.fixture(scope="module")
def trades(venue: Venue) -> Trades:
    """Make the trades of the shared venue."""
    return Trades(venue)


def page(trades: Trades, **values: object) -> dict[str, Any]:
    """Ask for trades of the perpetual."""
    return trades.of_instrument(Parameters({"instrument_name": NAME} | values), AT)


def test_the_newest_trades_come_without_a_start(trades: Trades) -> None:
    """Sequences run without a gap up to the last print, and none is in the future."""
    answer = page(trades, count=100)
    seqs = [row["trade_seq"] for row in answer["trades"]]
    assert seqs == list(range(seqs[0], seqs[0] + 100))
    assert answer["has_more"]
    assert max(row["timestamp"] for row in answer["trades"]) <= MS
    assert len({row["trade_id"] for row in answer["trades"]}) == 100


def test_pages_from_a_start_cover_the_window_once(trades: Trades) -> None:
    """Paging on by sequence gives the same rows as one large page."""
    window = {"start_timestamp": MS - 10 * 60_000, "end_timestamp": MS}
    whole = page(trades, count=1_000, **window)
    assert not whole["has_more"]
    rows: list[Any] = []
    more = True
    while more:
        start = {"start_seq": rows[-1]["trade_seq"] + 1} if rows else {}
        part = page(trades, count=7, **window, **start)
        rows += part["trades"]
        more = part["has_more"]
    assert rows == whole["trades"]
    assert all(window["start_timestamp"] <= row["timestamp"] <= MS for row in rows)


def test_sorting_is_as_asked(trades: Trades) -> None:
    """The same rows, oldest first or newest first."""
    up = page(trades, count=50, sorting="asc")["trades"]
    down = page(trades, count=50, sorting="desc")["trades"]
    assert up == down[::-1]
    assert [row["timestamp"] for row in up] == sorted(row["timestamp"] for row in up)


def test_older_than_a_day_is_empty(trades: Trades) -> None:
    """The window before the last 24 hours holds nothing, without an error."""
    old = page(trades, start_timestamp=MS - 50 * 3_600_000, end_timestamp=MS - 30 * 3_600_000)
    assert old == {"trades": [], "has_more": False}


def test_a_stream_is_cut_anywhere_and_joins(trades: Trades, venue: Venue) -> None:
    """What printed in two stretches is what printed in both together."""
    listing = venue.find(NAME, AT)
    assert listing is not None
    first = trades.between(listing, AT, AT + 7 * MINUTE)
    second = trades.between(listing, AT + 7 * MINUTE, AT + HOUR // 4)
    assert first
    assert second
    assert first + second == trades.between(listing, AT, AT + HOUR // 4)


def test_trades_of_a_currency_are_of_its_kind(trades: Trades) -> None:
    """Newest first, options with their IV in percent, nothing of another coin."""
    found = trades.of_currency(Parameters({"currency": "ETH", "kind": "option", "count": 30}), AT)
    rows = found["trades"]
    assert len(rows) == 30
    assert all(row["instrument_name"].startswith("ETH-") for row in rows)
    assert all("iv" in row for row in rows)
    stamps = [row["timestamp"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)


def test_the_volatility_index_is_in_percent(trades: Trades) -> None:
    """Bars hold their open and close; a coin without an index has none."""
    values = {"resolution": "60", "start_timestamp": MS - 3_600_000, "end_timestamp": MS}
    answer = trades.volatility_index(Parameters({"currency": "BTC"} | values), AT)
    assert len(answer["data"]) == 61
    for _, opened, high, low, closed in answer["data"]:
        assert 5.0 < low <= min(opened, closed) <= max(opened, closed) <= high < 500.0
    none = trades.volatility_index(Parameters({"currency": "SOL"} | values), AT)
    assert none == {"data": [], "continuation": None}


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"count": 0}, "count"),
        ({"count": 1_001}, "count"),
        ({"sorting": "sideways"}, "sorting"),
        ({"instrument_name": "BTC-NOPE"}, "instrument_name"),
    ],
)
def test_unusable_parameters_are_refused(
    trades: Trades, values: dict[str, object], param: str
) -> None:
    """The refusal names the parameter."""
    with pytest.raises(ServerError) as caught:
        page(trades, **values)
    assert isinstance(caught.value.body.data, dict)
    assert caught.value.body.data["param"] == param
