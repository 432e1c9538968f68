"""Is a socket its owner's alone, and is nothing else taken away?"""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from trader.web.private_socket import bind, remove


def test_it_is_private_from_its_first_instant(tmp_path: Path) -> None:
    """Mode 0600, also in the place of a dead process' socket."""
    path = tmp_path / "s"
    for _ in range(2):
        with bind(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    remove(path)
    assert not path.exists()
    remove(path)


def test_a_file_in_its_place_stays(tmp_path: Path) -> None:
    """What is no socket was not ours."""
    path = tmp_path / "s"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(OSError, match="in use"):
        bind(path)
    remove(path)
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    """And no descriptor is left open: unclosed sockets are errors here."""
    with pytest.raises(FileNotFoundError):
        bind(tmp_path / "none" / "s")
    with socket.socket(socket.AF_UNIX) as other:
        assert other.fileno() > 0
