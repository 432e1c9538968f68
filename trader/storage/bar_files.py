"""Which bars stand in files that somebody else wrote? OHLC of many symbols, in common spellings.

One file may hold one symbol, named by the file, or several, named by a column.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from trader.backtest.portfolio_bars import SymbolBars
from trader.domain.errors import StorageError
from trader.domain.units import MICROSECOND, MILLISECOND, SECOND, iso, reads_as_number
from trader.storage.arrow import load_arrow
from trader.strategies.trend_features import PRICES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trader.domain.market import Floats, Ints

SPELLINGS: Final = {
    "time": (
        "ts", "timestamp", "time", "datetime", "date", "opentime", "opentimestamp", "opensat",
        "openat", "starttime", "begin", "barstart", "candlebegintime", "unix", "unixtimestamp",
        "dateutc", "timeutc", "datetimeutc", "timestampms", "gmttime", "localtime", "t",
    ),
    "symbol": (
        "symbol", "ticker", "pair", "tic", "instrument", "instrumentname", "market", "asset",
        "coin", "name", "code",
    ),
    "open": ("open", "o", "openprice", "priceopen", "1open", "op"),
    "high": ("high", "h", "highprice", "pricehigh", "2high", "hi", "max"),
    "low": ("low", "l", "lowprice", "pricelow", "3low", "lo", "min"),
    "close": ("close", "c", "closeprice", "priceclose", "4close", "cl", "last", "closelast"),
}  # fmt: skip
"""What a column may be called, letters and digits only, the likeliest first."""
SUFFIXES: Final = (".parquet", ".pq", ".csv", ".csv.gz")
EPOCHS: Final = ((1e11, SECOND), (1e14, MILLISECOND), (1e17, MICROSECOND), (1e20, 1))
"""Whole numbers below the first are instants in units of so many nanoseconds."""
TIMEFRAME: Final = re.compile(
    r"[-_. ]?(\d+ ?(s|m|min|h|hr|d|w)|hourly|daily|minute|1hour|perp|spot|futures)$", re.IGNORECASE
)


def read_bars(path: Path, timezone: str | None = None) -> dict[str, SymbolBars]:
    """Read a file, or every Parquet and CSV file of a folder, by symbol in alphabetical order.

    Times with an offset are taken as they are, whole numbers as time since 1970 in the unit that
    their size tells; times without an offset are in `timezone` (an IANA name), if that is given;
    days without a time are in UTC if it is not.
    Rows from newest to oldest are turned round; prices are not judged here.

    Raises:
        StorageError: nothing can be read, a column is missing, times have no zone, or rows of a
            symbol are in no order or of one time; file, symbol, column and row are named.
    """
    parts: dict[str, list[tuple[Path, SymbolBars]]] = {}
    for file in _files(path):
        for symbol, bars in _read(file, timezone):
            parts.setdefault(symbol, []).append((file, bars))
    return {symbol: _joined(symbol, parts[symbol]) for symbol in sorted(parts)}


def symbol_of(name: str) -> str:
    """Name a symbol as exchanges do in a word: what is a pair, a file or a stem.

    >>> symbol_of("btc/usdt"), symbol_of("ETH_USDT-1h"), symbol_of("SOL-PERPETUAL")
    ('BTCUSDT', 'ETHUSDT', 'SOLPERPETUAL')
    """
    stem = name.strip()
    while (shorter := TIMEFRAME.sub("", stem)) not in (stem, ""):
        stem = shorter
    return re.sub(r"[-_/: .]", "", stem).upper()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise StorageError(
            f"{path} does not exist: name a Parquet or CSV file, or a folder of them"
        )
    found = sorted(one for one in path.iterdir() if one.name.endswith(SUFFIXES) and one.is_file())
    if not found:
        raise StorageError(f"{path} holds no {', '.join(SUFFIXES)}: name a folder with bars")
    return found


def _read(path: Path, timezone: str | None) -> Iterable[tuple[str, SymbolBars]]:
    table = _table(path)
    columns = _recognized(path, table.column_names)
    at = _instants(path, table.column(columns["time"]), columns["time"], timezone)
    prices = {name: _numbers(path, table.column(columns[name]), columns[name]) for name in PRICES}
    if "symbol" not in columns:
        stem = path.name
        for suffix in SUFFIXES:
            stem = stem.removesuffix(suffix)
        yield symbol_of(stem), SymbolBars(at, prices)
        return
    arrow = load_arrow().core
    names = table.column(columns["symbol"]).cast(arrow.string()).fill_null("")
    coded = names.combine_chunks().dictionary_encode()
    places = coded.indices.to_numpy()
    for number, name in enumerate(coded.dictionary.to_pylist()):
        rows = np.flatnonzero(places == number)
        if not symbol_of(name):
            raise StorageError(
                f"{path}: row {rows[0]}: {columns['symbol']!r} is empty; name the symbol"
            )
        yield (
            symbol_of(name),
            SymbolBars(at[rows], {key: one[rows] for key, one in prices.items()}),
        )


def _table(path: Path) -> Any:  # noqa: ANN401 - pyarrow comes without types
    arrow = load_arrow()
    try:
        if path.suffix in (".parquet", ".pq"):
            return arrow.parquet.read_table(path, use_threads=False)
        from pyarrow import csv

        return csv.read_csv(path)
    except (OSError, arrow.core.ArrowInvalid) as error:
        raise StorageError(
            f"{path} cannot be read ({error}): name a Parquet or CSV file"
        ) from error


def _recognized(path: Path, names: list[str]) -> dict[str, str]:
    """Find which column is what; the likeliest spelling wins, two of one spelling are refused."""
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(re.sub(r"[^a-z0-9]", "", name.lower()), []).append(name)
    found: dict[str, str] = {}
    for meaning, spellings in SPELLINGS.items():
        fitting = next((plain[one] for one in spellings if one in plain), [])
        if len(fitting) > 1:
            raise StorageError(
                f"{path}: columns {', '.join(map(repr, fitting))} are both {meaning}; drop one"
            )
        if fitting:
            found[meaning] = fitting[0]
    missing = [one for one in SPELLINGS if one not in found and one != "symbol"]
    if missing:
        raise StorageError(
            f"{path}: no column for {', '.join(missing)}; it has {', '.join(names)}; name them"
            f" {', '.join(SPELLINGS[one][0] for one in missing)}"
        )
    return found


def _instants(path: Path, column: Any, name: str, timezone: str | None) -> Ints:  # noqa: ANN401
    """Read times as UTC nanoseconds."""
    arrow, pc = load_arrow().core, _compute()
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise StorageError(f"{path}: row {row}: {name!r} is empty; drop the row")
    kind = column.type
    if arrow.types.is_integer(kind) or arrow.types.is_floating(kind):
        return _epochs(path, column.cast(arrow.float64(), safe=False).to_numpy(), column, name)
    if arrow.types.is_date(kind):
        column = column.cast(arrow.date32()).cast(arrow.timestamp("s"))
        kind, timezone = column.type, timezone or "UTC"
    if not arrow.types.is_timestamp(kind):
        shown = column[0].as_py() if len(column) else ""
        raise StorageError(
            f"{path}: row 0: {name!r} {shown!r} is no time; write 2023-01-31T08:00:00Z"
        )
    if kind.tz is None:
        if timezone is None:
            shown = column[0].as_py() if len(column) else ""
            raise StorageError(
                f"{path}: row 0: {name!r} {shown} has no timezone; say which with --timezone UTC"
            )
        try:
            column = pc.assume_timezone(column, timezone)
        except (arrow.ArrowInvalid, OSError) as error:
            raise StorageError(
                f"{path}: {name!r}: {error}; name a zone like UTC or Asia/Tokyo, or write offsets"
            ) from error
    instants: Ints = column.cast(arrow.timestamp("ns", tz="UTC")).cast(arrow.int64()).to_numpy()
    return instants


def _compute() -> Any:  # noqa: ANN401 - pyarrow comes without types
    from pyarrow import compute

    return compute


def _epochs(path: Path, values: Floats, column: Any, name: str) -> Ints:  # noqa: ANN401
    """Read whole numbers as time since 1970; all of a column are in one unit."""
    if not len(values):
        return np.empty(0, np.int64)
    low, high = float(values.min()), float(values.max())
    units = [next((unit for least, unit in EPOCHS if one < least), 0) for one in (low, high)]
    if low <= 0 or not np.isfinite([low, high]).all() or units[0] != units[1] or not units[0]:
        raise StorageError(
            f"{path}: column {name!r} runs from {low:g} to {high:g}: no times since 1970 in one"
            " unit; give seconds, milliseconds, microseconds or nanoseconds"
        )
    arrow = load_arrow().core
    if arrow.types.is_integer(column.type):
        whole: Ints = column.cast(arrow.int64()).to_numpy()
        return whole * units[0]
    return np.round(values * (units[0] / MICROSECOND)).astype(np.int64) * MICROSECOND


def _numbers(path: Path, column: Any, name: str) -> Floats:  # noqa: ANN401 - pyarrow's
    """Read prices; what is empty is NaN, which whoever judges prices refuses by its row."""
    arrow = load_arrow().core
    try:
        numbers: Floats = np.array(column.cast(arrow.float64()).to_numpy())
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
        row, shown = next(
            ((row, one) for row, one in enumerate(column.to_pylist()) if not reads_as_number(one)),
            (0, None),
        )
        raise StorageError(
            f"{path}: row {row}: {name!r} {shown!r} is no number; mend the row"
        ) from error
    return numbers


def _joined(symbol: str, parts: list[tuple[Path, SymbolBars]]) -> SymbolBars:
    """Join the rows of a symbol from all files, oldest first."""
    turned = [(path, _forward(symbol, path, one)) for path, one in parts if len(one.at)]
    turned.sort(key=lambda one: int(one[1].at[0]))
    for (path, one), (other, following) in itertools.pairwise(turned):
        if one.at[-1] >= following.at[0]:
            raise StorageError(
                f"{symbol}: {other} begins at {iso(int(following.at[0]))}, before {path} ends;"
                " leave out a file, or name its symbol"
            )
    empty = SymbolBars(np.empty(0, np.int64), {name: np.empty(0) for name in PRICES})
    whole = [one for _, one in turned] or [empty]
    return SymbolBars(
        np.concatenate([one.at for one in whole]),
        {name: np.concatenate([one.columns[name] for one in whole]) for name in PRICES},
    )


def _forward(symbol: str, path: Path, bars: SymbolBars) -> SymbolBars:
    """Turn rows round that run from newest to oldest; refuse what is in no order."""
    steps = np.diff(bars.at)
    if len(steps) and (steps < 0).all():
        return SymbolBars(bars.at[::-1], {name: one[::-1] for name, one in bars.columns.items()})
    wrong = np.flatnonzero(steps <= 0)
    if wrong.size:
        row = int(wrong[0]) + 1
        how = "stands twice; drop one" if steps[row - 1] == 0 else "comes too late; sort the rows"
        raise StorageError(f"{path}: {symbol}: row {row}: time {iso(int(bars.at[row]))} {how}")
    return bars
