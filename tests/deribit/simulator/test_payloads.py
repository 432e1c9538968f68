"""The wire's shapes: keys as Deribit sends them, and what stands for an empty side."""

from __future__ import annotations

import math

import msgspec
import pytest

from trader.deribit import translate
from trader.deribit.messages import InstrumentRow, Ticker
from trader.deribit.simulator import payloads, tickers
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.listing import PERPETUALS
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.events import Quote
from trader.domain.units import DAY

AT = DEMO_START_AT

INSTRUMENT = frozenset(
    [
        "price_index",
        "underlying_type",
        "rfq",
        "kind",
        "instrument_name",
        "instrument_id",
        "instrument_type",
        "state",
        "is_active",
        "expiration_timestamp",
        "creation_timestamp",
        "settlement_period",
        "base_currency",
        "counter_currency",
        "quote_currency",
        "settlement_currency",
        "contract_size",
        "min_trade_amount",
        "tick_size",
        "tick_size_steps",
        "maker_commission",
        "taker_commission",
        "block_trade_commission",
        "block_trade_min_trade_amount",
        "block_trade_tick_size",
    ]
)
TICKER = frozenset(
    [
        "timestamp",
        "state",
        "stats",
        "index_price",
        "instrument_name",
        "last_price",
        "settlement_price",
        "min_price",
        "max_price",
        "open_interest",
        "mark_price",
        "best_bid_price",
        "best_ask_price",
        "best_bid_amount",
        "best_ask_amount",
        "estimated_delivery_price",
    ]
)
OF_OPTIONS = frozenset(
    [
        "mark_iv",
        "bid_iv",
        "ask_iv",
        "underlying_price",
        "underlying_index",
        "interest_rate",
        "greeks",
    ]
)
OF_PERPETUALS = frozenset(["interest_value", "current_funding", "funding_8h"])
SUMMARY = frozenset(
    [
        "instrument_name",
        "creation_timestamp",
        "base_currency",
        "quote_currency",
        "volume",
        "volume_usd",
        "high",
        "low",
        "last",
        "price_change",
        "bid_price",
        "ask_price",
        "mid_price",
        "mark_price",
        "open_interest",
        "estimated_delivery_price",
    ]
)


def option_ticker(venue: SeededVenue, row: int = 100) -> Payload:
    """Write the ticker of some option."""
    return tickers.ticker(venue, venue.listings.options("BTC", AT)[row], AT)


def test_an_option_row_has_the_keys_of_the_venue(venue: SeededVenue) -> None:
    """Exactly the documented keys, and an inverse option settles in its coin."""
    row = payloads.instrument(venue.listings.options("BTC", AT)[0], AT)
    assert row.keys() == INSTRUMENT | {"option_type", "strike"}
    assert (row["quote_currency"], row["counter_currency"]) == ("BTC", "USD")
    assert (row["settlement_currency"], row["instrument_type"]) == ("BTC", "reversed")


def test_a_perpetual_row_has_the_keys_of_the_venue() -> None:
    """A perpetual is a `future` that expires in the year 3000."""
    row = payloads.instrument(PERPETUALS["BTC"], AT)
    own = {"future_type", "max_leverage", "max_liquidation_commission"}
    assert row.keys() == INSTRUMENT | own
    assert (row["kind"], row["expiration_timestamp"]) == ("future", 32_503_708_800_000)


def test_rows_survive_the_wire_and_translation(venue: SeededVenue) -> None:
    """Every listed row becomes an instrument with the listing's own terms."""
    for listing in venue.listed(AT):
        frame = msgspec.json.encode(payloads.instrument(listing, AT))
        instrument = translate.instrument(msgspec.json.decode(frame, type=InstrumentRow))
        assert instrument is not None
        assert (instrument.name, instrument.kind) == (listing.name, listing.kind)
        assert (instrument.strike, instrument.option_type) == (listing.strike, listing.option_type)
        if listing.kind == "option":
            assert instrument.expires_at == listing.expires_at
            read = translate.contract_name(listing.name)
            assert read is not None
            assert (read.strike, read.expires_at) == (listing.strike, listing.expires_at)


def test_an_expired_row_is_delivered(venue: SeededVenue) -> None:
    """From its expiry on, a contract is inactive."""
    listing = venue.listings.options("BTC", AT)[0]
    row = payloads.instrument(listing, listing.expires_at)
    assert (row["state"], row["is_active"]) == ("delivered", False)
    assert payloads.instrument(listing, listing.expires_at - 1)["state"] == "open"


