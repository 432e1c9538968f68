"""What is asked of a night, and what does it know of one strategy in the end?"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from trader.backtest.history import Provenance
from trader.backtest.market import Market
from trader.backtest.recorded_market import RecordedMarket
from trader.backtest.runner import Terms
from trader.backtest.trade_history import Mark
from trader.domain.events import NightVerdict
from trader.domain.units import HOUR
from trader.evaluation import stress
from trader.evaluation.approval import ApprovalConfig, ApprovalResult
from trader.evaluation.divergence import Divergence
from trader.evaluation.look_ahead import LookAhead
from trader.evaluation.monte_carlo import MonteCarlo, VarianceLimits
from trader.evaluation.phases import PhaseRow
from trader.evaluation.runs import Subject
from trader.evaluation.sensitivity import Sensitivity
from trader.evaluation.stress import StressTest
from trader.evaluation.trade_quality import TradeQuality
from trader.evaluation.walk_forward import WalkForward


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How thoroughly: the profiles `full` and `quick` (for the demo)."""

    profile: Literal["full", "quick"] = "full"
    steps_per_side: int = 2
    sims: int = 1_000
    folds: int = 8
    stresses: tuple[stress.Stress, ...] = stress.STRESSES
    once_a_day_at: int | None = None
    board_hours: int = 1

    def seen(self, market: Market) -> Market:
        """Show a market's boards as often as this plan looks."""
        if self.once_a_day_at is None:
            return market
        step, minute = self.board_hours * HOUR, self.once_a_day_at
        return msgspec.structs.replace(market, step=step, at_minute=minute)


QUICK: Final = Plan(
    profile="quick",
    steps_per_side=1,
    sims=500,
    folds=4,
    stresses=tuple(one for one in stress.STRESSES if one.name in stress.DECISIVE),
    once_a_day_at=485,
    board_hours=24,
)
FULL: Final = Plan()


class FailedStudy(msgspec.Struct, frozen=True):
    """A study without an answer, and why."""

    name: str
    reason: str


class Overfitting(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the result may be luck; None where a figure is not defined.

    `sharpe` is of daily results, annualized; `trials` the configurations ever tried.
    """

    sharpe: float | None
    probabilistic_sharpe: float | None
    deflated_sharpe: float | None
    trials: int
    minimum_track_record_days: float | None
    overfitting_probability: float | None


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one night knows about one strategy. Absent studies are in `failures`.

    `results` are those of the closed trades, fractions of equity, in the order of `closed_at`.
    """

    strategy: str
    kind: str
    underlying: str
    configuration_hash: str
    parameters: dict[str, float | int | bool | str | None]
    profile: Literal["full", "quick"]
    start: int
    end: int
    provenance: Provenance
    trades: int
    open_chains: int
    refused: dict[str, int]
    skipped: int
    halted: int
    marks: tuple[Mark, ...]
    approval: ApprovalResult | None
    quality: TradeQuality | None
    monte_carlo: MonteCarlo | None
    stationary: MonteCarlo | None
    sensitivity: Sensitivity | None
    rolling: WalkForward | None
    anchored: WalkForward | None
    stress: StressTest | None
    phases: tuple[PhaseRow, ...]
    overfitting: Overfitting | None
    look_ahead: LookAhead | None
    divergence: Divergence | None
    failures: tuple[FailedStudy, ...]
    verdict: NightVerdict
    results: tuple[float, ...] = ()
    closed_at: tuple[int, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to evaluate. `paper` are the results (R) of its paper trades since its last stage."""

    subject: Subject
    market: Market | RecordedMarket
    terms: Terms
    start: int
    end: int
    plan: Plan
    approval: ApprovalConfig = ApprovalConfig()
    trials: int = 0
    paper: tuple[float, ...] = ()

    @property
    def variance_limits(self) -> VarianceLimits:
        """The limits whose breaking is counted: those of the stages and the account's halts."""
        config, risk = self.approval, self.terms.risk
        return VarianceLimits(
            drawdown={
                "research": config.max_worst_dd_research,
                "pilot": config.max_worst_dd_pilot,
                "production": config.max_worst_dd_prod,
                "drawdown_halt": risk.drawdown_halt,
            },
            loss_streak={
                "pilot": config.max_loss_streak_pilot,
                "production": config.max_loss_streak_prod,
            },
            day_loss={"daily_loss_halt": risk.daily_loss_halt},
        )
