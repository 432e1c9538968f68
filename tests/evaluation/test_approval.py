"""Are stage, reason and order those asked for, every gate told, and thin evidence no verdict?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.histories import noise, stats, trades_of, variance
from trader.evaluation.approval import (
    ApprovalConfig,
    ApprovalResult,
    RegimeCoverage,
    evaluate_strategy,
)
from trader.evaluation.monte_carlo import VarianceProfile, run_stage_monte_carlo
from trader.evaluation.psychology import PsychologyScore, compute_psychology_score
from trader.evaluation.trade_stats import (
    StrategyStats,
    compute_strategy_stats,
    with_expectancy_bound,
)

SEEN = RegimeCoverage(bull=True, bear=True, chop=True)
ORIGINAL = ApprovalConfig(require_positive_expectancy=False)


def score(value: float) -> PsychologyScore:
    """Make a score of which only the number matters."""
    return PsychologyScore(value, {})


def evaluate(
    s: StrategyStats | None = None,
    v: VarianceProfile | None = None,
    points: float = 65.0,
    studies: tuple[bool | None, bool | None, bool | None] = (True, True, True),
    regimes: RegimeCoverage = SEEN,
    cfg: ApprovalConfig | None = None,
) -> ApprovalResult:
    """Evaluate a strategy that would be PRODUCTION but for what is given."""
    return evaluate_strategy(s or stats(), v or variance(), score(points), regimes, *studies, cfg)


def reference(
    s: StrategyStats,
    v: VarianceProfile,
    points: float,
    regimes: RegimeCoverage,
    studies: tuple[bool, bool, bool],
    cfg: ApprovalConfig,
) -> tuple[str, str]:
    """Decide stage and reason by the rules of the original request."""
    sensitivity, forward, stress = studies
    worst, streak = abs(v.worst_max_dd), v.worst_max_loss_streak
    deepest = cfg.max_worst_dd_research
    rules = [
        (s.n_trades < cfg.min_trades,
         f"Insufficient sample size ({s.n_trades} < {cfg.min_trades})"),
        (s.years_covered < cfg.min_years,
         f"Insufficient history ({s.years_covered:.1f}y < {cfg.min_years:.1f}y)"),
        (cfg.require_bull_bear_chop and not (regimes.bull and regimes.bear and regimes.chop),
         "Missing one or more market regimes (bull/bear/chop)"),
        (cfg.require_param_sensitivity_ok and not sensitivity,
         "Parameter sensitivity / heatmap indicates overfitting"),
        (cfg.require_walk_forward_ok and not forward,
         "Walk-forward optimization failed (out-of-sample too weak)"),
        (cfg.require_stress_test_ok and not stress,
         "Stress tests (fees, slippage, delays) too fragile"),
        (worst > cfg.max_worst_dd_research,
         f"Worst Monte Carlo DD {worst:.1%} exceeds research limit {deepest:.1%}"),
    ]  # fmt: skip
    for fails, reason in rules:
        if fails:
            return "RESEARCH", reason
    if (
        worst <= cfg.max_worst_dd_prod
        and streak <= cfg.max_loss_streak_prod
        and points >= cfg.min_psych_score_prod
    ):
        return "PRODUCTION", "Meets production thresholds (DD, streak, psychology score)"
    if (
        worst <= cfg.max_worst_dd_pilot
        and streak <= cfg.max_loss_streak_pilot
        and points >= cfg.min_psych_score_pilot
    ):
        return "PILOT", "Suitable for small-size pilot (fails at least one production threshold)"
    return "RESEARCH", "Fails pilot thresholds (DD, streak or psychology)"


LIKELY = st.integers(0, 9).map(bool)


@given(
    st.sampled_from([50, 199, 200, 900]),
    st.sampled_from([0.5, 2.99, 3.0, 4.0, 4.0]),
    st.builds(RegimeCoverage, LIKELY, LIKELY, LIKELY),
    st.tuples(LIKELY, LIKELY, LIKELY),
    st.sampled_from([0.0, -0.25, -0.2500001, -0.35, -0.36, -0.5, -0.51, -1.0]),
    st.sampled_from([0, 6, 7, 8, 9, 30]),
    st.sampled_from([35.0, 39.9, 40.0, 59.99, 60.0, 71.25]),
    st.builds(
        ApprovalConfig,
        require_bull_bear_chop=st.booleans(),
        require_param_sensitivity_ok=st.booleans(),
        require_walk_forward_ok=st.booleans(),
        require_stress_test_ok=st.booleans(),
        require_positive_expectancy=st.just(False),
    ),
)
@settings(max_examples=300)
def test_without_the_addition_stage_and_reason_are_the_originals(
    trades: int,
    years: float,
    regimes: RegimeCoverage,
    studies: tuple[bool, bool, bool],
    drawdown: float,
    streak: int,
    points: float,
    cfg: ApprovalConfig,
) -> None:
    """Order of the gates, thresholds, texts: all as given."""
    s = stats(0.6, -0.001, n_trades=trades, years=years)
    v = variance(streak, drawdown)
    result = evaluate_strategy(s, v, score(points), regimes, *studies, cfg)
    assert (result.stage, result.reason) == reference(s, v, points, regimes, studies, cfg)


def test_thresholds_and_their_order_are_the_originals() -> None:
    """The configuration's fields stand as given, additions last."""
    assert msgspec.structs.astuple(ApprovalConfig()) == (
        200, 3.0, True, 0.50, 0.35, 0.25, 8, 6, 40.0, 60.0, True, True, True, True, None, 20_251
    )  # fmt: skip
    s, v, p = stats(), variance(), score(50.0)
    bare = ApprovalResult("PILOT", "because", s, v, p)
    assert (bare.stage, bare.reason, bare.stats, bare.variance, bare.psych) == (
        "PILOT", "because", s, v, p
    )  # fmt: skip


