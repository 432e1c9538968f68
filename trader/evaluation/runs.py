"""What is run, where? One backtest as a value that travels to a worker and comes back as trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.backtest.beside import quoted_for
from trader.backtest.runner import Terms, run_backtest
from trader.backtest.trade_history import TradeHistory
from trader.domain.units import DAY, HOUR
from trader.strategies.strategy import StrategyFile, build, reads_board, trades_linear

if TYPE_CHECKING:
    from trader.backtest.history import History
    from trader.backtest.market import Market
    from trader.backtest.recorded_market import RecordedMarket
    from trader.evaluation.stress import Stress
    from trader.strategies.strategy import Strategy

DAYS_ALWAYS: Final = 45.0
LISTED_AT: Final = 8 * HOUR


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it is configured, with what a worker needs to build it."""

    kind: type[Any]
    file: StrategyFile
    configuration_hash: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.file.name

    def strategy(self, parameters: dict[str, float] | None = None) -> Strategy:
        """Build it, with other values for some parameters.

        Raises:
            pydantic.ValidationError: these values are none it can have.
        """
        settings = self.kind.Settings
        changed = {
            name: int(value) if settings.model_fields[name].annotation is int else value
            for name, value in (parameters or {}).items()
        }
        file = self.file.model_copy(update={"parameters": {**self.file.parameters, **changed}})
        return build(self.kind, file)

    def once_a_day(self, minute: int) -> Subject:
        """Let it decide once a day, at a minute past midnight (the quick profile).

        Who trades a perpetual decides on its bars as ever: once a day it would be another rule.
        """
        if not reads_board(self.strategy()):
            return self
        return self._timed({"hours": 24, "minutes": 0, "offset_minutes": minute})

    def moved(self, minute: int) -> Subject:
        """Let it decide as often as ever, first at a minute past midnight."""
        return self._timed({"offset_minutes": minute})

    def _timed(self, update: dict[str, int]) -> Subject:
        cadence = self.file.cadence.model_copy(update=update)
        return msgspec.structs.replace(self, file=self.file.model_copy(update={"cadence": cadence}))


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One backtest: who, on what past, when, with which parameters, under which stress."""

    subject: Subject
    market: Market | RecordedMarket
    terms: Terms
    start: int
    end: int
    parameters: dict[str, float] = {}
    stress: Stress | None = None
    fingerprint: bool = False


def make(run: Run) -> TradeHistory:
    """Make a run; the same one gives the same bytes on whichever worker."""
    strategy = run.subject.strategy(run.parameters)
    days_max = days_looked(strategy)
    terms, stress, linear = run.terms, run.stress, trades_linear(strategy)
    costs, gap = (stress.costs, stress.gap) if stress is not None else (None, 0.0)
    if stress is not None:
        terms = msgspec.structs.replace(terms, latency=stress.latency)
    history: History
    if not reads_board(strategy):
        history = run.market.perpetual(costs=costs, gap=gap, linear=linear)
    else:
        boards = run.market.chains(
            days_max=days_max,
            costs=costs,
            iv_factor=stress.iv_factor if stress is not None else 1.0,
            gap=gap,
            linear=linear,
        )
        history = quoted_for(strategy, boards, costs)
    return run_backtest(strategy, history, terms, run.start, run.end, fingerprint=run.fingerprint)


def days_looked(strategy: Strategy) -> float:
    """Tell how far out a strategy looks: boards beyond that need no pricing.

    What it looks at late in a day was listed that morning, when it was further away.
    """
    target = getattr(strategy.settings, "target_days", None)
    if target is None:
        return DAYS_ALWAYS
    cadence = strategy.cadence()
    late = (cadence.offset - LISTED_AT) % DAY if cadence.every % DAY == 0 else DAY
    tolerance = float(getattr(strategy.settings, "days_tolerance", target))
    bought_later = float(getattr(strategy.settings, "far_days", 0.0))
    far = max(float(target), bought_later) + tolerance
    return max(far, float(getattr(strategy.settings, "roll_days_max", 0.0))) + late / DAY
