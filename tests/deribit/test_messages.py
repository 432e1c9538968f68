"""Tests of `trader.deribit.messages`."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trader.deribit import messages
from trader.deribit.messages import (
    CLIENT_FRAME_BYTES_MAX,
    CallEnvelope,
    ChartData,
    DeliveryPrices,
    DeliveryRow,
    ErrorBody,
    RequestFailed,
    SimulatorClock,
    chunk_channels,
    read_call,
)
from trader.domain.errors import FeedError


def test_calls_of_a_client_are_read_or_refused() -> None:
    """A call keeps its id's type; too long, not JSON and positional are told apart."""
    assert read_call(b'{"id":"101","method":"public/test"}') == CallEnvelope("public/test", "101")
    assert read_call(b'{"id":1,"method":"/public/test"}') == CallEnvelope("public/test", 1)
    assert read_call(b" " * (CLIENT_FRAME_BYTES_MAX + 1)) == ErrorBody(
        -32600, "request entity too large"
    )
    assert read_call(b"not json") == ErrorBody(11050, "bad_request", "invalid json")
    positional = read_call(b'{"id":1,"method":"public/test","params":[1]}')
    assert isinstance(positional, ErrorBody)
    assert positional.code == 11050


@given(st.none() | st.integers(-(2**60), 2**60) | st.text(max_size=20))
def test_ids_are_echoed_with_their_type(id_: int | str | None) -> None:
    """An id comes back as it was, and none where there was none."""
    call = read_call(messages.request_frame(id_, "public/test", {}))
    assert isinstance(call, CallEnvelope)
    answer = json.loads(messages.result_frame(call.id, "ok", 1, 3, testnet=False))
    assert answer.get("id") == id_
    assert type(answer.get("id")) is type(id_)
    assert ("id" in answer) == (id_ is not None)
    assert answer["usDiff"] == 2


def test_results_are_decoded_by_shape() -> None:
    """Typed results read numbers in any spelling; a wrong shape is a feed error that says so."""
    prices = Raw(b'{"data":[{"date":"2026-11-20","delivery_price":9.1e4}],"records_total":3}')
    assert messages.decode_result(prices, DeliveryPrices) == DeliveryPrices(
        (DeliveryRow("2026-11-20", 91000.0),), 3
    )
    chart = messages.decode_result(Raw(b'{"status":"no_data","ticks":[]}'), ChartData)
    assert chart.ticks == ()
    clock = b'{"epoch_at":1,"now_at":2,"speed":300,"seed":"a","market":"heston/1"}'
    assert messages.decode_result(Raw(clock), SimulatorClock).speed == 300.0
    with pytest.raises(FeedError, match="answer is no DeliveryPrices"):
        messages.decode_result(Raw(b"[]"), DeliveryPrices)


def test_one_odd_row_does_not_cost_the_catalog() -> None:
    """Trap ccxt#17656: rows of a new shape are skipped and named, the others are read."""
    row = {
        "instrument_name": "ETH-4DEC26-3000-P", "kind": "option", "base_currency": "ETH",
        "quote_currency": "ETH", "price_index": "eth_usd", "expiration_timestamp": 1796371200000,
        "tick_size": 1e-4, "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
        "min_trade_amount": 1, "contract_size": 1.0, "maker_commission": 0.0003,
        "taker_commission": 0.0003, "option_type": "put", "strike": 3e3, "brand_new": {"x": []},
    }  # fmt: skip
    odd = {**row, "tick_size": {"usd": 1}}
    rows, skipped = messages.decode_instruments(Raw(json.dumps([row, odd, 5]).encode()))
    assert [(found.strike, found.tick_size_steps[0].tick_size) for found in rows] == [
        (3000.0, 0.0005)
    ]
    assert len(skipped) == 2
    assert "$.tick_size" in skipped[0]
    with pytest.raises(FeedError, match="no list of instruments"):
        messages.decode_instruments(Raw(b"{}"))


def test_failed_requests_say_what_and_why() -> None:
    """The text of a refusal names method, code, message and reason; without a code, only words."""
    refused = RequestFailed("public/ticker", -32602, "Invalid params", "instrument not found")
    assert str(refused) == "public/ticker: -32602 Invalid params (instrument not found)"
    assert str(RequestFailed("public/test", 0, "no answer within 5 s")) == (
        "public/test: no answer within 5 s"
    )


@given(
    st.lists(st.text(min_size=1, max_size=60), max_size=300),
    st.integers(1, 250),
    st.integers(400, 32_000),
)
def test_chunks_hold_everything_in_order_within_both_limits(
    channels: list[str], count_max: int, bytes_max: int
) -> None:
    """Trap tmatic#439: no call exceeds the count or the bytes, and none is lost or moved."""
    chunks = chunk_channels(channels, count_max, bytes_max)
    assert [name for chunk in chunks for name in chunk] == channels
    assert all(0 < len(chunk) <= count_max for chunk in chunks)
    assert all(len(msgspec.json.encode(chunk)) <= bytes_max + 1 for chunk in chunks)


def test_a_channel_longer_than_a_call_is_an_error() -> None:
    """A name that fits no call is refused by name."""
    with pytest.raises(ValueError, match="xxxx"):
        chunk_channels(["x" * 500], 10, 400)


def test_nan_in_a_result_goes_out_as_null() -> None:
    """JSON has no NaN: what a server does not know is null on the wire."""
    assert json.loads(messages.notification_frame("c", {"p": math.nan}))["params"]["data"] == {
        "p": None
    }
