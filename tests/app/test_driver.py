"""Does everything reach the engine, in order and in time, and is nothing told before it is kept?"""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, option
from trader.app.driver import BARRIERS, Driver, Errand, Inbox
from trader.app.market_clock import MarketClock
from trader.domain.errors import StorageError
from trader.domain.events import (
    Event,
    FeedFault,
    FeedLost,
    FeedRestored,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    PauseTrading,
    Quote,
    ResumeTrading,
    Stamped,
    TimerFired,
)
from trader.domain.facts import CommandTaken, EpochOpened, Recorded
from trader.domain.units import HOUR, MILLISECOND, MINUTE
from trader.engine.engine import SWEEP, Engine, EngineSettings
from trader.engine.outcome import Outcome
from trader.engine.paper_broker import BrokerSettings
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal

PAUSE = PauseTrading(by="ana", reason="news")
LISTED = InstrumentListed((option(),))
NAME = option().name


def quote(name: str = NAME, bid: float = 0.01, at: int = NOW) -> Quote:
    """Show a touch."""
    return Quote(name, at, bid, 1.0, 0.02, 1.0, 0.015, 0.5, 90_000.0, 90_000.0)


def drain(inbox: Inbox) -> list[Event | Errand]:
    """Take everything."""
    taken = []
    while (event := inbox.take()) is not None:
        taken.append(event)
    return taken


class Recording(Engine):
    """The engine, keeping what it was given."""

    def __init__(self, sweep_s: int) -> None:
        super().__init__([], RiskSettings(), BrokerSettings(), EngineSettings(sweep_s=sweep_s))
        self.inputs: list[Stamped] = []

    def process(self, stamped: Stamped) -> Outcome:
        """Keep the input, then take it."""
        self.inputs.append(stamped)
        return super().process(stamped)

    def fired(self, name: str) -> list[Stamped]:
        """List the firings of a timer."""
        fired = [one for one in self.inputs if isinstance(one.event, TimerFired)]
        return [
            one for one in fired if isinstance(one.event, TimerFired) and one.event.name == name
        ]


