"""Frames of the server for tests, and a client session that a healthy server has answered."""

from __future__ import annotations

import json
from typing import Any

from trader.deribit import messages
from trader.deribit.feed import SessionEvent
from trader.deribit.session import ClientSession, SessionLimits

INDEX = "deribit_price_index.btc_usd"
TICKER = "ticker.BTC-25DEC26-90000-C.agg2"


def sent(session: ClientSession) -> list[dict[str, Any]]:
    """Decode what the session wants to send."""
    return [json.loads(frame) for frame in session.data_to_send()]


def subscribed(frames: list[dict[str, Any]], verb: str = "subscribe") -> list[str]:
    """List the channels of all (un)subscribe calls among the frames."""
    calls = [frame for frame in frames if frame["method"] == f"public/{verb}"]
    return [name for call in calls for name in call["params"]["channels"]]


def result(id_: int, value: object) -> bytes:
    """Write an answer of the server."""
    return messages.result_frame(id_, value, 0, 0, testnet=False)


def error(id_: int | None, code: int, message: str = "no") -> bytes:
    """Write a refusal of the server."""
    return messages.error_frame(id_, messages.ErrorBody(code, message), 0, 0, testnet=False)


def ticker(ms: int, channel: str = TICKER, bid: float = 0.02) -> bytes:
    """Write a ticker push."""
    name = channel.split(".")[1]
    content = {"instrument_name": name, "timestamp": ms, "best_bid_price": bid}
    return messages.notification_frame(channel, content)


def index(ms: int, channel: str = INDEX) -> bytes:
    """Write an index push."""
    content = {"index_name": channel.split(".")[1], "timestamp": ms, "price": 90_000.0}
    return messages.notification_frame(channel, content)


def answer_all(session: ClientSession, now: float) -> list[SessionEvent]:
    """Answer every waiting call as a healthy server would."""
    events: list[SessionEvent] = []
    for call in sent(session):
        value = call["params"].get("channels", "ok")
        events += session.receive(result(call["id"], value), now)
    return events


def live(*channels: str, limits: SessionLimits | None = None, now: float = 0.0) -> ClientSession:
    """Build a session that is connected and subscribed."""
    session = ClientSession(limits or SessionLimits())
    session.subscribe(channels, now)
    session.connected(now)
    assert answer_all(session, now) == []
    return session


def book(
    before: int | None, after: int, *bids: list[object], channel: str = "book.BTC-PERPETUAL.100ms"
) -> bytes:
    """Write a push of an order book: a snapshot where there is no state before."""
    content: dict[str, object] = {
        "type": "snapshot" if before is None else "change", "timestamp": after,
        "instrument_name": channel.split(".")[1], "change_id": after, "bids": bids, "asks": [],
    } | ({} if before is None else {"prev_change_id": before})  # fmt: skip
    return messages.notification_frame(channel, content)
