"""Does a configuration become the engine it describes, and a journal the state it was?"""

from __future__ import annotations

from pathlib import Path

from tests.app.running import write_configuration
from tests.builders import NOW
from trader.app.assemble import build_engine, recover
from trader.app.configuration import Configuration, load_configuration
from trader.domain.events import PauseTrading, Stamped
from trader.domain.facts import MAIN_ACCOUNT, EpochOpened
from trader.engine.ledger import EVERYTHING
from trader.storage.journal import Journal


def configured(folder: Path, text: str = "") -> Configuration:
    """Load a configuration with one strategy."""
    return load_configuration([write_configuration(folder, text)], environment={})


def opened(number: int) -> EpochOpened:
    """Open an epoch."""
    return EpochOpened(
        epoch=number, feed="test", speed=300.0, market="1@1", software="t", configuration_hash="t"
    )


def test_every_enabled_strategy_has_its_slot(tmp_path: Path) -> None:
    """A slot carries the strategy, the hash its stage belongs to, and where it starts."""
    configuration = configured(tmp_path)
    engine = build_engine(configuration)
    (one,) = configuration.strategies
    slot = engine.slots["covered_call_btc"]
    assert slot.strategy is one.strategy
    assert slot.configuration_hash == one.configuration_hash
    assert (slot.initial_stage, slot.cap_on_change) == (one.file.initial_stage, "RESEARCH")


def test_a_stage_floor_caps_what_a_change_costs(tmp_path: Path) -> None:
    """With a floor a changed strategy starts again at the floor, without one in RESEARCH."""
    engine = build_engine(configured(tmp_path, 'stage_floor = "PILOT"'))
    assert engine.slots["covered_call_btc"].cap_on_change == "PILOT"


def test_recovery_folds_every_fact(tmp_path: Path) -> None:
    """The engine that reads the journal stands where the one that wrote it stood, and goes on."""
    configuration = configured(tmp_path)
    first = build_engine(configuration)
    balances = configuration.settings.account.balances
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    with Journal.create_or_open(url, writer=True) as journal:
        assert recover(first, journal) == 0
        started = first.start(opened(1), balances, NOW)
        pause = PauseTrading(by="ana", reason="news")
        paused = first.process(Stamped(first.sequence + 1, NOW + 1, pause))
        records = [*started.records, *paused.records]
        journal.append(records)
        second = build_engine(configuration)
        assert recover(second, journal) == len(records)
    assert second.sequence == first.sequence
    assert second.ledger.at == NOW + 1
    assert second.ledger.paused[EVERYTHING] == pause
    assert second.ledger.account(MAIN_ACCOUNT).cash == first.ledger.account(MAIN_ACCOUNT).cash
    assert second.ledger.stages == first.ledger.stages
    assert second.start(opened(2), balances, NOW + 2).sequence == first.sequence + 1
