"""Which smile did recorded boards show? The shape that modelled boards then have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.units import DAY, YEAR, day_date, utc_day
from trader.pricing.surface import Smile
from trader.pricing.surface_fit import Fitted, fit

if TYPE_CHECKING:
    from trader.backtest.market import Market
    from trader.backtest.recorded import ChainRows

BOARDS_MAX: Final = 24
"""Boards that are fitted, evenly apart: more would say the same."""
BOARDS_MIN: Final = 3
DAYS: Final = (1.0, 60.0)
"""Expiries that are fitted: nearer ones are ticks, further ones nobody here trades."""


class BoardSmile(msgspec.Struct, frozen=True, kw_only=True):
    """The middle of the smiles of several boards; `error` is the typical one, in volatility."""

    smile: Smile
    boards: int
    first: int
    last: int
    error: float

    def on(self, market: Market) -> Market:
        """Give a market this smile."""
        span = f"{day_date(utc_day(self.first))} to {day_date(utc_day(self.last))}"
        note = (
            f"fitted to {self.boards} recorded boards of {span}, off by {self.error:.1%} of"
            " volatility; held fixed throughout"
        )
        return msgspec.structs.replace(market, smile=self.smile, smile_note=note)


def fit_smile(rows: ChainRows) -> BoardSmile | None:
    """Fit boards one by one and take the medians of their shapes; None where too few fit.

    Used are options out of the money with a volatility, one to sixty days from their expiry.
    """
    shown, first = np.unique(rows.at, return_index=True)
    ends = np.append(first[1:], len(rows.at))
    count = min(BOARDS_MAX, len(shown))
    chosen = np.unique(np.linspace(0, len(shown) - 1, count).round().astype(np.int64))
    fits = []
    for place in chosen.tolist():
        fitted = _fit_board(rows, slice(int(first[place]), int(ends[place])))
        if fitted is not None:
            fits.append((int(shown[place]), fitted))
    if len(fits) < BOARDS_MIN:
        return None
    rho = float(np.median([one.smile.rho for _, one in fits]))
    eta = float(np.median([one.smile.eta for _, one in fits]))
    most = 2.0 / math.sqrt(1.0 + abs(rho))
    return BoardSmile(
        smile=Smile(round(rho, 4), round(min(eta, most - 1e-4), 4)),
        boards=len(fits),
        first=fits[0][0],
        last=fits[-1][0],
        error=float(np.median([one.error for _, one in fits])),
    )


def _fit_board(rows: ChainRows, block: slice) -> Fitted | None:
    days = (rows.expires_at[block] - rows.at[block]) / DAY
    forward = np.where(
        rows.underlying_price[block] > 0, rows.underlying_price[block], rows.index_price[block]
    )
    distance = np.log(rows.strike[block] / forward)
    outside = (distance > 0) == rows.is_call[block]
    chosen = outside & (days >= DAYS[0]) & (days <= DAYS[1])
    if not chosen.any():
        return None
    years = days[chosen] * DAY / YEAR
    found = fit(distance[chosen], years, rows.mark_iv[block][chosen])
    return found if isinstance(found, Fitted) else None
