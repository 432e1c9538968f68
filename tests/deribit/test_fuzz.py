"""Can any frame break a session? Random and mutated ones, at both ends, from a stated seed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from trader.deribit.feed import Fault
from trader.deribit.messages import (
    CLIENT_FRAME_BYTES_MAX,
    notification_frame,
    request_frame,
    result_frame,
)
from trader.deribit.refusal import ServerError
from trader.deribit.server_auth import Authority
from trader.deribit.server_session import Call, ServerSession
from trader.deribit.session import ClientSession, SessionLimits
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.venue import Venue

CHANNEL = "ticker.BTC-PERPETUAL.100ms"
REQUESTS = [
    request_frame(1, "public/subscribe", {"channels": [CHANNEL, "book.BTC-PERPETUAL.raw"]}),
    request_frame("a", "public/auth", {"grant_type": "client_credentials", "client_id": "demo",
                                       "client_secret": "demo-secret"}),
    request_frame(2, "public/set_heartbeat", {"interval": 30}),
    request_frame(3, "public/ticker", {"instrument_name": "BTC-PERPETUAL"}),
    request_frame(4, "public/get_order_book", {"instrument_name": "BTC-PERPETUAL", "depth": 5}),
    request_frame(5, "public/get_index_price", {"index_name": "btc_usd"}),
    request_frame(6, "public/get_expirations", {"currency": "any", "kind": "any"}),
    request_frame(7, "public/get_contract_size", {"instrument_name": "BTC-PERPETUAL"}),
    request_frame(None, "private/subscribe", {"channels": [CHANNEL], "access_token": "x"}),
]  # fmt: skip
PUSHES = [
    result_frame(1, [CHANNEL], 1, 2, testnet=False),
    result_frame("x", "ok", 1, 2, testnet=False),
    notification_frame(CHANNEL, {"instrument_name": "BTC-PERPETUAL", "timestamp": 1,
                                 "best_bid_price": 1.5, "best_ask_price": 2.5}),
    notification_frame("deribit_price_index.btc_usd", {"index_name": "btc_usd", "timestamp": 1,
                                                       "price": 90_000.0}),
    b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":10028,"message":"too_many_requests"}}',
]  # fmt: skip
CODES = {-32_600, -32_601, -32_602, 10_001, 11_050, 13_004, 13_009, 13_020, 13_778}


def mutants(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Make frames: noise, and sound ones with bytes changed, cut, doubled, swapped or grown."""
    chance = np.random.default_rng(seed)
    for _ in range(count):
        frame = bytearray(seeds[int(chance.integers(len(seeds)))])
        for _ in range(int(chance.integers(1, 4))):
            place = int(chance.integers(len(frame) + 1))
            match int(chance.integers(8)):
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
                    frame[place:place] = [b"null", b"-1e999", b'"\\ud800"', b"{}", b"0"][place % 5]
                case _:
                    del frame[place : place + int(chance.integers(1, 9))]
            frame = frame[: 2 * CLIENT_FRAME_BYTES_MAX] or bytearray(b" ")
        yield bytes(frame)


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
        if session.closing is not None:
            session.closing = None
            session.receive(b'{"method":"public/disable_heartbeat"}', now)
            session.data_to_send()


def attack_client(count: int) -> int:
    """Send mutants to one client session; the number of faults that it told."""
    session = ClientSession(SessionLimits())
    session.subscribe([CHANNEL], 0.0)
    session.connected(0.0)
    faults = 0
    for number, frame in enumerate(mutants(PUSHES, count, seed=2)):
        events = session.receive(frame, number / 1_000)
        faults += sum(isinstance(event, Fault) for event in events)
        session.data_to_send()
        if session.closing is not None:  # as its owner does: a new connection
            session.disconnected()
            session.connected(number / 1_000)
    return faults


@pytest.fixture(scope="module")
def exchange(venue: Venue) -> Exchange:
    """Make an exchange over the shared venue."""
    return Exchange(
        venue, Archive(Venue(Market(venue.market.seed))), epoch_at=DEMO_START_AT, speed=1.0
    )


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Make a venue for both attacks."""
    return Venue(Market(7))


def test_a_server_survives_mutants(exchange: Exchange) -> None:
    """Every frame is answered once, with a documented code where it is refused."""
    attack_server(exchange, 2_000)


def test_a_client_survives_mutants() -> None:
    """It raises nothing and says what it could not read."""
    assert attack_client(2_000) > 100


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_a_hundred_thousand_mutants_at_both_ends(exchange: Exchange) -> None:
    """The same, and what is kept in memory does not grow with the number of frames."""
    attack_server(exchange, 10_000)
    attack_client(10_000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    attack_server(exchange, 100_000)
    attack_client(100_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 5_000_000
