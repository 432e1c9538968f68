"""Is it luck? Sharpe ratios judged by length, skew, fat tails and the number of trials.

Bailey and Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier"; (2014), "The Deflated
Sharpe Ratio"; Bailey, Borwein, Lopez de Prado and Zhu (2017), "The Probability of Backtest
Overfitting". Sharpe ratios here are those of one observation, never annualized.
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NORMAL: Final = NormalDist()
EULER_GAMMA: Final = 0.577_215_664_901_532_9
CSCV_BLOCKS: Final = 16
SPLITS_AT_ONCE: Final = 256
DUST: Final = 1e-7
"""A deviation below this share of the values is what squares lose to rounding, not spread."""


class SharpeEstimate(msgspec.Struct, frozen=True):
    """A Sharpe ratio per observation, with what its error depends on."""

    sharpe: float
    observations: int
    skew: float = 0.0
    kurtosis: float = 3.0
    """Not the excess: 3 is the normal's."""


class BacktestOverfitting(msgspec.Struct, frozen=True):
    """How often the configuration best in sample falls below the median out of sample."""

    probability: float
    splits: int
    configurations: int
    loss_probability: float
    """How often the one best in sample loses out of sample."""


def estimate_sharpe(returns: Array) -> SharpeEstimate:
    """Measure the Sharpe ratio of returns and their higher moments.

    Raises:
        ValueError: fewer than two returns, one not finite, or all the same.
    """
    if len(returns) < 2 or not np.isfinite(returns).all():
        raise ValueError("returns must be finite and at least two")
    centered = returns - returns.mean()
    variance = float(np.mean(centered**2))
    if math.sqrt(variance) <= DUST * float(np.abs(returns).max()):
        raise ValueError("returns are all the same: a Sharpe ratio needs a spread")
    return SharpeEstimate(
        sharpe=float(returns.mean()) / float(returns.std(ddof=1)),
        observations=len(returns),
        skew=float(np.mean(centered**3)) / variance**1.5,
        kurtosis=float(np.mean(centered**4)) / variance**2,
    )


def probabilistic_sharpe(estimate: SharpeEstimate, benchmark: float = 0.0) -> float:
    """Return the confidence that the true Sharpe ratio exceeds the benchmark.

    Raises:
        ValueError: fewer than two observations, or moments that no distribution has.
    """
    if estimate.observations < 2:
        raise ValueError(f"{estimate.observations} observations: needs at least two")
    excess = (estimate.sharpe - benchmark) * math.sqrt(estimate.observations - 1)
    return NORMAL.cdf(excess / math.sqrt(_error_factor(estimate)))


def expected_max_sharpe(trials: int, variance: float) -> float:
    """Return the best Sharpe ratio to expect of `trials` without any skill.

    `variance` is that of the Sharpe ratios over the trials; one trial expects 0.

    Raises:
        ValueError: no trial, or a variance that is negative or not finite.
    """
    if trials < 1:
        raise ValueError(f"trials is {trials}, must count at least the one evaluated")
    if not (math.isfinite(variance) and variance >= 0.0):
        raise ValueError(f"variance of the trials' Sharpe ratios is {variance}, must be >= 0")
    if trials == 1:
        return 0.0
    upper = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    further = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * upper + EULER_GAMMA * further)


def deflated_sharpe(estimate: SharpeEstimate, trials: int, variance: float) -> float:
    """Return the confidence that the best of `trials` is better than the best of pure luck.

    Raises:
        ValueError: as `probabilistic_sharpe` and `expected_max_sharpe`.
    """
    return probabilistic_sharpe(estimate, expected_max_sharpe(trials, variance))


def minimum_track_record(
    estimate: SharpeEstimate, benchmark: float = 0.0, confidence: float = 0.95
) -> float | None:
    """Return how many observations it takes to trust the ratio; None where none suffice.

    Raises:
        ValueError: confidence is not inside (0, 1), or moments that no distribution has.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}, must lie between 0 and 1, e.g. 0.95")
    if estimate.sharpe <= benchmark:
        return None
    needed = NORMAL.inv_cdf(confidence) / (estimate.sharpe - benchmark)
    return 1.0 + _error_factor(estimate) * needed * needed


def backtest_overfitting(returns: Array, blocks: int = CSCV_BLOCKS) -> BacktestOverfitting:
    """Estimate the probability of overfitting by combinatorially symmetric cross-validation.

    `returns` has one row an observation in time order and one column a configuration. Rows are cut
    into `blocks`; each half of them is once in sample. First rows that fill no block are left out.

    Raises:
        ValueError: the blocks are odd or too many for the rows, one column, a value not finite.
    """
    rows, configurations = returns.shape
    if configurations < 2 or not np.isfinite(returns).all():
        raise ValueError("returns must be finite, with two columns (configurations) or more")
    if blocks < 2 or blocks % 2 or rows < 2 * blocks:
        raise ValueError(f"blocks is {blocks}, must be even and at most half of {rows} rows")
    size = rows // blocks
    cut = returns[rows - size * blocks :].reshape(blocks, size, configurations)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    halves = np.array(list(combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(halves), blocks))
    np.put_along_axis(inside, halves, 1.0, axis=1)
    count = size * blocks // 2
    below, lost = 0.0, 0
    for start in range(0, len(inside), SPLITS_AT_ONCE):
        chosen = inside[start : start + SPLITS_AT_ONCE]
        best = _sharpes(chosen @ sums, chosen @ squares, count).argmax(axis=1)[:, None]
        means = (1.0 - chosen) @ sums
        outside = _sharpes(means, (1.0 - chosen) @ squares, count)
        own = np.take_along_axis(outside, best, axis=1)
        # rank among all, ties in the middle; the logit is negative below half of N + 1
        ranks = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) + 1.0) / 2.0
        middle = (configurations + 1.0) / 2.0
        below += float((ranks < middle).sum()) + 0.5 * float((ranks == middle).sum())
        lost += int((np.take_along_axis(means, best, axis=1) < 0.0).sum())
    return BacktestOverfitting(
        probability=below / len(inside),
        splits=len(inside),
        configurations=configurations,
        loss_probability=lost / len(inside),
    )


def _error_factor(estimate: SharpeEstimate) -> float:
    """Return the variance of a Sharpe ratio times (observations - 1), after Mertens (2002)."""
    factor = (
        1.0
        - estimate.skew * estimate.sharpe
        + (estimate.kurtosis - 1.0) / 4.0 * estimate.sharpe * estimate.sharpe
    )
    if not factor > 0.0:
        raise ValueError(
            f"no distribution has skew {estimate.skew} with kurtosis {estimate.kurtosis}"
            f" at Sharpe ratio {estimate.sharpe}: kurtosis is at least 1 + skew squared"
        )
    return factor


def _sharpes(sums: Array, squares: Array, count: int) -> Array:
    """Return Sharpe ratios from sums; without a spread the sign decides: 0 or +-infinity."""
    means = sums / count
    variances = np.maximum(squares / count - means * means, 0.0)
    deviations = np.sqrt(variances)
    flat = deviations <= DUST * np.abs(means)
    ratios: Array = np.divide(means, deviations, out=np.copysign(np.inf, means), where=~flat)
    return np.where(flat & (means == 0.0), 0.0, ratios)
