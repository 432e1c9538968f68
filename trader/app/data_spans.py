"""Into which parts is history cut? UTC months, and days where there is much of it."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime

from trader.domain.units import DAY, moment, nanoseconds
from trader.storage.datasets import Span


def chunks(span: Span, *, by_day: bool) -> Iterator[tuple[str, Span]]:
    """Cut a span at UTC months, or days: (the part it belongs to, its own span)."""
    start, end = span
    while start < end:
        here = moment(start)
        day_end = start - start % DAY + DAY
        last_day = calendar.monthrange(here.year, here.month)[1]
        month_end = nanoseconds(datetime(here.year, here.month, last_day, tzinfo=UTC)) + DAY
        until = min(end, day_end if by_day else month_end)
        yield here.date().isoformat() if by_day else month_of(start), (start, until)
        start = until


def month_of(at: int) -> str:
    """Name the UTC month that holds an instant."""
    return moment(at).strftime("%Y-%m")


def day_start(text: str) -> int:
    """Read a date as the instant it begins.

    Raises:
        ValueError: no ISO date.
    """
    day = date.fromisoformat(text)
    return nanoseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
