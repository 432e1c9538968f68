"""In which market was decided? The regime of the coin's hourly closes at each decision time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trader.domain.units import HOUR
from trader.pricing.regime import CLOSES_KEPT, regimes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Closes
    from trader.domain.models import Regime


def hours_looked_at(times: Sequence[int]) -> tuple[int, int]:
    """Return the span of closes that regimes at rising instants are read from, the first left out.

    It reaches back a year and a week, as the daemon does.
    """
    return times[0] - CLOSES_KEPT * HOUR - 1, times[-1]


def regimes_at(closes: Closes, times: Sequence[int]) -> list[Regime | None]:
    """Tell the regime of the last hour that had closed at each of the rising instants.

    An hour without a close has the one before it; None before there are 60 days of them.
    """
    known = closes.after(*hours_looked_at(times)) if len(times) else closes
    sound = known.close > 0
    at, close = known.known_at[sound], known.close[sound]
    if not len(at):
        return [None] * len(times)
    first, last = -(-int(at[0]) // HOUR), int(at[-1]) // HOUR
    hours = HOUR * np.arange(first, last + 1, dtype=np.int64)
    found = regimes(close[np.searchsorted(at, hours, side="right") - 1])
    places = np.searchsorted(hours, np.array(times, dtype=np.int64), side="right") - 1
    return [found[place] if place >= 0 else None for place in places.tolist()]
