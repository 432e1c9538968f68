"""How does the live engine run? One task owns it: stamp, process, journal, then tell.

Nothing is told (logged, shown, answered) before its facts are durable.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec

from trader.deribit.conflation import Conflation, ConflationFull
from trader.domain.events import (
    FeedLost,
    FeedRestored,
    InstrumentExpired,
    InstrumentListed,
    Quote,
    Stamped,
    TimerFired,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.app.market_clock import MarketClock
    from trader.domain.events import Event
    from trader.domain.facts import Recorded
    from trader.engine.engine import Engine
    from trader.engine.outcome import Outcome

INBOX_MAX: Final = 20_000
BATCH_MAX: Final = 512
IDLE_S_MIN: Final = 0.001
IDLE_S_MAX: Final = 1.0
BARRIERS: Final = (FeedLost, FeedRestored, InstrumentListed, InstrumentExpired)
"""What changes whether a quote is believed, or belongs to anything: no quote moves across these."""


class Errand(msgspec.Struct, frozen=True):
    """An event somebody waits for: its outcome is handed over once it is durable.

    None where the daemon stopped before the engine took it.
    """

    event: Event
    answer: asyncio.Future[Outcome | None]


class Inbox:
    """What waits for the engine, in order; of quotes between two barriers only the newest.

    Bounded: when full, `put` makes the giver wait, and who waited first goes first. Nothing but a
    quote is ever replaced.
    """

    def __init__(self, waiting_max: int = INBOX_MAX) -> None:
        self._waiting: Conflation[tuple[float, Event | Errand]] = Conflation(waiting_max)
        self.given_at = 0.0
        """Wall seconds (monotonic) at which what was taken last had been given."""
        self._turn = asyncio.Lock()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def conflated(self) -> int:
        """How many quotes were replaced by a newer one before the engine saw them."""
        return self._waiting.conflated

    async def put(self, event: Event | Errand) -> None:
        """Give an event; waits while there is no room for it."""
        given_at = time.monotonic()
        async with self._turn:
            while not self._accepts(event, given_at):
                self._room.clear()
                await self._room.wait()
        self._filled.set()

    def _accepts(self, event: Event | Errand, given_at: float) -> bool:
        key = event.instrument if isinstance(event, Quote) else None
        try:
            self._waiting.put((given_at, event), key=key, barrier=isinstance(event, BARRIERS))
        except ConflationFull:
            return False
        return True

    def take(self) -> Event | Errand | None:
        """Take the oldest; None where nothing waits."""
        taken = self._waiting.take(1)
        self._room.set()
        if not len(self._waiting):
            self._filled.clear()
        if not taken:
            return None
        self.given_at, event = taken[0]
        return event

    async def wait(self, seconds: float) -> None:
        """Wait until something is there, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._filled.wait()
        except TimeoutError:
            return


class Driver:
    """Feeds the engine from the inbox and the market clock.

    `append` begins to make facts durable, one batch at a time; `tell` hears of every outcome with
    consequences, after they are durable; `record` of every input, before it is processed; `waited`
    of the wall seconds from the inbox to its being processed.
    Invariant: a commit that was begun is carried through, told and answered, even when the task is
    canceled meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        clock: MarketClock,
        inbox: Inbox,
        append: Callable[[list[Recorded]], asyncio.Future[int]],
        tell: Callable[[Outcome], None],
        record: Callable[[Stamped], None] = lambda _: None,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._inbox = inbox
        self._append = append
        self._tell = tell
        self._record = record
        self._waited = waited
        self.processed = 0
        self._resting = False
        self.progress_at = time.monotonic()
        self.journal_ok = True

    @property
    def waiting(self) -> bool:
        """Whether all that was given is processed and durable."""
        return self._resting and not len(self._inbox)

    def next_due(self) -> int | None:
        """Tell when the next timer is due."""
        due = self._engine.timers.next_due()
        return None if due is None else due[0]

    async def commit(
        self, outcomes: Sequence[Outcome], errands: Sequence[tuple[Errand, Outcome]] = ()
    ) -> None:
        """Make the facts of outcomes durable, then tell them and answer who waits.

        Raises:
            StorageError: they could not be written; nothing of them was told.
        """
        records = [recorded for outcome in outcomes for recorded in outcome.records]
        canceled = False
        if records:
            self.journal_ok = False
            canceled = await _carried_through(self._append(records))
            self.journal_ok = True
            self.progress_at = time.monotonic()
        for outcome in outcomes:
            self._tell(outcome)
        for errand, outcome in errands:
            if not errand.answer.done():
                errand.answer.set_result(outcome)
        if canceled:
            raise asyncio.CancelledError

    async def run(self) -> None:
        """Process inputs until canceled."""
        while True:
            outcomes, errands = self._batch()
            self.progress_at = time.monotonic()
            await self.commit(outcomes, errands)
            if len(self._inbox):
                await asyncio.sleep(0)
            else:
                self._resting = True
                await self._inbox.wait(self._idle_s())
                self._resting = False

    def _idle_s(self) -> float:
        due = self._engine.timers.next_due()
        until = self._clock.wall_s_until(due[0]) if due is not None else IDLE_S_MAX
        return min(max(until, IDLE_S_MIN), IDLE_S_MAX)

    def _batch(self) -> tuple[list[Outcome], list[tuple[Errand, Outcome]]]:
        """Process until something must be journaled, nothing waits, or others want a turn."""
        outcomes: list[Outcome] = []
        errands: list[tuple[Errand, Outcome]] = []
        for _ in range(BATCH_MAX):
            now = self._clock.now()
            taken = self._next(now)
            if taken is None:
                break
            event = taken.event if isinstance(taken, Errand) else taken
            stamped = Stamped(self._engine.sequence + 1, now, event)
            self._record(stamped)  # before it is handled: what breaks the engine is kept as well
            outcome = self._engine.process(stamped)
            self.processed += 1
            if not isinstance(event, TimerFired):  # of timers nobody waits in the inbox
                self._waited(time.monotonic() - self._inbox.given_at)
            if isinstance(taken, Errand):
                errands.append((taken, outcome))
            if outcome.facts or outcome.requests:
                outcomes.append(outcome)
                break
        return outcomes, errands

    def _next(self, now: int) -> Event | Errand | None:
        due = self._engine.timers.next_due()
        if due is not None and due[0] <= now:
            return TimerFired(due[1], due[0])
        return self._inbox.take()


async def _carried_through(writing: asyncio.Future[int]) -> bool:
    """Wait until facts are durable, whatever cancels us meanwhile; tell whether anything did.

    Raises what the writing raises.
    """
    canceled = False
    while not writing.done():
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            canceled = True
    writing.result()
    return canceled
