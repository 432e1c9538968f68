"""The trailing trend: its sign, its scale, and what it does not answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, hourly_bars, trending_bars
from trader.domain.market import Bars
from trader.domain.units import HOUR, MINUTE
from trader.strategies.trend import trend_score


def test_steady_rise_scores_the_root_of_the_lookback() -> None:
    """Equal hourly returns are the strongest trend there is: sqrt(lookback), signed."""
    rise = hourly_bars([100 * 1.01**k for k in range(60)])
    fall = hourly_bars([100 * 0.99**k for k in range(60)])
    assert trend_score(rise, NOW, 24) == pytest.approx(math.sqrt(24))
    assert trend_score(fall, NOW, 24) == pytest.approx(-math.sqrt(24))


def test_score_follows_its_formula() -> None:
    """Two steps up and one down of the same size score 1 / sqrt 3."""
    bars = hourly_bars([100, 110, 100, 110])
    assert trend_score(bars, NOW, 3) == pytest.approx(1 / math.sqrt(3))


def test_random_walks_score_standard_normal() -> None:
    """Without a trend the score has mean 0 and deviation 1 (2,000 walks, within 4 errors)."""
    steps = np.random.default_rng(7).normal(0, 0.005, size=(2_000, 48))
    walks = 1e4 * np.exp(np.cumsum(np.hstack([np.zeros((2_000, 1)), steps]), axis=1))
    scores = [trend_score(hourly_bars(walk), NOW, 48) for walk in walks]
    values = np.array([score for score in scores if score is not None])
    assert len(values) == 2_000
    assert abs(values.mean()) < 4 / math.sqrt(2_000)
    assert abs(values.std() - 1) < 4 / math.sqrt(4_000)


def test_still_price_has_no_trend() -> None:
    """A price that never moved scores 0, not a division by zero."""
    assert trend_score(hourly_bars([100.0] * 30), NOW, 24) == 0.0


def test_too_few_or_old_bars_do_not_tell() -> None:
    """No bars, too short a history, or a last bar of hours ago: None, never a guess."""
    assert trend_score(Bars((), (), (), (), ()), NOW, 24) is None
    assert trend_score(hourly_bars([100.0, 101.0]), NOW, 24) is None
    assert trend_score(hourly_bars([100.0] * 20), NOW, 24) is None
    assert trend_score(trending_bars("up"), NOW + 2 * HOUR, 24) is None
    assert trend_score(trending_bars("up"), NOW + 59 * MINUTE, 24) is not None


@pytest.mark.parametrize("poison", [math.nan, math.inf, 0.0, -1.0])
def test_closes_that_are_no_price_do_not_tell(poison: float) -> None:
    """One close that is no positive number within the lookback silences the trend."""
    closes = [100.0 + k for k in range(40)]
    closes[30] = poison
    assert trend_score(hourly_bars(closes), NOW, 24) is None
    closes[30], closes[5] = 130.0, poison
    assert trend_score(hourly_bars(closes), NOW, 24) is not None


def test_a_gap_is_bridged_while_three_quarters_are_there() -> None:
    """Missing hours widen one return; with more than a quarter missing the trend is unknown."""
    whole = hourly_bars([100 * 1.01**k for k in range(25)])
    assert trend_score(_without(whole, range(8, 12)), NOW, 24) is not None
    assert trend_score(_without(whole, range(8, 16)), NOW, 24) is None


@given(later=st.lists(st.floats(1.0, 1e6) | st.just(math.nan), max_size=5))
def test_later_bars_change_nothing(later: list[float]) -> None:
    """Bars that close after `at` are not read: a trend cannot peek."""
    past = trending_bars("up")
    both = hourly_bars([*past.close, *later], NOW + len(later) * HOUR)
    assert trend_score(both, NOW, 24) == trend_score(past, NOW, 24)


def _without(bars: Bars, hours: range) -> Bars:
    """Drop some hours."""
    kept = [place for place in range(len(bars.close)) if place not in hours]
    closes = tuple(bars.close[place] for place in kept)
    return Bars(tuple(bars.opened_at[place] for place in kept), closes, closes, closes, closes)
