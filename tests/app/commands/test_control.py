"""Do a person's commands reach a daemon, or its journal where there is none?"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.app.commands.test_exchange import exchange
from tests.app.running import ROOT, trader, typed_to_a_daemon, within, write_configuration
from trader.app.control import SOCKET_NAME
from trader.domain.events import (
    ClosePosition,
    Command,
    FlattenAll,
    PauseTrading,
    ResumeTrading,
)
from trader.storage.lock import StateLock
from trader.web.window import Answer

WHO = ("--by", "ana", "--reason", "news")
TYPED: dict[tuple[str, ...], Command] = {
    ("pause",): PauseTrading(by="ana", reason="news"),
    ("pause", "--strategy", "s"): PauseTrading(by="ana", reason="news", strategy="s"),
    ("pause", "s"): PauseTrading(by="ana", reason="news", strategy="s"),
    ("resume",): ResumeTrading(by="ana", reason="news"),
    ("resume", "--strategy", "s"): ResumeTrading(by="ana", reason="news", strategy="s"),
    ("resume", "s"): ResumeTrading(by="ana", reason="news", strategy="s"),
    ("close", "C1-0"): ClosePosition(by="ana", reason="news", chain_id="C1-0"),
    ("flatten",): FlattenAll(by="ana", reason="news"),
}


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
async def test_what_is_typed_is_what_the_daemon_takes(
    typed: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command arrives as its event, and the journal's sequence comes back; exit 0."""
    run, taken = await typed_to_a_daemon(tmp_path, *typed, *WHO, capsys=capsys)
    assert taken == [TYPED[typed]]
    assert (run.returncode, run.stdout) == (0, f"{typed[0]} journaled with sequence 41\n")


def test_two_strategies_are_not_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named differently by place and by name, nothing is sent; exit 2."""
    run = within("resume", "a", "--strategy", "b", *WHO, "--state", tmp_path, capsys=capsys)
    assert (run.returncode, run.stderr) == (2, "resume: name one strategy, not a and b\n")


async def test_a_refused_command_fails_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the daemon does not accept exits 1 and says why; as JSON too."""
    refusal = Answer(accepted=False, sequence=9, detail="no chain C9")
    close = ("close", "C9", *WHO)
    run, _ = await typed_to_a_daemon(tmp_path, *close, capsys=capsys, answer=refusal)
    told, _ = await typed_to_a_daemon(tmp_path, *close, "--json", capsys=capsys, answer=refusal)
    assert (run.returncode, run.stderr) == (1, "close not accepted: no chain C9\n")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {"accepted": False, "sequence": 9, "detail": "no chain C9"}


@pytest.mark.parametrize(
    ("who", "remedy"),
    [("night", "'night' signs for the program itself: give your name"), (" ", "must not be empty")],
)
def test_a_person_signs_with_a_name_of_their_own(who: str, remedy: str) -> None:
    """What the journal keeps as said by the night was said by the night."""
    run = trader("pause", "--by", who, "--reason", "news")
    assert run.returncode == 2
    assert f"argument --by: {remedy}" in run.stderr


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a daemon that has traded and ended, its state beside it."""
    path = write_configuration(
        tmp_path_factory.mktemp("left"), '[journal]\nstate_dir = "s"\n[web]\nport = 0'
    )
    with exchange("--speed", "300", "--until-eof") as (_, url), daemon(path, url) as running:
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    return path


@contextmanager
def daemon(path: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon; give its process once it trades."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trader.app.cli",
            "run",
            "--config",
            path,
            "--set",
            f"feed.url={url}",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert any("daemon.ready" in line for line in lines)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_without_a_daemon_the_journal_is_written_in_its_place(left: Path) -> None:
    """Pause, promote and resume exit 0 with the sequence; every invariant holds after them."""
    commands = (
        ("pause",),
        ("promote", "covered_call_btc", "--to", "PILOT", "--override", "--yes"),
        ("resume",),
    )
    runs = [trader(*typed, *WHO, "--config", left) for typed in commands]
    assert [run.returncode for run in runs] == [0, 0, 0], [run.stderr for run in runs]
    assert re.fullmatch(
        r"pause journaled with sequence \d+: no daemon runs, the next one obeys it\n",
        runs[0].stdout,
    )
    stages = json.loads(trader("strategies", "--json", "--config", left).stdout)
    assert {one["stage"] for one in stages} == {"PILOT"}
    assert trader("verify", "--config", left).returncode == 0


def test_a_start_keeps_what_its_strategies_are(left: Path) -> None:
    """So that `trader diff` can compare: one file per name and hash, and nothing changed yet."""
    (kept,) = (left.parent / "s" / "strategy-archive" / "covered_call_btc").iterdir()
    assert kept.suffix == ".json"
    run = trader("diff", "covered_call_btc", "--config", left)
    assert "Nothing changed since" in run.stdout


def test_the_next_daemon_obeys_what_was_said_without_one(left: Path, tmp_path: Path) -> None:
    """A pause from between two runs holds in the second one, over the same market."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"\n[web]\nport = 0')
    with exchange("--speed", "300", "--until-eof") as (_, url):
        with daemon(path, url) as running:
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 0
        paused = trader("pause", *WHO, "--config", path)
        with daemon(path, url):
            status = trader("status", "--config", path).stdout
    assert paused.returncode == 0, paused.stderr
    assert "news" in status
    assert trader("verify", "--config", path).returncode == 0


@pytest.mark.parametrize("typed", [("flatten",), ("close", "C1-0")], ids=" ".join)
def test_what_needs_the_market_is_unavailable_without_a_daemon(
    typed: tuple[str, ...], left: Path
) -> None:
    """Exit 69, and the line names the socket and the remedy; nothing is journaled."""
    before = trader("verdicts", "--json", "--config", left).stdout
    run = trader(*typed, *WHO, "--config", left)
    assert run.returncode == 69
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"no daemon answers at {left.parent / 's' / SOCKET_NAME}")
    assert line.endswith(f"{typed[0]} needs the market: start `trader run` first")
    assert trader("verdicts", "--json", "--config", left).stdout == before


def test_a_state_that_is_held_by_one_who_does_not_answer_is_unavailable(left: Path) -> None:
    """A daemon that starts, stops or hangs is not written around: exit 69."""
    with StateLock.acquire(left.parent / "s"):
        run = trader("pause", *WHO, "--config", left)
    assert run.returncode == 69
    (line,) = run.stderr.splitlines()
    assert f"is in use by process {os.getpid()}" in line
    assert line.endswith("where it is starting or stopping, try again")


def test_without_a_daemon_its_configuration_is_needed(left: Path) -> None:
    """`--state` alone does not say which strategies there are: exit 69; `--config` does."""
    state = left.parent / "s"
    run = trader("pause", *WHO, "--state", state)
    assert run.returncode == 69
    assert "name its --config too" in run.stderr
    both = trader("pause", *WHO, "--state", state, "--config", left)
    assert both.returncode == 0, both.stderr


def test_without_a_journal_there_is_nothing_to_command(tmp_path: Path) -> None:
    """Exit 3 with the place that was looked at; no journal and no lock is made by asking."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"')
    for place in (("--state", tmp_path / "s"), ("--config", path)):
        run = trader("pause", *WHO, *place)
        assert run.returncode == 3
        (line,) = run.stderr.splitlines()
        assert f"there is no journal at {tmp_path / 's' / 'journal.sqlite'}" in line
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "--by", "ana"),
        ("pause", "--reason", "news"),
        ("flatten", "--by", " ", "--reason", "news"),
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
