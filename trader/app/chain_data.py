"""Which recorded chains are there? What was imported, or a Parquet file of boards."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.app.history_import import CHAINS, COLLECTED
from trader.app.past_candles import gap_free
from trader.backtest.recorded import ChainRows
from trader.backtest.recorded_market import RecordedMarket
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.units import HOUR, MILLISECOND, MINUTE, nanoseconds
from trader.storage.arrow import load_arrow

if TYPE_CHECKING:
    from pathlib import Path

    from trader.backtest.modelled import Candles
    from trader.domain.market import Floats, Ints
    from trader.storage.datasets import DatasetStore

IMPORTED: Final = (
    ("quotes", f"{{}}@{CHAINS}"), ("option_chain", "tardis"), ("quotes", "tardis"),
    ("quotes", "recorded-{}"),
)  # fmt: skip
"""Datasets that tell of whole boards, and under which subject an import writes them."""

LAST: Final = 10 * MINUTE
SNAPSHOT: Final = f"a snapshot is known {COLLECTED // MINUTE} minutes after its label"
QUOTES: Final = f"boards of full hours, from quotes of the {LAST // MINUTE} minutes before"
_QUOTED: Final = ("bid", "ask", "mark", "mark_iv", "underlying_price")
NAME: Final = re.compile(r"([A-Z]+)-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:d\d+)?)-([CP])")

COLUMNS: Final = (
    "ts", "currency", "expiry", "strike", "option_type", "bid_price", "ask_price", "mark_price",
    "mark_iv", "underlying_price", "index_price",
)  # fmt: skip


def read_chains(path: Path, underlying: str, candles: Candles) -> RecordedMarket:
    """Read the boards of a coin from a Parquet file of snapshots, volatilities in percent.

    Raises:
        ConfigurationError: the file is none of these, or holds nothing of the coin.
    """
    table = _table(path)
    absent = [name for name in COLUMNS if name not in table.column_names]
    if absent:
        raise ConfigurationError(f"{path}: columns {', '.join(absent)} are missing")
    table = _of(table, "currency", underlying)
    if not table.num_rows:
        raise ConfigurationError(f"{path}: no chains of {underlying}")
    order = np.argsort(_instants(table, "ts"), kind="stable")
    try:
        rows = ChainRows(
            at=_instants(table, "ts")[order] + COLLECTED,
            strike=_floats(table, "strike")[order],
            expires_at=_instants(table, "expiry")[order],
            is_call=np.array(table.column("option_type").to_pylist())[order] == "C",
            bid=_floats(table, "bid_price")[order],
            ask=_floats(table, "ask_price")[order],
            mark=_floats(table, "mark_price")[order],
            mark_iv=_floats(table, "mark_iv")[order] / 100.0,
            underlying_price=_floats(table, "underlying_price")[order],
            index_price=_floats(table, "index_price")[order],
        )
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return RecordedMarket(
        underlying=underlying, candles=candles, rows=rows, source=path.name, notes=(SNAPSHOT,)
    )


class Boards(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded boards of a coin: which series they are of, and what a reader should know."""

    series: str
    rows: ChainRows
    note: str


def recorded_span(store: DatasetStore, underlying: str) -> tuple[int, int] | None:
    """Tell from when to when options of a coin may have been recorded."""
    spans = (store.span(dataset, subject) for dataset, subject in _imported(underlying))
    return next((one for one in spans if one is not None), None)


def recorded_boards(
    store: DatasetStore,
    underlying: str,
    until: int | None = None,
    *,
    candles: Candles | None = None,
    every: int = HOUR,
) -> Boards | None:
    """Read the boards of a coin known by an instant; None where nothing of it was imported.

    With `candles`, boards lie within them and a board of quotes has their index; without, its
    forward stands for it. Of quotes a board is made `every` so many nanoseconds, at most hourly.

    Raises:
        ConfigurationError: what was imported is no board.
    """
    for dataset, subject in _imported(underlying):  # two series would name options twice
        table = store.read(dataset, subject)
        if until is not None and table.num_rows:
            from pyarrow import compute

            table = table.filter(compute.less_equal(table.column("at"), until))
        if not table.num_rows:
            continue
        snapshots = subject.endswith(f"@{CHAINS}")
        try:
            if snapshots:
                rows = _snapshots(table, underlying, candles)
            else:
                rows = _at_times(table, underlying, candles, min(every, HOUR))
        except ValueError as error:
            raise ConfigurationError(f"{dataset} {subject}: {error}") from error
        if rows is not None:
            return Boards(series=subject, rows=rows, note=SNAPSHOT if snapshots else _note(every))
    return None


def _note(every: int) -> str:
    """Say what boards of quotes are made from."""
    if every >= HOUR:
        return QUOTES
    return f"boards of every {every / MINUTE:g} minutes, from the quotes since the one before"


def _imported(underlying: str) -> list[tuple[str, str]]:
    return [(dataset, subject.format(underlying)) for dataset, subject in IMPORTED]


