"""How sure is a mean, when trades follow each other? The stationary bootstrap and its block length.

Politis and Romano (1994), "The Stationary Bootstrap"; Politis and White (2004), "Automatic
Block-Length Selection for the Dependent Bootstrap", with the correction of Patton, Politis and
White (2009). Intervals of means are studentized by block means, which keeps their coverage where
returns are skewed: Götze and Künsch (1996), "Second-Order Correctness of the Blockwise Bootstrap".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

RESAMPLES: Final = 2_000
CHUNK_CELLS: Final = 1_000_000
"""Indexes held at once, about 8 MB."""


def optimal_block_length(values: Array) -> float:
    """Estimate the expected block length that suits the dependence within a series, at least 1.

    Autocovariances enter up to twice the lag after which `k` in a row are insignificant, weighed
    by a flat-top window. A series too short (under 10) or constant gets 1: draws one by one.

    Raises:
        ValueError: the series is empty or not finite.
    """
    _check(values)
    values = np.ldexp(values, -math.frexp(float(np.abs(values).max()))[1])  # lengths have no unit
    count = len(values)
    centered = values - values.mean()
    if count < 10 or float(centered @ centered) <= 1e-24 * float(values @ values):
        return 1.0
    in_a_row = max(5, int(math.log10(count)))
    lag_max = min(math.ceil(math.sqrt(count)) + in_a_row, count - 2)
    products = np.array([centered[lag:] @ centered[: count - lag] for lag in range(lag_max + 1)])
    lag = min(2 * _last_significant_lag(centered, products, in_a_row), lag_max)
    steps = np.arange(1, lag + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - steps / lag))
    covariances = products / count
    spectrum = covariances[0] + 2.0 * float(window @ covariances[1 : lag + 1])
    slope = 2.0 * float((window * steps) @ covariances[1 : lag + 1])
    if spectrum == 0.0:
        return 1.0
    length = (slope * slope / (spectrum * spectrum) * count) ** (1.0 / 3.0)
    longest = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    return float(min(max(length, 1.0), longest))


def stationary_indexes(
    rng: np.random.Generator, size: int, resamples: int, block_length: float
) -> Ints:
    """Draw `resamples` rows of `size` indexes: blocks of geometric length, wrapped around.

    `block_length` is the expected length; 1 draws one by one.
    """
    starts = rng.integers(size, size=(resamples, size))
    begins = rng.random((resamples, size)) < 1.0 / block_length
    begins[:, 0] = True
    places = np.arange(size)
    since = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    drawn: Ints = (np.take_along_axis(starts, since, axis=1) + places - since) % size
    return drawn


def resampled_means(
    values: Array, *, resamples: int = RESAMPLES, seed: int = 0, block_length: float | None = None
) -> Array:
    """Return the sorted means of stationary-bootstrap resamples of a series in time order.

    Raises:
        ValueError: the series is empty or not finite, or the block length is below 1.
    """
    _check(values)
    length = optimal_block_length(values) if block_length is None else block_length
    if not length >= 1.0:
        raise ValueError(f"block_length is {length}, must be at least 1")
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_CELLS // len(values))
    means = [
        values[stationary_indexes(rng, len(values), min(rows, resamples - done), length)].mean(1)
        for done in range(0, resamples, rows)
    ]
    return np.sort(np.concatenate(means))


def mean_lower_bound(
    values: Array,
    *,
    level: float = 0.9,
    resamples: int = RESAMPLES,
    seed: int = 0,
    block_length: float | None = None,
) -> float:
    """Return the value that the true mean exceeds with confidence `level` (one-sided, percentile).

    Raises:
        ValueError: as `resampled_means`; the level is not inside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, must lie between 0 and 1, e.g. 0.9")
    means = resampled_means(values, resamples=resamples, seed=seed, block_length=block_length)
    return float(np.quantile(means, 1.0 - level))


def mean_interval(
    values: Array, block: int, *, level: float = 0.9, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the two-sided interval of the mean of a series in time order, from blocks in a circle.

    Each resample draws as many blocks as fit (two at least) and measures its mean in its own
    standard errors. `block` should be some times as long as values depend on each other.

    Raises:
        ValueError: the series is empty or not finite, the block is not within it, or the level is
            not inside (0, 1).
    """
    _check(values)
    size = len(values)
    if not 1 <= block <= size:
        raise ValueError(f"block is {block}, must be from 1 to {size}, the length of the series")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, must lie between 0 and 1, e.g. 0.9")
    sums = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values[:block])))))
    means = (sums[block : block + size] - sums[:size]) / block
    mean, drawn = float(values.mean()), max(size // block, 2)
    error = math.sqrt(float(np.mean((means - mean) ** 2)) / (drawn - 1))
    if error == 0.0:
        return mean, mean
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_CELLS // drawn)
    studentized = [
        _studentized(
            means[rng.integers(size, size=(min(rows, resamples - done), drawn))], mean, error
        )
        for done in range(0, resamples, rows)
    ]
    tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    low, high = np.quantile(np.concatenate(studentized), tails).tolist()
    return mean - high * error, mean - low * error


def _studentized(blocks: Array, mean: float, error: float) -> Array:
    """Measure each row's mean in its own standard errors, none of them below a tenth of `error`.

    Rows of equal blocks have none: without the floor one such row would leave no interval at all.
    """
    own = blocks.std(axis=1, ddof=1) / math.sqrt(blocks.shape[1])
    measured: Array = (blocks.mean(axis=1) - mean) / np.maximum(own, error / 10.0)
    return measured


def _last_significant_lag(centered: Array, products: Array, in_a_row: int) -> int:
    """Find the lag after which `in_a_row` autocorrelations are insignificant; at least 1.

    Where none is found among the lags looked at, all of them count.
    """
    count = len(centered)
    squares = np.cumsum(centered * centered)
    lags = np.arange(len(products))
    heads = squares[count - 2 - lags]
    tails = squares[-1] - squares[lags]
    scale = np.sqrt(heads * tails)
    shares = np.divide(np.abs(products), scale, out=np.zeros(len(lags)), where=scale > 0.0)
    quiet = shares < 2.0 * math.sqrt(math.log10(count) / count)
    for first in range(len(lags) - in_a_row):
        if quiet[first : first + in_a_row].all():
            return max(first, 1)
    return len(lags) - 1


def _check(values: Array) -> None:
    """Refuse what has no mean."""
    if len(values) == 0:
        raise ValueError("no values: a mean needs at least one")
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"value {place} is {values[place]}, must be finite: leave it out")
