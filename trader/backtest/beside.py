"""What would a perpetual have shown beside the boards? Quotes at the index, for who hedges with it.

Boards come each hour or less often, so hedges are made then, at the price of that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.backtest.modelled import Costs
from trader.backtest.perpetual import FUNDING_8H, HALF_SPREAD, SIZE_USD
from trader.domain.events import BoardSnapshot, FundingRate
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.strategy import perpetual_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.backtest.history import History, Provenance
    from trader.domain.events import Event
    from trader.domain.instruments import Instrument
    from trader.strategies.strategy import Strategy


def quoted_for(strategy: Strategy, boards: History, costs: Costs | None = None) -> History:
    """Show a strategy that trades a perpetual beside its options both, others the boards alone."""
    return boards if perpetual_of(strategy) is None else BesidePerpetual(boards, costs)


class BesidePerpetual:
    """A history of boards, each with the perpetual beside its options. A function of its arguments.

    Whoever gives the boards decides what is missing of them; the perpetual is always quoted.
    """

    def __init__(self, boards: History, costs: Costs | None = None) -> None:
        costs = costs or Costs()
        self.underlying = boards.underlying
        self._boards = boards
        self._instrument = fictitious_perpetual(boards.underlying, fee_factor=costs.fee_factor)
        self._half = HALF_SPREAD * costs.spread_factor
        self._listed: tuple[tuple[Instrument, ...], tuple[Instrument, ...]] = ((), ())

    @property
    def step(self) -> int:
        """For how long a board is believed."""
        return self._boards.step

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant that can be asked for."""
        return self._boards.span

    @property
    def provenance(self) -> Provenance:
        """Where the boards come from, and what is assumed of the perpetual."""
        told = self._boards.provenance
        quoted = f"the perpetual is quoted at the index, {self._half:.3%} to either side"
        caveats = (
            f"{quoted}, {SIZE_USD:,.0f} USD of it, whenever a board is shown",
            f"funding is assumed: {FUNDING_8H:.3%} per 8 hours, paid by who is long",
        )
        return msgspec.structs.replace(told, caveats=told.caveats + caveats)

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk the boards of a span, a perpetual on each."""
        told = False
        for at, event in self._boards.events(start, end):
            if not isinstance(event, BoardSnapshot):
                yield at, event
                continue
            yield at, self._with(event)
            if not told:  # a rate is taken of what is listed
                told = True
                yield at, FundingRate(self._instrument.name, FUNDING_8H, at)

    def _with(self, board: BoardSnapshot) -> BoardSnapshot:
        index = board.index_price
        before, after = self._listed
        if before is not board.instruments:
            after = (*board.instruments, self._instrument)
            self._listed = (board.instruments, after)
        return BoardSnapshot(
            board.underlying,
            board.exchange_at,
            index,
            after,
            np.append(board.bid, index * (1.0 - self._half)),
            np.append(board.bid_amount, SIZE_USD),
            np.append(board.ask, index * (1.0 + self._half)),
            np.append(board.ask_amount, SIZE_USD),
            np.append(board.mark, index),
            np.append(board.mark_iv, np.nan),
            np.append(board.underlying_price, index),
        )
