"""What did the market say while we recorded? Every kind of input, as history of its own kind.

Quotes, indices, funding and the feed's troubles become a part per segment; delivery prices, bars
and contracts, of which each is known by its key, are merged. The subject names the currency.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from trader.app.data_spans import month_of
from trader.domain.errors import StorageError
from trader.domain.events import (
    BoardSnapshot,
    DeliveryPrice,
    FeedFault,
    FeedLost,
    FeedRestored,
    FundingRate,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    RecordingTrouble,
)
from trader.storage import recordings
from trader.storage.arrow import load_arrow
from trader.storage.datasets import batch_of
from trader.storage.event_rows import inputs
from trader.storage.history_kinds import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trader.domain.events import Stamped
    from trader.domain.instruments import Instrument
    from trader.domain.market import Bars
    from trader.storage.datasets import Columns, DatasetStore
    from trader.storage.recordings import Segment

SUBJECT: Final = "recorded"
_BOARD: Final = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price",
)  # fmt: skip

Row = dict[str, Any]


def import_recordings(store: DatasetStore, folder: Path) -> tuple[dict[str, int], int]:
    """Import a folder of recordings: (rows by dataset, inputs that tell nothing of the market).

    Raises:
        StorageError: the folder holds none, or one of them cannot be read.
    """
    found = recordings.segments(folder)
    if not found:
        raise StorageError(f"{folder} holds no recordings: name the folder that has day=* in it")
    rows: dict[str, int] = defaultdict(int)
    others = 0
    contracts: dict[str, Instrument] = {}
    for segment, path in found.items():
        if segment.table == "quotes":
            rows["quotes"] += _quotes(store, segment, path)
            continue
        kinds, left = _by_kind(_inputs(segment, path), contracts)
        others += left
        for dataset, columns in kinds.items():
            rows[dataset] += _keep(store, dataset, segment, columns)
    return dict(rows), others


def _quotes(store: DatasetStore, segment: Segment, path: Path) -> int:
    dataset = DATASETS["quotes"]
    blocks = (
        batch_of(dataset, {name: _known(one.column(name)) for name in dataset.types})
        for one in recordings.batches(path)
    )
    return store.replace("quotes", _subject(segment), _part(segment), blocks)


def _known(column: Any) -> Any:  # noqa: ANN401 - a column of pyarrow's
    """Take what is no number for what is missing."""
    pa = load_arrow().core
    if column.type != pa.float64():
        return column
    return pa.array(column.to_numpy(zero_copy_only=False), from_pandas=True)


def _inputs(segment: Segment, path: Path) -> Iterator[Stamped]:
    for batch in recordings.batches(path):
        yield from inputs(recordings.table_of(segment), batch)


def _by_kind(
    stamped: Iterable[Stamped], contracts: dict[str, Instrument]
) -> tuple[dict[str, Columns], int]:
    """Sort inputs by dataset; `contracts` remembers what was listed, for when it expires."""
    kinds: dict[str, Columns] = {}
    others = 0
    for one in stamped:
        rows = _rows(one, contracts)
        others += not rows
        for dataset, row in rows:
            columns = kinds.setdefault(dataset, {name: [] for name in DATASETS[dataset].types})
            for name, column in columns.items():
                column.append(row.get(name))
    return kinds, others


def _rows(stamped: Stamped, contracts: dict[str, Instrument]) -> list[tuple[str, Row]]:
    """Say what one input is as history; nothing where it is the daemon's own."""
    at, event = stamped.at, stamped.event
    row: Row
    match event:
        case IndexPrice():
            row = {"at": at, "exchange_at": event.exchange_at, "price": event.price}
            return [("index", row)]
        case FundingRate():
            row = {
                "at": at, "exchange_at": event.exchange_at, "instrument": event.instrument,
                "funding_rate": event.rate_8h,
            }  # fmt: skip
            return [("derivative_ticker", row)]
        case DeliveryPrice():
            return [("deliveries", {"at": event.expires_at, "price": event.price})]
        case HistoryLoaded():
            return [("candles", row) for row in _candles(event.bars)]
        case InstrumentListed():
            contracts.update((one.name, one) for one in event.instruments)
            return [("instruments", _contract(one, at, active=True)) for one in event.instruments]
        case InstrumentExpired():
            known = [contracts.pop(name) for name in event.names if name in contracts]
            return [("instruments", _contract(one, at, active=False)) for one in known]
        case BoardSnapshot():
            return [("quotes", row) for row in _board(event, at)]
        case FeedLost() | FeedRestored() | FeedFault() | RecordingTrouble():
            return [("feed_health", _health(event, at))]
        case _:
            return []


def _candles(bars: Bars) -> Iterator[Row]:
    columns = zip(bars.opened_at, bars.open, bars.high, bars.low, bars.close, strict=True)
    for hour, *prices in columns:
        yield {"at": hour, **dict(zip(("open", "high", "low", "close"), prices, strict=True))}


def _contract(one: Instrument, at: int, *, active: bool) -> Row:
    row = {name: getattr(one, name, None) for name in DATASETS["instruments"].types}
    return row | {"at": at, "instrument": one.name, "active": active}


def _board(board: BoardSnapshot, at: int) -> Iterator[Row]:
    for place, one in enumerate(board.instruments):
        row: Row = {"at": at, "exchange_at": board.exchange_at, "instrument": one.name}
        row |= {name: float(getattr(board, name)[place]) for name in _BOARD}
        yield row | {"index_price": board.index_price}


def _health(event: FeedLost | FeedRestored | FeedFault | RecordingTrouble, at: int) -> Row:
    return {
        "at": at,
        "event": type(event).__name__,
        "kind": getattr(event, "kind", None),
        "scope": ",".join(getattr(event, "scope", ())),
        "detail": event.detail,
    }


def _keep(store: DatasetStore, dataset: str, segment: Segment, columns: Columns) -> int:
    """Write what a segment holds of a dataset; count its rows."""
    kind, subject = DATASETS[dataset], _subject(segment)
    count = len(columns["at"])
    if not kind.key:
        part = f"{_part(segment)}-events"
        return store.replace(dataset, subject, part, iter([batch_of(kind, columns)]))
    if dataset == "instruments":
        store.merge(dataset, subject, "catalog", columns)
        return count
    months: dict[str, Columns] = {}
    for place, at in enumerate(columns["at"]):
        month = months.setdefault(month_of(at), {name: [] for name in columns})
        for name, column in columns.items():
            month[name].append(column[place])
    for part, rows in months.items():
        store.merge(dataset, subject, part, rows)
    return count


def _subject(segment: Segment) -> str:
    return f"{SUBJECT}-{segment.currency}"


def _part(segment: Segment) -> str:
    return f"{segment.day}-e{segment.epoch:06d}-s{segment.number:04d}"
