"""How does a report look on a screen? One page, no script, nothing fetched, light and dark."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final, assert_never

from trader.views.blocks import Control, Field, Figure, Filter, Items, Pairs, Prose, Table
from trader.views.report_style import STYLE
from trader.views.svg import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.views.blocks import Block, Cell, Choice, Column, Page, Section

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The browser itself refuses whatever would run or be fetched."""
CODE: Final = re.compile(r"`([^`]+)`")
INSTANT: Final = re.compile(
    r"\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: UTC\b|Z\b|\+00:00)"
)
"""A time as we write it: a page sets it so that a browser knows which instant it is."""
NAME: Final = re.compile(
    r"[+-]?[\d.]*(?: |\b)[A-Z]{2,}(?:_USDC)?-\d{1,2}[A-Z]{3}\d\d-[\dd]+-[CP]\b"
)
"""An option with its amount: no line ends within it."""
SIDE_BY_SIDE: Final[dict[type, str]] = {Figure: "figures", Table: "tables"}
"""Blocks of one kind in a row stand beside each other where there is room."""
LONG: Final = 48
"""Characters from which on a text of a card takes lines of its own."""
SELECTED: Final = ' selected="selected"'
SIGNATURE: Final = (Field("by", "Your name"), Field("reason", "Why"))
"""What every command is asked for."""


def page_html(page: Page) -> str:
    """Write a whole report."""
    body = "\n".join(section_html(section) for section in page.sections)
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
    """Escape a text; what stands between backticks is set as code, times as instants."""
    return _timed(CODE.sub(r"<code>\1</code>", escape(text)))


def _timed(markup: str) -> str:
    """Set instants as such, and keep the names of options whole."""
    timed = INSTANT.sub(r'<time datetime="\1T\2Z">\g<0></time>', markup)
    return NAME.sub(r'<span class="nb">\g<0></span>', timed)


def section_html(section: Section) -> str:
    """Write one section."""
    anchor = f' id="{escape(section.anchor)}"' if section.anchor else ""
    head = f"<h{section.level}{anchor}>{escape(section.title)}</h{section.level}>"
    parts = [head] if section.title else []
    for kind, group in itertools.groupby(section.blocks, key=type):
        inner = "\n".join(map(_block, group))
        row_of = SIDE_BY_SIDE.get(kind)
        parts.append(f'<div class="{row_of}">\n{inner}\n</div>' if row_of else inner)
    class_ = "chapter" if section.level == 2 else "part"
    return f'<section class="{class_}">\n' + "\n".join(parts) + "\n</section>"


def _block(block: Block) -> str:
    match block:
        case Prose():
            return f"<p{_class(block.tone)}>{_linked(rich(block.text), block.href)}</p>"
        case Items():
            rows = "\n".join(
                f"<li{_class(one.tone)}>{_linked(rich(one.text), one.href)}</li>"
                for one in block.rows
            )
            return f"<ul>\n{rows}\n</ul>"
        case Figure():
            class_ = ' class="wide"' if block.wide else ""
            caption = f"<figcaption>{escape(block.caption)}</figcaption>"
            return f"<figure{class_}>{block.svg}{caption}</figure>"
        case Pairs():
            rows = "\n".join(
                f"<dt>{escape(name)}</dt><dd{_class(cell.tone)}>{_inner(cell)}</dd>"
                for name, cell in block.rows
            )
            return f"<dl>\n{rows}\n</dl>"
        case Control():
            return _control(block)
        case Filter():
            return _filter(block)
        case Table():
            return _table(block)


def _control(control: Control) -> str:
    """Write a form that says who asks, why, and what it would be in a terminal."""
    fields = (*control.fields, *(SIGNATURE if control.signed else ()))
    warning = f'<p class="warn">{rich(control.warning)}</p>' if control.warning else ""
    typed = f"The same in a terminal: {rich(f'`{control.typed}`')}"
    own = f"/commands/{control.action}"
    form = (
        f'{warning}<form method="post" action="{escape(control.target or own)}">'
        f"{''.join(map(_field, fields))}<button>{escape(control.button)}</button></form>"
        + (f'<p class="muted">{typed}</p>' if control.typed else "")
    )
    if control.open:
        return f'<div class="control">{form}</div>'
    summary = f"<summary>{escape(control.button)}</summary>"
    return f'<details class="control">{summary}{form}</details>'


