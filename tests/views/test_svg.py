"""Are axes round, texts harmless and coordinates plain, whatever the numbers?"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.units import nanoseconds
from trader.views.svg import Axis, Scale, escape, figure, label, reach, tag, ticks, time_ticks

FINITE = st.floats(-1e50, 1e50, allow_nan=False)


@given(FINITE, FINITE)
def test_ticks_are_few_ordered_and_inside(one: float, other: float) -> None:
    """Between two and nine ticks lie on any stretch, rising, each within it."""
    low, high = reach([one, other], Axis("x"))
    places = [value for value, _ in ticks(low, high, Axis("x"))]
    assert 1 <= len(places) <= 9
    assert places == sorted(places)
    room = (high - low) * 1e-6
    assert all(low - room <= value <= high + room for value in places)


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0.0, 1.0, "number", ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (-0.0123, 0.06, "percent", ["0 %", "2 %", "4 %", "6 %"]),
        (1e6, 1.3e6, "usd", ["1M", "1.1M", "1.2M", "1.3M"]),
        (-30.0, 65.0, "usd", ["-25", "0", "25", "50"]),
    ],
)
def test_labels_have_as_many_digits_as_their_step(
    low: float, high: float, unit: str, expected: list[str]
) -> None:
    """A step of a quarter shows two digits, one of a hundred thousand dollars says so."""
    axis = Axis("", unit)  # type: ignore[arg-type]
    assert [text for _, text in ticks(low, high, axis)] == expected


def test_times_are_marked_at_beginnings() -> None:
    """Years for years, months for months, days for days, hours for a day; always UTC."""
    begin = nanoseconds(datetime(2024, 9, 24, tzinfo=UTC))
    ends = {
        datetime(2028, 9, 24, tzinfo=UTC): ["2025", "2026", "2027", "2028"],
        datetime(2025, 4, 12, tzinfo=UTC): ["Nov 2024", "Jan 2025", "Mar 2025"],
        datetime(2024, 10, 3, tzinfo=UTC): ["24 Sep", "26 Sep", "28 Sep", "30 Sep", "02 Oct"],
        datetime(2024, 9, 25, tzinfo=UTC): ["00:00", "06:00", "12:00", "18:00"],
    }
    for end, expected in ends.items():
        assert [text for _, text in time_ticks(begin, nanoseconds(end))] == expected


@given(st.text())
def test_any_text_stays_a_text(text: str) -> None:
    """Whatever a name holds, the element around it is whole and has no other inside."""
    found = ET.fromstring(tag("text", escape(text), title=text))
    assert len(found) == 0
    assert "<" not in escape(text)


def test_a_figure_says_its_title_twice() -> None:
    """To a screen reader as a label, to a pointer as a title."""
    found = ET.fromstring(figure("5 < 6", [label("a", 0.0, 0.0)], 10.0))
    assert found.attrib["aria-label"] == "5 < 6"
    assert found.attrib["role"] == "img"
    assert found[0].text == "5 < 6"


def test_a_stretch_of_nothing_is_widened() -> None:
    """One number, none, or none that is finite: a scale can be laid in any case."""
    assert reach([3.0], Axis("")) == (2.85, 3.15)
    assert reach([0.0], Axis("")) == (-1.0, 1.0)
    assert reach([float("nan"), float("inf")], Axis("")) == (0.0, 1.0)
    low, high = reach([2.0], Axis("", include=(0.0,)))
    assert Scale(low=low, high=high, begin=10.0, end=20.0).place(1.0) == 15.0
