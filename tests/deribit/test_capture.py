"""Does a real session of the venue pass through ours whole? Every message of it accounted for."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests.deribit.wire import result, sent
from trader.deribit import translate
from trader.deribit.messages import BookUpdate, Ticker, decode_instruments
from trader.deribit.pushes import Notification
from trader.deribit.session import ClientSession, SessionLimits
from trader.domain.events import Quote

pytestmark = pytest.mark.real_data

Sides = tuple[dict[float, float], dict[float, float]]


class Line(msgspec.Struct):
    """One line of the capture; `msg` are the bytes that crossed the wire."""

    recv_ts: float
    dir: str
    msg: Raw


def capture(real_data: Path) -> list[Line]:
    """Read the capture."""
    with gzip.open(real_data / "stream" / "deribit_ws_2021-07-22.jsonl.gz") as lines:
        return [msgspec.json.decode(line, type=Line) for line in lines]


def connected(lines: list[Line]) -> ClientSession:
    """Connect a session that asks for what was asked for then, and is answered as then."""
    asked, answered = (json.loads(bytes(line.msg)) for line in lines[:2])
    session = ClientSession(SessionLimits())
    session.subscribe(asked["params"]["channels"], 0.0)
    session.connected(0.0)
    heartbeat, subscription = sent(session)
    assert session.receive(result(heartbeat["id"], "ok"), 0.0) == []
    assert session.receive(result(subscription["id"], answered["result"]), 0.0) == []
    assert len(session.book.active()) == len(asked["params"]["channels"]) == 30
    return session


def heard(session: ClientSession, lines: list[Line]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Let the session hear each push in its time; give (what was sent, what came of it)."""
    for line in lines[2:]:
        (note,) = session.receive(bytes(line.msg), line.recv_ts - lines[0].recv_ts)
        assert isinstance(note, Notification), note
        sent_data = json.loads(bytes(line.msg))["params"]
        assert note.channel == sent_data["channel"]
        yield sent_data["data"], note.payload


def test_every_message_of_a_real_session_arrives_as_what_it_was(real_data: Path) -> None:
    """137 lines: a call, its answer, 89 tickers that become quotes, 46 changes of books."""
    lines = capture(real_data)
    assert (len(lines), Counter(line.dir for line in lines)) == (137, {"in": 136, "out": 1})
    session = connected(lines)
    kinds: Counter[str] = Counter()
    books: dict[str, Sides] = {}
    for data, payload in heard(session, lines):
        kinds[type(payload).__name__] += 1
        if isinstance(payload, Ticker):
            (quote,) = translate.ticker(payload)
            assert isinstance(quote, Quote)
            _compare(quote, data)
        else:
            assert isinstance(payload, BookUpdate)
            _merge(books.setdefault(data["instrument_name"], ({}, {})), data)
    assert kinds == {"Ticker": 89, "BookUpdate": 46}
    assert session.unwanted == 0
    assert session.closing is None
    assert len(books) == 10
    for name, sides in books.items():
        channel = session.book.get(f"book.{name}.raw")
        assert channel is not None
        assert channel.book is not None
        assert channel.book.usable
        assert {one.price: one.amount for one in channel.book.bids()} == sides[0]
        assert {one.price: one.amount for one in channel.book.asks()} == sides[1]


def _compare(quote: Quote, data: dict[str, Any]) -> None:
    assert (quote.instrument, quote.exchange_at) == (
        data["instrument_name"],
        data["timestamp"] * 1_000_000,
    )
    for side in ("bid", "ask"):
        price, shown = data[f"best_{side}_price"], getattr(quote, side)
        assert shown == price if price else math.isnan(shown)
        assert getattr(quote, f"{side}_amount") == data[f"best_{side}_amount"]
    assert quote.mark == data["mark_price"]
    assert quote.underlying_price == data["underlying_price"]
    assert quote.index_price == data["index_price"]
    assert quote.mark_iv == pytest.approx(data["mark_iv"] / 100, rel=1e-15)


def _merge(sides: Sides, data: dict[str, Any]) -> None:
    """Follow a book in the plainest way, beside ours."""
    for side, rows in zip(sides, (data["bids"], data["asks"]), strict=True):
        for action, price, amount in rows:
            if action == "delete":
                del side[price]
            else:
                side[price] = amount


def test_every_row_of_real_catalogs_becomes_a_contract(real_data: Path) -> None:
    """1,017 rows of 2021 and 2022, the older ones without index and settlement currency."""
    path = real_data / "stream" / "deribit_get_instruments_2021-07-22.json.gz"
    answers = json.loads(gzip.decompress(path.read_bytes()))
    counted: Counter[tuple[str, str, bool, str]] = Counter()
    for answer in answers:
        rows, skipped = decode_instruments(Raw(json.dumps(answer["response"]["result"]).encode()))
        assert skipped == []
        for row in rows:
            one = translate.instrument(row)
            assert one is not None
            assert one.name == row.instrument_name
            assert (one.strike is None) == (row.kind != "option")
            counted[one.underlying, one.kind, one.inverse, one.settlement_currency] += 1
            if row.kind != "option":
                continue
            name = translate.contract_name(one.name)
            assert name is not None
            assert (name.strike, name.option_type, name.expires_at) == (
                one.strike,
                one.option_type,
                one.expires_at,
            )
    assert sum(counted.values()) == 1_017
    inverse = {key: count for key, count in counted.items() if key[2]}
    assert inverse == {
        ("BTC", "option", True, "BTC"): 390,
        ("BTC", "future", True, "BTC"): 7,
        ("BTC", "perpetual", True, "BTC"): 1,
        ("ETH", "option", True, "ETH"): 418,
        ("ETH", "future", True, "ETH"): 7,
        ("ETH", "perpetual", True, "ETH"): 1,
        ("SOL", "option", True, "SOL"): 172,
        ("SOL", "future", True, "SOL"): 4,
        ("SOL", "perpetual", True, "SOL"): 1,
    }
    linear = {key: count for key, count in counted.items() if not key[2]}
    assert all(key[1:] == ("perpetual", False, "USDC") for key in linear)
    assert sum(linear.values()) == 16
