"""Does slow work go where it is sent, and end with the process that sent it?"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.app.nights import DAY_OF_NIGHT, configured, files_of, write_history, write_journal
from tests.app.running import ROOT
from trader.app.executors import executor
from trader.app.nightly import make_night
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE_WITHIN_S = 10.0
SENDER = """
import os, sys, time
from trader.app.executors import executor
from trader.app.night_process import until_eof
if __name__ == "__main__":
    if "--until-eof" in sys.argv:
        until_eof()
    with executor("processes", 2) as pool:
        busy = [pool.submit(time.sleep, 600) for _ in range(4)]
        print(os.getpid(), *pool._processes, flush=True)
        busy[0].result()
"""
DAEMON = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, sys.argv[1], "--until-eof"], stdin=subprocess.PIPE)
time.sleep(600)
"""


def square(value: float) -> float:
    """Do some work."""
    return float(np.square(value))


def test_processes_do_the_work() -> None:
    """Results come back from other processes, as many as were asked for."""
    with executor("processes", 2) as pool:
        assert list(pool.map(square, [1.0, 2.0, 3.0])) == [1.0, 4.0, 9.0]
        assert pool.submit(os.getpid).result() != os.getpid()


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def require_gone(pids: list[int]) -> None:
    """Wait until none of them runs."""
    until = time.monotonic() + GONE_WITHIN_S
    while any(map(alive, pids)):
        assert time.monotonic() < until, [pid for pid in pids if alive(pid)]
        time.sleep(0.02)


@pytest.fixture
def sender(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a program that hands out work that never ends."""
    folder = tmp_path_factory.mktemp("sender")
    path = folder / "sender.py"
    path.write_text(SENDER, encoding="utf-8")
    (folder / "daemon.py").write_text(DAEMON, encoding="utf-8")
    return str(path)


def started(*arguments: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Start it; name its processes once they are there."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, [int(one) for one in process.stdout.readline().split()]


def ended(process: subprocess.Popen[str]) -> None:
    """Close what a test opened."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_workers_die_with_their_sender(sender: str) -> None:
    """SIGKILL, no goodbye: busy workers are gone as well."""
    process, pids = started(sender)
    assert len(pids) == 3
    process.send_signal(signal.SIGKILL)
    process.wait()
    require_gone(pids)
    ended(process)


def test_a_night_dies_with_its_daemon_and_takes_its_workers_along(sender: str) -> None:
    """Three generations: the first is killed, and nobody of the others stays."""
    process, pids = started(sender.replace("sender.py", "daemon.py"), sender)
    assert len(pids) == 3
    process.send_signal(signal.SIGKILL)
    process.wait()
    require_gone(pids)
    ended(process)


def test_a_missing_library_is_named_with_its_remedy() -> None:
    """Without the extra a cluster cannot be used: said in words."""
    if importlib.util.find_spec("distributed") is not None:
        pytest.skip("the extra `distributed` is installed here")
    with (
        pytest.raises(ConfigurationError, match=r"trader\[distributed\].*\"processes\""),
        executor("dask://127.0.0.1:8786", 2),
    ):
        pass


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Run a local cluster of real worker processes."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.filterwarnings("default")  # of the cluster's own libraries
def test_a_cluster_gives_what_processes_give(cluster: str, tmp_path: Path) -> None:
    """The same night to the byte, by workers that somebody else runs."""
    made = {}
    for name in ("processes", cluster):
        configuration = configured(tmp_path, f"nightly.executor={name}")
        if not configuration.state_dir.exists():
            write_journal(configuration)
            write_history(configuration)
        _, folder = make_night(configuration, DAY_OF_NIGHT, print, again=True)
        made[name] = files_of(folder)
    assert made[cluster] == made["processes"]


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_is_away_is_named() -> None:
    """Nobody listens there."""
    with (
        pytest.raises(ConfigurationError, match="no cluster answers"),
        executor("dask://127.0.0.1:9", 2),
    ):
        pass
