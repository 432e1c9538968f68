"""What would a perpetual have shown? Its hourly candles walked through, with a stated spread.

Real are the prices of each hour. Assumed is the way between them: from its open in steps to its
low, to its high, to its close. So a stop is met before a target in the same hour, and filled at the
step that met it, somewhat beyond. Each hour's last quote is its close, and the next one comes ten
minutes later: what is decided on the hour knows nothing of the hour that begins.
"""

from __future__ import annotations

import heapq
import math
import operator
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.backtest.history import Provenance, check_span
from trader.backtest.modelled import Costs
from trader.domain.events import BoardSnapshot, FundingRate, HistoryLoaded
from trader.domain.units import HOUR, MILLISECOND, MINUTE
from trader.strategies.sketch import fictitious_perpetual

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trader.backtest.history import History
    from trader.backtest.modelled import Candles
    from trader.domain.events import Event
    from trader.domain.market import Floats

HALF_SPREAD: Final = 0.0005
FUNDING_8H: Final = 0.0001
SIZE_USD: Final = 5_000_000.0
DOWN: Final = 4
"""Steps from the open to the low: what lies between low, high and close meets nothing new."""
SHOWN_AT: Final = tuple(minute * MINUTE for minute in (10, 15, 20, 25, 30, 45, 60))
STEP: Final = 15 * MINUTE
HIDDEN_AT: Final = 5 * MINUTE


class PerpetualCandles:
    """A history of one perpetual made of candles. A function of its arguments alone."""

    def __init__(
        self,
        underlying: str,
        candles: Candles,
        *,
        first: int,
        costs: Costs | None = None,
        linear: bool = False,
        source: str = "candles",
    ) -> None:
        """Begin at the instant `first`, from which on enough is known before."""
        self.underlying = underlying
        self.step = STEP
        self._candles = candles
        self._first = first
        self._costs = costs or Costs()
        self._instrument = fictitious_perpetual(
            underlying, linear=linear, fee_factor=self._costs.fee_factor
        )
        half = HALF_SPREAD * self._costs.spread_factor
        self._half = half
        self._hides = round(1 / self._costs.missing_share) if self._costs.missing_share else 0
        self.provenance = Provenance(
            kind="modelled",
            source=source,
            caveats=(
                "prices of each hour are real; within it they go from open to low to high to close",
                f"the perpetual is quoted {half:.3%} to either side, {SIZE_USD:,.0f} USD of it",
                f"funding is assumed: {FUNDING_8H:.3%} per 8 hours, paid by who is long",
                "a stop is filled at the step between open and low that met it, not at itself",
            ),
        )

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant that can be asked for."""
        return self._first, self._candles.span[1]

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk the quotes of a span; an hour is walked to where its candle is known."""
        first, last = self.span
        check_span((first, last + HOUR - 1), start, end)
        candles = self._candles
        yield start, HistoryLoaded(self.underlying, candles.bars_until(start))
        yield start, self._shown(start, candles.price_at(start))
        yield start, FundingRate(self._instrument.name, FUNDING_8H, start)
        row = candles.row_at(start) + 1
        while row < len(candles.close) and int(candles.opened_at[row]) < end:
            opened_at = int(candles.opened_at[row])
            for after, price in zip(SHOWN_AT, self._path(row), strict=True):
                at = opened_at + after
                at -= MILLISECOND * (at % HOUR == 0)  # the last price of an hour belongs to its bar
                if start < at < end:
                    yield at, self._shown(at, price)
            row += 1

    def _path(self, row: int) -> tuple[float, ...]:
        """Go from open to low to high to close; each of the four is met exactly."""
        candles = self._candles
        first, high, low, close = (
            float(column[row])
            for column in (candles.open, candles.high, candles.low, candles.close)
        )
        steps = (first + (low - first) * k / DOWN for k in range(DOWN))
        return (*steps, low, high, close)

    def _shown(self, at: int, price: float) -> BoardSnapshot:
        """Quote it around a price: the middle of both sides is that price to the last bit."""
        bid = price * (1.0 - self._half)
        ask = 2.0 * price - bid
        size = SIZE_USD if self._instrument.inverse else SIZE_USD / price
        if self._hides and at // HIDDEN_AT % self._hides == 0:
            bid = ask = math.nan
        return BoardSnapshot(
            self.underlying, at, price, (self._instrument,), _one(bid), _one(size), _one(ask),
            _one(size), _one(price), _one(math.nan), _one(price),
        )  # fmt: skip


class PerpetualBasket:
    """Histories of several perpetuals walked together; it is named after the first."""

    def __init__(self, histories: Sequence[History]) -> None:
        self._histories = histories
        self.underlying = histories[0].underlying
        self.step = STEP
        provenances = [one.provenance for one in histories]
        self.provenance = Provenance(
            kind="modelled",
            source="; ".join(dict.fromkeys(one.source for one in provenances)),
            caveats=tuple(dict.fromkeys(text for one in provenances for text in one.caveats)),
        )

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant that can be asked for, of all of them."""
        spans = [one.span for one in self._histories]
        return max(first for first, _ in spans), min(last for _, last in spans)

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk the quotes of a span; of one instant the first history's come first."""
        check_span((self.span[0], self.span[1] + HOUR - 1), start, end)
        walks = [one.events(start, end) for one in self._histories]
        return heapq.merge(*walks, key=operator.itemgetter(0))


def _one(value: float) -> Floats:
    return np.array([value])
