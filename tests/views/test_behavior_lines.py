"""Is it told in plain words what behavior found, what follows, and what is asked of an intent?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.risk.scenes import intent
from trader.domain.events import TraderProfile
from trader.domain.facts import BehaviorAlert, BehaviorJudged, Recorded
from trader.domain.trading import Restraint, Stop, TypeLimits
from trader.domain.units import DAY, HOUR
from trader.views.behavior_lines import judged, judgment_text, profile_text, restraint_lines
from trader.views.log_lines import log_line

NOW = 20_000 * DAY + 18 * HOUR
MIDNIGHT = 20_001 * DAY
REVENGE = BehaviorAlert(
    type="REVENGE_TRADING", severity="CRITICAL", multiplier=0.3,
    message="Position size increased significantly after a loss",
    recommendation="Avoid increasing size after losses.",
    reason="critical: 2.00 times the size of the loss before it, and soon after it",
)  # fmt: skip
STREAK = BehaviorAlert(
    type="LOSS_STREAK", severity="HIGH", multiplier=0.5, message="3 in a row",
    recommendation="Review.", reason="high: the chance is 0.1", fresh=False,
)  # fmt: skip


def judgment(**changes: Any) -> BehaviorJudged:
    """Find revenge beside a streak that stood already."""
    fields: dict[str, Any] = {
        "account": "main", "strategy": "alpha", "chain_id": "C7-0", "cause": "opened",
        "status": "critical", "alerts": (REVENGE, STREAK), "before": 0.6, "multiplier": 0.15,
        "half_life": 12 * HOUR, "paused_until": MIDNIGHT,
    }  # fmt: skip
    return BehaviorJudged(**(fields | changes))


def test_a_judgment_is_one_sentence_with_its_consequences() -> None:
    """What is new with its reason, what stood beside it, the multiplier, the pause, the remedy."""
    assert judgment_text(judgment()) == (
        "alpha: REVENGE_TRADING (x 0.3): Position size increased significantly after a loss; "
        "critical: 2.00 times the size of the loss before it, and soon after it (beside "
        "LOSS_STREAK), as C7-0 opened; new risk x 0.15, half of the rest comes back every 12 h; "
        "opens nothing until 2024-10-05T00:00:00Z, or `trader resume alpha`"
    )


def test_what_only_informs_says_nothing_of_multipliers() -> None:
    """Neither a smaller size nor a pause is claimed; the account is called that."""
    told = judgment_text(
        judgment(strategy=None, before=1.0, multiplier=1.0, paused_until=None, cause="ended")
    )
    assert told.startswith("the account: REVENGE_TRADING")
    assert told.endswith("as C7-0 ended")


@pytest.mark.parametrize(
    ("status", "severity"), [("normal", "info"), ("warning", "warning"), ("critical", "critical")]
)
def test_the_log_has_flat_fields(status: Any, severity: str) -> None:
    """Event name, severity, what was new, the multiplier, until when."""
    name, fields = log_line(Recorded(3, NOW, judgment(status=status)))
    assert name == "behavior.judged"
    assert fields["severity"] == severity
    assert (fields["alerts"], fields["multiplier"]) == ("REVENGE_TRADING", 0.15)
    assert fields["paused_until"] == "2024-10-05T00:00:00Z"
    assert "paused_until" not in log_line(Recorded(3, NOW, judgment(paused_until=None)))[1]
    assert judged(judgment(strategy=None))["strategy"] == ""


LIMITS = TypeLimits(
    position_max=0.02, confidence_min=0.7, trades_per_day_max=3, stop_atr_max=1.5,
    target_atr_max=2.0,
)  # fmt: skip
ASKED = Restraint(
    multiplier=0.3, reason="alpha x 0.3", paused="alpha, REVENGE_TRADING", paused_until=MIDNIGHT,
    profile="Conservative, 24 trades", limits=LIMITS,
)  # fmt: skip


def test_a_verdict_shows_all_that_was_asked() -> None:
    """Multiplier with reason, pause, type, its limits; what does not apply is said."""
    told = dict(restraint_lines(ASKED, intent(), NOW, 1.0))
    assert told["behavior"] == "new risk x 0.3: alpha x 0.3"
    assert told[""] == "paused until 2024-10-05T00:00:00Z (in 6 h): alpha, REVENGE_TRADING"
    assert told["trader type"] == "Conservative, 24 trades"
    assert told["asked of it"] == (
        "max loss at most 2.00 % of equity, 3 new trades a day, confidence at least 70.00 % "
        "of what sells premium, "
        "stop not applicable (it states none), target not applicable (no intent states one)"
    )


def test_of_an_intent_with_a_stop_the_distance_is_asked() -> None:
    """And its confidence is not."""
    stopped = intent(stop=Stop(60_000.0, 500.0))
    told = dict(restraint_lines(ASKED, stopped, NOW, 1.0))["asked of it"]
    assert "confidence not applicable (its stop bounds it), stop within 1.5 ATR" in told


def test_of_a_close_it_is_said_that_nothing_holds_it_back() -> None:
    """The numbers are there all the same."""
    (line, *_) = restraint_lines(Restraint(multiplier=0.3, reason="why"), intent("close"), NOW, 1)
    assert line == ("behavior", "new risk x 0.3: why; what takes risk away is not held back")


def test_a_profile_is_a_sentence() -> None:
    """Type, how sure, on how much, how it was found."""
    profile = TraderProfile(
        strategy="alpha", cluster=4, type_name="Swing Trader", confidence=0.42, trades=24,
        reason="the type is by rule",
    )  # fmt: skip
    assert profile_text(profile) == (
        "trades as a Swing Trader would (42% sure, 24 trades; the type is by rule)"
    )
    assert "1% sure" in profile_text(msgspec.structs.replace(profile, confidence=0.01))
