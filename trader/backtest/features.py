"""Which columns does the portfolio read? Those that strategies compute live, added to a frame.

The formulas stand in `trader.strategies.trend_features`: what trades by day reads the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trader.strategies.trend_features import INDICATORS, PRICES, WINDOW, features, indicators

__all__ = ["INDICATORS", "WINDOW", "add_features", "features", "indicators"]


def add_features(frame: Any) -> Any:  # noqa: ANN401 - a DataFrame of pandas'
    """Return a frame of bars (open, high, low, close, oldest first) with every column added.

    Raises:
        ValueError: a column is missing or holds what is no price.
    """
    given = {name: frame[name].to_numpy(dtype=np.float64) for name in PRICES if name in frame}
    return frame.assign(**features(given))
