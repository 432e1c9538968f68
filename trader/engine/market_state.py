"""What does the market show right now, and how far can it be trusted? Struct-of-arrays.

One row per listed instrument; expired rows are reused, so a daemon of months holds what is listed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.market import Bars, Board, Touch
from trader.domain.units import SECOND
from trader.engine.bars import BarBook
from trader.engine.board_layout import (
    COLUMNS,
    INDEX,
    ROW,
    SOUND,
    BoardLayout,
    SnapshotRows,
    check_unique,
    matrix,
    show,
)
from trader.engine.index_book import IndexBook
from trader.engine.quality import Integrity, content, freshness, freshnesses, share_kept
from trader.engine.trust import ALL, INDEX_PREFIX, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trader.domain.events import (
        BoardSnapshot,
        FeedFault,
        FeedLost,
        FeedRestored,
        FundingRate,
        IndexPrice,
        Quote,
    )
    from trader.domain.instruments import Instrument
    from trader.domain.market import Bools, Floats, Ints

AHEAD_S_MAX: Final = 2.0
"""A quote stamped further ahead of the market clock (wall seconds) is doubted."""

INDEX_MISMATCH_MAX: Final = 0.01
"""A ticker whose index differs this much from the index channel is not to be trusted."""


class MarketState:
    """The latest quote of every listed instrument, indices, bars, funding rates.

    NaN is "no price". A row is fresh when its feed is trusted, it is younger than `quote_age_s_max`
    wall seconds (market age / speed) and its index agrees with the index channel.
    """

    def __init__(self, quote_age_s_max: float, speed: float = 1.0) -> None:
        self.quote_age_s_max = quote_age_s_max
        self.speed = speed
        self.assumed_sizes = False
        self._at = 0
        self.version = 0
        self._touches: dict[str, Touch | None] = {}
        self._fresh_indices: dict[str, bool] = {}
        self.trust = Trust()
        self.funding: dict[str, float] = {}
        self.bars = BarBook()
        self._rows: dict[str, int] = {}
        self._listed: list[Instrument | None] = []
        self._free: list[int] = []
        self._values: Floats = np.full((0, COLUMNS), np.nan)
        self._quoted_at: Ints = np.zeros(0, dtype=np.int64)
        self._integrity = Integrity()
        self._value_cells = memoryview(b"")
        self._quoted_cells = memoryview(b"").cast("q")
        self._indices = IndexBook()
        self._layouts: dict[tuple[str, bool], BoardLayout] = {}
        self._snapshots = SnapshotRows()

    @property
    def at(self) -> int:
        """The instant of what is shown."""
        return self._at

    @at.setter
    def at(self, at: int) -> None:
        """Move on: every step begins here, so what it reads of a touch holds to its end."""
        if at != self._at:
            self._at = at
            self._changed()

    def _changed(self) -> None:
        """Forget what was read off the market: every way to change what it shows comes by here."""
        self._touches.clear()
        self._fresh_indices.clear()
        self.version += 1

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def sizes(self) -> dict[str, int]:
        """Count what is kept of instruments; after an expiry only what is listed may remain."""
        return {
            "instruments": len(self._rows),
            "quote_rows": len(self._listed) - len(self._free),
            "boards": sum(len(layout.rows) for layout in self._layouts.values()),
            "funding_rates": len(self.funding),
            "suspended": self.trust.suspended_count,
            "bars": len(self.bars),
        }

    def instrument(self, name: str) -> Instrument | None:
        """Find a listed instrument by name."""
        row = self._rows.get(name)
        return None if row is None else self._listed[row]

    def list(self, instruments: Iterable[Instrument]) -> None:
        """Take new listings; a known name is refreshed and keeps its quote."""
        self._changed()
        for instrument in instruments:
            row = self._rows.get(instrument.name)
            if row is None:
                row = self._claim()
                self._rows[instrument.name] = row
                self._values[row] = np.nan
                self._quoted_at[row] = 0
                self._integrity.begin(row)
            self._listed[row] = instrument
        self._layouts.clear()

    def expire(self, names: Iterable[str]) -> None:
        """Forget instruments; unknown names are ignored."""
        self._changed()
        for name in names:
            row = self._rows.pop(name, None)
            self.trust.forget(name)
            if row is not None:
                self._listed[row] = None
                self._free.append(row)
                self.funding.pop(name, None)
        self._layouts.clear()
        self._snapshots.clear()

    def _claim(self) -> int:
        if not self._free:
            size = len(self._listed)
            more = max(256, size)
            self._values = np.vstack([self._values, np.full((more, COLUMNS), np.nan)])
            self._quoted_at = np.concatenate([self._quoted_at, np.zeros(more, dtype=np.int64)])
            # Single rows are written past numpy: a quote costs a quarter of what it does there.
            self._value_cells = self._values.data.cast("B")
            self._quoted_cells = self._quoted_at.data
            self._integrity.grow(size + more)
            self._listed.extend([None] * more)
            self._free.extend(range(size + more - 1, size - 1, -1))
        return self._free.pop()

    def lost(self, event: FeedLost) -> None:
        """Stop believing a scope: what was shown before stays doubted until it is shown again.

        A negative time says so: it is never young, whoever restores the feed.
        """
        self._changed()
        self.trust.lost(event, self.at)
        self._damage(event)
        for name in event.scope:
            rows = slice(None) if name == ALL else self._rows.get(name)
            if rows is not None:
                self._quoted_at[rows] = -np.abs(self._quoted_at[rows])
            self._indices.doubt(*self._index_names(name))

    def _index_names(self, scope: str) -> tuple[str, ...]:
        """Name the indices that a scope concerns."""
        return tuple(self._indices.names()) if scope == ALL else (scope.removeprefix(INDEX_PREFIX),)

    def restored(self, event: FeedRestored) -> None:
        """Believe a scope again, once it is shown again."""
        self._changed()
        self.trust.restored(event)

    def fault(self, event: FeedFault) -> None:
        """Note a fault that lost no trust: it costs the channels it names some of their score."""
        self._changed()
        self.trust.fault(event, self.at)
        self._damage(event)

    def _damage(self, event: FeedFault | FeedLost) -> None:
        kept = share_kept(event.kind)
        for name in event.scope:
            rows = slice(None) if name == ALL else self._rows.get(name)
            if rows is not None:
                self._integrity.damage(rows, kept)
                self._values[rows, SOUND] *= kept
            self._indices.damage(kept, *self._index_names(name))

    def score(self, name: str) -> float:
        """Score what a channel shows of an instrument now; 0 where it is not to be believed."""
        row = self._rows.get(name)
        if row is None or self._quoted_cells[row] <= 0 or not self.trust.trusted(name):
            return 0.0
        one = self._listed[row]
        index = self.index(one.underlying) if one is not None else math.nan
        if abs(self._values.item(row, INDEX) / index - 1.0) > INDEX_MISMATCH_MAX:
            return 0.0
        age_s = self._age_s(self._quoted_cells[row])
        return self._values.item(row, SOUND) * freshness(age_s, self.quote_age_s_max)

    def index_score(self, underlying: str) -> float:
        """Score an index now."""
        told_at = self._indices.told_at(underlying)
        if told_at <= 0 or not self.trust.index_trusted(underlying):
            return 0.0
        age_s = self._age_s(told_at)
        return self._indices.integrity(underlying) * freshness(age_s, self.quote_age_s_max)

    def scores(self) -> dict[str, float]:
        """Score every index, every board (the mean of its contracts) and every other contract."""
        found: dict[str, float] = {}
        for underlying in self._indices.names():
            found[f"{underlying} index"] = self.index_score(underlying)
            for inverse, board in ((True, "options"), (False, "USDC options")):
                layout = self._layout(underlying, inverse=inverse)
                if layout.instruments:
                    values, index = self._values[layout.rows], self.index(underlying)
                    _, scored = self._rows_now(layout, values, underlying, index)
                    found[f"{underlying} {board}"] = float(scored().mean())
        others = (one.name for one in self._listed if one is not None and one.kind != "option")
        return found | {name: self.score(name) for name in sorted(others)}

    def quote(self, quote: Quote, at: int) -> bool:
        """Apply one quote; False where it is not listed or older than what we have: not kept.

        One from the future is kept but doubted: somebody's clock is wrong. A side without a
        positive price is NaN from here on (0 is not a price), a size that is none is 0.
        """
        self._changed()
        row, exchange_at = self._rows.get(quote.instrument), quote.exchange_at
        if row is None or exchange_at < self._quoted_cells[row]:
            return False
        bid, bid_amount, ask, ask_amount = quote.bid, quote.bid_amount, quote.ask, quote.ask_amount
        has_bid, has_ask = 0.0 < bid < math.inf, 0.0 < ask < math.inf
        integrity = self._integrity.heard(row)
        ROW.pack_into(
            self._value_cells,
            row * ROW.size,
            bid if has_bid else math.nan,
            bid_amount if 0.0 < bid_amount < math.inf else 0.0,
            ask if has_ask else math.nan,
            ask_amount if 0.0 < ask_amount < math.inf else 0.0,
            quote.mark,
            quote.mark_iv,
            quote.underlying_price,
            quote.index_price,
            integrity if has_bid and bid < ask and has_ask else integrity * content(bid, ask),
        )
        known_at = exchange_at if exchange_at <= at else self._known_at(exchange_at, at)
        self._quoted_cells[row] = known_at
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
        self._changed()
        rows = self._snapshots.find(board.instruments)
        if rows is None:
            check_unique(board.instruments)
            if unknown := [one for one in board.instruments if one.name not in self._rows]:
                self.list(unknown)
            rows = self._snapshots.keep(board.instruments, self._rows)
        newer = board.exchange_at >= self._quoted_at.take(rows)
        kept = rows if np.count_nonzero(newer) == len(rows) else rows[newer]
        self._integrity.heard_all(kept)
        shown = matrix(board, self._integrity.of(rows))
        self._values[kept] = shown if kept is rows else shown[newer]
        self._quoted_at[kept] = self._known_at(board.exchange_at, at)
        for row in np.flatnonzero(newer) if self.trust.suspended else ():
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
        if self._indices.take(underlying, price, quoted_at):
            self._changed()
            self.trust.index_seen(underlying)
            self.bars.grow(underlying, price, at)

    def index(self, underlying: str) -> float:
        """Tell the index of an underlying in USD; NaN where it was never seen."""
        return self._indices.price(underlying)

    def index_fresh(self, underlying: str) -> bool:
        """Whether the index is young enough and its feed trusted."""
        fresh = self._fresh_indices.get(underlying)
        if fresh is None:
            young = self._indices.told_at(underlying) >= self._oldest
            known = underlying in self._indices and young
            fresh = self._fresh_indices[underlying] = known and self.trust.index_trusted(underlying)
        return fresh

    def rates(self) -> dict[str, float]:
        """USD per unit of every currency we can value."""
        return {name: self.index(name) for name in self._indices.names()} | {"USDC": 1.0}

    def _age_s(self, quoted_at: int) -> float:
        return (self.at - quoted_at) / SECOND / self.speed

    @property
    def _oldest(self) -> int:
        """From when on a quote is young enough."""
        return self.at - math.floor(self.quote_age_s_max * SECOND * self.speed)

    def touch(self, name: str) -> Touch | None:
        """Show what one instrument displays; None where it is not listed."""
        if name not in self._touches:
            self._touches[name] = self._touch(name)
        return self._touches[name]

    def _touch(self, name: str) -> Touch | None:
        row = self._rows.get(name)
        instrument = None if row is None else self._listed[row]
        if row is None or instrument is None:
            return None
        bid, bid_amount, ask, ask_amount, mark, mark_iv, forward, told_index, sound = self._values[
            row
        ].tolist()
        quoted_at: int = self._quoted_cells[row]
        age_s = self._age_s(abs(quoted_at)) if quoted_at else math.inf
        index = self.index(instrument.underlying)
        agrees = not abs(told_index / index - 1.0) > INDEX_MISMATCH_MAX
        believed = quoted_at > 0 and agrees and self.trust.trusted(name)
        living = instrument.expires_at is None or instrument.expires_at > self.at
        young = quoted_at >= self._oldest and self.index_fresh(instrument.underlying)
        quality = sound * freshness(age_s, self.quote_age_s_max) if believed else 0.0
        return Touch(
            instrument, bid, bid_amount, ask, ask_amount, mark, mark_iv, forward, index,
            believed and living and young, age_s, quality,
        )  # fmt: skip

    def board(self, underlying: str, *, inverse: bool = True) -> Board:
        """Show the option board of an underlying (copies: it stays as it was)."""
        layout = self._layout(underlying, inverse=inverse)
        values = self._values.take(layout.rows, axis=0)
        index = self.index(underlying)
        fresh, quality = self._rows_now(layout, values, underlying, index)
        return show(layout, values, underlying, self.at, index, fresh, quality)

    def _rows_now(
        self, layout: BoardLayout, values: Floats, underlying: str, index: float
    ) -> tuple[Bools, Callable[[], Floats]]:
        """Tell of each row of a board whether it is fresh, and how to compute its score."""
        at, age_s_max, speed = self.at, self.quote_age_s_max, self.speed
        quoted_at = self._quoted_at.take(layout.rows)
        mismatch = np.abs(values[:, INDEX] / index - 1.0) > INDEX_MISMATCH_MAX
        agreeing = self.trust.mask(layout.instruments, ~mismatch)
        if self.index_fresh(underlying):
            fresh = agreeing & (quoted_at >= max(self._oldest, 1))
            if at >= layout.first_expiry:
                fresh &= layout.expires_at > at
        else:
            fresh = np.zeros(len(quoted_at), dtype=bool)

        def quality() -> Floats:
            ages_s = (at - quoted_at) / SECOND / speed
            scores = values[:, SOUND] * freshnesses(ages_s, age_s_max)
            return np.where(agreeing & (quoted_at > 0), scores, 0.0)

        return fresh, quality

    def _layout(self, underlying: str, *, inverse: bool) -> BoardLayout:
        layout = self._layouts.get((underlying, inverse))
        if layout is None:
            layout = BoardLayout.of(self._listed, underlying, inverse=inverse)
            self._layouts[(underlying, inverse)] = layout
        return layout

    def history(self, underlying: str) -> Bars:
        """Show the closed hourly bars of an index."""
        return self.bars.history(underlying)()
