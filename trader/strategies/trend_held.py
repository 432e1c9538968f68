"""What does a sleeve hold, since when, and how much is that in coins or in contracts?"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

from trader.domain.market import Bars
from trader.domain.units import HOUR, tidy
from trader.strategies.trend_sleeves import Held

if TYPE_CHECKING:
    from trader.domain.portfolio import ChainView, Course, Position


def known(bars: Bars, at: int) -> Bars:
    """Leave out what had not closed at an instant."""
    if not bars.opened_at or bars.opened_at[-1] + HOUR <= at:
        return bars
    count = bisect.bisect_right(bars.opened_at, at - HOUR)
    prices = (column[:count] for column in (bars.open, bars.high, bars.low, bars.close))
    return Bars(bars.opened_at[:count], *prices)


def held_of(chain: ChainView) -> Position | None:
    """Find the one position of a chain that can be traded; None where there is none."""
    if chain.state != "open" or len(chain.positions) != 1 or not chain.units > 0:
        return None
    return chain.positions[0]


def age_of(chain: ChainView, bars: Bars) -> int:
    """Count the bars that closed since a position was decided on."""
    entered = chain.approved_at // HOUR * HOUR
    age = 0
    for opened_at in reversed(bars.opened_at):
        if opened_at < entered:
            break
        age += 1
    return age


def all_held(
    chains: tuple[ChainView, ...], course: Course | None = None, mine: ChainView | None = None
) -> tuple[Held, ...]:
    """List what is held, with the stop that stands now; `mine` has the `course` given."""
    found = []
    for chain in chains:
        told = course if mine is not None and chain.chain_id == mine.chain_id else chain.course
        position = held_of(chain)
        if told is not None and position is not None:
            coins = coins_of(position, position.amount, position.entry_price)
            found.append(Held(told.tag, coins, position.entry_price, told.stop.price))
    return tuple(found)


def coins_of(position: Position, amount: float, price: float) -> float:
    """Count an amount of a position in coins."""
    return amount / price if position.instrument.inverse else amount


def units_of(inverse: bool, coins: float, price: float) -> float:
    """Count coins in what a perpetual is traded in: dollars where it is settled in coin."""
    return coins * price if inverse else coins


def whole_steps(amount: float, position: Position) -> float:
    """Round an amount down to what can be traded."""
    step = position.instrument.min_trade_amount
    return tidy(math.floor(amount / step + 1e-9) * step)
