"""Tests of `trader.deribit.messages`."""

from __future__ import annotations

import json
import math
from typing import Any

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
    Envelope,
    ErrorBody,
    IndexTick,
    Notification,
    RequestFailed,
    SimulatorClock,
    Ticker,
    Unreadable,
    chunk_channels,
    read_call,
    read_frame,
)
from trader.domain.errors import FeedError

OPTION = (
    b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.ETH-4DEC26-3000-P.agg2",'
    b'"data":{"timestamp":1795160000123,"state":"open","stats":{"high":null,"low":null,'
    b'"price_change":null,"volume":0.0,"volume_usd":0.0},"index_price":3105.5,'
    b'"instrument_name":"ETH-4DEC26-3000-P","last_price":null,"settlement_price":2.2e-2,'
    b'"min_price":0.0001,"max_price":0.09,"open_interest":1054.0,"mark_price":2.1e-2,'
    b'"mark_iv":61.5,"bid_iv":60.25,"ask_iv":0.0,"best_bid_price":0.0205,"best_ask_price":0.0,'
    b'"best_bid_amount":40,"best_ask_amount":0.0,"underlying_price":3111.25,'
    b'"underlying_index":"ETH-4DEC26","interest_rate":0.0,"estimated_delivery_price":3105.5,'
    b'"greeks":{"delta":-0.3,"gamma":0.001,"vega":2.5,"theta":-9.1,"rho":-0.2}}}}'
)
PERPETUAL = (
    b'{"params":{"data":{"timestamp":1795160000456,"state":"open","index_price":3.1055e3,'
    b'"instrument_name":"ETH-PERPETUAL","best_bid_price":null,"best_bid_amount":null,'
    b'"best_ask_price":3106,"best_ask_amount":12000.0,"mark_price":3105.9,'
    b'"current_funding":-1.5e-5,"funding_8h":2e-05,"interest_value":0.01},'
    b'"channel":"ticker.ETH-PERPETUAL.100ms"},"method":"subscription","jsonrpc":"2.0"}'
)


def test_option_ticker_is_typed_and_keeps_the_venues_units() -> None:
    """Percent, milliseconds and zeros stand as sent; fields nobody reads are skipped."""
    assert read_frame(OPTION) == Notification(
        "ticker.ETH-4DEC26-3000-P.agg2",
        Ticker(
            instrument_name="ETH-4DEC26-3000-P",
            timestamp=1795160000123,
            best_bid_price=0.0205,
            best_bid_amount=40.0,
            best_ask_price=0.0,
            best_ask_amount=0.0,
            mark_price=0.021,
            index_price=3105.5,
            mark_iv=61.5,
            bid_iv=60.25,
            ask_iv=0.0,
            underlying_price=3111.25,
        ),
    )


def test_perpetual_ticker_reads_nulls_funding_and_any_order_of_keys() -> None:
    """Null sides are None, exponents are numbers, and the channel may come last."""
    assert read_frame(PERPETUAL) == Notification(
        "ticker.ETH-PERPETUAL.100ms",
        Ticker(
            instrument_name="ETH-PERPETUAL",
            timestamp=1795160000456,
            best_ask_price=3106.0,
            best_ask_amount=12000.0,
            mark_price=3105.9,
            index_price=3105.5,
            current_funding=-1.5e-5,
            funding_8h=2e-5,
        ),
    )


def test_index_push_is_typed() -> None:
    """The index channel has its own payload."""
    frame = messages.notification_frame(
        "deribit_price_index.eth_usd",
        {"timestamp": 1795160000000, "price": 3105, "index_name": "eth_usd"},
    )
    assert read_frame(frame) == Notification(
        "deribit_price_index.eth_usd", IndexTick("eth_usd", 1795160000000, 3105.0)
    )


def test_other_channels_are_left_raw() -> None:
    """A channel we have no type for is handed on undecoded, whatever its payload is."""
    read = read_frame(messages.notification_frame("instrument.state.any.any", {"state": "open"}))
    assert isinstance(read, Notification)
    assert isinstance(read.payload, Raw)
    assert msgspec.json.decode(read.payload) == {"state": "open"}


