"""Trades as the exchange shows them: pages, windows, order, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.trades import Trades
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

AT = DEMO_START_AT
MS = AT // MILLISECOND
NAME = "BTC-PERPETUAL"


@pytest.fixture(scope="module")
def trades(venue: SeededVenue) -> Trades:
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


def test_a_stream_is_cut_anywhere_and_joins(trades: Trades, venue: SeededVenue) -> None:
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


def test_pages_of_a_currency_cover_a_window_once(trades: Trades) -> None:
    """Paging on by time gives the same rows as one large page; both ways round, over an expiry."""
    eight = last_settlement(AT) // MILLISECOND
    window = {"currency": "BTC", "kind": "option", "start_timestamp": eight - 1_200_000,
              "end_timestamp": eight + 1_200_000, "historical": True}  # fmt: skip
    whole = trades.of_currency(Parameters(window | {"count": 10_000}), AT)
    assert not whole["has_more"]
    stamps = [row["timestamp"] for row in whole["trades"]]
    assert stamps == sorted(stamps)
    assert stamps[0] < eight < stamps[-1]
    seen: dict[tuple[str, int], Any] = {}
    start, more = window["start_timestamp"], True
    while more:
        part = trades.of_currency(Parameters(window | {"start_timestamp": start, "count": 150}), AT)
        seen |= {(row["instrument_name"], row["trade_seq"]): row for row in part["trades"]}
        start, more = part["trades"][-1]["timestamp"], part["has_more"]
    assert list(seen.values()) == whole["trades"]
    del window["start_timestamp"]
    newest = trades.of_currency(Parameters(window | {"count": 50}), AT)
    assert newest["trades"] == whole["trades"][::-1][:50]


def test_the_history_host_knows_the_years(trades: Trades, venue: SeededVenue) -> None:
    """With `historical`, by currency and by the name of what has expired; without, nothing."""
    long_ago = AT - 900 * DAY
    values: dict[str, int] = {"start_timestamp": long_ago // MILLISECOND, "count": 40,
              "end_timestamp": (long_ago + HOUR) // MILLISECOND}  # fmt: skip
    usdc = {"currency": "USDC", **values}
    found = trades.of_currency(Parameters(usdc | {"historical": True}), AT)
    assert len(found["trades"]) == 40
    assert found["trades"][0]["timestamp"] - values["start_timestamp"] < 10_000
    assert trades.of_currency(Parameters(usdc), AT)["trades"] == []
    gone = next(
        one for one in venue.listings.options("ETH", long_ago) if one.expires_at < AT - 800 * DAY
    )
    rows = page(trades, instrument_name=gone.name, historical=True, count=10_000)["trades"]
    assert rows[0]["trade_seq"] == 1
    assert rows[-1]["timestamp"] * MILLISECOND < gone.expires_at


def test_ids_rise_with_time_and_bound_a_window(trades: Trades) -> None:
    """From one trade's id to another's: those two and what lies between."""
    rows = trades.of_currency(Parameters({"currency": "BTC", "count": 200}), AT)["trades"][::-1]
    numbers = [int(row["trade_id"]) // 100 for row in rows]
    assert numbers == sorted(numbers)
    assert len({row["trade_id"] for row in rows}) == 200
    bounds: dict[str, object] = {"start_id": rows[50]["trade_id"], "end_id": rows[90]["trade_id"]}
    between = trades.of_currency(Parameters(bounds | {"currency": "BTC", "count": 200}), AT)
    assert between["trades"] == rows[50:91]


def test_combos_never_traded(trades: Trades) -> None:
    """An empty page, however long the window."""
    for kind in ("combo", "future_combo", "option_combo"):
        asked = {"currency": "any", "kind": kind, "historical": True}
        empty = {"trades": [], "has_more": False}
        assert trades.of_currency(Parameters(asked), AT) == empty


@pytest.mark.parametrize("method", ["of_instrument_and_time", "of_currency_and_time"])
def test_a_window_needs_a_time(trades: Trades, method: str) -> None:
    """`_and_time` without start and end is refused; one of them is enough."""

    def ask(**values: object) -> dict[str, Any]:
        asked = {"instrument_name": NAME, "currency": "BTC"} | values
        answer: dict[str, Any] = getattr(trades, method)(Parameters(asked), AT)
        return answer

    with pytest.raises(ServerError) as caught:
        ask()
    assert caught.value.body.data == {"reason": "value is required", "param": "start_timestamp"}
    assert ask(end_timestamp=MS)["trades"]
    assert ask(start_timestamp=MS - 60_000)["trades"]


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
        ({"start_id": "ETH-x"}, "start_id"),
        ({"end_id": "9" * 21}, "end_id"),
        ({"historical": "maybe"}, "historical"),
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