def _field(field: Field) -> str:
    """Write what a person fills in; what is set already is hidden."""
    named = f'name="{escape(field.name)}" value="{escape(field.value)}"'
    if field.hidden:
        return f'<input type="hidden" {named}>'
    match field.kind:
        case "tick":
            return (
                f'<label class="tick"><input type="checkbox" {named}> {escape(field.label)}</label>'
            )
        case "secret":
            typed = 'type="password" autocomplete="current-password" maxlength="500"'
        case "text":
            typed = 'maxlength="200"'
        case _:
            assert_never(field.kind)
    return f"<label>{escape(field.label)}<input {named} {typed} required></label>"


def _filter(block: Filter) -> str:
    """Write a form that works without script; with it, the page follows what is chosen."""
    asked = "".join(map(_choice, block.choices))
    return (
        f'<form class="filter" method="get" role="search" data-live="">{asked}'
        f"<button>{escape(block.button)}</button></form>"
    )


def _choice(choice: Choice) -> str:
    name = f'name="{escape(choice.name)}"'
    if not choice.options:
        inner = f'<input type="search" {name} value="{escape(choice.value)}" maxlength="200">'
        return f"<label>{escape(choice.label)} {inner}</label>"
    options = "".join(
        f'<option value="{escape(value)}"{SELECTED * (value == choice.value)}>'
        f"{escape(text)}</option>"
        for value, text in choice.options
    )
    return f"<label>{escape(choice.label)} <select {name}>{options}</select></label>"


def _linked(markup: str, href: str) -> str:
    return f'<a href="{escape(href)}">{markup}</a>' if href else markup


def _table(table: Table) -> str:
    if not table.rows:
        return f'<p class="muted">{escape(f"{table.caption} n/a".strip())}</p>'
    heads = "".join(f"<th{_number(one)}>{escape(one.title)}</th>" for one in table.columns)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    class_ = "stack" if table.stacked else "plain"
    stream = f' data-stream="{escape(table.stream)}"' if table.stream else ""
    keys = table.keys or ("",) * len(table.rows)
    rows = "\n".join(
        _row(row, table.columns, key, stacked=table.stacked)
        for row, key in zip(table.rows, keys, strict=True)
    )
    return (
        f'<div class="scroll"{stream}><table class="{class_}">{caption}'
        f"<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column], key: str, *, stacked: bool) -> str:
    cells = (
        _cell(cell, column, stacked=stacked) for cell, column in zip(row, columns, strict=True)
    )
    named = f' data-key="{escape(key)}"' if key else ""
    return f"<tr{named}>{''.join(cells)}</tr>"


def _cell(cell: Cell, column: Column, *, stacked: bool) -> str:
    """Write one field; only a card says again what its columns are called."""
    long = "long" if stacked and len(cell.text) > LONG else ""
    classes = " ".join(one for one in ("n" if column.numeric else "", cell.tone, long) if one)
    class_ = f' class="{classes}"' if classes else ""
    label = f' data-label="{escape(column.title)}"' if stacked else ""
    inner = _inner(cell)
    whole = f"<span>{inner}</span>" if stacked and "<" in inner else inner  # one thing in a row
    return f"<td{class_}{label}>{whole}</td>"


def _inner(cell: Cell) -> str:
    text = _linked(
        _timed(escape(cell.text)), cell.href or (f"#{cell.anchor}" if cell.anchor else "")
    )
    return f"<span>{text}{cell.figure}</span>" if cell.figure else text


def _number(column: Column) -> str:
    return ' class="n"' if column.numeric else ""


def _class(tone: str) -> str:
    return f' class="{tone}"' if tone else ""
