"""What is a report made of? Sections of prose, tables and figures, the same for page and terminal.

Texts are plain: whoever writes them into HTML or Markdown escapes them. `code` between backticks is
what a person can type.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Tone = Literal["", "good", "warn", "bad", "muted", "stale"]


class Cell(msgspec.Struct, frozen=True):
    """One field of a table. A `figure` (SVG) stands beside the text where there is a page."""

    text: str
    tone: Tone = ""
    figure: str = ""
    anchor: str = ""
    """The section it leads to."""
    href: str = ""
    """The page it leads to."""


class Column(msgspec.Struct, frozen=True):
    """The head of a column; numbers lean to the right."""

    title: str
    numeric: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows of cells under their columns; a row has as many cells as there are columns.

    Where the screen is narrow, a `stacked` table becomes one card a row; others scroll sideways.
    `keys` name the rows, one each, so that an open page can follow a row that moves. Where there is
    a `stream`, that address sends the cells of named rows that change.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    stacked: bool = False
    keys: tuple[str, ...] = ()
    stream: str = ""


class Prose(msgspec.Struct, frozen=True):
    """A paragraph; with a `href` it leads to another page."""

    text: str
    tone: Tone = ""
    href: str = ""


class Items(msgspec.Struct, frozen=True):
    """A list of sentences."""

    rows: tuple[Prose, ...]


class Figure(msgspec.Struct, frozen=True):
    """An SVG with what it shows in a sentence; several in a row stand side by side.

    A `wide` one takes the room of two and, where there is none, scrolls sideways.
    """

    svg: str
    caption: str
    wide: bool = False


class Pairs(msgspec.Struct, frozen=True):
    """Names and what they stand for, one below the other."""

    rows: tuple[tuple[str, Cell], ...]


class Field(msgspec.Struct, frozen=True):
    """One thing that a person fills in or, with a `value` and `hidden`, that is set.

    A `tick` is a box that sends `value` where it is ticked; a `secret` is not shown as it is typed.
    """

    name: str
    label: str = ""
    value: str = ""
    hidden: bool = False
    kind: Literal["text", "tick", "secret"] = "text"


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a person can give from here: `typed` is the same in a terminal.

    `action` names it in the API, `button` says what happens. Who and why are asked for where the
    command is `signed`; one that stands `open` needs no click to be seen.
    """

    action: str
    button: str
    typed: str = ""
    fields: tuple[Field, ...] = ()
    warning: str = ""
    signed: bool = True
    open: bool = False
    target: str = ""
    """Where it is sent, if not to the command's own address."""


class Choice(msgspec.Struct, frozen=True):
    """One thing that a page can be asked by: one of `options` (value, text), or any text."""

    name: str
    label: str
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()


class Filter(msgspec.Struct, frozen=True):
    """A form that asks the same page for less."""

    choices: tuple[Choice, ...]
    button: str = "Show"


Block = Table | Prose | Items | Figure | Pairs | Control | Filter


class Section(msgspec.Struct, frozen=True):
    """A titled stretch of a report; `level` 2 is a chapter, 3 a part of one."""

    title: str
    blocks: tuple[Block, ...]
    anchor: str = ""
    level: Literal[2, 3] = 3


class Page(msgspec.Struct, frozen=True):
    """A whole report; `notices` tell how far it can be trusted."""

    title: str
    subtitle: str
    notices: tuple[Prose, ...]
    sections: tuple[Section, ...]


def columns(*titles: str) -> tuple[Column, ...]:
    """Make columns; a title that begins with `#` is one of numbers.

    >>> [(one.title, one.numeric) for one in columns("gate", "#value")]
    [('gate', False), ('value', True)]
    """
    return tuple(Column(one.removeprefix("#"), one.startswith("#")) for one in titles)


def row(*cells: str | Cell) -> tuple[Cell, ...]:
    """Make a row of texts and ready cells."""
    return tuple(Cell(one) if isinstance(one, str) else one for one in cells)


def prose_or(texts: tuple[Prose, ...], nothing: str) -> Block:
    """List sentences, or say in one that there are none."""
    return Items(texts) if texts else Prose(nothing, "muted")
