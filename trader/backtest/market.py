"""What is a modelled history made from? The past of a coin, as arrays that travel to workers."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from trader.backtest.modelled import Candles, Costs, Level, ModelledChains, known_from
from trader.backtest.perpetual import PerpetualBasket, PerpetualCandles
from trader.domain.units import DAY, HOUR
from trader.pricing.surface import Smile, Term

GAP_EVERY: Final = 365 * DAY


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """Candles and volatility of one coin, with the surface that prices its boards.

    `smile_note` says where the smile comes from; "" where it is assumed. `beside` are the pasts of
    coins whose perpetuals are traded with its own.
    """

    underlying: str
    candles: Candles
    level: Level
    source: str
    smile: Smile = Smile()
    smile_note: str = ""
    term: Term = Term()
    step: int = HOUR
    at_minute: int = 0
    beside: tuple[Market, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant a backtest can ask for: what is known of every coin."""
        opened_at = self.candles.opened_at
        first, last = int(opened_at[known_from(self.level.vol)]) + HOUR, int(opened_at[-1]) + HOUR
        spans = [(first, last), *(one.span for one in self.beside)]
        return max(one for one, _ in spans), min(one for _, one in spans)

    def chains(
        self,
        *,
        days_max: float = 45.0,
        costs: Costs | None = None,
        iv_factor: float = 1.0,
        gap: float = 0.0,
        linear: bool = False,
    ) -> ModelledChains:
        """Model the boards; `gap` moves the spot by that share in the middle of every year."""
        return ModelledChains(
            self.underlying,
            gapped(self.candles, gap) if gap else self.candles,
            self.level,
            smile=self.smile,
            smile_note=self.smile_note,
            term=self.term,
            costs=costs,
            step=self.step,
            at_minute=self.at_minute,
            days_max=days_max,
            iv_factor=iv_factor,
            source=self.source,
            linear=linear,
        )

    def perpetual(
        self, *, costs: Costs | None = None, gap: float = 0.0, linear: bool = False
    ) -> PerpetualCandles | PerpetualBasket:
        """Walk through the candles as quotes of the perpetuals; `gap` as for `chains`."""
        own = PerpetualCandles(
            self.underlying,
            gapped(self.candles, gap) if gap else self.candles,
            first=self.span[0],
            costs=costs,
            linear=linear,
            source=self.source,
        )
        others = [one.perpetual(costs=costs, gap=gap, linear=linear) for one in self.beside]
        return PerpetualBasket((own, *others)) if others else own

    def until(self, at: int) -> Market:
        """Forget what was not known yet at an instant."""
        rows = int(np.searchsorted(self.candles.opened_at + HOUR, at, side="right"))
        candles = self.candles
        kept = Candles(
            candles.opened_at[:rows], candles.open[:rows], candles.high[:rows],
            candles.low[:rows], candles.close[:rows],
        )  # fmt: skip
        level = msgspec.structs.replace(self.level, vol=self.level.vol[:rows])
        beside = tuple(one.until(at) for one in self.beside)
        return msgspec.structs.replace(self, candles=kept, level=level, beside=beside)

    def poisoned(self, at: int) -> Market:
        """Replace what was not known yet at an instant by nonsense: prices, volatility."""
        later = self.candles.opened_at + HOUR > at
        factor = np.where(later, 1_000.0, 1.0)
        candles = self.candles
        wrong = Candles(
            candles.opened_at, candles.open * factor, candles.high * factor,
            candles.low * factor, candles.close * factor,
        )  # fmt: skip
        level = msgspec.structs.replace(self.level, vol=self.level.vol * np.where(later, 7.0, 1.0))
        beside = tuple(one.poisoned(at) for one in self.beside)
        return msgspec.structs.replace(self, candles=wrong, level=level, beside=beside)


def gapped(candles: Candles, gap: float) -> Candles:
    """Move every price after each gap, one a year, by a share; the gap itself has no bar.

    Raises:
        ValueError: the gap would leave no price.
    """
    if not gap > -1:
        raise ValueError(f"gap {gap!r} must leave a price: above -1")
    years = (candles.opened_at - candles.opened_at[0] + GAP_EVERY // 2) // GAP_EVERY
    factor = (1.0 + gap) ** years.astype(np.float64)
    return Candles(
        candles.opened_at, candles.open * factor, candles.high * factor, candles.low * factor,
        candles.close * factor,
    )  # fmt: skip
