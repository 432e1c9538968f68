"""How are time and money counted? UTC integer nanoseconds and integer atoms, so both are exact."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
"""ACT/365, the day count of Deribit's marks and Greeks."""

ATOMS_PER_UNIT: Final = 100_000_000
"""One coin (or one USDC) in the ledger's smallest unit: 1e-8, a satoshi for BTC."""

NEVER: Final = 1 << 62
"""An instant later than all that are told: where something has no end."""

DOLLARS: Final = "USDC"
"""What linear contracts settle in and coin is bought with."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(moment: datetime) -> int:
    """Convert an aware datetime to UTC nanoseconds.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"naive datetime {moment.isoformat()}: give it a timezone, e.g. UTC")
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * MICROSECOND


def moment(at: int) -> datetime:
    """Convert UTC nanoseconds to an aware datetime (microsecond precision, truncated)."""
    return EPOCH + timedelta(microseconds=at // MICROSECOND)


def iso(at: int) -> str:
    """Write UTC nanoseconds as `2026-11-21T08:00:00Z` (milliseconds only where there are any)."""
    text = moment(at).strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = at % SECOND // MILLISECOND
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def utc_day(at: int) -> int:
    """Number the UTC day that holds `at` (days since 1970-01-01): the day of every daily limit."""
    return at // DAY


def day_date(day: int) -> date:
    """Name the calendar date of a day number."""
    return EPOCH.date() + timedelta(days=day)


def midnight(date_text: str) -> int:
    """Tell when a UTC date (YYYY-MM-DD) begins.

    >>> iso(midnight("2026-06-01"))
    '2026-06-01T00:00:00Z'

    Raises:
        ValueError: it is no date.
    """
    return (date.fromisoformat(date_text) - EPOCH.date()).days * DAY


def to_atoms(amount: float) -> int:
    """Round an amount of a currency to whole atoms, half to even.

    Raises:
        ValueError: the amount is not finite.
    """
    if not math.isfinite(amount):
        raise ValueError(f"amount {amount!r} is not a finite number: no money can be booked")
    return round(amount * ATOMS_PER_UNIT)


def fee_atoms(fee: float) -> int:
    """Round a fee to whole atoms away from us: a charge rounds up, a rebate rounds down.

    Raises:
        ValueError: the fee is not finite.
    """
    if not math.isfinite(fee):
        raise ValueError(f"fee {fee!r} is not a finite number: no money can be booked")
    return math.ceil(round(fee * ATOMS_PER_UNIT, 6))


def from_atoms(atoms: int) -> float:
    """Express atoms as an amount of their currency."""
    return atoms / ATOMS_PER_UNIT


def tidy(amount: float) -> float:
    """Drop binary dust from an amount (8 decimals): 0.1 + 0.2 is 0.3."""
    return round(amount, 8)


def on_step(amount: float, step: float) -> float:
    """Round an amount down to whole steps; binary dust just below a step is that step."""
    return tidy(max(math.floor(amount / step * (1 + 1e-13)), 0) * step)


def price_text(price: float) -> str:
    """Write a price in USD: in cents, below 10 USD to six figures.

    >>> price_text(67_123.456), price_text(2.345678912), price_text(0.0001234)
    ('67,123.46', '2.34568', '0.0001234')
    """
    return f"{price:,.2f}" if abs(price) >= 10 else f"{price:.6g}"


def reads_as_number(value: Any) -> bool:  # noqa: ANN401 - that is the question
    """Whether a cell is a number or the text of one, finite or not."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def normalize_underlying(name: str) -> str:
    """Name the underlying of a symbol: `btc`, `BTC` and `BTC_USDC` are all `BTC`.

    Raises:
        ValueError: nothing is left of the name.
    """
    underlying = name.strip().upper().partition("_")[0].partition("-")[0]
    if not underlying:
        raise ValueError(f"underlying {name!r} is empty: name the coin, e.g. BTC")
    return underlying
