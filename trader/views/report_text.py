"""How does a report read in a terminal? Its sections as Markdown, without the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.blocks import Control, Figure, Filter, Items, Pairs, Prose, Table

if TYPE_CHECKING:
    from trader.views.blocks import Block, Cell, Column, Page, Section

MARKS: Final = str.maketrans({"|": "\\|", "<": "\\<", "\n": " ", "\r": " ", "\t": " "})
"""What would end a cell or begin a tag."""
TONES: Final = {"": "", "good": "", "muted": "", "warn": "! ", "bad": "!! ", "stale": "~ "}


def markdown(page: Page) -> str:
    """Write a whole report."""
    parts = [f"# {plain(page.title)}", plain(page.subtitle), *map(_block, page.notices)]
    for section in page.sections:
        parts += _section(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Make any text safe in a line of Markdown: no control character, no tag, no cell's end."""
    return "".join(one if one.isprintable() else " " for one in text.translate(MARKS)).strip()


def _section(section: Section) -> list[str]:
    """Write a section; one that holds nothing but figures is left out."""
    blocks = [text for block in section.blocks if (text := _block(block))]
    return [f"{'#' * section.level} {plain(section.title)}", *blocks] if blocks else []


def _block(block: Block) -> str:
    match block:
        case Prose():
            return f"{TONES[block.tone]}{plain(block.text)}"
        case Items():
            return "\n".join(f"- {TONES[one.tone]}{plain(one.text)}" for one in block.rows)
        case Figure() | Filter():
            return ""
        case Pairs():
            return "\n".join(f"- {plain(name)}: {_cell(cell)}" for name, cell in block.rows)
        case Control():
            return plain(f"{block.button}: {block.typed}" if block.typed else block.button)
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    """Align a table so that it reads well as it is."""
    heads = [plain(one.title) for one in table.columns]
    body = [[_cell(cell) for cell in row] for row in table.rows]
    if not body:
        return f"{plain(table.caption)} n/a".strip()
    widths = [max(len(line[place]) for line in (heads, *body)) for place in range(len(heads))]
    lines = [_line(heads, widths, table.columns), _rule(widths, table.columns)]
    lines += [_line(line, widths, table.columns) for line in body]
    caption = [plain(table.caption), ""] if table.caption else []
    return "\n".join([*caption, *lines])


def _cell(cell: Cell) -> str:
    return f"{TONES[cell.tone]}{plain(cell.text)}"


def _line(cells: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = (
        cell.rjust(width) if column.numeric else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _rule(widths: list[int], columns: tuple[Column, ...]) -> str:
    parts = (
        f"{'-' * max(width - 1, 2)}{':' if column.numeric else '-'}"
        for width, column in zip(widths, columns, strict=True)
    )
    return f"| {' | '.join(parts)} |"
