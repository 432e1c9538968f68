"""Units, names and sides: what Deribit's messages become."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deribit import messages, translate
from trader.domain.errors import FeedError
from trader.domain.events import FundingRate, Quote
from trader.domain.units import DAY, HOUR, MILLISECOND, iso

AT_MS = 1_795_168_800_000
HOUR_MS = 3_600_000


def row(**changes: object) -> messages.InstrumentRow:
    """Make the catalog row of an inverse BTC call, changed as stated."""
    fields: dict[str, object] = {
        "instrument_name": "BTC-25DEC26-100000-C",
        "kind": "option",
        "base_currency": "BTC",
        "quote_currency": "BTC",
        "counter_currency": "USD",
        "settlement_currency": "BTC",
        "price_index": "btc_usd",
        "expiration_timestamp": 1_798_185_600_000,
        "tick_size": 0.0001,
        "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
        "min_trade_amount": 0.1,
        "contract_size": 1.0,
        "maker_commission": 0.0003,
        "taker_commission": 0.0003,
        "settlement_period": "month",
        "instrument_type": "reversed",
        "option_type": "call",
        "strike": 100_000.0,
    }
    return msgspec.convert(fields | changes, messages.InstrumentRow)


PERPETUAL: dict[str, Any] = {
    "instrument_name": "BTC-PERPETUAL",
    "kind": "future",
    "quote_currency": "USD",
    "settlement_period": "perpetual",
    "expiration_timestamp": 32_503_708_800_000,
    "option_type": None,
    "strike": None,
    "tick_size": 0.5,
    "tick_size_steps": [],
    "contract_size": 10.0,
    "min_trade_amount": 10.0,
}


def test_an_inverse_option_becomes_an_instrument() -> None:
    """Coin-settled, its steps and fees as listed, its expiry at 08:00 UTC in nanoseconds."""
    option = translate.instrument(row())
    assert option is not None
    assert (option.kind, option.underlying, option.settlement_currency) == ("option", "BTC", "BTC")
    assert option.inverse
    assert (option.option_type, option.strike) == ("call", 100_000.0)
    assert option.expires_at is not None
    assert iso(option.expires_at) == "2026-12-25T08:00:00Z"
    assert option.tick_at(0.004) == 0.0001
    assert option.tick_at(0.02) == 0.0005
    assert (option.taker_fee_rate, option.settlement_period) == (0.0003, "month")


def test_a_linear_option_has_the_coin_as_underlying() -> None:
    """`BTC_USDC-...` is BTC, settled in USDC, not inverse."""
    option = translate.instrument(
        row(
            instrument_name="BTC_USDC-25DEC26-100000-C",
            quote_currency="USDC",
            counter_currency="USDC",
            settlement_currency="USDC",
            price_index="btc_usdc",
            instrument_type="linear",
        )
    )
    assert option is not None
    assert (option.underlying, option.settlement_currency, option.inverse) == ("BTC", "USDC", False)
    assert option.price_index == "btc_usdc"


def test_a_perpetual_has_no_expiry() -> None:
    """The year 3000 is no expiry, and a `future` with a perpetual period is a perpetual."""
    perpetual = translate.instrument(row(**PERPETUAL))
    assert perpetual is not None
    assert (perpetual.kind, perpetual.expires_at, perpetual.strike) == ("perpetual", None, None)
    assert (perpetual.inverse, perpetual.settlement_period) == (True, "perpetual")


def test_a_dated_future_expires() -> None:
    """A `future` of any other period is dated."""
    future = translate.instrument(
        row(
            **PERPETUAL
            | {
                "instrument_name": "BTC-25DEC26",
                "settlement_period": "week",
                "expiration_timestamp": 1_798_185_600_000,
            }
        )
    )
    assert future is not None
    assert (future.kind, future.settlement_period) == ("future", "week")
    assert future.expires_at == 1_798_185_600_000 * MILLISECOND


def test_a_spot_pair_settles_in_its_quote_currency() -> None:
    """Spot has no settlement currency on the wire, and is not inverse."""
    spot = translate.instrument(
        row(
            instrument_name="BTC_USDC",
            kind="spot",
            quote_currency="USDC",
            settlement_currency=None,
            settlement_period=None,
            instrument_type=None,
            option_type=None,
            strike=None,
        )
    )
    assert spot is not None
    assert (spot.kind, spot.settlement_currency, spot.inverse) == ("spot", "USDC", False)


@pytest.mark.parametrize("kind", ["option_combo", "future_combo", "tulip"])
def test_kinds_we_do_not_trade_are_none(kind: str) -> None:
    """Combos and unknown kinds are passed over without an error."""
    assert translate.instrument(row(kind=kind)) is None


def test_missing_strike_and_type_are_read_from_the_name() -> None:
    """In a name `d` is the decimal point."""
    option = translate.instrument(
        row(instrument_name="XRP_USDC-30JUN23-0d625-P", strike=None, option_type=None)
    )
    assert option is not None
    assert (option.strike, option.option_type) == (0.625, "put")


def test_an_unknown_period_is_charged_as_a_monthly() -> None:
    """Only dailies are free of delivery fees, so doubt goes against us."""
    option = translate.instrument(row(settlement_period="quarter"))
    assert option is not None
    assert option.settlement_period == "month"
    daily = translate.instrument(row(settlement_period="day"))
    assert daily is not None
    assert daily.daily


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tick_size": 0.0}, "tick_size"),
        ({"min_trade_amount": -1.0}, "min_trade_amount"),
        ({"strike": -5.0}, "strike"),
        ({"strike": None, "instrument_name": "BTC-X"}, "strike"),
        ({"expiration_timestamp": 0}, "timestamp"),
        ({"expiration_timestamp": 32_503_708_800_000}, "timestamp"),
        ({"base_currency": ""}, "underlying"),
        ({"taker_commission": math.nan}, "fee rate"),
    ],
)
def test_a_row_that_cannot_be_traded_is_refused_by_field(
    changes: dict[str, object], field: str
) -> None:
    """The refusal names the field."""
    with pytest.raises(FeedError, match=field):
        translate.instrument(row(**changes))


@pytest.mark.parametrize(
    ("name", "underlying", "expiry", "strike", "option_type"),
    [
        ("BTC-25DEC26-100000-C", "BTC", "2026-12-25T08:00:00Z", 100_000.0, "call"),
        ("ETH-4DEC26-3000-P", "ETH", "2026-12-04T08:00:00Z", 3_000.0, "put"),
        ("BTC_USDC-25DEC26-100000-C", "BTC", "2026-12-25T08:00:00Z", 100_000.0, "call"),
        ("SOL_USDC-27NOV26", "SOL", "2026-11-27T08:00:00Z", None, None),
    ],
)
def test_names_of_dated_contracts_are_read(
    name: str, underlying: str, expiry: str, strike: float | None, option_type: str | None
) -> None:
    """Underlying, expiry, strike and type stand in the name."""
    read = translate.contract_name(name)
    assert read is not None
    assert (read.underlying, iso(read.expires_at)) == (underlying, expiry)
    assert (read.strike, read.option_type) == (strike, option_type)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "BTC-PERPETUAL",
        "BTC_USDC",
        "BTC-04DEC26-3000-P",
        "BTC-31FEB26-3000-P",
        "BTC-4FOO26-3000-P",
        "BTC-4DEC26-3000-X",
        "BTC-FS-25DEC26_PERP",
        "BTC-CS-25DEC26-95000_100000",
    ],
)
def test_other_names_are_not_read(name: str) -> None:
    """Perpetuals, pairs, combos, zero-padded and impossible days are no dated contract."""
    assert translate.contract_name(name) is None


@pytest.mark.parametrize("name", ["btc_usd", "btc_usdc", "BTC_USD"])
def test_every_index_of_a_coin_is_its_underlying(name: str) -> None:
    """Inverse and linear index share the underlying."""
    assert translate.underlying_of_index(name) == "BTC"


def test_an_empty_index_name_is_refused() -> None:
    """The refusal is a feed error that names the index."""
    with pytest.raises(FeedError, match="index ''"):
        translate.underlying_of_index("")


def test_names_are_made_from_any_spelling_of_an_underlying() -> None:
    """`btc`, `BTC` and `BTC_USDC` lead to the same index; what has none in USD to that in USDC."""
    for spelling in ("btc", "BTC", "BTC_USDC"):
        assert translate.index_name(spelling) == "btc_usd"
    for spelling in ("sol", "SOL", "SOL_USDC"):
        assert translate.index_name(spelling) == "sol_usdc"


def option_ticker(**changes: object) -> messages.Ticker:
    """Make the ticker of an option, changed as stated."""
    fields: dict[str, object] = {
        "instrument_name": "BTC-25DEC26-100000-C",
        "timestamp": AT_MS,
        "best_bid_price": 0.028,
        "best_bid_amount": 12.3,
        "best_ask_price": 0.0285,
        "best_ask_amount": 7.9,
        "mark_price": 0.0282,
        "index_price": 91_240.55,
        "mark_iv": 48.12,
        "underlying_price": 92_118.4,
    }
    return msgspec.convert(fields | changes, messages.Ticker)


def quote_of(message: messages.Ticker) -> Quote:
    """Translate a ticker and take its quote, which comes first."""
    quote = translate.ticker(message)[0]
    assert isinstance(quote, Quote)
    return quote


def test_a_ticker_becomes_a_quote_in_our_units() -> None:
    """Percent becomes a fraction, milliseconds nanoseconds; an option brings no funding."""
    quote = quote_of(option_ticker())
    assert len(translate.ticker(option_ticker())) == 1
    assert quote.exchange_at == AT_MS * MILLISECOND
    assert quote.mark_iv == pytest.approx(0.4812)
    assert (quote.bid, quote.bid_amount, quote.ask, quote.ask_amount) == (0.028, 12.3, 0.0285, 7.9)
    assert (quote.underlying_price, quote.index_price) == (92_118.4, 91_240.55)


@pytest.mark.parametrize("empty", [0.0, None, -1.0, math.nan, math.inf])
def test_trap_a_zero_or_null_side_is_no_price(empty: float | None) -> None:
    """An empty side reads NaN with no amount, and is never a free option."""
    quote = quote_of(option_ticker(best_ask_price=empty, best_ask_amount=empty))
    assert math.isnan(quote.ask)
    assert quote.ask_amount == 0.0
    assert quote.bid == 0.028


@pytest.mark.parametrize("iv_percent", [0.0, None, -3.0, math.nan, 1_001.0, math.inf])
def test_an_impossible_volatility_is_nan(iv_percent: float | None) -> None:
    """0, null and what no market quotes are no volatility; 1,000 % still is one."""
    quote = quote_of(option_ticker(mark_iv=iv_percent))
    assert math.isnan(quote.mark_iv)
    wild = quote_of(option_ticker(mark_iv=1_000.0))
    assert wild.mark_iv == 10.0


def test_a_mark_of_zero_values_what_is_worthless() -> None:
    """0 is a valuation, unlike 0 as a price to trade at; a missing mark is NaN."""
    worthless = quote_of(option_ticker(mark_price=0.0))
    assert worthless.mark == 0.0
    unmarked = quote_of(option_ticker(mark_price=None))
    assert math.isnan(unmarked.mark)


def test_a_perpetual_brings_its_funding_rate() -> None:
    """The rate per 8 hours comes beside the quote; the index stands for the forward."""
    ticker = option_ticker(
        instrument_name="BTC-PERPETUAL",
        mark_iv=None,
        underlying_price=None,
        current_funding=-0.0001,
    )
    quote = quote_of(ticker)
    assert quote.underlying_price == 91_240.55
    assert math.isnan(quote.mark_iv)
    assert translate.ticker(ticker)[1:] == (
        FundingRate("BTC-PERPETUAL", -0.0001, AT_MS * MILLISECOND),
    )


@pytest.mark.parametrize("timestamp", [0, -5, 7_258_118_400_000, 2**53])
def test_a_ticker_without_an_instant_is_refused(timestamp: int) -> None:
    """Seconds, nanoseconds and nonsense in place of milliseconds are refused."""
    with pytest.raises(FeedError, match="timestamp"):
        translate.ticker(option_ticker(timestamp=timestamp))


def test_an_index_tick_becomes_the_price_of_its_underlying() -> None:
    """The index of BTC in USD, at its instant."""
    index = translate.index_price(messages.IndexTick("btc_usd", AT_MS, 91_240.55))
    assert (index.underlying, index.price) == ("BTC", 91_240.55)
    assert index.exchange_at == AT_MS * MILLISECOND


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_an_index_without_a_price_is_refused(price: float) -> None:
    """An index that is not positive is no index."""
    with pytest.raises(FeedError, match="btc_usd"):
        translate.index_price(messages.IndexTick("btc_usd", AT_MS, price))


def chart(ticks: list[int], closes: list[float]) -> messages.ChartData:
    """Make a chart whose bars open at 100 and span their close."""
    return messages.ChartData(
        status="ok",
        ticks=tuple(ticks),
        open=tuple(100.0 for _ in ticks),
        high=tuple(max(100.0, close) for close in closes),
        low=tuple(min(100.0, close) for close in closes),
        close=tuple(closes),
    )


def test_bars_are_sorted_closed_and_unique() -> None:
    """Pages may overlap and come in any order; the running hour is left out."""
    start = AT_MS - 3 * HOUR_MS
    late = chart([start + 2 * HOUR_MS, start + 3 * HOUR_MS], [103.0, 104.0])
    early = chart([start, start + HOUR_MS, start + 2 * HOUR_MS], [101.0, 102.0, 103.5])
    loaded = translate.history("btc", [late, early], AT_MS * MILLISECOND + HOUR - 1)
    assert loaded.underlying == "BTC"
    assert loaded.bars.close == (101.0, 102.0, 103.5)
    assert loaded.bars.opened_at == tuple(
        (start + hour * HOUR_MS) * MILLISECOND for hour in range(3)
    )


def test_unsound_bars_are_left_out() -> None:
    """A price of 0, NaN, an impossible range or half an hour is no bar."""
    start = AT_MS - 10 * HOUR_MS
    sound = chart([start], [101.0])
    half = chart([start + HOUR_MS // 2], [101.0])
    zero = chart([start + HOUR_MS, start + 2 * HOUR_MS], [0.0, math.nan])
    odd = msgspec.structs.replace(chart([start + 3 * HOUR_MS], [101.0]), high=(99.0,))
    loaded = translate.history("BTC", [sound, half, zero, odd], AT_MS * MILLISECOND)
    assert loaded.bars.opened_at == (start * MILLISECOND,)


def test_no_history_is_no_bars() -> None:
    """`no_data` is an empty answer, not an error."""
    loaded = translate.history("BTC", [messages.ChartData(status="no_data")], AT_MS * MILLISECOND)
    assert loaded.bars.opened_at == ()


def test_columns_of_unequal_length_are_refused() -> None:
    """A torn chart is not guessed at."""
    torn = msgspec.structs.replace(chart([AT_MS], [101.0]), close=())
    with pytest.raises(FeedError, match="columns"):
        translate.history("BTC", [torn], AT_MS * MILLISECOND)


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 400))
def test_any_order_of_bars_gives_increasing_closed_hours(hours: list[int], now: int) -> None:
    """Whatever comes, what is kept is strictly increasing and closed."""
    origin = AT_MS - AT_MS % HOUR_MS
    given_chart = chart([origin + hour * HOUR_MS for hour in hours], [101.0] * len(hours))
    at = (origin + now * HOUR_MS) * MILLISECOND
    opened_at = translate.history("BTC", [given_chart], at).bars.opened_at
    assert len(opened_at) == len({hour for hour in hours if hour < now})
    assert all(opened + HOUR <= at for opened in opened_at)


def test_a_delivery_date_is_its_expiry_at_8_utc() -> None:
    """A date names the expiry at 08:00 UTC of that day."""
    (price,) = translate.delivery_prices("btc", [messages.DeliveryRow("2026-11-20", 90_871.2231)])
    assert (price.underlying, price.price) == ("BTC", 90_871.2231)
    assert iso(price.expires_at) == "2026-11-20T08:00:00Z"
    assert price.expires_at % DAY == 8 * HOUR


@pytest.mark.parametrize(
    ("day", "price"), [("20 NOV", 1.0), ("", 1.0), ("2026-11-20", 0.0), ("2026-11-20", math.nan)]
)
def test_an_unusable_delivery_price_is_refused(day: str, price: float) -> None:
    """Nobody settles at a guess."""
    with pytest.raises(FeedError, match="delivery price of BTC"):
        translate.delivery_prices("BTC", [messages.DeliveryRow(day, price)])
