"""Answers of the exchange: methods, filters, errors, and which channels exist."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from trader.deribit.messages import SimulatorClock
from trader.deribit.server_session import ServerError
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import MILLISECOND

AT = DEMO_START_AT


@pytest.fixture
def exchange(venue: Venue) -> Exchange:
    """Open the exchange of the shared market."""
    return Exchange(venue, Archive(venue), epoch_at=AT, speed=300.0)


def ask(exchange: Exchange, method: str, **params: object) -> Any:
    """Ask as a client would, and read the answer off the wire."""
    return msgspec.json.decode(msgspec.json.encode(exchange.handle(method, params, AT)))


def test_plain_questions_are_answered(exchange: Exchange) -> None:
    """Time, status, currencies and index names need no parameters."""
    assert ask(exchange, "public/get_time") == AT // MILLISECOND
    assert ask(exchange, "public/status") == {"locked": "false"}
    assert len(ask(exchange, "public/get_currencies")) == 3
    assert "btc_usd" in ask(exchange, "public/get_index_price_names")


def test_the_clock_announces_epoch_speed_and_market(exchange: Exchange) -> None:
    """A client learns which market this is and how fast it runs."""
    answer = exchange.handle("simulator/clock", {}, AT + 5)
    assert answer == SimulatorClock(
        epoch_at=AT, now_at=AT + 5, speed=300.0, seed="7", market=exchange.venue.market.version
    )


def test_the_catalog_can_be_filtered(exchange: Exchange) -> None:
    """No currency, `any`, one currency, one kind; an unknown currency is an empty catalog."""
    everything = ask(exchange, "public/get_instruments")
    assert ask(exchange, "public/get_instruments", currency="any", include_old=True) == everything
    btc = ask(exchange, "public/get_instruments", currency="BTC", kind="option")
    assert {row["base_currency"] for row in btc} == {"BTC"}
    assert {row["kind"] for row in btc} == {"option"}
    perpetuals = ask(exchange, "public/get_instruments", kind="future", expired="false")
    assert {row["kind"] for row in perpetuals} == {"future"}
    assert {"BTC-PERPETUAL", "XRP_USDC-PERPETUAL"} < {row["instrument_name"] for row in perpetuals}
    assert ask(exchange, "public/get_instruments", currency="SOL") == []
    spots = ask(exchange, "public/get_instruments", kind="spot")
    assert [row["instrument_name"] for row in spots] == ["BTC_USDC", "ETH_USDC"]


def test_expired_contracts_are_delivered(exchange: Exchange) -> None:
    """At 08:00 they leave the catalog and are listed only as expired."""
    expired = ask(exchange, "public/get_instruments", currency="BTC", expired=True)
    assert {row["state"] for row in expired} == {"delivered"}
    names = {row["instrument_name"] for row in ask(exchange, "public/get_instruments")}
    assert names.isdisjoint(row["instrument_name"] for row in expired)
    one = ask(exchange, "public/get_instrument", instrument_name=expired[0]["instrument_name"])
    assert one == expired[0]


def test_the_index_is_the_markets(exchange: Exchange) -> None:
    """`btc_usdc` is pegged to `btc_usd`; outside its window the estimate is the index."""
    answer = ask(exchange, "public/get_index_price", index_name="btc_usd")
    assert answer["index_price"] == exchange.venue.market.spot("BTC", AT)
    assert answer["estimated_delivery_price"] == answer["index_price"]
    assert ask(exchange, "public/get_index_price", index_name="btc_usdc") == answer


def test_ticker_book_and_summary_agree(exchange: Exchange) -> None:
    """One instrument, one instant, one touch."""
    name = ask(exchange, "public/get_instruments", currency="ETH", kind="option")[30][
        "instrument_name"
    ]
    ticker = ask(exchange, "public/ticker", instrument_name=name)
    book = ask(exchange, "public/get_order_book", instrument_name=name, depth="1")
    (summary,) = ask(exchange, "public/get_book_summary_by_instrument", instrument_name=name)
    assert book["asks"][0][0] == ticker["best_ask_price"] == summary["ask_price"]
    assert summary["mark_iv"] == ticker["mark_iv"]


def test_summaries_are_the_whole_chain(exchange: Exchange) -> None:
    """One call, one row per listed contract of that currency and kind."""
    listed = ask(exchange, "public/get_instruments", currency="BTC")
    rows = ask(exchange, "public/get_book_summary_by_currency", currency="BTC")
    assert {row["instrument_name"] for row in rows} == {row["instrument_name"] for row in listed}
    futures = ask(exchange, "public/get_book_summary_by_currency", currency="eth", kind="future")
    assert {row["instrument_name"] for row in futures} > {"ETH-PERPETUAL"}
    assert {row["instrument_name"].partition("-")[0] for row in futures} == {"ETH"}
    assert ask(exchange, "public/get_book_summary_by_currency", currency="USDT") == []


def test_the_past_is_answered_by_the_archive(exchange: Exchange) -> None:
    """Four methods walk through the past, and say so to whoever wants to wait elsewhere."""
    chart = ask(
        exchange,
        "public/get_tradingview_chart_data",
        instrument_name="BTC-PERPETUAL",
        start_timestamp=AT // MILLISECOND - 7_200_000,
        end_timestamp=AT // MILLISECOND,
        resolution="60",
    )
    assert len(chart["ticks"]) == 3
    assert ask(exchange, "public/get_delivery_prices", index_name="btc_usd")["records_total"] > 1
    assert exchange.is_archived("public/get_delivery_prices")
    assert not exchange.is_archived("public/ticker")


@pytest.mark.parametrize("method", ["public/nope", "private/buy", "public/subscribe", ""])
def test_an_unknown_method_is_not_found(exchange: Exchange, method: str) -> None:
    """Also orders: there is nothing here to place one with."""
    with pytest.raises(ServerError) as refused:
        ask(exchange, method)
    assert refused.value.body.code == -32_601


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("public/ticker", {}, "value is required"),
        ("public/ticker", {"instrument_name": "NOPE"}, "instrument not found"),
        ("public/ticker", {"instrument_name": 5}, "invalid format"),
        ("public/get_instrument", {"instrument_name": "BTC-1JUN26-1-C"}, "instrument not found"),
        ("public/get_instruments", {"kind": "tulip"}, "invalid format"),
        ("public/get_instruments", {"expired": "perhaps"}, "invalid format"),
        ("public/get_index_price", {"index_name": "doge_usd"}, "not found"),
        ("public/get_book_summary_by_currency", {}, "value is required"),
        ("public/get_book_summary_by_currency", {"currency": "any"}, "invalid currency"),
        (
            "public/get_order_book",
            {"instrument_name": "BTC-PERPETUAL", "depth": 0},
            "invalid format",
        ),
    ],
)
def test_unusable_parameters_say_why(
    exchange: Exchange, method: str, params: dict[str, Any], reason: str
) -> None:
    """-32602 with Deribit's reason."""
    with pytest.raises(ServerError) as refused:
        ask(exchange, method, **params)
    assert refused.value.body.code == -32_602
    assert refused.value.body.data["reason"] == reason


def test_what_expired_is_not_open(exchange: Exchange) -> None:
    """A ticker of a delivered contract is refused as such, not as unknown."""
    eight = last_settlement(AT)
    gone = next(
        one for one in exchange.venue.listings.options("BTC", eight - 1) if one.expires_at == eight
    )
    with pytest.raises(ServerError) as refused:
        ask(exchange, "public/ticker", instrument_name=gone.name)
    assert refused.value.body.data["reason"] == "instrument is not open"


@pytest.mark.parametrize(
    ("channel", "known"),
    [
        ("ticker.BTC-PERPETUAL.100ms", True),
        ("ticker.BTC-PERPETUAL.agg2", True),
        ("quote.ETH-PERPETUAL", True),
        ("deribit_price_index.btc_usd", True),
        ("instrument.state.option.BTC", True),
        ("ticker.BTC-1JUN26-1-C.agg2", False),
        ("ticker.BTC-PERPETUAL.1s", False),
        ("deribit_price_index.doge_usd", False),
        ("user.portfolio.BTC", False),
    ],
)
def test_a_channel_exists_where_its_subject_does(
    exchange: Exchange, channel: str, known: bool
) -> None:
    """A right name about nothing is no channel."""
    assert exchange.knows(channel, AT) is known
