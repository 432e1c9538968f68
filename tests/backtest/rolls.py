"""Which chains of rolls do the tests tell? A past made by hand, a modelled one, and who rolls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.backtest.pasts import START, TERMS, candles, chains, day
from trader.backtest.recorded import ChainRows, RecordedChains
from trader.backtest.roll_chains import RollChainStudy, study_roll_chains
from trader.backtest.runner import Terms
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.roll_chain import RollChain
from trader.strategies.rolling import RollChainSettings
from trader.strategies.strategy import Cadence

Row = tuple[float, int, float, float]
"""Strike, days from the start to its expiry, bid and ask of a call (NaN: none)."""

NAN = math.nan
FIRST, SECOND, THIRD = (100_000.0, 8), (110_000.0, 15), (115_000.0, 22)


def roller(underlying: str = "BTC", **parameters: Any) -> RollChain:
    """Decide each hour at ten past; take the touch at once, so that prices are what boards show."""
    chosen = {"patience_minutes": 0.0, "target_delta": 0.3, "delta_tolerance": 0.1}
    return RollChain(
        name="rolls",
        underlying=underlying,
        settings=RollChainSettings.model_validate(chosen | parameters),
        timetable=Cadence(HOUR, 10 * MINUTE, HOUR),
    )


def boards(*shown: tuple[int, float, tuple[Row, ...]], is_call: bool = True) -> RecordedChains:
    """Show calls, or puts, at some instants (at, index, rows), at a volatility of 144 %."""
    flat = [
        (at, index, strike, days, bid, ask)
        for at, index, rows in shown
        for strike, days, bid, ask in rows
    ]
    at, index, strike, days, bid, ask = (np.array(column) for column in zip(*flat, strict=True))
    close = np.full(24 * 40, 90_000.0)
    rows = ChainRows(
        at=at.astype(np.int64),
        strike=strike.astype(np.float64),
        expires_at=(START + days * DAY + 8 * HOUR).astype(np.int64),
        is_call=np.full(len(flat), is_call),
        bid=bid.astype(np.float64),
        ask=ask.astype(np.float64),
        mark=np.nan_to_num((bid + ask) / 2, nan=0.0001),
        mark_iv=np.full(len(flat), 1.44),
        underlying_price=index.astype(np.float64),
        index_price=index.astype(np.float64),
    )
    return RecordedChains("BTC", rows, candles(close), source="by hand")


def at(days: int, hours: float = 5.0) -> int:
    """Name an instant of the hand-made past."""
    return START + days * DAY + round(hours * HOUR)


OPENED = (at(1), 90_000.0, ((*FIRST, 0.020, 0.0205),))
DEFENDED = (at(3), 98_000.0, ((*FIRST, 0.0345, 0.035), (*SECOND, 0.042, 0.0425)))
HARVESTED = (at(5), 91_000.0, ((*SECOND, 0.0095, 0.010), (*THIRD, 0.015, 0.0155)))
LAST = (at(24), 90_000.0, ((120_000.0, 36, NAN, 0.0005),))
WHOLE = Terms(balances={"BTC": 250.0})
"""With an `equity_share` of .0042 the size is one coin, on its step of a tenth."""


def told(*shown: tuple[int, float, tuple[Row, ...]], **parameters: Any) -> RollChainStudy:
    """Study a hand-made past of 24 days; one unit is one coin."""
    chosen = {"equity_share": 0.0042, "roll_captured": 0.75, "roll_extrinsic_multiple": 0.0}
    strategy = roller(**chosen | parameters)
    return study_roll_chains(strategy, boards(*shown, LAST), WHOLE, at(1), at(24))


def modelled(**parameters: Any) -> RollChainStudy:
    """Roll on a modelled past of sixty days."""
    history = chains(60, days_max=22.0)
    return study_roll_chains(roller(**parameters), history, TERMS, day(3), day(58))
