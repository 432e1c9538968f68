"""How did a trader trade over time? His results, and below them when which alert was raised."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from trader.domain.units import DAY, HOUR
from trader.views.figures import Line, chart, columns, nothing, thin
from trader.views.svg import (
    RIGHT,
    WIDTH,
    Axis,
    Scale,
    figure,
    label,
    path,
    reach,
    tag,
    ticks,
)

if TYPE_CHECKING:
    from trader.behavior.alerts import AlertType, Severity
    from trader.behavior.study import BehaviorStudy

WIDE: Final = 2 * WIDTH
"""The timeline is as wide as two figures."""
HIGH: Final = 130.0
LANE: Final = 18.0
BUCKETS: Final = 180
TIME: Final = Axis("", "time")
LANES: Final[tuple[AlertType, ...]] = (
    "OVERTRADING", "REVENGE_TRADING", "LOSS_STREAK", "EXCESSIVE_DRAWDOWN",
    "RISK_ESCALATION", "EMOTIONAL",
)  # fmt: skip
TONES: Final[dict[Severity, str]] = {"CRITICAL": "bad", "HIGH": "warn", "INFO": "f1"}
NAME_WIDE: Final = 120.0


def timeline(study: BehaviorStudy) -> str:
    """Draw results added up over lanes of alerts: the more closes, the darker a mark."""
    title = "Results added up, and alerts"
    xs = [float(one.at) for one in study.moments]
    total = list(itertools.accumulate(one.pnl for one in study.trades))
    thinned = thin(xs, total)
    axis = Axis("", include=(0.0,))
    low, high = reach(total, axis)
    x = Scale(low=reach(xs, TIME)[0], high=reach(xs, TIME)[1], begin=NAME_WIDE, end=WIDE - RIGHT)
    y = Scale(low=low, high=high, begin=HIGH, end=14.0)
    points: list[tuple[float, float]] = []
    for at, sum_then in zip(*thinned, strict=True):
        points += [(x.place(at), points[-1][1])] if points else []
        points.append((x.place(at), y.place(sum_then)))
    bottom = HIGH + 12.0 + LANE * len(LANES)
    parts = [label("results", 0.0, 10.0)]
    for value, text in ticks(low, high, axis):
        level = y.place(value)
        parts.append(tag("line", x1=NAME_WIDE, x2=WIDE - RIGHT, y1=level, y2=level, class_="grid"))
        parts.append(label(text, NAME_WIDE - 5.0, level + 4.0, "end"))
    parts.append(tag("path", d=path(points), class_="line s1"))
    for place, name in enumerate(LANES):
        parts += _lane(study, name, x, HIGH + 12.0 + LANE * place)
    for value, text in ticks(x.low, x.high, TIME, 8):
        at = x.place(value)
        parts.append(tag("line", x1=at, x2=at, y1=HIGH + 8.0, y2=bottom + 3.0, class_="grid"))
        parts.append(label(text, at, bottom + 15.0, "middle"))
    return figure(title, parts, bottom + 20.0, WIDE)


def _lane(study: BehaviorStudy, name: AlertType, x: Scale, top: float) -> list[str]:
    """Draw at which stretches of time an alert was raised, at what share of the closes."""
    closes: dict[int, int] = defaultdict(int)
    raised: dict[int, int] = defaultdict(int)
    tone = "f1"
    for moment in study.moments:
        bucket = min(int((moment.at - x.low) / (x.high - x.low) * BUCKETS), BUCKETS - 1)
        closes[bucket] += 1
        for alert in moment.analysis["alerts"]:
            if alert["type"] == name:
                raised[bucket] += 1
                tone = TONES[alert["severity"]]
    wide = (x.end - x.begin) / BUCKETS
    words = name.replace("_", " ").lower()
    parts = [
        label(words, NAME_WIDE - 5.0, top + 12.0, "end"),
        tag("rect", x=x.begin, y=top + 1.0, width=x.end - x.begin, height=LANE - 4.0,
            class_="track", opacity=0.4),
    ]  # fmt: skip
    for bucket, count in sorted(raised.items()):
        shade = 0.4 + 0.6 * count / closes[bucket]
        parts.append(
            tag("rect", x=x.begin + bucket * wide, y=top + 1.0, width=max(wide, 1.5),
                height=LANE - 4.0, class_=tone, opacity=shade)
        )  # fmt: skip
    return parts


def account(study: BehaviorStudy) -> str:
    """Draw what the account held, where that is known."""
    known = [
        (float(one.at), held)
        for one, held in zip(study.moments, study.balances, strict=True)
        if held is not None
    ]
    line = Line(label="account", xs=[at for at, _ in known], ys=[held for _, held in known])
    return chart("What the account held", [line], TIME, Axis(""))


def hours(study: BehaviorStudy) -> str:
    """Draw in which hours of the day (UTC) trades were opened, or closed where that is all."""
    counted = [0.0] * 8
    for one in study.trades:
        at = one.opened_at or one.closed_at
        if at is not None:
            counted[at % DAY // (3 * HOUR)] += 1
    names = [f"{3 * place:02d}" for place in range(8)]
    return columns("Hours of the day", names, [("trades", counted)], Axis("from hour, UTC"))


def after_results(study: BehaviorStudy) -> str:
    """Draw the mean size after losses beside that after wins."""
    features = study.features
    if not features["max_position_size"]:
        return nothing("Sizes after losses and wins")
    sizes = [features["size_after_loss"], features["size_after_win"]]
    return columns(
        "Sizes after losses and wins", ["after a loss", "after a win"], [("mean size", sizes)],
        Axis("size"),
    )  # fmt: skip
