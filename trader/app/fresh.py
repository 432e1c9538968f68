"""What becomes of the past when a person begins anew? It is kept, under another name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trader.app.night_folder import NIGHTS
from trader.app.night_process import alone
from trader.app.observability import logger

if TYPE_CHECKING:
    from trader.app.configuration import Configuration


def set_aside(configuration: Configuration) -> None:
    """Rename the journal and its nights: nothing is overwritten, or judged by another past.

    Raises:
        JournalLocked: a night of the old journal is being evaluated.
    """
    path = Path(configuration.journal_url.removeprefix("sqlite:///"))
    nights = configuration.state_dir / NIGHTS
    number = 1
    while any(_numbered(one, number).exists() for one in (path, nights)):
        number += 1
    if nights.exists():
        with alone(configuration):
            nights.rename(_numbered(nights, number))
    if not path.exists():
        return
    kept = _numbered(path, number)
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(kept.with_name(kept.name + suffix))
    path.rename(kept)
    logger("daemon").info("journal.set_aside", message=f"the old journal is kept as {kept.name}")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
