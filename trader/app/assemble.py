"""How do the parts become a daemon? The one place that wires an engine from a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.app.plugins import pricing_models
from trader.domain.errors import ConfigurationError
from trader.engine.engine import Engine
from trader.engine.model_desk import Ensemble
from trader.engine.review import Slot

if TYPE_CHECKING:
    from trader.app.configuration import Configuration
    from trader.app.settings import Settings
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
    return Engine(
        slots, settings.risk, settings.broker, settings.engine, settings.stages,
        settings.behavior, build_ensemble(settings),
    )  # fmt: skip


def build_ensemble(settings: Settings, *, every_minutes: int | None = None) -> Ensemble:
    """Make the models that take part; none where the ensemble is not enabled.

    A backtest fits them at a period of its own, `every_minutes`.

    Raises:
        ConfigurationError: a model is named that is not installed.
    """
    kinds = pricing_models() if settings.ensemble.enabled else {}
    wanted = settings.ensemble.models if kinds else ()
    if missing := [name for name in wanted if name not in kinds]:
        raise ConfigurationError(
            f"ensemble.models names {', '.join(map(repr, missing))}, which no package announces: "
            f"choose from {', '.join(kinds)}"
        )
    models = tuple(kinds[name]() for name in wanted or kinds)
    calibration = settings.calibration
    if every_minutes is not None:
        calibration = calibration.model_copy(update={"every_minutes": every_minutes})
    return Ensemble(models, settings.ensemble, calibration)


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