@given(
    st.fixed_dictionaries(
        {"instrument_name": st.text(min_size=1, max_size=9), "timestamp": st.integers(0, 2**50)},
        optional={
            name: st.none() | st.floats(allow_nan=False, allow_infinity=False)
            for name in ("best_bid_price", "best_ask_amount", "mark_iv", "funding_8h", "unheard_of")
        },
    )
)
def test_fast_and_general_way_agree(payload: dict[str, Any]) -> None:
    """Where the channel stands in the frame changes the speed of decoding, never its result."""
    params = {"channel": "ticker.X.agg2", "data": payload}
    frame = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    tight = json.dumps(frame, separators=(",", ":")).encode()
    loose = json.dumps({"pad": "x" * 200, **frame}, indent=1).encode()
    assert read_frame(tight) == read_frame(loose)
    assert isinstance(read_frame(tight), Notification)


def test_heartbeat_answer_and_error_are_envelopes() -> None:
    """Everything that is no push is one envelope; an error explains itself on one line."""
    beat = read_frame(messages.heartbeat_frame("test_request"))
    assert isinstance(beat, Envelope)
    assert beat.params is not None
    assert beat.params.type == "test_request"
    answer = read_frame(messages.result_frame(7, {"a": 1}, 10, 25, testnet=True))
    assert isinstance(answer, Envelope)
    assert (answer.id, bytes(answer.result)) == (7, b'{"a":1}')
    body = ErrorBody(-32602, "Invalid params", {"reason": "instrument not found", "param": "x"})
    refused = read_frame(messages.error_frame(7, body, 10, 25, testnet=False))
    assert isinstance(refused, Envelope)
    assert refused.error == body
    assert body.reason == "instrument not found x"
    assert ErrorBody(11050, "bad_request", "invalid json").reason == "invalid json"
    assert ErrorBody(10028).reason == ""


def test_a_channel_named_inside_a_result_does_not_make_it_a_push() -> None:
    """An answer that mentions `ticker.` near its start is still an answer."""
    read = read_frame(b'{"id":3,"result":{"channel":"ticker.X.agg2","data":1}}')
    assert isinstance(read, Envelope)
    assert read.id == 3


@pytest.mark.parametrize("cut", [0, 1, 40, 90, len(OPTION) // 2, len(OPTION) - 1])
def test_a_cut_frame_is_a_half_frame(cut: int) -> None:
    """A frame that ends too early is told from garbage; its channel is saved if it is there."""
    read = read_frame(OPTION[:cut])
    assert isinstance(read, Unreadable)
    assert read.kind == "half_frame"
    assert read.channel == ("ticker.ETH-4DEC26-3000-P.agg2" if cut > 100 else "")


@pytest.mark.parametrize(
    ("frame", "misfit"),
    [
        (b"\xff\x00garbage", False),
        (b"hello", False),
        (OPTION + b"x", False),
        (OPTION.replace(b"0.0205", b"0.02.05"), False),
        (b'{"r":' + b"[" * 100_000, False),
        (b"[1,2]", True),
        (b'{"method":"subscription"}', False),
        (OPTION.replace(b"0.0205", b'"0.0205"'), True),
        (OPTION.replace(b"0.0205", b"1e999"), True),
        (OPTION.replace(b"1795160000123", b"null"), True),
    ],
)
def test_garbage_is_named(frame: bytes, misfit: bool) -> None:
    """What is no JSON-RPC, or has numbers that are none, is garbage with reason and sample."""
    read = read_frame(frame)
    assert isinstance(read, Unreadable)
    assert (read.kind, read.misfit) == ("garbage", misfit)
    assert f"({len(frame)} bytes)" in read.detail


@given(st.binary(max_size=300) | st.integers(0, len(OPTION)).map(lambda cut: OPTION[cut:]))
def test_no_bytes_make_a_reader_raise(frame: bytes) -> None:
    """Any bytes are read as something, at both ends."""
    assert isinstance(read_frame(frame), Notification | Envelope | Unreadable)
    assert isinstance(read_call(frame), CallEnvelope | ErrorBody)


@given(st.integers(0, len(PERPETUAL) - 1), st.integers(0, 255))
def test_a_flipped_byte_never_raises(place: int, byte: int) -> None:
    """One wrong byte anywhere is survived."""
    frame = PERPETUAL[:place] + bytes([byte]) + PERPETUAL[place + 1 :]
    assert isinstance(read_frame(frame), Notification | Envelope | Unreadable)


def test_calls_of_a_client_are_read_or_refused() -> None:
    """A call keeps its id's type; too long, not JSON and positional are told apart."""
    assert read_call(b'{"id":"101","method":"public/test"}') == CallEnvelope("public/test", "101")
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
