"""Can any frame break a session? Random and mutated ones, at both ends, from a stated seed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from trader.deribit import translate
from trader.deribit.feed import Fault
from trader.deribit.messages import (
    CLIENT_FRAME_BYTES_MAX,
    ErrorBody,
    IndexTick,
    Ticker,
    error_frame,
    request_frame,
)
from trader.deribit.pushes import Notification
from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import Authority
from trader.deribit.server_session import Call, ServerSession
from trader.deribit.session import ClientSession, SessionLimits
from trader.deribit.sign_in import Credentials
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.errors import FeedError
from trader.domain.events import Quote
from trader.domain.units import SECOND

CHANNEL = "ticker.BTC-PERPETUAL.100ms"
BOOK = "book.BTC-PERPETUAL.100ms"
INDEX = "deribit_price_index.btc_usd"
QUOTE = "quote.BTC-PERPETUAL"
CHANNELS = [CHANNEL, BOOK, INDEX, QUOTE, "platform_state"]
REQUESTS = [
    request_frame(1, "public/subscribe", {"channels": CHANNELS}),
    request_frame("a", "public/auth", {"grant_type": "client_credentials", "client_id": "demo",
                                       "client_secret": "demo-secret"}),
    request_frame(2, "public/set_heartbeat", {"interval": 30}),
    request_frame(3, "public/ticker", {"instrument_name": "BTC-PERPETUAL"}),
    request_frame(4, "public/get_order_book", {"instrument_name": "BTC-PERPETUAL", "depth": 5}),
    request_frame(5, "public/get_index_price", {"index_name": "btc_usd"}),
    request_frame(6, "public/get_expirations", {"currency": "any", "kind": "any"}),
    request_frame(7, "public/get_contract_size", {"instrument_name": "BTC-PERPETUAL"}),
    request_frame(8, "public/get_time", {}),
    request_frame(9, "public/status", {}),
    request_frame(None, "private/subscribe", {"channels": [CHANNEL], "access_token": "x"}),
]  # fmt: skip
FIXED = [
    b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":10028,"message":"too_many_requests"}}',
    b'{"jsonrpc":"2.0","id":3,"error":{"code":11051,"message":"system_maintenance"}}',
    error_frame(2, ErrorBody(13_009, "unauthorized"), 1, 2, testnet=False),
]
SPLINTERS = [b"null", b"-1e999", b"1e308", b"9" * 400, b"NaN", b"Infinity", b'"\\ud800"', b"{}",
             b"[]", b"0", b"true", b'""', b"\xff\xfe", b"\xc0\x80", b'"id":1,"id":2,',
             b'"method":"public/test",', b'{"a":' * 500, b"-", b"\x00"]  # fmt: skip
"""What values are swapped for, or what is put between: wrong types, numbers that are none or huge,
double keys, broken UTF-8, half a nest."""

CODES = {-32_600, -32_601, -32_602, 10_001, 11_050, 13_004, 13_009, 13_020, 13_778}


def mutants(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Make frames: noise, and sound ones with bytes changed, cut, doubled, swapped or grown."""
    chance = np.random.default_rng(seed)
    for _ in range(count):
        frame = bytearray(seeds[int(chance.integers(len(seeds)))])
        for _ in range(int(chance.integers(1, 4))):
            place = int(chance.integers(len(frame) + 1))
            match int(chance.integers(9)):
                case 0:
                    frame = bytearray(chance.bytes(int(chance.integers(1, 200))))
                case 1:
                    frame[place : place + 1] = chance.bytes(1)
                case 2:
                    del frame[place:]
                case 3:
                    frame += frame[place:]
                case 4:
                    other = seeds[int(chance.integers(len(seeds)))]
                    frame[place:] = other[int(chance.integers(len(other))) :]
                case 5:
                    frame[place:place] = b"[" * int(chance.integers(1, 3_000))
                case 6:
                    frame[place:place] = SPLINTERS[int(chance.integers(len(SPLINTERS)))]
                case 7:
                    frame = swap(frame, chance)
                case _:
                    del frame[place : place + int(chance.integers(1, 9))]
            frame = frame[: 2 * CLIENT_FRAME_BYTES_MAX] or bytearray(b" ")
        yield bytes(frame)


def swap(frame: bytearray, chance: np.random.Generator) -> bytearray:
    """Put another value where one stands: after a colon, up to the next comma or brace."""
    colons = [place for place, byte in enumerate(frame) if byte == ord(":")]
    if not colons:
        return frame
    start = colons[int(chance.integers(len(colons)))] + 1
    end = next((at for at in range(start, len(frame)) if frame[at] in b",}]"), len(frame))
    splinter = SPLINTERS[int(chance.integers(len(SPLINTERS)))]
    return frame[:start] + splinter + frame[end:]


