"""What pasts do the tests of the backtest use? Small seeded markets and a seller of calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trader.backtest.market import Market
from trader.backtest.modelled import Candles, Level, ModelledChains
from trader.backtest.runner import Terms
from trader.domain.units import DAY, HOUR, nanoseconds
from trader.strategies.covered_call import CoveredCall, CoveredCallSettings
from trader.strategies.strategy import Cadence

if TYPE_CHECKING:
    from trader.domain.market import Floats

START = nanoseconds(datetime(2022, 1, 3, tzinfo=UTC))
TERMS = Terms(balances={"BTC": 20.0})
PRICE = 40_000.0


def candles(close: Floats, start: int = START) -> Candles:
    """Lay closes on hours; every bar opens at the close before it."""
    opened = np.concatenate((close[:1], close[:-1]))
    at = start + np.arange(len(close), dtype=np.int64) * HOUR
    return Candles(at, opened, np.maximum(opened, close), np.minimum(opened, close), close)


def wandering(days: int, *, seed: int = 1, vol: float = 0.6) -> Floats:
    """Let a price wander for some days."""
    moves = np.random.default_rng(seed).normal(0.0, vol / np.sqrt(365 * 24), 24 * days)
    walk: Floats = PRICE * np.exp(np.cumsum(moves))
    return walk


def market(
    close: Floats | None = None, *, vol: float | Floats = 0.6, days: int = 30, step: int = HOUR
) -> Market:
    """Make the past of a coin, with a volatility index."""
    past = candles(wandering(days) if close is None else close)
    level = np.zeros(len(past.close)) + vol
    return Market(
        underlying="BTC", candles=past, level=Level(level, "index"), source="test", step=step
    )


def chains(days: int = 30, **changes: Any) -> ModelledChains:
    """Model the boards of a wandering price, near expiries only."""
    return market(days=days).chains(**{"days_max": 10.0, **changes})


def seller(*, hours: int = 24, offset: int = 9 * HOUR, **parameters: Any) -> CoveredCall:
    """Sell one-day calls at nine every day, held to settlement."""
    chosen = {
        "target_days": 1.0, "days_tolerance": 1.0, "min_hours_left": 4.0, "take_profit": 0.0,
        "delta_tolerance": 0.25, "min_credit_fee_multiple": 1.0,
    }  # fmt: skip
    return CoveredCall(
        name="calls",
        underlying="BTC",
        settings=CoveredCallSettings(**{**chosen, **parameters}),
        timetable=Cadence(hours * HOUR, offset, HOUR),
    )


def day(number: int) -> int:
    """Name the midnight some days after the start."""
    return START + number * DAY
