"""What nights are there to tell of? Scorecards from synthetic trades, by the real studies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from trader.backtest.history import Provenance
from trader.backtest.trade_history import Mark
from trader.domain.events import NightVerdict
from trader.domain.units import DAY, nanoseconds
from trader.evaluation.approval import RegimeCoverage, evaluate_strategy
from trader.evaluation.divergence import divergence
from trader.evaluation.look_ahead import LookAhead
from trader.evaluation.monte_carlo import run_stage_monte_carlo, study_variance
from trader.evaluation.night import Night, PaperTrades, StageHistory, Subject, needs_of
from trader.evaluation.phases import PhaseRow
from trader.evaluation.psychology import compute_psychology_score
from trader.evaluation.sensitivity import Grid, judge
from trader.evaluation.strategy_card import FailedStudy, Overfitting, Scorecard
from trader.evaluation.stress import StressRow, StressTest
from trader.evaluation.trade_quality import trade_quality
from trader.evaluation.trade_stats import (
    TradeResult,
    compute_strategy_stats,
    with_expectancy_bound,
)
from trader.evaluation.verdict import with_look_ahead
from trader.evaluation.walk_forward import Fold, WalkForward

if TYPE_CHECKING:
    from trader.domain.trading import Stage
    from trader.evaluation.divergence import Divergence
    from trader.evaluation.sensitivity import Sensitivity

BEGIN = datetime(2022, 6, 1, tzinfo=UTC)
START = nanoseconds(BEGIN)
ENDS_AT = nanoseconds(datetime(2026, 6, 2, tzinfo=UTC))
NASTY = "<b>&\"'|`name`"


def trades_at(count: int, seed: int = 3, edge: float = 0.0003) -> list[TradeResult]:
    """Make trades, one every fifth day, of which most win a little and some lose more."""
    rng = np.random.default_rng(seed)
    wins = rng.random(count) < 0.8
    results = np.where(wins, rng.uniform(0.0, 0.002, count), -rng.uniform(0.0, 0.003, count)) + edge
    return [
        TradeResult(BEGIN + timedelta(days=5 * place), float(result), bool(result > 0), "BTC")
        for place, result in enumerate(results)
    ]


def empty_card(name: str = "empty", reason: str = "no history") -> Scorecard:
    """Make the card of a strategy about which nothing is known."""
    return Scorecard(
        strategy=name, kind="covered_call", underlying="BTC", configuration_hash="0" * 64,
        parameters={}, profile="quick", start=ENDS_AT, end=ENDS_AT,
        provenance=Provenance(kind="modelled", source="none"), trades=0, open_chains=0,
        refused={}, skipped=0, halted=0, marks=(), approval=None, quality=None, monte_carlo=None,
        stationary=None, sensitivity=None, rolling=None, anchored=None, stress=None, phases=(),
        overfitting=None, look_ahead=None, divergence=None,
        failures=(FailedStudy("backtest", reason),),
        verdict=verdict(name, "RESEARCH", "failed", reason),
    )  # fmt: skip


def verdict(
    name: str,
    stage: Stage,
    standing: Literal["judged", "insufficient", "failed"] = "judged",
    reason: str = "because",
) -> NightVerdict:
    """Make a verdict."""
    return NightVerdict(
        strategy=name, configuration_hash="0" * 64, stage=stage, standing=standing, reason=reason
    )


def full_card(
    name: str = "covered_call_btc",
    trades: int = 290,
    paper: tuple[float, ...] = (),
    profile: Literal["full", "quick"] = "quick",
) -> Scorecard:
    """Make a card from synthetic trades with every study; those of runs are invented."""
    closed = trades_at(trades)
    stats = with_expectancy_bound(compute_strategy_stats(closed), closed)
    variance = run_stage_monte_carlo(closed)
    seen = LookAhead(ok=True, cuts=(START + 300 * DAY,), reason="nothing changed")
    judged = evaluate_strategy(
        stats, variance, compute_psychology_score(stats, variance),
        RegimeCoverage(bull=True, bear=True, chop=True),
        param_sensitivity_ok=True, walk_forward_ok=True, stress_test_ok=True,
    )  # fmt: skip
    approval = with_look_ahead(judged, seen)
    equity = np.cumsum([one.pnl_pct for one in closed]) * 1e6
    return msgspec.structs.replace(
        empty_card(name),
        profile=profile,
        parameters={"target_delta": 0.25, "target_days": 1.0, "resting": False},
        start=START,
        provenance=Provenance(kind="modelled", source="synthetic", caveats=("modelled & <flat>",)),
        trades=trades,
        open_chains=1,
        refused={"max_risk_per_trade": 3, "daily_cap": 12},
        marks=tuple(
            Mark(nanoseconds(one.timestamp), 1e6 + pnl, pnl)
            for one, pnl in zip(closed, equity.tolist(), strict=True)
        ),
        approval=approval,
        quality=trade_quality(closed),
        monte_carlo=study_variance(closed, sims=200),
        stationary=study_variance(closed, sims=200, method="stationary"),
        sensitivity=_sensitivity(),
        rolling=_walk(),
        anchored=_walk(),
        stress=_stress(),
        phases=(
            PhaseRow("bull", 400, 80, 0.0004, 0.8, covered=True),
            PhaseRow("bear", 500, 90, None, None, covered=False),
        ),
        overfitting=Overfitting(
            sharpe=1.4, probabilistic_sharpe=0.98, deflated_sharpe=None, trials=9,
            minimum_track_record_days=410.0, overfitting_probability=0.2,
        ),
        look_ahead=seen,
        divergence=_divergence(closed, paper),
        failures=(),
        verdict=msgspec.structs.replace(
            verdict(name, approval.stage), reason=approval.reason
        ),
        results=tuple(one.pnl_pct for one in closed),
        closed_at=tuple(nanoseconds(one.timestamp) for one in closed),
    )  # fmt: skip


def subject(
    card: Scorecard, before: Stage = "PRODUCTION", after: Stage = "PILOT", why: str = "it fell"
) -> Subject:
    """Put a card into a night."""
    return Subject(
        card=card,
        before=before,
        after=after,
        why=why,
        since=START,
        failing=1,
        paper=PaperTrades(multiples=(0.1, -0.4, 0.2), results=(0.001, -0.004, 0.002)),
        stages=(
            StageHistory(at=START, stage="PILOT", by="config", reason="first seen"),
            StageHistory(at=START + 90 * DAY, stage=before, by="ann", reason="it <earned> it"),
        ),
    )


def a_night(*subjects: Subject) -> Night:
    """Make a night of these."""
    return Night(
        date="2026-06-01",
        ends_at=ENDS_AT,
        profile="quick",
        market="1@2",
        software="0.1.0",
        subjects=subjects,
        needs=needs_of(subjects),
        notes=("option boards are modelled, not recorded", "stage_floor = PILOT: none falls below"),
        equity=tuple((ENDS_AT - (24 - hour) * DAY // 24, 1e6 + hour, hour * 3.5 - 20.0)
                     for hour in range(24)),
    )  # fmt: skip


def _divergence(closed: list[TradeResult], paper: tuple[float, ...]) -> Divergence | None:
    backtest = np.array([one.pnl_pct * 300 for one in closed])
    return divergence(np.array(paper), backtest) if len(backtest) >= 20 else None


def _sensitivity() -> Sensitivity:
    grid = Grid(("target_delta", "target_days"), ((0.2, 0.25, 0.3), (1.0, 2.0, 3.0)), (1, 1))
    return judge(
        grid, {cell: 0.1 - 0.02 * ((cell[0] - 1) ** 2 + (cell[1] - 1) ** 2) for cell in grid.cells}
    )


def _walk() -> WalkForward:
    folds = tuple(
        Fold(
            start=START + (700 + 180 * place) * DAY, end=START + (880 + 180 * place) * DAY,
            past_start=START, past_end=START + 700 * DAY, chosen={"target_delta": 0.25},
            past_profit=0.05, profit=profit, trades=40,
        )
        for place, profit in enumerate((0.02, -0.01, 0.015, 0.01))
    )  # fmt: skip
    return WalkForward(
        window="rolling", folds=folds, embargo=DAY, trades=160, mean=0.0003, lower_bound=0.0001,
        cost=0.0001, efficiency=0.6, ok=True, reason="the choice of the past earned out of sample",
    )  # fmt: skip


def _stress() -> StressTest:
    row = StressRow(
        name="fees_x2", text="fees doubled", trades=290, expectancy=0.0002, drawdown=-0.02
    )
    lost = StressRow(
        name="delay_1h", text="orders live later", trades=0, expectancy=None, drawdown=None
    )
    return StressTest(rows=(row, lost), break_even_fees=4.1, ok=None, reason="no trades to stress")
