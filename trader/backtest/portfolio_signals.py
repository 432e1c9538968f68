"""Which signals come to be judged? Rows, instants, and what ranking and scores refuse.

None of it depends on what is held. Compiled, hence imported late; each function stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.pricing.jit import compiled

if TYPE_CHECKING:
    from trader.backtest.portfolio_layout import Records
    from trader.domain.market import Floats, Ints

PULLBACK, TREND = range(2)
RANKING_OR_FILTER, SCORE_FLOOR = range(2)
WARM_UP: Final = 200  # a symbol is entered on none of its rows up to this one
NEVER: Final = np.iinfo(np.int64).max


@compiled
def lay(
    rows: Records, signal: Ints, at: Ints, prices: tuple[Floats, ...],
    indicators: tuple[Floats, ...], symbol_score: Floats, wishes: tuple[Floats, ...],
    scores: tuple[Floats, ...], scalars: tuple[Floats, ...],
) -> bool:  # fmt: skip
    """Lay the columns of a symbol out as rows of BAR; tell whether no row looks wrong.

    Prices are open, high, low, close; indicators ATR, SMA20, SMA50, RSI; pairs are by sleeve.
    """
    good = True
    opened, high, low, close = prices
    atr, sma20, sma50, rsi = indicators
    for place in range(len(at)):
        row = rows[place]
        row["at"], row["open"], row["high"] = at[place], opened[place], high[place]
        row["low"], row["close"], row["atr"] = low[place], close[place], atr[place]
        row["sma20"], row["sma50"], row["rsi"] = sma20[place], sma50[place], rsi[place]
        score = symbol_score[place]
        row["symbol_score"] = -np.inf if np.isnan(score) else score
        good &= place == 0 or at[place] > at[place - 1]
        good &= 0.0 < low[place] <= opened[place] <= high[place] < np.inf
        good &= low[place] <= close[place] <= high[place]
        good &= not (atr[place] < 0.0 or np.isinf(atr[place]) or np.isinf(rsi[place]))
        good &= not (np.isinf(sma20[place]) or np.isinf(sma50[place]))
        signal[place] = 0
        for sleeve in range(2):
            row["score"][sleeve] = scores[sleeve][place]
            row["scalar"][sleeve] = scalars[sleeve][place]
            if WARM_UP < place < len(at) - 1:
                wish = wishes[sleeve][place]
                good &= np.isfinite(wish)
                if np.trunc(wish) == 1.0:
                    signal[place] += 1 << sleeve
                    known = scores[sleeve][place] + scalars[sleeve][place] + score
                    good &= np.isfinite(known)
    return bool(good)


@compiled
def timeline(at: Ints, first: Ints, cursor: Ints, times: Ints, instant: Ints) -> int:
    """List in `times` when any symbol has a bar, ascending; in `instant` the place of each row.

    `cursor` holds the first row of every symbol, `times` and `instant` have room for every row.
    Return how many instants there are.
    """
    count = 0
    while True:
        now = NEVER
        for symbol in range(len(cursor)):
            if cursor[symbol] < first[symbol + 1]:
                now = min(now, at[cursor[symbol]])
        if now == NEVER:
            return count
        for symbol in range(len(cursor)):
            row = cursor[symbol]
            if row < first[symbol + 1] and at[row] == now:
                cursor[symbol] = row + 1
                instant[row] = count
        times[count] = now
        count += 1


@compiled
def admit(
    bars: Records, signal: Ints, first: Ints, instant: Ints, cursor: Ints, here: Ints,
    rank_max: int, score_min: Floats, signals: Ints, rejected: Ints,
) -> None:  # fmt: skip
    """Erase the signals that ranking or score refuse.

    A trend signal counts where fewer than `rank_max` symbols of its instant have a higher
    `symbol_score` (of equals the first come first); -1 ranks none. Signals are counted in
    `signals` (sleeve), refusals in `rejected` (sleeve, reason). `cursor` holds the first row of
    every symbol, `here` is scratch.
    """
    number, left = -1, len(signal)
    while left:
        number += 1
        wanted = 0
        for symbol in range(len(cursor)):
            row = cursor[symbol]
            here[symbol] = -1
            if row < first[symbol + 1] and instant[row] == number:
                here[symbol] = row
                cursor[symbol] = row + 1
                wanted |= signal[row]
                left -= 1
        if not wanted:
            continue
        for symbol in range(len(cursor)):
            row = here[symbol]
            for sleeve in range(2):
                if row < 0 or not signal[row] & (1 << sleeve):
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
                signal[row] -= 1 << sleeve
