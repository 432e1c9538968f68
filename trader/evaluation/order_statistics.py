"""How far can a quantile or a frequency of N simulations be from the truth? Binomial intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEVEL: Final = 0.95
Z: Final = 1.959963984540054
"""Two-sided 95 % of the normal."""


class Estimate(msgspec.Struct, frozen=True):
    """A simulated number and its 95 % interval: what another seed could have given."""

    value: float
    low: float
    high: float


def quantile_ranks(size: int, probability: float, level: float = LEVEL) -> tuple[int, int]:
    """Return the ranks, from 1, whose order statistics enclose a quantile with confidence `level`.

    Ranks beyond the sample are clipped to its ends, where the confidence is less.

    >>> quantile_ranks(1_000, 0.95)
    (936, 964)
    """
    counts = np.arange(1, size + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log((size + 1 - counts) / counts))])
    successes = np.arange(size + 1)
    log_mass = successes * math.log(probability) + (size - successes) * math.log1p(-probability)
    below = np.cumsum(np.exp(log_choose + log_mass))
    low, high = np.searchsorted(below, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return max(int(low), 1), min(int(high) + 1, size)


def estimate_quantiles(sample: Array, probabilities: Sequence[float]) -> tuple[Estimate, ...]:
    """Return quantiles of a sample, linearly interpolated, each with its order statistics."""
    ordered = np.sort(sample)
    estimates: list[Estimate] = []
    for probability in probabilities:
        low, high = quantile_ranks(len(ordered), probability)
        estimates.append(
            Estimate(
                float(np.quantile(ordered, probability)),
                float(ordered[low - 1]),
                float(ordered[high - 1]),
            )
        )
    return tuple(estimates)


def estimate_frequency(hits: int, size: int) -> Estimate:
    """Return a frequency with its Wilson interval, which stays inside [0, 1] also at 0 and 1."""
    share = hits / size
    weight = 1.0 + Z * Z / size
    center = (share + Z * Z / (2.0 * size)) / weight
    reach = Z / weight * math.sqrt(share * (1.0 - share) / size + Z * Z / (4.0 * size * size))
    low = center - reach if hits else 0.0
    high = center + reach if hits < size else 1.0
    return Estimate(share, low, high)
