"""What does `trader exchange --replay PATH` serve? Whatever lies at the path, as one recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.app.replay_chains import read_chains
from trader.app.replay_recordings import read_recordings
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from trader.deribit.simulator.recording import Recording


def read_replay(path: Path, folder: Path | None) -> Recording:
    """Read a TOML that names snapshots of option chains, or a folder of our own recordings.

    Raises:
        ConfigurationError: there is nothing that can be served.
        StorageError: a file cannot be read.
    """
    if path.is_dir():
        return read_recordings(path)
    if path.suffix != ".toml":
        raise ConfigurationError(f"--replay {path}: name a folder of recordings, or a TOML")
    return read_chains(path, folder)
