"""Which equity paths could the same trades have taken? The resampling engine of Monte Carlo.

Paths are simulated in lanes of 1,024, trade by trade: one short vector operation advances a whole
lane and stays in the cache. A lane's bytes depend on seed and number of the lane alone: not on
memory, workers, or how many paths follow, and the first 500 of 1,000 paths are the 500 that were
asked for alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.evaluation.bootstrap import optimal_block_length
from trader.evaluation.draws import LANE, Draw, Method, drawing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Counts = NDArray[np.unsignedinteger[Any]]

FAN_POINTS: Final = 50
BLOCK_ROWS: Final = 40
"""Trades advanced between reductions, about: a block of 40 x 1,024 doubles fits the cache."""
PACKED_LOSSES_MAX: Final = 0.75
"""Share of losses up to which runs are short enough to be counted on packed bits."""


class Paths(msgspec.Struct, frozen=True):
    """Simulated paths that start at equity 1; arrays have one number a path."""

    final: Array
    """Equity after the last trade; 0 is ruin."""
    drawdown: Array
    """Deepest fall from a peak, <= 0, the start included."""
    streak: Ints
    """Longest losing run."""
    worst_day: Array
    """Deepest compounded result of one day's trades, <= 0; 0 where no day was asked for."""
    fan_trades: tuple[int, ...]
    """After how many trades the rows of `fan` stand."""
    fan: Array
    """Equity, shape (len(fan_trades), paths)."""
    block_length: float | None
    """Expected length of a block of the stationary bootstrap."""


