"""Does the journal keep what it acknowledged, in order, whole, whatever happens to its process?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.storage.facts import alert, epoch, facts
from trader.domain.errors import StorageError
from trader.domain.facts import Fact, Recorded
from trader.storage.journal import FACTS, META, Journal, StoredFact

WRITE = """
import sys
from tests.storage.facts import alert
from trader.storage.journal import Journal
journal = Journal.create_or_open(sys.argv[1], writer=True)
last = journal.last()
start = last.recorded.sequence if last else 0
for sequence in range(start + 1, 1_000_000):
    batch = [alert(sequence, f"{part} of 3 " + "x" * 200) for part in (1, 2, 3)]
    print(journal.append(batch), flush=True)
"""

FILL_THE_DISK = """
import resource, signal, sys
from tests.storage.facts import alert
from trader.domain.errors import StorageError
from trader.storage.journal import Journal
journal = Journal.create_or_open(sys.argv[1], writer=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
done = 0
try:
    for sequence in range(1, 10_000):
        done = journal.append([alert(sequence, "x" * 500)])
except StorageError as error:
    print(done, error)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Name a journal that does not exist yet."""
    return f"sqlite:///{tmp_path}/journal.sqlite"


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """Open a new journal for writing."""
    with Journal.create_or_open(url, writer=True) as opened:
        yield opened


def texts(found: Iterator[StoredFact]) -> list[str]:
    """Read the texts of stored alerts."""
    return [stored.recorded.fact.text for stored in found]  # type: ignore[union-attr]


def by_hand(journal: Journal, statement: str) -> Any:
    """Run a statement of SQLite's own on the writer's connection, as nobody should."""
    raw = journal._connection.connection.driver_connection
    assert raw is not None
    answer = raw.execute(statement).fetchone()
    return answer[0] if answer else None


def test_what_was_appended_is_read_in_order_with_gapless_ids(url: str, journal: Journal) -> None:
    """Facts come back equal, in order, ids counting from 1, across closing and opening."""
    first = [epoch(1), alert(1, "a"), alert(5, "b")]
    assert journal.append(first) == 3
    journal.close()
    with Journal.create_or_open(url, writer=True) as again:
        assert again.append([alert(5, "c")]) == 4
        found = list(again.read())
    assert [stored.id for stored in found] == [1, 2, 3, 4]
    assert [stored.recorded for stored in found] == [*first, alert(5, "c")]


def test_an_empty_journal_has_no_last_fact_and_an_empty_batch_writes_nothing(
    journal: Journal,
) -> None:
    """Nothing in, nothing out; the last id of nothing is 0."""
    assert journal.last() is None
    assert journal.append([]) == 0
    assert list(journal.read()) == []


@given(st.lists(facts(), min_size=1, max_size=5))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_fact_survives_the_file(tmp_path: Path, drawn: list[Fact]) -> None:
    """Any batch of any facts reads back equal through a real file."""
    with Journal.create_or_open(f"sqlite:///{tmp_path}/any.sqlite", writer=True) as journal:
        newest = journal.last()
        start, done = (newest.recorded.sequence, newest.id) if newest else (0, 0)
        batch = [Recorded(start + n, 2**62 + n, fact) for n, fact in enumerate(drawn)]
        journal.append(batch)
        assert [stored.recorded for stored in journal.read(after_id=done)] == batch


def test_filters_pages_and_directions(journal: Journal) -> None:
    """Kind, strategy, after_id, limit and order choose the same rows over page borders."""
    many = [alert(n, str(n), "even" if n % 2 == 0 else "odd") for n in range(1, 5001)]
    journal.append([epoch(1), *many])
    assert texts(journal.read(kinds=["AlertRaised"])) == [str(n) for n in range(1, 5001)]
    assert texts(journal.read(strategy="even", limit=2)) == ["2", "4"]
    assert texts(journal.read(strategy="even", limit=2, newest_first=True)) == ["5000", "4998"]
    assert texts(journal.read(after_id=4999)) == ["4999", "5000"]
    assert texts(journal.read(before_id=4, after_id=1)) == ["1", "2"]
    assert texts(journal.read(before_id=4, limit=1, newest_first=True)) == ["2"]
    assert len(list(journal.read(limit=4100, newest_first=True))) == 4100
    assert len(list(journal.read(kinds=["EpochOpened"]))) == 1
    assert list(journal.read(limit=0)) == []
    assert list(journal.read(verdict_id="none")) == []


def test_an_unknown_kind_is_named(journal: Journal) -> None:
    """A kind that no fact has is an error with the list to choose from, not an empty answer."""
    with pytest.raises(StorageError, match=r"unknown kind of fact 'Fill'.*Filled"):
        list(journal.read(kinds=["Fill"]))


def test_a_sequence_that_goes_backward_is_refused_whole(journal: Journal) -> None:
    """Neither inside a batch nor after it may a sequence fall; nothing of the batch is written."""
    journal.append([alert(7)])
    for batch in ([alert(6)], [alert(8), alert(7)]):
        with pytest.raises(StorageError, match="never go backward; nothing was written"):
            journal.append(batch)
    assert journal.append([alert(7)]) == 2


def test_a_batch_with_one_bad_fact_is_refused_whole(journal: Journal) -> None:
    """The good facts of a refused batch are not in the journal either."""
    with pytest.raises(StorageError, match="would not read back"):
        journal.append([alert(1), alert(2, "\ud800")])
    assert journal.last() is None


def test_a_reader_cannot_append_and_needs_a_journal(url: str, journal: Journal) -> None:
    """A reader appends nothing and creates nothing; both errors say what to do."""
    with (
        Journal.create_or_open(url, writer=False) as reader,
        pytest.raises(StorageError, match="opened for reading"),
    ):
        reader.append([alert(1)])
    with pytest.raises(StorageError, match="start the daemon first"):
        Journal.create_or_open(url + ".missing", writer=False)
    assert not Path(journal.where + ".missing").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "journal.sqlite",
        "postgresql://localhost/journal",
        "sqlite:///journal.sqlite?mode=memory",
    ],
)
def test_a_wrong_url_is_refused_with_an_example(wrong: str) -> None:
    """A URL that names no file of ours is refused; the error shows a right one."""
    with pytest.raises(StorageError, match="sqlite:///state/journal"):
        Journal.create_or_open(wrong, writer=True)


def test_a_reader_sees_whole_batches_only_and_never_blocks(url: str, journal: Journal) -> None:
    """While one thread appends batches of three, readers find multiples of three, and no lock."""
    stop = threading.Event()

    def write() -> None:
        sequence = 0
        while not stop.is_set():
            sequence += 1
            journal.append([alert(sequence, "x" * 300)] * 3)

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    try:
        with Journal.create_or_open(url, writer=False) as reader:
            until = time.monotonic() + 2.0
            while time.monotonic() < until:
                newest = reader.last()
                counts.append(newest.id if newest else 0)
    finally:
        stop.set()
        writer.join()
    assert all(count % 3 == 0 for count in counts)
    assert counts == sorted(counts)
    assert len(set(counts)) > 10


def test_an_iterator_left_standing_blocks_nobody(url: str, journal: Journal) -> None:
    """A reader that stops in the middle holds no transaction: the log can be folded in whole."""
    journal.append([alert(n, "x" * 300) for n in range(1, 5000)])
    with Journal.create_or_open(url, writer=False) as reader:
        standing = reader.read()
        next(standing)
        journal.append([alert(5000)])
        busy = by_hand(journal, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert busy == 0
        assert sum(1 for _ in standing) == 4999


def test_two_writers_cannot_write_the_same_place(url: str, journal: Journal) -> None:
    """A second writer that slipped past the lock fails loudly instead of interleaving."""
    journal.append([alert(1)])
    with Journal.create_or_open(url, writer=True) as second:
        journal.append([alert(2)])
        with pytest.raises(StorageError, match="UNIQUE constraint failed"):
            second.append([alert(3)])
    assert len(list(journal.read())) == 2


def test_a_full_database_is_a_storage_error_and_loses_nothing(journal: Journal) -> None:
    """When no page is left the batch fails whole; what was acknowledged stays; room heals it."""
    journal.append([alert(1)])
    by_hand(journal, f"PRAGMA max_page_count = {by_hand(journal, 'PRAGMA page_count')}")
    with pytest.raises(StorageError, match=r"could not be written .*full.*free disk space"):
        journal.append([alert(n, "x" * 4000) for n in range(2, 200)])
    assert texts(journal.read()) == ["hello"]
    by_hand(journal, "PRAGMA max_page_count = 100000")
    assert journal.append([alert(2, "again")]) == 2


def test_a_write_the_system_refuses_is_a_storage_error(url: str) -> None:
    """Where the system stops the file from growing, append raises and keeps what it confirmed."""
    told = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, url], capture_output=True, text=True, check=True
    ).stdout
    done, _, said = told.partition(" ")
    assert "could not be written" in said
    with Journal.create_or_open(url, writer=True) as journal:
        assert int(done) > 20
        assert [stored.id for stored in journal.read()] == list(range(1, int(done) + 1))


@pytest.mark.parametrize("patience", [0.0, 0.011, 0.037, 0.11, 0.23])
def test_sigkill_loses_nothing_that_was_acknowledged(url: str, patience: float) -> None:
    """Killed amid appends, the journal holds every acknowledged batch, and whole ones only."""
    confirmed = 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, url], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            confirmed = int(process.stdout.readline())
            time.sleep(patience)
            os.kill(process.pid, signal.SIGKILL)
            confirmed = max([confirmed, *(int(line) for line in whole_lines(process.stdout))])
    with Journal.create_or_open(url, writer=True) as journal:
        found = list(journal.read())
        assert len(found) >= confirmed
        assert len(found) % 3 == 0
        assert [stored.id for stored in found] == list(range(1, len(found) + 1))
        assert journal.append([alert(found[-1].recorded.sequence)]) == len(found) + 1


def whole_lines(stream: Any) -> list[str]:
    """Read the lines that were written to their end."""
    return [line for line in stream.read().split("\n")[:-1] if line]


def test_an_unreadable_fact_is_named_by_its_id(url: str, journal: Journal) -> None:
    """A row that is no fact stops the reader with the id and the remedy; it is not skipped."""
    journal.append([alert(1)])
    by_hand(
        journal,
        "INSERT INTO facts (id, sequence, at, kind, payload) VALUES (2, 2, 2, 'Alien', '{}')",
    )
    with pytest.raises(StorageError, match=r"fact 2 cannot be read .*restore a backup"):
        list(journal.read())
    with pytest.raises(StorageError, match=r"fact 2 cannot be read"):
        Journal.create_or_open(url, writer=False)


def test_the_tables_are_plain_sql() -> None:
    """Nothing in the tables is SQLite's own: PostgreSQL's dialect renders them too."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in (FACTS, META)]
    made += [str(CreateIndex(index).compile(dialect=dialect)) for index in FACTS.indexes]
    assert "id BIGINT NOT NULL" in made[0]
    assert any("ON facts (chain_id)" in index for index in made)


def test_no_other_database_is_loaded() -> None:
    """A start does not pay for dialects that it does not speak."""
    probe = (
        "import sys, trader.storage.journal; print('sqlalchemy.dialects.postgresql' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
