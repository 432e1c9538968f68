"""When was what wrong, and how often? Alerts at each close of a trader's life, and his habits."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from trader.behavior.alerts import AlertType, Analysis
from trader.behavior.rank_tests import larger_p
from trader.domain.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.behavior.alerts import BehaviorAlertSystem
    from trader.behavior.trades import Trade

SESSION: Final = DAY
"""What closed within so long before a close is recent; what came before is history."""
HISTORY_TRADES: Final = 100
HABIT_SHARES: Final[dict[AlertType, float]] = {
    "OVERTRADING": 0.1,
    "REVENGE_TRADING": 0.15,
    "RISK_ESCALATION": 0.2,
    "EMOTIONAL": 0.1,
}
"""An alert raised at more of the closes is a habit. Revenge is counted of the closes after a loss,
where sizes after losses are not like those after wins. Runs of losses and drawdowns are what came
of trading, not how it is done."""
ALIKE_P: Final = 0.2
"""Whoever is fast always is so after losses too: so sizes must differ, if weakly."""


class Moment(msgspec.Struct, frozen=True):
    """A close, the trade that closed, and what was wrong then."""

    at: int
    trade: Trade
    analysis: Analysis


def alert_timeline(
    trades: Sequence[Trade], balances: Sequence[float | None], system: BehaviorAlertSystem
) -> list[Moment]:
    """Analyze every close with the day before it as recent, and 100 trades before that as history.

    Trades are structures in the order they closed, each with its time; `balances` are what the
    account held after each, where that is known.
    """
    moments: list[Moment] = []
    begin = 0
    for place, (trade, balance) in enumerate(zip(trades, balances, strict=True)):
        at = trade.closed_at or 0
        while (trades[begin].closed_at or 0) <= at - SESSION:
            begin += 1
        recent = trades[begin : place + 1]
        value = None if balance is None else balance - sum(one.pnl for one in recent)
        analysis = system.analyze(
            recent,
            value if value is not None and value > 0 else None,
            history=trades[max(begin - HISTORY_TRADES, 0) : begin],
            now=at,
        )
        moments.append(Moment(at, trade, analysis))
    return moments


def habits(moments: Sequence[Moment]) -> list[AlertType]:
    """Name the alerts that are raised so often that they are a habit."""
    raised = counts(one.analysis for one in moments)
    sizes: dict[bool, list[float]] = {True: [], False: []}
    for earlier, later in itertools.pairwise(one.trade for one in moments):
        if earlier.pnl:
            sizes[earlier.pnl < 0].append(later.size)
    after_loss = len(sizes[True]) if larger_p(sizes[True], sizes[False]) < ALIKE_P else math.inf
    return [
        name
        for name, share in HABIT_SHARES.items()
        if raised[name] > share * (after_loss if name == "REVENGE_TRADING" else len(moments))
    ]


def counts(analyses: Iterable[Analysis]) -> Counter[AlertType]:
    """Count at how many closes each alert was raised."""
    return Counter(alert["type"] for one in analyses for alert in one["alerts"])
