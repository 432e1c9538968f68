"""Do figures show what they are given, and only that?"""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from trader.views.figures import (
    NOT_AVAILABLE,
    Band,
    Limit,
    Line,
    chart,
    columns,
    histogram,
    nothing,
    thin,
)
from trader.views.svg import Axis

X, Y = Axis("trades"), Axis("return", "percent")
ANY = st.floats(allow_nan=True, allow_infinity=True)


def parts(svg: str, name: str, class_: str = "") -> list[ET.Element]:
    """List the elements of a name whose class begins so."""
    return [one for one in ET.fromstring(svg).iter(name) if one.get("class", "").startswith(class_)]


def texts(svg: str) -> list[str]:
    """List the labels of a figure."""
    return [one.text or "" for one in parts(svg, "text")]


def test_a_chart_has_lines_bands_legend_and_limits() -> None:
    """Each line and band is drawn once, named once; a near limit lies across with its name."""
    svg = chart(
        "Equity", [Line(label="backtest", xs=[0, 1, 2], ys=[0.0, 0.1, 0.05])], X, Y,
        bands=[Band(label="5 to 95 %", xs=[0, 2], low=[0.0, -0.1], high=[0.0, 0.2])],
        limits=[Limit(-0.15, "pilot"), Limit(-5.0, "far")],
    )  # fmt: skip
    assert len(parts(svg, "path", "line s1")) == 2, "one drawn, one in the legend"
    assert len(parts(svg, "path", "band")) == 1
    assert len(parts(svg, "line", "limit")) == 1
    assert {"backtest", "5 to 95 %", "pilot", "return", "trades"} <= set(texts(svg))
    assert "far" not in texts(svg)


def test_higher_is_higher() -> None:
    """A larger value lies nearer to the top."""
    svg = chart("a", [Line(label="a", xs=[0, 1], ys=[0.0, 1.0])], X, Y)
    drawn = parts(svg, "path", "line")[-1].attrib["d"]
    (_, y_first), (_, y_last) = (map(float, one.split()) for one in drawn[1:].split("L"))
    assert y_last < y_first


@given(st.lists(st.tuples(ANY, ANY), max_size=20))
def test_no_number_breaks_a_chart(points: list[tuple[float, float]]) -> None:
    """NaN, infinity, one point or none: a whole figure without a coordinate that is no number."""
    line = Line(label="a", xs=[x for x, _ in points], ys=[y for _, y in points])
    svg = chart("t", [line], X, Y)
    ET.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg


def test_nothing_says_so() -> None:
    """Without a point, a path or a group a figure says that there is nothing."""
    empty = [
        chart("t", [Line(label="a", xs=[], ys=[])], X, Y),
        histogram("t", (), (), X),
        histogram("t", (0.0, math.inf), (3,), X),
        columns("t", [], [], Y),
        columns("t", ["1"], [("a", [math.nan])], Y),
        nothing("t"),
    ]
    assert all(texts(svg) == [NOT_AVAILABLE] for svg in empty)


def test_a_histogram_has_one_bar_a_count_and_names_far_limits() -> None:
    """Bins without a path have no bar; a limit ten times beyond is named, not drawn."""
    limits = [Limit(2.5, "near 2.5"), Limit(30.0, "far 30")]
    svg = histogram("t", (0.0, 1.0, 2.0, 3.0), (4, 0, 2), X, limits=limits)
    assert len(parts(svg, "rect", "f1")) == 2
    assert len(parts(svg, "line", "limit")) == 1
    assert any("far 30" in text and "beyond" in text for text in texts(svg))


def test_bars_below_zero_hang() -> None:
    """A loss begins at the line of zero and ends below it."""
    svg = columns("t", ["1", "2"], [("out of sample", [0.02, -0.01])], Y)
    legend, up, down = parts(svg, "rect", "f1")
    assert legend.attrib["width"] == "15"
    bottom = float(up.attrib["y"]) + float(up.attrib["height"])
    assert abs(float(down.attrib["y"]) - bottom) < 0.2


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=2_000))
def test_thinning_keeps_ends_and_extremes(ys: list[float]) -> None:
    """The first, last, lowest and highest point survive, in their order."""
    xs = [float(place) for place in range(len(ys))]
    kept_x, kept_y = thin(xs, ys)
    assert kept_x == sorted(kept_x)
    assert (kept_x[0], kept_x[-1]) == (xs[0], xs[-1])
    assert (min(kept_y), max(kept_y)) == (min(ys), max(ys))
    assert len(kept_x) <= 330
