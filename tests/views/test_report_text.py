"""Does the report read well in a terminal, whatever names it holds?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trader.views.blocks import Cell, Figure, Page, Prose, Section, Table, columns, row
from trader.views.report_text import markdown, plain


def page(*sections: Section) -> Page:
    """Make a report of these."""
    return Page("Night", "when", (), sections)


def test_tables_are_aligned() -> None:
    """Every line of a table is equally long; numbers lean right, and the rule says so."""
    table = Table(columns("gate", "#value"), (row("a", "1"), row("bcd", Cell("200", "bad"))))
    lines = markdown(page(Section("s", (table,)))).splitlines()[-4:]
    assert lines == [
        "| gate |  value |",
        "| ---- | -----: |",
        "| a    |      1 |",
        "| bcd  | !! 200 |",
    ]


def test_figures_are_left_to_the_page() -> None:
    """A section of figures alone has no title either."""
    text = markdown(
        page(Section("only drawn", (Figure("<svg/>", "c"),)), Section("t", (Prose("x"),)))
    )
    assert "only drawn" not in text
    assert "svg" not in text
    assert text.endswith("### t\n\nx\n")


@given(st.text())
def test_no_text_leaves_its_line_or_cell(text: str) -> None:
    """No newline, no unescaped bar, no tag."""
    written = plain(text)
    assert len(written.splitlines()) <= 1
    assert "|" not in written.replace("\\|", "")
    assert "<" not in written.replace("\\<", "")
