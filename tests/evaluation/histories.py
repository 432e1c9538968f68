"""Which closed trades do the tests of evaluation judge? Small builders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from trader.evaluation.monte_carlo import VarianceProfile
from trader.evaluation.trade_stats import StrategyStats, TradeResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

START = datetime(2022, 1, 3, 8, tzinfo=UTC)


def trades_of(results: Iterable[float], hours: float = 24.0) -> list[TradeResult]:
    """Close one BTC trade every so many hours."""
    return [
        TradeResult(START + place * timedelta(hours=hours), float(result), bool(result > 0), "BTC")
        for place, result in enumerate(results)
    ]


def noise(seed: int, count: int, mean: float = 0.0005) -> NDArray[np.float64]:
    """Draw results with fat tails, around 1 %."""
    draws: NDArray[np.float64] = np.random.default_rng(seed).standard_t(4, count) * 0.01 + mean
    return draws


def autoregressive(seed: int, count: int, phi: float, scale: float = 0.01) -> NDArray[np.float64]:
    """Draw results of which each remembers a share `phi` of the last."""
    shocks = np.random.default_rng(seed).standard_normal(count + 100) * scale
    values = np.zeros(count + 100)
    for place in range(1, count + 100):
        values[place] = phi * values[place - 1] + shocks[place]
    return values[100:]


def stats(
    win_rate: float = 0.8,
    expectancy: float = 0.002,
    *,
    n_trades: int = 400,
    years: float = 4.0,
    bound: float | None = None,
) -> StrategyStats:
    """Summarize a good strategy."""
    return StrategyStats(
        n_trades, win_rate, 0.005, -0.01, expectancy, 3, 20, -0.05, years, bound
    )  # fmt: skip


def variance(streak: int = 4, drawdown: float = -0.1) -> VarianceProfile:
    """Profile a calm strategy."""
    return VarianceProfile(500, 400, 0.5, 0.1, 1.2, drawdown / 2, drawdown, 2, streak)
