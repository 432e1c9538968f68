"""Which files are candles, which a volatility index? A small TOML says which column is what.

trader data import config/import.candles.example.toml --data FOLDER
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from trader.domain.errors import ConfigurationError
from trader.domain.units import HOUR, iso
from trader.storage.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from trader.domain.market import Bools, Floats, Ints
    from trader.storage.tables import ForeignTable

PERCENT: Final = 100.0
PERCENT_MIN: Final = 3.0
"""A volatility index whose median lies below is none in percent."""
PRICES: Final = ("open", "high", "low", "close")
NAME: Final = r"^[a-z0-9][a-z0-9.-]{0,40}$"


class Section(BaseModel):
    """A table of the TOML: closed, strict and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Columns(Section):
    """What the columns are called; `symbol` tells coins apart where a file has several."""

    symbol: str | None = None


class CandleColumns(Columns):
    """What the columns of candles are called; `opens_at` is when the hour begins."""

    opens_at: str
    open: str
    high: str
    low: str
    close: str
    volume: str | None = None


class IndexColumns(Columns):
    """What the columns of a volatility index are called; `begins_at` is when its period begins."""

    begins_at: str
    close_percent: str


class Series(Section):
    """One series of files: `name` is how reports call it, `symbols` what each coin is called."""

    name: Annotated[str, Field(pattern=NAME)]
    files: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    symbols: Annotated[dict[str, str], Field(min_length=1)]
    columns: Columns

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.columns.symbol is None and len(self.symbols) > 1:
            raise ValueError("name columns.symbol, or one coin in symbols")
        return self


class CandleSeries(Series):
    """Hourly candles in USD, or in what is as good as USD."""

    columns: CandleColumns


class IndexSeries(Series):
    """A volatility index in percent; a value is known when its period has ended."""

    columns: IndexColumns
    period_hours: Annotated[int, Field(ge=1, le=24)] = 1


class HistoryPlan(Section):
    """The whole TOML."""

    candles: Annotated[tuple[CandleSeries, ...], Field(strict=False)] = ()
    volatility_index: Annotated[tuple[IndexSeries, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.candles or self.volatility_index):
            raise ValueError("write [[candles]] or [[volatility_index]]")
        return self


def read_candles(series: CandleSeries, coin: str, folder: Path) -> dict[str, Ints | Floats]:
    """Read the candles of a coin, as our dataset has them: `at` is the hour they open.

    Raises:
        ConfigurationError: bars are no whole hours, or prices none.
        StorageError: a file cannot be read.
    """
    columns = series.columns.model_dump(exclude_none=True)
    wanted = (*PRICES, *(("volume",) if series.columns.volume else ()))
    rows = _rows(series, coin, folder, columns, "opens_at", wanted)
    where = f"candles {series.name!r}, {coin}"
    at = rows["at"]
    if (wrong := np.flatnonzero(at % HOUR)).size:
        raise ConfigurationError(
            f"{where}: columns.opens_at {iso(int(at[wrong[0]]))} is no full hour; "
            "give hourly candles by their opening time"
        )
    if len(at) > 1 and np.diff(at).min() > HOUR:
        apart = int(np.diff(at).min() // HOUR)
        raise ConfigurationError(
            f"{where}: bars are at least {apart} hours apart; give hourly candles"
        )
    for name in PRICES:
        _refuse(~((rows[name] > 0) & np.isfinite(rows[name])), rows, name, where, "is no price")
    for low, high in (("low", "open"), ("low", "close"), ("open", "high"), ("close", "high")):
        _refuse(rows[low] > rows[high], rows, low, where, f"lies above {high}")
    return rows


def read_index(series: IndexSeries, coin: str, folder: Path) -> dict[str, Ints | Floats]:
    """Read a volatility index, as our dataset has it: `at` is the last hour of each period.

    Raises:
        ConfigurationError: values are no volatilities in percent.
        StorageError: a file cannot be read.
    """
    columns = series.columns.model_dump(exclude_none=True)
    rows = _rows(series, coin, folder, columns, "begins_at", ("close_percent",))
    percent = rows.pop("close_percent")
    where = f"volatility_index {series.name!r}, {coin}"
    wrong = ~((percent > 0) & np.isfinite(percent))
    _refuse(wrong, rows | {"close_percent": percent}, "close_percent", where, "is no volatility")
    if np.median(percent) < PERCENT_MIN:
        raise ConfigurationError(
            f"{where}: columns.close_percent has a median of {np.median(percent):g}: "
            "give percent (55), not fractions (0.55)"
        )
    at = rows["at"] + (series.period_hours - 1) * HOUR
    return {"at": at, **dict.fromkeys(PRICES, percent / PERCENT)}


def _rows(
    series: Series,
    coin: str,
    folder: Path,
    columns: dict[str, str],
    when: str,
    wanted: tuple[str, ...],
) -> dict[str, Ints | Floats]:
    """Join the rows of a coin over all files, by time; an instant that comes twice is refused."""
    parts: list[dict[str, Ints | Floats]] = []
    for name in series.files:
        table = read_table(folder / name, columns)
        mine = _of(table, series, coin)
        part: dict[str, Ints | Floats] = {"at": table.instants(when)[mine]}
        parts.append(part | {column: table.numbers(column)[mine] for column in wanted})
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if not len(rows["at"]):
        raise ConfigurationError(
            f"{series.name!r}: symbols.{coin} = {series.symbols[coin]!r} is in none of its files"
        )
    order = np.argsort(rows["at"], kind="stable")
    rows = {name: column[order] for name, column in rows.items()}
    if (twice := np.flatnonzero(np.diff(rows["at"]) == 0)).size:
        when_twice = iso(int(rows["at"][twice[0]]))
        raise ConfigurationError(
            f"{series.name!r}, {coin}: {when_twice} stands twice; "
            "name columns.symbol, or leave out a file"
        )
    return rows


def _of(table: ForeignTable, series: Series, coin: str) -> Bools:
    """Tell which rows are of a coin: all, where no column says so."""
    if series.columns.symbol is None:
        return np.ones(len(table), dtype=np.bool_)
    words = table.words("symbol")
    known = {word: place for place, word in enumerate(words.known)}
    mine: Bools = words.row == known.get(series.symbols[coin], -2)
    return mine


def _refuse(wrong: Bools, rows: dict[str, Ints | Floats], name: str, where: str, told: str) -> None:
    if (places := np.flatnonzero(wrong)).size:
        value, at = rows[name][places[0]], iso(int(rows["at"][places[0]]))
        raise ConfigurationError(
            f"{where}: {name} {value:g} at {at} {told}; mend the file or map another column"
        )
