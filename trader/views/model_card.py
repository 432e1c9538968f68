"""What was a network trained on, where may it be asked, and how far off is it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.text import Column, number, pairs, table

if TYPE_CHECKING:
    from trader.pricing.network import Bucket, ModelCard

COLUMNS: Final = (
    Column("sample", "sample"),
    Column("part", "part"),
    Column("options", "options", align="right"),
    Column("median", "median", align="right"),
    Column("root_mean_square", "root mean square", align="right"),
)


def card_text(card: ModelCard) -> str:
    """Set a model card as text: sample, box, errors in volatility points, limits."""
    about = [
        ("trained on", card.trained),
        ("sample", f"{number(card.surfaces)} surfaces, {number(card.options)} options"),
        ("seed", f"{card.seed}, {number(card.steps)} steps"),
        *((name, f"{number(low)} to {number(high)}") for name, (low, high) in card.box.items()),
    ]
    errors = table([_row(one) for one in card.errors], COLUMNS)
    limits = "\n".join(f"- {one}" for one in card.limits)
    return f"{pairs(about)}\n\nErrors in points of volatility\n{errors}\n\nLimits\n{limits}"


def _row(bucket: Bucket) -> dict[str, str]:
    return {
        "sample": bucket.sample,
        "part": bucket.part,
        "options": number(bucket.options),
        "median": f"{100.0 * bucket.median:.2f}",
        "root_mean_square": f"{100.0 * bucket.root_mean_square:.2f}",
    }
