"""Which signals come to be judged? Instants of all symbols, and what falls to ranking and scores.

None of it depends on what is held. Compiled, hence imported late; each function stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.backtest.portfolio_jit import compiled

if TYPE_CHECKING:
    from trader.backtest.portfolio_layout import Records
    from trader.domain.market import Floats, Ints

PULLBACK, TREND = range(2)
RANKING_OR_FILTER, SCORE_FLOOR = range(2)
WARM_UP: Final = 200  # a symbol is entered on none of its rows up to this one
NEVER: Final = np.iinfo(np.int64).max


@compiled
def timeline(bars: Records, first: Ints, cursor: Ints, times: Ints, instant: Ints) -> int:
    """List in `times` when any symbol has a bar, ascending; in `instant` the place of each row.

    `cursor` holds the first row of every symbol, `times` and `instant` have room for every row.
    Return how many instants there are.
    """
    count = 0
    while True:
        now = NEVER
        for symbol in range(len(cursor)):
            if cursor[symbol] < first[symbol + 1]:
                now = min(now, bars[cursor[symbol]]["at"])
        if now == NEVER:
            return count
        for symbol in range(len(cursor)):
            row = cursor[symbol]
            if row < first[symbol + 1] and bars[row]["at"] == now:
                cursor[symbol] = row + 1
                instant[row] = count
        times[count] = now
        count += 1


@compiled
def admit(
    bars: Records, first: Ints, times: Ints, cursor: Ints, here: Ints, rank_max: int,
    score_min: Floats, signals: Ints, rejected: Ints,
) -> None:  # fmt: skip
    """Erase the signals that nobody judges, and those that ranking or score refuse.

    A trend signal counts where fewer than `rank_max` symbols of its instant have a higher
    `symbol_score` (of equals the first come first); -1 ranks none. Signals are counted in
    `signals` (sleeve), refusals in `rejected` (sleeve, reason). `cursor` holds the first row of
    every symbol, `here` is scratch.
    """
    for now in times:
        for symbol in range(len(cursor)):
            row = cursor[symbol]
            here[symbol] = -1
            if row < first[symbol + 1] and bars[row]["at"] == now:
                here[symbol] = row
                cursor[symbol] = row + 1
        for symbol in range(len(cursor)):
            row = here[symbol]
            if row < 0 or bars[row]["signal"] == 0:
                continue
            if row - first[symbol] <= WARM_UP or row >= first[symbol + 1] - 1:
                bars[row]["signal"] = 0
                continue
            for sleeve in range(2):
                if not bars[row]["signal"] & (1 << sleeve):
                    continue
                signals[sleeve] += 1
                before = 0
                if sleeve == TREND and rank_max >= 0:
                    mine = bars[row]["symbol_score"]
                    for other in range(len(cursor)):
                        if here[other] >= 0:
                            score = bars[here[other]]["symbol_score"]
                            before += score > mine or (score == mine and other < symbol)
                if sleeve == TREND and 0 <= rank_max <= before:
                    rejected[sleeve, RANKING_OR_FILTER] += 1
                elif bars[row]["score"][sleeve] < score_min[sleeve]:
                    rejected[sleeve, SCORE_FLOOR] += 1
                else:
                    continue
                bars[row]["signal"] -= 1 << sleeve
