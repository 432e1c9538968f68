"""What does the market ask for options, and what do models hold them to be worth?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.units import DAY, YEAR, iso
from trader.views import report_numbers as say
from trader.views.blocks import (
    Choice,
    Figure,
    Filter,
    Page,
    Prose,
    Section,
    Table,
)
from trader.views.board_rows import COLUMNS, cells, day, model_vols, strike_rows, valued
from trader.views.figures import Line, chart
from trader.views.reading import NotUnderstood
from trader.views.screens.addresses import asking
from trader.views.screens.asked import one_of
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.domain.market import Board, Floats
    from trader.views.blocks import Block
    from trader.views.board_rows import StrikeRow, Valued
    from trader.views.figures import Tone
    from trader.views.reading import Asked, BoardNow, Reading

ALL: Final = "all"
EMPTY: Final = "No option is listed yet: the board appears with the market's first snapshot."
LEGEND: Final = (
    "~ marks a quote too old to trade on. The model column is the ensemble's value; edge is what"
    " the better side would gain against it after the taker's fee."
)
UNCALIBRATED: Final = (
    "No model is calibrated yet: their values appear after the first calibration "
    "(`calibration.every_minutes`)."
)
SMILES: Final[tuple[Tone, ...]] = (1, 2, 3)


def board(reading: Reading, asked: Asked) -> Page:
    """Make the page of an option board.

    Raises:
        NotUnderstood: the board or the expiry asked for is none of those listed.
    """
    names = {board_name(*one): one for one in reading.boards()}
    if not names:
        empty = Section("Options", (Prose(EMPTY, "muted"),), level=2)
        return Page("Board", "waiting for the market", (), (empty,))
    name = one_of(asked, "board", tuple(names), next(iter(names)))
    underlying, inverse = names[name]
    now = reading.board(underlying, inverse=inverse)
    rows = strike_rows(now.board, inverse=inverse)
    days = tuple(dict.fromkeys(day(one.expires_at) for one in rows))
    expiry = one_of(asked, "expiry", (ALL, *days), days[0])
    shown = tuple(one for one in rows if expiry in (ALL, day(one.expires_at)))
    found = valued(now, model_vols(now, _places(rows if expiry == ALL else shown, now.board)))
    choices = (
        Choice("board", "board", name, tuple((one, one) for one in names)),
        Choice("expiry", "expiry", expiry, ((ALL, "all"), *((one, one) for one in days))),
    )
    return Page(
        title=f"{name} options",
        subtitle=f"index {now.board.index:,.2f} USD, as of {iso(now.board.at)};"
        f" market {now.seen.regime or 'unknown'}: {now.seen.reason}",
        notices=() if now.believed else (Prose(UNCALIBRATED, "warn"),),
        sections=(
            Section("", (Filter(choices),)),
            Section("Volatility", _figures(found, shown), level=2),
            Section("", (Prose(LEGEND, "muted"),)),
            *_tables(found, shown, stream_address(name, expiry)),
        ),
    )


def board_name(underlying: str, inverse: bool) -> str:
    """Name a board as people do."""
    return underlying if inverse else f"{underlying} USDC"


def stream_address(name: str, expiry: str) -> str:
    """Say where the changes of what is shown come from."""
    return asking("/board/stream", board=name, expiry=expiry)


def chosen(reading: Reading, asked: Asked) -> tuple[BoardNow, int | None]:
    """Find the board and the expiry (None: all) that a stream follows.

    Raises:
        NotUnderstood: either is none of those listed.
    """
    names = {board_name(*one): one for one in reading.boards()}
    name = one_of(asked, "board", tuple(names), next(iter(names), ""))
    if not name:
        raise NotUnderstood(EMPTY)
    underlying, inverse = names[name]
    now = reading.board(underlying, inverse=inverse)
    expiries = {day(one): one for one in dict.fromkeys(now.board.expires_at.tolist())}
    expiry = one_of(asked, "expiry", (ALL, *expiries), ALL)
    return now, expiries.get(expiry)


def _places(rows: tuple[StrikeRow, ...], board: Board) -> np.ndarray:
    """Name the rows to ask models about: those shown, and of each expiry the one at the money."""
    asked = {place for one in rows for place in (one.call, one.put) if place >= 0}
    asked |= {place for _, place in _at_the_money(board)}
    return np.array(sorted(asked), dtype=np.int64)


def _at_the_money(board: Board) -> list[tuple[int, int]]:
    """Find, of each expiry, the row whose strike is nearest to its forward."""
    found = []
    for expires_at in np.unique(board.expires_at).tolist():
        rows = np.flatnonzero(board.expires_at == expires_at)
        away = np.abs(board.strike[rows] / board.underlying_price[rows] - 1.0)
        known = rows[np.isfinite(away) & np.isfinite(board.mark_iv[rows])]
        if len(known):
            away = np.abs(board.strike[known] / board.underlying_price[known] - 1.0)
            found.append((expires_at, int(known[int(away.argmin())])))
    return found


def _figures(found: Valued, shown: tuple[StrikeRow, ...]) -> tuple[Block, ...]:
    """Draw smile and term structure side by side, quotes against models."""
    board = found.now.board
    expiries = list(dict.fromkeys(one.expires_at for one in shown))[: len(SMILES)]
    lines = []
    for tone, expires_at in zip(SMILES, expiries, strict=False):
        rows = _wings(board, expires_at)
        xs = board.strike[rows].tolist()
        date = day(expires_at)
        lines.append(
            Line(label=f"{date} marks", xs=xs, ys=_percents(board.mark_iv, rows), tone=tone)
        )
        if np.isfinite(found.vol[rows]).any():
            models = Line(
                label=f"{date} models", xs=xs, ys=_percents(found.vol, rows), tone=tone, dashed=True
            )
            lines.append(models)
    y = Axis("implied volatility", "percent")
    smile = chart(f"Smile of {board.underlying}", lines, Axis("strike in USD", "usd"), y)
    return (
        Figure(smile, "Smile: the side out of the money of each strike."),
        Figure(_term(found), "Term structure: the strike at the money of each expiry."),
    )


def _wings(board: Board, expires_at: int) -> np.ndarray:
    """Find the options of an expiry that are out of the money: their prices are all time value."""
    outside = board.is_call == (board.strike >= board.underlying_price)
    rows = np.flatnonzero((board.expires_at == expires_at) & outside & np.isfinite(board.mark_iv))
    return rows[np.argsort(board.strike[rows])]


def _percents(column: Floats, rows: np.ndarray) -> list[float]:
    return [float(one) for one in column[rows]]


def _term(found: Valued) -> str:
    board = found.now.board
    pairs = _at_the_money(board)
    rows = np.array([place for _, place in pairs], dtype=np.int64)
    xs = [(expires_at - board.at) / DAY for expires_at, _ in pairs]
    lines = [Line(label="marks", xs=xs, ys=_percents(board.mark_iv, rows))]
    if len(rows) and np.isfinite(found.vol[rows]).any():
        ys = _percents(found.vol, rows)
        lines.append(Line(label="models", xs=xs, ys=ys, tone=2, dashed=True))
    y = Axis("implied volatility", "percent")
    return chart(
        f"Term structure of {board.underlying}", lines, Axis("days to expiry", "number"), y
    )


def _tables(found: Valued, shown: tuple[StrikeRow, ...], stream: str) -> tuple[Section, ...]:
    """Write a table for each expiry."""
    board = found.now.board
    sections = []
    for expires_at in dict.fromkeys(one.expires_at for one in shown):
        rows = tuple(one for one in shown if one.expires_at == expires_at)
        table = Table(
            COLUMNS,
            tuple(cells(found, one) for one in rows),
            keys=tuple(one.key for one in rows),
            stream=stream,
        )
        left = say.plain(365.0 * (expires_at - board.at) / YEAR, 1)
        coin = board.underlying if found.now.inverse else "USDC"
        title = f"Expiry {iso(expires_at)}, {left} days left, prices in {coin}"
        sections.append(Section(title, (table,), level=2))
    return tuple(sections)
