"""What does the market show right now, and how far can it be trusted? Struct-of-arrays.

One row per listed instrument; expired rows are reused, so a daemon of months holds what is listed.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.market import Bars, Board, Touch
from trader.domain.units import SECOND
from trader.engine.bars import BarBook
from trader.engine.trust import ALL, INDEX_PREFIX, Trust
from trader.pricing.black_scholes import greeks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.domain.events import BoardSnapshot, FeedLost, FundingRate, IndexPrice, Quote
    from trader.domain.instruments import Instrument
    from trader.domain.market import Bools, Floats, Ints

BID: Final = 0
BID_AMOUNT: Final = 1
ASK: Final = 2
ASK_AMOUNT: Final = 3
MARK: Final = 4
MARK_IV: Final = 5
UNDERLYING_PRICE: Final = 6
INDEX: Final = 7
COLUMNS: Final = 8
AHEAD_S_MAX: Final = 2.0
"""A quote stamped further ahead of the market clock (wall seconds) is doubted."""

SNAPSHOT_COLUMNS: Final = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price",
)  # fmt: skip
INDEX_MISMATCH_MAX: Final = 0.01
"""A ticker whose index differs this much from the index channel is not to be trusted."""


class BoardLayout:
    """The rows of one underlying's options, sorted; rebuilt only when listings change."""

    __slots__ = ("expires_at", "instruments", "is_call", "rows", "strike")

    def __init__(self, listed: Sequence[tuple[int, Instrument]]) -> None:
        ordered = sorted(
            listed,
            key=lambda item: (item[1].expires_at, item[1].strike, item[1].option_type),
        )
        self.rows = np.array([row for row, _ in ordered], dtype=np.int64)
        self.instruments = tuple(instrument for _, instrument in ordered)
        self.strike = np.array([one.strike for one in self.instruments], dtype=np.float64)
        self.expires_at = np.array([one.expires_at for one in self.instruments], dtype=np.int64)
        self.is_call = np.array([one.option_type == "call" for one in self.instruments], dtype=bool)
        for column in (self.rows, self.strike, self.expires_at, self.is_call):
            column.flags.writeable = False  # boards share them with whoever reads the market


