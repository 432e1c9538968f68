"""What do the bars of a path look like, at any resolution, and how much was traded in them?

Every bar is the first, highest, lowest and last of the path's steps inside it. Turnover is drawn
for each minute in whole contracts, from the hour's deviation and the move of the minute before, so
that it knows nothing of the future; prints (`prints`) share out exactly that.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.path import (
    BLOCK_DAYS,
    GENESIS,
    HIGHEST,
    LATEST,
    LOWEST,
    STEP,
    STEPS_PER_HOUR,
    STEPS_PER_MINUTE,
    Frame,
    Path,
    Series,
    Small,
    finish,
    keep,
    read,
)
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE
from trader.pricing.normal import Array

RESOLUTIONS_MINUTES: Final = (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)

_BLOCKS_KEPT: Final = 1_024
_MINUTE_BLOCKS_KEPT: Final = 4
_DAYS_KEPT: Final = 32
_USUAL_STEP: Final = 0.6 / float(np.sqrt(365 * 24 * STEPS_PER_HOUR))
_USUAL_MOVE: Final = 0.8  # of a minute, in its deviations
_SPREAD_OF_TURNOVER: Final = 1.6


class Candles(NamedTuple):
    """Bars in columns of one length: `ticks` are the opens' times in milliseconds.

    `volume` is in coin, `cost` in USD.
    """

    ticks: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    cost: Array


class Turnover(NamedTuple):
    """How an instrument trades: so many contracts of `contract_size` in a usual minute, in
    `prints` prints. Contracts count USD if it is `inverse`, else coin; `shift` says which bits of
    the minute's draw are its own.
    """

    contracts: float
    contract_size: float
    prints: int
    inverse: bool
    shift: int


class _Columns(NamedTuple):
    """Open, high, low, close, contracts, and their amount in the other currency."""

    open: Array
    high: Array
    low: Array
    close: Array
    contracts: Array
    other: Array


class Charts:
    """The bars of one path's series. Caches are bounded and never change an answer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hours: dict[tuple[Series, Turnover | None, int], _Columns] = {}
        self._minutes: dict[tuple[Series, Turnover | None, int], _Columns] = {}
        self._contracts: dict[tuple[Series, Turnover, int], NDArray[np.int64]] = {}

    def candles(
        self,
        series: Series,
        turnover: Turnover | None,
        start: int,
        end: int,
        resolution_minutes: int,
        at: int,
    ) -> Candles:
        """Return the bars that open in [start, end] and not after `at`, oldest first.

        The running bar holds what has happened up to `at`; nothing before the genesis exists.
        A minute's turnover counts once its first step is over, in equal parts.

        Raises:
            ValueError: a resolution other than those in `RESOLUTIONS_MINUTES`.
        """
        if resolution_minutes not in RESOLUTIONS_MINUTES:
            raise ValueError(
                f"resolution_minutes = {resolution_minutes!r}: must be one of {RESOLUTIONS_MINUTES}"
            )
        bar = resolution_minutes * MINUTE
        first = -((GENESIS - max(start, GENESIS)) // bar)
        last = (min(end, at) - GENESIS) // bar
        if last < first:
            return NO_CANDLES
        unit = HOUR if resolution_minutes >= 60 else MINUTE
        per_bar = bar // unit
        closed = (at - GENESIS) // unit
        stop = min((last + 1) * per_bar, closed)
        parts = self._units(series, turnover, unit, first * per_bar, stop)
        if (last + 1) * per_bar > closed:
            parts.append(self._running(series, turnover, unit, at))
        return _aggregated(_joined(parts), turnover, GENESIS + first * bar, bar, per_bar)

    def contracts(self, series: Series, turnover: Turnover, day: int) -> NDArray[np.int64]:
        """Return the contracts traded in each minute of a day (counted from the genesis)."""
        key = (series, turnover, day)
        known = self._contracts.get(key)
        if known is None:
            block, into = divmod(day, BLOCK_DAYS)
            rows = slice(24 * into, 24 * into + 24)
            frame = self.path.frame(series, block, rows)
            drawn = _contracts(turnover, frame, self.path.words(series.coin, block)[:, rows])
            known = drawn.T.ravel().astype(np.int64)
            keep(self._contracts, key, known, _DAYS_KEPT)
        return known

    def _units(
        self, series: Series, turnover: Turnover | None, unit: int, begin: int, stop: int
    ) -> list[_Columns]:
        """Return the columns of closed hours or minutes in [begin, stop)."""
        size = BLOCK_DAYS * DAY // unit
        parts = []
        for block in range(begin // size, -(-stop // size)):
            if unit == HOUR:
                columns = self._block_hours(series, turnover, block)
            else:
                columns = self._block_minutes(series, turnover, block)
            low, high = max(begin - block * size, 0), min(stop - block * size, size)
            if low < high:
                parts.append(_Columns(*(column[low:high] for column in columns)))
        return parts

    def _block_hours(self, series: Series, turnover: Turnover | None, block: int) -> _Columns:
        key = (series, turnover, block)
        known = self._hours.get(key)
        if known is None:
            frame = self.path.frame(series, block)
            contracts, other = self._traded(series, turnover, frame, block)
            known = _Columns(
                finish(series, frame.level + frame.start[0]),
                finish(series, frame.level + read(frame, HIGHEST).max(axis=0)),
                finish(series, frame.level + read(frame, LOWEST).min(axis=0)),
                finish(series, frame.level + read(frame, LATEST)[-1]),
                contracts.sum(axis=0, dtype=np.float64),
                other.sum(axis=0, dtype=np.float64),
            )
            keep(self._hours, key, known, _BLOCKS_KEPT)
        return known

    def _block_minutes(self, series: Series, turnover: Turnover | None, block: int) -> _Columns:
        key = (series, turnover, block)
        known = self._minutes.get(key)
        if known is None:
            frame = self.path.frame(series, block)
            contracts, other = self._traded(series, turnover, frame, block)

            def in_order(column: Small) -> Array:
                return finish(series, (frame.level + column).T.ravel())

            known = _Columns(
                in_order(frame.start),
                in_order(read(frame, HIGHEST)),
                in_order(read(frame, LOWEST)),
                in_order(read(frame, LATEST)),
                contracts.T.ravel().astype(np.float64),
                other.T.ravel().astype(np.float64),
            )
            keep(self._minutes, key, known, _MINUTE_BLOCKS_KEPT)
        return known

    def _running(self, series: Series, turnover: Turnover | None, unit: int, at: int) -> _Columns:
        """Return the one hour or minute that is not over at `at`, up to then."""
        day, offset = divmod(at - GENESIS, DAY)
        step = offset // STEP
        seen = self.path.day(series, day)[offset // unit * unit // STEP : step + 1]
        minute = (at - GENESIS) // MINUTE
        begin = (at - GENESIS) // unit * unit // MINUTE
        done = self._units(series, turnover, MINUTE, begin, minute + 1)
        contracts = np.concatenate([part.contracts for part in done])
        other = np.concatenate([part.other for part in done])
        share = (step % STEPS_PER_MINUTE + 1) / STEPS_PER_MINUTE
        contracts[-1] = np.floor(contracts[-1] * share)
        other[-1] *= share
        values = (seen[0], seen.max(), seen.min(), seen[-1], contracts.sum(), other.sum())
        return _Columns(*(np.array([value]) for value in values))

    def _traded(
        self, series: Series, turnover: Turnover | None, frame: Frame, block: int
    ) -> tuple[Small, Array]:
        """Return each minute's contracts, and their amount in the other currency."""
        if turnover is None:
            return np.zeros_like(frame.start), np.zeros(frame.start.shape)
        contracts = _contracts(turnover, frame, self.path.words(series.coin, block))
        relative = np.exp(-frame.start if turnover.inverse else frame.start)
        level = np.exp(-frame.level if turnover.inverse else frame.level)
        return contracts, contracts * relative * (level * turnover.contract_size)


def _contracts(turnover: Turnover, frame: Frame, words: NDArray[np.uint32]) -> Small:
    """Draw the contracts of every minute of a frame: at least one for each print."""
    draw = (words >> np.uint32(turnover.shift)) & np.uint32(1023)
    busy = np.empty_like(frame.start)
    np.abs(frame.slope[:-1], out=busy[1:])
    busy[1:] /= frame.scale * np.float32(np.sqrt(STEPS_PER_MINUTE))
    busy[0] = _USUAL_MOVE
    busy *= np.float32(0.75)
    busy += np.float32(0.4)
    wild = np.clip(frame.scale / np.float32(_USUAL_STEP), 0.3, 5.0) * turnover.contracts
    busy *= wild.astype(np.float32)
    busy *= _MOODS[draw]
    return np.floor(busy) + np.float32(turnover.prints)


_MOODS: Final = np.exp(_SPREAD_OF_TURNOVER * (np.arange(1_024) / 1_023 - 0.5)).astype(np.float32)


def _joined(parts: list[_Columns]) -> _Columns:
    return _Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _aggregated(
    columns: _Columns, turnover: Turnover | None, opens_at: int, bar: int, per_bar: int
) -> Candles:
    """Put hours or minutes together to bars; the last may be short."""
    starts = np.arange(0, len(columns.open), per_bar)
    ends = np.minimum(starts + per_bar, len(columns.open))
    size = turnover.contract_size if turnover else 1.0
    amount: Array = np.round(np.add.reduceat(columns.contracts, starts) * size, 8)
    inverse = turnover is not None and turnover.inverse
    other: Array = np.add.reduceat(columns.other, starts).round(8 if inverse else 2)
    return Candles(
        (opens_at + np.arange(len(starts)) * bar) // MILLISECOND,
        columns.open[starts],
        np.maximum.reduceat(columns.high, starts),
        np.minimum.reduceat(columns.low, starts),
        columns.close[ends - 1],
        other if inverse else amount,
        amount if inverse else other,
    )


NO_CANDLES: Final = Candles(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(6)))
