"""Is it told why a strategy lives where it does, and what changed since?"""

from __future__ import annotations

import msgspec

from tests.engine.test_conduct import judgment
from tests.views.test_stages import BAD, GOOD, at, night
from trader.domain.events import (
    Demote,
    NightEvaluated,
    PauseTrading,
    ResumeTrading,
    TraderProfile,
)
from trader.domain.facts import AlertRaised, CommandTaken, Fact, Recorded
from trader.domain.units import DAY
from trader.views.stage_story import changes_text, explain_account, explain_night, explain_stages
from trader.views.stages import Approval

ANA = {"by": "ana", "reason": "holidays"}


def records(*facts: Fact) -> list[Recorded]:
    """Record one fact a day."""
    return [Recorded(number, number * DAY, fact) for number, fact in enumerate(facts)]


def test_a_story_has_every_change_night_and_command_of_the_strategy() -> None:
    """In order, in the words of the log; what is about others or about all stays out."""
    told = explain_stages(
        "alpha",
        records(
            at("PRODUCTION"),
            night(BAD, 1),
            AlertRaised(
                kind="night_warning", severity="warning", text="night 1 of 2", strategy="alpha"
            ),
            CommandTaken(Demote(**ANA, strategy="alpha", stage="PILOT")),
            at("PILOT", "ana", "holidays"),
            CommandTaken(PauseTrading(**ANA)),
            CommandTaken(Demote(**ANA, strategy="beta", stage="PILOT")),
            night(msgspec.structs.replace(GOOD, strategy="beta"), 2),
        ),
    )
    assert told.splitlines() == [
        "The stages and the behavior of alpha, oldest first:",
        "  1970-01-01T00:00:00Z  alpha lives at PRODUCTION now, by config: first seen",
        "  1970-01-02T00:00:00Z  the night of 2026-06-01 says RESEARCH: worst streak 9",
        "  1970-01-03T00:00:00Z  warned: night 1 of 2",
        "  1970-01-04T00:00:00Z  ana asked to demote alpha to PILOT: holidays",
        "  1970-01-05T00:00:00Z  alpha lives at PILOT now, by ana: holidays",
    ]


def test_behavior_is_part_of_the_story() -> None:
    """Its alerts, those of the account, its pauses and resumes, and the types nights told."""
    profile = TraderProfile(
        strategy="alpha", cluster=0, type_name="Conservative", confidence=0.3, trades=21,
        reason="the type is by rule",
    )  # fmt: skip
    evaluated = NightEvaluated(date="2026-06-01", profile="quick", verdicts=(), traders=(profile,))
    told = explain_stages(
        "alpha",
        records(
            judgment("alpha", paused_until=DAY),
            judgment("beta"),
            judgment(None),
            CommandTaken(ResumeTrading(**ANA, strategy="alpha")),
            evaluated,
        ),
    ).splitlines()[1:]
    assert [line.split("  ")[2].split(":")[0] for line in told] == [
        "behavior of alpha",
        "behavior of the account",
        "ana resumed opening of alpha",
        "trades as a Conservative would (30% sure, 21 trades; the type is by rule)",
    ]
    assert "the type is by rule" in explain_night(records(evaluated))


def test_the_account_has_a_story_of_its_own() -> None:
    """One line a judgment."""
    told = explain_account(records(judgment(None), judgment(None))).splitlines()
    assert told[0] == "The behavior of the account, oldest first:"
    assert [line.partition("_")[0] for line in told[1:]] == [
        "  1970-01-01T00:00:00Z  the account: REVENGE",
        "  1970-01-02T00:00:00Z  the account: REVENGE",
    ]


def test_a_night_tells_verdicts_figures_and_what_followed() -> None:
    """Its own facts, in one piece."""
    verdict = msgspec.structs.replace(BAD, figures={"win_rate": 0.8125})
    evaluated = NightEvaluated(date="2026-06-01", profile="quick", verdicts=(verdict,))
    warning = AlertRaised(
        kind="night_warning", severity="warning", text="night 1 of 2", strategy="beta"
    )
    told = explain_night(records(evaluated, at("RESEARCH", "night", "worst streak 9"), warning))
    assert told.startswith("Night of 2026-06-01, quick profile, taken at 1970-01-01T00:00:00Z.")
    assert "alpha: RESEARCH: worst streak 9\n  win rate: 0.8125" in told
    assert "So alpha lives at RESEARCH now, by night: worst streak 9" in told
    assert told.endswith("Warned of beta: night 1 of 2")


def test_changes_are_told_parameter_by_parameter() -> None:
    """The stage, when and by whom; then what is not as it was."""
    approval = Approval(DAY, at("PILOT", "ana", "good"))
    told = changes_text(approval, "v2", [("target_delta", "0.25", "0.3")], ["+new line"])
    assert told.startswith("alpha got PILOT on 1970-01-02T00:00:00Z by ana: good\n")
    assert "configuration v1 then, v2 now" in told
    assert "target_delta" in told
    assert told.endswith("Its code changed:\n+new line")
    assert "No parameter changed." in changes_text(approval, "v2", [], [])
    assert "is not kept here" in changes_text(approval, "v2", None, [])
    assert "Nothing changed since" in changes_text(approval, "v1", [], [])
