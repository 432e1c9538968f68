"""How different could the same trades have felt? Resampled drawdowns, losing runs and endings.

`run_monte_carlo` gives the profile that the gates of approval read. "Worst of N simulations" grows
with N and is no property of a strategy: `study_variance` puts quantiles with intervals beside it,
and the same profile at 200 trades a simulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.evaluation.draws import Method
from trader.evaluation.order_statistics import Estimate, estimate_frequency, estimate_quantiles
from trader.evaluation.paths import Paths, simulate
from trader.evaluation.trade_stats import TradeResult, in_time_order, returns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STAGE_SIMS: Final = 500
STAGE_SEED: Final = 20_251
"""Stage decisions use one call, so that N and seed cannot be shopped for."""
SHORT_TRADES: Final = 200
PROBABILITIES: Final = (0.05, 0.5, 0.95, 0.99)
FAN_PROBABILITIES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWDOWN_BINS: Final = 30


class VarianceProfile(msgspec.Struct, frozen=True):
    """Median and extremes of the simulated paths; drawdowns are <= 0, returns are fractions."""

    sims: int
    trades_per_sim: int
    median_final_return: float
    worst_final_return: float
    best_final_return: float
    median_max_dd: float
    worst_max_dd: float
    median_max_loss_streak: int
    worst_max_loss_streak: int


class VarianceLimits(msgspec.Struct, frozen=True):
    """The limits whose breaking is counted, by name.

    Those of approval's stages and the account's halts; limits on what may be opened (per trade, per
    underlying, per day) are no property of a path.
    """

    drawdown: dict[str, float] = msgspec.field(
        default_factory=lambda: {
            "research": 0.50,
            "pilot": 0.35,
            "production": 0.25,
            "drawdown_halt": 0.10,
        }
    )
    loss_streak: dict[str, int] = msgspec.field(
        default_factory=lambda: {"pilot": 8, "production": 6}
    )
    day_loss: dict[str, float] = msgspec.field(default_factory=lambda: {"daily_loss_halt": 0.03})


class Quantiles(msgspec.Struct, frozen=True):
    """Four quantiles over the simulations, each with its order-statistic interval."""

    p05: Estimate
    p50: Estimate
    p95: Estimate
    p99: Estimate


class Breach(msgspec.Struct, frozen=True):
    """How probable it is that a path goes beyond a limit."""

    limit_name: str
    limit: float
    probability: Estimate


class Fan(msgspec.Struct, frozen=True):
    """Quantiles of equity (start 1) by number of trades, for a figure; all of one length."""

    trades: tuple[int, ...]
    p05: tuple[float, ...]
    p25: tuple[float, ...]
    p50: tuple[float, ...]
    p75: tuple[float, ...]
    p95: tuple[float, ...]


class Histogram(msgspec.Struct, frozen=True):
    """How many paths fell between each two neighbors of `edges`; one count fewer than edges."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class MonteCarlo(msgspec.Struct, frozen=True):
    """All that one simulation tells. Drawdown quantiles are depths, >= 0: p95 is the bad end."""

    variance: VarianceProfile
    variance_at_200: VarianceProfile | None
    """The same with 200 trades a simulation; None where a permutation has fewer."""
    method: Method
    block_length: float | None
    seed: int
    trades_per_day: int
    final_return: Quantiles
    drawdown_depth: Quantiles
    loss_streak: Quantiles
    ruin_probability: Estimate
    drawdown_breaches: tuple[Breach, ...]
    loss_streak_breaches: tuple[Breach, ...]
    day_loss_breaches: tuple[Breach, ...]
    """Days of `trades_per_day` trades in a row."""
    fan: Fan
    drawdown_histogram: Histogram = Histogram()
    loss_streak_histogram: Histogram = Histogram()
    """One bin a length: edges lie halfway between."""


def run_monte_carlo(
    trades: Sequence[TradeResult],
    sims: int = 1000,
    trades_per_sim: int | None = None,
    bootstrap: bool = True,
    seed: int | None = None,
    *,
    method: Method | None = None,
    block_length: float | None = None,
    scratch_tolerance: float = 0.0,
) -> VarianceProfile:
    """Resample the trades `sims` times and profile the paths.

    `bootstrap` draws with replacement (`method="iid"`, or "stationary" to keep the dependence
    between trades); without it trades are shuffled (`method="permutation"`), and the total return
    of a whole path is the same in each. No `seed` is seed 0: nothing here is random of its own.
    `trades_per_sim` is by default the number of trades. The first 500 of 1,000 simulations are the
    500 simulations of the same seed.

    Raises:
        ValueError: as `in_time_order`; an argument is impossible or contradicts another.
    """
    returns = returns_of(trades)
    paths = simulate(
        returns,
        sims=sims,
        trades_per_sim=trades_per_sim or len(returns),
        method=_method(bootstrap, method),
        seed=seed or 0,
        block_length=block_length,
        scratch_tolerance=scratch_tolerance,
    )
    return _profile(paths)


def run_stage_monte_carlo(
    trades: Sequence[TradeResult], *, sims: int = STAGE_SIMS, seed: int = STAGE_SEED
) -> VarianceProfile:
    """Profile the trades as stage decisions do: all trades, one number of paths, one seed.

    Raises:
        ValueError: as `run_monte_carlo`.
    """
    return run_monte_carlo(trades, sims=sims, seed=seed)


