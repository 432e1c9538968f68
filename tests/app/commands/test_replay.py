"""Does `trader replay` say the same as its exit code?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.recorded import record_day
from tests.app.running import ROOT, trader, within


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record seven market hours from 18:00, past midnight."""
    state = tmp_path_factory.mktemp("recorded") / "state"
    record_day(state, 7.0)
    return state


def test_the_same_exits_0_and_needs_no_configuration(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recording knows what it ran on; both days of the epoch can be asked for."""
    first = within("replay", "--date", "2026-06-01", "--state", recorded, capsys=capsys)
    assert (first.returncode, first.stderr) == (0, "")
    assert "all the same" in first.stdout
    assert "journaled after" not in first.stdout, "the next day holds what came after"
    told = within("replay", "--date", "2026-06-02", "--state", recorded, "--json", capsys=capsys)
    assert told.returncode == 0
    [epoch] = json.loads(told.stdout)["epochs"]
    assert epoch["epoch"] == 1
    assert epoch["difference"] is None


def test_a_changed_threshold_exits_4_and_names_the_event(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first event that comes out otherwise, in words, on stderr."""
    run = within(
        "replay", "--date", "2026-06-01", "--state", recorded,
        "--set", "risk.max_risk_per_trade=0.003", capsys=capsys,
    )  # fmt: skip
    assert run.returncode == 4
    assert "then a difference: input" in run.stderr


def test_nothing_recorded_exits_3(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another day, and a state directory without recordings."""
    other = within("replay", "--date", "2026-05-01", "--state", recorded, capsys=capsys)
    assert (other.returncode, other.stdout) == (3, "")
    assert "no inputs of 2026-05-01" in other.stderr


def test_a_date_that_is_none_is_a_usage_error() -> None:
    """Exit 2, as for any command line that does not parse."""
    assert trader("replay", "--date", "yesterday").returncode == 2


@pytest.mark.long
def test_a_killed_demo_can_be_replayed_to_its_last_second(tmp_path: Path) -> None:
    """The whole chain, over the wire: SIGKILL in the middle, then everything is the same."""
    state = tmp_path / "state"
    demo = subprocess.Popen(
        [sys.executable, "-m", "trader.app.cli", "demo", "--state", str(state), "--speed", "600",
         "--set", "web.port=0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert demo.stdout is not None
    for line in demo.stdout:
        if "daemon.ready" in line:
            break
    time.sleep(6)
    os.kill(demo.pid, signal.SIGKILL)
    demo.communicate()
    run = trader("replay", "--date", "2026-06-01", "--state", state, "--json")
    assert run.returncode == 0, run.stderr
    [epoch] = json.loads(run.stdout)["epochs"]
    assert epoch["inputs"] > 500
    assert epoch["gap"] is None or "a kill between two files" in epoch["gap"]
