"""Which trades stand in a file that somebody's broker wrote? CSV in common shapes, row by row."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zoneinfo
from collections import Counter
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.behavior.trades import Trade, instant
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.units import MINUTE
from trader.storage.trade_columns import recognized

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trader.storage.trade_columns import Columns

SizeUnit = Literal["fraction", "notional", "quantity", "unknown"]
REALISED: Final = "RealisedPNL"
"""Where one row of a ledger is of this kind, the others are deposits, funding and the like."""
NO_TRADES: Final = ("balance", "credit", "deposit", "withdrawal", "transfer", "funding")
"""Kinds of rows, beginning so, that are nobody's trade; entries of a strategy tester are told
again, with the same result, by their exits."""
ENTRY: Final = "entry"
SIDED: Final = ("buy", "sell", "long", "short")
SHORT: Final = ("short", "sell", "s", "-1", "true", "sell short", "open short", "exit short")
EARLIEST: Final = 0
LATEST: Final = instant("2100-01-01T00:00:00Z")
DELIMITERS: Final = (",", ";", "\t")
TWICE: Final = "in the hour that clocks repeat or skip: taken as the earlier"
REPEATED: Final = "equal to another to the letter: kept, as fills may be"


class TradeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One trader's closed trades as a file tells them, in its order.

    `sizes` says what their size is of; `balances` what the account held, by the time of a close.
    """

    source: str
    trader: str
    trades: tuple[Trade, ...]
    sizes: SizeUnit
    balances: dict[int, float]
    columns: dict[str, str]
    notes: tuple[str, ...]

    def knows(self, meaning: str) -> bool:
        """Whether a column told it."""
        return meaning in self.columns


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be read: zone of times that name none, their format, named columns."""

    timezone: str | None = None
    date_format: str | None = None
    columns: dict[str, str] = {}


def read_trades(path: Path, how: Reading) -> list[TradeFile]:
    """Read a CSV file (`.gz` too) of closed trades: one trader's, or one's each in `trader`.

    Raises:
        ConfigurationError: a zone or column that was asked for does not exist.
        StorageError: the file cannot be read, lacks what a trade has, or a row cannot be used;
            file, row and column are named.
    """
    rows = _rows(path)
    if not rows:
        raise StorageError(f"{path} is empty: name a CSV file with a line of column names")
    (_, names), *body = rows
    columns = _sided(recognized(str(path), names, how.columns), body)
    reader = _Rows(str(path), columns, how)
    by_trader: dict[str, list[tuple[Trade, float | None]]] = {}
    for line, cells in _kept(body, columns, reader.found):
        trader = reader.text(cells, "trader") or path.name.split(".")[0]
        read = reader.read(line, cells)
        if read is not None:
            by_trader.setdefault(trader, []).append(read)
    sizes = _unit(columns)
    notes = tuple(f"{count} rows {reason}" for reason, count in reader.found.items())
    return [
        TradeFile(
            source=str(path), trader=trader, trades=tuple(trade for trade, _ in told), sizes=sizes,
            balances={one.closed_at or 0: held for one, held in told if held is not None},
            columns={meaning: columns.name(meaning) for meaning in columns.places}, notes=notes,
        )
        for trader, told in by_trader.items()
    ]  # fmt: skip


class _Rows:
    """Reads rows one by one; counts what was odd about them."""

    def __init__(self, origin: str, columns: Columns, how: Reading) -> None:
        self.found: Counter[str] = Counter()
        self._origin, self._columns, self._how = origin, columns, how
        self._zone = None if how.timezone is None else _zone(how.timezone)

    def read(self, line: int, cells: Sequence[str]) -> tuple[Trade, float | None] | None:
        """Read a trade and what the account held after it; None where nothing was realized."""
        pnl = self._number(line, cells, "pnl")
        if pnl is None or (pnl == 0 and self._columns.lists_fills):
            self.found["realized nothing: left out as openings"] += 1
            return None
        closed_at = self._instant(line, cells, "closed_at")
        if closed_at is None:
            raise self._wrong(line, "closed_at", "", "is empty; mend or drop the row")
        opened_at = self._instant(line, cells, "opened_at")
        if opened_at is not None and opened_at > closed_at:
            shown = self.text(cells, "opened_at")
            raise self._wrong(line, "opened_at", shown, "is after the close; mend the row")
        held = self._number(line, cells, "holding_minutes")
        if held is None and opened_at is not None:
            held = (closed_at - opened_at) / MINUTE
        entry = self._number(line, cells, "entry_price")
        trade = Trade(
            pnl=pnl,
            size=self._size(line, cells, entry),
            holding_minutes=held or 0.0,
            closed_at=closed_at,
            opened_at=opened_at,
            chain_id=self.text(cells, "chain") or None,
            scheduled_roll=self.text(cells, "scheduled_roll").lower() in ("1", "true", "yes"),
            symbol=self.text(cells, "symbol"),
            entry_price=entry,
            exit_price=self._number(line, cells, "exit_price"),
            direction=self._direction(cells),
        )
        if trade.holding_minutes < 0:
            shown = self.text(cells, "holding_minutes")
            raise self._wrong(line, "holding_minutes", shown, "is negative; mend the row")
        return trade, self._number(line, cells, "balance")

    def text(self, cells: Sequence[str], meaning: str) -> str:
        """Return what stands in the column of a meaning; nothing where there is none."""
        place = self._columns.places.get(meaning)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    def _size(self, line: int, cells: Sequence[str], entry: float | None) -> float:
        for meaning in ("size", "notional", "quantity"):
            size = self._number(line, cells, meaning)
            if size is not None:
                worth = entry if meaning == "quantity" and entry is not None else 1.0
                return abs(size * worth)
        return 0.0

    def _direction(self, cells: Sequence[str]) -> int:
        closing = self.text(cells, "closing_side").lower()
        if closing:
            return -1 if "buy" in closing or "short" in closing else 1
        return -1 if self.text(cells, "side").lower() in SHORT else 1

    def _number(self, line: int, cells: Sequence[str], meaning: str) -> float | None:
        shown = self.text(cells, meaning)
        if not shown or shown in ("-", "--"):
            return None
        try:
            number = _amount(shown)
        except ValueError:
            raise self._wrong(line, meaning, shown, "is no number; mend the row") from None
        if not math.isfinite(number):
            raise self._wrong(line, meaning, shown, "is not finite; mend or drop the row")
        return number

    def _instant(self, line: int, cells: Sequence[str], meaning: str) -> int | None:
        shown = self.text(cells, meaning)
        if not shown:
            return None
        try:
            found = _moment(shown, self._how.date_format)
        except ValueError:
            remedy = "is no time that is known; say how it is written with --date-format '%d/%m/%Y'"
            raise self._wrong(line, meaning, shown, remedy) from None
        if not isinstance(found, int) and found.utcoffset() is None:
            zone = UTC if self._columns.is_utc(meaning) else self._zone
            if zone is None:
                remedy = "names no zone; say which with --timezone UTC"
                raise self._wrong(line, meaning, shown, remedy)
            found = found.replace(tzinfo=zone)
            if found.utcoffset() != found.replace(fold=1).utcoffset():
                self.found[TWICE] += 1
        at = instant(found)
        if not EARLIEST <= at < LATEST:
            remedy = "is not of 1970 to 2099; mend the row, or name another --column closed_at=..."
            raise self._wrong(line, meaning, shown, remedy)
        return at

    def _wrong(self, line: int, meaning: str, shown: str, what: str) -> StorageError:
        name = self._columns.name(meaning)
        return StorageError(f"{self._origin}: line {line}: {name!r} {shown!r} {what}")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return line numbers and cells of all lines that are not empty."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = content.decode(
            "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        )
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read ({error}): name a CSV file") from error
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise StorageError(f"{path}: line {reader.line_num}: {error}; mend the row") from error


def _kept(
    rows: Sequence[tuple[int, list[str]]], columns: Columns, found: Counter[str]
) -> Iterator[tuple[int, list[str]]]:
    """Give the rows that are results; count the others, and those that repeat another."""
    kinds = [_kind(columns, cells) for _, cells in rows]
    ledger = REALISED in kinds
    seen: set[tuple[str, ...]] = set()
    for (line, cells), kind in zip(rows, kinds, strict=True):
        if (kind != REALISED) if ledger else kind.lower().startswith((*NO_TRADES, ENTRY)):
            found[f"are {kind}: left out"] += 1
            continue
        found.update([REPEATED] if tuple(cells) in seen else [])
        seen.add(tuple(cells))
        yield line, cells


def _kind(columns: Columns, cells: Sequence[str]) -> str:
    place = columns.places.get("kind")
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _sided(columns: Columns, rows: Sequence[tuple[int, list[str]]]) -> Columns:
    """Take sides from the kinds of rows, where these are buy and sell and no column is of sides."""
    if "kind" not in columns.places or {"side", "closing_side"} & set(columns.places):
        return columns
    if not any(_kind(columns, cells).lower().endswith(SIDED) for _, cells in rows):
        return columns
    return msgspec.structs.replace(
        columns, places=columns.places | {"side": columns.places["kind"]}
    )


def _unit(columns: Columns) -> SizeUnit:
    known = columns.places
    if "size" in known:
        return "fraction"
    if "notional" in known or {"quantity", "entry_price"} <= set(known):
        return "notional"
    return "quantity" if "quantity" in known else "unknown"


def _amount(shown: str) -> float:
    """Read a number as people write it: 1,234.5 and 1.234,5, (12) for -12, with a currency.

    >>> _amount("$1,234.50"), _amount("(12)"), _amount("1.234,5"), _amount("-3.5 USDT")
    (1234.5, -12.0, 1234.5, -3.5)
    """
    text = re.sub(r"[\s\u00a0'$€£]", "", shown.replace("\u2212", "-"))
    sign = -1.0 if text.startswith("(") and text.endswith(")") else 1.0
    text = re.sub(r"(?<=\d)[A-Za-z]+$", "", text.strip("()"))
    is_thousands = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text)
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+", text) and not is_thousands:
        text = text.replace(".", "").replace(",", ".")
    return sign * float(text.replace(",", ""))


def _moment(shown: str, form: str | None) -> datetime | int:
    """Read a time: by its format, as a number since 1970, or year first."""
    if form is not None:
        return datetime.strptime(shown, form)  # noqa: DTZ007 - its zone is asked for by the caller
    if re.fullmatch(r"\d{9,19}(\.\d+)?", shown):
        return instant(float(shown) if "." in shown else int(shown))
    text = re.sub(r"^(\d{4})[./](\d\d)[./](\d\d)", r"\1-\2-\3", shown).removesuffix(" UTC")
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if shown.endswith(" UTC") else found


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC  # also where no zones are installed
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"--timezone {name!r}: no such zone; name one like UTC or Europe/Berlin"
        ) from error


def given_columns(pairs: Sequence[str]) -> dict[str, str]:
    """Read `meaning=header` of a command line.

    Raises:
        ConfigurationError: one is no such pair.
    """
    found = {}
    for one in pairs:
        meaning, equals, header = one.partition("=")
        if not equals or not header:
            raise ConfigurationError(f"--column {one!r}: write MEANING=HEADER, e.g. pnl=Profit")
        found[meaning.strip()] = header
    return found
