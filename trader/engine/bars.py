"""How did the index get here? Closed hourly bars, from history and from what we heard since."""

from __future__ import annotations

import math
from typing import Final

from trader.domain.market import Bars
from trader.domain.units import HOUR

BARS_MAX: Final = 24 * 60
EMPTY: Final = Bars((), (), (), (), ())

Row = tuple[int, float, float, float, float]


class BarBook:
    """Hourly bars per underlying, bounded; the running hour is never shown.

    An hour in which nothing was heard leaves a gap; `HistoryLoaded` fills it.
    """

    def __init__(self) -> None:
        self._closed: dict[str, list[Row]] = {}
        self._running: dict[str, Row] = {}
        self._shown: dict[str, Bars] = {}
        self._unshown: dict[str, list[Row]] = {}

    def __len__(self) -> int:
        return sum(len(closed) for closed in self._closed.values())

    def grow(self, underlying: str, price: float, at: int) -> None:
        """Take one price into the running hour; a new hour closes the last one."""
        opened_at = at - at % HOUR
        running = self._running.get(underlying)
        if running is None or running[0] != opened_at:
            if running is not None:
                self._close(underlying, running)
            self._running[underlying] = (opened_at, price, price, price, price)
        elif price > running[2]:
            self._running[underlying] = (opened_at, running[1], price, running[3], price)
        elif price < running[3]:
            self._running[underlying] = (opened_at, running[1], running[2], price, price)
        else:
            self._running[underlying] = (opened_at, running[1], running[2], running[3], price)

    def _close(self, underlying: str, row: Row) -> None:
        closed = self._closed.setdefault(underlying, [])
        if closed and closed[-1][0] >= row[0]:
            return
        closed.append(row)
        del closed[:-BARS_MAX]
        self._unshown.setdefault(underlying, []).append(row)
        del self._unshown[underlying][:-BARS_MAX]

    def load(self, underlying: str, bars: Bars, at: int) -> None:
        """Merge history in; where both know an hour, history wins (it heard all of it).

        Left out: what had not closed by `at` (nobody may know it yet) and hours without a price.
        """
        merged = {row[0]: row for row in self._closed.get(underlying, [])}
        columns = zip(bars.opened_at, bars.open, bars.high, bars.low, bars.close, strict=True)
        merged.update(
            {row[0]: row for row in columns if all(0 < price < math.inf for price in row[1:])}
        )
        rows = [row for opened_at, row in sorted(merged.items()) if opened_at + HOUR <= at]
        self._closed[underlying] = rows[-BARS_MAX:]
        self._unshown[underlying] = self._closed[underlying].copy()
        self._shown[underlying] = EMPTY

    def closed(self, underlying: str) -> Bars:
        """Show the closed bars, oldest first."""
        rows = self._unshown.pop(underlying, None)
        if rows:
            self._shown[underlying] = self._shown.get(underlying, EMPTY).grown(rows, BARS_MAX)
        return self._shown.get(underlying, EMPTY)
