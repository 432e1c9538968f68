"""What do strategies on perpetuals see? Hourly bars of the perpetual itself, from its quotes.

Bars of options' strategies are of the index. A perpetual has bars of its own, since stops and
targets are met by its quotes: its candles as far as history was loaded, after that the middle of
what it displayed. Volume is not in a quote, and no bar has any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.situation import Perpetual
from trader.strategies.strategy import perpetuals_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trader.domain.events import HistoryLoaded
    from trader.domain.instruments import Instrument
    from trader.engine.market_state import MarketState
    from trader.strategies.strategy import Strategy


class Perpetuals:
    """The perpetuals that somebody trades, or holds; `underlyings` names the coin of each.

    Invariant: a bar of theirs is a loaded candle, or grew from fresh, two-sided quotes alone.
    """

    def __init__(self, strategies: Sequence[Strategy], market: MarketState) -> None:
        self._market = market
        self.underlyings: dict[str, str] = {}
        for strategy in strategies:
            traded = perpetuals_of(strategy).items()
            self.underlyings.update((name, underlying) for underlying, name in traded)

    def keep(self, held: Iterable[Instrument]) -> None:
        """Go on with perpetuals that are held, though nobody trades them any more."""
        for instrument in held:
            if instrument.kind == "perpetual":
                self.underlyings.setdefault(instrument.name, instrument.underlying)

    def look(self, instrument: str) -> None:
        """Take the middle of a fresh two-sided quote into the running hour."""
        touch = self._market.touch(instrument)
        if touch is not None and touch.fresh and touch.two_sided and touch.bid <= touch.ask:
            self._market.bars.grow(instrument, (touch.bid + touch.ask) / 2, self._market.at)

    def look_around(self) -> None:
        """Look at all of them."""
        for instrument in self.underlyings:
            self.look(instrument)

    def load(self, loaded: HistoryLoaded, at: int) -> None:
        """Take loaded candles as those of the perpetuals on their coin: they are what is kept."""
        for instrument, underlying in self.underlyings.items():
            if underlying == loaded.underlying:
                self._market.bars.load(instrument, loaded.bars, at)

    def view(
        self,
        strategy: Strategy,
        left_at: Mapping[tuple[str, str], Mapping[str, int]],
        drawdown: float,
    ) -> dict[str, Perpetual]:
        """Show a strategy its perpetuals, by coin; `left_at` is told by strategy and coin.

        The hour that is over is closed first: its bar shows before a quote of the next is heard.
        """
        bars, found = self._market.bars, {}
        for underlying, name in perpetuals_of(strategy).items():
            bars.close(name, self._market.at)
            found[underlying] = Perpetual(
                touch=self._market.touch(name),
                history=bars.history(name),
                left_at=left_at.get((strategy.name, underlying), {}),
                drawdown=drawdown,
            )
        return found
