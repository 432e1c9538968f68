"""Do all decision times at once give what they give one by one, to the last bit?"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backtest.calls import modelled, study
from tests.backtest.pasts import day
from trader.backtest.call_tape import CallTape, TapeDataSource
from trader.backtest.covered_call import (
    CoveredCallSimulator,
    IvRankPolicy,
    PolicyFn,
    SimulationResult,
    TrendPolicy,
    always_trade_policy,
)
from trader.domain.units import HOUR, MINUTE, moment

POLICIES: list[PolicyFn] = [
    always_trade_policy,
    TrendPolicy(0.2),
    IvRankPolicy(0.3),
    lambda state: state["time"].hour % 3 > 0,
]


def both(source: TapeDataSource, policy: PolicyFn, size: float, **changes: Any) -> SimulationResult:
    """Run both ways and compare everything."""
    config = study(**changes)
    quick, slow = (
        CoveredCallSimulator(source, config, arrays=one).simulate_policy(policy, size)
        for one in (True, False)
    )
    assert quick == slow
    return quick


def thinned(tape: CallTape, seed: int) -> CallTape:
    """Damage a tape: boards late and missing, quotes and figures absent, options gone for hours."""
    random = np.random.default_rng(seed)
    boards = random.random(len(tape.at)) < random.uniform(0.2, 1.0)
    counts = np.diff(tape.first)
    rows = np.repeat(boards, counts) & (random.random(len(tape.option)) < random.uniform(0.3, 1.0))
    board_of = np.repeat(np.arange(len(tape.at)), counts)[rows]
    places = np.cumsum(boards) - 1
    sizes = np.bincount(places[board_of], minlength=int(boards.sum()))
    columns = {}
    for name in ("delta", "bid", "ask", "mark", "mark_iv", "forward"):
        column = getattr(tape, name)[rows].copy()
        column[random.random(len(column)) < 0.1] = np.nan
        columns[name] = column
    return msgspec.structs.replace(
        tape,
        at=tape.at[boards] + int(random.integers(0, 50)) * MINUTE,
        first=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        option=tape.option[rows],
        deliveries={at: one for at, one in tape.deliveries.items() if random.random() < 0.9},
        **columns,
    )


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    policy=st.sampled_from(POLICIES),
    size=st.sampled_from([0.3, 1.0, 3.0]),
    changes=st.fixed_dictionaries(
        {
            "timeframe": st.sampled_from(["15m", "1h", "1h", "4h", "1d"]),
            "decision_interval_bars": st.sampled_from([1, 3, 7]),
            "start": st.sampled_from([day(4), day(5) + 17 * MINUTE, day(5) + 8 * HOUR]).map(moment),
            "end": st.sampled_from([day(13), day(16)]).map(moment),
            "target_dte": st.sampled_from([2.0, 5.0, 7.0]),
            "dte_tolerance": st.sampled_from([0.0, 1.0, 3.6]),
            "delta_tolerance": st.sampled_from([0.03, 0.2]),
            "fill": st.sampled_from(["bid", "mark"]),
            "premium_currency": st.sampled_from(["auto", "usd"]),
        }
    ),
)
def test_at_once_is_one_by_one(
    seed: int, policy: PolicyFn, size: float, changes: dict[str, Any]
) -> None:
    """Whatever is missing, and whatever is asked: the results are equal."""
    both(TapeDataSource(thinned(modelled().tape, seed)), policy, size, **changes)


def test_a_whole_study_is_the_same_both_ways() -> None:
    """Overlapping calls, costs, curves; and something was sold and assigned."""
    result = both(modelled(), always_trade_policy, 0.25, decision_interval_bars=2)
    assert len(result.trades) > 30
    assert result.metrics["assigned"] > 0
    assert all(trade.marked_share == 1.0 for trade in result.trades)


def test_a_tape_without_boards_names_the_reason() -> None:
    """Nothing shown, nothing sold."""
    result = both(TapeDataSource(modelled().tape.until(day(2) - HOUR)), always_trade_policy, 1.0)
    assert set(result.reasons) == {"no_spot"}
    tape = modelled().tape
    bare = msgspec.structs.replace(
        tape.until(day(2) - HOUR), known_at=tape.known_at, close=tape.close
    )
    assert set(both(TapeDataSource(bare), always_trade_policy, 1.0).reasons) == {"no_chain"}


def test_what_is_missing_shows_in_the_marked_share() -> None:
    """Half the boards gone: marks are carried on, and the trade says so."""
    result = both(TapeDataSource(thinned(modelled().tape, 3)), always_trade_policy, 1.0)
    assert result.trades
    assert all(trade.marked_share < 1.0 for trade in result.trades)
    assert max(trade.marked_share for trade in result.trades) == pytest.approx(0.4, abs=0.4)
