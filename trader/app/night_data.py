"""On what past is a strategy judged? Candles and volatility from our datasets, cut at midnight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.market import Market
from trader.backtest.modelled import Candles, Level, realized_level
from trader.deribit.translate import perpetual_name
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, YEAR, iso
from trader.storage.datasets import FOLDER, DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

    from trader.domain.market import Floats, Ints

REALIZED_RATIO: Final = 1.1
GAP_HOURS_MAX: Final = 48
MARGIN: Final = 70 * DAY
"""History fetched beyond the years that are judged: what strategies look back on."""


def datasets_folder(state_dir: Path, market: str) -> Path:
    """Name where the history of a market lies; every bundled market has a past of its own."""
    folder = state_dir / FOLDER
    return folder / market.replace("/", "-") if "@" in market else folder


def first_wanted(at: int, years: float) -> int:
    """Name the day from which on a night that ends at an instant wants history."""
    since = at - round(years * YEAR) - MARGIN
    return since - since % DAY


def how_to_get(market: str, underlying: str, until: int, years: float) -> str:
    """Name the remedy where history is missing."""
    if "@" in market:
        return "let the night reach the exchange (feed.url, nightly.sync): it has all of it"
    since = iso(first_wanted(until, years))[:10]
    return f"`trader data sync --what candles,dvol --currency {underlying} --since {since}`"


def read_market(
    store: DatasetStore, underlying: str, until: int | None = None, *, source: str
) -> Market:
    """Read the past of a coin up to an instant: hourly candles of its perpetual, its DVOL.

    Holes up to two days are filled with the last close, and counted.

    Raises:
        ConfigurationError: there are no candles, or a longer hole.
    """
    table = store.read("candles", perpetual_name(underlying))
    rows = {name: table.column(name).to_numpy() for name in ("at", "open", "high", "low", "close")}
    known = rows["at"] + HOUR <= (rows["at"] + HOUR if until is None else until)
    if not known.any():
        before = ": run `trader data sync` first" if until is None else f" before {iso(until)}"
        raise ConfigurationError(f"no candles of {perpetual_name(underlying)}{before}")
    candles, filled = gap_free({name: column[known] for name, column in rows.items()})
    level, note = _level(store, underlying, candles)
    notes = [note] if note else []
    if filled:
        notes.append(f"{filled} missing hours filled with the last close")
    late = 0 if until is None else (until - int(candles.opened_at[-1]) - HOUR) // HOUR
    if until is not None and late:
        notes.append(f"the last {late} hours before {iso(until)} are missing")
    text = f"{source}: candles of {perpetual_name(underlying)}"
    return Market(
        underlying=underlying,
        candles=candles,
        level=level,
        source="; ".join([text, *notes]),
    )


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


def _longest_run(missing: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    longest = current = 0
    for one in missing.tolist():
        current = current + 1 if one else 0
        longest = max(longest, current)
    return longest


def _level(store: DatasetStore, underlying: str, candles: Candles) -> tuple[Level, str]:
    """Take the volatility index where it is known, realized volatility where not (flagged)."""
    realized = realized_level(candles, ratio=REALIZED_RATIO)
    table = store.read("dvol", underlying)
    at = table.column("at").to_numpy().astype(np.int64)
    if not len(at):
        return realized, ""
    vol = table.column("close").to_numpy()
    places = np.searchsorted(at, candles.opened_at, side="right") - 1
    known = (places >= 0) & (candles.opened_at - at[np.maximum(places, 0)] < 2 * DAY)
    level = np.where(known, vol[np.maximum(places, 0)], realized.vol)
    if known.all():
        return Level(level, "index"), ""
    share = 1.0 - float(known.mean())
    note = f"{share:.0%} of the hours have no volatility index: {realized.note}"
    return msgspec.structs.replace(Level(level, "index"), note=note), note
