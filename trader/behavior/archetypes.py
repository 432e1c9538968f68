"""Which types of traders are there, and which is this one by rule?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.behavior.features import (
    AVG_HOLDING_TIME,
    AVG_POSITION_SIZE,
    TRADE_COUNT,
    TRADE_FREQUENCY,
)

if TYPE_CHECKING:
    from trader.domain.market import Floats

TRADER_TYPES: Final = {
    0: "Conservative",
    1: "Moderate",
    2: "Aggressive",
    3: "Scalper",
    4: "Swing Trader",
}
UNKNOWN: Final = "Unknown"
SCALPER_MINUTES: Final = 5.0
SWING_MINUTES: Final = 1440.0
AGGRESSIVE_SIZE: Final = 0.1
CONSERVATIVE_SIZE: Final = 0.02
SAMPLE_TRADES: Final = 20
"""With so many trades a type by rule is half as sure as with any number of them."""


class Archetype(msgspec.Struct, frozen=True):
    """How the model of a type trades: holding time, size as a fraction of equity, trades a day."""

    holding_minutes: float
    position_size: float
    trades_per_day: float


ARCHETYPES: Final = {
    0: Archetype(240.0, 0.01, 1.0),
    1: Archetype(240.0, 0.05, 3.0),
    2: Archetype(240.0, 0.20, 6.0),
    3: Archetype(1.0, 0.03, 50.0),
    4: Archetype(7200.0, 0.05, 0.3),
}
"""Each stands well inside of what the rules give its type."""
ASKED: Final = (AVG_HOLDING_TIME, AVG_POSITION_SIZE, TRADE_FREQUENCY)
_LEAST: Final = np.array([1e-2, 1e-4, 1e-3])
"""Of minutes, size and frequency: below it, less is no difference."""


def rule_based_type(features: Floats) -> tuple[int, float]:
    """Return the type by the seed's rules, and how far from the next it lies: 0 to 1.

    The distance is that to the nearest limit that decided, as a ratio, times n / (n + 20).
    """
    held, size = float(features[AVG_HOLDING_TIME]), float(features[AVG_POSITION_SIZE])
    limits: tuple[tuple[float, float], ...]
    if held < SCALPER_MINUTES:
        kind, limits = 3, ((held, SCALPER_MINUTES),)
    elif held > SWING_MINUTES:
        kind, limits = 4, ((held, SWING_MINUTES),)
    else:
        times = ((held, SCALPER_MINUTES), (held, SWING_MINUTES))
        aggressive, conservative = (size, AGGRESSIVE_SIZE), (size, CONSERVATIVE_SIZE)
        if size > AGGRESSIVE_SIZE:
            kind, limits = 2, (*times, aggressive)
        elif size < CONSERVATIVE_SIZE:
            kind, limits = 0, (*times, conservative)
        else:
            kind, limits = 1, (*times, aggressive, conservative)
    count = float(features[TRADE_COUNT])
    margin = min(_apart(value, limit) for value, limit in limits)
    return kind, margin * count / (count + SAMPLE_TRADES)


def distances(features: Floats) -> Floats:
    """Return how many decades rows of features lie from each archetype: (rows, types).

    What is not known, NaN, counts nothing.
    """
    models = np.array([
        (one.holding_minutes, one.position_size, one.trades_per_day) for one in ARCHETYPES.values()
    ])  # fmt: skip
    rows = np.log10(np.maximum(np.atleast_2d(features)[:, ASKED], _LEAST))
    apart: Floats = np.linalg.norm(np.nan_to_num(rows[:, None, :] - np.log10(models)), axis=2)
    return apart


def _apart(value: float, limit: float) -> float:
    """Tell how far a value is from a limit: 0 on it, .5 at half or double."""
    low, high = sorted((max(value, 0.0), limit))
    return 1.0 - low / high
