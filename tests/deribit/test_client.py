"""Tests of `trader.deribit.client` against real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from tests.deribit.loopback import (
    SETTINGS,
    Consumer,
    Exchange,
    Line,
    ends,
    faults,
    feeding,
    impatient,
    pushes,
)
from tests.deribit.wire import INDEX, TICKER, error, index, ticker
from trader.deribit.batches import WAITING_MAX
from trader.deribit.client import ClientSettings, DeribitClient
from trader.deribit.credits import PRICES, CreditPool, pool_of
from trader.deribit.feed import Connected, Fault, FeedEvent, Recovered
from trader.deribit.messages import CLIENT_FRAME_BYTES_MAX, RequestFailed, Ticker, heartbeat_frame
from trader.domain.errors import FeedError


async def test_pushes_and_answers_arrive() -> None:
    """What is subscribed is delivered, what is called is answered, in one connection."""
    async with Exchange() as exchange, feeding(exchange.url, TICKER, INDEX) as (client, consumer):
        await consumer.until(lambda events: len(pushes(events)) == 2)
        assert consumer.events[0] == Connected(1)
        assert [push.channel for push in pushes(consumer.events)] == [TICKER, INDEX]
        assert bytes(await client.call("public/get_time")) == b"1795000000000"
        assert len(exchange.lines) == 1
    assert not client.connected


async def test_answers_above_a_mebibyte_are_read() -> None:
    """A catalog of several megabytes does not cut the connection."""
    async with Exchange() as exchange, feeding(exchange.url) as (client, consumer):
        await consumer.until(lambda events: len(events) == 1)
        assert len(await client.call("public/get_instruments")) > 3_000_000


async def test_refusals_time_outs_and_lost_connections_fail_the_call() -> None:
    """A call ends with the venue's code, or with code 0 and the reason in words."""
    async with Exchange() as exchange, feeding(exchange.url) as (client, consumer):
        with pytest.raises(FeedError, match="not connected"):
            await client.call("public/get_time")
        await consumer.until(lambda events: len(events) == 1)
        with pytest.raises(RequestFailed, match="Method not found") as refused:
            await client.call("public/nothing")
        assert refused.value.code == -32_601
        with pytest.raises(RequestFailed, match=r"no answer within 0\.4 s") as late:
            await client.call("public/never")
        assert late.value.code == 0
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(_failing_call(client))
            await asyncio.sleep(0.05)
            exchange.lines[0].socket.transport.abort()
        assert "connection ended" in call.result()


async def _failing_call(client: DeribitClient) -> str:
    with pytest.raises(RequestFailed) as lost:
        await client.call("public/never")
    return str(lost.value)


async def test_a_server_that_goes_away_is_reported_and_found_again() -> None:
    """Traps alpaca-py#740, nautilus_trader#4298: loss is said, everything is subscribed again."""
    async with Exchange() as exchange, feeding(exchange.url, TICKER, INDEX) as (_, consumer):
        await consumer.until(lambda events: len(pushes(events)) == 2)
        exchange.lines[0].socket.transport.abort()
        await consumer.until(lambda events: len(pushes(events)) == 4)
        (end,) = ends(consumer.events)
        assert (end.kind, end.reason) == ("server_gone", "the connection broke without a goodbye")
        assert exchange.lines[1].subscribed == [TICKER, INDEX]


async def test_unsubscribed_channels_do_not_come_back() -> None:
    """An expired instrument leaves at once and stays away after a reconnect."""
    async with Exchange() as exchange, feeding(exchange.url, TICKER, INDEX) as (client, consumer):
        await consumer.until(lambda events: len(pushes(events)) == 2)
        client.unsubscribe([TICKER])
        await asyncio.sleep(0.05)
        assert list(exchange.lines[0].session.channels) == [INDEX]
        exchange.lines[0].socket.transport.abort()
        await consumer.until(lambda events: len(pushes(events)) == 3)
        assert exchange.lines[1].subscribed == [INDEX]
        assert client.channels == [INDEX]


