"""Answers of the exchange: methods, filters, errors, and which channels exist."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import SNAPSHOTS
from trader.deribit.messages import ErrorBody, SimulatorClock
from trader.deribit.server_session import ServerError
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import MILLISECOND

AT = DEMO_START_AT


@pytest.fixture
def exchange(venue: SeededVenue) -> Exchange:
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
        epoch_at=AT, now_at=AT + 5, speed=300.0, seed="7", market=exchange.venue.version
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
    assert answer["index_price"] == exchange.venue.index_price("BTC", AT)
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
    """What walks through the past or a whole board says so to whoever wants to wait elsewhere."""
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
    assert exchange.lane("public/get_delivery_prices") == "archive"
    assert exchange.lane("public/get_instruments") == "boards"
    assert exchange.lane("public/ticker") is None


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
    gone = next(one for one in exchange.venue.dated("BTC", eight - 1) if one.expires_at == eight)
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


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
LIKELY = {
    "instrument_name": st.sampled_from([
        "BTC-PERPETUAL", "BTC_USDC", "BTC-27MAR26-80000-C", "BTC-99JAN26-1-C", "SOL_USDC-1d5",
        "BTC-1JAN70-0-C", "X" * 5_000, "BTC-PERPETUAL\x00", "btc-perpetual", "-", ""]),
    "instrument_id": st.sampled_from([1, "1", -1, 2**60]),
    "index_name": st.sampled_from(["btc_usd", "sol_usdc", "BTC_USD"]),
    "currency": st.sampled_from(["BTC", "USDC", "EURR", "any", "grouped", "usde", "DOGE"]),
    "currency_pair": st.sampled_from(["btc_usd", "x"]),
    "kind": st.sampled_from(["option", "future", "any", "combo", "x"]),
    "type": st.sampled_from(["delivery", "settlement", "bankruptcy", "all", "x"]),
    "resolution": st.sampled_from(["1", "60", "1D", "3600", "7"]),
    "range": st.sampled_from(["1h", "1y", "all", "9y"]),
    "length": st.sampled_from(["8h", "1m", "1y"]),
    "sorting": st.sampled_from(["asc", "desc", "x"]),
    "continuation": st.sampled_from(["50a7g0", "50a7g7fffffff", "g", "0g0", "-1g0"]),
    **dict.fromkeys(("start_timestamp", "end_timestamp", "search_start_timestamp"), st.sampled_from(
        [0, -1, AT // MILLISECOND, AT // MILLISECOND - 600_000, 10**15, 2**53, "1.5e12"])),
    **dict.fromkeys(("count", "depth", "limit", "offset", "before", "start_seq", "end_seq"),
                    st.sampled_from([0, 1, 3, -1, 10**9, 10**12, "7", 2.5])),
    **dict.fromkeys(("start_id", "end_id"), st.sampled_from(["ETH-1", "9" * 20, "-", "17e3"])),
    **dict.fromkeys(("expired", "extended", "historical"), st.sampled_from([True, "false", "x"])),
    "combo_id": st.just("BTC-FS-25DEC26_PERP"),
    "state": st.sampled_from(["active", "x"]),
}  # fmt: skip
ANYTHING = st.fixed_dictionaries(
    {}, optional={name: likely | likely | JUNK for name, likely in LIKELY.items()}
)


def refusal(exchange: Exchange, method: str, params: dict[str, object]) -> ErrorBody | None:
    """Ask, write the answer down, and return what was refused."""
    try:
        assert msgspec.json.encode(exchange.handle(method, params, AT))
    except ServerError as error:
        return error.body
    return None


@given(data=st.data())
@settings(max_examples=400)
def test_no_parameters_make_the_exchange_fail(venue: SeededVenue, data: st.DataObject) -> None:
    """An answer that can be written down, or a refusal that names what is missing or wrong."""
    exchange = Exchange(venue, Archive(venue), epoch_at=AT, speed=1.0)
    method = data.draw(st.sampled_from(exchange.methods))
    params = data.draw(ANYTHING)
    refused = refusal(exchange, method, params)
    if refused is None or refused.code == NOT_FOUND:
        return
    assert refused.code == -32_602
    assert isinstance(refused.data, dict)
    assert refused.data["param"] in LIKELY
    if refused.data["reason"] == "value is required":
        assert params.get(refused.data["param"]) is None


NOT_FOUND = 13_020
DOCUMENTED = """
    get_announcements get_apr_history get_block_rfq_trades get_book_summary_by_currency
    get_book_summary_by_instrument get_combo_details get_combo_ids get_combos get_contract_size
    get_currencies get_delivery_prices get_expirations get_funding_chart_data
    get_funding_rate_history get_funding_rate_value get_historical_volatility get_index_chart_data
    get_index_price get_index_price_names get_instrument get_instruments
    get_last_settlements_by_currency get_last_settlements_by_instrument get_last_trades_by_currency
    get_last_trades_by_currency_and_time get_last_trades_by_instrument
    get_last_trades_by_instrument_and_time get_mark_price_history get_order_book
    get_order_book_by_instrument_id get_supported_index_names get_time get_trade_volumes
    get_tradingview_chart_data get_volatility_index_data status ticker
