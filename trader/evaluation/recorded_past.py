"""How is a strategy judged on boards that were recorded now and then? What must change for it.

Whoever recorded boards four times a day did not ask when we decide. A strategy is moved to the time
of day at which boards are there, and says so; stresses that only a model can make are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.units import DAY, MINUTE
from trader.strategies.strategy import reads_board

if TYPE_CHECKING:
    from trader.backtest.recorded_market import RecordedMarket
    from trader.evaluation.runs import Subject
    from trader.evaluation.strategy_card import Plan

SHARE_MIN: Final = 0.5
"""A strategy that meets a board less often than this is moved."""
GAIN_MIN: Final = 1.5
"""And only where that meets them so many times as often: an hourly decision gains nothing."""
SETTLING: Final = 2 * MINUTE
"""Latency, and the sweep that ends an order's patience."""


def prepared(
    subject: Subject, plan: Plan, market: RecordedMarket
) -> tuple[Subject, Plan, RecordedMarket]:
    """Fit strategy and plan to what was recorded, and write what was changed into the market.

    Who trades a perpetual goes over its candles, and is left alone: they are there at every hour.
    """
    if not reads_board(subject.strategy()):
        return subject, plan, market
    if plan.once_a_day_at is not None:
        subject = subject.once_a_day(plan.once_a_day_at)
    subject, notes = moved(subject, market)
    possible = tuple(one for one in plan.stresses if one.iv_factor == 1.0 and not one.gap)
    if len(possible) < len(plan.stresses):
        notes = (*notes, "stresses of volatility and gaps need modelled boards: left out")
    if any(one.latency for one in possible) and market.hours_apart > 1:
        notes = (
            *notes,
            "an order an hour late finds no board here: those stresses stay unanswered",
        )
    plan = msgspec.structs.replace(plan, once_a_day_at=None, stresses=possible)
    return subject, plan, msgspec.structs.replace(market, notes=(*market.notes, *notes))


def moved(subject: Subject, market: RecordedMarket) -> tuple[Subject, tuple[str, ...]]:
    """Let it decide when boards are there, where they are not at its own time."""
    strategy = subject.strategy()
    cadence = strategy.cadence()
    lasting = int(getattr(strategy.settings, "patience", 0)) + SETTLING
    offset = market.best_offset(cadence.every, lasting)
    own, best = (
        market.share_fresh(cadence.every, one, lasting) for one in (cadence.offset, offset)
    )
    told = f"a board that outlasts an order's patience ({lasting // MINUTE} minutes) is there at"
    if own >= SHARE_MIN or best <= GAIN_MIN * own:
        return subject, (f"{told} {own:.0%} of its decisions",)
    note = (
        f"it decides at {_clock(offset)} UTC instead of {_clock(cadence.offset)}: {told} {best:.0%}"
        f" of those times, at its own at {own:.0%}"
    )
    return subject.moved(offset // MINUTE), (note,)


def _clock(offset: int) -> str:
    minutes = offset % DAY // MINUTE
    return f"{minutes // 60:02}:{minutes % 60:02}"