async def test_attempts_back_off_with_jitter_and_a_ceiling_one_at_a_time() -> None:
    """Trap nautilus_trader#1989: waits are drawn from [0, doubling ceiling]; no storm."""
    async with Exchange() as exchange:
        url, port = exchange.url, exchange.port
    drawn: list[float] = []

    def jitter(low: float, high: float) -> float:
        assert low == 0.0
        drawn.append(high)
        return high

    consumer = Consumer()
    client = DeribitClient(url, SETTINGS, consumer.deliver, jitter=jitter)
    client.subscribe([TICKER])
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(client.run())
        await consumer.until(lambda events: len(ends(events)) == 5)
        assert drawn[:5] == [0.02, 0.04, 0.08, 0.1, 0.1]
        assert [end.attempt for end in ends(consumer.events)] == [1, 2, 3, 4, 5]
        assert {end.kind for end in ends(consumer.events)} == {"server_gone"}
        async with Exchange(port=port) as again:
            await consumer.until(lambda events: bool(pushes(events)))
            assert len(again.lines) == 1
            client.stop()


async def test_a_connection_that_stood_starts_the_waits_anew() -> None:
    """A short-lived connection makes the next wait longer, one that stood does not."""

    async def brief(line: Line) -> None:
        await line.listen_until(TICKER)

    async def solid(line: Line) -> None:
        await line.listen_until(TICKER)
        await asyncio.sleep(0.3)

    async with (
        Exchange(brief, brief, solid, Line.listen) as venue,
        feeding(venue.url, TICKER) as (
            _,
            told,
        ),
    ):
        await told.until(lambda events: len(pushes(events)) == 4)
        assert [end.attempt for end in ends(told.events)] == [1, 2, 1]


async def test_a_full_house_is_a_rate_limit() -> None:
    """HTTP 429 means too many connections: it is said so, and tried again later."""
    async with Exchange() as exchange:
        exchange.refuse_status = 429
        async with feeding(exchange.url, TICKER) as (_, consumer):
            await consumer.until(lambda events: bool(ends(events)))
            assert (ends(consumer.events)[0].kind, exchange.lines) == ("rate_limited", [])
            exchange.refuse_status = None
            await consumer.until(lambda events: bool(pushes(events)))


async def test_a_server_that_never_shakes_hands_is_given_up() -> None:
    """A port that accepts and says nothing costs the connect time-out, no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        async with feeding(url, settings=impatient(connect_timeout_s=0.1)) as (_, consumer):
            await consumer.until(lambda events: len(ends(events)) == 2)
        async with feeding(url) as (client, _):
            await asyncio.sleep(0.05)
            began = time.monotonic()
            client.stop()
        assert time.monotonic() - began < 0.5


async def test_a_mute_channel_is_noticed_and_subscribed_afresh() -> None:
    """Subscribed but mute: a fault names the channel; a fresh subscription brings it back."""

    async def mute_at_first(line: Line) -> None:
        await line.listen_until(TICKER, pushes=False)
        await line.listen()

    settings = impatient(mute_channel_s=0.2)
    exchange = Exchange(mute_at_first)
    async with exchange, feeding(exchange.url, TICKER, settings=settings) as (_, consumer):
        await consumer.until(lambda events: bool(pushes(events)))
        (fault,) = faults(consumer.events, "mute_channel")
        assert (fault.channels, fault.lost) == ((TICKER,), True)
        assert consumer.events[-2:] == [Recovered(TICKER), pushes(consumer.events)[0]]


async def test_silence_beyond_the_heartbeat_is_a_lost_connection() -> None:
    """A socket that stays open but dead is given up, and the next one is used."""

    async def dead(line: Line) -> None:
        await line.socket.wait_closed()

    settings = impatient(heartbeat_overdue_s=0.2)
    exchange = Exchange(dead, Line.listen)
    async with exchange, feeding(exchange.url, TICKER, settings=settings) as (_, consumer):
        await consumer.until(lambda events: bool(pushes(events)))
        assert len(faults(consumer.events, "heartbeat_overdue")) == 1
        assert ends(consumer.events)[0].kind == "heartbeat_overdue"


async def test_test_requests_are_answered_and_a_4000_is_understood() -> None:
    """Trap ccrxt#240: the answer comes at once; a heartbeat close is told as what it is."""
    tests: list[Any] = []

    async def strict(line: Line) -> None:
        await line.listen_until(TICKER)
        await line.send(heartbeat_frame("heartbeat"), heartbeat_frame("test_request"))
        tests.append(json.loads(await line.socket.recv()))
        await line.socket.close(4000, "heartbeat close")

    async with (
        Exchange(strict, Line.listen) as exchange,
        feeding(exchange.url, TICKER) as (_, told),
    ):
        await told.until(lambda events: len(pushes(events)) == 2)
        assert [test["method"] for test in tests] == ["public/test"]
        (end,) = ends(told.events)
        assert end.kind == "heartbeat_overdue"
        assert end.reason == "closed by the exchange: 4000 heartbeat close"


