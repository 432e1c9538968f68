"""Do the statistics equal the reference where that is right, and correct it where it is not?"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.histories import START, noise, trades_of
from trader.evaluation.bootstrap import mean_lower_bound
from trader.evaluation.trade_stats import (
    StrategyStats,
    TradeResult,
    compounded,
    compute_strategy_stats,
    in_time_order,
    longest_run,
    max_drawdown,
    returns_of,
    with_expectancy_bound,
)

RESULTS = st.lists(st.floats(-0.9, 3.0).filter(lambda x: abs(x) > 1e-12), min_size=1, max_size=60)


def reference(trades: list[TradeResult], initial_equity: float = 1.0) -> StrategyStats:
    """Compute the statistics by the formulas of the original request."""
    results = [trade.pnl_pct for trade in trades]
    wins, losses = [r for r in results if r > 0], [r for r in results if r < 0]
    win_rate = len(wins) / len(results)
    average_win = sum(wins) / len(wins) if wins else 0.0
    average_loss = sum(losses) / len(losses) if losses else 0.0
    equity = peak = initial_equity
    deepest, streaks, most = 0.0, [0, 0], [0, 0]
    for result in results:
        equity *= 1 + result
        peak = max(peak, equity)
        deepest = min(deepest, (equity - peak) / peak)
        if result != 0:
            side = int(result > 0)
            streaks[side], streaks[1 - side] = streaks[side] + 1, 0
        most = [max(pair) for pair in zip(most, streaks, strict=True)]
    times = sorted(trade.timestamp for trade in trades)
    return StrategyStats(
        len(results), win_rate, average_win, average_loss,
        win_rate * average_win + (1 - win_rate) * average_loss,
        most[0], most[1], deepest, ((times[-1] - times[0]).days or 1) / 365.25,
    )  # fmt: skip


def close(one: StrategyStats, other: StrategyStats) -> bool:
    """Tell whether all numbers agree but for rounding."""
    pairs = zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
    return all(a == b or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-14) for a, b in pairs)


@given(RESULTS, st.floats(0.1, 1e6), st.floats(1.0, 200.0))
def test_equals_the_reference_without_scratches_or_ruin(
    results: list[float], initial_equity: float, hours: float
) -> None:
    """Where nothing is corrected every number is that of the original formulas."""
    trades = trades_of(results, hours)
    assert close(compute_strategy_stats(trades, initial_equity), reference(trades, initial_equity))


@given(st.lists(st.sampled_from([0.02, 0.0, -0.01]), min_size=1, max_size=40))
def test_a_scratch_is_neither_win_nor_loss(results: list[float]) -> None:
    """With scratches the expectancy is the mean, and they are stepped over in streaks."""
    stats = compute_strategy_stats(trades_of(results))
    assert stats.expectancy_per_trade == pytest.approx(sum(results) / len(results), abs=1e-15)
    without = compute_strategy_stats(trades_of([r for r in results if r] or [0.0]))
    assert stats.max_consec_losses == without.max_consec_losses
    assert stats.max_consec_wins == without.max_consec_wins


def test_a_stated_tolerance_makes_scratches() -> None:
    """A result within the fees of a round trip counts as nothing."""
    trades = trades_of([0.01, 0.0002, 0.01, -0.0002, -0.02, -0.0003, -0.02])
    stats = compute_strategy_stats(trades, scratch_tolerance=0.0003)
    assert (stats.win_rate, stats.max_consec_wins, stats.max_consec_losses) == (2 / 7, 2, 2)
    assert stats.expectancy_per_trade == pytest.approx((2 * 0.01 - 2 * 0.02) / 7)


@pytest.mark.parametrize("loss", [-1.0, -1.5, -40.0])
def test_a_loss_of_everything_is_ruin(loss: float) -> None:
    """Equity stays 0 whatever follows, and the drawdown is 100 %, never more."""
    assert compounded([0.5, loss, 3.0])[1:] == [1.5, 0.0, 0.0]
    assert compute_strategy_stats(trades_of([0.5, loss, 3.0])).max_drawdown_pct == -1.0


def test_order_of_the_rows_changes_nothing() -> None:
    """Trades are sorted by time, whatever zone it is written in; ties keep their order."""
    trades = trades_of([0.1, -0.2, 0.3, -0.05])
    elsewhere = [
        msgspec.structs.replace(t, timestamp=t.timestamp.astimezone(timezone(timedelta(hours=9))))
        for t in reversed(trades)
    ]
    assert compute_strategy_stats(elsewhere) == compute_strategy_stats(trades)
    assert returns_of(elsewhere).tolist() == [0.1, -0.2, 0.3, -0.05]
    tied = [TradeResult(START, r, r > 0, "BTC") for r in (0.1, 0.2, -0.3)]
    assert [t.pnl_pct for t in in_time_order(tied)] == [0.1, 0.2, -0.3]


def test_trades_are_built_by_position_or_by_name() -> None:
    """The five fields stand in the order of the original, the last optional."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    by_name = TradeResult(
        timestamp=when, pnl_pct=0.1, is_win=True, underlying="ETH", chain_id="chain-7"
    )
    assert TradeResult(when, 0.1, True, "ETH", "chain-7") == by_name
    assert TradeResult(when, 0.1, True, "ETH").chain_id is None


