"""What else do traders ask of closed trades? Ratios, sizing, time under water, sources of PnL.

Ratios of returns over time are made from UTC calendar days, the days without a trade included, and
annualized with 365: crypto options trade every day.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.evaluation.trade_stats import (
    DAYS_PER_YEAR,
    TradeResult,
    compounded,
    in_time_order,
    max_drawdown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PERIODS_PER_YEAR: Final = 365
SQN_TRADES_MAX: Final = 100
TAIL: Final = 0.95
DAY_SECONDS: Final = 86_400


class TradeDetail(msgspec.Struct, frozen=True):
    """When one trade was held, and what made its result; the parts are fractions of equity."""

    opened_at: datetime
    closed_at: datetime
    premium: float = 0.0
    delta: float = 0.0
    fees: float = 0.0
    delivery: float = 0.0
    funding: float = 0.0


class HoldingTimes(msgspec.Struct, frozen=True):
    """How long trades were held, and the share of the time with any of them open."""

    median_hours: float
    tail_hours: float
    """95th percentile."""
    exposure: float


class Attribution(msgspec.Struct, frozen=True):
    """Sums of what made the results, as fractions of equity."""

    premium: float
    delta: float
    fees: float
    delivery: float
    funding: float = 0.0


class TradeQuality(msgspec.Struct, frozen=True):
    """Statistics beside `StrategyStats`. None: undefined for these trades, or not told."""

    profit_factor: float | None
    sqn: float | None
    """System quality number, n capped at 100."""
    kelly: float | None
    """Multiple of the size traded that would have grown equity fastest; None without a loss."""
    half_kelly: float | None
    """What is shown: estimates of Kelly are too high more often than too low."""
    ulcer_index: float
    """Root mean square of the depth under water after each trade, a fraction."""
    underwater_days_max: float
    underwater_share: float
    """Share of the time from first to last trade spent below a peak."""
    periods_per_year: int
    """Periodicity of the next three: UTC days."""
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    """Annual compound return over the deepest drawdown."""
    holding: HoldingTimes | None
    attribution: Attribution | None


def trade_quality(
    trades: Sequence[TradeResult], details: Sequence[TradeDetail] = ()
) -> TradeQuality:
    """Compute what lies beyond the basic statistics; `details` in any order, one per trade.

    Raises:
        ValueError: as `in_time_order`; details are fewer or more than trades, or impossible.
    """
    ordered = in_time_order(trades)
    if details and len(details) != len(ordered):
        raise ValueError(f"{len(details)} details for {len(ordered)} trades: give one each or none")
    results = np.array([trade.pnl_pct for trade in ordered])
    equity = np.array(compounded(results.tolist()))
    times = np.array([trade.timestamp.timestamp() for trade in ordered])
    daily = daily_returns(ordered)
    kelly = kelly_fraction(results)
    longest, share = underwater(times, equity[1:])
    return TradeQuality(
        profit_factor=profit_factor(results),
        sqn=system_quality_number(results),
        kelly=kelly,
        half_kelly=None if kelly is None else kelly / 2.0,
        ulcer_index=ulcer_index(equity[1:], peak=1.0),
        underwater_days_max=longest / DAY_SECONDS,
        underwater_share=share,
        periods_per_year=PERIODS_PER_YEAR,
        sharpe=sharpe(daily),
        sortino=sortino(daily),
        calmar=_calmar(ordered, equity),
        holding=_holding_times(details) if details else None,
        attribution=_attribution(details) if details else None,
    )


def profit_factor(results: Array) -> float | None:
    """Return gains over losses; None without a loss."""
    losses = -float(results[results < 0].sum())
    return float(results[results > 0].sum()) / losses if losses else None


def system_quality_number(results: Array) -> float | None:
    """Return Tharp's sqrt(n) mean / deviation, n at most 100; None without a spread."""
    deviation = _deviation(results)
    if deviation is None:
        return None
    return math.sqrt(min(len(results), SQN_TRADES_MAX)) * float(results.mean()) / deviation


def kelly_fraction(results: Array) -> float | None:
    """Return the f >= 0 that maximizes the mean of ln(1 + f R); None without a loss (unbounded).

    The derivative, mean of R / (1 + f R), falls in f: bisection finds its zero.
    """
    worst = float(results.min())
    if worst >= 0.0:
        return None
    if results.mean() <= 0.0:
        return 0.0
    low, high = 0.0, -1.0 / worst
    while high - low > 1e-15 * high:
        middle = (low + high) / 2.0
        if middle in {low, high}:
            break
        if float((results / (1.0 + middle * results)).mean()) > 0.0:
            low = middle
        else:
            high = middle
    return low


