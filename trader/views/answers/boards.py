"""What does an option board show? Rows of numbers; null is a side without a price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np

from trader.domain.units import YEAR, iso
from trader.pricing import ensemble
from trader.views.answers.asking import Date, Question, Text
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from trader.domain.market import Board, Floats
    from trader.views.reading import BoardNow, Reading


class BoardRow(msgspec.Struct, frozen=True, kw_only=True):
    """One option; prices in `currency` per unit, volatilities as fractions, null: there is none.

    `model_iv` is what the ensemble holds its volatility to be, where it was asked for.
    """

    instrument: str
    currency: str
    expires_at: str
    strike: float
    kind: Literal["call", "put"]
    bid: float | None
    bid_amount: float | None
    ask: float | None
    ask_amount: float | None
    mark: float | None
    mark_iv: float | None
    model_iv: float | None
    delta: float | None
    forward: float | None
    fresh: bool
    quality: float | None


class BoardTold(msgspec.Struct, frozen=True, kw_only=True):
    """A board at one instant (`at`, market time), by expiry, strike, call before put."""

    underlying: str
    settlement: Literal["coin", "usdc"]
    at: int
    time: str
    index: float | None
    regime: str
    models: dict[str, float]
    rows: tuple[BoardRow, ...]


class BoardQuestion(Question, frozen=True, kw_only=True):
    """Asks for a board."""

    underlying: Text
    settlement: Annotated[
        Literal["coin", "usdc"], msgspec.Meta(description="What the options settle in.")
    ] = "coin"
    expiry: Date | None = None
    models: Annotated[
        bool, msgspec.Meta(description="Whether to ask the models too, which takes longer.")
    ] = False


def board(reading: Reading, asked: BoardQuestion) -> BoardTold:
    """The option board of an underlying, as it stands now."""
    now = reading.board(asked.underlying, inverse=asked.settlement == "coin")
    shown = now.board
    days = [iso(at)[:10] for at in shown.expires_at.tolist()]
    places = [n for n, day in enumerate(days) if asked.expiry in (None, day)]
    if not places:
        there = ", ".join(dict.fromkeys(days))
        raise NotThere(f"no {asked.underlying} options expire on {asked.expiry}: on {there}")
    return BoardTold(
        underlying=shown.underlying,
        settlement=asked.settlement,
        at=shown.at,
        time=iso(shown.at),
        index=_number(shown.index),
        regime=now.seen.text,
        models={one.model.name: one.weight for one in now.believed},
        rows=_rows(shown, places, model_vols(now, places) if asked.models else None),
    )


def model_vols(now: BoardNow, places: list[int]) -> Floats:
    """Tell the implied volatility the believed models agree on, row by row; NaN where none is."""
    shown, rows = now.board, np.array(places, dtype=np.int64)
    found = np.full(len(rows), np.nan)
    forward = shown.underlying_price[rows]
    years = np.maximum(shown.expires_at[rows] - shown.at, 0) / YEAR
    sound = (forward > 0) & np.isfinite(forward) & (years > 0)
    if now.believed and sound.any():
        strike = shown.strike[rows]
        found[sound] = ensemble.vols(now.believed, forward[sound], strike[sound], years[sound])
    return found


def _rows(shown: Board, places: list[int], vols: Floats | None) -> tuple[BoardRow, ...]:
    names = ("bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "delta", "quality")
    columns = {name: getattr(shown, name).tolist() for name in names}
    forward, strike = shown.underlying_price.tolist(), shown.strike.tolist()
    expires, calls, fresh = shown.expires_at.tolist(), shown.is_call.tolist(), shown.fresh.tolist()
    priced = vols.tolist() if vols is not None else [math.nan] * len(places)
    return tuple(
        BoardRow(
            instrument=shown.instruments[row].name,
            currency=shown.instruments[row].settlement_currency,
            expires_at=iso(expires[row]),
            strike=strike[row],
            kind="call" if calls[row] else "put",
            forward=_number(forward[row]),
            fresh=fresh[row],
            model_iv=_number(priced[n]),
            **{name: _number(columns[name][row]) for name in names},
        )
        for n, row in enumerate(places)
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
