"""What did the exchange just send? Its frames as typed pushes, answers, or what cannot be read."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec
from msgspec import Raw

from trader.deribit.messages import UNREADABLE, BookUpdate, Envelope, IndexTick, Params, Ticker

TICKER_PREFIX: Final = "ticker."
INDEX_PREFIX: Final = "deribit_price_index."
BOOK_PREFIX: Final = "book."
_TICKER_MARK: Final = b'"channel":"ticker.'
_INDEX_MARK: Final = b'"channel":"deribit_price_index.'
_BOOK_MARK: Final = b'"channel":"book.'
_MARK_WITHIN: Final = 120
"""How far into a frame the channel is looked for; the venue writes it near byte 50."""
_CHANNEL: Final = re.compile(rb'"channel"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,200})"')


class Notification(msgspec.Struct, frozen=True, gc=False):
    """One push on a channel; the payload is typed where the channel's prefix is known."""

    channel: str
    payload: Ticker | IndexTick | BookUpdate | Raw


class Unreadable(msgspec.Struct, frozen=True):
    """A frame that is not JSON-RPC; `channel` is what could be saved of it, else empty.

    `misfit`: good JSON, but not of the shape we know.
    """

    kind: Literal["half_frame", "garbage"]
    detail: str
    channel: str
    misfit: bool = False


class _TickerParams(msgspec.Struct, gc=False):
    channel: str
    data: Ticker


class _TickerFrame(msgspec.Struct, gc=False):
    method: Literal["subscription"]
    params: _TickerParams


class _IndexParams(msgspec.Struct, gc=False):
    channel: str
    data: IndexTick


class _IndexFrame(msgspec.Struct, gc=False):
    method: Literal["subscription"]
    params: _IndexParams


class _BookParams(msgspec.Struct):
    channel: str
    data: BookUpdate


class _BookFrame(msgspec.Struct):
    method: Literal["subscription"]
    params: _BookParams


_decode_ticker_frame = msgspec.json.Decoder(_TickerFrame).decode
_decode_index_frame = msgspec.json.Decoder(_IndexFrame).decode
_decode_book_frame = msgspec.json.Decoder(_BookFrame).decode
_decode_ticker = msgspec.json.Decoder(Ticker).decode
_decode_index = msgspec.json.Decoder(IndexTick).decode
_decode_book = msgspec.json.Decoder(BookUpdate).decode
_decode_envelope = msgspec.json.Decoder(Envelope).decode


def read_frame(frame: bytes) -> Notification | Envelope | Unreadable:
    """Decode a frame from the server; never raises.

    A push whose channel stands where the venue writes it is decoded in one pass by the decoder of
    that channel; everything else takes the general way, with the same result.
    """
    try:
        if frame.find(_TICKER_MARK, 0, _MARK_WITHIN) > 0:
            ticker = _decode_ticker_frame(frame).params
            return Notification(ticker.channel, ticker.data)
        if frame.find(_INDEX_MARK, 0, _MARK_WITHIN) > 0:
            index = _decode_index_frame(frame).params
            return Notification(index.channel, index.data)
        if frame.find(_BOOK_MARK, 0, _MARK_WITHIN) > 0:
            book = _decode_book_frame(frame).params
            if is_followed_book(book.channel):
                return Notification(book.channel, book.data)
    except UNREADABLE:
        pass  # the general way below finds the reason, or that the mark stood elsewhere
    try:
        envelope = _decode_envelope(frame)
        if envelope.method != "subscription":
            return envelope
        if envelope.params is None or not envelope.params.channel:
            return _unreadable(frame, "a subscription frame without a channel")
        return Notification(envelope.params.channel, _read_payload(envelope.params))
    except msgspec.ValidationError as error:
        return _unreadable(frame, str(error), misfit=True)
    except UNREADABLE as error:
        return _unreadable(frame, str(error))


def is_followed_book(channel: str) -> bool:
    """Tell `book.{instrument}.{interval}` from the windows of `book.{instrument}.{group}...`."""
    return channel.startswith(BOOK_PREFIX) and channel.count(".") == 2


def _read_payload(params: Params) -> Ticker | IndexTick | BookUpdate | Raw:
    if params.channel.startswith(TICKER_PREFIX):
        return _decode_ticker(params.data)
    if params.channel.startswith(INDEX_PREFIX):
        return _decode_index(params.data)
    if is_followed_book(params.channel):
        return _decode_book(params.data)
    return params.data


def _unreadable(frame: bytes, detail: str, *, misfit: bool = False) -> Unreadable:
    found = _CHANNEL.search(frame, 0, 400)
    channel = found.group(1).decode("ascii") if found else ""
    start = frame[:60].decode("ascii", "backslashreplace")
    kind: Literal["half_frame", "garbage"] = "half_frame" if "truncated" in detail else "garbage"
    return Unreadable(kind, f"{detail}: {start!r} ({len(frame)} bytes)", channel, misfit)
