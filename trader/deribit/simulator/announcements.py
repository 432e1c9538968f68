"""What has the bundled exchange announced, and what do idle coins earn there?

The calendar says which expiries come and which are large; the seed draws the rest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.draws import keys, uniforms
from trader.domain.expiries import EPOCH, Expiry, expiries, expiry_label
from trader.domain.units import DAY, HOUR
from trader.pricing.normal import Array

Instants = NDArray[np.int64]

YIELDS_PERCENT: Final = {"usde": 8.0, "steth": 2.9, "usdc": 4.1, "build": 4.5}
"""Around what the yearly yield of each coin wanders."""

_UPDATE_SHARE: Final = 0.25  # of Tuesdays
_TUESDAY, _THURSDAY = 1, 3
_KEY: Final = keys(np.array([0x_A770]))
_WEEK_DAYS: Final = 7


class Announcement(NamedTuple):
    """One notice; `id` rises with time."""

    id: int
    at: int
    title: str
    body: str
    important: bool


def announcements(seed: int, since: int, at: int) -> tuple[Announcement, ...]:
    """Return what was announced in (since, at], oldest first."""
    days = range((since - DAY) // DAY, at // DAY + 1)
    made = [one for day in days for one in _of_day(seed, day)]
    return tuple(one for one in made if since < one.at <= at)


def yearly_yields(seed: int, currency: str, days: Instants) -> Array:
    """Return what a coin earned on each day since 1970, in percent a year."""
    key = _KEY ^ np.uint64(list(YIELDS_PERCENT).index(currency) + 1)
    weeks, into = np.divmod(days, _WEEK_DAYS)
    (before,) = uniforms(seed, np.repeat(key, len(weeks)), weeks, 1)
    (after,) = uniforms(seed, np.repeat(key, len(weeks)), weeks + 1, 1)
    now = before + (after - before) * into / _WEEK_DAYS
    earned: Array = np.round(YIELDS_PERCENT[currency] * (0.75 + 0.5 * now), 3)
    return earned


def _of_day(seed: int, day: int) -> list[Announcement]:
    """Make the notices of a day: Thursdays list and remind, some Tuesdays update."""
    weekday = (EPOCH + timedelta(days=day)).weekday()
    if weekday == _TUESDAY:
        return _update(seed, day)
    if weekday != _THURSDAY:
        return []
    eight = day * DAY + 8 * HOUR
    listed = expiries(eight)
    made = []
    fresh = [one for one in listed if one.listed_at == eight and one.term != "day"]
    if fresh:
        made.append(_listing(day, eight, fresh))
    due = [one for one in listed if one.expires_at == eight + DAY and one.term in _LARGE]
    return made + [_reminder(day, eight + HOUR, one) for one in due]


_LARGE: Final = ("month", "quarter")


def _listing(day: int, at: int, fresh: list[Expiry]) -> Announcement:
    labels = ", ".join(expiry_label(one.expires_at) for one in fresh)
    return Announcement(
        4 * day, at, f"New expiries: {labels}",
        f"Options and futures that expire on {labels} at 08:00 UTC can be traded from now on.",
        important=False,
    )  # fmt: skip


def _reminder(day: int, at: int, expiry: Expiry) -> Announcement:
    label = expiry_label(expiry.expires_at)
    title = "Quarterly expiry" if expiry.term == "quarter" else "Monthly expiry"
    return Announcement(
        4 * day + 1, at, f"{title}: {label}",
        f"Options and futures of {label} are delivered tomorrow at 08:00 UTC, at the mean of their "
        "index over the 30 minutes before.",
        important=True,
    )  # fmt: skip


def _update(seed: int, day: int) -> list[Announcement]:
    (drawn,) = uniforms(seed, _KEY, np.array([day]), 1)
    if drawn[0] >= _UPDATE_SHARE:
        return []
    return [
        Announcement(
            4 * day, day * DAY + 9 * HOUR, "Platform update",
            "The platform is updated today. Trading goes on without an interruption.",
            important=False,
        )
    ]  # fmt: skip
