"""How does an input of the engine become a row, and a row the same input again?

Quotes are columns of numbers; every other event is its kind and its payload as JSON. A number that
JSON does not know is written as `"nan"`, `"inf"` or `"-inf"`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, Literal, get_args

import msgspec
import numpy as np

from trader.domain.events import BoardSnapshot, Command, Event, Quote, Stamped
from trader.domain.instruments import Instrument
from trader.domain.units import normalize_underlying
from trader.storage.arrow import Batch, Schema, load_arrow

Table = Literal["quotes", "events"]
COMMON: Final = "ANY"
"""The partition of inputs that concern no single currency: timers, commands, the feed's word."""

_FLOATS: Final = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price", "index_price",
)  # fmt: skip
_STAMP: Final = ("sequence", "at")
QUOTE_COLUMNS: Final = (*_STAMP, "instrument", "exchange_at", *_FLOATS)
EVENT_COLUMNS: Final = (*_STAMP, "kind", "payload")


class _BoardRows(msgspec.Struct, frozen=True):
    """A `BoardSnapshot` as JSON holds it: lists where that has arrays."""

    underlying: str
    exchange_at: int
    index_price: float
    instruments: tuple[Instrument, ...]
    bid: tuple[float, ...]
    bid_amount: tuple[float, ...]
    ask: tuple[float, ...]
    ask_amount: tuple[float, ...]
    mark: tuple[float, ...]
    mark_iv: tuple[float, ...]
    underlying_price: tuple[float, ...]


def currency_of(event: Event) -> str:
    """Name the currency an input belongs to; `COMMON` where it is about none or several."""
    name = getattr(event, "instrument", None) or getattr(event, "underlying", None)
    return COMMON if not isinstance(name, str) else normalize_underlying(name)


def schema(table: Table) -> Schema:
    """Describe the columns of a table to pyarrow."""
    pa = load_arrow().core
    types = dict.fromkeys(_FLOATS, pa.float64())
    types |= dict.fromkeys(("instrument", "kind", "payload"), pa.string())
    columns = QUOTE_COLUMNS if table == "quotes" else EVENT_COLUMNS
    return pa.schema(
        [pa.field(name, types.get(name, pa.int64()), nullable=False) for name in columns]
    )


def record_batch(table: Table, rows: Sequence[Stamped]) -> Batch:
    """Lay out inputs as one pyarrow record batch; `quotes` takes quotes only.

    Raises:
        ValueError: an input would not read back as itself.
    """
    pa = load_arrow().core
    wanted = schema(table)
    events = [stamped.event for stamped in rows]
    columns: list[list[Any]] = [list(map(attrgetter(name), rows)) for name in _STAMP]
    if table == "quotes":
        # Column by column: transposing rows of tuples costs four times as much.
        columns += [list(map(attrgetter(name), events)) for name in QUOTE_COLUMNS[2:]]
    else:
        columns += [[type(event).__name__ for event in events], list(map(encode_event, events))]
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, wanted, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def inputs(table: Table, batch: Batch) -> Iterator[Stamped]:
    """Read the inputs of a record batch, in their order.

    Raises:
        ValueError: a row is no input this software knows.
    """
    sequences, instants = _numbers(batch, "sequence"), _numbers(batch, "at")
    events: Iterator[Event]
    if table == "quotes":
        columns = [_numbers(batch, name) for name in ("exchange_at", *_FLOATS)]
        events = map(Quote, _texts(batch, "instrument"), *columns)
    else:
        events = map(decode_event, _texts(batch, "kind"), _texts(batch, "payload"))
    return map(Stamped, sequences, instants, events)


def encode_event(event: Event) -> str:
    """Write an event as JSON."""
    if not isinstance(event, BoardSnapshot):
        payload = msgspec.json.encode(event)
        if b"null" not in payload:
            return payload.decode()
    return msgspec.json.encode(_spelled(msgspec.to_builtins(event, enc_hook=_listed))).decode()


def decode_event(kind: str, payload: str) -> Event:
    """Read an event from JSON.

    Raises:
        ValueError: the kind is unknown, or the payload is none of it.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        known = ", ".join(_DECODERS)
        raise ValueError(f"unknown kind of event {kind!r}: this software knows {known}")
    return decode(payload)


def _listed(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no part of an event")


def _spelled(value: object) -> object:
    """Spell out what JSON has no number for."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _spelled(part) for key, part in value.items()}
        case list() | tuple():
            return [_spelled(part) for part in value]
        case _:
            return value


def _read(decoder: msgspec.json.Decoder[Any], payload: str) -> Event:
    event: Event = decoder.decode(payload)
    return event


def _read_board(payload: str) -> Event:
    rows = msgspec.json.decode(payload, type=_BoardRows, strict=False)
    return BoardSnapshot(
        rows.underlying,
        rows.exchange_at,
        rows.index_price,
        rows.instruments,
        *(np.asarray(getattr(rows, name), dtype=np.float64) for name in _FLOATS[:-1]),
    )


def _kinds() -> Iterator[type]:
    for kind in get_args(Event):
        yield from get_args(kind) or (kind,)


def _decoders() -> dict[str, Callable[[str], Event]]:
    kinds = dict.fromkeys((*_kinds(), *get_args(Command)))
    decoders: dict[str, Callable[[str], Event]] = {
        # Not strict: a text is a number only where the field takes one, as `"nan"` does.
        kind.__name__: partial(_read, msgspec.json.Decoder(kind, strict=False))
        for kind in kinds
        if kind is not BoardSnapshot
    }
    return decoders | {BoardSnapshot.__name__: _read_board}


_DECODERS: Final = _decoders()


def _numbers(batch: Batch, name: str) -> list[Any]:
    numbers: list[Any] = batch.column(name).to_numpy(zero_copy_only=False).tolist()
    return numbers


def _texts(batch: Batch, name: str) -> list[str]:
    column = batch.column(name).dictionary_encode()
    words = column.dictionary.to_pylist()
    return [words[place] for place in column.indices.to_numpy(zero_copy_only=False).tolist()]