def _snapshots(table: Any, underlying: str, candles: Candles | None) -> ChainRows | None:  # noqa: ANN401
    """Take snapshots of whole chains as they are."""
    at = table.column("at").to_numpy()
    if candles is not None:
        first, last = candles.span
        table = table.take(np.flatnonzero((at >= first) & (at <= last)))
    coded = table.column("instrument").combine_chunks().dictionary_encode()
    options = [parse_option(name) for name in coded.dictionary.to_pylist()]
    mine = np.array([one is not None and one[0] == underlying for one in options], dtype=np.bool_)
    row = coded.indices.to_numpy()
    kept = np.flatnonzero(mine[row]) if len(mine) else np.array([], dtype=np.int64)
    if not len(kept):
        return None
    table, row = table.take(kept), row[kept]
    known = [one or ("", 0, 1.0, False) for one in options]
    return ChainRows(
        at=np.asarray(table.column("at").to_numpy(), dtype=np.int64),
        strike=np.array([one[2] for one in known])[row],
        expires_at=np.array([one[1] for one in known], dtype=np.int64)[row],
        is_call=np.array([one[3] for one in known])[row],
        index_price=_floats(table, "index_price"),
        bid_amount=_sizes(table, "bid_amount"),
        ask_amount=_sizes(table, "ask_amount"),
        **{name: _floats(table, name) for name in _QUOTED},
    )


def _sizes(table: Any, name: str) -> Floats | None:  # noqa: ANN401 - a pyarrow table
    """Read displayed sizes; None where none were recorded."""
    sizes = _floats(table, name)
    return None if np.isnan(sizes).all() else sizes


def _at_times(
    table: Any,  # noqa: ANN401 - a pyarrow table
    underlying: str,
    candles: Candles | None,
    every: int,
) -> ChainRows | None:
    """Keep the last quote of every option before each full hour, or more often.

    Between hours no close tells the index: there a forward stands for it.
    """
    told_at = table.column("at").to_numpy()
    time = -(-told_at // every) * every
    first, last = candles.span if candles is not None else (0, int(time.max()))
    near = np.flatnonzero((time - told_at <= LAST) & (time >= first) & (time <= last))
    rows = {
        (known, row["instrument"]): row
        for row, known in zip(table.take(near).to_pylist(), time[near].tolist(), strict=True)
    }
    options = {name: parse_option(name) for name in sorted({name for _, name in rows})}
    mine = {name: one for name, one in options.items() if one and one[0] == underlying}
    keys = sorted(key for key in rows if key[1] in mine)
    if not keys:
        return None

    def column(name: str) -> Floats:
        values = (rows[key].get(name) for key in keys)
        return np.array([math.nan if one is None else one for one in values], dtype=np.float64)

    at = np.array([key[0] for key in keys], dtype=np.int64)
    index = column("underlying_price")
    if candles is not None and every == HOUR:
        index = np.array([candles.price_at(one) for one in at.tolist()])
    return ChainRows(
        at=at,
        strike=np.array([mine[name][2] for _, name in keys]),
        expires_at=np.array([mine[name][1] for _, name in keys], dtype=np.int64),
        is_call=np.array([mine[name][3] for _, name in keys]),
        index_price=index,
        bid_amount=column("bid_amount"),
        ask_amount=column("ask_amount"),
        **{name: column(name) for name in _QUOTED},
    )


def parse_option(name: str) -> tuple[str, int, float, bool] | None:
    """Read coin, expiry, strike and whether it is a call off the name of an inverse option."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    underlying, label, strike, letter = found.groups()
    try:
        day = datetime.strptime(label, "%d%b%y").replace(tzinfo=UTC)
    except ValueError:
        return None
    return underlying, nanoseconds(day) + 8 * HOUR, float(strike.replace("d", ".")), letter == "C"


def read_closes(path: Path, symbol: str) -> Candles:
    """Read hourly closes (`ts` of the opening, `symbol`, `close`) from a CSV file.

    Raises:
        ConfigurationError: the file is none of these, or has a long hole.
    """
    try:
        from pyarrow import csv

        table = csv.read_csv(path)
        mine = _of(table, "symbol", symbol)
        at, close = _instants(mine, "ts"), _floats(mine, "close")
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path}: no hourly closes ({error})") from error
    if not len(at):
        raise ConfigurationError(f"{path}: no closes of {symbol}")
    opened = np.concatenate((close[:1], close[:-1]))
    rows = {"at": at, "open": opened, "high": np.maximum(opened, close)}
    return gap_free({**rows, "low": np.minimum(opened, close), "close": close})[0]


def _table(path: Path) -> Any:  # noqa: ANN401 - a pyarrow table
    arrow = load_arrow()
    try:
        return arrow.parquet.read_table(path)
    except (OSError, arrow.core.ArrowInvalid, StorageError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _of(table: Any, name: str, value: str) -> Any:  # noqa: ANN401 - pyarrow tables
    from pyarrow import compute

    return table.filter(compute.equal(table.column(name), value))


def _floats(table: Any, name: str) -> Floats:  # noqa: ANN401 - a pyarrow table
    column = table.column(name).cast("float64").fill_null(math.nan)
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _instants(table: Any, name: str) -> Ints:  # noqa: ANN401 - a pyarrow table
    at = table.column(name).to_numpy().astype("datetime64[ms]").astype(np.int64) * MILLISECOND
    return np.asarray(at, dtype=np.int64)
