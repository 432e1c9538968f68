"""What do bars say by themselves? The indicator columns of trend and pullback, from prices alone.

A value in row t is computed from rows up to t, of the last `WINDOW` rows only, and known when bar t
has closed. Sums over a window are taken in one fixed order, so the last `WINDOW` bars alone give
the last row bit for bit: a live strategy can keep that many and compute the same. Windows count
bars, not hours: a gap in the bars is no bar. Volume is not read.

| column | formula (C close, H high, L low, all at t; -k: k bars before) | unit | from row |
|---|---|---|---|
| TR (not given) | max(H, C-1) - min(L, C-1) | price | 1 |
| ATR | mean of TR over 14 bars (not smoothed on: it forgets) | price | 14 |
| SMA20, SMA50 | mean of C over 20, 50 bars | price | 19, 49 |
| RSI | 100 U / (U + D), U and D the sums of rises and falls of C over 14 bars; 50 if both are 0 | 0..100 | 14 |
| trend_strength | clip((SMA20 - SMA50) / (4 ATR), 0, 1) | 0..1 | 49 |
| symbol_score | clip(R / (2 s sqrt(90)), -1, 1), R = C / C-90 - 1, s = standard deviation of the 90 changes | -1..1 | 90 |
| signal | C > greatest H of the 20 bars before, SMA20 > SMA50, C > SMA200 | 0, 1 | 199 |
| entry_score | (trend_strength + E) / 2, E = max(C - C-20, 0) / sum of abs changes of C over 20 bars | 0..1 | 199 |
| pullback_signal | RSI <= 40, C > SMA200, SMA50 > SMA200 | 0, 1 | 199 |
| pullback_entry_score | (clip((50 - RSI) / 25, 0, 1) + clip((SMA50 - SMA200) / (4 ATR), 0, 1)) / 2 | 0..1 | 199 |
| risk_scalar | 1.1 clip(A / ATR, 0.5, 1.25), A = mean of TR over 100 bars | factor | 199 |
| pullback_risk_scalar | 0.88 clip(A / ATR, 0.5, 1.25) | factor | 199 |

Before its row an indicator (ATR, SMA20, SMA50, RSI) is NaN, everything else 0: nothing is entered on
what is not known yet. Where ATR is 0 (14 bars that never moved) so are all signals and scores.
Sources: Wilder (1978) for TR and RSI, with Cutler's means instead of Wilder's smoothing, which never
forgets; Donchian's channel; Kaufman (1995) for E, the efficiency ratio.
"""  # noqa: E501 - a table

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Bars, Bools, Floats

PRICES: Final = ("open", "high", "low", "close")
WINDOW: Final = 200
"""Bars that the newest row depends on."""
INDICATORS: Final = ("ATR", "SMA20", "SMA50", "RSI")
RSI_LOW: Final = 40.0
RISK_SCALAR: Final = 1.1
PULLBACK_RISK_SCALAR: Final = 0.88


