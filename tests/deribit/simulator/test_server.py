"""The exchange on a real port: raw websockets, our own client, faults, restarts, kills."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import SNAPSHOTS
from trader.deribit import history, server_session
from trader.deribit.client import ClientSettings, DeribitClient
from trader.deribit.feed import Connected, Disconnected, Fault, FeedEvent
from trader.deribit.messages import SimulatorClock, decode_result
from trader.deribit.pushes import Notification
from trader.deribit.simulator import connection as connection_module
from trader.deribit.simulator import server as server_module
from trader.deribit.simulator.clock import DEMO_START_AT, ClockState, encode_state
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import (
    Corrupt,
    Duplicate,
    ExpiryStorm,
    Refuse,
    TooManyRequests,
    Truncate,
)
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.server import serve
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

NEXT_EIGHT = DEMO_START_AT + 14 * HOUR


class Wire:
    """A raw websocket client: asks, and keeps what is pushed meanwhile."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pushed: list[dict[str, Any]] = []
        self._next_id = 0

    async def ask(self, method: str, **params: object) -> Any:
        """Ask and wait for the result, or the error, of this very request."""
        self._next_id += 1
        await self.socket.send(
            json.dumps({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        )
        while True:
            message = await self.receive()
            if message.get("id") == self._next_id:
                return message["result"] if "result" in message else message["error"]
            self.pushed.append(message)

    async def receive(self) -> dict[str, Any]:
        """Read one frame, whole or broken."""
        frame = await asyncio.wait_for(self.socket.recv(), 5.0)
        assert isinstance(frame, str)
        try:
            message: dict[str, Any] = json.loads(frame)
        except json.JSONDecodeError:
            return {"broken": frame}
        return message

    async def collect(self, seconds: float) -> list[dict[str, Any]]:
        """Read what comes for a while, with what was pushed before."""
        collected, self.pushed = self.pushed, []
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            try:
                collected.append(await asyncio.wait_for(self.receive(), left))
            except TimeoutError:
                break
        return collected


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """Connect a raw client."""
    async with connect(url, max_size=None, compression=None) as socket:
        yield Wire(socket)


async def read_on(socket: ClientConnection) -> None:
    """Read until the connection ends.

    Raises:
        ConnectionClosed: it ended.
    """
    while True:
        await socket.recv()


def channels_of(messages: list[dict[str, Any]]) -> list[str]:
    """Name the channels of the notifications among some messages."""
    return [one["params"]["channel"] for one in messages if one.get("method") == "subscription"]


async def test_a_client_asks_and_is_answered_in_order() -> None:
    """Results, errors with their codes, garbage and raw channels, all on one socket."""
    async with serve(seed=7) as served, wired(served.url) as wire:
        assert (await wire.ask("public/test"))["version"]
        assert await wire.ask("public/status") == {"locked": "false"}
        assert (await wire.ask("public/nope"))["code"] == -32_601
        missing = await wire.ask("public/ticker")
        assert (missing["code"], missing["data"]["param"]) == (-32_602, "instrument_name")
        raw = await wire.ask("public/subscribe", channels=["ticker.BTC-PERPETUAL.raw"])
        assert raw["code"] == 13_778
        await wire.socket.send("not json")
        assert (await wire.receive())["error"]["code"] == 11_050
        assert await wire.ask("public/set_heartbeat", interval=10) == "ok"


async def test_unknown_channels_are_dropped_and_known_ones_speak() -> None:
    """The answer names what is active; its present state follows at once."""
    names = ["ticker.BTC-PERPETUAL.100ms", "deribit_price_index.eth_usd"]
    async with serve(seed=7) as served, wired(served.url) as wire:
        assert await wire.ask("public/subscribe", channels=[*names, "ticker.NOPE.agg2"]) == names
        assert set(channels_of(await wire.collect(0.5))) == set(names)
        assert await wire.ask("public/unsubscribe", channels=names) == names
        await wire.collect(0.2)
        assert channels_of(await wire.collect(0.4)) == []


async def test_intervals_are_wall_time_at_any_speed() -> None:
    """At 300x the index still comes once a second and a fast ticker ten times."""
    names = ["ticker.BTC-PERPETUAL.100ms", "deribit_price_index.btc_usd"]
    async with serve(seed=7, speed=300.0) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=names)
        heard = channels_of(await wire.collect(3.0))
    assert 2 <= heard.count(names[1]) <= 5
    assert 15 <= heard.count(names[0]) <= 32


async def test_several_clients_are_served_at_once() -> None:
    """Each gets its own channels from the same market."""
    async with serve(seed=7) as served, wired(served.url) as one, wired(served.url) as two:
        await one.ask("public/subscribe", channels=["quote.BTC-PERPETUAL"])
        await two.ask("public/subscribe", channels=["quote.BTC-PERPETUAL", "quote.ETH-PERPETUAL"])
        first, second = await asyncio.gather(one.collect(0.5), two.collect(0.5))
        assert set(channels_of(first)) == {"quote.BTC-PERPETUAL"}
        assert set(channels_of(second)) == {"quote.BTC-PERPETUAL", "quote.ETH-PERPETUAL"}


async def test_another_path_is_not_found() -> None:
    """Only the websocket's path is served."""
    async with serve(seed=7) as served:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(served.url.replace("/ws/api/v2", "/nope"))


async def test_too_many_connections_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is answered 429, and let in once another has left."""
    monkeypatch.setattr(server_module, "CLIENTS_MAX", 1)
    async with serve(seed=7) as served:
        async with wired(served.url):
            with pytest.raises(InvalidStatus, match="429"):
                await connect(served.url)
        await asyncio.sleep(0.1)
        async with wired(served.url) as wire:
            assert await wire.ask("public/get_time")


async def test_a_slow_reader_is_cut_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that asks and never reads loses its connection; another is served meanwhile."""
    monkeypatch.setattr(server_module, "BACKLOG_BYTES_MAX", 2_000_000)
    async with serve(seed=7, speed=300.0) as served, wired(served.url) as healthy:
        await healthy.ask("public/subscribe", channels=["deribit_price_index.btc_usd"])
        async with connect(served.url, max_queue=1, compression=None) as sleeper:
            sleeper.transport.pause_reading()
            for id_ in range(40):
                await sleeper.send(json.dumps({"id": id_, "method": "public/get_instruments"}))
            heard = channels_of(await healthy.collect(4.0))
            sleeper.transport.resume_reading()
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(read_on(sleeper), 5.0)
    assert len(heard) >= 3


async def test_a_slow_reader_that_wakes_up_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """After what was on its way comes the close, with Deribit's word for it."""
    monkeypatch.setattr(server_module, "BACKLOG_BYTES_MAX", 2_000_000)
    monkeypatch.setattr(connection_module, "GOODBYE_LOOKS", 300)
    async with (
        serve(seed=7) as served,
        connect(served.url, max_size=None, max_queue=1, compression=None) as sleeper,
    ):
        sleeper.transport.pause_reading()
        await sleeper.send('{"id":1,"method":"public/get_instruments"}')
        await sleeper.send('{"id":2,"method":"public/get_instruments"}')
        await asyncio.sleep(2.0)
        sleeper.transport.resume_reading()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(read_on(sleeper), 10.0)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "connection_too_slow")


