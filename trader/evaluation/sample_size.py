"""Would the stage differ, had the simulations been more, fewer or shorter? Honesty about N.

"Worst of N simulations" grows with N. Stages are decided at one N; here the same gates are asked
again at others, everything else being equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.trading import Stage
from trader.domain.units import moment
from trader.evaluation.approval import ApprovalResult, RegimeCoverage, evaluate_strategy
from trader.evaluation.monte_carlo import SHORT_TRADES, STAGE_SIMS, run_monte_carlo
from trader.evaluation.psychology import compute_psychology_score
from trader.evaluation.trade_stats import TradeResult
from trader.evaluation.verdict import with_look_ahead, with_overfitting

if TYPE_CHECKING:
    from trader.evaluation.monte_carlo import VarianceProfile
    from trader.evaluation.strategy_card import Scorecard

OTHER_SIMS: Final = (100, 1_000, 5_000)


class SizedStage(msgspec.Struct, frozen=True, kw_only=True):
    """What the gates say at one size of the simulation; `decides`: this one gives the stage."""

    sims: int
    trades_per_sim: int
    worst_max_dd: float
    worst_max_loss_streak: int
    score: float
    stage: Stage
    decides: bool = False


def stages_by_size(card: Scorecard) -> tuple[SizedStage, ...]:
    """Ask the gates at several sizes, the deciding one first.

    () where there was no approval, or where results cannot be simulated.
    """
    try:
        return _stages(card, card.approval) if card.approval is not None else ()
    except ValueError:
        return ()


def _stages(card: Scorecard, approval: ApprovalResult) -> tuple[SizedStage, ...]:
    trades = [
        TradeResult(moment(at), result, result > 0, card.underlying)
        for at, result in zip(card.closed_at, card.results, strict=True)
    ]
    seed = approval.config.simulation_seed
    others = [(sims, None) for sims in OTHER_SIMS] + [(STAGE_SIMS, SHORT_TRADES)] if trades else []
    return (
        _sized(card, approval, approval.variance, decides=True),
        *(
            _sized(card, approval, run_monte_carlo(trades, sims, length, seed=seed))
            for sims, length in others
        ),
    )


def _sized(
    card: Scorecard,
    approval: ApprovalResult,
    variance: VarianceProfile,
    *,
    decides: bool = False,
) -> SizedStage:
    """Ask the gates again with another profile of variance; a quick evaluation's veto aside."""
    score = compute_psychology_score(approval.stats, variance)
    outcomes = {gate.name: gate.outcome for gate in approval.gates}
    covered = outcomes.get("regimes") != "fail"
    answers = {"pass": True, "fail": False, "not_evaluated": None}
    found = evaluate_strategy(
        approval.stats,
        variance,
        score,
        RegimeCoverage(bull=covered, bear=covered, chop=covered),
        param_sensitivity_ok=answers.get(outcomes.get("param_sensitivity", "pass"), True),
        walk_forward_ok=answers.get(outcomes.get("walk_forward", "pass"), True),
        stress_test_ok=answers.get(outcomes.get("stress_test", "pass"), True),
        cfg=approval.config,
    )
    if "look_ahead" in outcomes:
        found = with_look_ahead(with_overfitting(found, card.overfitting), card.look_ahead)
    return SizedStage(
        sims=variance.sims,
        trades_per_sim=variance.trades_per_sim,
        worst_max_dd=variance.worst_max_dd,
        worst_max_loss_streak=variance.worst_max_loss_streak,
        score=score.score,
        stage=found.stage,
        decides=decides,
    )
