"""Which figures are there? Lines with bands and limits, bars, counts: plain numbers to SVG.

Numbers that are not finite are left out; a figure without any says so instead of failing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.views.svg import (
    ABSURD,
    CHARACTER,
    LEFT,
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
    from collections.abc import Sequence

    from trader.views.svg import Tick

Tone = Literal[1, 2, 3]
PLOT: Final = 150.0
BOTTOM: Final = 34.0
ROW: Final = 14.0
BUCKETS: Final = 160
HEADROOM: Final = 1.06
"""What an axis of bars reaches beyond the highest."""
NEAR: Final = 2.0
"""A limit beyond so many times what the figure shows is named at its edge, not drawn."""
NOT_AVAILABLE: Final = "n/a: nothing to draw"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line through points; `steps` holds each value until the next."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    tone: Tone = 1
    dashed: bool = False
    steps: bool = False


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """The area between two lines over the same `xs`."""

    label: str
    xs: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    tone: Tone = 1


class Limit(msgspec.Struct, frozen=True):
    """A value that must not be crossed, and whose it is."""

    value: float
    label: str


def chart(
    title: str,
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    *,
    bands: Sequence[Band] = (),
    limits: Sequence[Limit] = (),
) -> str:
    """Draw lines over bands; limits lie across (on y)."""
    kept = [_tidy(one) for one in lines]
    xs = [value for line in kept for value in line.xs]
    xs += [value for band in bands for value in band.xs]
    ys = [value for one in kept for value in one.ys]
    ys += [value for one in bands for value in (*one.low, *one.high)]
    if not xs:
        return nothing(title)
    low, high = reach(ys, y)
    near = [one for one in limits if _is_near(one.value, low, high)]
    low, high = reach([low, high, *(one.value for one in near)], y)
    named = [(one.label, f"line s{one.tone}{' dashed' * one.dashed}") for one in kept]
    named += [(one.label, f"band f{one.tone}") for one in bands]
    legend, top = _legend(named)
    plot = Plot.of(reach(xs, x), (low, high), top)
    parts = [*legend, *plot.axes(x, y)]
    parts += [_area(one, plot) for one in bands]
    parts += [_line(one, plot) for one in kept if len(one.xs)]
    parts += [part for one in near for part in plot.across(one)]
    return figure(title, parts, plot.height)


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    x: Axis,
    *,
    limits: Sequence[Limit] = (),
) -> str:
    """Draw how often each stretch occurred; limits stand upright, those far off are named."""
    if not sum(counts) or not all(abs(one) < ABSURD for one in edges):
        return nothing(title)
    low, high = reach(edges, x)
    near = _stacked([one for one in limits if _is_near(one.value, low, high)], low, high)
    far = [one for one in limits if one not in near]
    low, high = reach([low, high, *(one.value for one in near)], x)
    plot = Plot.of(
        (low, high), (0.0, max(counts) * HEADROOM), ROW * (len(near) + len(far) + 1) + 2.0
    )
    parts = plot.axes(x, Axis("simulations"))
    for count, begin, end in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            parts.append(plot.bar(begin, end, 0.0, count, "f1"))
    for place, one in enumerate(far, 1):
        text = f"{one.label} lies beyond, to the right \u2192"
        parts.append(label(text, WIDTH - RIGHT, ROW * place, "end", "limit-name"))
    for place, one in enumerate(near, len(far) + 1):
        parts += plot.upright(one, ROW * place)
    return figure(title, parts, plot.height)


def columns(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], y: Axis
) -> str:
    """Draw groups of upright bars: one group a name, one bar each of at most three series."""
    values = [value for _, ones in series for value in ones if abs(value) < ABSURD]
    if not names or not values:
        return nothing(title)
    legend, top = _legend([(name, f"f{place}") for place, (name, _) in enumerate(series, 1)])
    low, high = reach(values, Axis("", include=(0.0,)))
    plot = Plot.of((0.0, float(len(names))), (low * HEADROOM, high * HEADROOM), top)
    parts = [*legend, *plot.axes(None, y)]
    wide = 0.8 / len(series)
    for place, name in enumerate(names):
        for number, (_, ones) in enumerate(series):
            begin = place + 0.1 + number * wide
            if abs(ones[place]) < ABSURD:
                parts.append(plot.bar(begin, begin + wide, 0.0, ones[place], f"f{number + 1}"))
        parts.append(label(name, plot.x.place(place + 0.5), plot.y.begin + ROW, "middle"))
    zero = plot.y.place(0.0)
    parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=zero, y2=zero, class_="axis"))
    return figure(title, parts, plot.height)


def nothing(title: str) -> str:
    """Draw that there is nothing to draw."""
    return figure(title, [label(NOT_AVAILABLE, WIDTH / 2, 20.0, "middle")], 30.0)


class Plot(msgspec.Struct, frozen=True):
    """The area between the axes: two scales, and what is drawn on them."""

    x: Scale
    y: Scale
    height: float

    @classmethod
    def of(cls, xs: tuple[float, float], ys: tuple[float, float], top: float) -> Plot:
        """Lay out a plot below what takes `top`."""
        begin = top + ROW + PLOT
        return cls(
            x=Scale(low=xs[0], high=xs[1], begin=LEFT, end=WIDTH - RIGHT),
            y=Scale(low=ys[0], high=ys[1], begin=begin, end=top + ROW),
            height=begin + BOTTOM,
        )

    def axes(self, x: Axis | None, y: Axis) -> list[str]:
        """Draw both axes; without `x` only its line, for names instead of numbers."""
        parts = [label(y.title, 0.0, self.y.end - 5.0)]
        for value, text in ticks(self.y.low, self.y.high, y):
            at = self.y.place(value)
            parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
            parts.append(label(text, LEFT - 5.0, at + 4.0, "end"))
        edge = self.y.begin
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=edge, y2=edge, class_="axis"))
        if x is None:
            return parts
        for value, text in _sparse(ticks(self.x.low, self.x.high, x), self.x):
            at = self.x.place(value)
            parts.append(tag("line", x1=at, x2=at, y1=edge, y2=edge + 4.0, class_="axis"))
            parts.append(label(text, at, edge + 15.0, "middle"))
        parts.append(label(x.title, WIDTH - RIGHT, edge + 29.0, "end"))
        return parts

    def bar(self, begin: float, end: float, low: float, high: float, class_: str) -> str:
        """Draw a bar from `low` to `high`, whichever is above; even a small one is seen."""
        left, right = self.x.place(begin), self.x.place(end)
        top, bottom = sorted((self.y.place(low), self.y.place(high)))
        return tag(
            "rect", x=left, y=top, width=max(right - left - 0.6, 0.6),
            height=max(bottom - top, 0.8), class_=class_,
        )  # fmt: skip

    def across(self, limit: Limit) -> list[str]:
        """Draw a limit on y."""
        at = self.y.place(limit.value)
        return [
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="limit"),
            label(limit.label, WIDTH - RIGHT, at - 4.0, "end", "limit-name"),
        ]

    def upright(self, limit: Limit, name_at: float) -> list[str]:
        """Draw a limit on x, its name at a height of its own, on the side with more room."""
        at = self.x.place(limit.value)
        is_right = at > (LEFT + WIDTH - RIGHT) / 2
        return [
            tag("line", x1=at, x2=at, y1=name_at - 9.0, y2=self.y.begin, class_="limit"),
            label(limit.label, at + (-4.0 if is_right else 4.0), name_at,
                  "end" if is_right else "start", "limit-name"),
        ]  # fmt: skip


def thin(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float]]:
    """Keep of each stretch of points its lowest and highest, and both ends: no spike is lost."""
    size = -(-len(xs) // BUCKETS)
    if size <= 2:
        return list(xs), list(ys)
    kept = {0, len(xs) - 1}
    for begin in range(0, len(xs), size):
        rows = range(begin, min(begin + size, len(xs)))
        kept |= {min(rows, key=ys.__getitem__), max(rows, key=ys.__getitem__)}
    order = sorted(kept)
    return [xs[row] for row in order], [ys[row] for row in order]


def _tidy(line: Line) -> Line:
    """Drop what cannot be drawn, and what nobody could see."""
    points = [
        (x, y) for x, y in zip(line.xs, line.ys, strict=True) if abs(x) < ABSURD and abs(y) < ABSURD
    ]
    xs, ys = thin([x for x, _ in points], [y for _, y in points])
    return msgspec.structs.replace(line, xs=xs, ys=ys)


def _line(line: Line, plot: Plot) -> str:
    points: list[tuple[float, float]] = []
    for value_x, value_y in zip(line.xs, line.ys, strict=True):
        x, y = plot.x.place(value_x), plot.y.place(value_y)
        if line.steps and points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    if len(points) == 1:
        return tag("circle", cx=points[0][0], cy=points[0][1], r=3.0, class_=f"f{line.tone}")
    return tag("path", d=path(points), class_=f"line s{line.tone}{' dashed' * line.dashed}")


def _area(band: Band, plot: Plot) -> str:
    rows = [
        (plot.x.place(x), plot.y.place(low), plot.y.place(high))
        for x, low, high in zip(band.xs, band.low, band.high, strict=True)
        if abs(low) < ABSURD and abs(high) < ABSURD
    ]
    outline = [(x, high) for x, _, high in rows] + [(x, low) for x, low, _ in reversed(rows)]
    if not outline:
        return ""
    return tag("path", d=path(outline, closed=True), class_=f"band f{band.tone}")


def _legend(named: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
    """Set what the colors mean in rows; return the height they take."""
    parts: list[str] = []
    x, y = 0.0, 10.0
    for text, class_ in named:
        wide = 20.0 + CHARACTER * len(text) + 10.0
        if x and x + wide > WIDTH:
            x, y = 0.0, y + ROW
        if class_.startswith("line"):
            parts.append(tag("path", d=path([(x, y - 4.0), (x + 15.0, y - 4.0)]), class_=class_))
        else:
            parts.append(tag("rect", x=x, y=y - 9.0, width=15.0, height=10.0, class_=class_))
        parts.append(label(text, x + 20.0, y))
        x += wide
    return parts, y + 6.0


def _is_near(value: float, low: float, high: float) -> bool:
    """Tell whether a limit can be shown without squeezing what it limits."""
    size = max(abs(low), abs(high))
    return abs(value) <= NEAR * size


def _stacked(limits: Sequence[Limit], low: float, high: float) -> list[Limit]:
    """Order limits so that the name of none crosses the line of another: outer ones lower."""
    middle = (low + high) / 2
    left = sorted((one for one in limits if one.value <= middle), key=lambda one: one.value)
    right = sorted((one for one in limits if one.value > middle), key=lambda one: -one.value)
    return [*right, *left]


def _sparse(marks: Sequence[Tick], scale: Scale) -> list[Tick]:
    """Drop labels that would run into one another or over the edge."""
    kept: list[Tick] = []
    free = 0.0
    for value, text in marks:
        half = CHARACTER * len(text) / 2
        at = scale.place(value)
        if at - half >= free and at + half <= WIDTH:
            kept.append((value, text))
            free = at + half + 6.0
    return kept
