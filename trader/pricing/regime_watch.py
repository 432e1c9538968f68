"""What kind of market is it now? The regime of one market as its hours close.

What `regime` reads of a whole history is read here of what has closed since somebody last asked:
an hour costs next to nothing until then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.units import HOUR
from trader.pricing.regime import (
    CLOSES_KEPT,
    CLOSES_MIN,
    DAY,
    MONTH,
    TIE,
    WEEK,
    YEAR,
    Readings,
    fitting,
    in_deviations,
    observation,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Floats, Ints
    from trader.domain.models import Observation

CLOSE, LEVEL, SQUARES, VOL_1D, VOL_7D, COLUMNS = range(6)
WAITING_MAX: Final = 512
"""Closes that may wait until somebody asks, and rows that are read in one stroke."""


class RegimeWatch:
    """The regime of one market: what `regime_now` says of its hours, whenever it is asked.

    An hour that was never heard of has the close before it. What can matter no more is forgotten.
    """

    def __init__(self) -> None:
        self._first = 0
        self._hours = np.empty((COLUMNS, 0))
        self._count = 0
        self._waiting: list[float] = []
        self._standing: tuple[int, int] | None = None
        self._last: Readings | None = None

    @property
    def heard_until(self) -> int:
        """The hour after the last that closed, in UTC nanoseconds."""
        return self._first + (self._count + len(self._waiting)) * HOUR

    def load(self, opened_at: Sequence[int], close: Sequence[float]) -> None:
        """Take history: it wins over what was heard of the same hours; later ones stay."""
        heard = [*self._hours[CLOSE, : self._count].tolist(), *self._waiting]
        hours = {self._first + row * HOUR: one for row, one in enumerate(heard)}
        loaded = {at: one for at, one in zip(opened_at, close, strict=True) if 0 < one < math.inf}
        if not loaded:
            return
        filled: list[float] = []
        first, merged = min(hours | loaded), hours | loaded
        for at in sorted(merged):
            filled += filled[-1:] * ((at - first) // HOUR - len(filled))
            filled.append(merged[at])
        kept = filled[-CLOSES_KEPT:]
        self._first = max(merged) - (len(kept) - 1) * HOUR
        self._count, self._standing, self._last = 0, None, None
        self._waiting = kept

    def close(self, opened_at: int, close: float) -> None:
        """Take the close of one more hour; one that is known already, or none, changes nothing."""
        if not 0 < close < math.inf:
            return
        if not (self._count or self._waiting):
            self._first = opened_at
        missing = (opened_at - self.heard_until) // HOUR
        if missing < 0:
            return
        if missing:
            last = self._waiting[-1] if self._waiting else self._hours[CLOSE, self._count - 1]
            self._waiting += [float(last)] * missing
        self._waiting.append(close)
        if len(self._waiting) > WAITING_MAX:
            self._read()

    def seen(self) -> Observation:
        """Tell the regime now, with the numbers that decide."""
        self._read()
        return observation(self._last, self._standing, self._count)

    def _read(self) -> None:
        """Read the closes that wait, in strokes, and let the regime settle close by close."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), WAITING_MAX):
            fresh = self._append(np.array(waiting[start : start + WAITING_MAX]))
            rows = np.arange(max(self._count - fresh, CLOSES_MIN - 1), self._count)
            if len(rows):
                read = _readings(self._hours, rows)
                for fits in fitting(read).tolist():
                    self._standing = settle(self._standing, fits)
                last = {name: getattr(read, name)[-1:] for name in Readings.__struct_fields__}
                self._last = Readings(**last)
        if self._count >= 2 * CLOSES_KEPT:
            self._first += (self._count - CLOSES_KEPT) * HOUR
            self._hours = self._hours[:, self._count - CLOSES_KEPT : self._count].copy()
            self._count = CLOSES_KEPT

    def _append(self, closes: Floats) -> int:
        """Put closes behind those that are known, with what each adds; tell how many."""
        before, after = self._count, self._count + len(closes)
        if after > self._hours.shape[1]:
            more = max(after, 2 * self._hours.shape[1]) - self._hours.shape[1]
            self._hours = np.hstack((self._hours, np.full((COLUMNS, more), np.nan)))
        hours, rows = self._hours, np.arange(before, after)
        hours[CLOSE, before:after] = closes
        hours[LEVEL, before:after] = np.log(closes)
        if not before:
            hours[SQUARES, 0] = 0.0
        first = max(before, 1)
        moves = np.diff(hours[LEVEL, first - 1 : after])
        hours[SQUARES, first:after] = hours[SQUARES, first - 1] + np.cumsum(moves**2)
        hours[VOL_1D, before:after] = _volatility(hours, rows, DAY)
        hours[VOL_7D, before:after] = _volatility(hours, rows, WEEK)
        self._count = after
        return len(closes)


def _readings(hours: Floats, rows: Ints) -> Readings:
    """Read the market at some closes, as `regime.readings` does; there are 60 days before each."""
    close, level, vol_7d = hours[CLOSE], hours[LEVEL], hours[VOL_7D]
    days = rows[:, None] - np.arange(0, YEAR + 1, DAY)
    weeks = vol_7d[np.maximum(days, 0)]
    known = (days >= 0) & np.isfinite(weeks)
    below = (weeks <= weeks[:, :1] * (1.0 + TIE)) & known
    week = close[rows[0] - WEEK : rows[-1] + 1]
    highest = np.lib.stride_tricks.sliding_window_view(week, WEEK + 1).max(axis=1)
    month_before = _volatility(hours, rows - DAY, MONTH)
    return Readings(
        vol_1d=hours[VOL_1D, rows],
        vol_1d_usual=np.median(hours[VOL_1D][days[:, 1:31]], axis=1),
        move_1d=in_deviations(level[rows] - level[rows - DAY], month_before, DAY),
        drawdown_7d=1.0 - close[rows] / highest,
        vol_7d=weeks[:, 0],
        vol_7d_rank=below.sum(axis=1) / known.sum(axis=1),
        trend_30d=in_deviations(
            level[rows] - level[rows - MONTH], _volatility(hours, rows, MONTH), MONTH
        ),
    )


def _volatility(hours: Floats, rows: Ints, span: int) -> Floats:
    """Return the realized volatility of the last hours at some closes; NaN before there are."""
    squares = hours[SQUARES]
    spent = squares[rows] - squares[np.maximum(rows - span, 0)]
    vol: Floats = np.sqrt(np.maximum(spent, 0.0) * (YEAR / span))
    return np.where(rows >= span, vol, np.nan)
