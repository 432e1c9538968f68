"""Do stages follow the nights by rule, down alone and never up?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.events import NightVerdict, StageChanged
from trader.domain.units import DAY
from trader.engine.stages import RANK, STAGES, StageSettings, Standing, decide, objection

if TYPE_CHECKING:
    from trader.domain.trading import Stage

SETTINGS = StageSettings()
STAGE = st.sampled_from(STAGES)


def verdict(stage: Stage = "RESEARCH", **more: object) -> NightVerdict:
    """Judge a strategy."""
    given_ = {"strategy": "alpha", "configuration_hash": "v1", "stage": stage,
              "standing": "judged", "reason": "too many losses in a row"} | more  # fmt: skip
    return NightVerdict(**given_)  # type: ignore[arg-type]


def nights(stage: Stage, *verdicts: NightVerdict) -> Standing:
    """Fold some nights."""
    standing = Standing()
    for number, one in enumerate(verdicts):
        standing = standing.judged(stage, one, f"2026-11-{number + 1:02d}")
    return standing


def test_one_failing_night_warns_two_demote_by_any_number_of_steps() -> None:
    """Patience is for a single bad night, not for a bad strategy."""
    low = verdict("RESEARCH")
    stage, reason = decide("PRODUCTION", nights("PRODUCTION", low), low, "RESEARCH", SETTINGS)
    assert (stage, reason) == (
        "PRODUCTION", "night 1 of 2 below PRODUCTION: too many losses in a row"
    )  # fmt: skip
    stage, reason = decide("PRODUCTION", nights("PRODUCTION", low, low), low, "RESEARCH", SETTINGS)
    assert (stage, reason) == ("RESEARCH", "too many losses in a row (2 nights in a row)")


def test_a_good_night_between_begins_the_count_anew() -> None:
    """Consecutive means consecutive."""
    low, good = verdict("RESEARCH"), verdict("PRODUCTION")
    standing = nights("PRODUCTION", low, good, low)
    assert standing.failing == 1
    assert decide("PRODUCTION", standing, low, "RESEARCH", SETTINGS)[0] == "PRODUCTION"


def test_thin_evidence_is_a_valid_night_that_changes_nothing() -> None:
    """It neither fails nor forgives, and it ends a run of broken nights."""
    thin = verdict("RESEARCH", standing="insufficient")
    standing = nights("PILOT", verdict(), verdict(standing="failed"), thin)
    assert (standing.failing, standing.broken) == (1, 0)
    assert decide("PILOT", standing, thin, "RESEARCH", SETTINGS)[0] == "PILOT"


def test_three_nights_without_a_judgment_cost_one_step() -> None:
    """What cannot be judged may not stay on trust for ever."""
    broken = verdict(standing="failed", reason="timed out")
    standing = nights("PRODUCTION", broken, broken)
    assert decide("PRODUCTION", standing, broken, "RESEARCH", SETTINGS)[0] == "PRODUCTION"
    standing = nights("PRODUCTION", broken, broken, broken)
    stage, reason = decide("PRODUCTION", standing, broken, "RESEARCH", SETTINGS)
    assert (stage, reason) == ("PILOT", "3 nights without a judgment: timed out")


def test_live_divergence_acts_at_once_by_one_step() -> None:
    """Even where the backtest still says PRODUCTION, and on thin evidence."""
    for standing in ("judged", "insufficient"):
        left = verdict("PRODUCTION", standing=standing, live_divergence="z -4.0")
        stage, reason = decide("PRODUCTION", nights("PRODUCTION", left), left, "RESEARCH", SETTINGS)
        assert (stage, reason) == ("PILOT", "live_divergence: z -4.0")


def test_an_unanswered_study_keeps_a_stage_but_earns_none() -> None:
    """A grid too small blocks promotion and demotes nobody."""
    unknown = verdict("RESEARCH", demote_to="PRODUCTION")
    standing = nights("PRODUCTION", unknown, unknown)
    assert decide("PRODUCTION", standing, unknown, "RESEARCH", SETTINGS)[0] == "PRODUCTION"
    assert "does not promote it" in str(objection(standing, "PILOT", 61 * DAY, SETTINGS))


def test_the_floor_holds_what_would_fall_below_it() -> None:
    """The demo goes on trading, and says why."""
    low = verdict("RESEARCH")
    standing = nights("PRODUCTION", low, low)
    stage, reason = decide("PRODUCTION", standing, low, "PILOT", SETTINGS)
    assert stage == "PILOT"
    assert "stage_floor PILOT holds it" in reason


@given(
    now=STAGE, floor=STAGE, judged=STAGE, allowed=st.none() | STAGE,
    standing=st.sampled_from(["judged", "insufficient", "failed"]),
    failing=st.integers(0, 5), broken=st.integers(0, 5), apart=st.sampled_from(["", "z -4"]),
)  # fmt: skip
def test_no_night_ever_raises_a_stage(
    now: Stage, floor: Stage, judged: Stage, allowed: Stage | None, standing: str,
    failing: int, broken: int, apart: str,
) -> None:  # fmt: skip
    """Whatever it says, whatever came before."""
    one = verdict(judged, standing=standing, demote_to=allowed, live_divergence=apart)
    kept = Standing(failing=failing, broken=broken)
    stage, reason = decide(now, kept, one, floor, SETTINGS)
    assert RANK[stage] <= RANK[now]
    assert RANK[stage] >= min(RANK[now], RANK[floor])
    assert reason


def test_a_change_of_stage_begins_counting_anew_and_remembers_a_fall() -> None:
    """Three falls within 90 days ask for force; another configuration forgets its judgment."""
    change = StageChanged("alpha", "PILOT", "night", "x", "v1")
    before = StageChanged("alpha", "PRODUCTION", "ann", "x", "v1")
    standing = nights("PRODUCTION", verdict(), verdict("PRODUCTION"))
    for day in (70, 80, 90):
        standing = standing.moved(before, change, day * DAY)
    assert (standing.failing, standing.since) == (0, 90 * DAY)
    assert standing.demoted_at == (70 * DAY, 80 * DAY, 90 * DAY)
    assert "3 demotions by nights within 90 days" in str(
        objection(standing, "PRODUCTION", 90 * DAY, StageSettings(paper_days_min=0))
    )
    other = standing.moved(
        change, StageChanged("alpha", "PRODUCTION", "config", "x", "v2"), 91 * DAY
    )
    assert other.verdict is None


def test_a_person_who_demotes_does_not_make_a_strategy_that_keeps_falling() -> None:
    """Three times down by hand in a month: nothing speaks against the next promotion for that."""
    before = StageChanged("alpha", "PRODUCTION", "ann", "x", "v1")
    by_hand = StageChanged("alpha", "PILOT", "ann", "holidays", "v1")
    standing = nights("PRODUCTION", verdict("PRODUCTION"))
    for day in (70, 80, 90):
        standing = standing.moved(before, by_hand, day * DAY)
    assert standing.demoted_at == ()
    assert objection(standing, "PRODUCTION", 90 * DAY, StageSettings(paper_days_min=0)) is None


def test_a_promotion_needs_days_and_a_judgment() -> None:
    """Under 60 days of paper, without a night, or below what is asked: each is said."""
    good = nights("PILOT", verdict("PRODUCTION"))
    assert "only 12 of 60 days" in str(objection(good, "PRODUCTION", 12 * DAY, SETTINGS))
    assert objection(good, "PRODUCTION", 60 * DAY, SETTINGS) is None
    assert "no night has judged it" in str(objection(Standing(), "PILOT", 60 * DAY, SETTINGS))


def test_a_night_that_may_promote_nobody_is_waited_out_not_improved_upon() -> None:
    """A quick profile holds back what it would let stay: the remedy is another night."""
    held = verdict("RESEARCH", demote_to="PRODUCTION", reason="quick profile")
    standing = nights("PILOT", held)
    against = str(objection(standing, "PRODUCTION", 60 * DAY, SETTINGS))
    assert "does not promote it to PRODUCTION: quick profile; wait for one that does" in against
    low = verdict("RESEARCH", demote_to="PILOT", reason="score 57")
    standing = nights("PILOT", low)
    assert "says RESEARCH: score 57; improve it" in str(
        objection(standing, "PRODUCTION", 60 * DAY, SETTINGS)
    )


@pytest.mark.parametrize("field", ["nights_to_demote", "broken_nights_max", "demotions_max"])
def test_impossible_settings_are_refused_by_name(field: str) -> None:
    """Zero nights would demote on nothing."""
    with pytest.raises(ValueError, match=field):
        StageSettings.model_validate({field: 0})


def test_a_fall_says_why_it_fell_and_not_what_else_is_unknown() -> None:
    """A grid too small blocks a promotion; the demotion is the score's."""
    low = verdict("RESEARCH", demote_to="PILOT", reason="grid too small", demote_reason="score 57")
    standing = nights("PRODUCTION", low, low)
    stage, reason = decide("PRODUCTION", standing, low, "RESEARCH", SETTINGS)
    assert (stage, reason) == ("PILOT", "score 57 (2 nights in a row)")
