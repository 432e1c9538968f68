"""Is there ever more than one writer, and does a killed one leave the door open?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trader.domain.errors import JournalLocked, StorageError
from trader.storage.lock import LOCK_NAME, StateLock

HOLD = """
import sys, time
from pathlib import Path
from trader.storage.lock import StateLock
lock = StateLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def holder(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a second process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_pid_and_the_remedy(tmp_path: Path) -> None:
    """While another process holds the lock, its pid and what to do are in the error."""
    with holder(tmp_path) as process, pytest.raises(JournalLocked) as refusal:
        StateLock.acquire(tmp_path)
    assert f"process {process.pid}" in str(refusal.value)
    assert "stop that daemon first" in str(refusal.value)


def test_sigkill_frees_the_lock(tmp_path: Path) -> None:
    """The kernel gives the lock back when its holder is killed, whatever the file says."""
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (tmp_path / LOCK_NAME).read_text() == f"{process.pid}\n"
        with StateLock.acquire(tmp_path):
            assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"


def test_released_is_free_again(tmp_path: Path) -> None:
    """After release the same process takes it anew; releasing twice is harmless."""
    first = StateLock.acquire(tmp_path)
    first.release()
    first.release()
    with StateLock.acquire(tmp_path), pytest.raises(JournalLocked):
        StateLock.acquire(tmp_path)


def test_a_child_started_by_exec_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A worker that outlives the daemon does not lock the next daemon out."""
    lock = StateLock.acquire(tmp_path)
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        with StateLock.acquire(tmp_path):
            assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
        child.kill()


def test_a_missing_state_directory_is_made_private(tmp_path: Path) -> None:
    """The directory is made for its user alone."""
    state = tmp_path / "new" / "state"
    with StateLock.acquire(state):
        assert state.stat().st_mode & 0o777 == 0o700


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    """A state directory that cannot be one is a StorageError with the path."""
    (tmp_path / "state").write_text("not a directory")
    with pytest.raises(StorageError, match="name a state directory"):
        StateLock.acquire(tmp_path / "state")
