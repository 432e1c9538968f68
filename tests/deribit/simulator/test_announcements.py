"""Notices and yields: of the calendar and the seed, in order, wherever the window is cut."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from trader.deribit.simulator.announcements import YIELDS_PERCENT, announcements, yearly_yields
from trader.domain.units import DAY, HOUR, nanoseconds

AT = nanoseconds(datetime(2026, 6, 26, 12, tzinfo=UTC))


def test_windows_join() -> None:
    """What was announced in two windows is what was in both together, in order, ids rising."""
    whole = announcements(7, AT - 90 * DAY, AT)
    cut = AT - 37 * DAY + 5 * HOUR
    assert announcements(7, AT - 90 * DAY, cut) + announcements(7, cut, AT) == whole
    assert [one.id for one in whole] == sorted({one.id for one in whole})
    assert all(AT - 90 * DAY < one.at <= AT for one in whole)


def test_the_calendar_is_announced() -> None:
    """The Thursday before a quarterly expiry lists new dates and reminds of the old one."""
    thursday = AT - 28 * HOUR
    titles = [one.title for one in announcements(7, thursday - HOUR, thursday + 2 * HOUR)]
    assert titles[0].startswith("New expiries: ")
    assert titles[1] == "Quarterly expiry: 26JUN26"


def test_updates_depend_on_the_seed() -> None:
    """Some Tuesdays have one, and not the same in every market."""
    updates = [
        [
            one.at
            for one in announcements(seed, AT - 365 * DAY, AT)
            if one.title == "Platform update"
        ]
        for seed in (7, 8)
    ]
    assert updates[0] != updates[1]
    assert all(5 < len(one) < 25 for one in updates)


@pytest.mark.parametrize("currency", YIELDS_PERCENT)
def test_yields_wander_around_their_level(currency: str) -> None:
    """From day to day by little, over a year within a quarter of the level."""
    days = np.arange(20_000, 20_365)
    earned = yearly_yields(7, currency, days).tolist()
    level = YIELDS_PERCENT[currency]
    assert all(0.74 * level < one < 1.26 * level for one in earned)
    assert max(earned) - min(earned) > 0.2 * level
    steps = [abs(now - before) for before, now in pairwise(earned)]
    assert max(steps) < 0.08 * level
    assert earned != yearly_yields(8, currency, days).tolist()
    assert earned[100:] == yearly_yields(7, currency, days[100:]).tolist()