def study_variance(
    trades: Sequence[TradeResult],
    sims: int = 1000,
    trades_per_sim: int | None = None,
    *,
    seed: int = 0,
    method: Method = "iid",
    block_length: float | None = None,
    scratch_tolerance: float = 0.0,
    limits: VarianceLimits | None = None,
    trades_per_day: int | None = None,
) -> MonteCarlo:
    """Resample the trades and tell everything about the paths; the profile included.

    `trades_per_day` groups trades for the limits of a day; by default the mean number on a UTC day
    with any trade, rounded up.

    Raises:
        ValueError: as `run_monte_carlo`.
    """
    limits = limits or VarianceLimits()
    returns = returns_of(trades)
    length = trades_per_sim or len(returns)
    day = _trades_per_day(trades) if trades_per_day is None else trades_per_day

    def paths_of(count: int) -> Paths:
        return simulate(
            returns,
            sims=sims,
            trades_per_sim=count,
            method=method,
            seed=seed,
            block_length=block_length,
            trades_per_day=day,
            scratch_tolerance=scratch_tolerance,
        )

    paths = paths_of(length)
    has_short = method != "permutation" or len(returns) >= SHORT_TRADES
    return MonteCarlo(
        variance=_profile(paths),
        variance_at_200=_profile(paths_of(SHORT_TRADES)) if has_short else None,
        method=method,
        block_length=paths.block_length,
        seed=seed,
        trades_per_day=day,
        final_return=_quantiles(paths.final - 1.0),
        drawdown_depth=_quantiles(-paths.drawdown),
        loss_streak=_quantiles(paths.streak.astype(np.float64)),
        ruin_probability=estimate_frequency(int((paths.final <= 0.0).sum()), sims),
        drawdown_breaches=_breaches(-paths.drawdown, limits.drawdown),
        loss_streak_breaches=_breaches(paths.streak.astype(np.float64), limits.loss_streak),
        day_loss_breaches=_breaches(-paths.worst_day, limits.day_loss),
        fan=_fan(paths),
        drawdown_histogram=_histogram(-paths.drawdown, DRAWDOWN_BINS),
        loss_streak_histogram=_lengths(paths.streak),
    )


def _method(bootstrap: bool, method: Method | None) -> Method:
    """Choose the method; `bootstrap` and `method` must not contradict each other."""
    if method is None:
        return "iid" if bootstrap else "permutation"
    if method not in ("iid", "stationary", "permutation"):
        raise ValueError(f"method is {method!r}, must be iid, stationary or permutation")
    if not bootstrap and method != "permutation":
        raise ValueError(f"method {method!r} is a bootstrap, but bootstrap is False: drop one")
    return method


def _trades_per_day(trades: Sequence[TradeResult]) -> int:
    """Return the mean number of trades on a UTC day with any, rounded up."""
    days = {_utc_day(trade) for trade in in_time_order(trades)}
    return -(-len(trades) // len(days))


def _utc_day(trade: TradeResult) -> int:
    """Number the UTC day of a trade."""
    return int(trade.timestamp.timestamp() // 86_400)


def _profile(paths: Paths) -> VarianceProfile:
    """Summarize paths as the gates want it."""
    return VarianceProfile(
        sims=len(paths.final),
        trades_per_sim=paths.fan_trades[-1],
        median_final_return=float(np.median(paths.final)) - 1.0,
        worst_final_return=float(paths.final.min()) - 1.0,
        best_final_return=float(paths.final.max()) - 1.0,
        median_max_dd=float(np.median(paths.drawdown)),
        worst_max_dd=float(paths.drawdown.min()),
        median_max_loss_streak=round(float(np.median(paths.streak))),
        worst_max_loss_streak=int(paths.streak.max()),
    )


def _quantiles(sample: NDArray[np.float64]) -> Quantiles:
    """Return the four quantiles of one number a path."""
    return Quantiles(*estimate_quantiles(sample, PROBABILITIES))


def _breaches(
    severity: NDArray[np.float64], limits: dict[str, float] | dict[str, int]
) -> tuple[Breach, ...]:
    """Count the paths that go beyond each limit."""
    return tuple(
        Breach(name, limit, estimate_frequency(int((severity > limit).sum()), len(severity)))
        for name, limit in limits.items()
    )


def _fan(paths: Paths) -> Fan:
    """Return the quantiles of equity after each stretch of trades."""
    curves = np.quantile(paths.fan, FAN_PROBABILITIES, axis=1)
    return Fan((0, *paths.fan_trades), *((1.0, *curve) for curve in curves.tolist()))


def _histogram(sample: NDArray[np.float64], bins: int) -> Histogram:
    """Count numbers >= 0 in bins of one width, from 0 to the largest."""
    counts, edges = np.histogram(sample, bins=bins, range=(0.0, float(sample.max()) or 1.0))
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def _lengths(streaks: NDArray[np.integer]) -> Histogram:
    """Count each length of a losing run."""
    counts = np.bincount(streaks)
    return Histogram(tuple((np.arange(len(counts) + 1) - 0.5).tolist()), tuple(counts.tolist()))
