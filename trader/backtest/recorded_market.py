"""What is a recorded history made from? Boards and closes as arrays that travel to workers.

It answers what a modelled market does. What nobody recorded cannot be had from it: boards of
another volatility, or of a price that jumped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.backtest.market import gapped
from trader.backtest.modelled import Candles, Costs
from trader.backtest.perpetual import PerpetualCandles
from trader.backtest.recorded import IV_MAX, ChainRows, RecordedChains
from trader.domain.units import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from trader.domain.market import Bools, Floats

SHOWN_MIN: Final = 0.8
"""Share of a day's spans that must show a board for the day to count."""
STEP: Final = 5 * MINUTE
"""How finely a better time of day is looked for."""


class RecordedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded boards of one coin and the candles beside them.

    `ends_at` is the instant after which nothing is known; None: as far as boards and closes go.
    """

    underlying: str
    candles: Candles
    rows: ChainRows
    source: str
    notes: tuple[str, ...] = ()
    ends_at: int | None = None

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant a backtest can ask for."""
        return self.chains().span

    def chains(
        self,
        *,
        days_max: float | None = None,
        costs: Costs | None = None,
        iv_factor: float = 1.0,
        gap: float = 0.0,
        linear: bool = False,
    ) -> RecordedChains:
        """Show the boards, options beyond `days_max` left out; costs as a stress may change them.

        Raises:
            ValueError: another volatility, a gap or `linear` options are asked for.
        """
        if linear:
            raise ValueError("recorded boards are of options settled in coin: model linear ones")
        if iv_factor != 1.0 or gap:
            raise ValueError("recorded boards show one volatility and no gap: model them")
        rows = self.rows
        if days_max is not None:
            near = rows.expires_at - rows.at <= days_max * DAY
            rows = chosen(rows, near) if near.any() else rows
        costs = costs or Costs()
        return RecordedChains(
            self.underlying,
            dearer(rows, costs),
            self.candles,
            source=self.source,
            notes=self.notes,
            fee_factor=costs.fee_factor,
            ends_at=self.ends_at,
        )

    @property
    def hours_apart(self) -> float:
        """Tell how far apart boards typically are; one board is apart from none."""
        shown = np.unique(self.rows.at)
        return float(np.median(np.diff(shown))) / HOUR if len(shown) > 1 else 0.0

    def days_shown(self, apart: int) -> int:
        """Count the UTC days on which most spans of that length (nanoseconds) show a board."""
        spans = np.unique(self.rows.at // apart)
        _, boards = np.unique(spans * apart // DAY, return_counts=True)
        return int((boards >= SHOWN_MIN * DAY / apart).sum())

    def perpetual(
        self, *, costs: Costs | None = None, gap: float = 0.0, linear: bool = False
    ) -> PerpetualCandles:
        """Walk through the candles as quotes of the perpetual: no board shows it."""
        return PerpetualCandles(
            self.underlying,
            gapped(self.candles, gap) if gap else self.candles,
            first=self.candles.span[0],
            costs=costs,
            linear=linear,
            source=self.source,
        )

    def until(self, at: int) -> RecordedMarket:
        """Forget what was not known yet at an instant.

        Raises:
            ValueError: nothing was known then.
        """
        kept = int(np.searchsorted(self.candles.opened_at + HOUR, at, side="right"))
        columns = (getattr(self.candles, name)[:kept] for name in Candles.__struct_fields__)
        return msgspec.structs.replace(
            self,
            candles=Candles(*columns),
            rows=chosen(self.rows, self.rows.at <= at),
            ends_at=at,
        )

    def poisoned(self, at: int) -> RecordedMarket:
        """Replace what was not known yet at an instant by nonsense: prices, quotes, volatility."""
        dear = np.where(self.candles.opened_at + HOUR > at, 1_000.0, 1.0)
        prices = (getattr(self.candles, name) * dear for name in Candles.__struct_fields__[1:])
        later = self.rows.at > at
        wrong = np.where(later, 7.0, 1.0)
        rows = msgspec.structs.replace(
            self.rows,
            index_price=self.rows.index_price * np.where(later, 1_000.0, 1.0),
            underlying_price=self.rows.underlying_price * np.where(later, 1_000.0, 1.0),
            bid=self.rows.bid * wrong,
            ask=self.rows.ask * wrong,
            mark=self.rows.mark * wrong,
            mark_iv=np.minimum(self.rows.mark_iv * wrong, IV_MAX),
        )
        return msgspec.structs.replace(
            self, candles=Candles(self.candles.opened_at, *prices), rows=rows
        )

    def share_fresh(self, every: int, offset: int, lasting: int = 0) -> float:
        """Tell at what share of decisions, `every` so often past midnight plus `offset`, a board is
        there and will be believed for another `lasting` nanoseconds: an order needs time to fill.
        """
        shown = np.unique(self.rows.at)
        first = int(shown[0]) // DAY * DAY + DAY
        due = np.arange(first + offset, int(shown[-1]), every)
        if not len(due):
            return 0.0
        last = shown[np.maximum(np.searchsorted(shown, due, side="right") - 1, 0)]
        return float(((due >= last) & (due - last + lasting < HOUR)).mean())

    def best_offset(self, every: int, lasting: int = 0) -> int:
        """Find the time at which a decision meets a board most often, the earliest of the best."""
        offsets = range(0, every, STEP)
        return max(offsets, key=lambda offset: (self.share_fresh(every, offset, lasting), -offset))


def chosen(rows: ChainRows, which: Bools) -> ChainRows:
    """Keep some rows.

    Raises:
        ValueError: none are left.
    """
    kept: dict[str, Any] = {}
    for name in ChainRows.__struct_fields__:
        column = getattr(rows, name)
        kept[name] = None if column is None else column[which]
    return ChainRows(**kept)


def dearer(rows: ChainRows, costs: Costs) -> ChainRows:
    """Widen spreads around their middle and hide the widest quotes, as a stress asks."""
    bid, ask = rows.bid, rows.ask
    if costs.spread_factor != 1.0:
        middle, half = (ask + bid) / 2.0, (ask - bid) / 2.0 * costs.spread_factor
        low = np.where(middle - half > 0, middle - half, np.nan)
        two_sided = np.isfinite(middle)
        bid = np.where(two_sided, low, bid)
        ask = np.where(two_sided, middle + half, ask)
    if costs.missing_share > 0:
        hidden = _widest(rows, costs.missing_share)
        bid, ask = np.where(hidden, np.nan, bid), np.where(hidden, np.nan, ask)
    if bid is rows.bid:
        return rows
    return msgspec.structs.replace(rows, bid=bid, ask=ask)


def _widest(rows: ChainRows, share: float) -> Bools:
    """Tell which quotes are the widest of all, relative to their mark."""
    width: Floats = (rows.ask - rows.bid) / np.maximum(rows.mark, 1e-9)
    if not np.isfinite(width).any():
        return np.zeros(len(width), dtype=np.bool_)
    hidden: Bools = width >= np.nanquantile(width, 1.0 - share)
    return hidden
