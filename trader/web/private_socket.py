"""Which socket is its owner's alone? A unix socket of mode 0600 from its first instant on."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PATH_BYTES_MAX: Final = 107
"""The longest path a unix socket can have (sun_path of unix(7), less its end)."""


def bind(path: Path) -> socket.socket:
    """Bind a socket in a dead process' place.

    Raises:
        OSError: it cannot be bound.
    """
    remove(path)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        channel.bind(str(path))
    except OSError:
        channel.close()
        raise
    finally:
        os.umask(mask)
    return channel


def remove(path: Path) -> None:
    """Take a socket's name off the disk, where it still stands; what is no socket stays."""
    if path.is_socket():
        path.unlink(missing_ok=True)
