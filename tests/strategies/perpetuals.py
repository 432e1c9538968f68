"""What do tests of strategies on perpetuals show them? Bars that signal, quotes, chains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tests.builders import INDEX, NOW, board, chain, situation
from trader.domain.market import Bars, Touch
from trader.domain.portfolio import Course
from trader.domain.situation import Perpetual
from trader.domain.trading import Stop
from trader.domain.units import HOUR
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.strategy import trades_linear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Strategy


def bars_of(closes: Sequence[float], at: int = NOW) -> Bars:
    """Close one bar an hour, the last at `at`, each from the close before, with a wick of .1 %."""
    close = np.array(closes, dtype=np.float64)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    opened_at = tuple(at - (len(close) - row) * HOUR for row in range(len(close)))
    return Bars(opened_at, *(tuple(one.tolist()) for one in (opened, high, low, close)))


def breakout(index: float = INDEX["BTC"], at: int = NOW, rows: int = 260) -> Bars:
    """Rise for days, then break out at `index`."""
    rise = [index * math.exp(0.0005 * (row - rows)) for row in range(rows - 1)]
    return bars_of([*rise[:-1], rise[-1] * 1.001, index * 1.008], at)


def dip(index: float = INDEX["BTC"], at: int = NOW, rows: int = 260) -> Bars:
    """Rise for days, then fall for fourteen hours, less than was risen."""
    rise = [0.002 * row for row in range(rows - 14)]
    fall = [rise[-1] - 0.001 * (row + 1) for row in range(14)]
    path = np.array([*rise, *fall])
    return bars_of((index * np.exp(path - path[-1])).tolist(), at)


def flat(index: float = INDEX["BTC"], at: int = NOW, rows: int = 260) -> Bars:
    """Go to and fro."""
    return bars_of([index * (1 + 0.0005 * (-1) ** row) for row in range(rows)], at)


def touch_of(instrument: Instrument, price: float = INDEX["BTC"], **changes: Any) -> Touch:
    """Quote a perpetual a dollar to either side of a price."""
    shown = Touch(
        instrument, price - 1.0, 1e7, price + 1.0, 1e7, price, math.nan, price, price, True, 0.1
    )
    return msgspec.structs.replace(shown, **changes)


def shown(
    bars: Bars,
    *,
    underlying: str = "BTC",
    linear: bool = False,
    chains: tuple[ChainView, ...] = (),
    left_at: Mapping[str, int] | None = None,
    drawdown: float = 0.0,
    touch: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Situation:
    """Show the perpetual at the last close of some bars."""
    price = bars.close[-1] if bars.close else INDEX[underlying]
    at = bars.opened_at[-1] + HOUR if bars.close else NOW
    seen = Perpetual(
        touch=touch_of(fictitious_perpetual(underlying, linear=linear), price, **(touch or {})),
        history=lambda: bars,
        left_at=left_at or {},
        drawdown=drawdown,
    )
    seen_at = situation(board(underlying, days=(), index=price), chains=chains)
    fields = {"at": at, "perpetuals": {underlying: seen}} | changes
    return msgspec.structs.replace(seen_at, **fields)


def holding(
    tag: str = "trend_long",
    *,
    entry: float = INDEX["BTC"],
    stop: float | None = None,
    gap: float = 300.0,
    units: float = 10_000.0,
    hours: int = 3,
    at: int = NOW,
    underlying: str = "BTC",
    linear: bool = False,
    **course: Any,
) -> ChainView:
    """Hold a perpetual since some hours, with a stop two percent below unless stated."""
    held = fictitious_perpetual(underlying, linear=linear)
    units = units / 100_000.0 if linear else units
    first = entry * 0.98
    told = Course(
        tag=tag, stop=Stop(first if stop is None else stop, gap), first_stop=first,
        entry_price=entry, units=units, top_price=entry,
    )  # fmt: skip
    told = msgspec.structs.replace(told, **course)
    left = units - told.reduced
    one = chain((held, left, entry), units=left, approved_at=at - hours * HOUR)
    return msgspec.structs.replace(one, underlying=underlying, course=told)


def scenes(strategy: Strategy) -> list[Situation]:
    """Show signals and none, idle and with positions of every age and fate."""
    coin, linear = strategy.underlying, trades_linear(strategy)
    index, found = INDEX[coin], []
    some: dict[str, Any] = {"underlying": coin, "linear": linear}
    chains = [
        holding(entry=index, **some),
        holding(entry=index * 0.9, hours=50, **some),
        holding(entry=index * 0.97, hours=20, reduced=5_000.0 / (1e5 if linear else 1), **some),
        holding(entry=index, hours=200, **some),
        holding("pullback_long", entry=index * 0.99, hours=9, **some),
    ]
    for bars in (breakout(index), dip(index), flat(index), flat(index, rows=100), bars_of([])):
        found.append(shown(bars, **some))
        for one in chains:
            found += [
                shown(bars, chains=(one,), occasion=when, **some) for when in ("open", "manage")
            ]
    return found
