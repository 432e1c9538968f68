"""What becomes of a command when no daemon runs? We take its lock and journal it in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.assemble import build_engine, recover
from trader.app.control import answer_of
from trader.domain.events import Demote, Promote, Stamped
from trader.storage.journal import Journal
from trader.storage.lock import StateLock
from trader.web.window import Answer

if TYPE_CHECKING:
    from trader.app.configuration import Configuration
    from trader.domain.events import Command
    from trader.engine.engine import Engine

OBEYED: Final = "no daemon runs, the next one obeys it"


def take(configuration: Configuration, command: Command) -> Answer:
    """Recover the engine, carry the command out at the journal's last instant, journal its facts.

    For commands that need no market; the journal must exist.

    Raises:
        JournalLocked: a daemon, or another command, holds the state.
        StorageError: the journal cannot be trusted or written.
    """
    url = configuration.journal_url
    with (
        StateLock.acquire(configuration.state_dir),
        Journal.create_or_open(url, writer=True) as journal,
    ):
        engine = build_engine(configuration)
        recover(engine, journal)
        objection = _objection(engine, command)
        if objection is not None:
            return Answer(accepted=False, detail=objection)
        outcome = engine.process(Stamped(engine.sequence + 1, engine.ledger.at, command))
        journal.append(outcome.records)
    answer = answer_of(outcome)
    return msgspec.structs.replace(answer, detail=OBEYED) if answer.accepted else answer


def _objection(engine: Engine, command: Command) -> str | None:
    """Say what only a start can decide; None where nothing stands against the command.

    A stage belongs to a strategy as it was configured: where that changed, the next start lowers
    it first, and a stage given before would slip past.
    """
    ledger = engine.ledger
    if ledger.epoch is None:
        return "the journal holds no epoch yet: start the daemon first"
    if isinstance(command, Promote | Demote) and command.strategy in engine.slots:
        known = ledger.stages.get(command.strategy)
        slot = engine.slots[command.strategy]
        if known is None or known.configuration_hash != slot.configuration_hash:
            return (
                f"{command.strategy} is new or changed since the daemon last ran: start the daemon,"
                " which settles its stage, then say it again"
            )
    return None
