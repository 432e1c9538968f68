"""Which figures are not plots? The bar of a score, the map of a grid, the line of a stage."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from trader.domain.units import MINUTE
from trader.evaluation.psychology import SCORE_MAX, SCORE_MIN
from trader.views import report_numbers as say
from trader.views.figures import ROW, Plot, nothing
from trader.views.svg import (
    ABSURD,
    LEFT,
    RIGHT,
    WIDTH,
    Axis,
    Scale,
    figure,
    label,
    path,
    tag,
    ticks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

BAR_WIDTH: Final = 150.0
NEARLY: Final = 0.8
"""Of a budget: what is used from here on is shown as a warning."""
SHADES: Final = 6
OPACITY: Final = (0.1, 0.48)
"""Of the smallest and the largest number of a map: the text upon it stays readable."""


def score_bar(score: float | None, pilot: float = 40.0, production: float = 60.0) -> str:
    """Draw a score on the stretch it can lie on, with the scores that the stages ask for."""
    told = f"{score:.1f}" if score is not None and abs(score) < ABSURD else "n/a"
    title = (
        f"score {told} of {SCORE_MIN:g} to {SCORE_MAX:g}; pilot needs {pilot:g},"
        f" production {production:g}"
    )
    scale = Scale(low=SCORE_MIN, high=SCORE_MAX, begin=1.0, end=BAR_WIDTH - 1.0)
    parts = [tag("rect", x=1.0, y=4.0, width=BAR_WIDTH - 2.0, height=8.0, rx=2.0, class_="track")]
    if score is not None and abs(score) < ABSURD:
        tone = "good" if score >= production else "warn" if score >= pilot else "bad"
        end = scale.place(min(max(score, SCORE_MIN), SCORE_MAX))
        parts.append(
            tag("rect", x=1.0, y=4.0, width=max(end - 1.0, 1.5), height=8.0, rx=2.0, class_=tone)
        )
    for needed in (pilot, production):
        if SCORE_MIN <= needed <= SCORE_MAX:
            at = scale.place(needed)
            parts.append(tag("line", x1=at, x2=at, y1=1.0, y2=15.0, class_="axis"))
            parts.append(label(f"{needed:g}", at, 25.0, "middle"))
    return figure(title, parts, 28.0, BAR_WIDTH)


def meter(used: float, limit: float) -> str:
    """Draw how much of a budget is used. Caller's obligation: the limit is above zero.

    A budget that is used up is a warning, one that is overdrawn more than that.
    """
    beyond = not used <= limit * (1 + 1e-9)
    share = min(max(used / limit, 0.0), 1.0) if abs(used) < ABSURD else 1.0
    title = "more than the budget" if beyond else f"{share:.0%} of the budget is used"
    wide = BAR_WIDTH - 2.0
    parts = [tag("rect", x=1.0, y=3.0, width=wide, height=8.0, rx=2.0, class_="track")]
    if share > 0:
        tone = "bad" if beyond else "warn" if share >= NEARLY else "good"
        parts.append(
            tag("rect", x=1.0, y=3.0, width=max(wide * share, 1.5), height=8.0, rx=2.0, class_=tone)
        )
    return figure(title, parts, 14.0, BAR_WIDTH)


def heat_map(
    title: str,
    names: tuple[str, str],
    values: tuple[Sequence[float], Sequence[float]],
    scores: Sequence[float],
    configured: tuple[int, int],
    best: tuple[int, int],
) -> str:
    """Draw a score for each pair of values: the first parameter down, the second across.

    `scores` run with the second parameter fastest. Both signs have a color, strength is depth; the
    configured cell is framed, the best one marked with a star.
    """
    rows, across = values
    finite = [abs(one) for one in scores if abs(one) < ABSURD]
    if not rows or not across or not finite or len(scores) != len(rows) * len(across):
        return nothing(title)
    largest = max(finite) or 1.0
    wide = (WIDTH - LEFT - RIGHT) / len(across)
    high = min(34.0, 200.0 / len(rows)) if len(rows) > 1 else 34.0
    top = 2 * ROW + 4.0
    parts = [label(f"{names[0]} \u2193  {names[1]} \u2192", 0.0, 11.0)]
    for place, value in enumerate(across):
        parts.append(label(say.brief(value), LEFT + (place + 0.5) * wide, top - 5.0, "middle"))
    for place, value in enumerate(rows):
        parts.append(label(say.brief(value), LEFT - 6.0, top + (place + 0.5) * high + 4.0, "end"))
    cells = itertools.product(range(len(rows)), range(len(across)))
    for cell, score in zip(cells, scores, strict=True):
        box = (LEFT + cell[1] * wide, top + cell[0] * high, wide - 2.0, high - 2.0)
        parts += _cell(score, largest, box, is_best=cell == tuple(best))
    x, y = LEFT + configured[1] * wide, top + configured[0] * high
    parts.append(tag("rect", x=x, y=y, width=wide - 2.0, height=high - 2.0, class_="frame"))
    bottom = top + len(rows) * high + 13.0
    parts.append(label("framed: configured \u00b7 \u2605: best neighborhood", LEFT, bottom))
    return figure(title, parts, bottom + 6.0)


def timeline(
    title: str, levels: Sequence[str], changes: Sequence[tuple[int, int]], ends_at: int
) -> str:
    """Draw on which of `levels` (lowest first) something stood: changes are (at, level)."""
    if not changes:
        return nothing(title)
    begin = min(changes[0][0], ends_at - MINUTE)  # nearer instants are one as floats
    scale_y = Scale(low=0.0, high=float(len(levels) - 1), begin=20.0 * len(levels), end=14.0)
    left = 84.0
    scale = Scale(low=float(begin), high=float(ends_at), begin=left, end=WIDTH - RIGHT)
    parts = []
    for place, name in enumerate(levels):
        y = scale_y.place(place)
        parts.append(tag("line", x1=left, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(label(name, left - 6.0, y + 4.0, "end"))
    points: list[tuple[float, float]] = []
    for at, level in changes:
        x = scale.place(min(at, ends_at))
        if points:
            points.append((x, points[-1][1]))
        points.append((x, scale_y.place(level)))
    points.append((WIDTH - RIGHT, points[-1][1]))
    parts.append(tag("path", d=path(points), class_="line s1"))
    plot = Plot(scale, scale_y, scale_y.begin + 24.0)
    free = 0.0
    for value, text in ticks(scale.low, scale.high, Axis("", "time")):
        x = plot.x.place(value)
        if x - 3.0 * len(text) > free and x + 3.0 * len(text) < WIDTH:
            parts.append(label(text, x, scale_y.begin + 17.0, "middle"))
            free = x + 3.0 * len(text) + 6.0
    return figure(title, parts, plot.height)


def _cell(
    score: float, largest: float, box: tuple[float, float, float, float], *, is_best: bool
) -> list[str]:
    """Draw one cell of a map with its number."""
    x, y, width, height = box
    is_known = abs(score) < ABSURD
    depth = abs(score) / largest if is_known else 0.0
    room = OPACITY[1] - OPACITY[0]
    shade = f"{OPACITY[0] + room * round(depth * SHADES) / SHADES:.2f}" if is_known else "0"
    tone = "f1" if is_known and score >= 0 else "f2"
    text = f"{score:.3g}" if is_known else "n/a"
    if is_best:
        text = f"\u2605 {text}"
    return [
        tag("rect", x=x, y=y, width=width, height=height, class_=tone, fill_opacity=shade),
        label(text, x + width / 2, y + height / 2 + 4.0, "middle", "strong"),
    ]
