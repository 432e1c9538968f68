"""How do quotes lie in arrays? Columns of a row, rows of a board, and what may stand there."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.market import Board, Listing
from trader.domain.units import YEAR
from trader.pricing.deltas import delta_each

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


_NOT_SHOWN: Final = np.array([[np.nan], [0.0], [np.nan], [0.0]])
"""What stands in the first four columns where nothing is displayed."""


class BoardLayout(Listing):
    """The rows of one underlying's options, sorted; rebuilt only when listings change."""

    __slots__ = ("first_expiry", "rows", "sign")

    @classmethod
    def of(
        cls, listed: Sequence[Instrument | None], underlying: str, *, inverse: bool
    ) -> BoardLayout:
        """Lay out the options of an underlying; places in `listed` are rows."""
        return cls(
            [
                (row, one)
                for row, one in enumerate(listed)
                if one is not None
                and one.kind == "option"
                and one.inverse == inverse
                and one.underlying == underlying
            ]
        )

    def __init__(self, listed: Sequence[tuple[int, Instrument]]) -> None:
        strike = np.array([one.strike for _, one in listed], dtype=np.float64)
        expires_at = np.array([one.expires_at for _, one in listed], dtype=np.int64)
        is_call = np.array([one.option_type == "call" for _, one in listed], dtype=bool)
        order = np.lexsort((~is_call, strike, expires_at))
        instruments = tuple([listed[place][1] for place in order.tolist()])
        super().__init__(instruments, strike[order], expires_at[order], is_call[order])
        self.rows = np.array([row for row, _ in listed], dtype=np.int64)[order]
        self.sign = np.where(self.is_call, 1.0, -1.0)
        self.first_expiry = instruments[0].expires_at or 0 if instruments else 0
        for column in (self.rows, self.strike, self.expires_at, self.is_call):
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


def matrix(board: BoardSnapshot, integrity: Floats | float) -> Floats:
    """Lay out a snapshot as rows of the state, in its own order; `integrity` aligned with it.

    Raises:
        ValueError: a column has more or fewer values than there are contracts.
    """
    rows = len(board.instruments)
    given = [getattr(board, name) for name in SNAPSHOT_COLUMNS]
    for name, column in zip(SNAPSHOT_COLUMNS, given, strict=True):
        if len(column) != rows:
            raise ValueError(
                f"snapshot: {name} has {len(column)} rows for {rows} instruments: "
                "align the columns with the instruments"
            )
    columns = np.empty((COLUMNS, rows))
    np.concatenate(given, out=columns[: len(given)].reshape(-1))
    columns[INDEX] = board.index_price
    displayed = columns[: ASK_AMOUNT + 1]
    shown = (displayed > 0) & (displayed < np.inf)
    np.copyto(displayed, _NOT_SHOWN, where=~shown)
    one_side = shown[BID] ^ shown[ASK]
    columns[SOUND] = ((columns[BID] < columns[ASK]) + 0.5 * one_side) * integrity
    return columns.T


def check_unique(instruments: Sequence[Instrument]) -> None:
    """Make sure that a snapshot names each contract once.

    Raises:
        ValueError: one stands there twice.
    """
    counted = Counter(one.name for one in instruments)
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise ValueError(f"snapshot: {', '.join(twice[:5])} listed twice: drop the duplicates")


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
        delta=lambda rows: deltas(layout, values, at, rows),
        fresh=fresh,
        quality=quality,
        listing=layout,
    )


def deltas(layout: BoardLayout, values: Floats, at: int, rows: Ints | slice) -> Floats:
    """Black-76 deltas of some rows where a quote has a forward and a volatility; NaN elsewhere."""
    columns = (
        layout.sign[rows],
        values[:, UNDERLYING_PRICE][rows],
        layout.strike[rows],
        np.maximum((layout.expires_at[rows] - at) / YEAR, 0.0),
        values[:, MARK_IV][rows],
    )
    return np.array(delta_each(*(column.tolist() for column in columns)))
