"""Do labels follow the market's turns, and the live one only what was known?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.domain.units import DAY, HOUR
from trader.evaluation.phases import (
    Turn,
    confirmed,
    coverage,
    daily_closes,
    labels,
    turning_points,
)

WALK = st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=260).map(
    lambda moves: 100.0 * np.exp(np.cumsum(moves))
)


def test_turning_points_of_a_known_path() -> None:
    """The vector of the decisions: 20 % thresholds, extreme and confirmation of each turn."""
    prices = np.array(
        [100, 110, 125, 150, 140, 130, 119, 100, 90, 100, 109, 130, 128, 140, 120, 111.0]
    )
    assert turning_points(prices, fall=0.2, rise=0.2) == (
        Turn("trough", 0, 2), Turn("peak", 3, 6), Turn("trough", 8, 10), Turn("peak", 13, 15),
    )  # fmt: skip


@given(WALK)
def test_turns_alternate_and_are_confirmed_after_their_extreme(prices: np.ndarray) -> None:
    """Peak follows trough; nothing is confirmed before it happened."""
    turns = turning_points(prices)
    kinds = [one.kind for one in turns]
    assert all(a != b for a, b in itertools.pairwise(kinds))
    assert all(one.extreme <= one.confirmed for one in turns)
    assert [one.confirmed for one in turns] == sorted(one.confirmed for one in turns)


@settings(max_examples=30)
@given(WALK, st.integers(1, 259))
def test_the_confirmed_label_needs_no_future(prices: np.ndarray, day: int) -> None:
    """Cut anywhere, what was said before the cut stays said."""
    cut = min(day, len(prices))
    assert confirmed(prices[:cut]) == confirmed(prices)[:cut]


def test_a_flat_market_is_chop_a_steady_rise_is_not() -> None:
    """Chop is asked first: noise around a level for 200 days, then 1 % a day up."""
    rng = np.random.default_rng(1)
    flat = 100.0 + rng.normal(0, 1, 200)
    rise = flat[-1] * 1.01 ** np.arange(1, 200)
    found = labels(np.concatenate([flat, rise]))
    assert found[120:200].count("chop") > 60
    assert set(found[330:]) == {"bull"}


def test_a_fall_is_dated_from_its_peak() -> None:
    """In hindsight the bear begins at the top; live it was confirmed a third lower."""
    prices = np.concatenate([np.linspace(100, 200, 40), np.linspace(199, 100, 40)])
    assert labels(prices)[45] == "bear"
    assert confirmed(prices)[45] == "bull"
    assert confirmed(prices)[-1] == "bear"


def test_a_phase_is_covered_with_enough_trades_and_enough_days() -> None:
    """Twenty trades and sixty days; trades outside the labels count nowhere."""
    closed = [((100 + day) * DAY, 0.01 if day % 2 else -0.01) for day in range(80)]
    rows = {row.phase: row for row in coverage(100, ("bull",) * 60 + ("bear",) * 19, closed)}
    assert (rows["bull"].days, rows["bull"].trades, rows["bull"].covered) == (60, 60, True)
    assert (rows["bear"].trades, rows["bear"].covered) == (19, False)
    assert rows["bull"].expectancy == pytest.approx(0.0)
    assert (rows["chop"].days, rows["chop"].expectancy, rows["chop"].covered) == (0, None, False)


def test_the_last_close_of_each_day_stands_for_it() -> None:
    """Hourly bars over two and a half days."""
    opened_at = 100 * DAY + HOUR * np.arange(60)
    first, closes = daily_closes(opened_at, np.arange(60.0))
    assert first == 100
    assert closes.tolist() == [23.0, 47.0, 59.0]


@pytest.mark.parametrize("wrong", [np.nan, 0.0, -1.0, np.inf])
def test_what_is_no_price_is_refused(wrong: float) -> None:
    """A NaN would end every comparison."""
    with pytest.raises(ValueError, match="positive"):
        turning_points(np.array([1.0, wrong, 2.0]))


def test_impossible_thresholds_are_refused() -> None:
    """A fall of all, or a rise of nothing."""
    for fall, rise in ((0.0, 0.5), (1.0, 0.5), (0.3, 0.0)):
        with pytest.raises(ValueError, match="fall"):
            turning_points(np.array([1.0, 2.0]), fall=fall, rise=rise)