async def test_an_idle_socket_is_dropped_and_a_quiet_subscriber_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a close frame, once nothing was asked for long enough."""
    monkeypatch.setattr(server_session, "IDLE_S_MAX", 0.3)
    async with serve(seed=7) as served, wired(served.url) as idle, wired(served.url) as quiet:
        assert await quiet.ask("public/subscribe", channels=["platform_state"])
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(read_on(idle.socket), 5.0)
        assert closed.value.rcvd is None
        assert await quiet.ask("public/test")


async def test_a_request_above_32_kb_is_refused_and_the_socket_stands() -> None:
    """Just above and far above the limit; the next request is answered."""
    async with serve(seed=7) as served, wired(served.url) as wire:
        for size in (32 * 1_024, 200_000):
            await wire.socket.send(json.dumps({"id": 1, "method": "public/test", "x": "y" * size}))
            answer = await wire.receive()
            assert answer["error"] == {"code": -32_600, "message": "request entity too large"}
        assert await wire.ask("public/test")


async def test_a_seed_that_is_none_is_refused() -> None:
    """A negative seed names no market."""
    with pytest.raises(ConfigurationError, match="seed"):
        async with serve(seed=-1):
            pass


async def test_an_address_in_use_is_refused() -> None:
    """The refusal names the port and the remedy."""
    async with serve(seed=7) as served:
        with pytest.raises(ConfigurationError, match=rf"{served.port}.*--port"):
            async with serve(seed=7, port=served.port):
                pass


async def test_an_error_of_the_caller_comes_through_unwrapped() -> None:
    """What fails inside the context is the caller's own exception."""
    with pytest.raises(ZeroDivisionError):
        async with serve(seed=7):
            raise ZeroDivisionError


