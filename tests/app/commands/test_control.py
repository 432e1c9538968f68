"""Do a person's commands reach a daemon, and is it told when there is none?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.app.running import trader, within
from trader.app.control import SOCKET_NAME, Answer, listen
from trader.domain.events import (
    ClosePosition,
    Command,
    Demote,
    FlattenAll,
    PauseTrading,
    Promote,
    ResumeTrading,
)

WHO = ("--by", "ana", "--reason", "news")
TYPED: dict[tuple[str, ...], Command] = {
    ("pause",): PauseTrading(by="ana", reason="news"),
    ("pause", "--strategy", "s"): PauseTrading(by="ana", reason="news", strategy="s"),
    ("resume",): ResumeTrading(by="ana", reason="news"),
    ("resume", "--strategy", "s"): ResumeTrading(by="ana", reason="news", strategy="s"),
    ("close", "C1-0"): ClosePosition(by="ana", reason="news", chain_id="C1-0"),
    ("flatten",): FlattenAll(by="ana", reason="news"),
    ("promote", "s", "pilot"): Promote(by="ana", reason="news", strategy="s", stage="PILOT"),
    ("demote", "s", "RESEARCH"): Demote(by="ana", reason="news", strategy="s", stage="RESEARCH"),
}


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
async def test_what_is_typed_is_what_the_daemon_takes(
    typed: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command arrives as its event, and the journal's sequence comes back; exit 0."""
    taken: list[Command] = []

    async def take(command: Command) -> Answer:
        taken.append(command)
        return Answer(accepted=True, sequence=41)

    async with listen(tmp_path / SOCKET_NAME, take):
        run = await asyncio.to_thread(within, *typed, *WHO, "--state", tmp_path, capsys=capsys)
    assert taken == [TYPED[typed]]
    assert (run.returncode, run.stdout) == (0, f"{typed[0]} journaled with sequence 41\n")


async def test_a_refused_command_fails_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the daemon does not accept exits 1 and says why; as JSON too."""

    async def take(_: Command) -> Answer:
        return Answer(accepted=False, sequence=9, detail="no chain C9")

    async with listen(tmp_path / SOCKET_NAME, take):
        close = ("close", "C9", *WHO, "--state", tmp_path)
        run = await asyncio.to_thread(within, *close, capsys=capsys)
        told = await asyncio.to_thread(within, *close, "--json", capsys=capsys)
    assert (run.returncode, run.stderr) == (1, "close not accepted: no chain C9\n")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {"accepted": False, "sequence": 9, "detail": "no chain C9"}


def test_without_a_daemon_the_command_is_unavailable(tmp_path: Path) -> None:
    """Exit 69, and the line names the socket and the remedy."""
    run = trader("pause", *WHO, "--state", tmp_path)
    assert run.returncode == 69
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"no daemon answers at {tmp_path / SOCKET_NAME}")
    assert "start it with `trader run`" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "--by", "ana"),
        ("pause", "--reason", "news"),
        ("flatten", "--by", " ", "--reason", "news"),
        ("promote", "s", "LIVE", *WHO),
        ("close", *WHO),
    ],
)
def test_a_command_without_who_why_or_what_is_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is sent without a name, a reason and its object; exit 2."""
    with pytest.raises(SystemExit) as ended:
        within(*arguments, capsys=capsys)
    assert ended.value.code == 2
