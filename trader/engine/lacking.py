"""What does a market not show that no decision can do without?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Board
    from trader.domain.situation import Perpetual, Situation


def lacking(situation: Situation, quotes_min: int, *, board_read: bool) -> str | None:
    """Name what no decision can do without, of perpetuals, then of a board that is read; None
    where nothing of it lacks.
    """
    if situation.perpetuals and ((lacks := _unquoted(situation.perpetuals)) or not board_read):
        return lacks
    board = situation.board
    if quotes_min == 1 and len(board) and _quoted(board, len(board) // 2):
        return None  # any will do, and on a sound board the one in the middle does
    both = (board.bid > 0) & (board.bid_amount > 0) & (board.ask > 0) & (board.ask_amount > 0)
    shown = int(np.count_nonzero(board.fresh & both))
    if shown >= quotes_min:
        return None
    what = "no quote with two sides" if board.fresh.any() else "no recent quotes"
    if shown:
        what = f"{shown} of {quotes_min} quotes with two sides (risk.universe.quotes_min)"
    return f"{what} on the {board.underlying} board, quality {board.score:.2f}"


def _unquoted(perpetuals: Mapping[str, Perpetual]) -> str | None:
    """Name the perpetuals that show no fresh quote with two sides."""
    fresh = {coin: one.touch is not None and one.touch.fresh for coin, one in perpetuals.items()}
    sound = [one.touch is not None and one.touch.two_sided for one in perpetuals.values()]
    if all(fresh.values()) and all(sound):
        return None
    names = [coin for (coin, one), two in zip(fresh.items(), sound, strict=True) if not one & two]
    what = "no quote with two sides" if all(fresh.values()) else "no recent quotes"
    return f"{what} on the {', '.join(names)} perpetual"


def _quoted(board: Board, row: int) -> bool:
    """Tell whether one row shows two fresh sides."""
    columns = (board.fresh, board.bid, board.bid_amount, board.ask, board.ask_amount)
    return all(column.item(row) > 0 for column in columns)