async def test_half_frames_garbage_duplicates_and_stragglers_are_survived() -> None:
    """Each disturbance is one fault, none an exception; the feed goes on in one connection."""

    async def disturbed(line: Line) -> None:
        await line.listen_until(INDEX)
        await line.send(
            ticker(2_000), ticker(2_000), ticker(1_500), b"\xc3\xa9{]", ticker(2_100)[:120]
        )
        await line.listen()

    async with Exchange(disturbed) as exchange, feeding(exchange.url, TICKER, INDEX) as (_, told):
        await told.until(lambda events: Recovered(TICKER) in events)
        kinds = [event.kind for event in told.events if isinstance(event, Fault)]
        assert kinds == ["duplicate", "out_of_order", "garbage", "half_frame"]
        assert len(exchange.lines) == 1


async def test_a_gap_in_the_index_starts_afresh() -> None:
    """When the index skips seconds, the connection is replaced and everything asked for again."""

    async def skipping(line: Line) -> None:
        await line.listen_until(INDEX)
        await line.send(index(1_500), index(60_000))
        await line.listen()

    async with (
        Exchange(skipping, Line.listen) as exchange,
        feeding(exchange.url, INDEX) as (_, told),
    ):
        await told.until(lambda events: len(pushes(events)) == 3)
        assert len(faults(told.events, "clock_jump")) == 1
        assert ends(told.events)[0].kind == "clock_jump"


async def test_too_many_requests_ends_backs_off_and_carries_on() -> None:
    """Trap ccrxt#118: after 10028 the client comes back by itself, with fewer requests."""

    async def limited(line: Line) -> None:
        await line.socket.recv()
        await line.send(error(None, 10_028, "too_many_requests"))
        await line.socket.wait_closed()

    async with (
        Exchange(limited, Line.listen) as exchange,
        feeding(exchange.url, TICKER) as (_, told),
    ):
        await told.until(lambda events: bool(pushes(events)))
        assert len(faults(told.events, "rate_limited")) == 1
        assert ends(told.events)[0].kind == "rate_limited"


async def test_a_channel_dropped_in_silence_is_reported() -> None:
    """A name the venue does not know is told from one that is only quiet."""
    wrong = "ticker.NOPE-25DEC26-90000-C.agg2"
    async with Exchange() as exchange, feeding(exchange.url, TICKER, wrong) as (_, consumer):
        await consumer.until(lambda events: bool(pushes(events)))
        (fault,) = faults(consumer.events, "mute_channel")
        assert fault.channels == (wrong,)
        assert "name" in fault.detail


async def test_1500_channels_stay_below_frame_and_credit_limits() -> None:
    """Traps tmatic#439 and ccrxt#118, over a real socket with the venue's pools at its end."""
    names = [f"ticker.BTC-25DEC26-{strike}-C.agg2" for strike in range(1_500)]
    pools = {pool: CreditPool(PRICES[pool]) for pool in PRICES}

    async def charging(line: Line) -> None:
        async for frame in line.socket:
            assert len(frame) <= CLIENT_FRAME_BYTES_MAX
            if not pools[pool_of(json.loads(frame)["method"])].spend(time.monotonic()):
                await line.send(error(None, 10_028, "too_many_requests"))
            await line.hear(frame)

    calm = impatient(request_timeout_s=5.0)
    exchange = Exchange(charging)
    async with exchange, feeding(exchange.url, *names, settings=calm) as (client, consumer):
        await consumer.until(lambda events: len(pushes(events)) == 1_500)
        assert not ends(consumer.events)
        assert exchange.lines[0].subscribed == names
        line = exchange.lines[0]
        client.unsubscribe(names[:1_000])
        async with asyncio.timeout(4):
            while len(line.session.channels) > 500:
                line.parted.clear()
                await line.parted.wait()
        assert not ends(consumer.events)