def test_a_losing_strategy_that_wins_often_stays_in_research() -> None:
    """84 % wins and a negative expectancy pass every gate of the original but not this one."""
    trades = trades_of(([0.0008] * 21 + [-0.005] * 4) * 12, hours=110)
    shuffled = [trades[(place * 7) % len(trades)].pnl_pct for place in range(len(trades))]
    trades = trades_of(shuffled, hours=110)
    s = compute_strategy_stats(trades)
    assert s.win_rate == 0.84
    assert s.expectancy_per_trade < 0
    v = run_stage_monte_carlo(trades)
    p = compute_psychology_score(s, v)
    assert evaluate_strategy(s, v, p, SEEN, True, True, True, ORIGINAL).stage == "PILOT"
    result = evaluate_strategy(s, v, p, SEEN, True, True, True)
    assert (result.stage, result.binding) == ("RESEARCH", "positive_expectancy")
    assert result.reason == "Expectancy not positive (expectancy/trade -0.013% is not above 0)"


def test_the_lower_bound_decides_where_there_is_one() -> None:
    """A mean above zero that could be luck is not enough; exactly zero neither."""
    lucky = evaluate(stats(expectancy=0.001, bound=-0.0002))
    assert lucky.stage == "RESEARCH"
    assert lucky.reason == (
        "Expectancy not positive (90% lower bound of expectancy/trade -0.020% is not above 0)"
    )
    assert evaluate(stats(expectancy=0.001, bound=0.0002)).stage == "PRODUCTION"
    assert evaluate(stats(expectancy=0.0)).stage == "RESEARCH"
    assert evaluate(stats(expectancy=math.nan)).stage == "RESEARCH"


def test_the_expectancy_is_asked_after_the_stress_tests() -> None:
    """And before the drawdown."""
    names = [gate.name for gate in evaluate().gates]
    assert names == [
        "sample_size", "history", "regimes", "param_sensitivity", "walk_forward", "stress_test",
        "positive_expectancy", "worst_dd_research",
        "worst_dd_production", "loss_streak_production", "psych_score_production",
        "worst_dd_pilot", "loss_streak_pilot", "psych_score_pilot",
    ]  # fmt: skip
    losing, deep = stats(expectancy=-0.1), variance(drawdown=-0.6)
    assert evaluate(losing, deep).binding == "positive_expectancy"
    assert evaluate(losing, studies=(True, True, False)).binding == "stress_test"


def test_every_gate_is_told_not_only_the_first_to_fail() -> None:
    """Value, limit and outcome of each; what is missing for the next stage, in order."""
    result = evaluate(v=variance(streak=9, drawdown=-0.3), points=55.0)
    told: dict[str, tuple[object, ...]] = {
        gate.name: (gate.value, gate.limit, gate.outcome) for gate in result.gates
    }
    assert told["sample_size"] == (400, 200, "pass")
    assert told["worst_dd_production"] == (0.3, 0.25, "fail")
    assert told["worst_dd_pilot"] == (0.3, 0.35, "pass")
    assert told["loss_streak_pilot"] == (9, 8, "fail")
    assert told["psych_score_production"] == (55.0, 60.0, "fail")
    assert (result.stage, result.next_stage) == ("RESEARCH", "PILOT")
    assert [gate.name for gate in result.missing] == ["loss_streak_pilot"]
    assert (result.binding, result.missing[0].shortfall) == ("loss_streak_pilot", 1)


