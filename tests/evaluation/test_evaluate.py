"""Is the good told from the lucky and from the one that peeks? Whole evaluations, quickly."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest

from tests.evaluation.chains import chains
from tests.evaluation.played import (
    DAYS,
    FILE,
    LADDER,
    START,
    Inline,
    Played,
    days_of,
    edge,
    four_years,
    judged,
    no_edge,
    noise,
    request,
)
from trader.backtest.market import Market
from trader.domain.units import DAY, HOUR
from trader.evaluation import stress
from trader.evaluation.approval import ApprovalConfig
from trader.evaluation.bootstrap import mean_lower_bound
from trader.evaluation.closed_chains import profit
from trader.evaluation.evaluate import Evaluation, not_evaluated
from trader.evaluation.monte_carlo import STAGE_SEED
from trader.evaluation.runs import Subject
from trader.evaluation.sensitivity import Grid, judge
from trader.evaluation.strategy_card import QUICK, FailedStudy, Plan, Scorecard
from trader.evaluation.verdict import QUICK_PROFILE
from trader.evaluation.walk_forward import walk_forward
from trader.strategies.covered_call import CoveredCall

if TYPE_CHECKING:
    from trader.backtest.modelled import Candles, ModelledChains
    from trader.domain.market import Floats
    from trader.domain.situation import Situation
    from trader.domain.trading import Intent
    from trader.evaluation.runs import Run

SEEDS_OF_NOISE = 8
NOISES = 60


@pytest.fixture(scope="module")
def good() -> Scorecard:
    """Judge a real edge over four years."""
    return judged(edge)


def test_a_real_edge_earns_production(good: Scorecard) -> None:
    """Four years, three phases, every study with an answer: nothing keeps it from the top."""
    assert (good.verdict.stage, good.verdict.standing) == ("PRODUCTION", "judged"), good.verdict
    assert good.failures == ()
    assert all(row.covered for row in good.phases)
    assert good.approval is not None
    assert good.approval.missing == ()
    assert good.overfitting is not None
    assert good.overfitting.deflated_sharpe == pytest.approx(1.0)
    assert len(good.results) == len(good.closed_at) == good.trades == DAYS


def test_a_scorecard_survives_json(good: Scorecard) -> None:
    """What the night writes is what the report reads."""
    assert msgspec.json.decode(msgspec.json.encode(good), type=Scorecard) == good


def test_the_same_request_gives_the_same_bytes(good: Scorecard) -> None:
    """Every draw is seeded."""
    assert msgspec.json.encode(judged(edge)) == msgspec.json.encode(good)


def test_without_the_edge_the_whole_history_says_research() -> None:
    """It wins as often and loses it all again: neither out of sample nor on the whole a profit."""
    card = judged(no_edge)
    assert (card.verdict.stage, card.verdict.standing) == ("RESEARCH", "judged")
    assert card.verdict.demote_to == "RESEARCH"
    assert card.approval is not None
    failed = {gate.name for gate in card.approval.gates if gate.outcome == "fail"}
    assert {"walk_forward", "positive_expectancy"} <= failed


def best_of_noise(seed: int) -> dict[str, object]:
    """Tune: take the cell that earned most in the same past it is judged on."""
    rule = noise(seed)
    player = Played(rule)
    evaluation = Evaluation(request(), player)
    totals = {
        (run.parameters["a"], run.parameters["b"]): float(rule(run).sum())
        for run in player.runs
        if run.parameters and run.stress is None and not run.fingerprint
    }
    assert len(totals) == len(evaluation.tried) == 25
    a, b = max(totals, key=lambda cell: totals[cell])
    return {"a": a, "b": b}


def test_what_was_tuned_on_noise_is_not_approved() -> None:
    """The best of 25 lucky cells: no seed is approved, and the studies say why."""
    reasons = []
    for seed in range(SEEDS_OF_NOISE):
        card = judged(noise(seed), parameters=best_of_noise(seed))
        assert card.verdict.stage == "RESEARCH", card.verdict
        assert card.overfitting is not None
        assert card.overfitting.deflated_sharpe is not None
        assert card.overfitting.deflated_sharpe < 0.95
        reasons.append(card.verdict.reason)
    assert any("heatmap indicates overfitting" in reason for reason in reasons)


def test_each_gate_lets_noise_pass_at_its_rate_and_all_together_never() -> None:
    """Sixty strategies without an edge; rates measured over 200: walk-forward .135, plateau .005,
    stress .165, expectancy .11 (nominal .10); none passes all four.
    """
    grid = Grid(("a", "b"), (LADDER, LADDER), (2, 2))
    passed = dict.fromkeys(("walk_forward", "plateau", "stress", "expectancy", "all"), 0)
    for seed in range(NOISES):
        rng = np.random.default_rng(seed)
        runs = {cell: chains(rng.normal(0, 0.002, 400).tolist()) for cell in grid.cells}
        own = np.array([one.pnl_pct for one in runs[2, 2]])
        dear = chains((own - 0.0001).tolist())
        answers = {
            "walk_forward": walk_forward(grid, runs, START, START + 400 * DAY).ok,
            "plateau": judge(grid, {cell: profit(runs[cell]) for cell in grid.cells}).ok is True,
            "stress": stress.judge(runs[2, 2], {one.name: dear for one in stress.STRESSES}).ok,
            "expectancy": mean_lower_bound(own, resamples=500) > 0,
        }
        for name, answer in answers.items():
            passed[name] += bool(answer)
        passed["all"] += all(answers.values())
    limits = {"walk_forward": 15, "plateau": 3, "stress": 18, "expectancy": 13, "all": 0}
    assert all(passed[name] <= limit for name, limit in limits.items()), passed


def test_the_thresholds_of_the_configuration_are_the_gates(good: Scorecard) -> None:
    """The same edge under stricter limits: gates, stress, breaches and seed follow them."""
    config = ApprovalConfig(
        max_worst_dd_pilot=0.004, max_worst_dd_prod=0.003, max_loss_streak_prod=3, simulation_seed=7
    )
    asked = msgspec.structs.replace(request(), approval=config)
    card = Evaluation(asked, Played(edge)).finish()
    assert card.approval is not None
    limits = {gate.name: gate.limit for gate in card.approval.gates}
    assert (limits["worst_dd_production"], limits["loss_streak_production"]) == (0.003, 3)
    assert card.stress is not None
    assert good.stress is not None
    assert (card.stress.ok, good.stress.ok) == (False, True)
    assert card.monte_carlo is not None
    breaches = {one.limit_name: one.limit for one in card.monte_carlo.drawdown_breaches}
    assert breaches == {
        "research": 0.5, "pilot": 0.004, "production": 0.003, "drawdown_halt": 0.1
    }  # fmt: skip
    assert (card.verdict.figures["mc_sims"], card.verdict.figures["mc_seed"]) == (500.0, 7.0)
    assert good.verdict.figures["mc_seed"] == float(STAGE_SEED)


def test_the_deflated_sharpe_is_a_gate_where_it_is_asked_for(good: Scorecard) -> None:
    """Noise is stopped by it and told so; a real edge passes; unasked it decides nothing."""
    strict = ApprovalConfig(min_deflated_sharpe=0.95)
    lucky = Evaluation(msgspec.structs.replace(request(), approval=strict), Played(noise(1)))
    sound = Evaluation(msgspec.structs.replace(request(), approval=strict), Played(edge))
    found = {}
    for name, card in (("noise", lucky.finish()), ("edge", sound.finish()), ("unasked", good)):
        assert card.approval is not None
        (gate,) = (one for one in card.approval.gates if one.name == "deflated_sharpe")
        found[name] = (gate.outcome, gate.limit)
    assert found == {
        "noise": ("fail", 0.95), "edge": ("pass", 0.95), "unasked": ("not_required", 0.95)
    }  # fmt: skip


def test_live_divergence_travels_with_the_verdict() -> None:
    """The past still says PRODUCTION; twenty-five trades on paper say that it is over."""
    card = judged(edge, paper=(-0.3,) * 25)
    assert card.verdict.stage == "PRODUCTION"
    assert card.verdict.live_divergence.startswith("25 paper trades average -0.300 R")
    assert judged(edge, paper=(-0.3,) * 19).verdict.live_divergence == ""


def test_thin_evidence_is_no_judgment() -> None:
    """Half a year of the same edge, or a single trade: no stage follows from it."""

    def rare(run: Run) -> Floats:
        return edge(run)[:180]

    card = judged(rare)
    assert (card.verdict.standing, card.verdict.stage) == ("insufficient", "RESEARCH")
    assert card.verdict.demote_to is None
    assert "180 < 200" in card.verdict.reason
    one = judged(lambda run: edge(run)[:1])
    assert (one.verdict.standing, one.verdict.reason) == ("insufficient", "only 1 closed trades")
    assert one.approval is None


def test_a_study_that_fails_blocks_promotion_and_not_the_night() -> None:
    """One stress breaks: its study has no answer, all the others have; nothing is demoted."""

    def broken(run: Run) -> Floats:
        if run.stress is not None and run.stress.name == "iv_up":
            raise ArithmeticError("no surface")
        return edge(run)

    card = judged(broken)
    assert [one.name for one in card.failures] == ["stress"]
    assert "no surface" in card.failures[0].reason
    assert (card.verdict.stage, card.verdict.demote_to) == ("RESEARCH", "PRODUCTION")
    assert "could not be evaluated" in card.verdict.reason


def test_a_backtest_that_fails_is_a_night_without_a_judgment() -> None:
    """The reason is in the verdict; the card holds nothing else."""

    def broken(run: Run) -> Floats:
        raise ArithmeticError(f"no candles for {days_of(run)} days")

    card = judged(broken)
    assert (card.verdict.standing, card.approval, card.trades) == ("failed", None, 0)
    assert "no candles for 1461 days" in card.verdict.reason
    assert msgspec.json.decode(msgspec.json.encode(card), type=Scorecard) == card


def test_trials_are_those_ever_tried(good: Scorecard) -> None:
    """More tries than tonight's deflate more; tonight's grid counts at least."""
    assert good.overfitting is not None
    assert good.overfitting.trials == 25
    known = Evaluation(request(trials=400), Played(noise(1))).finish().overfitting
    fresh = Evaluation(request(), Played(noise(1))).finish().overfitting
    assert known is not None
    assert fresh is not None
    assert known.trials == 400
    assert (known.deflated_sharpe or 0.0) < (fresh.deflated_sharpe or 0.0)


def test_every_run_is_asked_for_before_the_first_is_waited_for() -> None:
    """The grid, nine stresses, the look-ahead tests: all are in the executor at once."""
    player = Played(edge)
    evaluation = Evaluation(request(), player)
    looks = sum(run.fingerprint for run in player.runs)
    assert looks % 3 == 0
    assert len(player.runs) == 25 + 9 + looks
    assert len(evaluation.futures) == len(player.runs) + 1  # the base is a cell of the grid


def test_the_quick_profile_decides_once_a_day() -> None:
    """Nine cells, two stresses; cadence and minute are the profile's."""
    player = Played(edge)
    Evaluation(msgspec.structs.replace(request(), plan=QUICK), player)
    grid = [run for run in player.runs if run.stress is None and not run.fingerprint]
    assert len(grid) == 9
    assert {run.subject.file.cadence.offset_minutes for run in player.runs} == {485}