async def test_a_slow_consumer_slows_the_exchange_down() -> None:
    """Backpressure is explicit: while `deliver` waits, reading stops; nothing is lost after."""
    total, sent = 4_000, 0

    async def flood(line: Line) -> None:
        nonlocal sent
        await line.listen_until(TICKER, pushes=False)
        padding = b" " * 4_096
        for number in range(1, total + 1):
            await line.send(ticker(number) + padding)
            sent = number
        await line.listen()

    gate, done = asyncio.Event(), asyncio.Event()
    heard: list[FeedEvent] = []

    async def slowly(events: Sequence[FeedEvent]) -> None:
        heard.extend(events)
        if len(heard) > 1:
            await gate.wait()
        if len(heard) > total:
            done.set()

    async with Exchange(flood) as exchange:
        client = DeribitClient(exchange.url, SETTINGS, slowly)
        client.subscribe([TICKER])
        async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
            tasks.create_task(client.run())
            await asyncio.sleep(0.5)
            told, reached = len(pushes(heard)), sent
            assert 1 <= told <= WAITING_MAX + 100
            assert 1 < reached < total
            await asyncio.sleep(0.3)
            assert (len(pushes(heard)), sent) == (told, reached)
            gate.set()
            await done.wait()
            client.stop()
    times = [push.payload.timestamp for push in pushes(heard) if isinstance(push.payload, Ticker)]
    assert times == list(range(1, total + 1))


async def test_a_bug_of_the_consumer_ends_the_run() -> None:
    """No task dies silently: what `deliver` raises comes out of `run`."""

    async def broken(events: Sequence[FeedEvent]) -> None:
        if pushes(events):
            raise LookupError("consumer")

    async with Exchange() as exchange:
        client = DeribitClient(exchange.url, SETTINGS, broken)
        client.subscribe([TICKER])
        with pytest.raises(ExceptionGroup) as raised:
            await client.run()
    assert raised.group_contains(LookupError, match="consumer")


async def test_stop_says_goodbye_and_cancellation_closes_too() -> None:
    """`stop` closes with 1000; cancelling `run` leaves no socket open."""
    async with Exchange() as exchange:
        async with feeding(exchange.url, TICKER) as (_, consumer):
            await consumer.until(lambda events: bool(pushes(events)))
        assert exchange.lines[0].socket.close_code == 1000
        assert not ends(consumer.events)
        client = DeribitClient(exchange.url, SETTINGS, consumer.deliver)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.run()
        async with asyncio.timeout(2):
            await exchange.lines[1].socket.wait_closed()
        assert not client.connected


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_market_speed_that_is_none_is_refused(speed: float) -> None:
    """The market's speed is a positive number."""
    client = DeribitClient("ws://127.0.0.1/", ClientSettings(), Consumer().deliver)
    with pytest.raises(ValueError, match=r"market speed .* positive"):
        client.set_market_speed(speed)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"heartbeat_s": 5}, "heartbeat_s"),
        ({"heartbeat_s": 30}, "heartbeat_overdue_s 15 must exceed heartbeat_s 30 x 1.2"),
        ({"backoff_max_s": 0.1}, "raise the ceiling"),
        ({"backoff_max_s": float("nan")}, "backoff_max_s"),
        ({"queue_max": 0}, "queue_max"),
        ({"heart": 1}, "heart"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], says: str) -> None:
    """Each mistake is named with its remedy."""
    with pytest.raises(ValidationError, match=says):
        ClientSettings(**change)
