"""Which past is judged in these tests? Trades by a rule, four years of a market in all phases."""

from __future__ import annotations

import dataclasses
import functools
import math
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pydantic

from tests.evaluation.chains import chains
from trader.backtest.history import Provenance
from trader.backtest.market import Market
from trader.backtest.modelled import Candles, Level
from trader.backtest.runner import Terms
from trader.backtest.trade_history import TradeHistory
from trader.domain.units import DAY, HOUR
from trader.evaluation.evaluate import Evaluation
from trader.evaluation.runs import Run, Subject
from trader.evaluation.strategy_card import Plan, Request
from trader.strategies.strategy import Cadence, StrategyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trader.domain.market import Floats
    from trader.domain.situation import Situation
    from trader.domain.trading import Intent
    from trader.evaluation.strategy_card import Scorecard
    from trader.strategies.strategy import SketchLeg

START = 20_000 * DAY
DAYS = 1_461
LADDER = (1.0, 2.0, 3.0, 4.0, 5.0)


class TunedSettings(pydantic.BaseModel):
    """Two parameters to tune."""

    a: float = 3.0
    b: float = 3.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuned:
    """A strategy that is only judged here, never asked."""

    kind: ClassVar[str] = "tuned"
    Settings: ClassVar[type[pydantic.BaseModel]] = TunedSettings

    name: str
    underlying: str
    settings: TunedSettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, _: Situation) -> tuple[Intent, ...]:
        """Wish for nothing."""
        return ()

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """Offer a grid of 25."""
        return {"a": LADDER, "b": LADDER}

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw nothing."""
        del index, iv, at
        return ()


FILE = StrategyFile.model_validate(
    {
        "name": "alpha",
        "kind": "tuned",
        "underlying": "BTC",
        "cadence": {"hours": 24, "offset_minutes": 485},
    }
)


@functools.cache
def four_years(step: int = DAY) -> Market:
    """Let a coin rise, go nowhere, fall, go nowhere and rise again, after a quarter of warm-up."""
    rng = np.random.default_rng(3)
    legs = ((90, 0.0), (400, 1.1), (250, 0.0), (300, -1.1), (200, 0.0), (400, 1.0))
    steps = np.concatenate([np.full(days * 24, move / (days * 24)) for days, move in legs])
    noise = rng.normal(0.0, 0.03 / math.sqrt(24), len(steps))
    walk = noise - np.convolve(noise, np.full(24 * 60, 1 / (24 * 60)), mode="same")
    close = 30_000.0 * np.exp(np.cumsum(steps + walk))
    opened_at = START - 90 * DAY + HOUR * np.arange(len(close))
    candles = Candles(opened_at, close, close, close, close)
    level = Level(np.full(len(close), 0.6), "index")
    return Market(
        underlying="BTC", candles=candles, level=level, source="synthetic", step=step, at_minute=5
    )


class Played(Executor):
    """Gives each run the results that a rule says, one trade a day, at once and in this thread."""

    def __init__(self, rule: Callable[[Run], Floats]) -> None:
        self._rule = rule
        self.runs: list[Run] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Play the run instead of making it."""
        del fn, kwargs
        (run,) = args
        self.runs.append(run)
        done: Future[Any] = Future()
        try:
            done.set_result(self._history(run))
        except ArithmeticError as error:
            done.set_exception(error)
        return done

    def _history(self, run: Run) -> TradeHistory:
        return TradeHistory(
            start=run.start, end=run.end, provenance=Provenance(kind="modelled", source="played"),
            chains=chains(self._rule(run).tolist(), start=run.start), marks=(), refused={},
            skipped=0, failed=0, halted=0, open_chains=0, decisions=1, digest=str(run.end),
        )  # fmt: skip


class Inline(Executor):
    """Makes each run for real, at once and in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it now."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            done.set_exception(error)
        return done


def days_of(run: Run) -> int:
    """Count the days of a run."""
    return (run.end - run.start) // DAY


def distance(run: Run) -> float:
    """Tell how far the parameters of a run are from the middle of the grid, squared."""
    settings = run.subject.strategy(run.parameters).settings.model_dump()
    return float(sum((settings[name] - 3.0) ** 2 for name in ("a", "b")))


def edge(run: Run) -> Floats:
    """Win a little nineteen times in twenty; a step aside, a stress or a fee takes some of it."""
    rng = np.random.default_rng(11)
    won = rng.random(DAYS) < 0.95
    results = np.where(won, 0.0012, -0.006) + rng.normal(0.0, 0.00005, DAYS)
    cost = 0.0001 if run.stress is not None else 0.0
    return (results - 0.00002 * distance(run) - cost)[: days_of(run)]


def no_edge(run: Run) -> Floats:
    """Win as often, and lose it all again."""
    rng = np.random.default_rng(12)
    won = rng.random(DAYS) < 0.95
    results = np.where(won, 0.0003, -0.009) + rng.normal(0.0, 0.00005, DAYS)
    return (results - 0.00002 * distance(run))[: days_of(run)]


def noise(seed: int) -> Callable[[Run], Floats]:
    """Draw every cell for itself, around nothing; costs of a stress come off."""

    def rule(run: Run) -> Floats:
        settings = run.subject.strategy(run.parameters).settings.model_dump()
        rng = np.random.default_rng([seed, int(settings["a"]), int(settings["b"])])
        cost = 0.0001 if run.stress is not None else 0.0
        return rng.normal(0.0, 0.004, DAYS)[: days_of(run)] - cost

    return rule


def request(
    *, parameters: dict[str, object] | None = None, paper: tuple[float, ...] = (), trials: int = 0
) -> Request:
    """Ask for an evaluation of four years."""
    file = FILE.model_copy(update={"parameters": parameters or {}})
    return Request(
        subject=Subject(kind=Tuned, file=file, configuration_hash="v1"),
        market=four_years(), terms=Terms(balances={"BTC": 20.0, "USDC": 1_000_000.0}), start=START,
        end=START + DAYS * DAY, plan=Plan(), trials=trials, paper=paper,
    )  # fmt: skip


def judged(
    rule: Callable[[Run], Floats],
    *,
    parameters: dict[str, object] | None = None,
    paper: tuple[float, ...] = (),
) -> Scorecard:
    """Evaluate what a rule plays."""
    return Evaluation(request(parameters=parameters, paper=paper), Played(rule)).finish()