def ulcer_index(equity: Array, peak: float = 0.0) -> float:
    """Return the root mean square of the drawdown at each point, a fraction.

    `peak` is the highest equity before the first point.
    """
    peaks = np.maximum(np.maximum.accumulate(equity), peak)
    return math.sqrt(float(np.mean((1.0 - equity / peaks) ** 2)))


def underwater(times: Array, equity: Array, peak: float = 1.0) -> tuple[float, float]:
    """Return the longest stretch below a peak, in the units of `times`, and the share of all time.

    `equity` is after the trade at each time, `peak` before the first. A stretch begins with the
    trade that goes under and ends with the one that regains the peak, or with the last one.
    """
    below = equity < np.maximum(np.maximum.accumulate(equity), peak)
    gaps = np.diff(times)
    under = gaps[below[:-1]]
    span = float(times[-1] - times[0])
    longest = current = 0.0
    for gap, is_below in zip(gaps.tolist(), below[:-1].tolist(), strict=True):
        current = current + gap if is_below else 0.0
        longest = max(longest, current)
    return longest, float(under.sum()) / span if span else 0.0


def daily_returns(trades: Sequence[TradeResult]) -> Array:
    """Compound the results of each UTC day from the first to the last; a day without any is 0."""
    days = np.array([math.floor(trade.timestamp.timestamp() / DAY_SECONDS) for trade in trades])
    growth = np.ones(int(days.max() - days.min()) + 1)
    factors = np.maximum(1.0 + np.array([trade.pnl_pct for trade in trades]), 0.0)
    np.multiply.at(growth, days - days.min(), factors)
    return growth - 1.0


def sharpe(returns: Array, periods_per_year: int = PERIODS_PER_YEAR) -> float | None:
    """Return the annualized mean over deviation (n - 1), no interest; None without a spread."""
    deviation = _deviation(returns)
    if deviation is None:
        return None
    return float(returns.mean()) / deviation * math.sqrt(periods_per_year)


def sortino(returns: Array, periods_per_year: int = PERIODS_PER_YEAR) -> float | None:
    """Return the annualized mean over the root mean square below zero; None without a loss."""
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(returns.mean()) / downside * math.sqrt(periods_per_year) if downside else None


def _deviation(values: Array) -> float | None:
    """Return the standard deviation (n - 1); None where it is undefined or rounding dust."""
    if len(values) < 2:
        return None
    deviation = float(values.std(ddof=1))
    return deviation if deviation > 1e-14 * float(np.abs(values).max()) else None


def _calmar(ordered: Sequence[TradeResult], equity: Array) -> float | None:
    """Return annual compound return over the depth of the drawdown; None without a drawdown."""
    depth = -max_drawdown(equity.tolist())
    days = (ordered[-1].timestamp - ordered[0].timestamp) / timedelta(days=1)
    years = max(days, 1.0) / DAYS_PER_YEAR
    if not depth:
        return None
    try:
        growth = math.pow(float(equity[-1]), 1.0 / years)
    except OverflowError:
        return None
    return (growth - 1.0) / depth


def _holding_times(details: Sequence[TradeDetail]) -> HoldingTimes:
    """Measure how long trades were held, and how much of the time any was.

    Raises:
        ValueError: a time is naive or a trade closed before it opened; names it.
    """
    spans: list[tuple[float, float]] = []
    for place, detail in enumerate(details):
        if detail.opened_at.utcoffset() is None or detail.closed_at.utcoffset() is None:
            raise ValueError(f"detail {place}: naive time, give it a timezone, e.g. UTC")
        if detail.closed_at < detail.opened_at:
            raise ValueError(f"detail {place}: closed_at {detail.closed_at} is before opened_at")
        spans.append((detail.opened_at.timestamp(), detail.closed_at.timestamp()))
    hours = np.array([closed - opened for opened, closed in spans]) / 3_600
    return HoldingTimes(
        float(np.median(hours)), float(np.quantile(hours, TAIL)), _covered_share(spans)
    )


def _covered_share(spans: Sequence[tuple[float, float]]) -> float:
    """Return the share of the time from first to last that lies inside any span."""
    begin, end = min(spans)[0], max(closed for _, closed in spans)
    covered, reached = 0.0, begin
    for opened, closed in sorted(spans):
        covered += max(closed - max(opened, reached), 0.0)
        reached = max(reached, closed)
    return covered / (end - begin) if end > begin else 0.0


def _attribution(details: Sequence[TradeDetail]) -> Attribution:
    """Sum the parts of the results."""
    return Attribution(
        math.fsum(detail.premium for detail in details),
        math.fsum(detail.delta for detail in details),
        math.fsum(detail.fees for detail in details),
        math.fsum(detail.delivery for detail in details),
        math.fsum(detail.funding for detail in details),
    )
