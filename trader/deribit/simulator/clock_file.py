"""Where does the market's clock survive? One small file, replaced whole and made durable."""

from __future__ import annotations

import os
from pathlib import Path

from trader.deribit.simulator.clock import ClockState, decode_state, encode_state
from trader.deribit.simulator.venue import Venue
from trader.domain.errors import ConfigurationError


def resumed_state(path: Path | None, venue: Venue, start_at: int) -> ClockState:
    """Read where a market stood; a new one, or one without a file, begins at `start_at`.

    Raises:
        ConfigurationError: unreadable, or the state of another market.
    """
    fresh = ClockState(venue.seed, venue.version, start_at, start_at)
    if path is None:
        return fresh
    try:
        return decode_state(path.read_bytes(), like=fresh, where=str(path), life=venue.life)
    except FileNotFoundError:
        return fresh
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; make it readable") from error


def write_state(path: Path, state: ClockState) -> None:
    """Replace the state on disk, whole or not at all, and wait until it is durable.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    written = path.with_name(f"{path.name}.new")
    try:
        with written.open("wb") as file:
            file.write(encode_state(state))
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; the market's clock must be writable there"
        ) from error
