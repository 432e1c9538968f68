"""Which random number belongs to this instrument in this stretch of time?

Counter-based: a draw is a hash of (seed, key, counter), so that any of them can be asked for alone.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array

Unsigned = NDArray[np.uint64]


def keys(numbers: NDArray[np.int64]) -> Unsigned:
    """Return a key for each number: an instrument's id, or what else draws for itself."""
    return mixed(numbers.astype(np.uint64))


def uniforms(seed: int, key: Unsigned, counter: NDArray[np.int64], count: int) -> list[Array]:
    """Return `count` independent uniforms in [0, 1) for each pair of key and counter."""
    word = mixed(key + counter.astype(np.uint64)) ^ np.array(seed, dtype=np.uint64)
    draws = []
    for _ in range(count):
        word = mixed(word)
        draws.append((word >> np.uint64(11)).astype(np.float64) * 2.0**-53)
    return draws


_NEVER: Final = np.iinfo(np.int64).min


class Stretches:
    """The draws of some instruments, each of which holds for a stretch of its own time.

    Three columns: `plain` uniforms in [0, 1), then factors, log-uniform around 1. What held at the
    last question is kept and drawn anew where a new stretch has begun: the answer never depends on
    it.
    """

    def __init__(
        self,
        key: Unsigned,
        since: NDArray[np.int64],
        length: NDArray[np.int64],
        plain: int,
    ) -> None:
        """Count stretches of `length` from `since`, for the instruments of `key`."""
        self.length = length
        self._key = key
        self._since = since
        self._plain = plain
        self._numbers = np.full(key.shape, _NEVER, dtype=np.int64)
        self._draws = np.empty((3, *key.shape))

    def numbers(self, at: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the stretches before those that hold an instant, or one instant for each."""
        return (at - self._since) // self.length

    def starts_at(self, at: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when the stretches began that hold an instant, or one instant for each."""
        return self._since + self.numbers(at) * self.length

    def draws(self, seed: int, at: int | NDArray[np.int64]) -> Array:
        """Return the draws, [column, instrument], for the stretches that hold an instant."""
        numbers = self.numbers(at)
        new = np.flatnonzero(numbers != self._numbers)
        if new.size:
            drawn = np.array(uniforms(seed, self._key[new], numbers[new], 3))
            drawn[self._plain :] = np.exp(SPREAD_OF_SIZES * (drawn[self._plain :] - 0.5))
            self._draws[:, new] = drawn
            self._numbers = numbers
        return self._draws.copy()


SPREAD_OF_SIZES: Final = 2.4
"""Logarithm of the largest over the smallest size at one place."""


def mixed(words: Unsigned) -> Unsigned:
    """Scramble 64-bit words (the finalizer of SplitMix64, Steele, Lea and Flood 2014)."""
    mixed: Unsigned = words + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
