"""Do exchange and daemon come up together, and go down together?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.running import ROOT, trader

QUIET = ("--set", "web.port=0")


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a demo of its own state."""
    return subprocess.Popen(
        [sys.executable, "-m", "trader.app.cli", "demo", "--state", str(state), *QUIET, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Read its output up to a word."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if word in line:
            return read
    raise AssertionError(f"{word} never came:\n{read}")


def exchanges(state: Path) -> list[int]:
    """List the processes that run an exchange on this state."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"exchange" in command and str(state).encode() in command:
            found.append(int(folder.name))
    return found


def gone_within(state: Path, seconds: float) -> bool:
    """Wait until no exchange runs on this state."""
    until = time.monotonic() + seconds
    while exchanges(state) and time.monotonic() < until:
        time.sleep(0.05)
    return not exchanges(state)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stranger_sees_where_everything_is_and_stops_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It names exchange, journal and log, trades, and both processes end within 10 s, code 0."""
    demo = start(tmp_path, "--speed", "600")
    try:
        head = read_until(demo, "daemon.ready")
        began = time.monotonic()
        demo.send_signal(number)
        output, _ = demo.communicate(timeout=15)
        stopped_in_s = time.monotonic() - began
    finally:
        demo.kill()
        demo.wait()
    assert demo.returncode == 0, output
    assert stopped_in_s < 10
    assert exchanges(tmp_path) == []
    for part in ("ws://127.0.0.1:", f"{tmp_path}/journal.sqlite", f"{tmp_path}/trader.log"):
        assert part in head
    assert trader("verify", "--state", tmp_path).returncode == 0


def test_a_killed_demo_leaves_no_exchange_behind(tmp_path: Path) -> None:
    """After SIGKILL of the demo its exchange ends by itself, and the next demo carries on."""
    first = start(tmp_path)
    read_until(first, "daemon.ready")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert gone_within(tmp_path, 10)
    second = start(tmp_path)
    try:
        assert "epoch 2" in read_until(second, "daemon.ready")
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=15)


def test_another_seed_is_refused_in_the_exchanges_words(tmp_path: Path) -> None:
    """A state of seed 1 with --seed 2: exit 78 and the remedy; with --fresh it starts anew."""
    first = start(tmp_path, "--seed", "1")
    read_until(first, "daemon.ready")
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=15)
    other = trader("demo", "--state", tmp_path, "--seed", "2", *QUIET)
    assert other.returncode == 78
    assert "start with --fresh" in other.stderr
    anew = start(tmp_path, "--seed", "2", "--fresh")
    try:
        assert "epoch 1" in read_until(anew, "daemon.ready")
    finally:
        anew.send_signal(signal.SIGTERM)
        anew.communicate(timeout=15)
    assert (tmp_path / "journal.sqlite.1").exists()
