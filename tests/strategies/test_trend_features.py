"""Is the newest row what all bars would give, from as few of them as are kept?

What the columns say is tested where the portfolio reads them, in tests/backtest/test_features.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from trader.domain.market import Bars
from trader.domain.units import HOUR
from trader.strategies.trend_features import (
    INDICATORS,
    PRICES,
    WINDOW,
    features,
    indicators,
    latest,
    may_signal,
)


def wandering(rows: int, seed: int = 1) -> Bars:
    """Let a price wander hour by hour, with a high and a low."""
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0005, 0.01, rows)))
    opened = np.concatenate((close[:1], close[:-1]))
    wick = 1 + np.abs(random.normal(0, 0.004, (2, rows)))
    columns = (opened, np.maximum(opened, close) * wick[0], np.minimum(opened, close) / wick[1])
    at = tuple(NOW - (rows - row) * HOUR for row in range(rows))
    return Bars(at, *(tuple(one.tolist()) for one in (*columns, close)))


@given(seed=st.integers(0, 2**32), rows=st.integers(WINDOW, 420))
def test_the_newest_row_is_that_of_all_bars_bit_for_bit(seed: int, rows: int) -> None:
    """A live strategy that keeps the last bars computes what a study of years does."""
    bars = wandering(rows, seed)
    whole = features({name: np.array(getattr(bars, name)) for name in PRICES})
    row = latest(bars)
    assert row is not None
    for name, column in whole.items():
        assert row[name] == column[-1], name
    assert (row["low"], row["close"]) == (bars.low[-1], bars.close[-1])


@pytest.mark.parametrize("rows", [0, 1, 15, 60, 420])
def test_indicators_alone_are_those_among_all_columns(rows: int) -> None:
    """Bit for bit, however few the bars; wrong prices are refused as ever."""
    bars = wandering(rows) if rows else Bars((), (), (), (), ())
    given = {name: np.array(getattr(bars, name), dtype=np.float64) for name in PRICES}
    alone, whole = indicators(given), features(given)
    assert tuple(alone) == INDICATORS
    for name, column in alone.items():
        np.testing.assert_array_equal(column, whole[name], name)
    with pytest.raises(ValueError, match="no column 'low'"):
        indicators({name: one for name, one in given.items() if name != "low"})


def test_nothing_is_said_of_too_few_bars() -> None:
    """One bar short of the window, nobody knows the longest mean."""
    assert latest(wandering(WINDOW - 1)) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.0, -1.0])
def test_nothing_is_said_of_prices_that_are_none(wrong: float) -> None:
    """A poisoned bar within the window says nothing; one before it does no harm."""
    bars = wandering(WINDOW + 10)

    def poisoned(row: int) -> Bars:
        close = (*bars.close[:row], wrong, *bars.close[row + 1 :])
        return Bars(bars.opened_at, bars.open, bars.high, bars.low, close)

    assert latest(poisoned(WINDOW)) is None
    assert latest(poisoned(5)) == latest(bars)


def test_a_quick_look_misses_no_signal() -> None:
    """Wherever the columns hold a signal, the cheap look said that they could; often it says no."""
    bars = wandering(3_000)
    columns = features({name: np.array(getattr(bars, name)) for name in PRICES})
    signals = (columns["signal"] == 1) | (columns["pullback_signal"] == 1)
    looks = [
        may_signal(Bars(*(getattr(bars, name)[: row + 1] for name in Bars.__struct_fields__)))
        for row in range(WINDOW - 1, 3_000)
    ]
    said = np.array([False] * (WINDOW - 1) + looks)
    assert signals.sum() > 100
    assert not (signals & ~said).any()
    assert 0.2 < said.mean() < 0.7


def test_a_quick_look_at_prices_that_are_none_says_little() -> None:
    """What it says of them does not matter, as long as it says something."""
    bars = wandering(WINDOW)
    for wrong in (math.nan, math.inf):
        close = (*bars.close[:-1], wrong)
        poisoned = Bars(bars.opened_at, bars.open, bars.high, bars.low, close)
        assert may_signal(poisoned) in (True, False)
        assert latest(poisoned) is None
    assert not may_signal(wandering(WINDOW - 1))
