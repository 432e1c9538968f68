"""What was the volatility index known to be at an instant? Never what came later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from trader.app.past_candles import series_of
from trader.domain.units import DAY, HOUR

if TYPE_CHECKING:
    from trader.domain.market import Floats, Ints
    from trader.storage.datasets import DatasetStore

BELIEVED: Final = 2 * DAY
"""How long the last value is taken for the present one."""


class _Series(NamedTuple):
    known_at: Ints
    close: Floats


class KnownIndex:
    """The index of one coin, a fraction per year: of the first series that has a value."""

    def __init__(self, store: DatasetStore, underlying: str) -> None:
        self._series = []
        for name in series_of(store, "dvol", underlying, underlying):
            table = store.read("dvol", name)
            at = table.column("at").to_numpy().astype(np.int64)
            if len(at):
                bar = round(float(np.median(np.diff(at)))) if len(at) > 1 else HOUR
                self._series.append(_Series(at + bar, table.column("close").to_numpy()))

    def __bool__(self) -> bool:
        return bool(self._series)

    def at(self, instant: int) -> float | None:
        """Return the close of the last bar that had ended; None where that is too long ago."""
        for one in self._series:
            place = int(np.searchsorted(one.known_at, instant, side="right")) - 1
            if place >= 0 and instant - int(one.known_at[place]) < BELIEVED:
                return float(one.close[place])
        return None
