"""What does a window show? The journal as far as it is durable, the boards, nights and the log."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.engine.modelled import ModelFloor
from tests.storage.story import STORY
from tests.views.readings import PULSE
from trader.app.present import Present
from trader.app.window import DaemonWindow, Sources
from trader.engine.stages import StageSettings
from trader.storage.journal import Journal
from trader.views.live import fold
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from trader.app.vitals import Vitals
    from trader.views.reading import Reading


class Fit:
    """Vitals of a daemon that is well, which count how often somebody looked."""

    health: Any = None
    metrics: Any = None

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> Any:
        """Feel the pulse."""
        self.looks += 1
        return PULSE


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[DaemonWindow, Journal]]:
    """Open a window over a journal that is written meanwhile."""
    url = f"sqlite:///{folder / 'journal.sqlite'}"
    with Journal.create_or_open(url, writer=True) as journal:
        log = folder / "trader.log"
        log.write_text('{"event": "daemon.ready"}\n')
        sources = Sources(
            journal_url=url, nights=folder / "nights", log=log, stage_settings=StageSettings()
        )
        window = DaemonWindow(sources, cast("Vitals", Fit()), Present(ModelFloor().engine))
        try:
            yield window, journal
        finally:
            window.close()


async def test_what_is_appended_is_seen_by_the_next_reading(tmp_path: Path) -> None:
    """A reading folds up to the last durable fact, in one thread that is not this one."""
    threads: set[int] = set()

    def look(reading: Reading) -> tuple[int, object]:
        threads.add(threading.get_ident())
        newest = next(reading.facts(newest_first=True, limit=1))
        return newest.id, reading.desk.live.status()

    async with opened(tmp_path) as (window, journal):
        for upto in (3, len(STORY)):
            journal.append(STORY[journal.append([]) : upto])
            assert await window.read(look) == (upto, fold(STORY[:upto]).status())
        before = await window.read(lambda one: next(one.facts(before_id=4, newest_first=True)))
        assert before.id == 3
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


async def test_an_error_of_a_page_is_the_askers_and_the_reader_lives_on(tmp_path: Path) -> None:
    """What one page raises does not end the thread that makes the others."""

    def broken(_: Reading) -> int:
        raise ZeroDivisionError

    async with opened(tmp_path) as (window, _):
        with pytest.raises(ZeroDivisionError):
            await window.read(broken)
        assert await window.read(lambda reading: reading.desk.ledger.sequence) == -1


async def test_boards_nights_and_log_are_there(tmp_path: Path) -> None:
    """Each by its own door; what is missing says what there is."""
    async with opened(tmp_path) as (window, _):
        boards = await window.read(lambda reading: reading.boards())
        assert ("BTC", True) in boards
        board = await window.read(lambda reading: reading.board("BTC"))
        assert board.board.underlying == "BTC"
        with pytest.raises(NotThere, match=r"'DOGE' are listed: choose from .*BTC"):
            await window.read(lambda reading: reading.board("DOGE"))
        assert await window.read(lambda reading: reading.nights()) == ()
        with pytest.raises(NotThere, match="2026-06-01"):
            await window.read(lambda reading: reading.night("2026-06-01"))
        assert [one.event for one in await window.read(lambda one: one.log(5))] == ["daemon.ready"]


async def test_a_pulse_is_felt_once_for_all_who_ask(tmp_path: Path) -> None:
    """Two hundred readers of one instant are one look at the daemon."""
    vitals = Fit()
    sources = Sources(
        journal_url=f"sqlite:///{tmp_path}/journal.sqlite", nights=tmp_path, log=None,
        stage_settings=StageSettings(),
    )  # fmt: skip
    window = DaemonWindow(sources, cast("Vitals", vitals), Present(ModelFloor().engine))
    assert {id(window.pulse()) for _ in range(200)} == {id(PULSE)}
    assert vitals.looks == 1
    window.close()