def test_an_option_ticker_has_the_keys_of_the_venue(venue: SeededVenue) -> None:
    """Exactly the documented keys; the Greeks are five."""
    ticker = option_ticker(venue)
    assert ticker.keys() == TICKER | OF_OPTIONS
    assert ticker["greeks"].keys() == {"delta", "gamma", "vega", "theta", "rho"}
    assert ticker["stats"].keys() == {"high", "low", "price_change", "volume", "volume_usd"}
    assert ticker["underlying_index"].startswith("SYN.BTC-")


def test_a_perpetual_ticker_has_the_keys_of_the_venue(venue: SeededVenue) -> None:
    """Exactly the documented keys, with the day's notional."""
    ticker = tickers.ticker(venue, PERPETUALS["ETH"], AT)
    assert ticker.keys() == TICKER | OF_PERPETUALS
    assert "volume_notional" in ticker["stats"]
    assert ticker["min_price"] < ticker["mark_price"] < ticker["max_price"]


def test_tickers_survive_the_wire_and_translation(venue: SeededVenue) -> None:
    """Percent comes back as the market's fraction, an empty side as no price."""
    for listing, content in tickers.tickers(venue, "BTC", AT):
        message = msgspec.json.decode(msgspec.json.encode(content), type=Ticker)
        (quote,) = translate.ticker(message)
        assert isinstance(quote, Quote)
        board = venue.board("BTC", AT)
        row = board.listings.index(listing)
        assert quote.mark_iv == pytest.approx(float(board.mark_iv[row]), abs=1e-4)
        assert math.isnan(quote.bid) == (float(board.bid[row]) == 0.0)


def test_an_empty_side_is_0_in_a_ticker_and_null_in_a_summary(venue: SeededVenue) -> None:
    """The two shapes of the venue differ on purpose."""
    listing = venue.listings.options("BTC", AT)[100]
    empty = option_ticker(venue) | {"best_bid_price": 0.0, "best_bid_amount": 0.0}
    row = payloads.summary(listing, empty)
    assert (row["bid_price"], row["mid_price"]) == (None, None)
    assert row["ask_price"] == empty["best_ask_price"]
    assert payloads.order_book(empty, OrderBook({}, {0.1: 2.0}))["bids"] == []


def test_a_summary_has_the_keys_of_the_venue(venue: SeededVenue) -> None:
    """No timestamp and no Greeks; the forward and the IV of an option, the funding of a perp."""
    listing = venue.listings.options("BTC", AT)[100]
    option = payloads.summary(listing, option_ticker(venue))
    extra = {"mark_iv", "underlying_price", "underlying_index", "interest_rate"}
    assert option.keys() == SUMMARY | extra
    perpetual = payloads.summary(PERPETUALS["BTC"], tickers.ticker(venue, PERPETUALS["BTC"], AT))
    assert perpetual.keys() == SUMMARY | {"volume_notional", "current_funding", "funding_8h"}


def test_a_book_shows_the_touch(venue: SeededVenue) -> None:
    """Price and amount of each level, beside all that the ticker says."""
    ticker = option_ticker(venue)
    resting = OrderBook({0.1: 1.0, 0.09: 3.0}, {0.11: 2.0})
    book = payloads.order_book(ticker, resting)
    assert (book["bids"], book["asks"]) == ([(0.1, 1.0), (0.09, 3.0)], [(0.11, 2.0)])
    assert book.keys() == ticker.keys() | {"change_id", "bids", "asks"}


def test_a_quote_is_the_touch_alone(venue: SeededVenue) -> None:
    """Five figures and a name, as `quote.*` sends them."""
    listing = venue.listings.options("BTC", AT)[100]
    content = payloads.quote(listing, venue.option(listing, AT)[:4], AT)
    assert list(content) == [
        "timestamp",
        "instrument_name",
        "best_bid_price",
        "best_bid_amount",
        "best_ask_price",
        "best_ask_amount",
    ]


def test_small_shapes() -> None:
    """Index ticks, state changes, dates and currencies."""
    assert payloads.index_tick("btc_usd", 1.5, AT) == {
        "timestamp": 1_780_336_800_000,
        "price": 1.5,
        "index_name": "btc_usd",
    }
    change = payloads.state_change(PERPETUALS["BTC"], "open", AT)
    assert change["instrument_name"] == "BTC-PERPETUAL"
    assert payloads.date_of(AT + DAY) == "2026-06-02"
    assert [row["currency"] for row in payloads.currencies()] == ["BTC", "ETH", "USDC"]
