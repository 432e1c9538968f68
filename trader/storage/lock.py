"""Who may write this journal? One process: it holds a lock that the kernel gives back when it dies.

The lock lies on `<state>/journal.lock` (flock), never on the pid inside, which is only for the
message: a pid of a killed daemon that lives on in the file locks nobody out.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from trader.domain.errors import JournalLocked, StorageError

LOCK_NAME: Final = "journal.lock"


class StateLock:
    """The right to write one state directory, held from `acquire` to `release` or death.

    Invariant: at most one process holds it. A forked child shares it; start children by exec.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, state: Path) -> Self:
        """Take the lock of a state directory (made, mode 0700, where it is missing).

        Raises:
            JournalLocked: another process holds it; names its pid and the remedy.
            StorageError: the directory or the lock file cannot be used.
        """
        path = state / LOCK_NAME
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be opened ({error.strerror}):"
                " name a state directory that this user may write"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise JournalLocked(
                f"{state} is in use by {holder}: stop that daemon first (`kill -TERM` ends it"
                " cleanly), or name another state directory"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise StorageError(
                f"{path} cannot be locked ({error.strerror}):"
                " name a state directory on a local file system with free space"
            ) from error
        return cls(path, descriptor)

    def release(self) -> None:
        """Give the lock back; a second call does nothing. The file stays, empty of a pid."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return f"process {text}" if text.isdigit() else "another process"
