"""Is a file that is not a whole journal of ours refused, and left byte for byte as it was?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.facts import alert, epoch
from trader.domain.errors import StorageError
from trader.storage.journal import Journal
from trader.storage.sqlite_file import APPLICATION_ID, judge

SQLITE_FILES = {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"}


def journal_file(path: Path) -> Path:
    """Write a journal of some pages and close it cleanly."""
    with Journal.create_or_open(f"sqlite:///{path}", writer=True) as journal:
        journal.append([epoch(1), *(alert(n, "x" * 400) for n in range(2, 400))])
    return path


def foreign(path: Path) -> None:
    """A SQLite file of another program."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE orders (id INTEGER)")
        other.commit()


def text(path: Path) -> None:
    """Something that is no database."""
    path.write_text("these are my notes, " * 20)


def empty(path: Path) -> None:
    """A file cut to nothing."""
    path.touch()


def truncated(path: Path) -> None:
    """A journal whose second half is gone."""
    whole = journal_file(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def scribbled(path: Path) -> None:
    """A journal with foreign bytes in the middle."""
    content = bytearray(journal_file(path).read_bytes())
    content[4096 * 10 : 4096 * 20] = b"\xa5" * 4096 * 10
    path.write_bytes(content)


def without_meta(path: Path) -> None:
    """A file that carries our application id but has no table meta."""
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute("CREATE TABLE facts (id INTEGER)")
        other.commit()


def meta_says(path: Path, key: str, value: str) -> None:
    """Write a journal and change one row of its meta."""
    journal_file(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER meta_no_update")
        other.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
        other.commit()


def newer(path: Path) -> None:
    """A journal of a later schema."""
    meta_says(path, "schema_version", "2")


def other_application(path: Path) -> None:
    """A journal that says it belongs to another application."""
    meta_says(path, "application", "ledgerly")


@pytest.mark.parametrize("writer", [True, False])
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (foreign, "another program (application id 0x0"),
        (text, "is no SQLite file (it begins with b'these are my"),
        (empty, "is no SQLite file (it begins with b''"),
        (truncated, "damaged journal"),
        (scribbled, "damaged journal"),
        (without_meta, "no such table: meta"),
        (newer, "schema version 2, this software reads 1"),
        (other_application, "ledgerly"),
    ],
)
def test_refused_and_untouched(tmp_path: Path, make: object, found: str, writer: bool) -> None:
    """The error names path, finding and remedy; the file stays as it was, byte for byte."""
    path = tmp_path / "journal.sqlite"
    assert callable(make)
    make(path)
    before = path.read_bytes()
    with pytest.raises(StorageError) as refusal:
        Journal.create_or_open(f"sqlite:///{path}", writer=writer)
    said = str(refusal.value)
    assert found in said
    assert str(path) in said
    assert any(word in said for word in ("aside", "restore", "untouched", "run the version"))
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} <= SQLITE_FILES


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """What cannot be read as a file is named with its reason."""
    with pytest.raises(StorageError, match="cannot be read"):
        judge(tmp_path)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A journal is not created into nowhere; the remedy is in the error."""
    with pytest.raises(StorageError, match="name an existing directory"):
        Journal.create_or_open(f"sqlite:///{tmp_path}/missing/journal.sqlite", writer=True)


def test_creation_leaves_one_whole_file(tmp_path: Path) -> None:
    """A journal appears under its name whole: no draft is left beside it."""
    path = journal_file(tmp_path / "journal.sqlite")
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal.sqlite"]
    judge(path)


def test_a_path_with_characters_of_a_url_works(tmp_path: Path) -> None:
    """Blanks, percent signs, question marks and hashes in a directory's name lead to that file."""
    state = tmp_path / "my 100% #1 state"
    state.mkdir()
    assert journal_file(state / "journal.sqlite").exists()


def test_the_writer_uses_wal_full_and_a_busy_timeout(tmp_path: Path) -> None:
    """Durability and patience are what the architecture says, on the writer's own connection."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    with Journal.create_or_open(url, writer=True) as journal:
        run = journal._connection.exec_driver_sql
        found = {
            name: run(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 5000,
        "foreign_keys": 1,
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts SET payload = ''",
        "DELETE FROM facts",
        "UPDATE meta SET value = ''",
        "DELETE FROM meta",
    ],
)
def test_a_stranger_with_sql_cannot_change_the_past(tmp_path: Path, statement: str) -> None:
    """UPDATE and DELETE are refused by the file itself, whoever connects."""
    path = journal_file(tmp_path / "journal.sqlite")
    with (
        closing(sqlite3.connect(path)) as other,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        other.execute(statement)
