"""How do the parts become a daemon? The one place that wires an engine from a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.engine.engine import Engine
from trader.engine.review import Slot

if TYPE_CHECKING:
    from trader.app.configuration import Configuration
    from trader.engine.ledger import Ledger
    from trader.storage.journal import Journal


def build_engine(configuration: Configuration) -> Engine:
    """Make the engine of a configuration, knowing nothing yet."""
    settings = configuration.settings
    slots = [
        Slot(
            strategy=one.strategy,
            configuration_hash=one.configuration_hash,
            initial_stage=one.file.initial_stage,
            cap_on_change=settings.stage_floor or "RESEARCH",
        )
        for one in configuration.strategies
    ]
    return Engine(slots, settings.risk, settings.broker, settings.engine, settings.stages)


def recover(engine: Engine, journal: Journal) -> int:
    """Fold every journaled fact into a fresh engine; tell how many there were."""
    count = 0
    for stored in journal.read():
        engine.recover(stored.recorded)
        count += 1
    return count


def holdings(ledger: Ledger, facts: int) -> dict[str, object]:
    """Sum up what recovery brought back: every position and every working order, by name."""
    positions = {
        f"{chain.id} {name}": leg.amount
        for chain in ledger.chains.values()
        for name, leg in chain.legs.items()
    }
    orders = {name: book.remaining for name, book in ledger.orders.items()}
    message = (
        f"{facts} facts recovered: {len(ledger.chains)} chains with {len(positions)} positions, "
        f"{len(orders)} orders working"
    )
    return {
        "at": ledger.at,
        "message": message,
        "facts": facts,
        "positions": positions,
        "orders": orders,
    }
