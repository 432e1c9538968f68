"""How is a strategy that rolls studied by hand? What `trader backtest roll-chains` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.app.evaluation_request import terms_of
from trader.app.study import note_trials
from trader.app.trials import canonical
from trader.backtest.roll_chains import RollChainStudy, study_roll_chains
from trader.domain.errors import ConfigurationError
from trader.strategies.roll_chain import RollChain
from trader.strategies.wheel import Wheel

if TYPE_CHECKING:
    from trader.app.configuration import Configuration
    from trader.app.study_past import Past
    from trader.evaluation.runs import Subject


def roll_chains(
    configuration: Configuration, subject: Subject, past: Past, start: int, end: int
) -> RollChainStudy:
    """Run a strategy with an ear for its chains, and count the configuration as tried.

    Raises:
        ConfigurationError: it is of another kind, or the history does not hold the span.
    """
    strategy = subject.strategy()
    if not isinstance(strategy, RollChain):
        raise ConfigurationError(
            f"strategy {subject.name!r} is of kind {strategy.kind}: roll-chains studies "
            f"{RollChain.kind} and {Wheel.kind}; use `trader backtest run {subject.name}`"
        )
    try:
        terms = terms_of(configuration.settings)
        found = study_roll_chains(strategy, past.history, terms, start, end)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    tried = canonical(strategy.settings.model_dump(mode="json"))
    note_trials(configuration, subject.name, [tried])
    return found