# --- the clock across restarts ---------------------------------------------------------------


async def clock_of(url: str) -> SimulatorClock:
    """Ask the exchange for its clock."""
    async with wired(url) as wire:
        return SimulatorClock(**await wire.ask("simulator/clock"))


async def test_a_clean_restart_resumes_where_it_stood(tmp_path: Path) -> None:
    """The market stands still while it is down, and skips nothing."""
    state = tmp_path / "clock.json"
    async with serve(seed=7, speed=300.0, state_path=state) as served:
        await asyncio.sleep(0.5)
        before = await clock_of(served.url)
    await asyncio.sleep(0.5)
    async with serve(seed=7, speed=300.0, state_path=state) as served:
        after = await clock_of(served.url)
    assert before.epoch_at == after.epoch_at == DEMO_START_AT
    assert before.now_at > DEMO_START_AT
    assert 0 <= after.now_at - before.now_at < 300 * SECOND


@pytest.mark.parametrize("kills", [3])
def test_a_killed_exchange_never_runs_backward(tmp_path: Path, kills: int) -> None:
    """After each SIGKILL the market resumes at or after every time it showed, soon after."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "import msgspec\n"
        "from websockets.asyncio.client import connect\n"
        "from trader.deribit.simulator.server import serve\n"
        "async def main():\n"
        "    async with serve(seed=7, speed=300.0, state_path=Path(sys.argv[1])) as served:\n"
        "        async with connect(served.url) as socket:\n"
        "            while True:\n"
        '                await socket.send(\'{"id":1,"method":"simulator/clock"}\')\n'
        "                answer = msgspec.json.decode(await socket.recv())\n"
        "                print(answer['result']['now_at'], flush=True)\n"
        "                await asyncio.sleep(0.01)\n"
        "asyncio.run(main())\n"
    )
    shown = DEMO_START_AT
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "clock.json")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = int(process.stdout.readline())
        assert shown <= first <= shown + 3 * 300 * SECOND
        lines = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        lines += [int(line) for line in process.stdout.read().splitlines(keepends=True)
                  if line.endswith("\n")]  # fmt: skip
        process.wait()
        process.stdout.close()
        assert lines == sorted(lines)
        shown = lines[-1]


@pytest.mark.parametrize(
    "content",
    [
        encode_state(ClockState("8", Market.version, DEMO_START_AT, DEMO_START_AT)),
        encode_state(ClockState("7", "another", DEMO_START_AT, DEMO_START_AT)),
        b"{",
    ],
)
async def test_a_foreign_clock_is_refused(tmp_path: Path, content: bytes) -> None:
    """Another seed, another market or a torn file: the file stays, the remedy is named."""
    state = tmp_path / "clock.json"
    state.write_bytes(content)
    with pytest.raises(ConfigurationError, match="--fresh"):
        async with serve(seed=7, state_path=state):
            pass
    assert state.read_bytes() == content


async def test_a_clock_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """No market runs whose time could not survive."""
    with pytest.raises(ConfigurationError, match="writable"):
        async with serve(seed=7, state_path=tmp_path / "missing" / "clock.json"):
            pass


# --- faults ----------------------------------------------------------------------------------


async def test_faults_are_led_by_a_local_client() -> None:
    """A muted channel is silent until its fault is stopped; mistakes are named."""
    async with serve(seed=7, speed=300.0) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=["quote.BTC-PERPETUAL", "quote.ETH-PERPETUAL"])
        await wire.collect(0.3)
        mute = {"kind": "mute", "scope": "quote.BTC*", "duration_s": 60.0}
        started = await wire.ask("simulator/fault_start", **mute)
        await wire.collect(0.15)
        assert set(channels_of(await wire.collect(0.6))) == {"quote.ETH-PERPETUAL"}
        assert [one["on"] for one in await wire.ask("simulator/faults")] == [True]
        assert await wire.ask("simulator/fault_stop", **started) == {"stopped": 1}
        assert "quote.BTC-PERPETUAL" in channels_of(await wire.collect(0.6))
        for wrong in ({"kind": "tulip"}, {"kind": "mute", "duration_s": -1}, {}):
            assert (await wire.ask("simulator/fault_start", **wrong))["code"] == -32_602


async def test_broken_and_repeated_frames_reach_the_client() -> None:
    """They arrive between sound ones."""
    faults = FaultPlan(
        [Corrupt(scope="quote.BTC*", duration_s=60.0),
         Truncate(scope="quote.ETH*", duration_s=60.0),
         Duplicate(scope="*index*", duration_s=60.0)]
    )  # fmt: skip
    names = ["quote.BTC-PERPETUAL", "quote.ETH-PERPETUAL", "deribit_price_index.btc_usd"]
    async with serve(seed=7, faults=faults) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=names)
        messages = await wire.collect(0.5)
    assert sum("broken" in one for one in messages) >= 2
    heard = channels_of(messages)
    assert heard.count(names[2]) >= 2
    assert heard.count(names[2]) % 2 == 0


@pytest.mark.parametrize("code", [1006, 1012, 4000])
async def test_connections_are_closed_with_a_code(code: int) -> None:
    """1006 is a cut without a goodbye; a new connection is welcome once it is over."""
    async with serve(seed=7) as served:
        async with wired(served.url) as wire:
            close = {"kind": "close", "duration_s": 0.2, "code": code, "starts_s": 0.1}
            assert await wire.ask("simulator/fault_start", **close) == {"id": 1}
            with pytest.raises(ConnectionClosed) as closed:
                await wire.receive()
            rcvd = closed.value.rcvd
            assert (rcvd.code if rcvd else 1006) == code
        await asyncio.sleep(0.5)
        async with wired(served.url) as wire:
            assert await wire.ask("public/get_time")


@pytest.mark.parametrize("status", [429, 503])
async def test_refused_connections_are_turned_away(status: int) -> None:
    """While `refuse` lasts nobody gets in; those that stand may stay."""
    refuse = {"kind": "refuse", "duration_s": 60.0, "status": status, "cuts": False}
    async with serve(seed=7) as served, wired(served.url) as wire:
        await wire.ask("simulator/fault_start", **refuse)
        with pytest.raises(InvalidStatus, match=str(status)):
            await connect(served.url)
        assert await wire.ask("public/get_time")


async def test_only_the_client_that_is_meant_is_refused() -> None:
    """The second websocket gets in where only the first was refused."""
    faults = FaultPlan([Refuse(clients="ws/2", duration_s=60.0)])
    async with serve(seed=7, faults=faults) as served, wired(served.url) as wire:
        with pytest.raises(InvalidStatus, match="503"):
            await connect(served.url)
        assert await wire.ask("public/get_time")


async def test_dropping_everything_silences_answers_too() -> None:
    """Nothing leaves, not even the answer to a question, until the fault is stopped."""
    async with serve(seed=7) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=["deribit_price_index.btc_usd"])
        await wire.ask("simulator/fault_start", kind="drop", duration_s=60.0)
        await wire.collect(0.2)
        await wire.socket.send('{"id":99,"method":"public/get_time"}')
        assert await wire.collect(0.8) == []
        assert await wire.ask("simulator/fault_stop") == {"stopped": 1}
        assert await wire.ask("public/get_time")


@pytest.mark.parametrize("closes", [True, False])
async def test_too_many_requests_may_end_the_connection(closes: bool) -> None:
    """10028 comes first; then the close, or the next answer."""
    faults = FaultPlan([TooManyRequests(closes=closes, count=1, duration_s=60.0)])
    async with serve(seed=7, faults=faults) as served, wired(served.url) as wire:
        assert (await wire.ask("public/get_time"))["code"] == 10_028
        if closes:
            with pytest.raises(ConnectionClosed) as closed:
                await wire.receive()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
        else:
            assert await wire.ask("public/get_time") > 0


async def test_maintenance_is_announced_and_over_again() -> None:
    """The platform is locked, calls are refused and channels mute; then all is as before."""
    index = "deribit_price_index.btc_usd"
    async with serve(seed=7) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=["platform_state", index])
        await wire.collect(0.3)
        started = await wire.ask("simulator/fault_start", kind="maintenance", duration_s=60.0)
        await wire.collect(0.2)
        assert await wire.ask("public/status") == {"locked": "true"}
        assert (await wire.ask("public/get_instruments"))["code"] == 11_051
        assert (await wire.ask("public/subscribe", channels=[index]))["code"] == 11_051
        assert channels_of(await wire.collect(1.2)) == []
        await wire.ask("simulator/fault_stop", **started)
        told = await wire.collect(1.2)
        states = [one["params"]["data"] for one in told
                  if one["params"]["channel"] == "platform_state"]  # fmt: skip
        assert states == [{"maintenance": False}]
        assert index in channels_of(told)
        assert await wire.ask("public/status") == {"locked": "false"}


async def test_a_storm_moves_the_clock_to_the_eve_of_a_big_expiry(tmp_path: Path) -> None:
    """It jumps once, to the stated time before Friday 08:00, and survives a restart there."""
    friday = DEMO_START_AT + 3 * DAY + 14 * HOUR
    faults = FaultPlan([ExpiryStorm(before_s=600.0, duration_s=60.0)])
    state = tmp_path / "clock.json"
    async with serve(seed=7, faults=faults, state_path=state) as served, wired(served.url) as wire:
        await wire.ask("public/subscribe", channels=["trades.BTC-PERPETUAL.100ms"])
        await asyncio.sleep(0.6)
        shown = (await wire.ask("simulator/clock"))["now_at"]
        assert friday - 600 * SECOND <= shown < friday - 590 * SECOND
        listed = await wire.ask("public/get_instruments", currency="BTC", kind="option")
        expiring = [one for one in listed if one["expiration_timestamp"] == friday // 1_000_000]
        assert len(expiring) > 20
    async with serve(seed=7, state_path=state) as served:
        assert (await clock_of(served.url)).now_at >= shown


# --- with our own client ---------------------------------------------------------------------


class Feed:
    """Our client at work against an exchange; keeps every event."""

    def __init__(self, url: str, speed: float) -> None:
        self.events: list[FeedEvent] = []
        self.client = DeribitClient(url, ClientSettings(), self._deliver)
        self.client.set_market_speed(speed)
        self._heard = asyncio.Condition()

    async def _deliver(self, events: Sequence[FeedEvent]) -> None:
        self.events.extend(events)
        async with self._heard:
            self._heard.notify_all()

    def channels(self) -> set[str]:
        """Name the channels that spoke."""
        return {event.channel for event in self.events if isinstance(event, Notification)}

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for a condition, asked again with each event.

        Raises:
            TimeoutError: it did not come.
        """
        async with asyncio.timeout(seconds), self._heard:
            await self._heard.wait_for(condition)

    def complete(self) -> bool:
        """Whether every wanted channel has spoken."""
        return set(self.client.channels) <= self.channels()


