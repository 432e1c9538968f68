"""Can every color be read on every ground, by day and by night?"""

from __future__ import annotations

import re

import pytest

from trader.views.report_style import DARK, LIGHT, STYLE
from trader.views.small_figures import OPACITY

AA = 4.5
GRAPHIC = 3.0


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_lines_stand_out(palette: dict[str, str]) -> None:
    """Texts reach AA on page and panel, lines of figures what graphics need."""
    for ground in ("paper", "panel"):
        for text in ("ink", "muted", "good", "warn", "bad", "c1"):
            assert contrast(palette[text], palette[ground]) >= AA, (text, ground)
        for line in ("c1", "c2", "c3"):
            assert contrast(palette[line], palette[ground]) >= GRAPHIC, (line, ground)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("tone", ["c1", "c2"])
def test_numbers_on_a_map_stand_out(palette: dict[str, str], tone: str) -> None:
    """On the deepest color of a map its number reaches AA."""
    share = OPACITY[1]
    mixed = "#" + "".join(
        f"{round(int(above, 16) * share + int(below, 16) * (1 - share)):02x}"
        for above, below in zip(pairs(palette[tone]), pairs(palette["paper"]), strict=True)
    )
    assert contrast(palette["ink"], mixed) >= AA


def pairs(color: str) -> list[str]:
    """Split a color into red, green and blue."""
    return [color[1:3], color[3:5], color[5:7]]


def test_every_variable_is_defined_in_both() -> None:
    """What the style asks for, both palettes have."""
    asked = set(re.findall(r"var\(--(\w+)\)", STYLE))
    assert asked <= LIGHT.keys()
    assert LIGHT.keys() == DARK.keys()