class Desk:
    """A driver over a real engine and a real journal; `tell` notes what was durable by then."""

    def __init__(self, folder: Path, *, speed: float = 300.0, sweep_s: int = 60) -> None:
        self.url = f"sqlite:///{folder / 'journal.sqlite'}"
        self.journal = Journal.create_or_open(self.url, writer=True)
        self.reader = Journal.create_or_open(self.url, writer=False)
        self.engine = Recording(sweep_s)
        self.clock = MarketClock(wall=False)
        self.clock.anchor(NOW, speed)
        self.inbox = Inbox()
        self.gate = threading.Event()
        self.gate.set()
        self.writing = threading.Event()
        self.told: list[Outcome] = []
        self.durable_when_told: list[bool] = []
        self.thread = ThreadPoolExecutor(1)
        self.waits: list[float] = []
        self.driver = Driver(
            self.engine, self.clock, self.inbox, self.append, self.tell, waited=self.waits.append
        )

    def append(self, records: list[Recorded]) -> asyncio.Future[int]:
        """Write on a thread, as soon as the gate is open."""
        return asyncio.get_running_loop().run_in_executor(self.thread, self._write, records)

    def _write(self, records: list[Recorded]) -> int:
        self.writing.set()
        assert self.gate.wait(10)
        return self.journal.append(records)

    def tell(self, outcome: Outcome) -> None:
        """Note an outcome, and whether another reader of the journal finds it."""
        self.told.append(outcome)
        last = self.reader.last()
        self.durable_when_told.append(
            last is not None and last.recorded.sequence >= outcome.sequence
        )

    async def open(self) -> None:
        """Open an epoch, as the daemon does."""
        epoch = EpochOpened(
            epoch=1, feed="test", speed=self.clock.speed, market="1@1", software="test",
            configuration_hash="test",
        )  # fmt: skip
        now = self.clock.now()
        await self.driver.commit([self.engine.start(epoch, {"BTC": 1.0, "USDC": 1.0}, now)])

    async def ask(self, command: PauseTrading | ResumeTrading) -> asyncio.Future[Outcome | None]:
        """Put a command in; its answer is to come."""
        answer: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        await self.inbox.put(Errand(command, answer))
        return answer

    def close(self) -> None:
        """Put everything away."""
        self.gate.set()
        self.thread.shutdown()
        self.reader.close()
        self.journal.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk at 300x."""
    made = Desk(tmp_path)
    yield made
    made.close()


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_newest_quote_takes_the_place_of_the_one_that_waits() -> None:
    """Of one instrument only the newest quote waits, where the first stood; the count says so."""
    inbox = Inbox()
    for event in (LISTED, quote(bid=0.01), IndexPrice("BTC", 90_000.0, NOW), quote(bid=0.03)):
        await inbox.put(event)
    assert drain(inbox) == [LISTED, quote(bid=0.03), IndexPrice("BTC", 90_000.0, NOW)]
    assert inbox.conflated == 1


@pytest.mark.parametrize(
    "barrier",
    [
        LISTED,
        InstrumentExpired((NAME,)),
        FeedLost("gap", ("*",), ""),
        FeedRestored(("*",), ""),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_no_quote_overtakes_what_decides_over_it(barrier: Event) -> None:
    """A quote that comes after a listing, an expiry, a loss or a restoration stays after it."""
    inbox = Inbox()
    for event in (quote(bid=0.01), barrier, quote(bid=0.03)):
        await inbox.put(event)
    assert drain(inbox) == [quote(bid=0.01), barrier, quote(bid=0.03)]


EVENTS = st.one_of(
    st.builds(quote, st.sampled_from(["A", "B", "C"]), st.floats(0.01, 0.09)),
    st.sampled_from([LISTED, FeedLost("gap", ("*",), ""), FeedRestored(("*",), "")]),
    st.sampled_from([PAUSE, IndexPrice("BTC", 1.0, NOW), FeedFault("duplicate", (), "")]),
)


@given(st.lists(EVENTS, max_size=60), st.integers(1, 8))
def test_only_quotes_are_replaced_and_order_is_kept(given_: list[Event], room: int) -> None:
    """However small the inbox: others all arrive in order, of quotes the newest of a stretch."""

    async def pass_through() -> list[Event | Errand]:
        inbox = Inbox(room)
        taken: list[Event | Errand] = []

        async def give() -> None:
            for event in given_:
                await inbox.put(event)

        async with asyncio.TaskGroup() as tasks:
            giver = tasks.create_task(give())
            while not giver.done() or len(inbox):
                await asyncio.sleep(0)
                assert len(inbox) <= room
                if (event := inbox.take()) is not None:
                    taken.append(event)
        return taken

    taken = asyncio.run(pass_through())
    assert [one for one in taken if not isinstance(one, Quote)] == [
        one for one in given_ if not isinstance(one, Quote)
    ]
    assert last_quotes(taken) == last_quotes(given_)


def last_quotes(events: list[Event] | list[Event | Errand]) -> list[dict[str, Quote]]:
    """Give the newest quotes of each stretch between barriers."""
    stretches: list[dict[str, Quote]] = [{}]
    for event in events:
        if isinstance(event, BARRIERS):
            stretches.append({})
        elif isinstance(event, Quote):
            stretches[-1][event.instrument] = event
    return stretches


async def test_a_full_inbox_makes_givers_wait_in_their_order() -> None:
    """Without room a giver waits; whoever came first goes first, also before a newcomer."""
    inbox = Inbox(1)
    await inbox.put(IndexPrice("BTC", 1.0, NOW))
    async with asyncio.TaskGroup() as tasks:
        givers = []
        for price in (2.0, 3.0):
            givers.append(tasks.create_task(inbox.put(IndexPrice("BTC", price, NOW))))
            await asyncio.sleep(0)
        givers.append(tasks.create_task(inbox.put(quote())))
        await asyncio.sleep(0.01)
        assert not any(giver.done() for giver in givers)
        taken = [inbox.take()]
        givers.append(tasks.create_task(inbox.put(IndexPrice("BTC", 4.0, NOW))))
        while not all(giver.done() for giver in givers) or len(inbox):
            await asyncio.sleep(0)
            if (event := inbox.take()) is not None:
                taken.append(event)
    assert [one.price if isinstance(one, IndexPrice) else 0.0 for one in taken] == [1, 2, 3, 0, 4]


async def test_a_giver_who_gives_up_leaves_the_way_free() -> None:
    """Canceling a waiting giver keeps the inbox as it was and lets the next one in."""
    inbox = Inbox(1)
    await inbox.put(PAUSE)
    waiting = asyncio.get_running_loop().create_task(inbox.put(IndexPrice("BTC", 1.0, NOW)))
    await asyncio.sleep(0)
    await end(waiting)
    assert drain(inbox) == [PAUSE]
    await inbox.put(quote())
    assert drain(inbox) == [quote()]


async def test_commands_are_answered_once_they_are_durable(desk: Desk) -> None:
    """No answer and no word of a command before another reader of the journal finds its fact."""
    await desk.open()
    desk.gate.clear()
    desk.writing.clear()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(desk.driver.run())
        answer = await desk.ask(PAUSE)
        await asyncio.to_thread(desk.writing.wait, 5)
        assert (answer.done(), desk.driver.journal_ok, len(desk.told)) == (False, False, 1)
        desk.gate.set()
        outcome = await asyncio.wait_for(answer, 5)
        task.cancel()
    assert outcome is not None
    assert CommandTaken(PAUSE) in outcome.facts
    assert desk.driver.journal_ok
    assert desk.durable_when_told == [True, True]


async def test_a_stop_in_the_middle_of_a_commit_tells_all_of_it(desk: Desk) -> None:
    """Canceled while the journal writes, the commit is carried through, told and answered."""
    await desk.open()
    desk.gate.clear()
    desk.writing.clear()
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    answer = await desk.ask(PAUSE)
    await asyncio.to_thread(desk.writing.wait, 5)
    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()
    assert not task.done()
    desk.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    outcome = answer.result()
    assert outcome is not None
    assert desk.told[-1] == outcome
    assert [one.recorded for one in desk.reader.read()][-len(outcome.facts) :] == list(
        outcome.records
    )


async def test_a_failing_journal_ends_it_and_tells_nothing(desk: Desk) -> None:
    """What cannot be written is a StorageError: untold, unanswered, and the engine stops."""
    await desk.open()
    told = len(desk.told)
    desk.journal.close()
    desk.journal = Journal.create_or_open(desk.url, writer=False)
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    answer = await desk.ask(PAUSE)
    with pytest.raises(StorageError, match="only the daemon appends"):
        await asyncio.wait_for(task, 5)
    assert len(desk.told) == told
    assert not answer.done()
    assert not desk.driver.journal_ok


async def test_a_stop_does_not_hide_a_failing_journal(desk: Desk) -> None:
    """Where the last commit of a stop fails, the error is what ends the task."""
    await desk.open()
    desk.journal.close()
    desk.journal = Journal.create_or_open(desk.url, writer=False)
    desk.gate.clear()
    desk.writing.clear()
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    answer = await desk.ask(PAUSE)
    await asyncio.to_thread(desk.writing.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    desk.gate.set()
    with pytest.raises(StorageError):
        await task
    assert not answer.done()


async def test_it_tells_how_long_each_event_waited(desk: Desk) -> None:
    """From the inbox until it is processed, the wait for a commit before it included; no timer."""
    await desk.open()
    for event in (LISTED, quote(bid=0.01)):
        await desk.inbox.put(event)
    await asyncio.sleep(0.2)
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    async with asyncio.timeout(5):
        while desk.driver.processed < 2 or len(desk.inbox):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        desk.gate.clear()
        answer = await desk.ask(PAUSE)
        await asyncio.to_thread(desk.writing.wait, 5)
        await desk.inbox.put(quote(bid=0.02))
        await asyncio.sleep(0.3)
        desk.gate.set()
        assert await answer is not None
        while len(desk.waits) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await end(task)
    first, second, paused, behind = desk.waits
    assert first >= 0.19
    assert second >= 0.19
    assert behind >= 0.29 > paused


@pytest.mark.parametrize(("speed", "sweep_s"), [(300.0, 60), (1.0, 1)])
async def test_timers_fire_when_they_are_due(tmp_path: Path, speed: float, sweep_s: int) -> None:
    """At 1x and at 300x every due time is met, each once, within a moment of wall time."""
    desk = Desk(tmp_path, speed=speed, sweep_s=sweep_s)
    await desk.open()
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    await asyncio.sleep(1.3)
    await end(task)
    desk.close()
    fired = desk.engine.fired(SWEEP)
    dues = [one.event.due_at for one in fired if isinstance(one.event, TimerFired)]
    assert dues
    every = sweep_s * 1_000_000_000
    assert [later - due for due, later in itertools.pairwise(dues)] == [every] * (len(dues) - 1)
    late_s = sorted((one.at - due) / 1e9 / speed for one, due in zip(fired, dues, strict=True))
    assert late_s[0] >= 0
    assert late_s[len(late_s) // 2] < 0.1


async def test_after_a_stall_one_firing_stands_for_all(desk: Desk) -> None:
    """An hour that passed at once fires each timer once, then time goes on from there."""
    await desk.open()
    desk.clock.anchor(desk.clock.now() + HOUR, 300.0)
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    await asyncio.sleep(0.1)
    await end(task)
    fired = desk.engine.fired(SWEEP)
    assert len(fired) == 1
    due = desk.engine.timers.next_due()
    assert due is not None
    assert due[0] > desk.clock.now() - MINUTE


class Counted(MarketClock):
    """A clock that counts how often it is asked."""

    asked = 0

    def now(self) -> int:
        """Tell the time and count."""
        self.asked += 1
        return super().now()


@pytest.mark.parametrize("standing", [True, False], ids=["frozen", "behind its floor"])
async def test_nothing_to_do_costs_nothing(tmp_path: Path, standing: bool) -> None:
    """With the next timer a blink away on a clock that does not move, the engine sleeps."""
    desk = Desk(tmp_path)
    due = NOW + MINUTE
    near = due - 20 * MILLISECOND
    clock = Counted(wall=False, floor_at=near)
    clock.anchor(near if standing else due - HOUR, 1.0)
    if standing:
        clock.freeze()
    desk.clock = clock
    desk.driver = Driver(desk.engine, clock, desk.inbox, desk.append, desk.tell)
    await desk.open()
    clock.asked = 0
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    await asyncio.sleep(0.5)
    await end(task)
    desk.close()
    assert clock.asked < 10
    assert math.isinf(clock.wall_s_until(due)) is standing


async def test_an_idle_engine_makes_progress(desk: Desk) -> None:
    """With nothing to do the pulse still moves: idle is not stuck."""
    await desk.open()
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    first = desk.driver.progress_at
    await asyncio.sleep(1.2)
    age_s = time.monotonic() - desk.driver.progress_at
    await end(task)
    assert desk.driver.progress_at > first
    assert age_s < 1.1


async def test_a_flood_leaves_the_loop_its_turns(desk: Desk) -> None:
    """Thousands of events are processed in portions: others run in between, none is lost."""
    await desk.open()
    turns = 0
    for number in range(5_000):
        await desk.inbox.put(IndexPrice("BTC", 90_000.0 + number, NOW))
    task = asyncio.get_running_loop().create_task(desk.driver.run())
    while len(desk.inbox):
        turns += 1
        await asyncio.sleep(0)
    await end(task)
    prices = [one.event.price for one in desk.engine.inputs if isinstance(one.event, IndexPrice)]
    assert prices == [90_000.0 + number for number in range(5_000)]
    assert turns >= 5