class MarketState:
    """The latest quote of every listed instrument, indices, bars, funding rates.

    NaN is "no price". A row is fresh when its feed is trusted, it is younger than `quote_age_s_max`
    wall seconds (market age / speed) and its index agrees with the index channel.
    """

    def __init__(self, quote_age_s_max: float, speed: float = 1.0) -> None:
        self.quote_age_s_max = quote_age_s_max
        self.speed = speed
        self.at = 0
        self.trust = Trust()
        self.funding: dict[str, float] = {}
        self.bars = BarBook()
        self._rows: dict[str, int] = {}
        self._listed: list[Instrument | None] = []
        self._free: list[int] = []
        self._values: Floats = np.full((0, COLUMNS), np.nan)
        self._quoted_at: Ints = np.zeros(0, dtype=np.int64)
        self._index: dict[str, tuple[float, int]] = {}
        self._layouts: dict[tuple[str, bool], BoardLayout] = {}
        self._snapshots: dict[int, tuple[tuple[Instrument, ...], Ints]] = {}

    @property
    def listed_count(self) -> int:
        """How many instruments are listed."""
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def instrument(self, name: str) -> Instrument | None:
        """Find a listed instrument by name."""
        row = self._rows.get(name)
        return None if row is None else self._listed[row]

    def list(self, instruments: Iterable[Instrument]) -> None:
        """Take new listings; a known name is refreshed and keeps its quote."""
        for instrument in instruments:
            row = self._rows.get(instrument.name)
            if row is None:
                row = self._claim()
                self._rows[instrument.name] = row
                self._values[row] = np.nan
                self._quoted_at[row] = 0
            self._listed[row] = instrument
        self._layouts.clear()

    def expire(self, names: Iterable[str]) -> None:
        """Forget instruments; unknown names are ignored."""
        for name in names:
            row = self._rows.pop(name, None)
            self.trust.forget(name)
            if row is not None:
                self._listed[row] = None
                self._free.append(row)
                self.funding.pop(name, None)
        self._layouts.clear()
        self._snapshots.clear()

    def expired(self, at: int) -> tuple[str, ...]:
        """Name listed instruments whose expiry has passed."""
        return tuple(
            one.name for one in self._listed if one is not None and (one.expires_at or at + 1) <= at
        )

    def _claim(self) -> int:
        if not self._free:
            size = len(self._listed)
            more = max(256, size)
            self._values = np.vstack([self._values, np.full((more, COLUMNS), np.nan)])
            zeros = np.zeros(more, dtype=np.int64)
            self._quoted_at = np.concatenate([self._quoted_at, zeros])
            self._listed.extend([None] * more)
            self._free.extend(range(size + more - 1, size - 1, -1))
        return self._free.pop()

    def lost(self, event: FeedLost) -> None:
        """Stop believing a scope: what was shown before stays doubted until it is shown again.

        A negative time says so: it is never young, whoever restores the feed.
        """
        self.trust.lost(event, self.at)
        for name in event.scope:
            if name == ALL:
                self._quoted_at[:] = -np.abs(self._quoted_at)
                self._index = {one: (price, -abs(at)) for one, (price, at) in self._index.items()}
            elif name in self._rows:
                self._quoted_at[self._rows[name]] = -abs(self._quoted_at[self._rows[name]])
            elif name.startswith(INDEX_PREFIX) and name.removeprefix(INDEX_PREFIX) in self._index:
                price, quoted_at = self._index[name.removeprefix(INDEX_PREFIX)]
                self._index[name.removeprefix(INDEX_PREFIX)] = (price, -abs(quoted_at))

    def quote(self, quote: Quote, at: int) -> bool:
        """Apply one quote; False where it is not listed or older than what we have: not kept.

        One from the future is kept but doubted: somebody's clock is wrong. A side without a
        positive price is NaN from here on (0 is not a price), a size that is none is 0.
        """
        row = self._rows.get(quote.instrument)
        if row is None or quote.exchange_at < self._quoted_at[row]:
            return False
        self._values[row] = (
            _price(quote.bid), _size(quote.bid_amount), _price(quote.ask), _size(quote.ask_amount),
            quote.mark, quote.mark_iv, quote.underlying_price, quote.index_price,
        )  # fmt: skip
        self._quoted_at[row] = self._known_at(quote.exchange_at, at)
        self.trust.quoted(quote.instrument)
        return True

    def _known_at(self, exchange_at: int, at: int) -> int:
        known = min(exchange_at, at)
        return -known if exchange_at - at > AHEAD_S_MAX * SECOND * self.speed else known

    def snapshot(self, board: BoardSnapshot, at: int) -> None:
        """Apply a whole board in one stroke, as if its quotes had come one by one.

        Raises:
            ValueError: columns and instruments differ in length, or a name stands there twice.
        """
        cached = self._snapshots.get(id(board.instruments))
        if cached is None or cached[0] is not board.instruments:
            _check_unique(board.instruments)
            unknown = [one for one in board.instruments if one.name not in self._rows]
            if unknown:
                self.list(unknown)
            rows = np.array([self._rows[one.name] for one in board.instruments], dtype=np.int64)
            if len(self._snapshots) >= 8:
                self._snapshots.clear()
            self._snapshots[id(board.instruments)] = (board.instruments, rows)
        else:
            rows = cached[1]
        fresh = np.empty((len(rows), COLUMNS))
        _check_lengths(board, len(rows))
        fresh[:, BID], fresh[:, BID_AMOUNT] = _prices(board.bid), _sizes(board.bid_amount)
        fresh[:, ASK], fresh[:, ASK_AMOUNT] = _prices(board.ask), _sizes(board.ask_amount)
        fresh[:, MARK], fresh[:, MARK_IV] = board.mark, board.mark_iv
        fresh[:, UNDERLYING_PRICE], fresh[:, INDEX] = board.underlying_price, board.index_price
        newer = board.exchange_at >= self._quoted_at[rows]
        self._values[rows[newer]] = fresh[newer]
        self._quoted_at[rows[newer]] = self._known_at(board.exchange_at, at)
        if self.trust.suspended:
            for row in np.flatnonzero(newer):
                self.trust.quoted(board.instruments[row].name)
        self._take_index(board.underlying, board.index_price, min(board.exchange_at, at), at)

    def funding_rate(self, event: FundingRate) -> None:
        """Take the funding rate of a listed perpetual; what is no number changes nothing."""
        if event.instrument in self._rows and math.isfinite(event.rate_8h):
            self.funding[event.instrument] = event.rate_8h

    def index_price(self, event: IndexPrice, at: int) -> None:
        """Apply the index of an underlying; hourly bars grow from it."""
        self._take_index(event.underlying, event.price, min(event.exchange_at, at), at)

    def _take_index(self, underlying: str, price: float, quoted_at: int, at: int) -> None:
        if not 0 < price < math.inf or quoted_at < self._index.get(underlying, (price, 0))[1]:
            return  # no price, or an older one than we have
        self._index[underlying] = (price, quoted_at)
        self.trust.index_seen(underlying)
        self.bars.grow(underlying, price, at)

    def index(self, underlying: str) -> float:
        """Tell the index of an underlying in USD; NaN where it was never seen."""
        return self._index.get(underlying, (math.nan, 0))[0]

    def index_fresh(self, underlying: str) -> bool:
        """Whether the index is young enough and its feed trusted."""
        seen = self._index.get(underlying)
        return (
            seen is not None
            and self._age_s(seen[1]) <= self.quote_age_s_max
            and self.trust.index_trusted(underlying)
        )

    def rates(self) -> dict[str, float]:
        """USD per unit of every currency we can value."""
        rates = {underlying: price for underlying, (price, _) in sorted(self._index.items())}
        return {**rates, "USDC": 1.0}

    def _age_s(self, quoted_at: int) -> float:
        return (self.at - quoted_at) / SECOND / self.speed

    def touch(self, name: str) -> Touch | None:
        """Show what one instrument displays; None where it is not listed."""
        row = self._rows.get(name)
        if row is None:
            return None
        instrument = self._listed[row]
        if instrument is None:
            return None
        v: list[float] = self._values[row].tolist()
        quoted_at = int(self._quoted_at[row])
        age_s = self._age_s(abs(quoted_at)) if quoted_at else math.inf
        index = self.index(instrument.underlying)
        agrees = not abs(v[INDEX] / index - 1.0) > INDEX_MISMATCH_MAX
        return Touch(
            instrument=instrument,
            bid=v[BID],
            bid_amount=v[BID_AMOUNT],
            ask=v[ASK],
            ask_amount=v[ASK_AMOUNT],
            mark=v[MARK],
            mark_iv=v[MARK_IV],
            underlying_price=v[UNDERLYING_PRICE],
            index=index,
            fresh=quoted_at > 0
            and age_s <= self.quote_age_s_max
            and agrees
            and (instrument.expires_at is None or instrument.expires_at > self.at)
            and self.index_fresh(instrument.underlying)
            and self.trust.trusted(name),
            age_s=age_s,
        )

    def board(self, underlying: str, *, inverse: bool = True) -> Board:
        """Show the option board of an underlying (copies: it stays as it was)."""
        layout = self._layout(underlying, inverse=inverse)
        values = self._values[layout.rows]
        index = self.index(underlying)
        years = np.maximum((layout.expires_at - self.at) / (365.0 * 86_400 * SECOND), 0.0)
        return Board(
            underlying=underlying,
            at=self.at,
            index=index,
            instruments=layout.instruments,
            strike=layout.strike,
            expires_at=layout.expires_at,
            is_call=layout.is_call,
            bid=values[:, BID],
            bid_amount=values[:, BID_AMOUNT],
            ask=values[:, ASK],
            ask_amount=values[:, ASK_AMOUNT],
            mark=values[:, MARK],
            mark_iv=values[:, MARK_IV],
            underlying_price=values[:, UNDERLYING_PRICE],
            delta=_deltas(layout, values, years),
            fresh=self._fresh_rows(layout, values, underlying, index),
        )

    def _fresh_rows(
        self, layout: BoardLayout, values: Floats, underlying: str, index: float
    ) -> Bools:
        if not self.index_fresh(underlying):
            return np.zeros(len(layout.rows), dtype=bool)
        ages = (self.at - self._quoted_at[layout.rows]) / SECOND / self.speed
        mismatch = np.abs(values[:, INDEX] / index - 1.0) > INDEX_MISMATCH_MAX
        fresh = (ages <= self.quote_age_s_max) & ~mismatch & (layout.expires_at > self.at)
        return self.trust.mask(layout.instruments, fresh)

    def _layout(self, underlying: str, *, inverse: bool) -> BoardLayout:
        layout = self._layouts.get((underlying, inverse))
        if layout is None:
            layout = BoardLayout(
                [
                    (row, one)
                    for row, one in enumerate(self._listed)
                    if one is not None
                    and one.kind == "option"
                    and one.underlying == underlying
                    and one.inverse == inverse
                ]
            )
            self._layouts[(underlying, inverse)] = layout
        return layout

    def history(self, underlying: str) -> Bars:
        """Show the closed hourly bars of an index."""
        return self.bars.closed(underlying)


