"""Which way does the price lean? The trailing trend, from closed hourly bars only."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from trader.domain.units import HOUR

if TYPE_CHECKING:
    from trader.domain.market import Bars


def trend_score(bars: Bars, at: int, lookback_hours: int) -> float | None:
    """Score the trend over the last `lookback_hours`: log return / (sigma sqrt(lookback)).

    With sigma the root mean square of the hourly log returns themselves this is sum r /
    sqrt(sum r^2): about standard normal without a trend, at most sqrt(lookback) in size.
    Bars that close after `at` are ignored. None where the bars do not tell: too old, not reaching
    back far enough, fewer than three quarters of them present, or a close that is no price.
    """
    first_close = at - (lookback_hours + 1) * HOUR
    closes = [
        (opened_at + HOUR, close)
        for opened_at, close in zip(bars.opened_at, bars.close, strict=True)
        if first_close < opened_at + HOUR <= at
    ]
    if len(closes) < 2 or len(closes) - 1 < 0.75 * lookback_hours:
        return None
    if closes[-1][0] <= at - 2 * HOUR or closes[0][0] > first_close + 2 * HOUR:
        return None
    if not all(math.isfinite(close) and close > 0 for _, close in closes):
        return None
    returns = [math.log(b / a) for (_, a), (_, b) in pairwise(closes)]
    size = math.sqrt(sum(r * r for r in returns))
    if not math.isfinite(size):
        return None
    return sum(returns) / size if size > 0 else 0.0
