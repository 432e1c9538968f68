"""Which market has an edge that we put there? Days of two sizes under a dear volatility index.

A coin moves about 2 % a day, up or down, while the index says 60 % a year: calls sold beyond what
two days can reach are paid for a risk that is not there. In a past without the edge the days are
as large as the index says, and larger.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import numpy as np

from trader.app.assemble import build_engine
from trader.app.configuration import load_configuration
from trader.app.night_past import read_past
from trader.backtest.market import Market
from trader.backtest.modelled import Candles, Level
from trader.backtest.runner import Terms
from trader.domain.events import Promote, Stamped, TimerFired
from trader.domain.facts import EpochOpened
from trader.domain.units import DAY, HOUR, MINUTE, day_date, utc_day
from trader.evaluation.evaluate import Evaluation
from trader.evaluation.night import Night, Subject, conclude, needs_of
from trader.evaluation.runs import Subject as Judged
from trader.evaluation.strategy_card import Plan, Request
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.app.night_past import Past
    from trader.backtest.trade_history import TradeHistory
    from trader.domain.events import Event
    from trader.domain.facts import Recorded
    from trader.engine.outcome import Outcome
    from trader.evaluation.runs import Run
    from trader.evaluation.strategy_card import Scorecard

START = 20_000 * DAY
YEARS = 1_460
PAPER = 120
"""Days after the past that is judged, in which the strategy trades on paper."""
UP_SHARES = ((90, 0.5), (400, 0.62), (250, 0.5), (300, 0.36), (200, 0.5), (341, 0.62))
"""Days, and the share of them that rise: warm-up, bull, chop, bear, chop, bull and paper."""
SMALL, LARGE = 0.02, 0.032
MARKET = "edge"
SETTINGS = """
strategies = ["strategies"]
[account.balances]
BTC = 20.0
USDC = 1_000_000.0
[risk]
max_risk_per_trade = 0.03
max_risk_per_underlying = 0.09
[engine]
quote_age_s_max = 86_400.0
sweep_s = 3600
[journal]
state_dir = "state"
"""
STRATEGY = """
name = "alpha"
kind = "covered_call"
underlying = "BTC"
[cadence]
hours = 24
offset_minutes = 485
[parameters]
target_days = 2
target_delta = 0.15
days_tolerance = 0.9
delta_tolerance = 0.05
min_hours_left = 4
take_profit = 0
min_credit_fee_multiple = 1
patience_minutes = 0
"""


def market(past: float, paper: float, *, seed: int = 5) -> Market:
    """Let every day of the past move by `past`, every one of the paper period by `paper`."""
    rng = np.random.default_rng(seed)
    rising = np.concatenate([np.full(days, share) for days, share in UP_SHARES])
    rising = np.concatenate([rising, np.full(PAPER, 0.5)])
    size = np.where(np.arange(len(rising)) < 90 + YEARS + PAPER // 2, past, paper)
    days = np.where(rng.random(len(rising)) < rising, size, -size)
    hours = np.repeat((days + rng.normal(0.0, 0.004, len(days))) / 24, 24)
    close = 30_000.0 * np.exp(np.cumsum(hours))
    opened_at = START - 90 * DAY + 8 * HOUR + HOUR * np.arange(len(close))
    candles = Candles(opened_at, close, close, close, close)
    level = Level(np.full(len(close), 0.6), "index")
    return Market(
        underlying="BTC", candles=candles, level=level, source=MARKET, step=DAY, at_minute=485
    )


def configured(folder: Path) -> Configuration:
    """Configure the strategy and its account as files do."""
    (folder / "strategies").mkdir(parents=True)
    (folder / "strategies" / "alpha.toml").write_text(STRATEGY, encoding="utf-8")
    (folder / "trader.toml").write_text(SETTINGS, encoding="utf-8")
    return load_configuration([folder / "trader.toml"], (), {})


class Once(Executor):
    """Makes each run for real, in this thread, and the same run only once."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], TradeHistory] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make it, or remember it: a run is a function of what it is asked with."""
        del kwargs
        run: Run = args[0]
        close = run.market.candles.close
        known = (
            *sorted(run.parameters.items()), run.stress and run.stress.name, run.start, run.end,
            run.fingerprint, len(close), float(close.sum()),
        )  # fmt: skip
        if known not in self._made:
            self._made[known] = fn(run)
        done: Future[Any] = Future()
        done.set_result(self._made[known])
        return done


