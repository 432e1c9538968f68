"""Does a command say the same, whether a daemon answers or the journal does?"""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest

from tests.app.running import within
from tests.storage.facts import alert
from tests.storage.story import STORY
from tests.views.readings import Told
from tests.web.rooms import Room
from trader.app.daemon_answers import asked_of_daemon, read_from_journal
from trader.app.web_access import OWN_SOCKET
from trader.engine.stages import StageSettings
from trader.storage.journal import Journal
from trader.views.answers import standing
from trader.views.answers.asking import Question
from trader.views.live_rows import Status
from trader.web.access import Terms
from trader.web.server import serve

if TYPE_CHECKING:
    from pathlib import Path

TYPED = (
    ("status",), ("positions",), ("chains",), ("strategies",), ("verdicts",),
    ("verdicts", "--limit", "1"), ("verdicts", "--strategy", "nobody"),
    ("verdicts", "--limit", "2000"),
)  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory whose journal has something living."""
    with Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True) as journal:
        journal.append(STORY[:9])
    return tmp_path


async def answered(
    state: Path, room: Room, *typed: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Type a command while a daemon answers."""
    async with serve(room, "127.0.0.1", None, Terms(own_socket=state / OWN_SOCKET)):
        assert stat.S_IMODE((state / OWN_SOCKET).stat().st_mode) == 0o600
        run = await asyncio.to_thread(within, *typed, "--state", state, capsys=capsys)
    return run.returncode, run.stdout


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
async def test_both_ways_say_the_same(
    typed: tuple[str, ...],
    form: tuple[str, ...],
    state: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Byte for byte, as text and as JSON; the daemon was truly asked."""
    room = Room(Told(STORY[:9]))
    by_daemon = await answered(state, room, *typed, *form, capsys=capsys)
    assert room.readings > 0
    by_journal = within(*typed, *form, "--state", state, capsys=capsys)
    assert by_daemon == (by_journal.returncode, by_journal.stdout) == (0, by_journal.stdout)
    assert by_journal.stdout.strip()


async def test_the_daemon_is_believed_where_it_answers(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it holds is shown, although the journal beside it says less."""
    code, out = await answered(state, Room(Told(STORY)), "chains", "--json", capsys=capsys)
    assert (code, out.strip()) == (0, "[]")


def test_a_socket_of_a_dead_daemon_is_no_answer(state: Path) -> None:
    """Neither is none, nor one that is no API of ours."""
    assert asked_of_daemon(state, "/status", Question(), Status) is None
    (state / OWN_SOCKET).write_text("")
    assert asked_of_daemon(state, "/status", Question(), Status) is None


async def test_an_answer_of_another_shape_is_no_answer(state: Path) -> None:
    """A daemon of another version is not believed; the journal is read instead."""
    room = Room(Told(STORY))
    async with serve(room, "127.0.0.1", None, Terms(own_socket=state / OWN_SOCKET)):
        for path in ("/positions", "/nothing"):
            found = await asyncio.to_thread(asked_of_daemon, state, path, Question(), Status)
            assert found is None


def test_a_journal_is_read_whole(tmp_path: Path) -> None:
    """As far as it goes, however long it is."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    with Journal.create_or_open(url, writer=True) as journal:
        journal.append([alert(n) for n in range(1, 1_001)])
    records = read_from_journal(url, tmp_path, StageSettings())
    assert standing.status(records, Question()).sequence == 1_000
    assert records.nights() == ()
    assert records.log(5) == ()
    records.close()