"""


def test_every_documented_public_method_is_answered(exchange: Exchange) -> None:
    """The table of methods in Deribit's reference, but for those that a connection answers."""
    documented = {f"public/{name}" for name in DOCUMENTED.split()}
    assert documented | {"simulator/clock"} == set(exchange.methods)


def test_an_index_that_was_not_recorded_is_unknown() -> None:
    """Its price, its past and its channel; what is recorded of the market is announced."""
    venue = ReplayVenue(small_recording())
    replaying = Exchange(venue, Archive(venue), epoch_at=SNAPSHOTS[0], speed=1.0)
    for method, more in (
        ("public/get_index_price", {}), ("public/get_delivery_prices", {}),
        ("public/get_index_chart_data", {"range": "1d"}),
    ):  # fmt: skip
        assert replaying.handle(method, {"index_name": "btc_usd", **more}, SNAPSHOTS[1])
        with pytest.raises(ServerError):
            replaying.handle(method, {"index_name": "eth_usd", **more}, SNAPSHOTS[1])
    assert replaying.knows("deribit_price_index.btc_usd", SNAPSHOTS[0])
    assert not replaying.knows("deribit_price_index.eth_usd", SNAPSHOTS[0])
    clock = replaying.handle("simulator/clock", {}, SNAPSHOTS[0])
    assert isinstance(clock, SimulatorClock)
    assert (clock.staleness_s, clock.assumed_sizes) == (28_800.0, True)


def test_every_method_answers_over_a_recording() -> None:
    """What was not recorded is empty or refused; nothing is made up and nothing breaks."""
    venue, at = ReplayVenue(small_recording()), SNAPSHOTS[3]
    replaying = Exchange(venue, Archive(venue), epoch_at=SNAPSHOTS[0], speed=1.0)
    window = {"start_timestamp": 0, "end_timestamp": at // 1_000_000}
    perpetual = {"instrument_name": "BTC-PERPETUAL"}
    asked: dict[str, dict[str, object]] = {
        "public/get_instruments": {"currency": "BTC"},
        "public/get_expirations": {"currency": "BTC", "kind": "option"},
        "public/get_historical_volatility": {"currency": "BTC"},
        "public/get_last_settlements_by_currency": {"currency": "BTC"},
        "public/get_funding_chart_data": {"length": "8h", **perpetual},
        "public/get_funding_rate_history": {**perpetual, **window},
        "public/get_trade_volumes": {},
        "public/ticker": {**perpetual},
        "public/get_order_book": {"instrument_name": "BTC-13JAN26-91000-C"},
        "public/get_book_summary_by_currency": {"currency": "BTC"},
        "public/get_tradingview_chart_data": {"resolution": "60", **perpetual, **window},
        "public/get_last_trades_by_instrument": {**perpetual},
        "public/get_last_trades_by_currency": {"currency": "BTC"},
        "public/get_volatility_index_data": {"currency": "BTC", "resolution": "3600", **window},
    }
    for method, params in asked.items():
        assert msgspec.json.encode(replaying.handle(method, params, at)), method
