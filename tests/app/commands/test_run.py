"""Does the daemon start, run and stop as a service expects? The real program."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.app.commands.test_exchange import exchange
from tests.app.running import ROOT, trader, write_configuration
from trader.app.control import SOCKET_NAME


def test_a_wrong_configuration_never_starts(tmp_path: Path) -> None:
    """Exit 78 before anything is written."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"\n[risk]\nenabled = false')
    run = trader("run", "--config", path)
    assert run.returncode == 78
    assert "risk.enabled = false" in run.stderr
    assert not (tmp_path / "s").exists()


def test_a_configuration_must_be_named() -> None:
    """`trader run` alone is a mistake of usage: no default is run by accident."""
    run = trader("run")
    assert run.returncode == 2
    assert "--config" in run.stderr


def test_it_runs_until_told_to_stop(tmp_path: Path) -> None:
    """It trades against a real exchange, takes a command, refuses a second daemon, ends with 0."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"\n[web]\nport = 0')
    with exchange("--speed", "300", "--until-eof") as (_, url):
        command = ("run", "--config", str(path), "--set", f"feed.url={url}")
        daemon = subprocess.Popen(
            [sys.executable, "-m", "trader.app.cli", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert daemon.stdout is not None
            lines = iter(daemon.stdout)
            assert any("daemon.ready" in line for line in lines)
            assert (tmp_path / "s" / SOCKET_NAME).exists()
            second = trader(*command)
            paused = trader("pause", "--by", "ana", "--reason", "test", "--config", path)
            began = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            rest = "".join(lines)
            assert daemon.wait(10) == 0, rest
            stopped_in_s = time.monotonic() - began
        finally:
            daemon.kill()
            daemon.communicate()
    assert second.returncode == 73, second.stderr
    assert paused.stdout.startswith("pause journaled with sequence "), paused.stderr
    assert stopped_in_s < 10
    assert "daemon.stopping" in rest
    assert not (tmp_path / "s" / SOCKET_NAME).exists()
    assert trader("verify", "--config", path).returncode == 0