class _Frame(msgspec.Struct, frozen=True):
    """The shape of a simulation, the same for each of its lanes."""

    trades: int
    day: int
    """Trades in a row that make a day; 0 where nobody asks."""
    step: int
    """Trades between two points of the fan."""
    scratch_tolerance: float
    has_scratches: bool
    has_short_runs: bool
    """Losses are no more frequent than `PACKED_LOSSES_MAX`."""

    @property
    def rows(self) -> int:
        """Trades of one block, a multiple of `step` and of `day`."""
        whole = self.step * max(self.day, 1)
        return whole * max(1, BLOCK_ROWS // whole)


def simulate(
    returns: Array,
    *,
    sims: int,
    trades_per_sim: int,
    method: Method,
    seed: int,
    block_length: float | None = None,
    trades_per_day: int | None = None,
    scratch_tolerance: float = 0.0,
) -> Paths:
    """Resample results (fractions, in time order) into paths that compound them.

    `trades_per_day` trades in a row make a day, if given. A result of -100 % or worse ruins a path
    for good; one within `scratch_tolerance` of zero neither extends nor ends a losing run.
    A permutation holds all indexes of a lane at once, 4 KB a trade; with all trades on each path
    their total is one number, and is the same in each to the last digit.

    Raises:
        ValueError: an argument is impossible; names it.
    """
    _check(returns, sims, trades_per_sim, method, seed, trades_per_day)
    length = _block_length(returns, block_length) if method == "stationary" else 1.0
    frame = _Frame(
        trades_per_sim,
        trades_per_day or 0,
        math.ceil(trades_per_sim / FAN_POINTS),
        scratch_tolerance,
        bool((np.abs(returns) <= scratch_tolerance).any()),
        float((returns < -scratch_tolerance).mean()) <= PACKED_LOSSES_MAX,
    )
    growth = np.maximum(1.0 + returns, 0.0)
    points = range(frame.step, trades_per_sim + frame.step, frame.step)
    lanes = math.ceil(sims / LANE)
    fan = np.empty((len(points), lanes * LANE))
    walked = [
        _walk(
            growth,
            frame,
            drawing(method, len(returns), length, (seed, lane)),
            fan[:, lane * LANE : (lane + 1) * LANE],
        )
        for lane in range(lanes)
    ]
    deepest, worst_day, streak = (
        np.concatenate(parts)[:sims] for parts in zip(*walked, strict=True)
    )
    fan = fan[:, :sims]
    if method == "permutation" and trades_per_sim == len(returns):
        fan[-1] = np.multiply.reduce(growth)
    return Paths(
        final=fan[-1].copy(),
        drawdown=deepest - 1.0,
        streak=streak.astype(np.int64),
        worst_day=np.minimum(worst_day - 1.0, 0.0),
        fan_trades=tuple(min(point, trades_per_sim) for point in points),
        fan=fan,
        block_length=length if method == "stationary" else None,
    )


def _walk(growth: Array, frame: _Frame, draw: Draw, fan: Array) -> tuple[Array, Array, Counts]:
    """Walk one lane and fill its fan: lowest equity over peak, worst day, longest losing run.

    Buffers and the views of their rows are made once: thousands of small operations follow.
    """
    block = np.ones((frame.rows, LANE))
    packable = frame.has_short_runs and not frame.has_scratches
    streaks = _PackedLosses(frame) if packable else _LosingRuns(frame)
    rows_of_block, full = list(block), np.ones(LANE)
    multiply, minimum = np.multiply, np.minimum
    equity, share, deepest, worst_day = np.ones((4, LANE))
    worst_day += np.inf
    for start in range(0, frame.trades, frame.rows):
        rows = min(frame.rows, frame.trades - start)
        growth.take(draw(rows), out=block[:rows], mode="clip")
        block[rows:] = 1.0
        if frame.day:
            minimum(worst_day, _products(block, frame.day).min(axis=0), out=worst_day)
        shown = fan[start // frame.step : (start + frame.rows) // frame.step]
        for product, now in zip(_products(block, frame.step), shown, strict=False):
            multiply(equity, product, now)
            equity = now
        streaks.extend(block[:rows])
        for row in rows_of_block:  # share' = min(share * growth, 1): equity over its peak
            multiply(share, row, row)
            minimum(row, full, out=row)
            share = row
        share = share.copy()
        minimum(deepest, block.min(axis=0), out=deepest)
    return deepest, worst_day, streaks.longest()


def _products(block: Array, group: int) -> Array:
    """Multiply each `group` rows in a row."""
    products: Array = np.multiply.reduce(block.reshape(-1, group, LANE), axis=1)
    return products


class _PackedLosses:
    """The losses of each path of a lane, a bit a trade. Needs a history without scratches."""

    def __init__(self, frame: _Frame) -> None:
        self._loses_below = 1.0 - frame.scratch_tolerance
        self._words = np.empty((frame.trades, LANE // 64), np.uint64)
        self._count = 0

    def extend(self, block: Array) -> None:
        """Add the growth of further trades."""
        bits = np.packbits(block < self._loses_below, axis=1)
        self._words[self._count : self._count + len(block)] = bits.view(np.uint64)
        self._count += len(block)

    def longest(self) -> Counts:
        """Count the longest run by erosion: the k-th leaves bits where k losses follow each other.

        The work is proportional to the longest run of all.
        """
        longest = np.zeros(LANE, np.uint32)
        left, size = self._words.copy(), 0
        while (held := np.bitwise_or.reduce(left, axis=0)).any():
            longest += np.unpackbits(held.view(np.uint8))
            size += 1
            left = left[:-1]
            np.bitwise_and(left, self._words[size:], out=left)
        return longest


class _LosingRuns:
    """The losing run of each path of a lane, and the longest so far: for any history."""

    def __init__(self, frame: _Frame) -> None:
        counts = np.dtype(np.uint16 if frame.trades < 2**16 else np.uint32)
        self._longest: Counts = np.zeros(LANE, counts)
        self._run: Counts = np.zeros(LANE, counts)
        self._loses_below = 1.0 - frame.scratch_tolerance
        self._wins_above = 1.0 + frame.scratch_tolerance

    def extend(self, block: Array) -> None:
        """Add the growth of further trades: a loss adds one, a win ends the run."""
        loses = (block < self._loses_below).astype(self._run.dtype)
        lasts = (block <= self._wins_above).astype(self._run.dtype)  # a scratch adds nothing
        run, add, multiply = self._run, np.add, np.multiply
        for lose, last in zip(loses, lasts, strict=True):
            add(run, lose, lose)
            multiply(lose, last, lose)
            run = lose
        self._run = run.copy()
        np.maximum(self._longest, loses.max(axis=0), out=self._longest)

    def longest(self) -> Counts:
        """Return the longest run of each path so far."""
        return self._longest


def _block_length(returns: Array, given: float | None) -> float:
    """Return the length asked for, else the one the data suggest.

    Raises:
        ValueError: the length asked for is below 1.
    """
    length = optimal_block_length(returns) if given is None else given
    if not 1.0 <= length < math.inf:
        raise ValueError(f"block_length is {length}, must be finite and at least 1")
    return length


def _check(
    returns: Array,
    sims: int,
    trades_per_sim: int,
    method: Method,
    seed: int,
    trades_per_day: int | None,
) -> None:
    """Refuse what cannot be simulated."""
    if len(returns) == 0 or not np.isfinite(returns).all():
        raise ValueError("returns must be finite and at least one")
    counts = {"sims": sims, "trades_per_sim": trades_per_sim, "trades_per_day": trades_per_day}
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{name} is {count}, must be at least 1")
    if seed < 0:
        raise ValueError(f"seed is {seed}, must not be negative")
    if method == "permutation" and trades_per_sim > len(returns):
        raise ValueError(
            f"trades_per_sim is {trades_per_sim}, a permutation has only {len(returns)} trades:"
            " ask for fewer, or bootstrap"
        )
