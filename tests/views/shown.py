"""How is a page looked at in a test? Its texts, its links, its tables."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.views.readings import PULSE
from trader.views.blocks import Figure, Page, Table
from trader.views.screen_html import Site, screen_html


def markup(page: Page) -> str:
    """Write a page."""
    return screen_html(page, Site("/", PULSE, "tag"))


class Words(HTMLParser):
    """Collects what a page says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        """Hear one stretch of text."""
        self.said.append(data)


def texts(page: Page) -> str:
    """Say all that stands on a page."""
    words = Words()
    words.feed(markup(page).partition("<main")[2])
    words.close()
    return " ".join(" ".join(words.said).split())


def links(page: Page) -> set[str]:
    """Name where a page leads to."""
    found = set()
    for table in tables(page):
        found |= {cell.href for row in table.rows for cell in row if cell.href}
    for section in page.sections:
        found |= {href for block in section.blocks if (href := getattr(block, "href", ""))}
    return found


def tables(page: Page) -> list[Table]:
    """List the tables of a page."""
    return [one for section in page.sections for one in section.blocks if isinstance(one, Table)]


def figures(page: Page) -> list[Figure]:
    """List the figures of a page."""
    return [one for section in page.sections for one in section.blocks if isinstance(one, Figure)]


def titled(page: Page, *columns: str) -> Table:
    """Find the first table whose columns begin so."""
    for table in tables(page):
        names = tuple(one.title for one in table.columns)
        if names[: len(columns)] == columns:
            return table
    raise AssertionError(f"no table begins with {columns}")


def cells(table: Table, column: str) -> list[str]:
    """Read one column of a table."""
    place = [one.title for one in table.columns].index(column)
    return [row[place].text for row in table.rows]
