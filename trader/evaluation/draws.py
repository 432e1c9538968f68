"""Which trade comes next on a resampled path? The three ways to draw, a lane of paths at a time.

Each lane of 1,024 paths owns a generator seeded by (seed, lane), so that its draws depend on
nothing else. Draws are uniform to n / 2**32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, assert_never

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

Method = Literal["iid", "stationary", "permutation"]
Draw: TypeAlias = "Callable[[int], Ints]"
"""Given a number of trades, the next indexes into the results, shape (trades, LANE).

They are good until the next call, which may overwrite them.
"""

LANE: Final = 1_024


def drawing(method: Method, size: int, length: float, entropy: tuple[int, int]) -> Draw:
    """Return the source of indexes of one lane; how many are asked for at once changes nothing."""
    bits = np.random.SFC64(np.random.SeedSequence(entropy))
    match method:
        case "iid":
            return _Independent(bits, size)
        case "stationary":
            return _Blocks(bits, size, length)
        case "permutation":
            return _shuffled(np.random.Generator(bits), size)
        case _:
            assert_never(method)


class _Independent:
    """Independent draws of one lane, two from each word of the generator.

    The answer is a buffer that the next call overwrites: fresh memory costs as much as the draws.
    """

    def __init__(self, bits: np.random.SFC64, size: int) -> None:
        self._bits = bits
        self._size = np.uint64(size)
        self._buffer = np.empty(0, np.uint64)

    def __call__(self, rows: int) -> Ints:
        """Draw the next rows."""
        if len(self._buffer) < rows * LANE:
            self._buffer = np.empty(rows * LANE, np.uint64)
        words = self._bits.random_raw(rows * LANE // 2).view(np.uint32)
        return _scaled(words, self._size, self._buffer[: rows * LANE])


def _scaled(
    words: NDArray[np.uint32], size: np.uint64, out: NDArray[np.uint64] | None = None
) -> Ints:
    """Scale 32-bit words to indexes below `size`, in rows of a lane."""
    scaled = np.multiply(words, size, out=out)
    np.right_shift(scaled, np.uint64(32), out=scaled)
    return scaled.view(np.int64).reshape(-1, LANE)


class _Blocks:
    """The stationary bootstrap of one lane: runs of the series, wrapped, of geometric length."""

    def __init__(self, bits: np.random.SFC64, size: int, length: float) -> None:
        self._bits = bits
        self._size = size
        self._threshold = min(int(2.0**32 / length), 2**32 - 1)
        self._now: Ints | None = None

    def __call__(self, rows: int) -> Ints:
        """Draw the next rows: a word starts a block at a random place or goes on by one."""
        words = self._bits.random_raw(rows * LANE).view(np.uint32).reshape(rows, 2, LANE)
        starts = _scaled(words[:, 0].ravel(), np.uint64(self._size))
        begins = words[:, 1] < self._threshold
        if self._now is None:
            begins[0] = True
            self._now = np.zeros(LANE, np.int64)
        now = self._now
        for start, begin in zip(starts, begins, strict=True):
            following = now + 1
            following[following == self._size] = 0
            np.copyto(start, following, where=~begin)
            now = start
        self._now = now
        return starts


def _shuffled(rng: np.random.Generator, size: int) -> Draw:
    """Shuffle all results once for each path of a lane."""
    order = np.empty((size, LANE), np.int32)
    order[:] = np.arange(size, dtype=np.int32)[:, None]
    rng.permuted(order, axis=0, out=order)
    done = 0

    def draw(rows: int) -> Ints:
        nonlocal done
        done += rows
        return order[done - rows : done].astype(np.int64)

    return draw