def _price(value: float) -> float:
    return value if 0.0 < value < math.inf else math.nan


def _size(value: float) -> float:
    return value if 0.0 < value < math.inf else 0.0


def _prices(column: Floats) -> Floats:
    return np.where((column > 0) & (column < np.inf), column, np.nan)


def _sizes(column: Floats) -> Floats:
    return np.where((column > 0) & (column < np.inf), column, 0.0)


def _check_unique(instruments: Sequence[Instrument]) -> None:
    counted = Counter(one.name for one in instruments)
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise ValueError(f"snapshot: {', '.join(twice[:5])} listed twice: drop the duplicates")


def _check_lengths(board: BoardSnapshot, rows: int) -> None:
    for name in SNAPSHOT_COLUMNS:
        if len(getattr(board, name)) != rows:
            raise ValueError(
                f"snapshot: {name} has {len(getattr(board, name))} rows for {rows} instruments: "
                "align the columns with the instruments"
            )


def _deltas(layout: BoardLayout, values: Floats, years: Floats) -> Floats:
    """Black-76 deltas where a quote carries a forward and a volatility; NaN elsewhere."""
    deltas: Floats = np.full(len(layout.rows), np.nan)
    forward, vol = values[:, UNDERLYING_PRICE], values[:, MARK_IV]
    known = (forward > 0) & (vol > 0) & np.isfinite(forward) & np.isfinite(vol)
    if known.any():
        kinds = np.where(layout.is_call[known], 1, -1)
        shown = greeks(kinds, forward[known], layout.strike[known], years[known], vol[known])
        deltas[known] = shown.delta
    return deltas
