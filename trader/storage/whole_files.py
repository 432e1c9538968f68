"""How is a file written so that nobody reads half of it? Beside its place, then moved there."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from trader.domain.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, content: bytes) -> int:
    """Put a file in the place of another, whole or not at all; return its bytes.

    Raises:
        StorageError: the disk refuses; what lay there before still does.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise StorageError(f"{path} cannot be written ({error}): name another place") from error
    return len(content)


def make_durable(path: Path) -> None:
    """Force a file, or the names in a folder, onto the disk.

    Raises:
        OSError: it is not there, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
