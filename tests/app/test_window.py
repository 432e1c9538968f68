"""Does the web see what is durable, in a thread of its own, while the daemon writes on?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from tests.storage.story import STORY
from tests.views.readings import PULSE
from trader.app.vitals import Vitals
from trader.app.window import DaemonWindow
from trader.engine.stages import StageSettings
from trader.storage.journal import Journal
from trader.views.live import fold
from trader.views.reading import Reading


class Beating:
    """What of a daemon's vitals a window needs."""

    def look(self) -> object:
        """Beat evenly."""
        return PULSE

    def health(self) -> object:
        """Say nothing."""
        return None

    def metrics(self) -> bytes:
        """Count nothing."""
        return b""


async def test_what_is_appended_is_seen_by_the_next_reading(tmp_path: Path) -> None:
    """A reading folds up to the last durable fact, in one thread that is not this one."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    threads: set[int] = set()

    def look(reading: Reading) -> tuple[int, object]:
        threads.add(threading.get_ident())
        newest = next(reading.facts(newest_first=True, limit=1))
        return newest.id, reading.desk.live.status()

    with Journal.create_or_open(url, writer=True) as journal:
        window = DaemonWindow(url, StageSettings(), cast("Vitals", Beating()))
        for upto in (3, len(STORY)):
            journal.append(STORY[journal.append([]) : upto])
            assert await window.read(look) == (upto, fold(STORY[:upto]).status())
        window.close()
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


async def test_an_error_of_a_page_is_the_askers_and_the_reader_lives_on(tmp_path: Path) -> None:
    """What one page raises does not end the thread that makes the others."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    with Journal.create_or_open(url, writer=True):
        window = DaemonWindow(url, StageSettings(), cast("Vitals", Beating()))

        def broken(_: Reading) -> int:
            raise ZeroDivisionError

        try:
            await window.read(broken)
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("the error was lost")
        assert await window.read(lambda reading: reading.desk.ledger.sequence) == -1
        window.close()
