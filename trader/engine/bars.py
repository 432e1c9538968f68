"""How did the index get here? Closed hourly bars, from history and from what we heard since."""

from __future__ import annotations

import bisect
import functools
import math
from typing import TYPE_CHECKING, Final

from trader.domain.market import Bars
from trader.domain.units import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BARS_MAX: Final = 24 * 60
HOURS_KEPT: Final = 2 * BARS_MAX
"""Hours that grow in place before the older half is left behind."""

Row = tuple[int, float, float, float, float]


class _Hours:
    """Closed hours as columns that only grow: what was shown of them stays as it was."""

    __slots__ = ("_opened_at", "_prices", "_shown", "_shown_until")

    def __init__(self, rows: list[Row]) -> None:
        self._opened_at: list[int] = []
        self._prices: tuple[list[float], ...] = ([], [], [], [])
        for row in rows:
            self.append(row)
        self._shown, self._shown_until = Bars((), (), (), (), ()), 0

    def __len__(self) -> int:
        return len(self._opened_at)

    @property
    def last(self) -> int:
        """When the last hour opened; -1 where there is none."""
        return self._opened_at[-1] if self._opened_at else -1

    def since(self, at: int) -> Iterator[tuple[int, float]]:
        """List the hours that opened at an instant or later, with their closes."""
        first = bisect.bisect_left(self._opened_at, at)
        return zip(self._opened_at[first:], self._prices[-1][first:], strict=True)

    def append(self, row: Row) -> None:
        """Take one more hour."""
        self._opened_at.append(row[0])
        for column, price in zip(self._prices, row[1:], strict=True):
            column.append(price)

    def latest(self) -> list[Row]:
        """List the hours that may be shown."""
        columns = (column[-BARS_MAX:] for column in self._prices)
        return list(zip(self._opened_at[-BARS_MAX:], *columns, strict=True))

    def until(self, count: int) -> Bars:
        """Show the first `count` hours, the last BARS_MAX of them."""
        if count != self._shown_until:
            rows = slice(max(count - BARS_MAX, 0), count)
            prices = (tuple(column[rows]) for column in self._prices)
            self._shown = Bars.of_hours(tuple(self._opened_at[rows]), *prices)
            self._shown_until = count
        return self._shown


class BarBook:
    """Hourly bars per underlying, bounded; the running hour is never shown.

    An hour in which nothing was heard leaves a gap; `HistoryLoaded` fills it.
    """

    def __init__(self) -> None:
        self._closed: dict[str, _Hours] = {}
        self._running: dict[str, Row] = {}

    def __len__(self) -> int:
        return sum(min(len(hours), BARS_MAX) for hours in self._closed.values())

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
        hours = self._closed.get(underlying)
        if hours is None or len(hours) >= HOURS_KEPT:
            hours = self._closed[underlying] = _Hours(hours.latest() if hours is not None else [])
        if row[0] > hours.last:
            hours.append(row)

    def close(self, underlying: str, at: int) -> None:
        """Close the running hour if it is over at `at`, though no later price was heard yet."""
        running = self._running.get(underlying)
        if running is not None and running[0] + HOUR <= at:
            self._close(underlying, running)
            del self._running[underlying]

    def load(self, underlying: str, bars: Bars, at: int) -> None:
        """Merge history in; where both know an hour, history wins (it heard all of it).

        Left out: what had not closed by `at` (nobody may know it yet) and hours without a price.
        """
        known = self._closed.get(underlying)
        merged = {row[0]: row for row in known.latest()} if known is not None else {}
        columns = zip(bars.opened_at, bars.open, bars.high, bars.low, bars.close, strict=True)
        merged.update(
            {row[0]: row for row in columns if all(0 < price < math.inf for price in row[1:])}
        )
        rows = [row for opened_at, row in sorted(merged.items()) if opened_at + HOUR <= at]
        self._closed[underlying] = _Hours(rows[-BARS_MAX:])

    def history(self, underlying: str) -> Callable[[], Bars]:
        """Keep the present hours for whoever looks later: what closes from here on is not shown."""
        hours = self._closed.get(underlying)
        if hours is None:
            hours = self._closed[underlying] = _Hours([])
        return functools.partial(hours.until, len(hours))

    def since(self, underlying: str, at: int) -> Iterator[tuple[int, float]]:
        """List closed hours that opened at an instant or later: when, and their close."""
        hours = self._closed.get(underlying)
        return hours.since(at) if hours is not None else iter(())

    def closed(self, underlying: str) -> Bars:
        """Show the closed bars, oldest first."""
        return self.history(underlying)()
