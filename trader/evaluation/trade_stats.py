"""What did the closed trades earn, and how often? The statistics every verdict starts from.

One trade is one completed chain; its result is a fraction of equity. All statistics work on trades
sorted by time.
"""

from __future__ import annotations

import math
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.evaluation.bootstrap import mean_lower_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DAYS_PER_YEAR: Final = 365.25


class TradeResult(msgspec.Struct, frozen=True):
    """One closed trade, or one completed chain, as a share of the equity it was opened with."""

    timestamp: datetime
    """When it closed; aware, any zone."""
    pnl_pct: float
    """Fraction of equity despite its name: +0.01 is +1 %."""
    is_win: bool
    """For people: the statistics ask `pnl_pct`."""
    underlying: str
    chain_id: str | None = None


class StrategyStats(msgspec.Struct, frozen=True):
    """What closed trades earned; rates and results are fractions, the drawdown is <= 0."""

    n_trades: int
    win_rate: float
    avg_win: float
    avg_loss: float
    expectancy_per_trade: float
    max_consec_losses: int
    max_consec_wins: int
    max_drawdown_pct: float
    years_covered: float
    expectancy_lower_bound: float | None = None
    """One-sided 90 % stationary-bootstrap bound; None where nobody computed it."""


def in_time_order(trades: Sequence[TradeResult]) -> list[TradeResult]:
    """Return the trades sorted by time, those of one instant in the order given.

    Raises:
        ValueError: there is none, a time is naive, or a result is not finite; names the trade.
    """
    if not trades:
        raise ValueError("no trades provided: a statistic needs at least one closed trade")
    for place, trade in enumerate(trades):
        if trade.timestamp.utcoffset() is None:
            raise ValueError(
                f"{_name(place, trade)}: naive timestamp, give it a timezone, e.g. UTC"
            )
        if not math.isfinite(trade.pnl_pct):
            raise ValueError(
                f"{_name(place, trade)}: pnl_pct is {trade.pnl_pct}, must be a finite fraction;"
                " correct it or leave the trade out"
            )
    return sorted(trades, key=attrgetter("timestamp"))


def returns_of(trades: Sequence[TradeResult]) -> NDArray[np.float64]:
    """Return the results in time order, as fractions.

    Raises:
        ValueError: as `in_time_order`.
    """
    return np.array([trade.pnl_pct for trade in in_time_order(trades)])


def compute_strategy_stats(
    trades: Sequence[TradeResult],
    initial_equity: float = 1.0,
    *,
    scratch_tolerance: float = 0.0,
) -> StrategyStats:
    """Summarize closed trades.

    A result within `scratch_tolerance` of zero (a fraction, e.g. what a round trip costs in fees)
    is neither win nor loss, so that without a tolerance the expectancy is the mean; it neither
    extends nor ends a streak. A loss of 100 % or more is ruin: equity stays 0, the drawdown -1.

    Raises:
        ValueError: as `in_time_order`; initial equity or tolerance is impossible.
    """
    if not (math.isfinite(initial_equity) and initial_equity > 0):
        raise ValueError(f"initial_equity is {initial_equity}, must be a positive amount")
    if not (math.isfinite(scratch_tolerance) and scratch_tolerance >= 0):
        raise ValueError(f"scratch_tolerance is {scratch_tolerance}, must be a fraction >= 0")
    ordered = in_time_order(trades)
    results = [trade.pnl_pct for trade in ordered]
    wins = [result for result in results if result > scratch_tolerance]
    losses = [result for result in results if result < -scratch_tolerance]
    average_win = sum(wins) / len(wins) if wins else 0.0
    average_loss = sum(losses) / len(losses) if losses else 0.0
    days = (ordered[-1].timestamp - ordered[0].timestamp).days
    return StrategyStats(
        n_trades=len(results),
        win_rate=len(wins) / len(results),
        avg_win=average_win,
        avg_loss=average_loss,
        expectancy_per_trade=(len(wins) * average_win + len(losses) * average_loss) / len(results),
        max_consec_losses=longest_run([-result for result in results], scratch_tolerance),
        max_consec_wins=longest_run(results, scratch_tolerance),
        max_drawdown_pct=max_drawdown(compounded(results, initial_equity)),
        years_covered=max(days, 1) / DAYS_PER_YEAR,
    )


def with_expectancy_bound(
    stats: StrategyStats,
    trades: Sequence[TradeResult],
    *,
    level: float = 0.9,
    seed: int = 0,
) -> StrategyStats:
    """Return the statistics with the lower bound of their expectancy, for approval's gate.

    Raises:
        ValueError: as `in_time_order` and `mean_lower_bound`.
    """
    bound = mean_lower_bound(returns_of(trades), level=level, seed=seed)
    return msgspec.structs.replace(stats, expectancy_lower_bound=bound)


def compounded(results: Sequence[float], initial_equity: float = 1.0) -> list[float]:
    """Return equity before the first and after each result, which is a fraction; 0 stays 0."""
    equity = [initial_equity]
    for result in results:
        equity.append(equity[-1] * max(1 + result, 0.0))
    return equity


def max_drawdown(equity: Sequence[float]) -> float:
    """Return the deepest fall from a peak, a fraction <= 0; the first value is the first peak.

    >>> max_drawdown([100, 120, 60, 150, 90])
    -0.5
    """
    peak, deepest = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = min(deepest, (value - peak) / peak)
    return deepest


def longest_run(results: Sequence[float], scratch_tolerance: float = 0.0) -> int:
    """Count the longest run of results above the tolerance; scratches are stepped over."""
    longest = current = 0
    for result in results:
        if result > scratch_tolerance:
            current += 1
            longest = max(longest, current)
        elif result < -scratch_tolerance:
            current = 0
    return longest


def _name(place: int, trade: TradeResult) -> str:
    """Say which trade is meant."""
    chain = f", chain {trade.chain_id}" if trade.chain_id else ""
    return f"trade {place} ({trade.underlying} {trade.timestamp.isoformat()}{chain})"
