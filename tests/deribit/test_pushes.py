"""Tests of `trader.deribit.pushes`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trader.deribit import messages
from trader.deribit.messages import (
    BookUpdate,
    CallEnvelope,
    Envelope,
    ErrorBody,
    IndexTick,
    Ticker,
    read_call,
)
from trader.deribit.pushes import Notification, Unreadable, read_frame

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


def test_a_followed_book_is_typed_and_a_grouped_one_left_raw() -> None:
    """Rows of three are levels with an action; a grouped window shares only the prefix."""
    content = {"type": "change", "timestamp": 5, "instrument_name": "X", "prev_change_id": 3,
               "change_id": 4, "bids": [["new", 1, 2.5]], "asks": [["delete", 2.0, 0]]}  # fmt: skip
    update = BookUpdate("X", 5, 4, "change", 3, (("new", 1.0, 2.5),), (("delete", 2.0, 0.0),))
    frame = messages.notification_frame("book.X.100ms", content)
    assert read_frame(frame) == Notification("book.X.100ms", update)
    assert read_frame(b" " * 200 + frame) == Notification("book.X.100ms", update)
    window = {"timestamp": 5, "instrument_name": "X", "change_id": 4, "bids": [[1, 2]], "asks": []}
    for other in (window, content):
        read = read_frame(messages.notification_frame("book.X.none.10.100ms", other))
        assert isinstance(read, Notification)
        assert isinstance(read.payload, Raw)
    misfit = read_frame(messages.notification_frame("book.X.100ms", window))
    assert isinstance(misfit, Unreadable)
    assert (misfit.channel, misfit.misfit) == ("book.X.100ms", True)


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


@pytest.mark.parametrize("channel", ["ticker.X.agg2", "deribit_price_index.btc_usd", "book.X.raw"])
def test_an_instant_beyond_all_floats_is_garbage(channel: str) -> None:
    """JSON's integers have no end; arithmetic on one ended the client once."""
    content = {"instrument_name": "X", "index_name": "btc_usd", "price": 1.0, "change_id": 1,
               "type": "snapshot", "timestamp": 10**400}  # fmt: skip
    frame = {"method": "subscription", "params": {"channel": channel, "data": content}}
    read = read_frame(json.dumps(frame).encode())
    assert isinstance(read, Unreadable)
    assert (read.kind, read.channel) == ("garbage", channel)
