"""What is an option worth if its underlying also jumps? Merton's jump diffusion on the forward.

Jumps arrive `jump_intensity` times a year and multiply the price by 1 + J, ln(1 + J) normal with
`jump_mean` and `jump_std`; between them it diffuses with `vol`. The drift makes the forward a
martingale. Given n jumps the price is lognormal, so a value is a Poisson mixture of Black-76 ones,
summed until the mass left is below 1e-18 under the measures of the strike and of the forward.
Source: Merton 1976, "Option pricing when underlying stock returns are discontinuous".
Arguments are those of `trader.pricing.columns`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.pricing import kernels
from trader.pricing.columns import Columns, Greeks, Kinds, Numbers, Range, columns
from trader.pricing.normalized import NO_DEVIATION, Black, black

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.pricing.normal import Array

RANGES: Final = (
    Range("vol", 0.0, 1e2),
    Range("jump_intensity", 0.0, 1e3),
    Range("jump_mean", -2.0, 2.0),
    Range("jump_std", 0.0, 1.5),
)
JUMPS: Final = Range("jump_intensity * years * max(1, mean of 1 + J)", 0.0, 1e4)
GROWTH: Final = Range("jump_intensity and jump_mean: ln of the forward they reach", -np.inf, 300.0)

_MASS_LEFT_LOG: Final = 42.0  # e^-42 = 6e-19
_TERMS_AT_ONCE: Final = 16


class _Term(NamedTuple):
    """What options are worth given n jumps; arrays of shape (terms, options).

    `weight` is the probability of n jumps and `before` that of n - 1; `ratio` F_n / F; `steep` the
    slope per deviation and `by_vol` that by the volatility between jumps.
    """

    jumps: Array
    weight: Array
    before: Array
    ratio: Array
    steep: Array
    by_vol: Array
    given: Black


def price(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    jump_intensity: Numbers,
    jump_mean: Numbers,
    jump_std: Numbers,
    rate: Numbers = 0.0,
) -> float | Array:
    """Return the value in USD of one unit, discounted at `rate`.

    Raises:
        ValueError: an argument is not finite or outside its range, or more jumps are to be
            expected than `JUMPS` allows, or larger ones than `GROWTH` does.
    """
    parameters = (vol, jump_intensity, jump_mean, jump_std)
    options = columns(kind, forward, strike, years, rate, parameters, RANGES)
    return options.shaped(options.discounted(value(options)))


def greeks(
    kind: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    jump_intensity: Numbers,
    jump_mean: Numbers,
    jump_std: Numbers,
    rate: Numbers = 0.0,
) -> Greeks[float] | Greeks[Array]:
    """Return the Greeks of one unit; vega is that of `vol`, the volatility between jumps.

    Raises:
        ValueError: as `price`.
    """
    parameters = (vol, jump_intensity, jump_mean, jump_std)
    options = columns(kind, forward, strike, years, rate, parameters, RANGES)
    return options.shaped_greeks(sensitivities(options))


def value(options: Columns) -> Array:
    """Return undiscounted values of checked columns.

    Raises:
        ValueError: more jumps are to be expected than `JUMPS` allows.
    """
    found = kernels.merton(options, *_counts(options), 1)
    if found is None:
        total = np.zeros(options.forward.shape)
        for term in _terms(options):
            total += (term.weight * term.given.value).sum(axis=0)
    else:
        total = found[0]
    return np.minimum(total, np.minimum(options.forward, options.strike)) + options.intrinsic()


def sensitivities(options: Columns) -> Greeks[Array]:
    """Return Greeks of checked columns.

    Raises:
        ValueError: as `value`.
    """
    _, forward, _, _, _, (vol, intensity, mean, std), _ = options
    drift = intensity * np.expm1(mean + 0.5 * std * std)
    worth, delta, gamma, per_vol, per_year = np.zeros((5, forward.size))
    for term in _terms(options):
        given = term.given
        moved = given.delta * term.ratio
        worth += (term.weight * given.value).sum(axis=0)
        delta += (term.weight * moved).sum(axis=0)
        gamma += (term.weight * given.gamma * term.ratio * term.ratio).sum(axis=0)
        per_vol += (term.weight * term.by_vol).sum(axis=0)
        decay = 0.5 * vol * vol * term.steep - moved * drift * forward
        arrives = intensity * (term.before - term.weight) * given.value
        per_year += (arrives + term.weight * decay).sum(axis=0)
    inside = options.sign != options.out()
    delta = np.where(inside, delta + options.sign, delta)
    return options.scaled(worth + options.intrinsic(), delta, gamma, np.stack((per_vol, per_year)))


def gradient(options: Columns) -> tuple[Array, Array]:
    """Return undiscounted values and their derivatives by each parameter, in the order of `RANGES`.

    Raises:
        ValueError: as `value`.
    """
    found = kernels.merton(options, *_counts(options), 5)
    if found is not None:
        return found[0] + options.intrinsic(), found[1:]
    _, forward, _, years, _, (_, intensity, mean, std), _ = options
    growth = np.exp(mean + 0.5 * std * std)
    worth, slopes = np.zeros(forward.size), np.zeros((4, forward.size))
    for term in _terms(options):
        given = term.given
        moved = given.delta * term.ratio * forward
        arrives = years * (term.before - term.weight) * given.value
        surplus = term.jumps - intensity * years * growth
        worth += (term.weight * given.value).sum(axis=0)
        slopes[0] += (term.weight * term.by_vol).sum(axis=0)
        slopes[1] += (arrives - term.weight * moved * years * (growth - 1.0)).sum(axis=0)
        slopes[2] += (term.weight * moved * surplus).sum(axis=0)
        slopes[3] += (term.weight * std * (moved * surplus + term.steep * term.jumps)).sum(axis=0)
    return worth + options.intrinsic(), slopes


def _terms(options: Columns) -> Iterator[_Term]:
    """Yield the out-of-the-money options given 0, 1, ... jumps, some terms at a time."""
    _, forward, strike, years, _, (vol, intensity, mean, std), _ = options
    if not forward.size:
        return
    least, most = _counts(options)
    first, last = int(least.min()), int(most.max())
    step = mean + 0.5 * std * std
    expected = intensity * years
    by_forward = expected * np.exp(step)
    sign = options.out()
    some = expected > 0.0
    log_expected = np.where(some, np.log(np.where(some, expected, 1.0)), -1e300)
    for start in range(first, last + 1, _TERMS_AT_ONCE):
        counts = range(start, min(start + _TERMS_AT_ONCE, last + 1))
        n = np.array(counts, dtype=np.float64)[:, None]
        logs = np.array([math.lgamma(one + 1.0) for one in counts])[:, None]
        weight = np.exp(n * log_expected - expected - logs)
        logs_before = np.array([math.lgamma(max(one, 1)) for one in counts])[:, None]
        before = np.exp((n - 1.0) * log_expected - expected - logs_before) if start else None
        if before is None:
            before = np.vstack((np.zeros_like(expected), weight[:-1]))
        # no weight is left where this clips
        ratio = np.exp(np.clip(n * step - (by_forward - expected), -300.0, 300.0))
        deviation = np.sqrt(vol * vol * years + n * std * std)
        shape = weight.shape
        flat = (np.broadcast_to(one, shape).ravel() for one in
                (sign, forward * ratio, strike, deviation))  # fmt: skip
        given = Black(*(one.reshape(shape) for one in black(*flat)))
        alive = deviation > NO_DEVIATION
        steep = np.where(alive, given.slope / np.where(alive, deviation, 1.0), 0.0)
        by_vol = np.where(alive, steep * vol * years, given.slope * np.sqrt(years))
        yield _Term(n, weight, before, ratio, steep, by_vol, given)


def _counts(options: Columns) -> tuple[Array, Array]:
    """Return the least and the largest number of jumps that count.

    Raises:
        ValueError: more jumps are to be expected than `JUMPS` allows, or larger than `GROWTH`.
    """
    _, intensity, mean, std = options.parameters
    step = mean + 0.5 * std * std
    expected = intensity * options.years
    by_forward = expected * np.exp(step)
    most, least = np.maximum(expected, by_forward), np.minimum(expected, by_forward)
    JUMPS.check(most)
    beyond = _beyond(most)
    GROWTH.check(beyond * step - (by_forward - expected))
    first = np.floor(np.maximum(least - np.sqrt(2.0 * _MASS_LEFT_LOG * least), 0.0))
    return first, np.ceil(beyond)


def _beyond(expected: Array) -> Array:
    """Return a count that Poisson draws of these means exceed with a chance below e^-42.

    Bernstein: P(N >= mu + x) <= exp(-x^2 / (2 (mu + x / 3))).
    """
    third = _MASS_LEFT_LOG / 3.0
    return expected + third + np.sqrt(third * third + 2.0 * _MASS_LEFT_LOG * expected)
