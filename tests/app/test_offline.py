"""Are commands journaled with no daemon running, and only those that may be? Real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import write_configuration
from tests.storage.story import STORY
from trader.app import offline
from trader.app.assemble import build_engine, recover
from trader.app.configuration import Configuration, load_configuration
from trader.app.offline import OBEYED
from trader.domain.errors import JournalLocked
from trader.domain.events import Command, Demote, PauseTrading, Promote, ResumeTrading
from trader.domain.facts import EpochOpened, OrderEnded, OrderPlaced, Recorded
from trader.engine.audit import Audit
from trader.engine.ledger import EVERYTHING
from trader.storage.journal import Journal
from trader.storage.lock import StateLock

NAME = "covered_call_btc"
AT = 1_780_336_800_000_000_000
EPOCH = EpochOpened(
    epoch=1, feed="simulated", speed=300.0, market="1@1", software="0", configuration_hash="0"
)


def configured(folder: Path, *assignments: str) -> Configuration:
    """Load a configuration with one strategy, its state beside it."""
    path = write_configuration(folder, '[journal]\nstate_dir = "s"\n')
    return load_configuration([path], assignments, {})


def write(configuration: Configuration, records: list[Recorded]) -> None:
    """Write a journal, as a daemon that has ended left it."""
    configuration.state_dir.mkdir()
    with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
        journal.append(records)


def journaled(configuration: Configuration) -> list[Recorded]:
    """Read every fact."""
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        return [stored.recorded for stored in journal.read()]


@pytest.fixture
def left(tmp_path: Path) -> Configuration:
    """A configuration whose daemon has opened one epoch and ended."""
    configuration = configured(tmp_path)
    balances = configuration.settings.account.balances
    outcome = build_engine(configuration).start(EPOCH, balances, AT)
    write(configuration, list(outcome.records))
    return configuration


def test_a_pause_waits_for_the_next_daemon(left: Configuration) -> None:
    """It is the next fact after the last, at the last one's market time; recovery obeys it."""
    before = journaled(left)
    answer = offline.take(left, PauseTrading(by="ana", reason="news"))
    (fact,) = journaled(left)[len(before) :]
    assert (answer.accepted, answer.detail) == (True, OBEYED)
    assert answer.sequence == fact.sequence == before[-1].sequence + 1
    assert fact.at == before[-1].at
    engine = build_engine(left)
    with Journal.create_or_open(left.journal_url, writer=False) as journal:
        recover(engine, journal)
    assert engine.ledger.paused[EVERYTHING].reason == "news"
    assert Audit(left.settings.risk).read(journaled(left)) == ()


def test_one_command_after_another(left: Configuration) -> None:
    """Each takes the lock for itself and goes on where the last one ended."""
    commands: tuple[Command, ...] = (
        PauseTrading(by="ana", reason="news", strategy=NAME),
        ResumeTrading(by="ana", reason="calm", strategy=NAME),
        ResumeTrading(by="ana", reason="calm"),
        Promote(by="ana", reason="good month", strategy=NAME, stage="PILOT", override=True),
        Demote(by="ana", reason="bad month", strategy=NAME, stage="RESEARCH"),
    )
    first = journaled(left)[-1].sequence + 1
    answers = [offline.take(left, command) for command in commands]
    assert all(answer.accepted for answer in answers)
    assert [answer.sequence for answer in answers] == list(range(first, first + 5))
    assert Audit(left.settings.risk).read(journaled(left)) == ()


def test_what_the_engine_refuses_is_journaled_and_not_accepted(left: Configuration) -> None:
    """A strategy nobody knows, and a promotion downward, are answered with the reason."""
    unknown = offline.take(left, PauseTrading(by="ana", reason="news", strategy="nobody"))
    down = offline.take(left, Promote(by="ana", reason="x", strategy=NAME, stage="RESEARCH"))
    assert not unknown.accepted
    assert unknown.detail == "strategy 'nobody' is not configured"
    assert not down.accepted
    assert f"{NAME} is at RESEARCH" in down.detail


def test_a_pause_ends_what_would_still_open(tmp_path: Path) -> None:
    """An order left working by the last daemon is canceled by the pause, in the same step."""
    configuration = configured(tmp_path)
    placed = next(n for n, one in enumerate(STORY) if isinstance(one.fact, OrderPlaced))
    write(configuration, list(STORY[: placed + 1]))
    assert offline.take(configuration, PauseTrading(by="ana", reason="news")).accepted
    ended = journaled(configuration)[-1].fact
    assert isinstance(ended, OrderEnded)
    assert (ended.order_id, ended.end) == ("o1", "canceled")


@pytest.mark.parametrize("kind", [Promote, Demote])
def test_the_stage_of_a_changed_strategy_is_settled_by_a_start(
    left: Configuration, tmp_path: Path, kind: type[Promote | Demote]
) -> None:
    """trap: with the new hash already journaled, the start would not lower the changed strategy."""
    before = journaled(left)
    path = tmp_path / "strategies" / f"{NAME}.toml"
    path.write_text(path.read_text() + "[parameters]\ntarget_delta = 0.3\n", encoding="utf-8")
    changed = load_configuration([tmp_path / "trader.toml"], (), {})
    answer = offline.take(changed, kind(by="ana", reason="x", strategy=NAME, stage="PILOT"))
    assert not answer.accepted
    assert "new or changed since the daemon last ran: start the daemon" in answer.detail
    assert journaled(changed) == before
    assert offline.take(changed, PauseTrading(by="ana", reason="x", strategy=NAME)).accepted


def test_a_journal_without_an_epoch_takes_nothing(tmp_path: Path) -> None:
    """A daemon that never reached a market left no instant to journal at."""
    configuration = configured(tmp_path)
    write(configuration, [])
    answer = offline.take(configuration, PauseTrading(by="ana", reason="news"))
    assert not answer.accepted
    assert "no epoch yet: start the daemon first" in answer.detail
    assert journaled(configuration) == []


def test_whoever_holds_the_state_keeps_it(left: Configuration) -> None:
    """While a daemon holds the lock nothing is written beside it."""
    before = journaled(left)
    with (
        StateLock.acquire(left.state_dir),
        pytest.raises(JournalLocked, match="is in use by process"),
    ):
        offline.take(left, PauseTrading(by="ana", reason="news"))
    assert journaled(left) == before
