"""How far may this strategy go: RESEARCH, PILOT or PRODUCTION? Gates in order, with numbers.

The first gate that fails gives stage and reason; all are listed, so that the report can say what
binds and how far the next stage is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.evaluation.monte_carlo import STAGE_SEED, VarianceProfile
from trader.evaluation.psychology import PsychologyScore
from trader.evaluation.trade_stats import StrategyStats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.evaluation.approval_settings import ApprovalSettings

Stage = Literal["RESEARCH", "PILOT", "PRODUCTION"]
Verdict = Literal["EVALUATED", "INSUFFICIENT_DATA", "INCONCLUSIVE"]
Outcome = Literal["pass", "fail", "not_evaluated", "not_required"]
Scope = Literal["all", "PRODUCTION", "PILOT"]

NEXT_STAGE: Final[dict[Stage, Stage | None]] = {
    "RESEARCH": "PILOT",
    "PILOT": "PRODUCTION",
    "PRODUCTION": None,
}
PRODUCTION_REASON: Final = "Meets production thresholds (DD, streak, psychology score)"
PILOT_REASON: Final = "Suitable for small-size pilot (fails at least one production threshold)"
RESEARCH_REASON: Final = "Fails pilot thresholds (DD, streak or psychology)"
EVIDENCE: Final = frozenset({"sample_size", "history", "regimes"})
"""Gates whose failure says nothing about the strategy, only that it is too early to judge."""


class ApprovalConfig(msgspec.Struct, frozen=True):
    """The thresholds of the stages; drawdowns are positive fractions."""

    min_trades: int = 200
    min_years: float = 3.0
    require_bull_bear_chop: bool = True
    max_worst_dd_research: float = 0.50
    max_worst_dd_pilot: float = 0.35
    max_worst_dd_prod: float = 0.25
    max_loss_streak_pilot: int = 8
    max_loss_streak_prod: int = 6
    min_psych_score_pilot: float = 40.0
    min_psych_score_prod: float = 60.0
    require_param_sensitivity_ok: bool = True
    require_walk_forward_ok: bool = True
    require_stress_test_ok: bool = True
    require_positive_expectancy: bool = True
    """Without it a strategy that wins often and loses money can become PILOT."""
    min_deflated_sharpe: float | None = None
    """What the deflated Sharpe ratio must reach; None: a doubt is told and decides nothing."""
    simulation_seed: int = STAGE_SEED
    """Of the simulations that decide: named, so that it cannot be shopped for."""


def approval_config(settings: ApprovalSettings) -> ApprovalConfig:
    """Take the thresholds as they are configured."""
    return ApprovalConfig(**settings.model_dump())


class RegimeCoverage(msgspec.Struct, frozen=True):
    """Which phases of the market the trades have seen."""

    bull: bool
    bear: bool
    chop: bool


class Gate(msgspec.Struct, frozen=True):
    """One question of approval, its numbers and its answer."""

    name: str
    scope: Scope
    """The stage it guards; "all" guards both."""
    value: float | None
    """None where the answer is yes or no, or unknown."""
    limit: float | None
    outcome: Outcome
    reason: str
    """What is said where it fails or could not be evaluated."""

    @property
    def blocks(self) -> bool:
        """Tell whether a stage that it guards is out of reach."""
        return self.outcome in ("fail", "not_evaluated")

    @property
    def shortfall(self) -> float:
        """How far the value is on the wrong side of its limit; 0 where it is not."""
        if self.outcome != "fail" or self.value is None or self.limit is None:
            return 0.0
        return abs(self.value - self.limit)


class ApprovalResult(msgspec.Struct, frozen=True):
    """A stage, why, and what it was decided from."""

    stage: Stage
    reason: str
    stats: StrategyStats
    variance: VarianceProfile
    psych: PsychologyScore
    verdict: Verdict = "EVALUATED"
    """INSUFFICIENT_DATA: too early to judge. INCONCLUSIVE: only a study without answer stops it."""
    demote_to: Stage | None = None
    """The stage that a higher one may fall to: unknown answers count as yes; None: to no other."""
    demote_reason: str = ""
    """Why it may live no higher than that, with the numbers of the gates above it."""
    gates: tuple[Gate, ...] = ()
    binding: str | None = None
    """The first gate that keeps it from the next stage; None at PRODUCTION."""
    next_stage: Stage | None = None
    missing: tuple[Gate, ...] = ()
    """All gates that keep it from the next stage."""
    config: ApprovalConfig = msgspec.field(default_factory=ApprovalConfig)


def evaluate_strategy(
    stats: StrategyStats,
    variance: VarianceProfile,
    psych: PsychologyScore,
    regimes: RegimeCoverage,
    param_sensitivity_ok: bool | None,
    walk_forward_ok: bool | None,
    stress_test_ok: bool | None,
    cfg: ApprovalConfig | None = None,
    *,
    unanswered: Mapping[str, str] = {},
) -> ApprovalResult:
    """Decide the stage of a strategy from its statistics and studies.

    A study that gave no answer is None: it blocks promotion, and demotes nobody. `unanswered` says
    why, by the gate that asked. What is known speaks before what is not.
    """
    cfg = cfg or ApprovalConfig()
    studies = (param_sensitivity_ok, walk_forward_ok, stress_test_ok)
    gates = (
        *_evidence_gates(stats, regimes, cfg),
        *_study_gates(studies, cfg, unanswered),
        _expectancy_gate(stats, cfg),
        _drawdown_gate("all", variance, cfg.max_worst_dd_research),
        *_stage_gates("PRODUCTION", variance, psych, cfg),
        *_stage_gates("PILOT", variance, psych, cfg),
    )
    stage, reason = _decide(gates)
    answered = tuple(gate for gate in gates if gate.outcome != "not_evaluated")
    optimistic, why = _decide(answered)
    verdict: Verdict = "EVALUATED" if optimistic == stage else "INCONCLUSIVE"
    if any(gate.name in EVIDENCE and gate.blocks for gate in gates):
        verdict = "INSUFFICIENT_DATA"
    next_stage = NEXT_STAGE[stage]
    missing = tuple(gate for gate in gates if gate.blocks and gate.scope in ("all", next_stage))
    return ApprovalResult(
        stage=stage,
        reason=reason,
        stats=stats,
        variance=variance,
        psych=psych,
        verdict=verdict,
        demote_to=None if verdict == "INSUFFICIENT_DATA" else optimistic,
        demote_reason=why + _told(answered, optimistic),
        gates=gates,
        binding=_first(missing).name if missing else None,
        next_stage=next_stage,
        missing=missing,
        config=cfg,
    )


def _decide(gates: tuple[Gate, ...]) -> tuple[Stage, str]:
    """Walk the gates in order: those of all stages, then production's, then the pilot's."""
    stopping = tuple(gate for gate in gates if gate.scope == "all" and gate.blocks)
    if stopping:
        return "RESEARCH", _first(stopping).reason
    if not any(gate.blocks for gate in gates if gate.scope == "PRODUCTION"):
        return "PRODUCTION", PRODUCTION_REASON
    if not any(gate.blocks for gate in gates if gate.scope == "PILOT"):
        return "PILOT", PILOT_REASON
    return "RESEARCH", RESEARCH_REASON


def _first(blocking: tuple[Gate, ...]) -> Gate:
    """Name the gate that speaks: the first that failed, or where none did, the first unanswered."""
    return next((gate for gate in blocking if gate.outcome == "fail"), blocking[0])


def _told(gates: tuple[Gate, ...], stage: Stage) -> str:
    """Name what keeps a stage from the next one, with its numbers; "" where it has none."""
    above = NEXT_STAGE[stage]
    failed = [
        f"{gate.name.replace('_', ' ')} {abs(gate.value):.3g} against {gate.limit:.3g}"
        for gate in gates
        if gate.blocks and gate.scope == above and gate.value is not None and gate.limit is not None
    ]
    return f": {', '.join(failed)}" if failed else ""


def _outcome(passed: bool | None, *, required: bool = True) -> Outcome:
    """Name the answer of a gate."""
    if not required:
        return "not_required"
    if passed is None:
        return "not_evaluated"
    return "pass" if passed else "fail"


def _evidence_gates(
    stats: StrategyStats, regimes: RegimeCoverage, cfg: ApprovalConfig
) -> tuple[Gate, ...]:
    """Ask whether there is enough to judge by."""
    covered = (regimes.bull, regimes.bear, regimes.chop)
    return (
        Gate(
            "sample_size",
            "all",
            stats.n_trades,
            cfg.min_trades,
            _outcome(stats.n_trades >= cfg.min_trades),
            f"Insufficient sample size ({stats.n_trades} < {cfg.min_trades})",
        ),
        Gate(
            "history",
            "all",
            stats.years_covered,
            cfg.min_years,
            _outcome(stats.years_covered >= cfg.min_years),
            f"Insufficient history ({stats.years_covered:.1f}y < {cfg.min_years:.1f}y)",
        ),
        Gate(
            "regimes",
            "all",
            sum(covered),
            len(covered),
            _outcome(all(covered), required=cfg.require_bull_bear_chop),
            "Missing one or more market regimes (bull/bear/chop)",
        ),
    )


def _study_gates(
    answers: tuple[bool | None, bool | None, bool | None],
    cfg: ApprovalConfig,
    unanswered: Mapping[str, str],
) -> tuple[Gate, ...]:
    """Ask what the studies said."""
    names = ("param_sensitivity", "walk_forward", "stress_test")
    required = (
        cfg.require_param_sensitivity_ok,
        cfg.require_walk_forward_ok,
        cfg.require_stress_test_ok,
    )
    failures = (
        "Parameter sensitivity / heatmap indicates overfitting",
        "Walk-forward optimization failed (out-of-sample too weak)",
        "Stress tests (fees, slippage, delays) too fragile",
    )
    subjects = ("Parameter sensitivity", "Walk-forward", "Stress tests")
    unknown = (
        f"{subject} without an answer: {unanswered[name]}"
        if name in unanswered
        else f"{subject} could not be evaluated"
        for name, subject in zip(names, subjects, strict=True)
    )
    return tuple(
        Gate(
            name,
            "all",
            None,
            None,
            _outcome(answer, required=needed),
            no if answer is None else bad,
        )
        for name, answer, needed, bad, no in zip(
            names, answers, required, failures, unknown, strict=True
        )
    )


def _expectancy_gate(stats: StrategyStats, cfg: ApprovalConfig) -> Gate:
    """Ask whether it earns: by the lower bound where one was computed, else by the mean."""
    bound = stats.expectancy_lower_bound
    value = stats.expectancy_per_trade if bound is None else bound
    what = "" if bound is None else "90% lower bound of "
    return Gate(
        "positive_expectancy",
        "all",
        value,
        0.0,
        _outcome(value > 0.0, required=cfg.require_positive_expectancy),
        f"Expectancy not positive ({what}expectancy/trade {value:.3%} is not above 0)",
    )


def _drawdown_gate(scope: Scope, variance: VarianceProfile, limit: float) -> Gate:
    """Ask whether the worst simulated drawdown stays within a stage's limit."""
    worst, name = abs(variance.worst_max_dd), "research" if scope == "all" else scope.lower()
    return Gate(
        f"worst_dd_{name}",
        scope,
        worst,
        limit,
        _outcome(worst <= limit),
        f"Worst Monte Carlo DD {worst:.1%} exceeds {name} limit {limit:.1%}",
    )


