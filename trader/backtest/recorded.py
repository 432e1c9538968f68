"""What did the boards show? Recorded chains, with hourly closes for what lies between them.

Quotes, marks and volatilities are the venue's. Assumed, and said so with every result, are the
sizes where none were recorded and the delivery price: the hourly close of 08:00.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.history import Provenance, check_span
from trader.backtest.ladder import SIZE_TYPICAL, option
from trader.domain.events import (
    BoardSnapshot,
    DeliveryPrice,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
)
from trader.domain.expiries import Term, expiries, expiry_label, strike_label
from trader.domain.option_terms import COINS
from trader.domain.units import DAY, HOUR, MILLISECOND, iso

if TYPE_CHECKING:
    from trader.backtest.modelled import Candles
    from trader.domain.events import Event
    from trader.domain.instruments import Instrument
    from trader.domain.market import Bools, Floats, Ints

EIGHT: Final = 8 * HOUR
IV_MAX: Final = 20.0
APART_MAX: Final = 0.01
"""A quote taken while the index stood this far from that of its board is not shown."""

Dated = tuple[int, int, "Event"]


class ChainRows(msgspec.Struct, frozen=True, kw_only=True):
    """Quotes of a coin's inverse options, a block of rows for each board; columns of one length.

    `at` is when a board was known; prices are in coin, NaN where a side showed none; `mark_iv` is a
    fraction. Sizes are None where none were recorded. Invariant: `at` never falls, strikes and
    indices are positive, no board names an option twice, volatilities are no percentages.
    """

    at: Ints
    strike: Floats
    expires_at: Ints
    is_call: Bools
    bid: Floats
    ask: Floats
    mark: Floats
    mark_iv: Floats
    underlying_price: Floats
    index_price: Floats
    bid_amount: Floats | None = None
    ask_amount: Floats | None = None

    def __post_init__(self) -> None:
        rows = len(self.at)
        if not rows:
            raise ValueError("chains: there are no rows")
        for field in self.__struct_fields__:
            column = getattr(self, field)
            if column is not None and len(column) != rows:
                raise ValueError(f"chains: {field} has {len(column)} of {rows} rows")
        if (fall := np.flatnonzero(np.diff(self.at) < 0)).size:
            raise ValueError(f"chains: rows are not sorted: {iso(int(self.at[fall[0]]))} is late")
        for field in ("strike", "index_price"):
            column = getattr(self, field)
            if (wrong := np.flatnonzero(~((column > 0) & np.isfinite(column)))).size:
                when = iso(int(self.at[wrong[0]]))
                raise ValueError(f"chains: {field} {column[wrong[0]]!r} at {when} is no price")
        if (wrong := np.flatnonzero(self.mark_iv > IV_MAX)).size:
            raise ValueError(
                f"chains: mark_iv {self.mark_iv[wrong[0]]:g} at {iso(int(self.at[wrong[0]]))}: "
                "give fractions (0.55), not percent"
            )
        names = np.stack((self.at, self.expires_at, self.strike.view(np.int64), self.is_call))
        if np.unique(names, axis=1).shape[1] < rows:
            raise ValueError("chains: an option stands twice on a board: drop the duplicates")


class RecordedChains:
    """A history made of recorded boards and hourly closes. A function of its arguments alone.

    A board is believed for an hour and then for nothing: nobody trades at what was shown long ago.
    """

    step: int = HOUR

    def __init__(
        self,
        underlying: str,
        rows: ChainRows,
        candles: Candles,
        *,
        source: str,
        notes: tuple[str, ...] = (),
        fee_factor: float = 1.0,
        ends_at: int | None = None,
    ) -> None:
        if underlying not in COINS:
            raise ValueError(f"underlying {underlying!r}: chains are read of {', '.join(COINS)}")
        self.underlying = underlying
        self._rows = rows
        self._candles = candles
        self._fee_factor = fee_factor
        self._ends_at = ends_at
        self._made: dict[tuple[int, float, bool], Instrument] = {}
        self._shown, self._first = np.unique(rows.at, return_index=True)
        self.provenance = Provenance(
            kind="recorded", source=source, caveats=_caveats(rows, self._shown, notes)
        )

    @property
    def span(self) -> tuple[int, int]:
        """While there are both boards and closes, or up to the instant it is known to end at."""
        first, last = self._candles.span
        end = min(last, int(self._shown[-1]) + HOUR)
        return max(first, int(self._shown[0])), end if self._ends_at is None else self._ends_at

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk boards, closes and deliveries of a span."""
        check_span(self.span, start, end)
        self._made.clear()
        yield start, HistoryLoaded(self.underlying, self._candles.bars_until(start))
        streams = (self._deliveries(start, end), self._boards(start, end), self._closes(start, end))
        for at, _, event in heapq.merge(*streams, key=lambda one: one[:2]):
            yield at, event

    def _deliveries(self, start: int, end: int) -> Iterator[Dated]:
        """Settle at each 08:00 what was shown before and expires then."""
        for at in range((start - EIGHT) // DAY * DAY + DAY + EIGHT, end, DAY):
            yield at, 0, DeliveryPrice(self.underlying, at, self._candles.price_at(at))
            gone = [key for key in self._made if key[0] <= at]  # asked now: merging looks ahead
            if gone:
                yield at, 1, InstrumentExpired(tuple(self._made.pop(key).name for key in gone))

    def _closes(self, start: int, end: int) -> Iterator[Dated]:
        for hour in range(start // HOUR * HOUR + HOUR, end + 1, HOUR):
            at = hour - MILLISECOND
            yield at, 3, IndexPrice(self.underlying, self._candles.price_at(hour), at)

    def _boards(self, start: int, end: int) -> Iterator[Dated]:
        first, last = np.searchsorted(self._shown, (start, end))
        ends = np.append(self._first[1:], len(self._rows.at))
        for place in range(int(first), int(last)):
            at = int(self._shown[place])
            yield at, 2, self._board(at, slice(int(self._first[place]), int(ends[place])))

    def _board(self, at: int, block: slice) -> BoardSnapshot:
        """Show one board: what has not expired, at the median of its indices."""
        rows = self._rows
        place = np.arange(block.start, block.stop)
        place = place[rows.expires_at[place] > at]
        place = place[
            np.lexsort((~rows.is_call[place], rows.strike[place], rows.expires_at[place]))
        ]
        index = float(np.median(rows.index_price[block]))
        apart = np.abs(rows.index_price[place] / index - 1.0) > APART_MAX
        size = SIZE_TYPICAL[self.underlying, False]
        amounts = [
            np.full(len(place), size) if column is None else column[place]
            for column in (rows.bid_amount, rows.ask_amount)
        ]
        return BoardSnapshot(
            self.underlying, at, index, self._instruments(place),
            np.where(apart, np.nan, rows.bid[place]), amounts[0],
            np.where(apart, np.nan, rows.ask[place]), amounts[1],
            rows.mark[place], rows.mark_iv[place], rows.underlying_price[place],
        )  # fmt: skip

    def _instruments(self, place: Ints) -> tuple[Instrument, ...]:
        rows = self._rows
        keys = zip(
            rows.expires_at[place].tolist(), rows.strike[place].tolist(),
            rows.is_call[place].tolist(), strict=True,
        )  # fmt: skip
        return tuple(self._made.get(key) or self._make(key) for key in keys)

    def _make(self, key: tuple[int, float, bool]) -> Instrument:
        expires_at, strike, is_call = key
        name = f"{self.underlying}-{expiry_label(expires_at)}-{strike_label(strike)}"
        made = self._made[key] = option(
            self.underlying,
            f"{name}-{'C' if is_call else 'P'}",
            expires_at,
            term_of(expires_at),
            strike,
            "call" if is_call else "put",
            fee_factor=self._fee_factor,
        )
        return made


def term_of(expires_at: int) -> Term:
    """Tell the class of an expiry; a date that the calendar does not have is a day's."""
    listed = {one.expires_at: one.term for one in expiries(expires_at - 1)}
    return listed.get(expires_at, "day")


def _caveats(rows: ChainRows, shown: Ints, notes: tuple[str, ...]) -> tuple[str, ...]:
    hours = float(np.median(np.diff(shown))) / HOUR if len(shown) > 1 else math.nan
    found = [
        f"{len(shown)} boards, typically {hours:.1f} hours apart; each is believed for an hour",
        "an expiry settles at the hourly close of 08:00, not at the venue's average",
        "of the hours within a run only first and last prices are known, not their extremes",
    ]
    if rows.bid_amount is None or rows.ask_amount is None:
        found.append("displayed sizes were not recorded: they are assumed")
    return (*found, *notes)
