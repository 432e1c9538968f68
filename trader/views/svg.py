"""How is a figure written? Elements, axes and ticks of an SVG: numbers in, text out.

Colors are classes, which `FIGURE_CSS` maps to variables of the page around: the same figure is
readable on light and on dark.
"""

from __future__ import annotations

import html
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.domain.units import DAY, HOUR, moment, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Unit = Literal["number", "count", "percent", "usd", "time"]
Tick = tuple[float, str]

WIDTH: Final = 360.0
LEFT: Final = 58.0
RIGHT: Final = 10.0
CHARACTER: Final = 6.1
"""Mean width of a character: a figure is laid out without measuring its text."""
ABSURD: Final = 1e100
"""Numbers from here on could overflow a scale."""
FIGURE_CSS: Final = """
.fig{display:block;width:100%;height:auto;font:11px system-ui,sans-serif;overflow:visible}
.fig text{fill:var(--muted)}
.fig .strong{fill:var(--ink);font-weight:600}
.fig .grid{stroke:var(--line);stroke-width:1}
.fig .axis{stroke:var(--muted);stroke-width:1}
.fig .line{fill:none;stroke-width:1.7;stroke-linejoin:round}
.fig .dashed{stroke-dasharray:5 3}
.fig .band{opacity:.2}
.fig .s1{stroke:var(--c1)}.fig .s2{stroke:var(--c2)}.fig .s3{stroke:var(--c3)}
.fig .f1{fill:var(--c1)}.fig .f2{fill:var(--c2)}.fig .f3{fill:var(--c3)}
.fig .limit{stroke:var(--bad);stroke-width:1.3;stroke-dasharray:4 3}
.fig text.limit-name{fill:var(--bad)}
.fig .frame{fill:none;stroke:var(--ink);stroke-width:2}
.fig .track{fill:var(--line)}
.fig .good{fill:var(--good)}.fig .bad{fill:var(--bad)}.fig .warn{fill:var(--warn)}
"""


class Axis(msgspec.Struct, frozen=True):
    """What an axis measures; it always shows the values in `include`."""

    title: str
    unit: Unit = "number"
    include: tuple[float, ...] = ()


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of numbers, `low` < `high`, laid on a stretch of the figure."""

    low: float
    high: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        """Return where a number lies."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def escape(text: str) -> str:
    """Make any text safe between tags and in quotes; what XML cannot hold becomes a space."""
    printable = "".join(one if one.isprintable() or one == "\n" else " " for one in text)
    return html.escape(printable, quote=True)


def tag(name: str, content: str = "", **attributes: str | float) -> str:
    """Write one element; `content` is markup already, values are escaped, `_` stands for `-`.

    >>> tag("line", x1=0, x2=1.25, class_="grid")
    '<line x1="0" x2="1.2" class="grid"/>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def label(text: str, x: float, y: float, anchor: str = "start", class_: str = "") -> str:
    """Write a line of text."""
    more = {"class": class_} if class_ else {}
    return tag("text", escape(text), x=x, y=y, text_anchor=anchor, **more)


def figure(title: str, parts: Iterable[str], height: float, width: float = WIDTH) -> str:
    """Close a figure: what a reader who does not see it hears is its title."""
    return tag(
        "svg", tag("title", escape(title)) + "".join(parts), class_="fig", role="img",
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}", aria_label=title,
    )  # fmt: skip


def coordinate(value: float) -> str:
    """Write a coordinate to a tenth: finer is invisible.

    >>> coordinate(-0.01), coordinate(12.0), coordinate(3.14)
    ('0', '12', '3.1')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def path(points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    """Write the `d` of a line through points."""
    walked = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points)
    return f"M{walked}{'Z' if closed else ''}"


def reach(values: Iterable[float], axis: Axis) -> tuple[float, float]:
    """Return the lowest and highest number an axis must show; (0, 1) where there is none.

    What is not finite, or absurd, is not shown.

    A stretch of nothing is widened, so that a scale can be laid over it.
    """
    finite = [one for one in (*values, *axis.include) if abs(one) < ABSURD]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    size = max(abs(low), abs(high))
    if high - low > max(1e-12 * size, 1 / ABSURD):
        return low, high
    room = 0.05 * size if size > 1 / ABSURD else 1.0
    return low - room, high + room


def ticks(low: float, high: float, axis: Axis, count: int = 4) -> tuple[Tick, ...]:
    """Choose about `count` round values within a stretch, with their labels.

    >>> [text for _, text in ticks(0.0, 0.013, Axis("drawdown", "percent"))]
    ['0.0 %', '0.5 %', '1.0 %']
    >>> [text for _, text in ticks(0.0, 8.5, Axis("losses in a row", "count"))]
    ['0', '3', '6']
    """
    if axis.unit == "time":
        return time_ticks(round(low), round(high), count)
    scale = 100.0 if axis.unit == "percent" else 1.0
    step = round_step((high - low) * scale / count)
    if axis.unit == "count":
        step = float(max(math.ceil(step), 1))
    first, last = math.ceil(low * scale / step - 1e-9), math.floor(high * scale / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, decimals) != round(step, decimals + 2):
        decimals += 1
    return tuple(
        (place * step / scale, _tick_text(place * step, step, decimals, axis.unit))
        for place in range(first, last + 1)
    )


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`.

    >>> round_step(0.3), round_step(7.0), round_step(2.2)
    (0.5, 10.0, 2.5)
    """
    power = 10.0 ** math.floor(math.log10(max(least, 1e-300)))
    return next(one * power for one in (1.0, 2.0, 2.5, 5.0, 10.0) if one * power >= least * 0.9999)


def time_ticks(low: int, high: int, count: int = 4) -> tuple[Tick, ...]:
    """Choose beginnings of years, months, days or hours (UTC) within a stretch, in nanoseconds."""
    span = (high - low) / count
    if span > 20 * DAY:
        return _calendar_ticks(low, high, max(round(span / (30 * DAY)), 1))
    steps = (HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY)
    step = next((one for one in steps if one >= span * 0.8), steps[-1])
    form = "%H:%M" if step < DAY else "%d %b"
    return tuple(
        (float(at), moment(at).strftime(form)) for at in range(-(-low // step) * step, high, step)
    )


def _calendar_ticks(low: int, high: int, months: int) -> tuple[Tick, ...]:
    """Mark the first of every so many months; whole years where they are far apart."""
    step = next((one for one in (1, 2, 3, 6, 12) if one >= months), 12 * math.ceil(months / 12))
    first, last = moment(low).year, moment(high).year
    places = range(first * 12 // step * step, last * 12 + 12, step)
    marks = [datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC) for place in places]
    form = "%Y" if step >= 12 else "%b %Y"
    return tuple(
        (float(at), one.strftime(form)) for one in marks if low <= (at := nanoseconds(one)) <= high
    )


def _tick_text(value: float, step: float, decimals: int, unit: Unit) -> str:
    value = 0.0 if abs(value) < step / 2 else value
    if unit == "usd":
        for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if step >= size / 10 and abs(value) >= size:
                return f"{value / size:g}{letter}"
    text = f"{value:,.{decimals}f}" if step < 1e15 else f"{value:.2g}"
    return f"{text} %" if unit == "percent" else text


def _attribute(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else coordinate(value)
