"""Are advantages found that are there, denied that are not, and intervals wide where they must?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.units import DAY
from trader.evaluation.policy_value import (
    INDEPENDENT_MIN,
    PolicyValue,
    one_after_the_other,
    policy_value,
)


def value(reward: object, sells: object, *, life: int = 1) -> PolicyValue:
    """Value daily decisions whose calls live for some days."""
    rewards, sold = np.asarray(reward, dtype=np.float64), np.asarray(sells, dtype=np.bool_)
    at = np.arange(len(rewards), dtype=np.int64) * DAY
    return policy_value(rewards, sold, at, at + life * DAY)


def noise(count: int, seed: int = 1) -> np.ndarray:
    """Draw rewards around nothing."""
    return np.random.default_rng(seed).normal(0.0, 1.0, count)


def test_means_are_those_of_the_decisions() -> None:
    """By hand: what is not sold earns nothing; the differences are paired."""
    one = value([2.0, -1.0, 4.0, -3.0], [True, False, True, True])
    assert (one.decisions, one.sold, one.independent) == (4, 3, 4)
    assert (one.policy.mean, one.always.mean) == (0.75, 0.5)
    assert one.policy_less_always.mean == 0.25


def test_a_seer_has_an_advantage_and_a_coin_has_none() -> None:
    """Selling what gains beats both; selling at random, or always, beats neither."""
    rewards = noise(200)
    seer = value(rewards, rewards > 0)
    assert seer.advantage
    assert seer.evidence.startswith("evidence of an advantage")
    blind = value(rewards, noise(200, 2) > 0)
    assert not blind.advantage
    assert "covers 0" in blind.evidence
    always = value(rewards + 9.0, rewards < 9.0)
    assert (always.policy_less_always.low, always.policy_less_always.high) == (0.0, 0.0)
    assert always.evidence == (
        "no evidence of an advantage: the interval of the difference to always selling covers 0"
    )
    fool = value(rewards, rewards < 0)
    assert fool.evidence == "no evidence of an advantage: it is worse than always selling"


def test_few_outcomes_prove_nothing() -> None:
    """However sure it looks: as many decisions as before, but calls that live long."""
    rewards = np.abs(noise(100)) * np.where(np.arange(100) % 2, 1.0, -1.0)
    one = value(rewards, rewards > 0, life=10)
    assert one.independent == 10 < INDEPENDENT_MIN
    assert one.policy_less_always.low > 0
    assert not one.advantage
    assert "only 10 outcomes do not overlap, 20 are needed" in one.evidence


def test_blocks_are_as_long_as_outcomes_overlap() -> None:
    """Means of one outcome seen ten times over are no surer than of the outcome once."""
    independent = noise(40)
    repeated = np.repeat(independent, 10)
    sells = np.ones(len(repeated), dtype=np.bool_)
    at = np.arange(len(repeated), dtype=np.int64) * DAY
    one = policy_value(repeated, sells, at, (at // (10 * DAY) + 1) * 10 * DAY)
    assert one.block_length >= 3 * 5
    once = value(independent, sells[:40])
    width = once.policy.high - once.policy.low
    assert (one.policy.high - one.policy.low) == pytest.approx(width, rel=0.5)


@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), min_size=1, max_size=40))
def test_the_same_decisions_have_the_same_value(rows: list[tuple[float, bool]]) -> None:
    """Seeded; every interval is one, however few and odd the rewards."""
    rewards, sells = zip(*rows, strict=True)
    one, again = value(rewards, sells), value(rewards, sells)
    assert one == again
    for told in (one.policy, one.always, one.policy_less_always):
        assert -np.inf < told.low <= told.high < np.inf


def test_nothing_decided_has_no_value() -> None:
    """Empty or not finite rewards are refused."""
    with pytest.raises(ValueError, match="no values"):
        value([], [])
    with pytest.raises(ValueError, match="must be finite"):
        value([1.0, np.nan], [True, True])


def test_calls_one_after_the_other_are_counted() -> None:
    """The next may be sold the moment the last has ended."""
    at = np.array([0, 1, 2, 3, 7], dtype=np.int64)
    assert one_after_the_other(at, at + 2) == 3
    assert one_after_the_other(at, at + 100) == 1


def seller(rng: np.random.Generator, decisions: int, life: int) -> np.ndarray:
    """Draw outcomes of calls sold daily, as coins move: mean nothing, small gains, rare losses."""
    moves = np.convolve(rng.normal(size=decisions + life - 1), np.ones(life), "valid")
    outcomes: np.ndarray = 0.149_2 - np.maximum(moves / np.sqrt(life) - 0.674_5, 0.0)
    return outcomes


def test_intervals_of_skewed_overlapping_outcomes_hold_the_truth() -> None:
    """Of 90 % intervals of a week's calls, with 30 outcomes that do not overlap, most do."""
    rng = np.random.default_rng(7)
    held = [
        one.low <= 0.0 <= one.high
        for one in (
            value(seller(rng, 210, 7), np.ones(210, dtype=np.bool_), life=7).always
            for _ in range(100)
        )
    ]
    assert 0.8 <= sum(held) / len(held) <= 0.98


def test_no_advantage_is_found_where_none_is() -> None:
    """A policy that sells at random for days at a time seldom looks better than both."""
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(60):
        sells = np.repeat(rng.random(42) < 0.5, 5)
        found += value(seller(rng, 210, 7), sells, life=7).advantage
    assert found <= 3
