"""Is it good enough? All studies of one strategy, and what they add up to.

A study is a result or a failure with its reason: a failure blocks promotion, never the night.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import numpy as np

from trader.backtest.history import Provenance
from trader.domain.events import NightVerdict
from trader.domain.units import DAY
from trader.evaluation import look_ahead, overfitting, phases, sensitivity, stress, walk_forward
from trader.evaluation.approval import RegimeCoverage, evaluate_strategy
from trader.evaluation.closed_chains import by_day, detail, profit, results
from trader.evaluation.divergence import divergence
from trader.evaluation.look_ahead import LookAhead
from trader.evaluation.monte_carlo import MonteCarlo, run_stage_monte_carlo, study_variance
from trader.evaluation.phases import PhaseRow
from trader.evaluation.psychology import compute_psychology_score
from trader.evaluation.runs import Run, make
from trader.evaluation.sensitivity import Sensitivity
from trader.evaluation.strategy_card import FailedStudy, Overfitting, Scorecard
from trader.evaluation.stress import StressTest
from trader.evaluation.trade_quality import TradeQuality, trade_quality
from trader.evaluation.trade_stats import compute_strategy_stats, with_expectancy_bound
from trader.evaluation.verdict import (
    APPROVAL,
    TRADES_MIN,
    night_verdict,
    with_look_ahead,
    with_overfitting,
    with_profile,
)
from trader.evaluation.walk_forward import WalkForward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future

    from trader.backtest.trade_history import ClosedChain, TradeHistory
    from trader.evaluation.approval import ApprovalResult
    from trader.evaluation.sensitivity import Cell, Grid
    from trader.evaluation.strategy_card import Request
    from trader.evaluation.trade_stats import TradeResult
    from trader.strategies.strategy import StrategyFile

Result = TypeVar("Result")


class Evaluation:
    """The runs of one request on their way; `begin` all first, then `finish` each."""

    def __init__(self, request: Request, executor: Executor) -> None:
        """Hand every run to the executor."""
        self._request = request
        plan = request.plan
        subject = request.subject
        if plan.once_a_day_at is not None:
            subject = subject.once_a_day(plan.once_a_day_at)
        self._failures: list[FailedStudy] = []
        self._plain = Run(
            subject=subject,
            market=request.market,
            terms=request.terms,
            start=request.start,
            end=request.end,
        )
        self._grid = self._study("parameter grid", self._make_grid)
        self._cells: dict[Cell, Future[TradeHistory]] = {}
        if self._grid is None:
            self._base = executor.submit(make, self._plain)
        else:
            for cell in self._grid.cells:
                changed = self._grid.parameters(cell)
                run = msgspec.structs.replace(self._plain, parameters=changed)
                self._cells[cell] = executor.submit(make, run)
            self._base = self._cells[self._grid.configured]
        self._stressed = {
            one.name: executor.submit(make, msgspec.structs.replace(self._plain, stress=one))
            for one in plan.stresses
        }
        self._variants = {
            name: executor.submit(make, run)
            for name, run in look_ahead.variants(self._plain).items()
        }

    @property
    def futures(self) -> tuple[Future[TradeHistory], ...]:
        """Everything that must be done before `finish` is quick."""
        return (
            self._base,
            *self._cells.values(),
            *self._stressed.values(),
            *self._variants.values(),
        )

    @property
    def tried(self) -> tuple[dict[str, object], ...]:
        """Every configuration that was run, whole."""
        subject = self._plain.subject
        cells = self._grid.cells if self._grid is not None else ()
        changed = [self._grid.parameters(cell) for cell in cells] if self._grid else [{}]
        return tuple(subject.strategy(one).settings.model_dump(mode="json") for one in changed)

    def _make_grid(self) -> Grid:
        strategy = self._plain.subject.strategy()
        space = strategy.parameter_space()
        settings = strategy.settings.model_dump()
        configured = {name: settings[name] for name in space}
        return sensitivity.make_grid(space, configured, per_side=self._request.plan.steps_per_side)

    def _study(self, name: str, work: Callable[[], Result]) -> Result | None:
        """Do one study; what it raises is its failure."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - a failed study must not end the night
            reason = f"{type(error).__name__}: {error}"
            self._failures.append(FailedStudy(name, reason[:500]))
            return None

    def finish(self) -> Scorecard:
        """Wait for the runs, study them, judge."""
        base = self._study("backtest", self._base.result)
        if base is None:
            return self._nothing()
        chains = base.chains
        trades = results(chains)
        grid_chains = self._study("parameter runs", self._grid_chains)
        found = _Findings(
            sensitivity=self._study("sensitivity", lambda: self._sensitivity(grid_chains)),
            rolling=self._study("walk-forward", lambda: self._walk(grid_chains, "rolling")),
            anchored=self._study(
                "walk-forward, anchored", lambda: self._walk(grid_chains, "anchored")
            ),
            stress=self._study("stress", lambda: self._stress(chains)),
            phases=self._study("phases", lambda: self._phases(chains)) or (),
            look_ahead=self._study("look-ahead", self._look_ahead),
        )
        figures = self._figures(trades, chains, grid_chains)
        enough = len(trades) >= TRADES_MIN
        approval = (
            self._study(APPROVAL, lambda: self._approve(trades, found, figures.overfitting))
            if enough
            else None
        )
        return self._scorecard(base, trades, found, approval, figures)

    def _grid_chains(self) -> dict[Cell, tuple[ClosedChain, ...]]:
        return {cell: future.result().chains for cell, future in self._cells.items()}

    def _sensitivity(self, chains: Mapping[Cell, Sequence[ClosedChain]] | None) -> Sensitivity:
        grid = _needed(self._grid)
        scores = {cell: profit(found) for cell, found in _needed(chains).items()}
        return sensitivity.judge(grid, scores)

    def _walk(
        self,
        chains: Mapping[Cell, Sequence[ClosedChain]] | None,
        window: Literal["rolling", "anchored"],
    ) -> WalkForward:
        return walk_forward.walk_forward(
            _needed(self._grid),
            _needed(chains),
            self._request.start,
            self._request.end,
            window=window,
            folds=self._request.plan.folds,
            past_folds=max(self._request.plan.folds // 2, 1),
        )

    def _stress(self, plain: Sequence[ClosedChain]) -> StressTest:
        runs = {name: future.result().chains for name, future in self._stressed.items()}
        return stress.judge(plain, runs, drawdown_max=self._request.approval.max_worst_dd_pilot)

    def _phases(self, chains: Sequence[ClosedChain]) -> tuple[PhaseRow, ...]:
        candles = self._request.market.candles
        first, closes = phases.daily_closes(candles.opened_at, candles.close)
        days = phases.labels(closes)
        begin = max(self._request.start // DAY - first, 0)
        closed = ((one.closed_at, one.pnl_pct) for one in chains)
        return phases.coverage(first + begin, days[begin:], closed)

    def _look_ahead(self) -> LookAhead:
        runs = {name: future.result() for name, future in self._variants.items()}
        decided = (
            len(run.chains) + sum(run.refused.values()) + run.open_chains
            for name, run in runs.items()
            if name.startswith("whole")
        )
        return look_ahead.judge({name: run.digest for name, run in runs.items()}, decided)

    def _approve(
        self, trades: list[TradeResult], found: _Findings, luck: Overfitting | None
    ) -> ApprovalResult:
        stats = with_expectancy_bound(compute_strategy_stats(trades), trades)
        variance = run_stage_monte_carlo(trades, seed=self._request.approval.simulation_seed)
        psych = compute_psychology_score(stats, variance)
        covered = {row.phase: row.covered for row in found.phases}
        plan, config, steps = self._request.plan, self._request.approval, found.sensitivity
        if plan.profile == "quick" and steps is not None and steps.ok is None:
            # of nine cells only one is inside: the profile's own line says that it cannot promote
            config = msgspec.structs.replace(config, require_param_sensitivity_ok=False)
        approval = evaluate_strategy(
            stats,
            variance,
            psych,
            RegimeCoverage(
                bull=covered.get("bull", False),
                bear=covered.get("bear", False),
                chop=covered.get("chop", False),
            ),
            param_sensitivity_ok=steps.ok if steps is not None else None,
            walk_forward_ok=found.rolling.ok if found.rolling is not None else None,
            stress_test_ok=found.stress.ok if found.stress is not None else None,
            cfg=config,
            unanswered=found.unanswered,
        )
        asked = with_look_ahead(with_overfitting(approval, luck), found.look_ahead)
        return with_profile(asked, plan.profile)

    def _overfitting(
        self, chains: Mapping[Cell, Sequence[ClosedChain]] | None, plain: Sequence[ClosedChain]
    ) -> Overfitting:
        start, end = self._request.start, self._request.end
        daily = {cell: by_day(found, start, end) for cell, found in (chains or {}).items()}
        own = by_day(plain, start, end)
        estimate = overfitting.estimate_sharpe(own)
        spread = [overfitting.estimate_sharpe(one).sharpe for one in daily.values() if one.any()]
        trials = max(self._request.trials, len(daily), 1)
        variance = float(np.var(spread, ddof=1)) if len(spread) > 1 else 0.0
        table = np.column_stack(list(daily.values())) if len(daily) > 1 else None
        return Overfitting(
            sharpe=estimate.sharpe * 365**0.5,
            probabilistic_sharpe=overfitting.probabilistic_sharpe(estimate),
            deflated_sharpe=(
                overfitting.deflated_sharpe(estimate, trials, variance) if variance > 0 else None
            ),
            trials=trials,
            minimum_track_record_days=overfitting.minimum_track_record(estimate),
            overfitting_probability=(
                overfitting.backtest_overfitting(table).probability if table is not None else None
            ),
        )

    def _figures(
        self,
        trades: list[TradeResult],
        chains: Sequence[ClosedChain],
        grid_chains: Mapping[Cell, Sequence[ClosedChain]] | None,
    ) -> _Figures:
        """Study what needs trades and no other study; each may fail for itself."""
        if len(trades) < TRADES_MIN:
            return _Figures()
        sims, study, limits = self._request.plan.sims, self._study, self._request.variance_limits
        details = [detail(one) for one in chains]
        return _Figures(
            quality=study("quality", lambda: trade_quality(trades, details)),
            monte_carlo=study(
                "monte carlo", lambda: study_variance(trades, sims=sims, limits=limits)
            ),
            stationary=study(
                "monte carlo, stationary",
                lambda: study_variance(trades, sims=sims, method="stationary", limits=limits),
            ),
            overfitting=study("overfitting", lambda: self._overfitting(grid_chains, chains)),
        )

    def _scorecard(
        self,
        base: TradeHistory,
        trades: list[TradeResult],
        found: _Findings,
        approval: ApprovalResult | None,
        figures: _Figures,
    ) -> Scorecard:
        request, subject = self._request, self._plain.subject
        multiples = np.array([one.multiple for one in base.chains])
        apart = self._study(
            "paper against backtest", lambda: divergence(np.array(request.paper), multiples)
        )
        failures = tuple(self._failures)
        return Scorecard(
            strategy=subject.name,
            kind=subject.file.kind,
            underlying=subject.file.underlying,
            configuration_hash=request.subject.configuration_hash,
            parameters=subject.strategy().settings.model_dump(mode="json"),
            profile=request.plan.profile,
            start=base.start,
            end=base.end,
            provenance=base.provenance,
            trades=len(trades),
            open_chains=base.open_chains,
            refused=base.refused,
            skipped=base.skipped,
            halted=base.halted,
            marks=base.marks,
            approval=approval,
            quality=figures.quality,
            monte_carlo=figures.monte_carlo,
            stationary=figures.stationary,
            sensitivity=found.sensitivity,
            rolling=found.rolling,
            anchored=found.anchored,
            stress=found.stress,
            phases=found.phases,
            overfitting=figures.overfitting,
            look_ahead=found.look_ahead,
            divergence=apart,
            failures=failures,
            verdict=night_verdict(request, approval, len(trades), apart, failures),
            results=tuple(one.pnl_pct for one in base.chains),
            closed_at=tuple(one.closed_at for one in base.chains),
        )

    def _nothing(self) -> Scorecard:
        """State that the backtest itself failed."""
        request = self._request
        verdict = NightVerdict(
            strategy=request.subject.name,
            configuration_hash=request.subject.configuration_hash,
            stage="RESEARCH",
            standing="failed",
            reason=f"the backtest failed: {self._failures[-1].reason}"[:500],
        )
        card = not_evaluated(request.subject.file, verdict, request.plan.profile, request.end)
        return msgspec.structs.replace(card, start=request.start, failures=tuple(self._failures))


def not_evaluated(
    file: StrategyFile, verdict: NightVerdict, profile: Literal["full", "quick"], at: int
) -> Scorecard:
    """Make the scorecard of a strategy about which nothing is known."""
    failed = verdict.standing == "failed"
    failures = (FailedStudy("backtest", verdict.reason),) if failed else ()
    return Scorecard(
        strategy=file.name, kind=file.kind, underlying=file.underlying,
        configuration_hash=verdict.configuration_hash, parameters={}, profile=profile,
        start=at, end=at, provenance=Provenance(kind="modelled", source="none"),
        trades=0, open_chains=0, refused={}, skipped=0, halted=0, marks=(), approval=None,
        quality=None, monte_carlo=None, stationary=None, sensitivity=None, rolling=None,
        anchored=None, stress=None, phases=(), overfitting=None, look_ahead=None,
        divergence=None, failures=failures, verdict=verdict,
    )  # fmt: skip


class _Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown beside the verdict; None where it failed, or there was nothing to study."""

    quality: TradeQuality | None = None
    monte_carlo: MonteCarlo | None = None
    stationary: MonteCarlo | None = None
    overfitting: Overfitting | None = None


class _Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The studies that approval asks for."""

    sensitivity: Sensitivity | None
    rolling: WalkForward | None
    anchored: WalkForward | None
    stress: StressTest | None
    phases: tuple[PhaseRow, ...]
    look_ahead: LookAhead | None

    @property
    def unanswered(self) -> dict[str, str]:
        """Say why a study has no answer, by the name of the gate that asks for it."""
        asked = {"param_sensitivity": self.sensitivity, "stress_test": self.stress}
        return {
            name: found.reason
            for name, found in asked.items()
            if found is not None and found.ok is None
        }


def _needed(found: Result | None) -> Result:
    if found is None:
        raise ValueError("what it is made from failed")
    return found