def _stage_gates(
    scope: Literal["PRODUCTION", "PILOT"],
    variance: VarianceProfile,
    psych: PsychologyScore,
    cfg: ApprovalConfig,
) -> tuple[Gate, ...]:
    """Ask for one stage's drawdown, losing run and score."""
    is_pilot = scope == "PILOT"
    streak = variance.worst_max_loss_streak
    streak_limit = cfg.max_loss_streak_pilot if is_pilot else cfg.max_loss_streak_prod
    needed = cfg.min_psych_score_pilot if is_pilot else cfg.min_psych_score_prod
    drawdown_limit = cfg.max_worst_dd_pilot if is_pilot else cfg.max_worst_dd_prod
    return (
        _drawdown_gate(scope, variance, drawdown_limit),
        Gate(
            f"loss_streak_{scope.lower()}",
            scope,
            streak,
            streak_limit,
            _outcome(streak <= streak_limit),
            f"Worst Monte Carlo loss streak {streak} exceeds {scope.lower()} limit {streak_limit}",
        ),
        Gate(
            f"psych_score_{scope.lower()}",
            scope,
            psych.score,
            needed,
            _outcome(psych.score >= needed),
            f"Psychology score {psych.score:.1f} is below the {needed:g} of {scope.lower()}",
        ),
    )