@asynccontextmanager
async def feeding(url: str, speed: float) -> AsyncIterator[Feed]:
    """Run our client for as long as the context is open."""
    feed = Feed(url, speed)
    async with asyncio.TaskGroup() as group:
        group.create_task(feed.client.run())
        try:
            await feed.until(lambda: feed.client.connected)
            yield feed
        finally:
            feed.client.stop()


async def test_our_client_reads_both_boards_without_a_fault() -> None:
    """Every option, both perpetuals and both indexes speak, again and again, at 300x."""
    async with serve(seed=7, speed=300.0) as served, feeding(served.url, 300.0) as feed:
        catalog = await history.load_instruments(feed.client.call, ["BTC", "ETH"])
        assert catalog.skipped == ()
        feed.client.subscribe(
            f"ticker.{one.name}.{'agg2' if one.kind == 'option' else '100ms'}"
            for one in catalog.instruments
        )
        feed.client.subscribe(["deribit_price_index.btc_usd", "deribit_price_index.eth_usd"])
        await feed.until(feed.complete)
        await asyncio.sleep(3.0)
        loaded = await history.load_bars(feed.client.call, "BTC", 24 * 60, DEMO_START_AT)
        assert len(loaded.bars.close) == 24 * 60
    assert len(catalog.instruments) > 1_000
    assert not [event for event in feed.events if isinstance(event, Fault)]
    assert [type(event) for event in feed.events if isinstance(event, Connected | Disconnected)][
        :1
    ] == [Connected]
    spoken = [event for event in feed.events if isinstance(event, Notification)]
    assert len(spoken) > 2 * len(catalog.instruments)


