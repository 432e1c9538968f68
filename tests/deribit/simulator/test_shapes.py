"""Does everything the exchange says have the documented shape? Every method, every channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deribit.simulator.shapes import (
    BARS,
    BOOK_SIDES,
    CHANGES,
    CURRENCY,
    FUTURE,
    GREEKS,
    OPTION,
    OPTION_SUMMARY,
    OPTION_TICKER,
    PERPETUAL_SUMMARY,
    PERPETUAL_TICKER,
    SETTLEMENTS,
    SPOT,
    STATS,
    SUMMARY_COMMON,
    TICKER_COMMON,
    TRADE,
    TRADES,
    F,
    I,
    N,
    Shape,
    T,
    misfits,
)
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

AT = DEMO_START_AT
MS = AT // MILLISECOND
DAY_MS = DAY // MILLISECOND
PERPETUAL = "BTC-PERPETUAL"
WINDOW: dict[str, Any] = {"start_timestamp": MS - DAY_MS, "end_timestamp": MS}
COMBO = {"id": T, "instrument_id": I, "state": T, "state_timestamp": I, "creation_timestamp": I,
         "legs": [{"instrument_name": T, "amount": I}]}  # fmt: skip
ANNOUNCEMENT = {"id": I, "title": T, "body": T, "publication_timestamp": I, "important": F,
                "confirmation": F}  # fmt: skip


@pytest.fixture(scope="module")
def exchange(venue: SeededVenue) -> Exchange:
    """Make an exchange over the shared venue."""
    return Exchange(venue, Archive(SeededVenue(Market(venue.market.seed))), epoch_at=AT, speed=1.0)


@pytest.fixture(scope="module")
def option_name(venue: SeededVenue) -> str:
    """Name an option near the money of a near expiry."""
    board = venue.listings.options("BTC", AT)
    spot = venue.market.spot("BTC", AT)
    return min(board[:60], key=lambda one: abs((one.strike or 0.0) - spot)).name


def check(exchange: Exchange, method: str, shape: Shape, **params: object) -> Any:
    """Ask, send the answer through JSON, and compare it with its shape."""
    answer = json.loads(json.dumps(exchange.handle(f"public/{method}", params, AT)))
    assert misfits(answer, shape, method) == []
    return answer


def test_rows_of_the_catalog(exchange: Exchange) -> None:
    """Options, futures, perpetuals and spot pairs each carry the members of their kind."""
    shapes = {"option": OPTION, "future": FUTURE, "spot": SPOT}
    rows = exchange.handle("public/get_instruments", {}, AT)
    assert isinstance(rows, list)
    found = [m for row in rows for m in misfits(row, shapes[row["kind"]], row["instrument_name"])]
    assert found == []
    assert {row["kind"] for row in rows} == set(shapes)


RESULTS: list[tuple[str, Shape, dict[str, Any]]] = [
        ("get_time", I, {}),
        ("status", {"locked": T, "locked_indices?": [T]}, {}),
        ("get_currencies", [CURRENCY], {}),
        ("get_instrument", FUTURE, {"instrument_name": PERPETUAL}),
        ("get_contract_size", {"contract_size": N}, {"instrument_name": PERPETUAL}),
        ("get_expirations", {"btc": {"option": [T]}}, {"currency": "BTC", "kind": "option"}),
        ("get_expirations", {"option": [T], "future": [T]}, {"currency": "any", "kind": "any"}),
        ("get_index_price", {"index_price": N, "estimated_delivery_price": N},
         {"index_name": "btc_usd"}),
        ("get_index_price_names", [T], {}),
        ("get_index_price_names", [{"name": T, "future_combo_creation_enabled": F,
                                    "option_combo_creation_enabled": F}], {"extended": "true"}),
        ("get_supported_index_names", [T], {"type": "all"}),
        ("get_index_chart_data", [(I, N)], {"index_name": "btc_usd", "range": "1d"}),
        ("get_book_summary_by_currency", [OPTION_SUMMARY], {"currency": "BTC", "kind": "option"}),
        ("get_book_summary_by_currency", [OPTION_SUMMARY], {"currency": "USDC", "kind": "option"}),
        ("get_book_summary_by_currency", [SUMMARY_COMMON], {"currency": "USDC", "kind": "spot"}),
        ("get_book_summary_by_instrument", [PERPETUAL_SUMMARY], {"instrument_name": PERPETUAL}),
        ("ticker", PERPETUAL_TICKER, {"instrument_name": PERPETUAL}),
        ("ticker", TICKER_COMMON, {"instrument_name": "BTC_USDC"}),
        ("get_order_book", PERPETUAL_TICKER | BOOK_SIDES,
         {"instrument_name": PERPETUAL, "depth": "7"}),
        ("get_tradingview_chart_data", BARS,
         {"instrument_name": PERPETUAL, "resolution": "60"} | WINDOW),
        ("get_last_trades_by_instrument", TRADES, {"instrument_name": PERPETUAL, "count": 50}),
        ("get_last_trades_by_instrument_and_time", TRADES,
         {"instrument_name": PERPETUAL, "include_old": "true"} | WINDOW),
        ("get_last_trades_by_currency", TRADES, {"currency": "BTC", "kind": "future"}),
        ("get_last_trades_by_currency_and_time", TRADES,
         {"currency": "USDC", "kind": "spot"} | WINDOW),
        ("get_volatility_index_data", {"data": [(I, N, N, N, N)], "continuation": "int?"},
         {"currency": "BTC", "resolution": "60"} | WINDOW),
        ("get_historical_volatility", [(I, N)], {"currency": "BTC"}),
        ("get_mark_price_history", [(I, N)], {"instrument_name": PERPETUAL} | WINDOW),
        ("get_delivery_prices", {"data": [{"date": T, "delivery_price": N}], "records_total": I},
         {"index_name": "btc_usd"}),
        ("get_last_settlements_by_currency", SETTLEMENTS, {"currency": "BTC"}),
        ("get_last_settlements_by_instrument", SETTLEMENTS, {"instrument_name": PERPETUAL}),
        ("get_funding_rate_history",
         [{"timestamp": I, "index_price": N, "prev_index_price": N, "interest_1h": N,
           "interest_8h": N}], {"instrument_name": PERPETUAL} | WINDOW),
        ("get_funding_rate_value", N, {"instrument_name": PERPETUAL} | WINDOW),
        ("get_funding_chart_data",
         {"current_interest": N, "interest_8h": N,
          "data": [{"timestamp": I, "index_price": N, "interest_8h": N}]},
         {"instrument_name": PERPETUAL, "length": "8h"}),
        ("get_trade_volumes", [{"currency": T, "calls_volume": N, "puts_volume": N,
                                "futures_volume": N, "spot_volume": N}], {}),
        ("get_announcements", [ANNOUNCEMENT], {}),
        ("get_apr_history", {"data": [{"day": I, "apr": N}], "continuation?": I},
         {"currency": "usde"}),
        ("get_block_rfq_trades", {"block_rfqs": [], "continuation": "text?"}, {"currency": "any"}),
    ]  # fmt: skip
ASKED_ELSEWHERE = {
    "get_instruments", "get_order_book_by_instrument_id", "get_combos", "get_combo_ids",
    "get_combo_details",
}  # fmt: skip


def test_every_method_has_a_shape(exchange: Exchange) -> None:
    """A method that is added is held to one."""
    asked = {method for method, _, _ in RESULTS} | ASKED_ELSEWHERE
    assert {f"public/{method}" for method in asked} | {"simulator/clock"} == set(exchange.methods)


@pytest.mark.parametrize(("method", "shape", "params"), RESULTS)
def test_results(exchange: Exchange, method: str, shape: Shape, params: dict[str, object]) -> None:
    """Keys, types and nulls are the documented ones; lists are not empty but where they must be."""
    answer = check(exchange, method, shape, **params)
    if isinstance(shape, list) and method != "get_mark_price_history":
        assert answer
    for column in ("trades", "data", "settlements", "ticks"):
        if isinstance(answer, dict) and column in answer:
            assert answer[column]


def test_options_answer_too(exchange: Exchange, option_name: str) -> None:
    """A ticker, a book by name and by number, and trades of an option carry its own members."""
    check(exchange, "ticker", OPTION_TICKER, instrument_name=option_name)
    by_name = check(
        exchange, "get_order_book", OPTION_TICKER | BOOK_SIDES, instrument_name=option_name
    )
    row = check(exchange, "get_instrument", OPTION, instrument_name=option_name)
    by_id = check(exchange, "get_order_book_by_instrument_id", OPTION_TICKER | BOOK_SIDES,
                  instrument_id=row["instrument_id"])  # fmt: skip
    assert by_id == by_name
    assert len(by_name["bids"]) == 5
    traded = check(exchange, "get_last_trades_by_instrument", TRADES, instrument_name=option_name)
    assert all("iv" in trade for trade in traded["trades"])


@pytest.mark.parametrize("method", ["get_combos", "get_combo_ids"])
def test_there_are_no_combos(exchange: Exchange, method: str) -> None:
    """An empty list, by currency."""
    assert check(exchange, method, [COMBO], currency="BTC") == []


BOOK = {"type": '"snapshot"', "timestamp": I, "instrument_name": T, "change_id": I,
        "bids": CHANGES, "asks": CHANGES}  # fmt: skip
CHANNELS: dict[str, tuple[Shape, Shape]] = {
    "ticker.BTC-PERPETUAL.100ms": (PERPETUAL_TICKER, PERPETUAL_TICKER),
    "ticker.BTC-PERPETUAL.raw": (PERPETUAL_TICKER, PERPETUAL_TICKER),
    "incremental_ticker.BTC-PERPETUAL": (
        PERPETUAL_TICKER | {"type": '"snapshot"'},
        {f"{name}?": kind for name, kind in PERPETUAL_TICKER.items()}
        | {"stats?": {f"{name.removesuffix('?')}?": kind for name, kind in STATS.items()},
           "greeks?": GREEKS, "type": '"change"'},
    ),
    "quote.BTC-PERPETUAL": ({"timestamp": I, "instrument_name": T, "best_bid_price": N,
                             "best_bid_amount": N, "best_ask_price": N, "best_ask_amount": N},) * 2,
    "book.BTC-PERPETUAL.100ms": (BOOK, BOOK | {"type": '"change"', "prev_change_id": I}),
    "book.BTC-PERPETUAL.none.10.100ms": (
        {"timestamp": I, "instrument_name": T} | BOOK_SIDES,) * 2,
    "trades.BTC-PERPETUAL.100ms": (None, [TRADE]),
    "deribit_price_index.btc_usd": ({"timestamp": I, "price": N, "index_name": T},) * 2,
    "deribit_price_ranking.btc_usd": ([{"identifier": T, "enabled": F, "weight": N,
                                        "original_price": "number?", "price": "number?",
                                        "timestamp": I}],) * 2,
    "deribit_price_statistics.btc_usd": ({"index_name": T, "low24h": N, "high24h": N,
                                          "change24h": N, "high_volatility": F},) * 2,
    "deribit_volatility_index.btc_usd": ({"timestamp": I, "volatility": N, "index_name": T},) * 2,
    "markprice.options.btc_usd": ([{"timestamp": I, "instrument_name": T, "mark_price": N,
                                    "iv": N}],) * 2,
    "estimated_expiration_price.btc_usd": ({"seconds": I, "price": N, "is_estimated": F},) * 2,
    "perpetual.BTC-PERPETUAL.agg2": ({"timestamp": I, "interest": N, "index_price": N},) * 2,
    "chart.trades.BTC-PERPETUAL.1": (
        {"tick": I, "open": N, "high": N, "low": N, "close": N, "volume": N, "cost": N},) * 2,
    "platform_state": ({"price_index": T, "locked": F, "reasons": [T]}, None),
    "platform_state.public_methods_state": (
        {"allow_unauthenticated_public_requests": F}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANNELS)
def test_notifications(venue: SeededVenue, exchange: Exchange, name: str) -> None:
    """The first notification and the next ones, a minute apart, have their documented shapes."""
    assert exchange.knows(name, AT)
    first, later = CHANNELS[name]
    publisher, subscriptions = Publisher(venue), Subscriptions()
    channel = parse_channel(name)
    assert channel is not None
    subscriptions.add(channel)
    heard: list[Any] = []
    for look in range(4):
        publisher.refresh([channel], AT + look * MINUTE)
        frames = publisher.frames(subscriptions, slow=True)
        heard.append([json.loads(frame)["params"]["data"] for _, frame in frames])
    for shape, contents in ((first, heard[:1]), (later, heard[1:])):
        found = [content for one in contents for content in one]
        assert bool(found) == (shape is not None)
        assert [m for content in found for m in misfits(content, shape, name)] == []


def test_a_book_that_is_followed_equals_the_book_that_is_asked_for(venue: SeededVenue) -> None:
    """Snapshot plus changes, chained by `prev_change_id`, lead to the book a fresh client gets."""
    publisher, follower = Publisher(venue), Subscriptions()
    channel = parse_channel("book.BTC-PERPETUAL.raw")
    assert channel is not None
    follower.add(channel)
    sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    last = None
    for look in range(60):
        publisher.refresh([channel], AT + look * 7 * SECOND)
        for _, frame in publisher.frames(follower, slow=False):
            content = json.loads(frame)["params"]["data"]
            assert content.get("prev_change_id") == last
            last = content["change_id"]
            for side, levels in sides.items():
                for action, price, amount in content[side]:
                    assert (action == "new") == (price not in levels)
                    levels[price] = amount
                    if action == "delete":
                        del levels[price]
    fresh = Subscriptions()
    fresh.add(channel)
    ((_, frame),) = publisher.frames(fresh, slow=False)
    whole = json.loads(frame)["params"]["data"]
    assert whole["change_id"] == last
    for side, levels in sides.items():
        assert levels == {price: amount for _, price, amount in whole[side]}


def test_what_comes_and_goes_is_told(venue: SeededVenue) -> None:
    """Across 08:00 a state per contract, and the whole contract at its creation."""
    publisher, subscriptions, wanted = Publisher(venue), Subscriptions(), []
    for name in ("instrument.state.any.any", "instrument.creation.option.any"):
        channel = parse_channel(name)
        assert channel is not None
        subscriptions.add(channel)
        wanted.append(channel)
    eight = last_settlement(AT) + DAY
    publisher.refresh(wanted, eight - HOUR)
    assert publisher.frames(subscriptions, slow=True) == []
    publisher.refresh(wanted, eight + MINUTE)
    shapes = {"instrument.state.any.any": {"timestamp": I, "state": T, "instrument_name": T},
              "instrument.creation.option.any": OPTION}  # fmt: skip
    heard = publisher.frames(subscriptions, slow=True)
    assert {name for name, _ in heard} == set(shapes)
    for name, frame in heard:
        assert misfits(json.loads(frame)["params"]["data"], shapes[name], name) == []
