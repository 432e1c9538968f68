"""What made a size smaller? Factors in a table for a verdict, in a clause for the log."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.views.text import Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.trading import SizeFactor

WORTH_TELLING: Final = 0.95
"""A size that keeps more than this is not worth a word in the log."""

_COLUMNS: Final = (
    Column("name", "size factor"),
    Column("factor", "factor", "right"),
    Column("reason", "because"),
)


def sizing_rows(factors: Sequence[SizeFactor]) -> list[tuple[str, str, str]]:
    """List every factor of a size with its reason, and their product last."""
    whole = math.prod(one.factor for one in factors)
    each = [(one.name, f"x {one.factor:.3g}", one.reason) for one in factors]
    return [*each, ("together", f"x {whole:.3g}", "of what the limits allow")]


def sizing_table(factors: Sequence[SizeFactor]) -> str:
    """Set them as plain text."""
    keys = ("name", "factor", "reason")
    return table([dict(zip(keys, one, strict=True)) for one in sizing_rows(factors)], _COLUMNS)


def sizing_text(factors: Sequence[SizeFactor]) -> str:
    """Name what shrank a size, the strongest first, and to what part; "" where next to nothing did.

    The stage is left out: it stands in every line of the log.
    """
    asked = [one for one in factors if one.name != "stage" and one.factor < 1]
    whole = math.prod(one.factor for one in asked)
    if whole > WORTH_TELLING:
        return ""
    each = sorted(asked, key=lambda one: one.factor)
    return f"size x {whole:.3g} by {', '.join(f'{one.name} x {one.factor:.3g}' for one in each)}"