async def test_our_client_crosses_an_expiry() -> None:
    """At 08:00 contracts are delivered, their channels end, their price can be looked up."""
    start_at = NEXT_EIGHT - 10 * MINUTE
    speed = 300.0
    async with (
        serve(seed=7, speed=speed, start_at=start_at) as served,
        feeding(served.url, speed) as feed,
    ):
        call = feed.client.call
        catalog = await history.load_instruments(call, ["BTC"])
        expiring = {one.name for one in catalog.instruments if one.expires_at == NEXT_EIGHT}
        assert expiring
        assert await history.load_delivery_price(call, "BTC", NEXT_EIGHT) is None
        feed.client.subscribe(f"ticker.{name}.agg2" for name in expiring)
        feed.client.subscribe(["instrument.state.option.BTC"])
        clock = decode_result(await call("simulator/clock"), SimulatorClock)
        while clock.now_at < NEXT_EIGHT + MINUTE:
            await asyncio.sleep(0.1)
            clock = decode_result(await call("simulator/clock"), SimulatorClock)
        price = await history.load_delivery_price(call, "BTC", NEXT_EIGHT)
        after = await history.load_instruments(call, ["BTC"])
        await asyncio.sleep(0.3)
    assert price is not None
    assert price.price == Market(7).delivery_price("BTC", NEXT_EIGHT, NEXT_EIGHT)
    assert expiring.isdisjoint(one.name for one in after.instruments)
    assert any(one.expires_at == NEXT_EIGHT + 3 * DAY for one in after.instruments)
    states = [
        json.loads(bytes(event.payload))  # type: ignore[arg-type]
        for event in feed.events
        if isinstance(event, Notification) and event.channel.startswith("instrument.state")
    ]
    delivered = {one["instrument_name"] for one in states if one["state"] == "delivered"}
    assert expiring <= delivered


async def test_a_replay_at_full_speed_waits_for_who_paces_it() -> None:
    """Market time stands until asked; what is new at a step comes before its answer."""
    async with serve(replay=small_recording(), speed=math.inf) as served, wired(served.url) as wire:
        clock = await wire.ask("simulator/clock")
        assert (clock["now_at"], clock["stepped"]) == (SNAPSHOTS[0], True)
        index = "deribit_price_index.btc_usd"
        await wire.ask("public/subscribe", channels=[index])
        step = await wire.ask("simulator/step", until=SNAPSHOTS[-1] // MILLISECOND)
        assert step == {"now_at": SNAPSHOTS[0] + HOUR, "ended": False}
        told = [one["params"]["data"]["timestamp"] for one in wire.pushed]
        assert told[-1] == step["now_at"] // MILLISECOND
        refused = await wire.ask("simulator/step")
        assert refused["code"] == -32602


async def test_an_invented_market_has_no_steps() -> None:
    """The method is unknown where the clock runs by itself."""
    async with serve(seed=7) as served, wired(served.url) as wire:
        assert (await wire.ask("simulator/step", until=0))["code"] == -32601
