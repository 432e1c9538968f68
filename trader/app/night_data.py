"""On what past is a strategy judged? Candles, volatility and boards we hold, cut at midnight."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.app.chain_data import recorded_boards, recorded_span
from trader.app.past_candles import YEARS, read_candles, series_of
from trader.backtest.market import Market
from trader.backtest.modelled import Level, realized_level
from trader.backtest.recorded_market import RecordedMarket
from trader.backtest.smile import fit_smile
from trader.domain.errors import ConfigurationError
from trader.domain.facts import EpochOpened
from trader.domain.units import DAY, HOUR, YEAR, day_date, iso, utc_day
from trader.storage.datasets import FOLDER, DatasetStore
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.app.past_candles import PastCandles
    from trader.backtest.modelled import Candles
    from trader.domain.market import Bools, Floats

REALIZED_RATIO: Final = 1.1
MARGIN: Final = 70 * DAY
"""History fetched beyond the years that are judged: what strategies look back on."""

SQLITE: Final = "sqlite:///"
FEW_HOURS: Final = 72


def datasets_folder(state_dir: Path, market: str) -> Path:
    """Name where the history of a market lies; every bundled market has a past of its own."""
    folder = state_dir / FOLDER
    return folder / market.replace("/", "-") if "@" in market else folder


def stores(state_dir: Path) -> dict[str, DatasetStore]:
    """List the history of every market that is held, by name: "" are real ones."""
    folder = state_dir / FOLDER
    bundled = sorted(one for one in folder.glob("*@*") if one.is_dir())
    return {"": DatasetStore(folder)} | {one.name: DatasetStore(one) for one in bundled}


def market_of(journal_url: str) -> str:
    """Name the market that a journal tells of; empty where there is none, or of real markets.

    Raises:
        StorageError: the journal cannot be read.
    """
    if not Path(journal_url.removeprefix(SQLITE)).exists():
        return ""
    name = ""
    with Journal.create_or_open(journal_url, writer=False) as journal:
        for stored in journal.read():
            if isinstance(stored.recorded.fact, EpochOpened):
                name = stored.recorded.fact.market
    return name


def first_wanted(at: int, years: float) -> int:
    """Name the day from which on a night that ends at an instant wants history."""
    since = at - round(years * YEAR) - MARGIN
    return since - since % DAY


def how_to_get(market: str, underlying: str, until: int, years: float) -> str:
    """Name the remedy where history is missing."""
    if "@" in market:
        return "let the night reach the exchange (feed.url, nightly.sync): it has all of it"
    since = iso(first_wanted(until, years))[:10]
    return (
        f"`trader data sync --what candles,dvol --currency {underlying} --since {since}`, or "
        "`trader data import` what you have"
    )


def read_market(
    store: DatasetStore,
    underlying: str,
    until: int | None = None,
    *,
    source: str,
    years: float = YEARS,
) -> Market:
    """Read the past of a coin up to an instant: candles, its volatility index, a smile of boards.

    Holes up to two days are filled with the last close, and counted.

    Raises:
        ConfigurationError: there are no candles, or a longer hole.
    """
    past = read_candles(store, underlying, until, years=years + MARGIN / YEAR)
    level = _level(store, underlying, past.candles)
    boards = recorded_boards(store, underlying, until)
    fitted = None if boards is None else fit_smile(boards.rows)
    market = Market(
        underlying=underlying,
        candles=past.candles,
        level=level,
        source="; ".join([_described(source, past), *_holes(past, until)]),
    )
    return market if fitted is None else fitted.on(market)


def read_markets(
    store: DatasetStore,
    coins: Sequence[str],
    until: int | None = None,
    *,
    source: str,
    years: float = YEARS,
) -> Market:
    """Read the past of a coin, with that of others beside it whose perpetuals are traded with it.

    Raises:
        ConfigurationError: as `read_market`.
    """
    first, *others = (read_market(store, coin, until, source=source, years=years) for coin in coins)
    return msgspec.structs.replace(first, beside=tuple(others))


def read_recorded_market(
    store: DatasetStore, underlying: str, until: int | None = None, *, every: int = HOUR
) -> RecordedMarket:
    """Read the recorded boards of a coin up to an instant, with the candles that lie beside them.

    Of recorded quotes a board is made `every` so many nanoseconds.

    Raises:
        ConfigurationError: there are no boards, or no candles while they were recorded.
    """
    before = "" if until is None else f" before {iso(until)}"
    remedy = "import more by `trader data import`"
    span = recorded_span(store, underlying)
    if span is None:
        raise ConfigurationError(f"no recorded options of {underlying}: {remedy}")
    past = read_candles(store, underlying, until, covering=span)
    boards = recorded_boards(store, underlying, until, candles=past.candles, every=every)
    if boards is None:
        raise ConfigurationError(
            f"no recorded options of {underlying}{before} within its candles: {remedy}"
        )
    return RecordedMarket(
        underlying=underlying,
        candles=past.candles,
        rows=boards.rows,
        source="; ".join([f"boards of {boards.series}, closes of {past.series}", *_holes(past)]),
        notes=(boards.note,),
    )


def _described(source: str, past: PastCandles) -> str:
    if "@" in past.series:
        return f"imported candles {past.series}"
    return f"{source}: candles of {past.series}"


def _holes(past: PastCandles, until: int | None = None) -> list[str]:
    notes = []
    if past.filled:
        notes.append(f"{past.filled} missing hours filled with the last close")
    end = past.candles.span[1]
    late = 0 if until is None else (until - end) // HOUR
    if until is not None and late:
        missing = f"{late} hours" if late < FEW_HOURS else f"{late // 24} days"
        notes.append(f"the last {missing} before {iso(until)} are missing")
    return notes


def _level(store: DatasetStore, underlying: str, candles: Candles) -> Level:
    """Take the volatility index where it is known, realized volatility where not (flagged)."""
    realized = realized_level(candles, ratio=REALIZED_RATIO)
    vol = np.full(len(candles.close), np.nan)
    used = []
    for series in series_of(store, "dvol", underlying, underlying):
        table = store.read("dvol", series)
        at = table.column("at").to_numpy().astype(np.int64)
        if not len(at):
            continue
        places = np.maximum(np.searchsorted(at, candles.opened_at, side="right") - 1, 0)
        age = candles.opened_at - at[places]
        missing = np.isnan(vol) & (age >= 0) & (age < 2 * DAY)
        vol = np.where(missing, table.column("close").to_numpy()[places], vol)
        if missing.any():
            hours = round(float(np.median(np.diff(at))) / HOUR) if len(at) > 1 else 1
            used.append(series if hours == 1 else f"{series}, a value every {hours} hours")
    known = ~np.isnan(vol)
    if not known.any():
        return realized
    named = "" if used == [underlying] else f" ({'; '.join(used)})"
    if known.all():
        return Level(vol, "index", named.strip(" ()"))
    return Level(
        np.where(known, vol, realized.vol), "partly", _partly(candles, vol, known, realized, named)
    )


def _partly(candles: Candles, vol: Floats, known: Bools, realized: Level, named: str) -> str:
    """Say when the index is known, and how far the assumption is from it where both are."""
    places = np.flatnonzero(known)
    first, last = (day_date(utc_day(int(candles.opened_at[one]))) for one in places[[0, -1]])
    both = known & np.isfinite(realized.vol)
    told = f"{first} to {last}{named}; outside, its level is assumed: {realized.note}"
    inside = int((~known[places[0] : places[-1]]).sum())
    if inside:
        told += f", as in {inside} hours within"
    if both.any():
        ratio = float(np.median(vol[both] / realized.vol[both])) * REALIZED_RATIO
        told += f" (where both are known, the index is typically {ratio:.2f} times the latter)"
    return told
