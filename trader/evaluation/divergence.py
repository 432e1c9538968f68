"""Do paper trades still look like the backtest's? A simultaneous band around the path.

A pointwise band, looked at every night, would alarm by itself sooner or later; this one is crossed
anywhere along the path with the stated probability. Results are in R, multiples of what a trade
risked: a pilot's quarter size compares with the backtest's full one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.evaluation.bootstrap import optimal_block_length, stationary_indexes

if TYPE_CHECKING:
    from trader.domain.market import Floats

TRADES_MIN: Final = 20
LEVEL: Final = 0.01
PATHS: Final = 4_000


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """Where the paper path stands against the band: `z` is its lowest standardized point.

    `expected` and `lowest` are the cumulative R that a resampled backtest reaches on average and
    may fall to within the band, at 20 trades, 21, ...; empty with fewer.
    """

    trades: int
    paper_mean: float
    backtest_mean: float
    z: float | None
    critical: float | None
    diverged: bool
    reason: str
    expected: tuple[float, ...] = ()
    lowest: tuple[float, ...] = ()


def divergence(
    paper: Floats, backtest: Floats, *, level: float = LEVEL, seed: int = 0
) -> Divergence:
    """Compare the results of paper trades, in their order, with what the backtest leads to expect.

    The cumulative sum of n trades is standardized at each length from 20 on by the mean and the
    deviation of resampled backtests (stationary bootstrap); the band is the `level` quantile of the
    lowest such point of a resampled path.

    Raises:
        ValueError: a result is no finite number, or the backtest has fewer than 20.
    """
    if not (np.isfinite(paper).all() and np.isfinite(backtest).all()):
        raise ValueError("divergence: every result must be a finite number")
    paper_mean = float(paper.mean()) if len(paper) else 0.0
    if len(backtest) < TRADES_MIN:
        raise ValueError(f"divergence: a backtest of {len(backtest)} trades has no envelope")
    mean = float(backtest.mean())
    if len(paper) < TRADES_MIN:
        reason = f"{len(paper)} of {TRADES_MIN} closed paper trades: too early to tell"
        return Divergence(
            trades=len(paper), paper_mean=paper_mean, backtest_mean=mean, z=None, critical=None,
            diverged=False, reason=reason,
        )  # fmt: skip
    sums = _paths(backtest, len(paper), seed)[:, TRADES_MIN - 1 :]
    center, width = sums.mean(axis=0), np.maximum(sums.std(axis=0), 1e-15)
    lowest = ((sums - center) / width).min(axis=1)
    critical = float(np.quantile(lowest, level))
    z = float(((np.cumsum(paper)[TRADES_MIN - 1 :] - center) / width).min())
    diverged = z < critical
    told = f"{len(paper)} paper trades average {paper_mean:+.3f} R, the backtest {mean:+.3f} R"
    side = f"{'outside' if diverged else 'within'} the {level:.0%} band"
    return Divergence(
        trades=len(paper), paper_mean=paper_mean, backtest_mean=mean, z=z, critical=critical,
        diverged=diverged, reason=f"{told}: {side} (z {z:.1f}, band {critical:.1f})",
        expected=tuple(center.tolist()), lowest=tuple((center + critical * width).tolist()),
    )  # fmt: skip


def _paths(backtest: Floats, length: int, seed: int) -> Floats:
    """Resample cumulative sums: [path, trade]."""
    rng = np.random.default_rng(seed)
    block = optimal_block_length(backtest)
    size = len(backtest)
    rounds = -(-length // size)
    drawn = [stationary_indexes(rng, size, PATHS, block) for _ in range(rounds)]
    rows = np.concatenate(drawn, axis=1)[:, :length]
    sums: Floats = np.cumsum(backtest[rows], axis=1)
    return sums
