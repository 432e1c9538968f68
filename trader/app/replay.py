"""Would the engine decide the same again? Recorded inputs, a fresh engine, and the journal beside.

Each epoch is re-run from the facts it recovered, up to its last durable input; every outcome is
compared with what was journaled, and the first difference is told in plain words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from trader.app.assemble import build_ensemble
from trader.domain.errors import InvariantBroken, StorageError
from trader.domain.events import Quote, TimerFired
from trader.domain.facts import EpochOpened
from trader.domain.trading import Approved, Refused
from trader.domain.units import DAY, iso
from trader.engine.engine import Engine
from trader.engine.review import Slot
from trader.storage.payload import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.app.configuration import Configuration
    from trader.domain.events import Event, Stamped
    from trader.domain.facts import Fact, Recorded
    from trader.storage.journal import Journal
    from trader.storage.recordings import EpochManifest

TEXT_MAX: Final = 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochReplay:
    """What came of re-running one epoch. `difference` is None where all was the same.

    `gap` says why the run ended before the end of the recording; `notes` what else to know.
    `headless`: its beginning was deleted, so that nothing of it could be compared.
    """

    epoch: int
    inputs: int
    facts: int
    until_at: int
    difference: str | None
    gap: str | None
    notes: tuple[str, ...] = ()
    headless: bool = False


def replay_engine(configuration: Configuration, manifest: EpochManifest) -> Engine:
    """Make an engine as that epoch's was, but for what the configuration changes on purpose.

    A strategy keeps the identity it was recorded with: its stage belongs to that, and what is asked
    here is what it decides, not who it is.
    """
    settings = configuration.settings
    slots = [
        Slot(
            strategy=one.strategy,
            configuration_hash=manifest.strategies.get(one.file.name, one.configuration_hash),
            initial_stage=one.file.initial_stage,
            cap_on_change=settings.stage_floor or "RESEARCH",
        )
        for one in configuration.strategies
    ]
    return Engine(
        slots, settings.risk, settings.broker, settings.engine, settings.stages,
        settings.behavior, build_ensemble(settings),
    )  # fmt: skip


def replay_epoch(
    engine: Engine,
    manifest: EpochManifest,
    journal: Journal,
    inputs: Iterable[Stamped],
    *,
    whole: bool = True,
) -> EpochReplay:
    """Re-run one epoch in a fresh engine; `whole` tells that no later inputs of it are recorded.

    Raises:
        StorageError: journal and recording do not belong together, or cannot be read.
    """
    for stored in journal.read(limit=manifest.facts_recovered or 0):
        engine.recover(stored.recorded)
    journaled = _Journaled(_facts_of_epoch(journal, manifest))
    return _Run(engine, manifest, journaled, whole=whole).through(inputs)


class _Journaled:
    """The journaled facts of an epoch, taken sequence by sequence."""

    def __init__(self, recorded: Iterator[Recorded]) -> None:
        self._recorded = recorded
        self._next = next(recorded, None)

    @property
    def ended(self) -> bool:
        """Whether nothing more was journaled."""
        return self._next is None

    def take(self, sequence: int) -> list[Recorded]:
        """Take every fact up to a sequence."""
        taken = []
        while self._next is not None and self._next.sequence <= sequence:
            taken.append(self._next)
            self._next = next(self._recorded, None)
        return taken


class _Run:
    """One epoch being re-run."""

    def __init__(
        self, engine: Engine, manifest: EpochManifest, journaled: _Journaled, *, whole: bool
    ) -> None:
        self._engine = engine
        self._whole = whole
        self._manifest = manifest
        self._journaled = journaled
        self._inputs = 0
        self._facts = 0
        self._until_at = manifest.opened_at
        self._notes: list[str] = []

    def through(self, inputs: Iterable[Stamped]) -> EpochReplay:
        """Open the epoch, then take every input; stop at the first difference or gap."""
        manifest = self._manifest
        opened = self._engine.start(manifest.opening, manifest.balances, manifest.opened_at)
        recorded = self._journaled.take(opened.sequence)
        if difference := self._compare(recorded, opened.records, "the opening of the epoch"):
            return self._result(difference=difference)
        waiting = iter(inputs)
        stamped = next(waiting, None)
        while stamped is not None:
            following = next(waiting, None)
            if stamped.sequence != self._engine.sequence + 1:
                return self._result(gap=self._gap(stamped), headless=self._headless(stamped))
            if difference := self._step(stamped, last=following is None):
                return self._result(difference=difference)
            stamped = following
        return self._result()

    def _step(self, stamped: Stamped, *, last: bool) -> str | None:
        """Process one input and compare; None where it came out as journaled."""
        try:
            outcome = self._engine.process(stamped)
        except InvariantBroken as error:
            if last and self._journaled.ended:
                self._notes.append(f"{_where(stamped)} broke the recorded daemon as well: {error}")
                return None
            return (
                f"{_where(stamped)}: recorded without a fault, now it breaks an invariant: {error}"
            )
        recorded = self._journaled.take(stamped.sequence)
        if outcome.facts and not recorded and last and self._journaled.ended:
            self._notes.append(
                f"{_where(stamped)} was the last: its facts never reached the journal"
            )
            return None
        self._inputs += 1
        self._until_at = stamped.at
        if not recorded and not outcome.facts:
            return None
        return self._compare(recorded, outcome.records, _where(stamped))

    def _compare(
        self, recorded: Sequence[Recorded], replayed: Sequence[Recorded], where: str
    ) -> str | None:
        self._facts += len(recorded)
        for before, now in zip(recorded, replayed, strict=False):
            if before != now:
                return f"{where}: {difference_text(before, now)}"
        if len(recorded) > len(replayed):
            missing = fact_text(recorded[len(replayed)].fact)
            return f"{where}: recorded {missing}; now nothing of the kind happens"
        if len(replayed) > len(recorded):
            added = fact_text(replayed[len(recorded)].fact)
            return f"{where}: nothing of the kind was recorded; now {added}"
        return None

    def _gap(self, stamped: Stamped) -> str:
        expected = self._engine.sequence + 1
        if self._headless(stamped):
            return (
                f"the recording begins at input {stamped.sequence}, the epoch at {expected}: its "
                "first days were deleted (recorder.retention_days, recorder.budget_gb)"
            )
        return (
            f"inputs {expected} to {stamped.sequence - 1} were not recorded (a slow disk, or a kill"
            " between two files)"
        )

    def _headless(self, stamped: Stamped) -> bool:
        """Tell a beginning that was deleted from a kill within the first second."""
        return self._inputs == 0 and stamped.at // DAY > self._manifest.opened_at // DAY

    def _result(
        self, *, difference: str | None = None, gap: str | None = None, headless: bool = False
    ) -> EpochReplay:
        if difference is None and gap is None and self._whole and not self._journaled.ended:
            self._notes.append("facts were journaled after the last recorded input")
        return EpochReplay(
            epoch=self._manifest.opening.epoch,
            inputs=self._inputs,
            facts=self._facts,
            until_at=self._until_at,
            difference=difference,
            gap=gap,
            notes=tuple(self._notes),
            headless=headless,
        )


def _facts_of_epoch(journal: Journal, manifest: EpochManifest) -> Iterator[Recorded]:
    """Read an epoch's facts, from its opening to the next one's.

    Raises:
        StorageError: what follows the recovered facts is not this epoch.
    """
    stored = journal.read(after_id=manifest.facts_recovered)
    first = next(stored, None)
    if first is None or first.recorded.fact != manifest.opening:
        raise StorageError(
            f"{journal.where}: fact {manifest.facts_recovered + 1} does not open epoch "
            f"{manifest.opening.epoch}: this recording belongs to another journal"
        )
    yield first.recorded
    for one in stored:
        if isinstance(one.recorded.fact, EpochOpened):
            return
        yield one.recorded


def _where(stamped: Stamped) -> str:
    return f"input {stamped.sequence}, {input_text(stamped.event)} at {iso(stamped.at)}"


def input_text(event: Event) -> str:
    """Name an input for people."""
    kind = type(event).__name__
    match event:
        case Quote():
            return f"{kind} {event.instrument} {event.bid:g} / {event.ask:g}"
        case TimerFired():
            return f"timer {event.name}"
        case _:
            return _short(f"{kind} {_pairs(event)}")


def fact_text(fact: Fact) -> str:
    """Tell a fact in a line."""
    match fact:
        case Refused():
            return f"refused {fact.intent.strategy} by {fact.rule}: {fact.explanation}"[:TEXT_MAX]
        case Approved():
            return f"approved {fact.intent.strategy} {fact.intent.action} of {fact.amount:g}"
        case _:
            return _short(f"{type(fact).__name__} {_pairs(fact)}")


def difference_text(recorded: Recorded, replayed: Recorded) -> str:
    """Say where two facts part: what was recorded, what happens now, the first field."""
    before, now = recorded.fact, replayed.fact
    if type(before) is not type(now):
        return f"recorded: {fact_text(before)}; now: {fact_text(now)}"
    path, was, becomes = first_difference(recorded, replayed)
    name = path.removeprefix(".fact.")
    return (
        f"{type(before).__name__} differs in {name}: recorded {_short(repr(was))}, now "
        f"{_short(repr(becomes))} (recorded: {fact_text(before)})"
    )


def first_difference(before: object, now: object, path: str = "") -> tuple[str, object, object]:
    """Find the first part in which two values differ."""
    if type(before) is type(now):
        for (name, one), (_, other) in zip(parts_of(before), parts_of(now), strict=False):
            if one != other:
                return first_difference(one, other, f"{path}{name}")
    return path, before, now


def _pairs(value: object) -> str:
    return ", ".join(f"{name[1:]} {part}" for name, part in parts_of(value)[:8])


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"
