"""Do text and page say what a trader's trades tell, and nothing they do not?"""

from __future__ import annotations

import functools

import numpy as np

from tests.behavior.people import crowd, planted
from trader.behavior.archetypes import TRADER_TYPES
from trader.behavior.features import FEATURES, PATTERNS
from trader.behavior.profiles import TraderProfiler
from trader.behavior.study import BehaviorStudy, study_behavior
from trader.behavior.timeline import counts
from trader.behavior.trades import Trade
from trader.views.behavior_study import (
    NAMES,
    alert_rows,
    feature_rows,
    groups_text,
    habit_line,
    headline,
    latest_rows,
    limits_line,
    month_rows,
    study_page,
    study_text,
    type_rows,
)
from trader.views.report_html import page_html


@functools.cache
def revenge() -> BehaviorStudy:
    """Study a trader who takes revenge."""
    trades = planted("revenge", np.random.default_rng(1))
    return study_behavior(trades, [10.0] * len(trades))


@functools.cache
def sizeless() -> BehaviorStudy:
    """Study somebody of whom only closes and results are known."""
    trades = [Trade(pnl=float(one % 3 - 1), closed_at=one * 10**15) for one in range(30)]
    return study_behavior(trades, [None] * 30, knows_sizes=False, knows_holding=False)


def test_the_headline_names_whose_trades_of_when_and_the_type() -> None:
    """With confidence and reason; or why there is no type."""
    told = headline(revenge(), "me")
    assert told.startswith("me: 80 trades, 2024-03-0")
    assert "Type: Moderate, confidence 0." in told
    assert "by rule" in told
    assert "Type: cannot be told (no holding times" in headline(sizeless(), "me")


def test_habits_and_limits_are_sentences() -> None:
    """What is a habit by name; limits of the type, or none without one."""
    assert habit_line(revenge()) == "Habits: revenge trading."
    assert "none" in habit_line(sizeless())
    assert "positions up to" in limits_line(revenge())
    assert "none without a type" in limits_line(sizeless())


def test_the_type_is_shown_against_every_archetype() -> None:
    """Three rows of what names a type and one of distances, a column for each."""
    rows = type_rows(revenge())
    assert len(rows) == 4
    assert all(set(TRADER_TYPES.values()) <= set(one) for one in rows)
    assert [one["yours"] for one in type_rows(sizeless())[:2]] == ["n/a", "n/a"]


def test_every_feature_has_a_name_and_a_value() -> None:
    """What cannot be told says so."""
    assert set(NAMES) == {*FEATURES, *PATTERNS}
    told = {one["what"]: one["value"] for one in feature_rows(sizeless().features)}
    assert told[NAMES["revenge_ratio"]] == "n/a"
    assert told[NAMES["trade_count"]] == "30"


def test_alerts_and_months_add_up() -> None:
    """Rows count every alert once; months hold every trade."""
    raised = counts(one.analysis for one in revenge().moments)
    told = {one["type"]: one for one in alert_rows(revenge())}
    assert int(told["revenge trading"]["count"]) == raised["REVENGE_TRADING"] > 0
    assert told["revenge trading"]["habit"] == "yes"
    assert int(told["revenge trading"]["seed"]) >= raised["REVENGE_TRADING"]
    months = month_rows(revenge())
    assert sum(int(one["trades"]) for one in months) == 80
    assert sum(int(one["REVENGE_TRADING"]) for one in months) == raised["REVENGE_TRADING"]
    assert min(float(one["least"]) for one in months) <= 0.3


def test_the_latest_alerts_come_first_and_once() -> None:
    """Newest first, with what and why; one that lasts over several closes is told as it began."""
    rows = latest_rows(revenge(), 5)
    assert len(rows) == 5
    assert [one["when"] for one in rows] == sorted((one["when"] for one in rows), reverse=True)
    assert all(one["message"] and one["why"] for one in rows)
    every = latest_rows(revenge(), 10_000)
    raised = counts(one.analysis for one in revenge().moments)
    streaks = [one for one in every if one["type"] == "loss streak"]
    assert 0 < len(streaks) < raised["LOSS_STREAK"]
    assert every[:5] == rows
    calm = [Trade(pnl=1.0, closed_at=one * 10**15) for one in range(20)]
    assert latest_rows(study_behavior(calm, [None] * 20), 5) == []


def test_text_and_page_hold_it_all() -> None:
    """Sentences, tables, notes; the page without a script, with four figures, names escaped."""
    text = study_text(revenge(), "me", ("No sides.",), ("Read: pnl.",))
    page = page_html(study_page(revenge(), "<me>", ("No sides.",), ("Read: pnl.",)))
    for word in ("revenge trading", "profit factor", "Swing Trader", "No sides.", "Read: pnl."):
        assert word in text
        assert word in page
    assert page.count("<svg") == 4
    assert '<figure class="wide">' in page
    assert "<script" not in page
    assert "<me>" not in page


def test_groups_are_told() -> None:
    """Each with its type and how many."""
    profiler = TraderProfiler()
    profiler.fit(crowd(np.random.default_rng(0), 10)[0])
    assert profiler.fitted is not None
    text = groups_text(profiler.fitted)
    assert all(name in text for name in TRADER_TYPES.values())
