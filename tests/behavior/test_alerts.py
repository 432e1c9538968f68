"""Are alerts the seed's, except where legs, rolls and time make them wrong, and do they say why?"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.behavior.lists import START, Dicts, closed, seed_analysis, untimed
from trader.behavior.alerts import THRESHOLDS, Analysis, BehaviorAlertSystem
from trader.behavior.streaks import losing_run_probability

SYSTEM = BehaviorAlertSystem()


def types(analysis: Analysis) -> list[str]:
    """Name the alerts that cost."""
    return [one["type"] for one in analysis["alerts"] if one["severity"] != "INFO"]


def informed(analysis: Analysis) -> list[str]:
    """Name the alerts that only inform."""
    return [one["type"] for one in analysis["alerts"] if one["severity"] == "INFO"]


def test_alerts_are_the_seeds() -> None:
    """On 500 lists without times or legs all numbers agree, and `seed` repeats them."""
    rng = np.random.default_rng(12)
    seen: set[str] = set()
    for _ in range(500):
        trades = untimed(rng, int(rng.integers(0, 30)))
        value, hours = float(rng.uniform(300, 5_000)), float(rng.choice([0.05, 0.5, 1.0, 4.0]))
        mine, seeds = SYSTEM.analyze(trades, value, hours), seed_analysis(trades, value, hours)
        assert types(mine) == seeds["types"]
        for name in ("risk_multiplier", "consecutive_losses", "session_drawdown_pct"):
            assert mine[name] == pytest.approx(seeds[name], rel=1e-12)
        assert mine["status"] == seeds["status"]
        assert mine["seed"]["types"] == seeds["types"]
        assert mine["seed"]["risk_multiplier"] == pytest.approx(seeds["risk_multiplier"])
        assert mine["suppressed"] == []
        seen |= set(types(mine))
    assert len(seen) == 4


def test_nothing_is_normal() -> None:
    """No trade raises no alert and costs nothing."""
    analysis = SYSTEM.analyze([], 1_000.0)
    assert (analysis["alerts"], analysis["risk_multiplier"]) == ([], 1.0)
    assert analysis["status"] == "normal"


def loss_then(minute: float, size: float = 2.0, **more: Any) -> Dicts:
    """Make a loss at noon, and a trade that closed so many minutes later."""
    return [closed(0, -1.0), closed(minute, 1.0, size, **more)]


@pytest.mark.parametrize(("minute", "raised"), [(1, True), (14.9, True), (15, False), (600, False)])
def test_revenge_is_fast(minute: float, raised: bool) -> None:
    """A larger size after a loss is revenge within 15 minutes; later the seed alone says so."""
    analysis = SYSTEM.analyze(loss_then(minute), 1_000.0)
    assert ("REVENGE_TRADING" in types(analysis)) is raised
    assert "REVENGE_TRADING" in analysis["seed"]["types"]
    if not raised:
        assert analysis["suppressed"][0]["type"] == "REVENGE_TRADING"
        assert f"{minute:.0f} minutes after the loss" in analysis["suppressed"][0]["reason"]
        assert analysis["seed"]["risk_multiplier"] == 0.3 < analysis["risk_multiplier"] == 1.0


def test_fast_is_a_quarter_of_the_own_pace() -> None:
    """Who trades once a day and comes back larger after two hours is fast, for him."""
    slow = [closed(-1440 * day) for day in range(9, 0, -1)]
    assert types(SYSTEM.analyze(loss_then(120), 1_000.0, history=slow)) == ["REVENGE_TRADING"]
    assert types(SYSTEM.analyze([*slow, *loss_then(120)], 1_000.0, 240)) == ["REVENGE_TRADING"]
    assert types(SYSTEM.analyze(loss_then(400), 1_000.0, history=slow)) == []


def test_the_same_size_is_no_revenge() -> None:
    """The seed's size test stands: exactly one and a half times is not more."""
    assert types(SYSTEM.analyze(loss_then(1, 1.5), 1_000.0)) == []
    assert types(SYSTEM.analyze(loss_then(1, 1.51), 1_000.0)) == ["REVENGE_TRADING"]


def test_a_scheduled_roll_is_no_revenge() -> None:
    """It carries on by plan, and the reason is told."""
    analysis = SYSTEM.analyze(loss_then(1, scheduled_roll=True), 1_000.0)
    assert types(analysis) == []
    assert "scheduled roll" in analysis["suppressed"][0]["reason"]


def test_what_was_opened_before_the_loss_is_no_revenge() -> None:
    """It cannot answer a loss that nobody knew; a holding time alone proves no opening."""
    before = loss_then(5, opened_at=START - timedelta(minutes=1))
    analysis = SYSTEM.analyze(before, 1_000.0)
    assert types(analysis) == []
    assert "before the loss" in analysis["suppressed"][0]["reason"]
    assert types(SYSTEM.analyze(loss_then(5, holding_time=6), 1_000.0)) == ["REVENGE_TRADING"]


def test_legs_of_a_structure_are_one_trade() -> None:
    """A condor of four legs that net to a win is no streak, no revenge and no haste."""
    legs = [
        closed(place / 60, pnl, size, chain_id="condor")
        for place, (pnl, size) in enumerate([(9.0, 1.0), (-2.0, 1.0), (-2.0, 1.0), (-1.0, 2.0)])
    ]
    analysis = SYSTEM.analyze(legs, 1_000.0, 0.3)
    assert types(analysis) == []
    assert analysis["seed"]["types"] == ["OVERTRADING", "REVENGE_TRADING", "LOSS_STREAK"]
    assert [one["type"] for one in analysis["suppressed"]] == analysis["seed"]["types"]
    assert all("once" in one["reason"] for one in analysis["suppressed"])


