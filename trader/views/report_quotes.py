"""What does a night tell of quotes that rested? Sessions, fills, and where the market went then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.blocks import Prose, Section, Table, columns, row
from trader.views.session_lines import strategy_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.engine.quoting import Tally

TITLE: Final = "Quotes that rested"
_INTRODUCTION: Final = (
    "A quote fills when somebody is glad to meet it. Some minutes after each fill the middle of "
    "the market is held against its price: what is negative moved against us (adverse selection). "
    "A resting order fills on paper only once the displayed other side comes to its price, which "
    "is the hardest way to be filled: a real queue also meets those who only want to trade."
)
_HEADS: Final = columns(
    "strategy", "#sessions", "#fills", "#units", "#looked at", "#moved for us", "#per unit",
    "#of the price",
)  # fmt: skip
_FIELDS: Final = ("strategy", "sessions", "fills", "units", "followed", "drift", "unit", "share")


def quote_sections(tallies: Mapping[str, Tally]) -> tuple[Section, ...]:
    """Write the table of adverse selection; nothing where no strategy quotes."""
    if not tallies:
        return ()
    rows = tuple(row(*(one[field] or "-" for field in _FIELDS)) for one in strategy_rows(tallies))
    blocks = (Prose(_INTRODUCTION), Table(_HEADS, rows, stacked=True))
    return (Section(TITLE, blocks, "quotes", 2),)
