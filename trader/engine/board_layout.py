"""How do quotes lie in arrays? Columns of a row, rows of a board, and what may stand there."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.market import Board
from trader.domain.units import YEAR
from trader.engine.quality import contents
from trader.pricing.black_scholes import delta

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trader.domain.events import BoardSnapshot
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
SOUND: Final = 8
"""Content x integrity of the last quote; `quality` says what that is."""

COLUMNS: Final = 9
SNAPSHOTS_KEPT: Final = 8
ROW: Final = Struct(f"={COLUMNS}d")
SNAPSHOT_COLUMNS: Final = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price",
)  # fmt: skip


class BoardLayout:
    """The rows of one underlying's options, sorted; rebuilt only when listings change."""

    __slots__ = (
        "expires_at", "instruments", "inverse", "is_call", "places", "rows", "sign", "strike",
    )  # fmt: skip

    @classmethod
    def of(
        cls, listed: Sequence[Instrument | None], underlying: str, *, inverse: bool
    ) -> BoardLayout:
        """Lay out the options of an underlying; places in `listed` are rows."""
        rows = ((row, one) for row, one in enumerate(listed) if one is not None)
        wanted = ("option", underlying, inverse)
        return cls(
            [(row, one) for row, one in rows if (one.kind, one.underlying, one.inverse) == wanted]
        )

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
        self.inverse = np.array([one.inverse for one in self.instruments], dtype=bool)
        self.sign = np.where(self.is_call, 1.0, -1.0)
        self.places = {one.name: place for place, one in enumerate(self.instruments)}
        for column in (self.rows, self.strike, self.expires_at, self.is_call, self.inverse):
            column.flags.writeable = False  # boards share them with whoever reads the market


class SnapshotRows:
    """The rows of snapshots seen lately: a provider that reuses a tuple is found at once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[Instrument, ...], Ints]] = {}

    def find(self, instruments: tuple[Instrument, ...]) -> Ints | None:
        """Find the rows of these very instruments."""
        known = self._known.get(id(instruments))
        return known[1] if known is not None and known[0] is instruments else None

    def keep(self, instruments: tuple[Instrument, ...], rows: Mapping[str, int]) -> Ints:
        """Look every row up and remember them."""
        found = np.array([rows[one.name] for one in instruments], dtype=np.int64)
        if len(self._known) >= SNAPSHOTS_KEPT:
            self._known.clear()
        self._known[id(instruments)] = (instruments, found)
        return found

    def clear(self) -> None:
        """Forget: rows may have been given to others."""
        self._known.clear()


def matrix(board: BoardSnapshot, integrity: Floats) -> Floats:
    """Lay out a snapshot as rows of the state, in its own order; `integrity` aligned with it.

    Raises:
        ValueError: a column has more or fewer values than there are contracts.
    """
    _check_lengths(board, len(integrity))
    rows = np.empty((len(integrity), COLUMNS))
    rows[:, BID], rows[:, BID_AMOUNT] = _prices(board.bid), _sizes(board.bid_amount)
    rows[:, ASK], rows[:, ASK_AMOUNT] = _prices(board.ask), _sizes(board.ask_amount)
    rows[:, MARK], rows[:, MARK_IV] = board.mark, board.mark_iv
    rows[:, UNDERLYING_PRICE], rows[:, INDEX] = board.underlying_price, board.index_price
    rows[:, SOUND] = contents(rows[:, BID], rows[:, ASK]) * integrity
    return rows


def _prices(column: Floats) -> Floats:
    return np.where((column > 0) & (column < np.inf), column, np.nan)


def _sizes(column: Floats) -> Floats:
    return np.where((column > 0) & (column < np.inf), column, 0.0)


def check_unique(instruments: Sequence[Instrument]) -> None:
    """Make sure that a snapshot names each contract once.

    Raises:
        ValueError: one stands there twice.
    """
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


def show(
    layout: BoardLayout,
    values: Floats,
    underlying: str,
    at: int,
    index: float,
    fresh: Bools,
    quality: Callable[[], Floats],
) -> Board:
    """Show rows of the state as a board; deltas and scores are computed if somebody looks."""
    years = np.maximum((layout.expires_at - at) / YEAR, 0.0)
    bid, bid_amount, ask, ask_amount, mark, mark_iv, forward, _, _ = values.T
    return Board(
        underlying=underlying,
        at=at,
        index=index,
        instruments=layout.instruments,
        strike=layout.strike,
        expires_at=layout.expires_at,
        is_call=layout.is_call,
        bid=bid,
        bid_amount=bid_amount,
        ask=ask,
        ask_amount=ask_amount,
        mark=mark,
        mark_iv=mark_iv,
        underlying_price=forward,
        delta=lambda rows: deltas(layout, values, years, rows),
        fresh=fresh,
        quality=quality,
        inverse=layout.inverse,
        places=layout.places,
    )


def deltas(layout: BoardLayout, values: Floats, years: Floats, rows: Ints | slice) -> Floats:
    """Black-76 deltas of some rows where a quote has a forward and a volatility; NaN elsewhere."""
    forward, vol = values[rows, UNDERLYING_PRICE], values[rows, MARK_IV]
    sign, strike, years = layout.sign[rows], layout.strike[rows], years[rows]
    known = (forward > 0) & (vol > 0) & (forward < np.inf) & (vol < np.inf)
    if known.all():
        return delta(sign, forward, strike, years, vol)
    found: Floats = np.full(len(forward), np.nan)
    found[known] = delta(sign[known], forward[known], strike[known], years[known], vol[known])
    return found
