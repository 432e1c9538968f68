"""Where does a night leave a strategy? Demotion by rule, promotion by a person, both from facts.

The night only judges; what follows from its judgment is decided here, from the ledger alone, so
that a restart, a replay and a second delivery of the same night change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from trader.domain.units import DAY

if TYPE_CHECKING:
    from trader.domain.events import NightVerdict, StageChanged
    from trader.domain.trading import Stage

RANK: Final[dict[Stage, int]] = {"RESEARCH": 0, "PILOT": 1, "PRODUCTION": 2}
STAGES: Final[tuple[Stage, ...]] = ("RESEARCH", "PILOT", "PRODUCTION")
NIGHT: Final = "night"
"""Who demotes where nobody did."""


class StageSettings(BaseModel):
    """How stages change: what a night may do alone, and what a person is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    nights_to_demote: int = Field(
        default=2, ge=1, le=30, description="Consecutive failing nights until a strategy falls."
    )
    broken_nights_max: int = Field(
        default=3,
        ge=1,
        le=30,
        description="Consecutive nights without a judgment that cost one stage.",
    )
    paper_days_min: int = Field(
        default=60, ge=0, le=3650, description="Days at a stage before a promotion needs no force."
    )
    demotions_max: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Demotions by nights within the window that ask for force.",
    )
    demotions_within_days: int = Field(
        default=90, ge=1, le=3650, description="The window that demotions are counted in."
    )


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger remembers of one strategy's nights; all of it folds from facts.

    `failing` and `broken` count consecutive nights below its stage, and without a judgment;
    `demoted_at` are the last demotions by nights, `since` when it came to its stage.
    """

    since: int = 0
    failing: int = 0
    broken: int = 0
    demoted_at: tuple[int, ...] = ()
    verdict: NightVerdict | None = None
    judged_on: str = ""

    def moved(self, before: StageChanged | None, change: StageChanged, at: int) -> Standing:
        """Fold a stage change: counters begin anew, a demotion by a night is remembered.

        One by a person is a decision, no sign of a strategy that keeps falling.
        """
        same = before is not None and before.configuration_hash == change.configuration_hash
        down = before is not None and RANK[change.stage] < RANK[before.stage]
        fell = down and same and change.by == NIGHT
        return Standing(
            since=at,
            demoted_at=(*self.demoted_at, at)[-100:] if fell else self.demoted_at,
            verdict=self.verdict if same else None,
            judged_on=self.judged_on if same else "",
        )

    def judged(self, stage: Stage, verdict: NightVerdict, date: str) -> Standing:
        """Fold one night: a thin sample is a valid night that says nothing about the stage."""
        failing, broken = self.failing, 0
        match verdict.standing:
            case "judged":
                failing = failing + 1 if RANK[may_live_at(verdict)] < RANK[stage] else 0
            case "failed":
                broken = self.broken + 1
            case _:
                pass
        return msgspec.structs.replace(
            self, failing=failing, broken=broken, verdict=verdict, judged_on=date
        )


def decide(
    stage: Stage, standing: Standing, verdict: NightVerdict, floor: Stage, settings: StageSettings
) -> tuple[Stage, str]:
    """Tell where a night leaves a strategy, and why; `standing` holds that night already.

    Any number of steps down for a stage not earned, one for what paper trading shows alone or for
    nights that could not judge; never up, never below the floor.
    """
    fallen, reasons = RANK[stage], []
    allowed, why = RANK[may_live_at(verdict)], verdict.demote_reason or verdict.reason
    if verdict.standing == "judged" and allowed < RANK[stage]:
        if standing.failing >= settings.nights_to_demote:
            fallen = allowed
            reasons.append(_nights(why, standing.failing))
        else:
            wait = f"night {standing.failing} of {settings.nights_to_demote} below {stage}"
            reasons.append(f"{wait}: {why}")
    if verdict.standing == "failed" and standing.broken >= settings.broken_nights_max:
        fallen = min(fallen, max(RANK[stage] - 1, 0))
        reasons.append(f"{standing.broken} nights without a judgment: {verdict.reason}")
    if verdict.live_divergence:
        fallen = min(fallen, max(RANK[stage] - 1, 0))
        reasons.append(f"live_divergence: {verdict.live_divergence}")
    if fallen < RANK[floor] and fallen < RANK[stage]:
        fallen = min(RANK[floor], RANK[stage])
        reasons.append(f"stage_floor {floor} holds it")
    return STAGES[fallen], "; ".join(reasons) or verdict.reason


def may_live_at(verdict: NightVerdict) -> Stage:
    """Name the stage that a night allows a strategy that is there already."""
    return verdict.demote_to or verdict.stage


def _nights(reason: str, failing: int) -> str:
    return reason if failing == 1 else f"{reason} ({failing} nights in a row)"


def objection(standing: Standing, wanted: Stage, at: int, settings: StageSettings) -> str | None:
    """Say what speaks against a promotion, which then needs `--override`; None for nothing."""
    days = (at - standing.since) / DAY
    window = settings.demotions_within_days * DAY
    recent = sum(at - demoted < window for demoted in standing.demoted_at)
    verdict = standing.verdict
    if days < settings.paper_days_min:
        return (
            f"only {days:.0f} of {settings.paper_days_min} days at its present stage: "
            "wait, or repeat with --override"
        )
    if recent >= settings.demotions_max:
        return (
            f"{recent} demotions by nights within {settings.demotions_within_days} days: "
            "find out why, or repeat with --override"
        )
    if verdict is None:
        return "no night has judged it as it is configured now: wait, or repeat with --override"
    if verdict.live_divergence:
        return (
            f"the night of {standing.judged_on} says live_divergence: {verdict.live_divergence}; "
            "wait until paper and backtest agree, or repeat with --override"
        )
    if RANK[verdict.stage] < RANK[wanted] <= RANK[may_live_at(verdict)]:
        return (
            f"the night of {standing.judged_on} does not promote it to {wanted}: {verdict.reason}; "
            "wait for one that does, or repeat with --override"
        )
    if RANK[verdict.stage] < RANK[wanted]:
        return (
            f"the night of {standing.judged_on} says {verdict.stage}: {verdict.reason}; "
            "improve it, or repeat with --override"
        )
    return None
