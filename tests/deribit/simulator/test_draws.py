"""Counter-based draws: uniform, independent of the order of questions, new in each stretch."""

import numpy as np

from trader.deribit.simulator.draws import SPREAD_OF_SIZES, Stretches, keys, uniforms


def test_draws_are_uniform_and_unrelated() -> None:
    """A hundred thousand draws fill [0, 1) evenly; columns and neighbors do not correlate."""
    numbers = np.arange(100_000)
    first, second = uniforms(5, keys(numbers), np.zeros(1, dtype=np.int64), 2)
    assert 0.0 <= first.min() < first.max() < 1.0
    assert np.abs(np.histogram(first, 20, (0.0, 1.0))[0] / 5_000 - 1.0).max() < 0.08
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 0.02
    assert abs(float(np.corrcoef(first[1:], first[:-1])[0, 1])) < 0.02


def test_seed_key_and_counter_all_matter() -> None:
    """Another seed, key or counter is another draw; the same is the same, alone or among others."""
    key, one = keys(np.array([7])), np.array([3])
    (base,) = uniforms(1, key, one, 1)
    assert uniforms(2, key, one, 1)[0] != base
    assert uniforms(1, keys(np.array([8])), one, 1)[0] != base
    assert uniforms(1, key, one + 1, 1)[0] != base
    (many,) = uniforms(1, keys(np.arange(20)), np.full(20, 3), 1)
    assert many[7] == base[0]


def test_stretches_hold_their_draws_and_forget_nothing() -> None:
    """Walking through time gives what a first question at each instant gives."""
    key = keys(np.arange(50))
    since, length = np.arange(50) * 7, np.full(50, 100)
    walked = Stretches(key, since, length, 1)
    for at in [5, 60, 61, 150, 149, 1_000]:
        fresh = Stretches(key, since, length, 1)
        assert walked.draws(9, at).tolist() == fresh.draws(9, at).tolist()
        begun = walked.starts_at(at)
        assert ((begun <= at) & (at < begun + length)).all()


def test_columns_behind_the_plain_ones_are_factors() -> None:
    """Factors are log-uniform around one."""
    many = Stretches(keys(np.arange(5_000)), np.zeros(5_000, dtype=np.int64), np.full(5_000, 9), 1)
    plain, first, second = many.draws(1, 4)
    assert 0.0 <= plain.min() <= plain.max() < 1.0
    for factor in (first, second):
        assert np.abs(np.log(factor)).max() <= SPREAD_OF_SIZES / 2
        assert abs(float(np.log(factor).mean())) < 0.05
