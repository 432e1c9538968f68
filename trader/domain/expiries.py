"""On which dates do options and futures expire, and since when is each date listed?

Deribit's calendar: at 08:00 UTC on the next days, the next Fridays, the last Fridays of the next
months and of the next quarters; a date that a longer class has is that class's. A new daily appears
when one expires; a new weekly, monthly or quarterly on the Thursday, 08:00, before the Friday on
which its class loses one. How many of each there are depends on the product.
"""

import functools
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from trader.domain.units import DAY, HOUR

Term = Literal["day", "week", "month", "quarter"]
SettlementPeriod = Literal["day", "week", "month", "perpetual"]

EPOCH: Final = date(1970, 1, 1)
_FRIDAY: Final = 4
_MONTHS: Final = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"


class Calendar(NamedTuple):
    """How many expiries of each class are listed."""

    dailies: int
    weeklies: int
    months: int
    quarters: int


EXPIRIES_KEPT: Final = 2_048
"""Answers remembered: a backtest asks for the same mornings in every run."""

LONG: Final = Calendar(3, 3, 3, 4)
"""The calendar of BTC and ETH."""


class Expiry(NamedTuple):
    """One date of a board: when it expires, since when it is listed, and its class."""

    expires_at: int
    listed_at: int
    term: Term


@functools.lru_cache(EXPIRIES_KEPT)
def expiries(at: int, calendar: Calendar = LONG) -> tuple[Expiry, ...]:
    """Return the expiries that are listed at an instant, nearest first."""
    today = EPOCH + timedelta(days=at // DAY)
    dates = {today + timedelta(days=ahead) for ahead in range(calendar.dailies + 2)}
    friday = today + timedelta(days=(_FRIDAY - today.weekday()) % 7)
    dates |= {friday + timedelta(weeks=ahead) for ahead in range(calendar.weeklies + 2)}
    dates |= {_last_friday(today, ahead) for ahead in range(3 * calendar.quarters + 5)}
    found = [_expiry(day, calendar) for day in sorted(dates)]
    return tuple(one for one in found if one.listed_at <= at < one.expires_at)


def expiry_of(expires_at: int, calendar: Calendar = LONG) -> Expiry:
    """Return the expiry on the date of an instant, under the longest class that has it."""
    return _expiry(EPOCH + timedelta(days=expires_at // DAY), calendar)


def settlement_period(term: Term) -> SettlementPeriod:
    """Return the venue's word for a class: quarters settle as months."""
    return "month" if term == "quarter" else term


def expiry_label(expires_at: int) -> str:
    """Return how a name spells an expiry: `25DEC26`, `4DEC26`."""
    day: date = EPOCH + timedelta(days=expires_at // DAY)
    return f"{day.day}{_MONTHS[3 * day.month - 3 : 3 * day.month]}{day.year % 100:02d}"


def strike_label(strike: float) -> str:
    """Return how a name spells a strike: `100000`, `0d625`."""
    return f"{strike:.6f}".rstrip("0").rstrip(".").replace(".", "d")


def _expiry(day: date, calendar: Calendar) -> Expiry:
    """Return the expiry of a date, under the longest class that has it."""
    expires_at = _eight(day)
    if day.weekday() != _FRIDAY:
        return Expiry(expires_at, expires_at - calendar.dailies * DAY, "day")
    if day != _last_friday(day, 0):
        return Expiry(expires_at, expires_at - (7 * calendar.weeklies + 1) * DAY, "week")
    if day.month % 3:
        return Expiry(expires_at, _eight(_last_friday(day, -calendar.months)) - DAY, "month")
    return Expiry(expires_at, _eight(_last_friday(day, -3 * calendar.quarters)) - DAY, "quarter")


def _last_friday(day: date, months: int) -> date:
    """Return the last Friday of the month that lies `months` after the one of `day`."""
    ahead = day.year * 12 + day.month - 1 + months + 1
    last = date(ahead // 12, ahead % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7)


def _eight(day: date) -> int:
    """Return 08:00 UTC of a date."""
    return (day - EPOCH).days * DAY + 8 * HOUR
