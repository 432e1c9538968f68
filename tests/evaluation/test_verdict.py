"""Does one value say what a night means for a stage, a strategy that peeks above all?"""

from __future__ import annotations

import msgspec
import pytest

from tests.evaluation.histories import stats, variance
from tests.evaluation.played import request
from trader.evaluation.approval import ApprovalResult, RegimeCoverage, evaluate_strategy
from trader.evaluation.divergence import Divergence
from trader.evaluation.look_ahead import LookAhead
from trader.evaluation.psychology import compute_psychology_score
from trader.evaluation.strategy_card import FailedStudy, Overfitting
from trader.evaluation.verdict import (
    QUICK_PROFILE,
    UNKNOWN,
    luck,
    night_verdict,
    with_look_ahead,
    with_overfitting,
    with_profile,
)

HONEST = LookAhead(ok=True, cuts=(1,), reason="nothing changes")
PEEKS = LookAhead(ok=False, cuts=(1,), reason="decisions before noon changed")
SILENT = LookAhead(ok=None, cuts=(1,), reason="nothing was decided")
APART = Divergence(
    trades=20, paper_mean=-1.0, backtest_mean=0.1, z=-9.0, critical=-3.0, diverged=True,
    reason="20 paper trades average -1.000 R",
)  # fmt: skip


def approval(*, n_trades: int = 400, win_rate: float = 0.8, streak: int = 4) -> ApprovalResult:
    """Approve a good strategy, unless told otherwise."""
    one, spread = stats(win_rate=win_rate, n_trades=n_trades), variance(streak=streak)
    return evaluate_strategy(
        one, spread, compute_psychology_score(one, spread),
        RegimeCoverage(bull=True, bear=True, chop=True),
        param_sensitivity_ok=True, walk_forward_ok=True, stress_test_ok=True,
    )  # fmt: skip


def luck_of(deflated: float | None) -> Overfitting:
    """Deflate a Sharpe ratio."""
    return Overfitting(
        sharpe=1.0, probabilistic_sharpe=0.9, deflated_sharpe=deflated, trials=25,
        minimum_track_record_days=100.0, overfitting_probability=0.5,
    )  # fmt: skip


def test_an_honest_strategy_keeps_what_it_earned() -> None:
    """The tests are one more gate, passed, before all others."""
    earned = approval()
    found = with_look_ahead(earned, HONEST)
    assert found.stage == "PRODUCTION"
    assert (found.gates[0].name, found.gates[0].outcome) == ("look_ahead", "pass")
    assert found.gates[1:] == earned.gates


@pytest.mark.parametrize("n_trades", [400, 30])
def test_one_that_peeks_is_at_research_on_any_sample(n_trades: int) -> None:
    """Thin evidence excuses nothing here: the judgment stands and demotes."""
    found = with_look_ahead(approval(n_trades=n_trades), PEEKS)
    assert (found.stage, found.verdict, found.demote_to) == ("RESEARCH", "EVALUATED", "RESEARCH")
    assert found.reason == "Sees the future: decisions before noon changed"
    assert (found.binding, found.next_stage) == ("look_ahead", "PILOT")
    assert found.missing[0] == found.gates[0]


@pytest.mark.parametrize("found", [SILENT, None])
def test_no_answer_blocks_promotion_and_demotes_nobody(found: LookAhead | None) -> None:
    """The tests failed, or nothing was decided: it may stay where it is, not rise."""
    result = with_look_ahead(approval(), found)
    assert (result.stage, result.verdict, result.demote_to) == (
        "RESEARCH", "INCONCLUSIVE", "PRODUCTION",
    )  # fmt: skip
    assert result.reason.startswith(UNKNOWN)


def test_a_quick_evaluation_promotes_nobody_and_lowers_as_ever() -> None:
    """One line stands for it; what a strategy may stay at, and why it falls, is untouched."""
    good, weak = approval(), approval(streak=7)
    assert with_profile(good, "full") == good
    held = with_profile(good, "quick")
    assert (held.stage, held.verdict, held.demote_to) == ("RESEARCH", "INCONCLUSIVE", "PRODUCTION")
    assert (held.reason, held.binding) == (QUICK_PROFILE, "full_profile")
    assert [gate.name for gate in held.missing] == ["full_profile"]
    lowered = with_profile(weak, "quick")
    assert (lowered.demote_to, lowered.demote_reason) == ("PILOT", weak.demote_reason)
    assert "loss streak production 7 against 6" in lowered.demote_reason


