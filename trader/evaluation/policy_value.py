"""Does a policy of selling beat always and never selling, on decisions it has not seen?

Outcomes of decisions that follow each other overlap, so means get intervals from blocks, some times
as long as outcomes overlap.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.evaluation.bootstrap import mean_interval, optimal_block_length

if TYPE_CHECKING:
    from trader.domain.market import Bools, Floats, Ints

LEVEL: Final = 0.9
INDEPENDENT_MIN: Final = 20
"""Outcomes that do not overlap below which blocks are too few for an interval to be believed."""
OVERLAPS: Final = 3
"""Overlaps in a block: of short calls' skewed outcomes, 90 % intervals then hold the truth in 85 to
90 of 100 series, for 20 to 170 outcomes that do not overlap; with one overlap in 80 to 86.
"""
BLOCKS_MIN: Final = 5
"""Blocks that a series is cut into at least, however few outcomes there are."""


class Estimate(msgspec.Struct, frozen=True):
    """A mean and its two-sided interval."""

    mean: float
    low: float
    high: float


class PolicyValue(msgspec.Struct, frozen=True, kw_only=True):
    """Mean rewards of a decision, in the unit that came in; never selling earns 0, so `policy` is
    also what it earns more than that.

    `independent` calls could have been sold one after the other, each after the last had ended.
    """

    decisions: int
    sold: int
    independent: int
    block_length: int
    level: float
    policy: Estimate
    always: Estimate
    policy_less_always: Estimate
    advantage: bool
    evidence: str


def policy_value(
    reward: Floats, sells: Bools, decided_at: Ints, ended_at: Ints, *, seed: int = 0
) -> PolicyValue:
    """Value decisions in time order: `reward` of each sale, and whether the policy sells.

    Raises:
        ValueError: nothing was decided, or a reward is not finite.
    """
    chosen = np.where(sells, reward, 0.0)
    series = (chosen, reward, chosen - reward)
    lengths = [optimal_block_length(one) for one in series]
    overlap = float(np.mean(np.searchsorted(decided_at, ended_at) - np.arange(len(reward))))
    block = min(math.ceil(max(OVERLAPS * overlap, *lengths)), max(len(reward) // BLOCKS_MIN, 1))
    policy, always, less_always = (_estimate(one, block, seed) for one in series)
    independent = one_after_the_other(decided_at, ended_at)
    advantage, evidence = _evidence(independent, less_always, policy)
    return PolicyValue(
        decisions=len(reward),
        sold=int(sells.sum()),
        independent=independent,
        block_length=block,
        level=LEVEL,
        policy=policy,
        always=always,
        policy_less_always=less_always,
        advantage=advantage,
        evidence=evidence,
    )


def one_after_the_other(decided_at: Ints, ended_at: Ints) -> int:
    """Count the calls that could be sold each after the last had ended."""
    count, free_at = 0, None
    for at, end in zip(decided_at.tolist(), ended_at.tolist(), strict=True):
        if free_at is None or at >= free_at:
            count, free_at = count + 1, end
    return count


def _estimate(values: Floats, block: int, seed: int) -> Estimate:
    low, high = mean_interval(values, block, level=LEVEL, seed=seed)
    return Estimate(float(values.mean()), low, high)


def _evidence(independent: int, less_always: Estimate, policy: Estimate) -> tuple[bool, str]:
    """Say what the intervals prove: an advantage must show over both, on enough outcomes."""
    if independent < INDEPENDENT_MIN:
        return False, (
            f"no evidence of an advantage: only {independent} outcomes do not overlap,"
            f" {INDEPENDENT_MIN} are needed"
        )
    against = (("always", less_always), ("never", policy))
    for name, one in against:
        if one.high < 0.0:
            return False, f"no evidence of an advantage: it is worse than {name} selling"
    covered = [f"{name} selling" for name, one in against if one.low <= 0.0]
    if covered:
        return False, (
            "no evidence of an advantage: the interval of the difference to"
            f" {' and to '.join(covered)} covers 0"
        )
    return True, "evidence of an advantage: the differences to always and to never lie above 0"