def test_a_quick_evaluation_says_in_one_line_that_it_promotes_nobody() -> None:
    """A real edge whose best cell is at the border of nine: no failed grid, one clear reason."""

    def aside(run: Run) -> Floats:
        settings = run.subject.strategy(run.parameters).settings.model_dump()
        tilted: Floats = edge(run) + 0.00003 * settings["a"]
        return tilted

    quick = msgspec.structs.replace(request(), plan=QUICK)
    card = Evaluation(quick, Played(aside)).finish()
    assert card.sensitivity is not None
    assert card.sensitivity.finding == "grid too small"
    assert (card.verdict.stage, card.verdict.demote_to) == ("RESEARCH", "PRODUCTION")
    assert card.verdict.reason == QUICK_PROFILE
    assert card.approval is not None
    outcomes = {gate.name: gate.outcome for gate in card.approval.gates if gate.blocks}
    assert outcomes == {"full_profile": "not_evaluated"}
    whole = Evaluation(msgspec.structs.replace(quick, plan=Plan(steps_per_side=1)), Played(aside))
    reason = whole.finish().verdict.reason
    assert reason.startswith("Parameter sensitivity without an answer: the best cell (a ")
    assert reason.endswith(" lies on the border: grid too small")


def test_a_quick_evaluation_still_lowers_what_has_no_edge() -> None:
    """Nine cells are enough to see a loss."""
    card = Evaluation(msgspec.structs.replace(request(), plan=QUICK), Played(no_edge)).finish()
    assert (card.verdict.stage, card.verdict.demote_to) == ("RESEARCH", "RESEARCH")
    assert card.verdict.reason != QUICK_PROFILE


