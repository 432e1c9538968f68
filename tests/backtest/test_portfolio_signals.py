"""Are instants joined, and signals ranked and refused before anybody judges them?"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trader.backtest.portfolio_layout import BAR, REASONS
from trader.backtest.portfolio_signals import admit, timeline


def joined(*symbols: list[int]) -> tuple[list[int], list[int]]:
    """Join the times of symbols; return them, and the place of each row."""
    first = np.cumsum([0, *map(len, symbols)])
    at = np.array([time for one in symbols for time in one], np.int64)
    times, instant = np.empty(len(at), np.int64), np.empty(len(at), np.int64)
    count = timeline(at, first, first[:-1].copy(), times, instant)
    return times[:count].tolist(), instant.tolist()


@given(st.lists(st.sets(st.integers(0, 30)).map(sorted), max_size=5))
def test_instants_are_the_union_in_order(symbols: list[list[int]]) -> None:
    """Each once, and each row knows its own."""
    times, instant = joined(*symbols)
    assert times == sorted({time for one in symbols for time in one})
    assert [times[place] for place in instant] == [time for one in symbols for time in one]


def judged(
    scores: list[float], rank_max: int, score: float = 1.0
) -> tuple[list[int], list[int], list[list[int]]]:
    """Let every symbol have both signals on the second of three rows; return what is left."""
    rows = 3
    first = np.arange(len(scores) + 1) * rows
    bars = np.zeros(first[-1], BAR)
    instant = np.tile(np.arange(rows), len(scores))
    signal = np.where(instant == 1, 3, 0)
    bars["symbol_score"] = np.repeat(scores, rows)
    bars["score"] = score
    signals, rejected = np.zeros(2, np.int64), np.zeros((2, len(REASONS)), np.int64)
    admit(bars, signal, first, instant, first[:-1].copy(), np.zeros(len(scores), np.int64),
          rank_max, np.array([1.0, 0.5]), signals, rejected)  # fmt: skip
    assert not signal[instant != 1].any()
    return signal[1::rows].tolist(), signals.tolist(), rejected[:, :2].tolist()


def test_only_the_best_symbols_are_entered_by_trend() -> None:
    """Of equals the first come first; pullbacks are not ranked."""
    left, signals, rejected = judged([1.0, 3.0, 1.0, -np.inf], 2)
    assert left == [3, 3, 1, 1]
    assert signals == [4, 4]
    assert rejected == [[0, 0], [2, 0]]


def test_ranking_can_be_off_or_let_nobody_in() -> None:
    """-1 ranks none, 0 admits none."""
    assert judged([1.0, 3.0], -1)[0] == [3, 3]
    assert judged([1.0, 3.0], 0)[0] == [1, 1]


def test_a_low_score_is_refused_by_sleeve() -> None:
    """Below 1 for pullbacks, below 0.5 for trend; what is at the floor passes."""
    assert judged([1.0], -1, 0.7) == ([2], [1, 1], [[0, 1], [0, 0]])
    assert judged([1.0], -1, 0.3) == ([0], [1, 1], [[0, 1], [0, 1]])
    assert judged([1.0], -1, 1.0)[0] == [3]
