"""Is this file our journal, whole, and how is it opened without harm? Everything only SQLite knows.

A file is judged before SQLite may open it for writing: its header by plain reading, its pages
through a read-only connection. A new one is built under another name and linked into place whole,
so that a file under the journal's name is never half a journal.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from trader.domain.errors import StorageError
from trader.storage.queries import VIEWS
from trader.storage.whole_files import make_durable

APPLICATION_ID: Final = 0x74726164
"""`trad`: stands in the header of every journal file (PRAGMA application_id)."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_SIZE: Final = 100
_BUSY_TIMEOUT_MS: Final = 5_000
_SETTINGS: Final = (f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys = ON")
_GUARDS: Final = tuple(
    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table}"
    f" BEGIN SELECT RAISE(ABORT, 'the journal is append-only: {table} are never changed'); END"
    for table in ("facts", "meta")
    for verb in ("update", "delete")
)
_ASIDE: Final = "move the file aside (it is left untouched) and start with an empty state directory"


def judge(path: Path) -> None:
    """Find out whether an existing file is a journal of ours, whole; never changes a byte of it.

    Raises:
        StorageError: it is not; says what was found and what to do.
    """
    _judge_header(path)
    try:
        connection = _connect(path, "ro")
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    if verdict != "ok":
        raise _damaged(path, str(verdict))


def create(path: Path, tables: MetaData, meta: dict[str, str]) -> None:
    """Make a new journal file, durable and whole; an existing one is left as it is.

    Raises:
        StorageError: the directory cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        draft = Path(name)
        try:
            _build(draft, tables, meta)
            os.link(draft, path)
        finally:
            draft.unlink()
        make_durable(path.parent)
    except FileExistsError:
        return
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"no journal can be created at {path} ({error}): name an existing directory on a"
            " local file system that this user may write, with free space"
        ) from error


def open_engine(path: Path, *, writer: bool) -> Engine:
    """Open a judged file: one connection, autocommit for readers, explicit transactions to write.

    A reader's connection is opened read-only: no statement of it can change or block the journal.
    """

    def connect() -> sqlite3.Connection:
        connection = _connect(path, "rw" if writer else "ro")
        if writer:
            _require_wal(connection, path)
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    if writer:
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _judge_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read ({error.strerror}): check its owner and permissions"
        ) from error
    if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
        raise StorageError(
            f"{path} is no SQLite file (it begins with {header[:16]!r}, {len(header)} header"
            f" bytes): {_ASIDE}"
        )
    application_id = int.from_bytes(header[68:72], "big")
    if application_id != APPLICATION_ID:
        raise StorageError(
            f"{path} is a SQLite file of another program (application id {application_id:#x},"
            f" a journal has {APPLICATION_ID:#x}): {_ASIDE}"
        )


def _damaged(path: Path, found: str) -> StorageError:
    return StorageError(
        f"{path} is a damaged journal (SQLite says: {found}): keep it, restore a backup of the"
        " state directory, or start with an empty one"
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _require_wal(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        connection.close()
        raise StorageError(
            f"{path} cannot use write-ahead logging (SQLite stays in mode {mode!r}): readers would"
            " block the daemon; put the state directory on a local file system"
        )


def _begin_immediate(connection: Connection) -> None:
    # straight to the driver: SQLAlchemy's own way round costs more than the statement
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        raw.execute("BEGIN IMMEDIATE")


def _build(draft: Path, tables: MetaData, meta: dict[str, str]) -> None:
    raw = _connect(draft, "rw")
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    try:
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        with engine.connect() as connection:
            tables.create_all(connection)
            rows = [{"key": key, "value": value} for key, value in meta.items()]
            connection.execute(tables.tables["meta"].insert(), rows)
            for guard in _GUARDS:
                connection.exec_driver_sql(guard)
            for name, select in VIEWS.items():
                connection.exec_driver_sql(f"CREATE VIEW {name} AS {select}")
        raw.execute("PRAGMA synchronous = FULL")
        _require_wal(raw, draft)
    finally:
        engine.dispose()
        raw.close()
