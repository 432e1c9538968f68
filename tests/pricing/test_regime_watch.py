"""Does a watch say of each hour what the whole past says of it, however rarely it is asked?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trader.domain.units import HOUR
from trader.pricing.regime import CLOSES_KEPT, CLOSES_MIN, regime_now, regimes
from trader.pricing.regime_watch import WAITING_MAX, RegimeWatch

if TYPE_CHECKING:
    from trader.domain.market import Floats
    from trader.domain.models import Observation

HOURLY = 0.4 / math.sqrt(365 * 24)
"""The deviation of an hour at 40 % a year."""


def watched(close: Floats, loaded: int) -> list[Observation]:
    """Load the first closes, then let the others close hour by hour; tell what was seen at each."""
    watch = RegimeWatch()
    watch.load([row * HOUR for row in range(loaded)], close[:loaded].tolist())
    seen = [watch.seen()]
    for row in range(loaded, len(close)):
        watch.close(row * HOUR, float(close[row]))
        seen.append(watch.seen())
    return seen


def test_a_watch_says_hour_by_hour_what_all_closes_say() -> None:
    """With a crash and calm after it: each hour's regime and reason are those of the whole past."""
    generator = np.random.default_rng(7)
    moves = generator.normal(0.0, HOURLY, CLOSES_MIN + 900)
    moves[CLOSES_MIN + 100 : CLOSES_MIN + 140] *= 8.0
    moves[CLOSES_MIN + 500] -= 0.25
    close = 60_000.0 * np.exp(np.cumsum(moves))
    start = CLOSES_MIN - 10
    seen = watched(close, start)
    assert [one.regime for one in seen] == list(regimes(close))[start - 1 :]
    assert len({one.regime for one in seen}) >= 4
    for row in range(start, len(close), 37):
        assert seen[row - start + 1] == regime_now(close[: row + 1])


def test_a_watch_fills_gaps_and_takes_no_hour_twice() -> None:
    """A gap has the close before it; an hour that is known, or no price, changes nothing."""
    close = 60_000.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, HOURLY, CLOSES_MIN)))
    watch, whole = RegimeWatch(), RegimeWatch()
    hours = [row * HOUR for row in range(CLOSES_MIN)]
    watch.load(hours[:1000] + hours[1003:], [*close[:1000], *close[1003:]])
    filled = close.copy()
    filled[1000:1003] = close[999]
    whole.load(hours, filled.tolist())
    assert watch.seen() == whole.seen()
    before = watch.seen()
    for wrong in (math.nan, math.inf, 0.0, -1.0):
        watch.close(CLOSES_MIN * HOUR, wrong)
    watch.close(hours[-1], 1.0)
    assert watch.seen() == before
    assert watch.heard_until == CLOSES_MIN * HOUR
    watch.close((CLOSES_MIN + 5) * HOUR, float(close[-1]))
    assert watch.heard_until == (CLOSES_MIN + 6) * HOUR


def test_history_wins_over_what_was_heard_and_later_hours_stay() -> None:
    """Loaded closes replace those of the same hours; nothing loaded, nothing changed."""
    watch = RegimeWatch()
    for hour, price in enumerate((100.0, 101.0, 102.0)):
        watch.close(hour * HOUR, price)
    watch.load([0, HOUR], [90.0, math.nan])
    whole = RegimeWatch()
    whole.load([0, HOUR, 2 * HOUR], [90.0, 101.0, 102.0])
    assert watch.heard_until == whole.heard_until == 3 * HOUR
    watch.load([], [])
    assert watch.seen().regime is None
    assert "60 are needed" in watch.seen().reason


def test_a_watch_of_years_keeps_what_matters() -> None:
    """Hours beyond a year and a week are forgotten, and what is seen is that of those kept."""
    generator = np.random.default_rng(11)
    close = 60_000.0 * np.exp(np.cumsum(generator.normal(0.0, HOURLY, CLOSES_KEPT + 500)))
    watch = RegimeWatch()
    watch.load([row * HOUR for row in range(len(close))], close.tolist())
    assert watch.seen() == regime_now(close[-CLOSES_KEPT:])
    assert watch.heard_until == len(close) * HOUR


@pytest.mark.parametrize("every", [2, 7, 24, WAITING_MAX + 40])
def test_who_asks_rarely_hears_the_same(every: int) -> None:
    """What closed in between is read in one stroke: crisis, its slow end and all."""
    moves = np.random.default_rng(7).normal(0.0, HOURLY, CLOSES_MIN + 1_300)
    moves[CLOSES_MIN + 100 : CLOSES_MIN + 140] *= 8.0
    moves[CLOSES_MIN + 500] -= 0.25
    close = 60_000.0 * np.exp(np.cumsum(moves))
    often, rarely = RegimeWatch(), RegimeWatch()
    for watch in (often, rarely):
        watch.load([row * HOUR for row in range(CLOSES_MIN)], close[:CLOSES_MIN].tolist())
    for row in range(CLOSES_MIN, len(close)):
        for watch in (often, rarely):
            watch.close(row * HOUR, float(close[row]))
        told = often.seen()
        if row % every == 0:
            assert rarely.seen() == told
    assert rarely.seen() == often.seen()


def test_a_year_heard_hour_by_hour_forgets_nothing_that_matters() -> None:
    """Beyond twice what is kept the older half is left behind; what is seen stays the same."""
    moves = np.random.default_rng(5).normal(0.0, HOURLY, 2 * CLOSES_KEPT + 700)
    close = 60_000.0 * np.exp(np.cumsum(moves))
    watch = RegimeWatch()
    for row, one in enumerate(close.tolist()):
        watch.close(row * HOUR, one)
    assert watch.seen() == regime_now(close)
    assert watch.heard_until == len(close) * HOUR
