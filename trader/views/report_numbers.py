"""How are a report's numbers written? With their unit, and "n/a" where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.units import moment
from trader.views import text

if TYPE_CHECKING:
    from trader.evaluation.order_statistics import Estimate

NOT_AVAILABLE: Final = "n/a"
FINITE_MAX: Final = 1e100
"""Numbers from here on are as good as infinite."""


def is_known(value: float | None) -> bool:
    """Tell whether there is a number to write."""
    return value is not None and abs(value) < FINITE_MAX


def share(fraction: float | None, decimals: int = 2, *, signed: bool = False) -> str:
    """Write a fraction as percent.

    >>> share(0.01234), share(0.00004, 4, signed=True), share(float("nan")), share(-0.0)
    ('1.23 %', '+0.0040 %', 'n/a', '0.00 %')
    """
    if fraction is None or not is_known(fraction):
        return NOT_AVAILABLE
    return f"{plain(fraction * 100.0, decimals, signed=signed)} %"


def plain(value: float | None, decimals: int = 2, *, signed: bool = False) -> str:
    """Write a number; nothing has no sign.

    >>> plain(1234.5, 1), plain(0.2, 1, signed=True), plain(None), plain(-0.001)
    ('1,234.5', '+0.2', 'n/a', '0.00')
    """
    if value is None or not is_known(value):
        return NOT_AVAILABLE
    written = f"{value:,.{decimals}f}"
    if not written.strip("-0.,"):
        return written.removeprefix("-")
    return f"+{written}" if signed and value > 0 else written


def brief(value: float) -> str:
    """Write a parameter as briefly as it can be.

    >>> brief(0.25), brief(30.0), brief(float("nan"))
    ('0.25', '30', 'n/a')
    """
    return f"{value:g}" if is_known(value) else NOT_AVAILABLE


def count(value: float | None, noun: str = "") -> str:
    """Write a whole number, with what is counted.

    >>> count(1), count(1200, "trade"), count(1, "trade")
    ('1', '1,200 trades', '1 trade')
    """
    if value is None or not is_known(value):
        return NOT_AVAILABLE
    plural = "" if value == 1 else "s"
    return f"{value:,.0f} {noun}{plural}" if noun else f"{value:,.0f}"


def signed_usd(amount: float | None) -> str:
    """Write dollars won or lost."""
    return NOT_AVAILABLE if amount is None or not is_known(amount) else text.signed_usd(amount)


def usd(amount: float | None) -> str:
    """Write dollars."""
    return NOT_AVAILABLE if amount is None or not is_known(amount) else text.usd(amount)


def interval(estimate: Estimate | None, *, percent: bool) -> str:
    """Write an estimate with its 95 % interval."""
    if estimate is None:
        return NOT_AVAILABLE
    parts = [
        share(one) if percent else plain(one, 0)
        for one in (estimate.value, estimate.low, estimate.high)
    ]
    return f"{parts[0]} ({parts[1].removesuffix(' %')} to {parts[2]})"


def day(at: int) -> str:
    """Write the UTC date of an instant."""
    return f"{moment(at):%Y-%m-%d}"


def minute(at: int) -> str:
    """Write an instant to the minute."""
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