def features(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Compute every column of the table above from `open`, `high`, `low` and `close`.

    Arrays of one length n, oldest first, positive; given back are arrays of length n.

    Raises:
        ValueError: a column is missing, of another length, or holds what is no price.
    """
    high, low, close = _prices(columns)
    before = _shift(close, 1)
    true_range = np.maximum(high, before) - np.minimum(low, before)
    atr, calm = _means(true_range, 14, 100)
    sma20, sma50, sma200 = _means(close, 20, 50, WINDOW)
    change = close - before
    rsi = _rsi(change)
    with np.errstate(all="ignore"):  # 0 / 0 is not known, like what came before the first bar
        fan = (sma20 - sma50) / (4.0 * atr)
        long_fan = (sma50 - sma200) / (4.0 * atr)
        ease = np.clip(calm / atr, 0.5, 1.25)
        strength = np.clip(fan, 0.0, 1.0)
        efficiency = np.maximum(close - _shift(close, 20), 0.0) / _sums(np.abs(change), 20)[0]
        breakout = close > _greatest_before(high, 20)
    known = np.isfinite(sma200) & (atr > 0)
    dip = 0.5 * (np.clip((50.0 - rsi) / 25.0, 0.0, 1.0) + np.clip(long_fan, 0.0, 1.0))
    uphill = known & (close > sma200)
    return {
        "ATR": atr,
        "SMA20": sma20,
        "SMA50": sma50,
        "RSI": rsi,
        "trend_strength": _where(np.isfinite(strength), strength),
        "symbol_score": _momentum(close, before),
        "signal": _where(uphill & breakout & (sma20 > sma50), 1.0),
        "entry_score": _where(
            known,
            0.5 * (strength + _where(efficiency == efficiency, efficiency)),
        ),
        "pullback_signal": _where(uphill & (rsi <= RSI_LOW) & (sma50 > sma200), 1.0),
        "pullback_entry_score": _where(known, dip),
        "risk_scalar": _where(known, RISK_SCALAR * ease),
        "pullback_risk_scalar": _where(known, PULLBACK_RISK_SCALAR * ease),
    }


def indicators(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Compute ATR, SMA20, SMA50 and RSI alone: what own signals need for exits and sizes.

    Bit for bit the columns that `features` gives.

    Raises:
        ValueError: as `features`.
    """
    high, low, close = _prices(columns)
    before = _shift(close, 1)
    (atr,) = _means(np.maximum(high, before) - np.minimum(low, before), 14)
    sma20, sma50 = _means(close, 20, 50)
    return {"ATR": atr, "SMA20": sma20, "SMA50": sma50, "RSI": _rsi(close - before)}


def latest(bars: Bars) -> dict[str, float] | None:
    """Compute the newest row from the last `WINDOW` bars, with the bar's own `low` and `close`.

    Bit for bit the row that `features` gives at the end of all bars. None where there are fewer
    bars, or one of them holds what is no price.
    """
    if len(bars.close) < WINDOW:
        return None
    rows = {name: np.array(getattr(bars, name)[-WINDOW:]) for name in PRICES}
    if not all(((one > 0) & np.isfinite(one)).all() for one in rows.values()):
        return None
    row = {name: float(column[-1]) for name, column in features(rows).items()}
    return row | {"low": bars.low[-1], "close": bars.close[-1]}


def may_signal(bars: Bars) -> bool:
    """Whether the newest bar can hold a signal at all: a breakout, or an RSI that is low.

    A cheap look before every column is computed; False only where `latest` would show none.
    """
    if len(bars.close) < WINDOW:
        return False
    if bars.close[-1] > max(bars.high[-21:-1]):
        return True
    closes = bars.close[-15:]
    changes = [after - before for before, after in itertools.pairwise(closes)]
    rises = sum(one for one in changes if one > 0)
    return rises <= (RSI_LOW / 100.0 + 1e-9) * sum(map(abs, changes))


def _prices(columns: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
    missing = [name for name in PRICES if name not in columns]
    if missing:
        raise ValueError(f"features: no column {', '.join(map(repr, missing))}; give OHLC bars")
    for name in PRICES:
        one = columns[name]
        if len(one) != len(columns["close"]):
            raise ValueError(
                f"features: {name} has {len(one)} rows, close {len(columns['close'])};"
                " give one of each for every bar"
            )
        if len(one) and not 0.0 < one.min() <= one.max() < np.inf:  # NaN compares false
            row = int(np.flatnonzero(~((one > 0) & np.isfinite(one)))[0])
            raise ValueError(f"features: row {row}: {name} {one[row]:g} is no price; mend the row")
    return columns["high"], columns["low"], columns["close"]


def _rsi(change: Floats) -> Floats:
    """Weigh rises against falls over 14 bars."""
    (rises,), (falls,) = _sums(np.maximum(change, 0.0), 14), _sums(np.maximum(-change, 0.0), 14)
    moved = rises + falls
    with np.errstate(all="ignore"):
        return np.where(moved == 0.0, 50.0, 100.0 * rises / moved)


def _momentum(close: Floats, before: Floats) -> Floats:
    """Measure what 90 bars brought in units of what their changes would by chance."""
    change = close / before - 1.0
    (total,), (squares,) = _sums(change, 90), _sums(change * change, 90)
    with np.errstate(all="ignore"):
        deviation = np.sqrt(np.maximum(squares - total * total / 90.0, 0.0) / 89.0)
        score = (close / _shift(close, 90) - 1.0) / (2.0 * deviation * np.sqrt(90.0))
    return _where(np.isfinite(score), np.clip(score, -1.0, 1.0))


def _where(known: Bools, value: Floats | float) -> Floats:
    return np.where(known, value, 0.0)


def _shift(values: Floats, bars: int) -> Floats:
    """Look so many bars back; NaN where there were none."""
    return _ending(values[: max(len(values) - bars, 0)], len(values))


def _ending(values: Floats, rows: int) -> Floats:
    """Put values at the end of so many rows; NaN before."""
    found = np.empty(rows)
    found[: rows - len(values)] = np.nan
    found[rows - len(values) :] = values
    return found


def _means(values: Floats, *windows: int) -> list[Floats]:
    return [one / bars for one, bars in zip(_sums(values, *windows), windows, strict=True)]


def _sums(values: Floats, *windows: int) -> list[Floats]:
    """Add up the last bars, in pairs of pairs: what came before does not change the order.

    Windows share the pairs they are made of.
    """
    blocks, size = {1: values}, 1
    while 2 * size <= max(windows):
        block = blocks[size]
        blocks[2 * size] = block[size:] + block[:-size]
        size *= 2
    return [_sum_of(blocks, bars, len(values)) for bars in windows]


def _sum_of(blocks: Mapping[int, Floats], bars: int, rows: int) -> Floats:
    found = np.full(rows, np.nan) if rows < bars else np.empty(rows)
    if rows < bars:
        return found
    found[: bars - 1] = np.nan
    whole, left, first = found[bars - 1 :], bars, True
    for size, block in blocks.items():
        if left & size:
            left -= size
            part = block[left : left + len(whole)]
            np.copyto(whole, part) if first else np.add(whole, part, out=whole)
            first = False
    return found


def _greatest_before(values: Floats, bars: int) -> Floats:
    """Find the greatest of the bars before each, by windows that double and overlap."""
    size, rows = 1, len(values)
    while size < bars:
        step = min(size, bars - size)
        values = np.maximum(values[step:], values[:-step])
        size += step
    return _ending(values[:-1], rows)
