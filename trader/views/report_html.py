"""How does a report look on a screen? One page, no script, nothing fetched, light and dark."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from trader.views.blocks import Figure, Items, Prose, Table
from trader.views.report_style import STYLE
from trader.views.svg import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.views.blocks import Block, Cell, Column, Page, Section

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The browser itself refuses whatever would run or be fetched."""
CODE: Final = re.compile(r"`([^`]+)`")
SIDE_BY_SIDE: Final[dict[type, str]] = {Figure: "figures", Table: "tables"}
"""Blocks of one kind in a row stand beside each other where there is room."""


def page_html(page: Page) -> str:
    """Write a whole report."""
    body = "\n".join(_section(section) for section in page.sections)
    notices = "\n".join(
        f'<p class="notice {one.tone}">{rich(one.text)}</p>' for one in page.notices
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(page.title)}</h1>\n<p class="muted">{escape(page.subtitle)}</p>\n'
        f"{notices}\n{body}\n</main>\n</body>\n</html>\n"
    )


def rich(text: str) -> str:
    """Escape a text; what stands between backticks is set as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def _section(section: Section) -> str:
    anchor = f' id="{escape(section.anchor)}"' if section.anchor else ""
    head = f"<h{section.level}{anchor}>{escape(section.title)}</h{section.level}>"
    parts = [head]
    for kind, group in itertools.groupby(section.blocks, key=type):
        inner = "\n".join(map(_block, group))
        row_of = SIDE_BY_SIDE.get(kind)
        parts.append(f'<div class="{row_of}">\n{inner}\n</div>' if row_of else inner)
    class_ = "chapter" if section.level == 2 else "part"
    return f'<section class="{class_}">\n' + "\n".join(parts) + "\n</section>"


def _block(block: Block) -> str:
    match block:
        case Prose():
            return f"<p{_class(block.tone)}>{rich(block.text)}</p>"
        case Items():
            rows = "\n".join(f"<li{_class(one.tone)}>{rich(one.text)}</li>" for one in block.rows)
            return f"<ul>\n{rows}\n</ul>"
        case Figure():
            class_ = ' class="wide"' if block.wide else ""
            caption = f"<figcaption>{escape(block.caption)}</figcaption>"
            return f"<figure{class_}>{block.svg}{caption}</figure>"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    if not table.rows:
        return f'<p class="muted">{escape(f"{table.caption} n/a".strip())}</p>'
    heads = "".join(f"<th{_number(one)}>{escape(one.title)}</th>" for one in table.columns)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    class_ = "stack" if table.stacked else "plain"
    rows = "\n".join(_row(row, table.columns) for row in table.rows)
    return (
        f'<div class="scroll"><table class="{class_}">{caption}<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    cells = (_cell(cell, column) for cell, column in zip(row, columns, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell, column: Column) -> str:
    classes = " ".join(one for one in ("n" if column.numeric else "", cell.tone) if one)
    class_ = f' class="{classes}"' if classes else ""
    text = escape(cell.text)
    if cell.anchor:
        text = f'<a href="#{escape(cell.anchor)}">{text}</a>'
    inner = f"<span>{text}{cell.figure}</span>" if cell.figure else text
    return f'<td{class_} data-label="{escape(column.title)}">{inner}</td>'


def _number(column: Column) -> str:
    return ' class="n"' if column.numeric else ""


def _class(tone: str) -> str:
    return f' class="{tone}"' if tone else ""