@pytest.mark.parametrize(
    ("trades", "message"),
    [
        ([], "no trades provided"),
        (trades_of([0.1, math.nan]), r"trade 1 \(BTC 2022-01-04.*pnl_pct is nan"),
        ([TradeResult(START, math.inf, True, "ETH", "c9")], "chain c9.*pnl_pct is inf"),
        ([TradeResult(datetime(2026, 1, 1), 0.1, True, "BTC")], "trade 0.*naive"),  # noqa: DTZ001
    ],
)
def test_what_is_no_trade_is_refused_by_name(trades: list[TradeResult], message: str) -> None:
    """No trades, a result that is no number, a time without zone."""
    with pytest.raises(ValueError, match=message):
        compute_strategy_stats(trades)


@pytest.mark.parametrize("equity", [0.0, -1.0, math.nan, math.inf])
def test_impossible_arguments_are_refused(equity: float) -> None:
    """Equity must be a positive amount; a tolerance cannot be negative."""
    with pytest.raises(ValueError, match="initial_equity"):
        compute_strategy_stats(trades_of([0.1]), equity)
    with pytest.raises(ValueError, match="scratch_tolerance"):
        compute_strategy_stats(trades_of([0.1]), scratch_tolerance=-0.1)


def test_a_day_is_the_least_history() -> None:
    """One trade, or several in one day, cover a day."""
    assert compute_strategy_stats(trades_of([0.1])).years_covered == 1 / 365.25
    assert compute_strategy_stats(trades_of([0.1] * 732)).years_covered == 731 / 365.25


def test_known_drawdown_and_runs() -> None:
    """The first equity is a peak; scratches do not count in a run."""
    assert max_drawdown([100, 120, 60, 150, 90]) == -0.5
    assert max_drawdown([100, 90]) == pytest.approx(-0.1)
    assert longest_run([1, 1, 0, 1, -1, 1]) == 3


def test_the_bound_is_that_of_the_bootstrap() -> None:
    """Nobody asked: None. Asked: the 90 % bound of the mean, below the mean."""
    trades = trades_of(noise(1, 200))
    stats = compute_strategy_stats(trades)
    assert stats.expectancy_lower_bound is None
    bounded = with_expectancy_bound(stats, trades, seed=3)
    assert bounded.expectancy_lower_bound == mean_lower_bound(returns_of(trades), seed=3)
    assert bounded.expectancy_lower_bound < bounded.expectancy_per_trade
    assert msgspec.structs.replace(bounded, expectancy_lower_bound=None) == stats
