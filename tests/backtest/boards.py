"""How do tests get recorded boards? Twice a day, as a model with a smile of its own showed them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from tests.backtest.pasts import candles, market, wandering
from trader.backtest.recorded import ChainRows
from trader.backtest.recorded_market import RecordedMarket
from trader.domain.events import BoardSnapshot
from trader.domain.units import HOUR
from trader.pricing.surface import Smile

SMILE = Smile(-0.3, 0.9)
DAYS = 10


def recorded_rows(days: int = DAYS) -> ChainRows:
    """Record the boards of 09:00 and 21:00."""
    shown = msgspec.structs.replace(market(days=days), smile=SMILE)
    columns: dict[str, list[Any]] = {}
    for at, board in shown.chains(days_max=20.0).events(*shown.span):
        if not isinstance(board, BoardSnapshot) or at // HOUR % 12 != 9:
            continue
        count = len(board.instruments)
        row = {
            "at": np.full(count, at, dtype=np.int64),
            "strike": np.array([one.strike for one in board.instruments]),
            "expires_at": np.array([one.expires_at for one in board.instruments], dtype=np.int64),
            "is_call": np.array([one.option_type == "call" for one in board.instruments]),
            "bid": board.bid, "ask": board.ask, "mark": board.mark, "mark_iv": board.mark_iv,
            "underlying_price": board.underlying_price,
            "index_price": np.full(count, board.index_price),
        }  # fmt: skip
        for name, column in row.items():
            columns.setdefault(name, []).append(column)
    joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
    return ChainRows(**joined)


def recorded_market(days: int = DAYS) -> RecordedMarket:
    """Put the boards beside the closes of the same days."""
    return RecordedMarket(
        underlying="BTC", candles=candles(wandering(days)), rows=recorded_rows(days), source="test"
    )
