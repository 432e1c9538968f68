"""How does an option board read? A row a strike, calls and puts beside it, models against quotes.

A model's value is the Black-76 value at the ensemble's volatility, on the forward shown now. An
edge is what the better side would gain against that value, after the taker's fee: it is no advice,
a strategy asks for more (`trader.engine.model_view`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.units import YEAR, moment
from trader.domain.valuation import OPTION_FEE_CAP
from trader.pricing import ensemble
from trader.pricing.black_scholes import price_and_greeks
from trader.views import report_numbers as say
from trader.views.blocks import Cell, columns

if TYPE_CHECKING:
    from trader.domain.market import Board, Bools, Floats, Ints
    from trader.views.blocks import Tone
    from trader.views.reading import BoardNow

COLUMNS: Final = columns(
    "#strike",
    *(
        f"#{side} {name}"
        for side in ("call", "put")
        for name in ("bid", "ask", "mark", "IV", "delta", "model", "edge")
    ),
)
NOTHING: Final = Cell("-", "muted")
UNLISTED: Final = (NOTHING,) * 7
EDGE_SEEN: Final = 1e-9


class StrikeRow(msgspec.Struct, frozen=True):
    """One strike of an expiry, and the rows of the board with its call and its put (-1: none)."""

    key: str
    expires_at: int
    strike: float
    call: int
    put: int


class Valued(msgspec.Struct, frozen=True):
    """A board with what the models make of it; columns have an element for each of its rows."""

    now: BoardNow
    vol: Floats
    model: Floats
    buying: Floats
    selling: Floats


def strike_rows(board: Board, *, inverse: bool) -> tuple[StrikeRow, ...]:
    """Lay a board out by expiry and strike."""
    places: dict[tuple[int, float], list[int]] = {}
    expiries, strikes = board.expires_at.tolist(), board.strike.tolist()
    calls = board.is_call.tolist()
    for row, (expires_at, strike) in enumerate(zip(expiries, strikes, strict=True)):
        pair = places.setdefault((expires_at, strike), [-1, -1])
        pair[0 if calls[row] else 1] = row
    coin = board.underlying if inverse else f"{board.underlying}_USDC"
    return tuple(
        StrikeRow(f"{coin}-{day(expires_at)}-{strike:.15g}", expires_at, strike, *pair)
        for (expires_at, strike), pair in places.items()
    )


def day(expires_at: int) -> str:
    """Name an expiry by its UTC date."""
    return f"{moment(expires_at):%Y-%m-%d}"


def model_vols(now: BoardNow, rows: Ints) -> Floats:
    """Return the ensemble's volatility of some rows, NaN elsewhere and where it has none."""
    found = np.full(len(now.board), np.nan)
    board = now.board
    years = np.maximum(board.expires_at[rows] - board.at, 0) / YEAR
    forward = board.underlying_price[rows]
    sound = (forward > 0) & np.isfinite(forward) & (years > 0)
    if now.believed and sound.any():
        kept = rows[sound]
        columns = (forward[sound], board.strike[kept], years[sound])
        found[kept] = ensemble.vols(now.believed, *columns)
    return found


def valued(now: BoardNow, vol: Floats) -> Valued:
    """Value a board at the volatilities of the models."""
    board = now.board
    forward = board.underlying_price
    years = np.maximum(board.expires_at - board.at, 0) / YEAR
    sound: Bools = np.isfinite(vol) & (vol > 0) & (forward > 0) & np.isfinite(forward)
    model = np.full(len(board), np.nan)
    if sound.any():
        sign = np.where(board.is_call, 1, -1)[sound]
        usd, _ = price_and_greeks(
            sign, forward[sound], board.strike[sound], years[sound], vol[sound]
        )
        model[sound] = usd / forward[sound] if now.inverse else usd
    rate = np.array([one.taker_fee_rate for one in board.instruments])
    flat = rate if now.inverse else rate * board.index
    buying = model - board.ask - np.minimum(flat, OPTION_FEE_CAP * board.ask)
    selling = board.bid - model - np.minimum(flat, OPTION_FEE_CAP * board.bid)
    return Valued(now, vol, model, buying, selling)


def cells(found: Valued, row: StrikeRow) -> tuple[Cell, ...]:
    """Write one strike."""
    return (
        Cell(f"{row.strike:,.15g}"),
        *(_side(found, row.call) if row.call >= 0 else UNLISTED),
        *(_side(found, row.put) if row.put >= 0 else UNLISTED),
    )


def _side(found: Valued, row: int) -> tuple[Cell, ...]:
    """Write one option; a quote that is too old to trade on is marked."""
    board = found.now.board
    digits = 4 if found.now.inverse else 1
    tone: Tone = "" if board.fresh[row] else "stale"
    quotes = (board.bid, board.ask, board.mark)
    return (
        *(Cell(text, tone) if (text := _text(one[row], digits)) else NOTHING for one in quotes),
        _share(float(board.mark_iv[row])),
        _delta(board.delta_at(row)),
        Cell(text) if (text := _text(found.model[row], digits)) else NOTHING,
        _edge(float(found.buying[row]), float(found.selling[row]), digits),
    )


def _text(price: float, digits: int) -> str:
    return f"{price:,.{digits}f}" if math.isfinite(price) else ""


def _share(value: float) -> Cell:
    return Cell(say.share(value, 1)) if math.isfinite(value) else NOTHING


def _delta(value: float) -> Cell:
    return Cell(say.plain(value, 2, signed=True)) if math.isfinite(value) else NOTHING


def _edge(buying: float, selling: float, digits: int) -> Cell:
    """Name the better side and what it would gain; where both lose, the smaller loss."""
    sides = [(gain, side) for gain, side in ((buying, "buy"), (selling, "sell")) if gain == gain]
    if not sides:
        return NOTHING
    gain, side = max(sides)
    text = say.plain(gain, digits, signed=True)
    if gain > EDGE_SEEN and text.strip("+0.,"):
        return Cell(f"{side} {text}", "good")
    return Cell(text, "muted")