def test_a_streak_says_how_likely_it_is() -> None:
    """The chance is exact, under the own win rate of all that is known (Laplace's)."""
    history = [{"pnl": 1.0}, {"pnl": -1.0}] * 20
    losses = [{"pnl": 1.0}, *[{"pnl": -1.0}] * 3]
    alert = SYSTEM.analyze(losses, 1_000.0, history=history)["alerts"][0]
    assert (alert["type"], alert["severity"]) == ("LOSS_STREAK", "HIGH")
    assert alert["streak_probability"] == losing_run_probability(44, 3, 1 - 22 / 46)
    assert "within 44 trades at a win rate of 48% is 98.20%" in alert["severity_reason"]
    rare = SYSTEM.analyze([{"pnl": -1.0}] * 9, 1_000.0, history=[{"pnl": 1.0}] * 91)["alerts"][0]
    assert "e-0" in rare["severity_reason"]


def test_five_losses_are_critical_in_words() -> None:
    """At `max_consecutive_losses` the words say so; multiplier and status are the seed's."""
    four, five = (SYSTEM.analyze([{"pnl": -1.0}] * count, 1_000.0) for count in (4, 5))
    assert "critical" not in four["alerts"][0]["message"]
    assert "critical" in five["alerts"][0]["message"]
    assert five["alerts"][0]["severity_reason"].startswith("critical")
    assert (five["risk_multiplier"], five["status"]) == (0.5, "warning")


def test_a_scratch_is_no_loss() -> None:
    """It neither makes nor ends a streak; where the seed counts it, the reason is told."""
    scratches = SYSTEM.analyze([{"pnl": one} for one in (-1.0, 0.0, -1.0)], 1_000.0)
    assert scratches["consecutive_losses"] == 2
    assert scratches["seed"]["consecutive_losses"] == 3
    assert scratches["suppressed"] == [{"type": "LOSS_STREAK", "reason": "a scratch is no loss"}]


def test_with_now_only_the_window_counts_for_the_pace() -> None:
    """A whole day is no haste where its last hour was not; what is to come does not count."""
    day = [closed(30 * place) for place in range(-40, 3)]
    assert types(SYSTEM.analyze(day, 1_000.0)) == ["OVERTRADING"]
    analysis = SYSTEM.analyze(day, 1_000.0, now=START)
    assert types(analysis) == []
    assert "within the window" in analysis["suppressed"][0]["reason"]
    hasty = [closed(place) for place in range(-11, 0)]
    assert types(SYSTEM.analyze(hasty, 1_000.0, now=START)) == ["OVERTRADING"]
    settled = [one | {"opened_at": START - timedelta(hours=5)} for one in hasty]
    assert types(SYSTEM.analyze(settled, 1_000.0, now=START)) == [], "an expiry is no trading"


def test_rising_sizes_are_told_and_cost_nothing() -> None:
    """Eight sizes in a rising order are no chance; without sizes there is nothing to tell."""
    rising = SYSTEM.analyze([{"pnl": 1.0, "size": 1 + one / 10} for one in range(8)], 1_000.0)
    assert (informed(rising), rising["risk_multiplier"], rising["status"]) == (
        ["RISK_ESCALATION"], 1.0, "normal"
    )  # fmt: skip
    seven = SYSTEM.analyze([{"pnl": 1.0, "size": one} for one in range(1, 8)], 1_000.0)
    unsized = SYSTEM.analyze([{"pnl": 1.0}] * 8, 1_000.0)
    assert informed(seven) == informed(unsized) == []


def habits(last_hour: int) -> Dicts:
    """Trade in the afternoon, fast after losses; the last time at some other hour."""
    trades, minute = [], 0.0
    for place in range(40):
        day = 1440 * (place // 4)
        minute = day if place % 4 == 0 else minute + (3 if place % 2 else 45)
        trades.append(closed(minute, -1.0 if place % 2 == 0 else 1.0))
    return [*trades, closed(1440 * 11 + 60 * (last_hour - 12), 1.0)]


def test_speed_after_losses_at_an_unusual_hour_is_told() -> None:
    """At four in the morning, not at noon as ever; it costs nothing."""
    night, noon = (SYSTEM.analyze(habits(hour), 1_000.0, 240) for hour in (4, 12))
    assert (informed(night), informed(noon)) == (["EMOTIONAL"], [])
    assert night["risk_multiplier"] == 1.0
    assert "04:00 UTC" in night["alerts"][0]["severity_reason"]


@pytest.mark.parametrize(
    ("value", "hours", "said"),
    [
        (0.0, 1.0, "portfolio_value is 0.0"),
        (math.nan, 1.0, "portfolio_value is nan"),
        (1.0, -1.0, "time_window_hours is -1.0"),
        (1.0, math.inf, "time_window_hours is inf"),
    ],
)
def test_impossible_arguments_are_refused(value: float, hours: float, said: str) -> None:
    """NaN would pass every threshold."""
    with pytest.raises(ValueError, match=said):
        SYSTEM.analyze([{"pnl": 1.0}], value, hours)


def test_thresholds_can_be_set_and_are_checked() -> None:
    """One by name; an unknown or impossible one is refused."""
    strict = BehaviorAlertSystem({"tilt_detection_loss_streak": 2})
    assert types(strict.analyze([{"pnl": -1.0}] * 2, 1_000.0)) == ["LOSS_STREAK"]
    assert strict.thresholds["max_drawdown_pct"] == THRESHOLDS["max_drawdown_pct"] == 0.15
    with pytest.raises(ValueError, match="'patience' is unknown"):
        BehaviorAlertSystem({"patience": 1})
    with pytest.raises(ValueError, match="max_drawdown_pct is nan"):
        BehaviorAlertSystem({"max_drawdown_pct": math.nan})