def test_the_distance_to_production_is_told() -> None:
    """A PILOT lacks what production asks; PRODUCTION lacks nothing."""
    pilot = evaluate(v=variance(streak=7), points=52.5)
    assert (pilot.stage, pilot.next_stage) == ("PILOT", "PRODUCTION")
    assert [(g.name, g.shortfall) for g in pilot.missing] == [
        ("loss_streak_production", 1), ("psych_score_production", 7.5)
    ]  # fmt: skip
    top = evaluate()
    assert (top.stage, top.next_stage, top.missing, top.binding) == ("PRODUCTION", None, (), None)
    assert {gate.shortfall for gate in top.gates} == {0.0}


def test_gates_that_are_not_required_block_nothing() -> None:
    """They are told as such."""
    cfg = ApprovalConfig(require_walk_forward_ok=False, require_bull_bear_chop=False)
    blind = RegimeCoverage(bull=False, bear=False, chop=False)
    result = evaluate(studies=(True, False, True), regimes=blind, cfg=cfg)
    assert result.stage == "PRODUCTION"
    outcomes = {gate.name: gate.outcome for gate in result.gates}
    assert outcomes["walk_forward"] == outcomes["regimes"] == "not_required"


@pytest.mark.parametrize(
    "thin",
    [
        {"s": stats(n_trades=199)},
        {"s": stats(years=2.9)},
        {"regimes": RegimeCoverage(bull=True, bear=True, chop=False)},
        {"s": stats(n_trades=3), "v": variance(drawdown=-0.9), "studies": (None, False, None)},
    ],
)
def test_thin_evidence_is_its_own_verdict(thin: dict[str, Any]) -> None:
    """Too early to judge: RESEARCH is shown, nobody is demoted."""
    result = evaluate(**thin)
    assert (result.stage, result.verdict) == ("RESEARCH", "INSUFFICIENT_DATA")
    assert result.demote_to is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_study_without_an_answer_blocks_but_demotes_nobody(place: int) -> None:
    """Unknown counts as no on the way up and as yes on the way down."""
    studies: list[bool | None] = [True, True, True]
    studies[place] = None
    result = evaluate(studies=(studies[0], studies[1], studies[2]))
    assert (result.stage, result.verdict) == ("RESEARCH", "INCONCLUSIVE")
    assert result.demote_to == "PRODUCTION"
    assert result.reason.endswith("could not be evaluated")
    assert result.missing[0].outcome == "not_evaluated"
    assert result.missing[0].shortfall == 0.0


def test_a_failure_demotes_whatever_else_is_unknown() -> None:
    """An unknown study hides no known failure."""
    result = evaluate(v=variance(drawdown=-0.6), studies=(None, True, True))
    assert (result.stage, result.verdict, result.demote_to) == ("RESEARCH", "EVALUATED", "RESEARCH")
    pilot = evaluate(points=50.0, studies=(None, True, True))
    assert (pilot.stage, pilot.demote_to) == ("RESEARCH", "PILOT")


@given(st.floats(allow_nan=True), st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_what_is_no_number_passes_no_gate(drawdown: float, points: float, years: float) -> None:
    """NaN is neither above nor below any limit, so it stops at each."""
    result = evaluate(stats(years=years), variance(drawdown=drawdown), points)
    if math.isnan(drawdown + points + years):
        assert result.stage == "RESEARCH"


def test_a_good_strategy_reaches_production_on_its_own_trades() -> None:
    """From trades to stage: an edge with rare, small losses over four years."""
    results = [0.004 if place % 12 else -0.006 for place in range(480)]
    trades = trades_of(results, hours=73)
    s = with_expectancy_bound(compute_strategy_stats(trades), trades)
    v = run_stage_monte_carlo(trades)
    result = evaluate_strategy(s, v, compute_psychology_score(s, v), SEEN, True, True, True)
    assert result.stage == "PRODUCTION"


def test_noise_is_not_approved() -> None:
    """Histories without an edge end in RESEARCH, nine times in ten for the expectancy alone."""
    passed = 0
    for seed in range(40):
        trades = trades_of(noise(seed, 300, mean=0.0), hours=100)
        s = with_expectancy_bound(compute_strategy_stats(trades), trades)
        gates = {gate.name: gate for gate in evaluate(s).gates}
        passed += gates["positive_expectancy"].outcome == "pass"
    assert passed <= 10


def test_why_it_lives_no_higher_is_told_with_its_numbers() -> None:
    """An unanswered study stops a promotion; the streak is what keeps it from production."""
    found = evaluate_strategy(
        stats(bound=0.001), variance(streak=7), compute_psychology_score(stats(), variance(7)),
        RegimeCoverage(True, True, True), None, True, True,
    )  # fmt: skip
    assert (found.stage, found.demote_to) == ("RESEARCH", "PILOT")
    assert "could not be evaluated" in found.reason
    assert "7 against 6" in found.demote_reason
