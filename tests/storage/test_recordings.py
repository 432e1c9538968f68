"""Do files on disk survive being cut, compacted and compacted again?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.inputs import manifest, quotes
from trader.domain.errors import StorageError
from trader.storage import recordings
from trader.storage.event_rows import inputs
from trader.storage.market_store import Stream
from trader.storage.recordings import Segment, batches, compact, segments

SEGMENT = Segment("2026-06-01", 1, 0, "BTC", "quotes")


def write(root: Path, *parts: int) -> Path:
    """Write a stream of batches of these sizes."""
    stream = Stream(SEGMENT.path(root, recordings.STREAM), "quotes")
    first = 1
    for count in parts:
        stream.write(quotes(count, first))
        first += count
    stream.close()
    return stream.path


def sequences(path: Path) -> list[int]:
    """Read the sequences of one file."""
    return [one.sequence for batch in batches(path) for one in inputs("quotes", batch)]


def test_a_stream_cut_anywhere_reads_to_its_last_whole_batch(tmp_path: Path) -> None:
    """Never an error, never a row out of order, and more bytes never hold fewer rows."""
    path = write(tmp_path, 30, 30, 30)
    content = path.read_bytes()
    assert sequences(path) == list(range(1, 91))
    before = 0
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        found = sequences(path)
        assert found == list(range(1, len(found) + 1))
        assert len(found) % 30 == 0
        assert len(found) >= before
        before = len(found)
    assert before == 90


def test_a_stream_with_a_torn_tail_reads_to_its_last_whole_batch(tmp_path: Path) -> None:
    """Zeros or noise where the next batch should be (a power cut) end it quietly."""
    path = write(tmp_path, 30, 30)
    whole = path.read_bytes()[:-8]
    for tail in (b"\0" * 4_096, b"\xff" * 4_096, bytes(range(256)) * 8):
        path.write_bytes(whole + tail)
        assert sequences(path) == list(range(1, 61))


def test_compaction_keeps_every_row_and_only_the_parquet_file(tmp_path: Path) -> None:
    """Same inputs, fewer bytes, no stream and nothing unfinished left."""
    path = write(tmp_path, 500, 500)
    size = path.stat().st_size
    target = compact(path)
    assert sequences(target) == list(range(1, 1_001))
    assert target.stat().st_size < size
    assert list(path.parent.iterdir()) == [target]


def test_a_stream_without_a_whole_batch_leaves_nothing(tmp_path: Path) -> None:
    """Killed at its start: no empty file stays behind."""
    path = write(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:100])
    compact(path)
    assert list(path.parent.iterdir()) == []


def test_a_cut_parquet_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    """It is unreadable as a whole: that is why streams come first."""
    target = compact(write(tmp_path, 50))
    target.write_bytes(target.read_bytes()[:-20])
    with pytest.raises(StorageError, match=r"quotes-e000001-s0000\.parquet cannot be read"):
        sequences(target)


def test_what_was_compacted_counts_once(tmp_path: Path) -> None:
    """Killed between writing Parquet and deleting the stream: Parquet is taken; strangers never."""
    path = write(tmp_path, 10)
    content = path.read_bytes()
    target = compact(path)
    path.write_bytes(content)
    (path.parent / "notes.txt").write_text("mine")
    assert segments(tmp_path) == {SEGMENT: target}


def test_manifests_read_back_and_a_broken_one_is_named(tmp_path: Path) -> None:
    """With the configuration files beside them."""
    folder = recordings.write_manifest(tmp_path, manifest(3), {"strategies/a.toml": "x = 1\n"})
    assert recordings.manifests(tmp_path) == {3: manifest(3)}
    assert (folder / "strategies" / "a.toml").read_text() == "x = 1\n"
    (folder / "epoch.json").write_text("{")
    with pytest.raises(StorageError, match="delete that folder"):
        recordings.manifests(tmp_path)
