"""What is an option worth if its underlying is a mixture that no arbitrage can enter?

S / F = M1 M2 L, independent: L is lognormal with mean one and total deviation s; each M is
exp(g A) / E[exp(g A)] of a variable A on a few nodes. Whatever the nodes and their weights, prices
are convex and falling in the strike, between their bounds, and their forward is F. The larger s or
g, the dearer every convex payoff f: d E[f(M)] / dg is the covariance of f'(M) and A under the
measure of M, and both rise with A. Both rise with time, so that no calendar spread is free either.
So the parts can come from anywhere, a network that errs included.

Parts are rows of one array, in logarithms where they are positive: shares of s^2, then of each M
shares of g^2, nodes, and weights up to a factor. Shares are of the total variances that a market's
forward volatilities have given each bucket between `HORIZONS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.pricing.normal import SQRT_2PI, mills

if TYPE_CHECKING:
    from trader.pricing.columns import Columns
    from trader.pricing.normal import Array

HORIZONS: Final = (7.0 / 365.0, 30.0 / 365.0, 120.0 / 365.0)
"""Where one volatility hands over to the next, in years; there is one more than of these."""
BUCKETS: Final = len(HORIZONS) + 1
NODES: Final = (3, 2)
"""Of each factor."""
PARTS: Final = BUCKETS + sum(BUCKETS + 2 * nodes for nodes in NODES)

_FAR: Final = 38.0  # n(38) is the smallest double
_LITTLE: Final = 1e-150


class Factor(NamedTuple):
    """One M: ln M on each node, its probability under the measures of the strike and of M."""

    g: Array
    share: Array
    node: Array
    weight: Array
    tilted: Array
    log: Array


class Mixture(NamedTuple):
    """All that options need: s and what is in it, both factors."""

    s: Array
    share: Array
    factors: tuple[Factor, Factor]


class Slopes(NamedTuple):
    """An undiscounted out-of-the-money value and its derivatives.

    `up` is that by ln F and `curved` the second one less the first; `by_variance` has a row for
    each bucket, `by_part` one for each part.
    """

    value: Array
    up: Array
    curved: Array
    by_variance: Array
    by_part: Array


def spent(years: Array) -> tuple[Array, Array]:
    """Return the time spent in each bucket, which adds up to all, and its derivatives.

    A smooth minimum of the years and each horizon, so that nothing jumps where buckets meet.
    """
    total, rate = np.empty((2, BUCKETS + 1, years.size))
    total[0], rate[0] = 0.0, 0.0
    for row, horizon in enumerate(HORIZONS, start=1):
        reach = np.square(np.square(years / horizon)) + 1.0
        share = 1.0 / np.sqrt(np.sqrt(reach))
        total[row], rate[row] = years * share, share / reach
    total[-1], rate[-1] = years, 1.0
    return np.diff(total, axis=0), np.diff(rate, axis=0)


def mixture(parts: Array, variance: Array) -> Mixture:
    """Return the mixture of `parts` (rows) at total variances of each bucket (rows)."""
    share = np.exp(parts[:BUCKETS])
    s = np.sqrt((share * variance).sum(axis=0))
    one, two = NODES
    middle = 2 * BUCKETS + 2 * one
    factors = (
        _factor(parts[BUCKETS:middle], variance, one),
        _factor(parts[middle:], variance, two),
    )
    return Mixture(s, share, factors)


def _factor(parts: Array, variance: Array, nodes: int) -> Factor:
    share = np.exp(parts[:BUCKETS])
    g = np.sqrt((share * variance).sum(axis=0))
    node, logit = parts[BUCKETS : BUCKETS + nodes], parts[BUCKETS + nodes :]
    weight = np.exp(logit - logit.max(axis=0))
    weight /= weight.sum(axis=0)
    reach = g * node
    highest = reach.max(axis=0)
    tilted = weight * np.exp(reach - highest)
    total = tilted.sum(axis=0)
    log = np.where(g > 0.0, reach - highest - np.log(total), 0.0)  # nothing moved: exactly
    return Factor(g, share, node, weight, tilted / total, log)


class _Components(NamedTuple):
    """Arrays of (nodes of the first, nodes of the second, options), in units of the strike."""

    probability: Array
    level: Array
    covered: Array
    struck: Array
    slope: Array


def _components(options: Columns, mixed: Mixture) -> _Components:
    one, two = mixed.factors
    sign = out(options)
    moneyness = np.log(options.forward / options.strike)
    u = one.log[:, None, :] + two.log[None, :, :] + moneyness
    y = sign * u
    s = np.maximum(mixed.s, _LITTLE)
    h = np.clip(y / s, -_FAR, _FAR)
    t = 0.5 * mixed.s
    d1, d2 = h + t, h - t
    slope = np.exp(-0.5 * (h * h + t * t)) / SQRT_2PI
    tails = mills(np.abs(np.concatenate((d1, d2))).ravel()).reshape(2, *y.shape) * slope
    half = np.exp(0.5 * y)
    covered = np.where(d1 < 0.0, tails[0], half - tails[0])
    struck = np.where(d2 < 0.0, tails[1], 1.0 / half - tails[1])
    level = np.exp(0.5 * u)
    probability = one.weight[:, None, :] * two.weight[None, :, :]
    return _Components(probability, level, covered, struck, slope)


def values(options: Columns, mixed: Mixture) -> Array:
    """Return undiscounted values of the out-of-the-money kind of each option."""
    parts = _components(options, mixed)
    shares = parts.probability * parts.level * (parts.covered - parts.struck)
    most = np.minimum(options.forward, options.strike)
    worth: Array = np.clip(options.strike * shares.sum(axis=(0, 1)), 0.0, most)
    return worth


def slopes(options: Columns, mixed: Mixture, variance: Array) -> Slopes:
    """Return values and derivatives of the out-of-the-money kind of each option."""
    parts = _components(options, mixed)
    strike = options.strike
    each = parts.level * (parts.covered - parts.struck) * strike
    up = np.where(out(options) > 0.0, parts.covered, -parts.struck) * parts.level * strike
    moved = parts.probability * up
    by_s = (parts.probability * parts.level * parts.slope).sum(axis=(0, 1)) * strike
    worth = (parts.probability * each).sum(axis=(0, 1))
    one, two = mixed.factors
    given = (
        (one, moved.sum(axis=1), (two.weight[None] * each).sum(axis=1)),
        (two, moved.sum(axis=0), (one.weight[:, None] * each).sum(axis=0)),
    )
    by_variance = mixed.share * _per(by_s, 2.0 * mixed.s)
    by_part = [by_variance * variance]
    for factor, pull, mine in given:
        total = pull.sum(axis=0)
        leant = (pull - factor.tilted * total) * factor.node
        grown = factor.share * _per(leant.sum(axis=0), 2.0 * factor.g)
        by_logit = factor.weight * (mine - worth) - (factor.tilted - factor.weight) * total
        by_part += [grown * variance, factor.g * (pull - factor.tilted * total), by_logit]
        by_variance = by_variance + grown
    curved = _per(by_s, mixed.s)
    return Slopes(worth, moved.sum(axis=(0, 1)), curved, by_variance, np.concatenate(by_part))


def _per(slope: Array, deviation: Array) -> Array:
    """Return what has no meaning any more once nothing deviates as zero."""
    alive = deviation > _LITTLE
    return np.where(alive, slope / np.where(alive, deviation, 1.0), 0.0)


def out(options: Columns) -> Array:
    """Return the kind that is out of the money."""
    return np.where(options.forward <= options.strike, 1.0, -1.0)