@pytest.mark.parametrize("streak", [4, 30])
def test_a_quick_evaluation_hides_no_other_reason(streak: int) -> None:
    """Too few trades, or a losing run no stage allows: that is what is told."""
    plain = approval(n_trades=30 if streak == 4 else 400, streak=streak)
    held = with_profile(plain, "quick")
    assert (held.stage, held.reason, held.verdict) == (plain.stage, plain.reason, plain.verdict)
    assert held.demote_to == plain.demote_to


def test_no_answer_leaves_another_reason_in_place() -> None:
    """What fails anyhow says so itself."""
    failed = approval(streak=30)
    result = with_look_ahead(failed, None)
    assert (result.stage, result.reason) == ("RESEARCH", failed.reason)
    assert (result.verdict, result.binding) == (failed.verdict, failed.binding)


@pytest.mark.parametrize(
    ("limit", "value", "stage", "outcome"),
    [
        (None, 0.1, "PRODUCTION", "not_required"),
        (0.95, 0.99, "PRODUCTION", "pass"),
        (0.95, 0.5, "RESEARCH", "fail"),
        (0.95, None, "RESEARCH", "not_evaluated"),
    ],
)
def test_luck_warns_and_is_a_gate_where_asked_for(
    limit: float | None, value: float | None, stage: str, outcome: str
) -> None:
    """Listed always with value and limit; it decides only where the configuration says so."""
    earned = approval()
    earned = msgspec.structs.replace(
        earned, config=msgspec.structs.replace(earned.config, min_deflated_sharpe=limit)
    )
    found = with_overfitting(earned, luck_of(value))
    assert (found.stage, found.gates[0].outcome) == (stage, outcome)
    assert (found.gates[0].value, found.gates[0].limit) == (value, 0.95)
    demotes = {"fail": "RESEARCH"}.get(outcome, "PRODUCTION")
    assert found.demote_to == demotes


def test_luck_never_speaks_over_thin_evidence_or_another_reason() -> None:
    """Too few trades stay too few; what fails anyhow says so itself."""
    for given in (approval(n_trades=30), approval(streak=30)):
        strict = msgspec.structs.replace(
            given, config=msgspec.structs.replace(given.config, min_deflated_sharpe=0.95)
        )
        found = with_overfitting(strict, luck_of(0.5))
        assert (found.reason, found.verdict) == (given.reason, given.verdict)


def test_a_doubt_is_told_in_words() -> None:
    """Below 95 %; nothing where it convinces, or is not known."""
    assert luck(luck_of(0.5)) == "deflated Sharpe ratio 50.0% after 25 trials"
    assert luck(luck_of(0.99)) == luck(luck_of(None)) == luck(None) == ""


def test_a_verdict_carries_stage_reason_and_figures() -> None:
    """What the daemon adopts and the log tells."""
    verdict = night_verdict(request(), approval(), 400, None, ())
    assert (verdict.stage, verdict.standing, verdict.live_divergence) == (
        "PRODUCTION", "judged", "",
    )  # fmt: skip
    assert verdict.figures["trades"] == 400
    assert (verdict.strategy, verdict.configuration_hash) == ("alpha", "v1")
    msgspec.json.decode(msgspec.json.encode(verdict), type=type(verdict))


def test_thin_evidence_judges_nothing_but_paper_still_speaks() -> None:
    """Too few trades on the whole; what paper shows acts at once."""
    verdict = night_verdict(request(), approval(n_trades=30), 30, APART, ())
    assert (verdict.standing, verdict.demote_to) == ("insufficient", None)
    assert verdict.live_divergence == APART.reason


def test_without_an_approval_its_own_failure_is_the_reason() -> None:
    """Not that of whichever study failed last; with hardly a trade there was nothing to judge."""
    failures = (FailedStudy("approval", "ValueError: no spread"), FailedStudy("quality", "other"))
    failed = night_verdict(request(), None, 7, None, failures)
    assert (failed.standing, failed.reason) == ("failed", "ValueError: no spread")
    thin = night_verdict(request(), None, 1, None, failures)
    assert (thin.standing, thin.reason) == ("insufficient", "only 1 closed trades")