def judge(
    configuration: Configuration, past: Market, once: Once, paper: tuple[float, ...] = ()
) -> Scorecard:
    """Evaluate the strategy as configured on four years, every gate asked, one board a day."""
    (one,) = configuration.strategies
    settings = configuration.settings
    asked = Request(
        subject=Judged(
            kind=type(one.strategy), file=one.file, configuration_hash=one.configuration_hash
        ),
        market=past,
        terms=Terms(
            balances=dict(settings.account.balances), risk=settings.risk, broker=settings.broker
        ),
        start=START,
        end=START + YEARS * DAY,
        plan=Plan(once_a_day_at=485, board_hours=24),
        paper=paper,
    )
    return Evaluation(asked, once).finish()


class Paper:
    """The strategy on paper after that past: the configured engine, every fact in a journal."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.engine = build_engine(configuration)
        self.records: list[Recorded] = []
        self._journaled = 0
        self.at = START + YEARS * DAY
        configuration.state_dir.mkdir(parents=True)
        epoch = EpochOpened(
            epoch=1, feed="test", speed=1.0, market=MARKET, software="0",
            configuration_hash=configuration.hash,
        )  # fmt: skip
        balances = configuration.settings.account.balances
        self.records += self.engine.start(epoch, balances, self.at).records

    def trade(self, seen: Market, days: int) -> None:
        """Live through days of a market: its events and the engine's own timers, in order."""
        until = self.midnight + days * DAY
        for at, event in seen.chains(days_max=5.0).events(self.at, until):
            self._fire(at)
            self.give(event, at)
        self._fire(until)
        self.at = until

    def give(self, event: Event, at: int) -> Outcome:
        """Let the engine take one input."""
        outcome = self.engine.process(Stamped(self.engine.sequence + 1, at, event))
        self.records += outcome.records
        self.at = at
        return outcome

    def _fire(self, before: int) -> None:
        while (due := self.engine.timers.next_due()) is not None and due[0] < before:
            self.give(TimerFired(due[1], due[0]), max(due[0], self.at))

    @property
    def midnight(self) -> int:
        """The midnight that ended the last whole day."""
        return self.at // DAY * DAY

    def past(self) -> Past:
        """Write what is not journaled yet, and read the journal as the night at midnight does."""
        url = self.configuration.journal_url
        with Journal.create_or_open(url, writer=True) as journal:
            journal.append(self.records[self._journaled :])
            self._journaled = len(self.records)
            return read_past(self.configuration, journal, self.midnight)

    def paper(self) -> tuple[float, ...]:
        """Read from the journal what a night compares: results since the last change of stage."""
        known = self.past().paper
        return known["alpha"].multiples if "alpha" in known else ()

    def night(self, card: Scorecard) -> tuple[Night, Subject, Outcome]:
        """Conclude from the journal as a night does, and let the engine adopt it."""
        past, ends_at = self.past(), self.midnight
        date = day_date(utc_day(ends_at - 1)).isoformat()
        subjects = conclude(
            [card], past.engine.ledger, {}, self.configuration.settings.stages, past.paper,
            past.stages, date,
        )  # fmt: skip
        night = Night(
            date=date, ends_at=ends_at, profile="full", market=past.market, software="0",
            subjects=subjects, needs=needs_of(subjects), notes=(), equity=past.equity,
            previous=past.previous,
        )  # fmt: skip
        return night, subjects[0], self.give(night.decisions, ends_at + 10 * MINUTE)

    def promote(self, *, override: bool = False) -> list[str]:
        """Let a person raise it to the top; return what was answered."""
        command = Promote(
            by="ana", reason="four good years", strategy="alpha", stage="PRODUCTION",
            override=override,
        )  # fmt: skip
        outcome = self.give(command, self.midnight + 20 * MINUTE)
        return [one.text for one in outcome.alerts]

    @property
    def stage(self) -> str:
        """Where it lives."""
        return self.engine.ledger.stages["alpha"].stage