def traffic(venue: SeededVenue, exchange: Exchange) -> list[bytes]:
    """Record what the exchange says to a client: its answers, and pushes of every channel."""
    session = ServerSession(
        knows=lambda name: exchange.knows(name, DEMO_START_AT), opened=0.0, epoch_us=0
    )
    for frame in REQUESTS:
        for event in session.receive(frame, 0.0):
            if isinstance(event, Call):
                session.answer(event, exchange.handle(event.method, event.params, DEMO_START_AT), 0)
    frames = [*FIXED, *session.data_to_send()]
    publisher, places = Publisher(venue), Subscriptions()
    wanted = [channel for channel in map(parse_channel, CHANNELS) if channel is not None]
    for channel in wanted:
        places.add(channel)
    for second in range(20):
        publisher.refresh(wanted, DEMO_START_AT + second * SECOND)
        frames += [frame for _, frame in publisher.frames(places, slow=True)]
    kinds = {name for name in CHANNELS if any(f'"{name}"'.encode() in frame for frame in frames)}
    assert kinds == set(CHANNELS), "the attack must know every kind of push"
    return frames


def expected_code(frame: bytes) -> int | None:
    """Tell the code a frame must be refused with, where the protocol leaves no choice."""
    if len(frame) > CLIENT_FRAME_BYTES_MAX:
        return -32_600
    try:
        call = json.loads(frame.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return 11_050
    if not isinstance(call, dict) or not isinstance(call.get("method"), str):
        return 11_050
    return None


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def attack_server(exchange: Exchange, count: int) -> None:
    """Send mutants to one session and answer its calls: one reply each, a documented code."""
    session = ServerSession(
        knows=lambda name: exchange.knows(name, DEMO_START_AT), opened=0.0, epoch_us=0,
        authority=Authority({"demo": "demo-secret"}, seed="fuzz"),
    )  # fmt: skip
    for number, frame in enumerate(mutants(REQUESTS, count, seed=1)):
        now = number / 1_000
        for event in session.receive(frame, now):
            if isinstance(event, Call):
                try:
                    result = exchange.handle(event.method, event.params, DEMO_START_AT)
                except ServerError as error:
                    session.refuse(event, error, now)
                else:
                    session.answer(event, result, now)
        session.tick(now)
        replies = [json.loads(reply) for reply in session.data_to_send()]
        answers = [reply for reply in replies if reply.get("method") != "heartbeat"]
        assert len(answers) == 1, frame
        error_body = answers[0].get("error")
        assert error_body is None or error_body["code"] in CODES, (frame, error_body)
        wanted = expected_code(frame)
        assert wanted is None or (error_body and error_body["code"] == wanted), (frame, answers)
        if session.closing is not None:
            session.closing = None
            session.receive(b'{"method":"public/disable_heartbeat"}', now)
            session.data_to_send()


def attack_client(frames: list[bytes], count: int) -> int:
    """Send mutants to one client session, translate what it passes on; the number of its faults."""
    session = ClientSession(SessionLimits(), Credentials("demo", "demo-secret"))
    session.subscribe([*CHANNELS, "book.ETH-PERPETUAL.raw"], 0.0)
    session.connected(0.0)
    faults = 0
    for number, frame in enumerate(mutants(frames, count, seed=2)):
        now = number / 1_000
        for event in session.receive(frame, now):
            faults += isinstance(event, Fault)
            if isinstance(event, Notification):
                faults += not understood(event)
        session.tick(now)
        session.data_to_send()
        if session.closing is not None:  # as its owner does: a new connection
            session.disconnected()
            session.connected(now)
    assert len(session.book) == len(CHANNELS) + 1
    return faults


def understood(note: Notification) -> bool:
    """Translate a push; one that cannot be trusted may raise one error, and no other."""
    try:
        if isinstance(note.payload, Ticker):
            (quote, *_) = translate.ticker(note.payload)
            assert isinstance(quote, Quote)
            assert not quote.bid <= 0
            assert not quote.ask <= 0
        elif isinstance(note.payload, IndexTick):
            assert translate.index_price(note.payload).price > 0
    except FeedError:
        return False
    return True


@pytest.fixture(scope="module")
def exchange(venue: SeededVenue) -> Exchange:
    """Make an exchange over the shared venue."""
    return Exchange(
        venue, Archive(SeededVenue(Market(venue.market.seed))), epoch_at=DEMO_START_AT, speed=1.0
    )


@pytest.fixture(scope="module")
def venue() -> SeededVenue:
    """Make a venue for both attacks."""
    return SeededVenue(Market(7))


@pytest.fixture(scope="module")
def frames(venue: SeededVenue, exchange: Exchange) -> list[bytes]:
    """Record the traffic that is mutated."""
    return traffic(venue, exchange)


def test_a_server_survives_mutants(exchange: Exchange) -> None:
    """Every frame is answered once, with the code that the protocol gives it."""
    attack_server(exchange, 3_000)


def test_a_client_survives_mutants(frames: list[bytes]) -> None:
    """It raises nothing, wants what it wanted, and says what it could not read."""
    assert attack_client(frames, 3_000) > 100


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_hundred_thousand_mutants_at_both_ends(exchange: Exchange, frames: list[bytes]) -> None:
    """The same, and what is kept in memory does not grow with the number of frames."""
    attack_server(exchange, 10_000)
    attack_client(frames, 10_000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    attack_server(exchange, 100_000)
    attack_client(frames, 100_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 5_000_000
