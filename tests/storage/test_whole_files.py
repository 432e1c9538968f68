"""Is a file there as a whole or not at all?"""

from __future__ import annotations

from pathlib import Path

import pytest

from trader.domain.errors import StorageError
from trader.storage.whole_files import make_durable, write_whole


def test_a_file_takes_the_place_of_another(tmp_path: Path) -> None:
    """In a folder that is made for it; nothing unfinished stays beside it."""
    path = tmp_path / "new" / "deeper" / "one.json"
    assert write_whole(path, b"{}") == 2
    assert write_whole(path, b"[1]\n") == 4
    assert path.read_bytes() == b"[1]\n"
    assert [one.name for one in path.parent.iterdir()] == ["one.json"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder stands where the file should: path, reason and remedy, and no remains."""
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"taken cannot be written .*: name another place"):
        write_whole(tmp_path / "taken", b"mine")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="name another place"):
        write_whole(tmp_path / "file" / "one", b"")


def test_what_is_not_there_cannot_be_made_durable(tmp_path: Path) -> None:
    """Files and folders can."""
    (tmp_path / "one").write_text("1")
    for path in (tmp_path, tmp_path / "one"):
        make_durable(path)
    with pytest.raises(FileNotFoundError):
        make_durable(tmp_path / "two")
