"""Which bars can a portfolio be run on? Columns of each symbol, checked, as rows for the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from trader.backtest.portfolio_layout import BAR
from trader.domain.units import iso
from trader.strategies.trend_features import INDICATORS, PRICES
from trader.strategies.trend_sleeves import MAJORS, MAJORS_SCALAR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trader.backtest.portfolio_layout import Records
    from trader.domain.market import Bools, Floats, Ints

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
SCORES: Final = ("pullback_entry_score", "entry_score")
SCALARS: Final = ("pullback_risk_scalar", "risk_scalar")
"""Like SIGNALS by sleeve; each must be a number where its signal is 1, `symbol_score` too."""
SEED_MAJORS: Final = ("BTCUSDT", "ETHUSDT")
DOLLARS: Final = ("USDT", "USDC", "BUSD", "FDUSD", "USD")
"""What the name of a pair may end in, the longest first where one ends in another."""
REMEDY: Final = "mend or drop the row"


class SymbolBars(msgspec.Struct, frozen=True):
    """The bars of one symbol, oldest first: when they open in UTC nanoseconds, columns by name."""

    at: Ints
    columns: Mapping[str, Floats]


class Rows(NamedTuple):
    """The bars of all symbols, one symbol after the other."""

    bars: Records
    """Rows of BAR."""
    signal: Ints
    """(row): the sum of 1 (pullback signal) and 2 (trend signal), where one can count."""
    change: Floats
    """(row): close over the close before, less one; NaN in the first row of a symbol."""
    climb: Floats
    """(row): the sum of `change` of the symbol's rows up to it."""
    at: Ints
    first: Ints
    """(symbol): its first row; the number of all rows last."""


def assemble(market: Mapping[str, SymbolBars], *, strict: bool = False) -> Rows:
    """Check the bars of every symbol and lay them out one symbol after the other.

    Prices are positive and finite, high and low enclose the others, time only goes on. Indicators
    (ATR, SMA20, SMA50, RSI) may be NaN: nothing is entered on them then. Scores may be NaN where
    there is no signal; a symbol without `symbol_score` ranks last.

    Raises:
        ValueError: a column is missing (unless `strict`, also both signals), or a row cannot be
            used; symbol, column and row are named.
    """
    first = np.cumsum([0, *(len(one.at) for one in market.values())], dtype=np.int64)
    bars, signal = np.empty(first[-1], BAR), np.empty(first[-1], np.int64)
    at, change, climb = np.empty(first[-1], np.int64), np.empty(first[-1]), np.empty(first[-1])
    for place, (symbol, one) in enumerate(market.items()):
        mine = slice(first[place], first[place + 1])
        _fill(bars[mine], signal[mine], symbol, one, strict=strict)
        at[mine], close = one.at, one.columns["close"]
        if len(close):
            moved = change[mine]
            moved[0], climb[first[place]] = np.nan, 0.0
            np.subtract(close[1:] / close[:-1], 1.0, out=moved[1:])
            np.cumsum(moved[1:], out=climb[mine][1:])
    return Rows(bars, signal, change, climb, at, first)


def symbol_scalars(symbols: Mapping[str, Any], *, strict: bool = False) -> Floats:
    """Return what multiplies the risk taken on each symbol: less for those that move the rest.

    Those are BTC and ETH by whatever name; where `strict` the seed's two names alone.
    """
    majors = SEED_MAJORS if strict else MAJORS
    names = [name if strict else coin_of(name) for name in symbols]
    return np.array([MAJORS_SCALAR if name in majors else 1.0 for name in names], np.float64)


def coin_of(symbol: str) -> str:
    """Name the coin of a symbol, spelled as exchanges do.

    >>> [coin_of(one) for one in ("BTCUSDT", "btc_usdc", "ETH/USDT:USDT", "XBTUSD", "BTC")]
    ['BTC', 'BTC', 'ETH', 'BTC', 'BTC']
    """
    coin = symbol.strip().upper().partition("/")[0].partition(":")[0]
    coin = coin.partition("_")[0].partition("-")[0]
    quoted = next((one for one in DOLLARS if coin.endswith(one) and coin != one), "")
    coin = coin.removesuffix(quoted)
    return "BTC" if coin == "XBT" else coin


def _fill(rows: Records, signal: Ints, symbol: str, bars: SymbolBars, *, strict: bool) -> None:
    """Lay a symbol out; where a row looks wrong, find out which and why."""
    from trader.backtest.portfolio_signals import lay

    columns, at = bars.columns, bars.at
    missing = [name for name in REQUIRED if name not in columns]
    if not strict and not any(name in columns for name in SIGNALS):
        missing.append("signal")
    if missing:
        raise ValueError(
            f"{symbol}: no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(columns) or 'none'}; trader.backtest.features computes them from prices"
        )
    for name, one in columns.items():
        if len(one) != len(at):
            raise ValueError(
                f"{symbol}: column {name!r} has {len(one)} rows, there are {len(at)} times;"
                " give one for each"
            )

    def several(*names: str) -> tuple[Floats, ...]:
        return tuple(_plain(columns.get(name), DEFAULTS.get(name, 0.0), len(at)) for name in names)

    good = lay(
        rows, signal, np.require(at, np.int64, ["C", "W"]), several(*PRICES), several(*INDICATORS),
        several("symbol_score")[0], several(*SIGNALS), several(*SCORES), several(*SCALARS),
    )  # fmt: skip
    if not good:
        _check(symbol, bars)


def _plain(column: Floats | None, default: float, rows: int) -> Floats:
    """Give an array of the one type that the loop is compiled for."""
    if column is None:
        return np.full(rows, default)
    return np.require(column, np.float64, ["C", "W"])


def _check(symbol: str, bars: SymbolBars) -> None:
    """Refuse what is wrong by the first row that is.

    Raises:
        ValueError: it always finds something: it is asked where a row looked wrong.
    """
    _check_times(symbol, bars.at)
    _check_prices(symbol, bars)
    for name in INDICATORS:
        if name in bars.columns:
            _refuse(np.isinf(bars.columns[name]), symbol, name, bars, "is infinite")
    _refuse(bars.columns["ATR"] < 0, symbol, "ATR", bars, "is negative")
    _check_signals(symbol, bars)
    raise ValueError(f"{symbol}: a score or a sum of scores is out of bounds; give numbers near 1")


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
        _refuse(~((one > 0) & np.isfinite(one)), symbol, name, bars, "is no price")
    for low, high in (("low", "high"), ("low", "open"), ("low", "close"),
                      ("open", "high"), ("close", "high")):  # fmt: skip
        _refuse(columns[low] > columns[high], symbol, low, bars, f"lies above {high}")


def _check_signals(symbol: str, bars: SymbolBars) -> None:
    """Look at signals where they can count, and at what must be a number where there is one."""
    from trader.backtest.portfolio_signals import WARM_UP

    columns = bars.columns
    counts = np.zeros(len(bars.at), np.bool_)
    counts[WARM_UP + 1 : -1] = True
    for name, *judged in zip(SIGNALS, SCORES, SCALARS, ("symbol_score",) * 2, strict=True):
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


def _refuse(wrong: Bools, symbol: str, name: str, bars: SymbolBars, told: str) -> None:
    if (places := np.flatnonzero(wrong)).size:
        row = int(places[0])
        raise ValueError(
            f"{symbol}: row {row} ({iso(int(bars.at[row]))}): {name} {bars.columns[name][row]:g}"
            f" {told}; {REMEDY}"
        )
