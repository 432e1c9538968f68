"""Do bar, map and timeline tell what they are given?"""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest

from tests.views.test_figures import parts, texts
from trader.views.figures import NOT_AVAILABLE
from trader.views.small_figures import heat_map, meter, score_bar, timeline

DAY = 86_400_000_000_000


@pytest.mark.parametrize(
    ("score", "tone"), [(39.9, "bad"), (40.0, "warn"), (59.9, "warn"), (60.0, "good")]
)
def test_a_score_is_colored_by_the_stage_it_reaches(score: float, tone: str) -> None:
    """Below the pilot's, between, from production's on; both thresholds are written."""
    svg = score_bar(score)
    assert len(parts(svg, "rect", tone)) == 1
    assert texts(svg) == ["40", "60"]
    assert "35 to 71.25" in ET.fromstring(svg).attrib["aria-label"]


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_no_score_has_an_empty_bar(score: float | None) -> None:
    """The track alone, and the label says n/a."""
    svg = score_bar(score)
    assert len(parts(svg, "rect")) == 1
    assert "score n/a" in ET.fromstring(svg).attrib["aria-label"]


def test_a_map_marks_what_trades_and_what_is_best() -> None:
    """Two rows of three cells with their numbers; one frame, one star, losses in another color."""
    svg = heat_map("m", ("a", "b"), ((1, 2), (1, 2, 3)), (1, 2, 3, 4, -5, 6), (0, 1), (1, 2))
    assert len(parts(svg, "rect", "f1")) == 5
    assert len(parts(svg, "rect", "f2")) == 1
    assert len(parts(svg, "rect", "frame")) == 1
    assert "\u2605 6" in texts(svg)
    assert {"1", "2", "3", "4", "-5"} <= set(texts(svg))


def test_a_map_without_numbers_says_so() -> None:
    """No cell, too few scores, or none that is finite."""
    for scores in ((), (1.0,), (math.nan, math.nan)):
        svg = heat_map("m", ("a", "b"), ((1,), (1, 2)), scores, (0, 0), (0, 0))
        assert texts(svg) == [NOT_AVAILABLE]
    mixed = heat_map("m", ("a", "b"), ((1,), (1, 2)), (math.nan, 1.0), (0, 0), (0, 1))
    assert "n/a" in texts(mixed)


def test_a_timeline_steps_from_stage_to_stage() -> None:
    """Each change is a step, and the last stage reaches to the end."""
    svg = timeline("s", ("RESEARCH", "PILOT"), [(0, 1), (50 * DAY, 0)], 100 * DAY)
    drawn = parts(svg, "path", "line")[0].attrib["d"]
    assert drawn.count("L") == 3
    assert {"RESEARCH", "PILOT"} <= set(texts(svg))
    assert texts(timeline("s", ("A",), [], DAY)) == [NOT_AVAILABLE]
    ET.fromstring(timeline("s", ("A", "B"), [(DAY, 1)], DAY))
    ET.fromstring(timeline("s", ("A", "B"), [(20_000 * DAY, 1)], 20_000 * DAY))


def test_a_meter_warns_when_a_budget_is_used_up_and_more_when_it_is_overdrawn() -> None:
    """Full is allowed, beyond is not; dust of binary numbers is no overdraft."""
    tones = [
        next(
            (tone for tone in ("good", "warn", "bad") if f'class="{tone}"' in meter(used, 1.0)), ""
        )
        for used in (0.0, 0.5, 0.9, 1.0, 1.0 + 1e-12, 1.1, float("nan"))
    ]
    assert tones == ["", "good", "warn", "warn", "warn", "bad", "bad"]
    assert "50% of the budget is used" in meter(0.5, 1.0)
    assert "more than the budget" in meter(1.1, 1.0)
