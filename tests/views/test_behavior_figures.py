"""Do figures of a trader show his results, and each alert where it was raised?"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.behavior.people import planted
from trader.behavior.study import BehaviorStudy, study_behavior
from trader.behavior.timeline import counts
from trader.behavior.trades import Trade
from trader.views.behavior_figures import BUCKETS, LANES, account, after_results, hours, timeline
from trader.views.figures import NOT_AVAILABLE


def study(habit: str = "revenge", balance: float | None = 10.0) -> BehaviorStudy:
    """Study a planted trader."""
    trades = planted(habit, np.random.default_rng(1))
    return study_behavior(trades, [balance] * len(trades))


@pytest.mark.parametrize("draw", [timeline, account, hours, after_results])
def test_figures_are_drawn(draw: Callable[[BehaviorStudy], str]) -> None:
    """Each is one SVG with a title and no number that is none."""
    svg = draw(study())
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "nan" not in svg.lower()
    assert NOT_AVAILABLE not in svg
    assert len([one for one in root.iter() if one.tag.endswith(("path", "rect"))]) > 1


def test_each_alert_has_a_lane_and_marks_where_it_was_raised() -> None:
    """As many marks as stretches that hold one, in the color of its severity."""
    shown = study()
    svg = timeline(shown)
    for name in LANES:
        assert name.replace("_", " ").lower() in svg
    raised = counts(one.analysis for one in shown.moments)
    begin, end = shown.moments[0].at, shown.moments[-1].at
    stretches = {
        min(int((one.at - begin) / (end - begin) * BUCKETS), BUCKETS - 1)
        for one in shown.moments
        if any(alert["type"] == "REVENGE_TRADING" for alert in one.analysis["alerts"])
    }
    assert raised["REVENGE_TRADING"] >= len(stretches) > 3
    assert len(re.findall(r'class="bad"', svg)) == len(stretches)


def test_who_does_nothing_wrong_has_empty_lanes() -> None:
    """No mark for wins of one size."""
    calm = [Trade(pnl=1.0, size=0.1, closed_at=one * 10**14) for one in range(40)]
    svg = timeline(study_behavior(calm, [None] * 40))
    assert not re.findall(r'class="(bad|warn|f1)"', svg)


def test_what_is_not_known_is_not_drawn() -> None:
    """No account, no sizes: figures say so."""
    assert NOT_AVAILABLE in account(study(balance=None))
    sizeless = [Trade(pnl=1.0, closed_at=one * 10**12) for one in range(20)]
    shown = study_behavior(sizeless, [None] * 20, knows_sizes=False)
    assert NOT_AVAILABLE in after_results(shown)


def test_trades_of_one_instant_have_a_timeline() -> None:
    """A stretch of no time is no division by nothing."""
    trades = [Trade(pnl=-1.0, closed_at=10**18) for _ in range(20)]
    root = ElementTree.fromstring(timeline(study_behavior(trades, [None] * 20)))
    assert root.attrib["aria-label"] == "Results added up, and alerts"
