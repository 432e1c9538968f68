"""Is one sample larger, does a series rise, do losses cluster? Rank and runs tests, without a law
of the numbers themselves.

Small samples without ties are counted exactly, others go by the normal approximation with ties
corrected and half a step of continuity.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXACT_MAX: Final = 20
"""Up to so many values of a series, or of each sample, chances are counted."""


def larger_p(sample: Sequence[float], other: Sequence[float]) -> float:
    """Return the one-sided p of Mann and Whitney (1947) that `sample` is no larger than `other`.

    NaN where one is empty.
    """
    first, second = len(sample), len(other)
    if not first or not second:
        return math.nan
    pooled = sorted((*sample, *other))
    ranks = _mean_ranks(pooled)
    above = sum(ranks[one] for one in sample) - first * (first + 1) / 2
    if max(first, second) <= EXACT_MAX and len(ranks) == first + second:
        ways = _rank_sum_ways(first, second)
        return sum(ways[round(above) :]) / sum(ways)
    count = first + second
    ties = sum(size**3 - size for size in Counter(pooled).values())
    variance = first * second / 12 * (count + 1 - ties / (count * (count - 1)))
    return _upper_tail(above - first * second / 2, variance, 0.5)


def rising_p(series: Sequence[float]) -> float:
    """Return the one-sided p of Mann (1945) and Kendall that a series has no rising trend.

    NaN below three values.
    """
    count = len(series)
    if count < 3:
        return math.nan
    score = sum(
        (later > earlier) - (later < earlier)
        for place, earlier in enumerate(series)
        for later in series[place + 1 :]
    )
    sizes = Counter(series).values()
    if count <= EXACT_MAX and len(sizes) == count:
        pairs = count * (count - 1) // 2
        ways = _inversion_ways(count)
        return sum(ways[: (pairs - score) // 2 + 1]) / math.factorial(count)
    variance = sum(
        sign * size * (size - 1) * (2 * size + 5)
        for sign, ones in ((1, (count,)), (-1, sizes))
        for size in ones
    )
    return _upper_tail(score, variance / 18, 1.0)


def clustered_p(lost: Iterable[bool]) -> float:
    """Return the one-sided p of Wald and Wolfowitz (1940) that losses come in no fewer runs than
    chance makes of as many. NaN where only one kind of result is there.
    """
    results = list(lost)
    losses = sum(results)
    wins = len(results) - losses
    if not losses or not wins:
        return math.nan
    runs = 1 + sum(a != b for a, b in itertools.pairwise(results))
    if max(losses, wins) <= EXACT_MAX:
        ways = sum(_runs_ways(losses, wins, one) for one in range(2, runs + 1))
        return ways / math.comb(losses + wins, losses)
    count, product = len(results), 2 * losses * wins
    variance = product * (product - count) / (count**2 * (count - 1))
    return _upper_tail(product / count + 1 - runs, variance, 0.5)


def _upper_tail(distance: float, variance: float, step: float) -> float:
    """Return the chance of so far above the mean, or further, of a law in steps."""
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((distance - step) / math.sqrt(2 * variance))


def _mean_ranks(ordered: Sequence[float]) -> dict[float, float]:
    """Give each value its rank from 1, equal ones their mean."""
    last = {value: place for place, value in enumerate(ordered, 1)}
    sizes = Counter(ordered)
    return {value: place - (sizes[value] - 1) / 2 for value, place in last.items()}


@functools.cache
def _rank_sum_ways(first: int, second: int) -> tuple[int, ...]:
    """Count the orders of two samples by how many pairs the first one wins."""
    ways = [1] + [0] * (first * second)
    for one in range(1, first + 1):  # the Gaussian binomial, a factor at a time
        up = second + one
        for place in range(len(ways) - 1, up - 1, -1):
            ways[place] -= ways[place - up]
        for place in range(one, len(ways)):
            ways[place] += ways[place - one]
    return tuple(ways)


@functools.cache
def _inversion_ways(count: int) -> tuple[int, ...]:
    """Count the permutations of `count` by their inversions."""
    ways = [1]
    for length in range(2, count + 1):
        grown = [0] * (len(ways) + length - 1)
        for place, one in enumerate(ways):
            for more in range(length):
                grown[place + more] += one
        ways = grown
    return tuple(ways)


def _runs_ways(losses: int, wins: int, runs: int) -> int:
    """Count the orders of losses and wins that make so many runs."""
    half, odd = divmod(runs, 2)
    if not odd:
        return 2 * math.comb(losses - 1, half - 1) * math.comb(wins - 1, half - 1)
    return math.comb(losses - 1, half) * math.comb(wins - 1, half - 1) + math.comb(
        losses - 1, half - 1
    ) * math.comb(wins - 1, half)
