"""Which bars can a portfolio be run on? Columns of each symbol, checked, as rows for the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.portfolio_layout import BAR
from trader.domain.units import iso

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trader.backtest.portfolio_layout import Records
    from trader.domain.market import Bools, Floats, Ints

PRICES: Final = ("open", "high", "low", "close")
REQUIRED: Final = (*PRICES, "ATR", "SMA20", "SMA50")
SIGNALS: Final = ("pullback_signal", "signal")
DEFAULTS: Final = {
    "RSI": 50.0, "signal": 0.0, "entry_score": 0.0, "risk_scalar": 1.1,
    "pullback_signal": 0.0, "pullback_entry_score": 0.0, "pullback_risk_scalar": 0.88,
    "symbol_score": 0.0,
}  # fmt: skip
"""What a column that may be absent then holds."""
COLUMNS: Final = (*REQUIRED, *DEFAULTS)
"""All that is read. The seed also reads `trend_strength`, and does nothing with it."""
JUDGED: Final = (
    ("entry_score", "risk_scalar", "symbol_score"),
    ("pullback_entry_score", "pullback_risk_scalar", "symbol_score"),
)
"""What must be a number where `signal`, where `pullback_signal` is 1."""
MAJORS: Final = ("BTCUSDT", "ETHUSDT")
MAJORS_SCALAR: Final = 0.45
WARM_UP: Final = 200
REMEDY: Final = "mend or drop the row"


class SymbolBars(msgspec.Struct, frozen=True):
    """The bars of one symbol: their instants in UTC nanoseconds, their columns by name."""

    at: Ints
    columns: Mapping[str, Floats]


def assemble(market: Mapping[str, SymbolBars], *, strict: bool = False) -> tuple[Records, Ints]:
    """Check the bars of every symbol and lay them out one symbol after the other.

    Prices are positive and finite, high and low enclose the others, time only goes on. Indicators
    (ATR, SMA20, SMA50, RSI) may be NaN: nothing is entered on them then. Scores may be NaN where
    there is no signal; a symbol without `symbol_score` ranks last. Return rows of BAR and, by
    symbol, its first row, with the number of all rows last.

    Raises:
        ValueError: a column is missing (unless `strict`, also both signals), or a row cannot be
            used; symbol, column and row are named.
    """
    first = np.cumsum([0, *(len(one.at) for one in market.values())], dtype=np.int64)
    rows = np.empty(first[-1], BAR)
    for place, (symbol, bars) in enumerate(market.items()):
        _fill(rows[first[place] : first[place + 1]], symbol, bars, strict=strict)
    return rows, first


def changes(rows: Records, first: Ints) -> Floats:
    """Return close over the close before, less one; NaN in the first row of every symbol."""
    found = np.empty(len(rows))
    close = np.ascontiguousarray(rows["close"])
    found[1:] = close[1:] / close[:-1] - 1.0
    found[first[:-1][np.diff(first) > 0]] = np.nan
    return found


def symbol_scalars(symbols: Mapping[str, Any]) -> Floats:
    """Return what multiplies the risk taken on each symbol: less for those that move the rest."""
    return np.array([MAJORS_SCALAR if name in MAJORS else 1.0 for name in symbols], np.float64)


def _fill(rows: Records, symbol: str, bars: SymbolBars, *, strict: bool) -> None:
    columns, at = bars.columns, bars.at
    missing = [name for name in REQUIRED if name not in columns]
    if not strict and not any(name in columns for name in SIGNALS):
        missing.append("signal")
    if missing:
        raise ValueError(
            f"{symbol}: no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(columns) or 'none'}; trader.backtest.features computes them from prices"
        )
    _check_times(symbol, at)
    _check_prices(symbol, bars)
    for name in ("ATR", "SMA20", "SMA50", "RSI"):
        if name in columns:
            _refuse(np.isinf(columns[name]), symbol, name, bars, "is infinite")
    _refuse(columns["ATR"] < 0, symbol, "ATR", bars, "is negative")
    rows["at"] = at
    for name in PRICES:
        rows[name] = columns[name]
    for name in ("ATR", "SMA20", "SMA50", "RSI"):
        rows[name.lower()] = columns.get(name, DEFAULTS.get(name))
    score = columns.get("symbol_score", DEFAULTS["symbol_score"])
    rows["symbol_score"] = np.where(np.isnan(score), -np.inf, score)
    for sleeve, (score_name, scalar_name) in enumerate(
        (("pullback_entry_score", "pullback_risk_scalar"), ("entry_score", "risk_scalar"))
    ):
        rows["score"][:, sleeve] = columns.get(score_name, DEFAULTS[score_name])
        rows["scalar"][:, sleeve] = columns.get(scalar_name, DEFAULTS[scalar_name])
    rows["signal"] = _signals(symbol, bars)


def _check_times(symbol: str, at: Ints) -> None:
    steps = np.diff(at)
    if (wrong := np.flatnonzero(steps <= 0)).size:
        row = int(wrong[0]) + 1
        when = iso(int(at[row]))
        if steps[row - 1] == 0:
            raise ValueError(f"{symbol}: row {row}: time {when} stands twice; drop one of the two")
        raise ValueError(
            f"{symbol}: row {row}: time {when} comes after {iso(int(at[row - 1]))};"
            " sort the rows by time"
        )


def _check_prices(symbol: str, bars: SymbolBars) -> None:
    columns = bars.columns
    for name in PRICES:
        one = columns[name]
        if len(one) != len(bars.at):
            raise ValueError(
                f"{symbol}: column {name!r} has {len(one)} rows, there are {len(bars.at)} times;"
                " give one for each"
            )
        _refuse(~((one > 0) & np.isfinite(one)), symbol, name, bars, "is no price")
    for low, high in (("low", "high"), ("low", "open"), ("low", "close"),
                      ("open", "high"), ("close", "high")):  # fmt: skip
        _refuse(columns[low] > columns[high], symbol, low, bars, f"lies above {high}")


def _signals(symbol: str, bars: SymbolBars) -> Ints:
    """Join both signals as bits where they can count; 1.7 is 1, as in the seed."""
    columns, found = bars.columns, np.zeros(len(bars.at), np.int64)
    counts = np.zeros(len(bars.at), np.bool_)
    counts[WARM_UP + 1 : -1] = True
    for bit, (name, judged) in enumerate(zip(SIGNALS, reversed(JUDGED), strict=True)):
        if name not in columns:
            continue
        told = columns[name]
        _refuse(counts & ~np.isfinite(told), symbol, name, bars, "is no signal (0 or 1)")
        given = counts & (np.trunc(told) == 1.0)
        for other in judged:
            if other in columns:
                _refuse(
                    given & ~np.isfinite(columns[other]), symbol, other, bars,
                    f"is no number, and {name} is 1",
                )  # fmt: skip
        found |= given.astype(np.int64) << bit
    return found


def _refuse(wrong: Bools, symbol: str, name: str, bars: SymbolBars, told: str) -> None:
    if (places := np.flatnonzero(wrong)).size:
        row = int(places[0])
        raise ValueError(
            f"{symbol}: row {row} ({iso(int(bars.at[row]))}): {name} {bars.columns[name][row]:g}"
            f" {told}; {REMEDY}"
        )
