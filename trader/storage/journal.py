"""What happened, durably and in order? The append-only journal of facts; folding it is recovery.

Two tables through SQLAlchemy Core, without SQL of one database: `facts` (id = order, the sequence
and market time of the cause, the kind, keys to look it up by, the fact as JSON) and `meta`
(application, schema version, wall time of creation). SQLite is the only store so far; all that only
SQLite knows stands in `sqlite_file`, the views for people who query by hand in `queries`:
`verdicts`, `orders`, `fills`, `settlements`, `chains_ended`, `marks`, `commands`.

One process writes (see `lock`); any number read at the same time, each seeing whole batches only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, Self

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from trader.domain.errors import StorageError
from trader.domain.facts import Recorded
from trader.storage import sqlite_file
from trader.storage.payload import KINDS, decode, row

SCHEMA_VERSION: Final = 1
APPLICATION: Final = "trader"
_PAGE: Final = 2_000
_Doing = Literal["opened", "read", "written"]
_REMEDIES: Final[dict[_Doing, str]] = {
    "opened": "name a journal of this software, or restore a backup; the file is left untouched",
    "read": "restore a backup of the state directory, or start with an empty one",
    "written": "nothing of this batch counts; free disk space and start the daemon again",
}

_TABLES: Final = MetaData()
_KEYS: Final = ("account", "strategy", "underlying", "chain_id", "verdict_id", "order_id")
FACTS: Final = Table(
    "facts",
    _TABLES,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("sequence", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String, nullable=False, index=True),
    *(Column(key, String) for key in _KEYS),
    Column("payload", Text, nullable=False),
)
for _key in _KEYS:
    _known = FACTS.c[_key].is_not(None)
    Index(f"facts_{_key}", FACTS.c[_key], sqlite_where=_known)  # naming a dialect loads it whole
META: Final = Table(
    "meta",
    _TABLES,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("created", DateTime, nullable=False, server_default=func.current_timestamp()),
)
_INSERT: Final = insert(FACTS)
_STORED: Final = select(FACTS.c.id, FACTS.c.sequence, FACTS.c.at, FACTS.c.payload)


class StoredFact(msgspec.Struct, frozen=True):
    """A fact as the journal holds it; `id` counts from 1 without gaps."""

    id: int
    recorded: Recorded


class Journal:
    """An open journal.

    Invariant: ids are gap-free, sequences never go backward, what `append` returned for is durable,
    a batch is there whole or not at all. A journal belongs to one thread at a time.
    """

    def __init__(self, engine: Engine, where: str, *, writer: bool) -> None:
        self.where = where
        self._engine = engine
        self._connection: Connection = engine.connect()
        self._writer = writer
        self._last_id = 0
        self._last_sequence = 0
        if (newest := self.last()) is not None:
            self._last_id = newest.id
            self._last_sequence = newest.recorded.sequence

    @classmethod
    def create_or_open(cls, url: str, *, writer: bool) -> Self:
        """Open the journal at a database URL such as `sqlite:///state/journal.sqlite`.

        Only a writer creates a missing one; it must hold the `StateLock` as long as it writes.

        Raises:
            StorageError: missing (for a reader), not ours, damaged, or of another schema version;
                such a file is left byte for byte as it was found.
        """
        path = _path(url)
        if not path.exists():
            if not writer:
                raise StorageError(f"there is no journal at {path}: start the daemon first")
            meta = {"application": APPLICATION, "schema_version": str(SCHEMA_VERSION)}
            sqlite_file.create(path, _TABLES, meta)
        sqlite_file.judge(path)
        with _named(str(path), "opened"):
            _require_schema(path)
            return cls(sqlite_file.open_engine(path, writer=writer), str(path), writer=writer)

    def append(self, records: Sequence[Recorded]) -> int:
        """Write a batch of facts in one transaction; durable when this returns the last id.

        An empty batch writes nothing. After an error nothing of the batch is in the journal.

        Raises:
            StorageError: the write failed, a sequence went backward, or a fact is not storable.
        """
        if not self._writer:
            raise StorageError(f"{self.where} was opened for reading: only the daemon appends")
        if not records:
            return self._last_id
        sequence = self._require_order(records)
        rows = [row(self._last_id + n, recorded) for n, recorded in enumerate(records, 1)]
        with _named(self.where, "written"), self._connection.begin():
            self._connection.execute(_INSERT, rows)
        self._last_id += len(rows)
        self._last_sequence = sequence
        return self._last_id

    def read(
        self,
        *,
        kinds: Sequence[str] | None = None,
        strategy: str | None = None,
        chain_id: str | None = None,
        verdict_id: str | None = None,
        after_id: int = 0,
        before_id: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[StoredFact]:
        """Iterate over stored facts, oldest first unless told otherwise.

        Reads page by page and holds no transaction between pages: an iterator that is left
        standing neither blocks the writer nor keeps old pages alive.

        Raises:
            StorageError: a kind is unknown, or a row cannot be read.
        """
        query = _STORED.where(FACTS.c.id > after_id)
        if before_id is not None:
            query = query.where(FACTS.c.id < before_id)
        if kinds is not None:
            query = query.where(FACTS.c.kind.in_(_known_kinds(kinds)))
        for key, value in (
            ("strategy", strategy),
            ("chain_id", chain_id),
            ("verdict_id", verdict_id),
        ):
            if value is not None:
                query = query.where(FACTS.c[key] == value)
        return self._pages(query, limit, newest_first=newest_first)

    def last(self) -> StoredFact | None:
        """Give the newest fact; None from an empty journal."""
        return next(self.read(limit=1, newest_first=True), None)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_order(self, records: Sequence[Recorded]) -> int:
        sequence = self._last_sequence
        for recorded in records:
            if recorded.sequence < sequence:
                raise StorageError(
                    f"{type(recorded.fact).__name__} with sequence {recorded.sequence} follows"
                    f" {sequence} in {self.where}: sequences never go backward; nothing was written"
                )
            sequence = recorded.sequence
        return sequence

    def _pages(
        self, query: Select[tuple[int, int, int, str]], limit: int | None, *, newest_first: bool
    ) -> Iterator[StoredFact]:
        left = limit
        edge: int | None = None
        order = FACTS.c.id.desc() if newest_first else FACTS.c.id
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = query.order_by(order).limit(size)
            if edge is not None:
                page = page.where(FACTS.c.id < edge if newest_first else FACTS.c.id > edge)
            rows = self._fetch(page)
            for stored in rows:
                yield _restore(stored, self.where)
            if len(rows) < size:
                return
            edge = rows[-1].id
            left = None if left is None else left - len(rows)

    def _fetch(
        self, page: Select[tuple[int, int, int, str]]
    ) -> Sequence[Row[tuple[int, int, int, str]]]:
        with _named(self.where, "read"), self._connection.begin():
            return self._connection.execute(page).all()


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError(
            f"journal URL {url!r} is not readable: write e.g. sqlite:///state/journal.sqlite"
        ) from error
    if parsed.get_backend_name() != "sqlite" or parsed.query:
        raise StorageError(
            f"journal URL {parsed!r} is not supported: write e.g. sqlite:///state/journal.sqlite"
        )
    if parsed.database in (None, "", ":memory:"):
        raise StorageError(
            f"journal URL {url!r} names no file, and memory forgets: write e.g."
            " sqlite:///state/journal.sqlite"
        )
    return Path(str(parsed.database))


def _require_schema(path: Path) -> None:
    engine = sqlite_file.open_engine(path, writer=False)
    try:
        with engine.connect() as connection:
            known = {found.key: found.value for found in connection.execute(select(META))}
    finally:
        engine.dispose()
    version = known.get("schema_version")
    if known.get("application") != APPLICATION or version is None or not version.isdigit():
        raise StorageError(
            f"{path} is no journal of {APPLICATION} (its table meta says {known!r}): name another"
            " file; this one is left untouched"
        )
    if int(version) != SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {version}, this software reads {SCHEMA_VERSION}: run the"
            " version of the software that wrote it; the file is left untouched"
        )


def _known_kinds(kinds: Sequence[str]) -> Sequence[str]:
    for kind in kinds:
        if kind not in KINDS:
            raise StorageError(f"unknown kind of fact {kind!r}: choose from {', '.join(KINDS)}")
    return kinds


def _restore(stored: Row[tuple[int, int, int, str]], where: str) -> StoredFact:
    try:
        return StoredFact(stored.id, Recorded(stored.sequence, stored.at, decode(stored.payload)))
    except ValueError as error:
        raise StorageError(
            f"{where}: fact {stored.id} cannot be read ({error}): the journal was written by"
            " another version or is damaged; restore a backup"
        ) from error


@contextmanager
def _named(where: str, doing: _Doing) -> Iterator[None]:
    """Turn any failure of the database into a StorageError that names the file."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(f"{where} could not be {doing} ({cause}): {_REMEDIES[doing]}") from error
