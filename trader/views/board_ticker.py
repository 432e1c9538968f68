"""What changed on a board since it was looked at last? Cells of named rows, ready to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.views.blocks import Tone
from trader.views.board_rows import cells, model_vols, strike_rows, valued

if TYPE_CHECKING:
    from trader.domain.market import Bools, Floats
    from trader.views.blocks import Cell
    from trader.views.board_rows import StrikeRow
    from trader.views.reading import BoardNow

Changes = dict[str, list[tuple[int, str, Tone]]]
"""Of a row's key: column, text and tone of every cell that reads otherwise now."""
MODELS_EVERY: Final = 20
"""Looks for which the models' volatilities are kept: calibrations move them, quotes do not."""


class BoardTicker:
    """Follows one board, or one expiry of it, look by look. Invariant: texts are what was shown."""

    def __init__(self, expires_at: int | None = None) -> None:
        self._expires_at = expires_at
        self._listed: object = None
        self._rows: tuple[StrikeRow, ...] = ()
        self._shown: dict[str, tuple[Cell, ...]] = {}
        self._before: Floats = np.empty((0, 0))
        self._vol: Floats = np.empty(0)
        self._looks = 0

    def take(self, now: BoardNow) -> Changes:
        """Tell what reads otherwise than at the last look; at the first one nothing does."""
        board = now.board
        columns = (board.bid, board.ask, board.mark, board.mark_iv, board.underlying_price)
        values = np.column_stack([*columns, board.fresh.astype(float)])
        begins = board.instruments is not self._listed
        if begins:
            self._begin(now)
        refits = self._looks % MODELS_EVERY == 0
        if refits:
            self._vol = model_vols(now, self._wanted())
        self._looks += 1
        moved = np.ones(len(board), dtype=bool)
        if not (begins or refits):
            same = (values == self._before) | (np.isnan(values) & np.isnan(self._before))
            moved = ~same.all(axis=1)
        self._before = values
        return self._read(now, moved, silent=begins)

    def _begin(self, now: BoardNow) -> None:
        rows = strike_rows(now.board, inverse=now.inverse)
        wanted = self._expires_at
        self._listed = now.board.instruments
        self._rows = tuple(one for one in rows if wanted is None or one.expires_at == wanted)
        self._shown, self._looks = {}, 0

    def _wanted(self) -> np.ndarray:
        places = [place for one in self._rows for place in (one.call, one.put) if place >= 0]
        return np.array(places, dtype=np.int64)

    def _read(self, now: BoardNow, moved: Bools, *, silent: bool) -> Changes:
        """Write the rows that moved, and keep what differs from what was shown."""
        found: Changes = {}
        told = None
        for row in self._rows:
            if not any(place >= 0 and moved[place] for place in (row.call, row.put)):
                continue
            told = told or valued(now, self._vol)
            read, shown = cells(told, row), self._shown.get(row.key)
            self._shown[row.key] = read
            if shown is None or silent:
                continue
            changed = [
                (column, one.text, one.tone)
                for column, one in enumerate(read)
                if one != shown[column]
            ]
            if changed:
                found[row.key] = changed
        return found
