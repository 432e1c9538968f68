"""Which candles is a coin's past made of? The venue's own, or what was imported, never a mixture.

Each series is one venue's from end to end: a price that jumps because the source changed would be
a gain or a loss that nobody made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.modelled import Candles
from trader.domain.errors import ConfigurationError
from trader.domain.instruments import perpetual_name
from trader.domain.units import HOUR, YEAR, iso

if TYPE_CHECKING:
    from trader.domain.market import Bools, Floats, Ints
    from trader.storage.datasets import DatasetStore, Span

GAP_HOURS_MAX: Final = 48
PRICES: Final = ("open", "high", "low", "close")
YEARS: Final = 20.0


class PastCandles(msgspec.Struct, frozen=True, kw_only=True):
    """Candles without a gap, the series they are of, and how many hours were filled in."""

    series: str
    candles: Candles
    filled: int


def series_of(store: DatasetStore, dataset: str, coin: str, own: str) -> list[str]:
    """List the series of a coin: the venue's own first, then what was imported, by name."""
    held = store.subjects(dataset)
    imported = [name for name in held if name.startswith(f"{coin}@")]
    return [*(name for name in held if name == own), *imported]


def read_candles(
    store: DatasetStore,
    coin: str,
    until: int | None = None,
    *,
    years: float = YEARS,
    covering: Span | None = None,
) -> PastCandles:
    """Read the hourly candles of a coin up to an instant, of the series that tells most.

    That is the one that reaches back furthest, `years` at most, or that knows most hours of the
    span it is to be `covering`; the venue's own where others tell no more.

    Raises:
        ConfigurationError: there are none, or none without a hole of more than two days.
    """
    found: list[PastCandles] = []
    mistakes: list[str] = []
    for series in series_of(store, "candles", coin, perpetual_name(coin)):
        try:
            one = _read(store, series, until, round(years * YEAR))
        except ConfigurationError as error:
            mistakes.append(str(error))
        else:
            found += [one] if one is not None else []
    if not found:
        before = ": run `trader data sync` first" if until is None else f" before {iso(until)}"
        none = f"no candles of {perpetual_name(coin)}{before}"
        raise ConfigurationError("; ".join(mistakes) or none)
    return max(found, key=lambda one: _hours(one.candles, covering))


def _hours(candles: Candles, covering: Span | None) -> int:
    first, last = candles.span
    if covering is None:
        return (last - first) // HOUR
    return max(min(last, covering[1]) - max(first, covering[0]), 0) // HOUR


def _read(store: DatasetStore, series: str, until: int | None, most: int) -> PastCandles | None:
    table = store.read("candles", series)
    rows = {name: table.column(name).to_numpy() for name in ("at", *PRICES)}
    known = rows["at"] + HOUR <= (rows["at"] + HOUR if until is None else until)
    if not known.any():
        return None
    known &= rows["at"] >= rows["at"][known].max() + HOUR - most
    try:
        candles, filled = gap_free({name: column[known] for name, column in rows.items()})
    except ConfigurationError as error:
        raise ConfigurationError(f"{series}: {error}") from error
    return PastCandles(series=series, candles=candles, filled=filled)


def gap_free(rows: dict[str, Floats]) -> tuple[Candles, int]:
    """Lay bars on the full grid of hours; tell how many were missing.

    Raises:
        ConfigurationError: a hole is longer than two days.
    """
    at: Ints = rows["at"].astype(np.int64)
    grid = np.arange(at[0], at[-1] + HOUR, HOUR, dtype=np.int64)
    places = np.searchsorted(at, grid, side="right") - 1
    missing = at[places] != grid
    longest = _longest_run(missing)
    if longest > GAP_HOURS_MAX:
        raise ConfigurationError(f"the candles have a hole of {longest} hours")
    close = rows["close"][places]
    columns = {
        name: np.where(missing, close, rows[name][places]) for name in ("open", "high", "low")
    }
    candles = Candles(grid, columns["open"], columns["high"], columns["low"], close)
    return candles, int(missing.sum())


def _longest_run(missing: Bools) -> int:
    longest = current = 0
    for one in missing.tolist():
        current = current + 1 if one else 0
        longest = max(longest, current)
    return longest