def test_what_loses_is_told_so_before_what_no_study_could_answer() -> None:
    """No edge for a grid to ask about: the stage's reason is the expectancy, not the grid."""

    def losing(run: Run) -> Floats:
        lost: Floats = no_edge(run) - 0.01
        return lost

    card = Evaluation(request(), Played(losing)).finish()
    assert card.sensitivity is not None
    assert card.sensitivity.finding == "no edge"
    assert card.approval is not None
    outcomes = {gate.name: gate.outcome for gate in card.approval.gates}
    assert outcomes["param_sensitivity"] == "not_evaluated"
    assert "without an answer" not in card.verdict.reason
    told = {gate.name: gate.reason for gate in card.approval.gates}
    assert "there is no edge that a step could lose" in told["param_sensitivity"]
    assert outcomes[str(card.approval.binding)] == "fail"


FUTURE: dict[str, Candles] = {}
"""What a careless strategy would find lying about: the whole history of the run."""


class Leaking(Market, frozen=True, kw_only=True):
    """A history that leaves everything it knows where strategies can see it."""

    def chains(self, **terms: Any) -> ModelledChains:
        """Model the boards, and leak."""
        FUTURE["candles"] = self.candles
        return Market.chains(self, **terms)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peeking(CoveredCall):
    """Sells a call only where the price will have fallen a while later."""

    kind: ClassVar[str] = "peeking"
    hours: ClassVar[int] = 24

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Look into the future first."""
        candles = FUTURE["candles"]
        row = (situation.at - int(candles.opened_at[0])) // HOUR + self.hours - 1
        later = float(candles.close[min(row, len(candles.close) - 1)])
        return CoveredCall.propose(self, situation) if later < situation.index else ()


class PeekingAnHour(Peeking):
    """The classic one: it knows the close of the bar it trades in."""

    hours: ClassVar[int] = 1


def card_of(kind: type[Any]) -> Scorecard:
    """Evaluate a strategy for real on half a year, in one thread."""
    known = four_years(DAY)
    market = Leaking(
        underlying="BTC", candles=known.candles, level=known.level, source="leaking", step=DAY,
        at_minute=485,
    )  # fmt: skip
    file = FILE.model_copy(update={"kind": "covered_call", "parameters": {"target_days": 3.0}})
    asked = msgspec.structs.replace(
        request(), market=market, end=START + 180 * DAY,
        subject=Subject(kind=kind, file=file, configuration_hash="v1"),
        plan=Plan(steps_per_side=1, stresses=(), sims=50),
    )  # fmt: skip
    return Evaluation(asked, Inline()).finish()


@pytest.mark.parametrize("kind", [Peeking, PeekingAnHour])
def test_one_that_sees_the_future_is_caught(kind: type[Any]) -> None:
    """Through the real engine, a day ahead and an hour: RESEARCH, and the reason says so."""
    card = card_of(kind)
    assert card.trades > 20
    assert card.look_ahead is not None
    assert card.look_ahead.ok is False
    assert (card.verdict.stage, card.verdict.standing) == ("RESEARCH", "judged")
    assert card.verdict.reason.startswith("Sees the future: decisions before")


def test_the_same_strategy_without_the_peek_passes() -> None:
    """On the same leaking history: what is not looked at does not matter."""
    card = card_of(CoveredCall)
    assert card.look_ahead is not None
    assert card.look_ahead.ok, card.look_ahead.reason
    assert len(card.look_ahead.cuts) >= 8


def test_what_was_never_evaluated_has_a_card_that_says_so(good: Scorecard) -> None:
    """Only names, the verdict and its reason; a failure only where something failed."""
    failed = msgspec.structs.replace(good.verdict, standing="failed", reason="no candles")
    card = not_evaluated(FILE, failed, "full", START)
    assert (card.strategy, card.trades, card.start) == ("alpha", 0, START)
    assert card.failures == (FailedStudy("backtest", "no candles"),)
    thin = msgspec.structs.replace(failed, standing="insufficient")
    assert not_evaluated(FILE, thin, "full", START).failures == ()
