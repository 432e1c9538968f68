"""Does the bundled exchange run alone? The real program, a real websocket."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.app.running import ROOT, trader
from trader.app.commands.exchange import CLOCK_NAME, READY


@contextmanager
def exchange(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run an exchange on a free port; give the process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trader.app.cli", "exchange", "--port", "0", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), process.stderr.read() if process.stderr else ""
        yield process, line.removeprefix(READY).split()[0]
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def market_clock(url: str) -> dict[str, object]:
    """Ask the exchange for its clock, as any client may."""
    with connect(url) as client:
        client.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "simulator/clock"}))
        answer: dict[str, dict[str, object]] = json.loads(client.recv(timeout=10))
    return answer["result"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(number: signal.Signals) -> None:
    """It says where it listens, answers there, and ends cleanly within seconds."""
    with exchange("--seed", "3", "--speed", "60") as (process, url):
        clock = market_clock(url)
        process.send_signal(number)
        assert process.wait(10) == 0
    assert (str(clock["seed"]), clock["speed"]) == ("3", 60)


def test_it_ends_with_its_parent_where_asked() -> None:
    """With --until-eof the end of standard input ends it: nobody is left behind."""
    with exchange("--until-eof") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_its_state_belongs_to_one_seed_and_one_process(tmp_path: Path) -> None:
    """A second one on the same state is refused (73), another seed too (78), --fresh forgets."""
    with exchange("--state", tmp_path, "--seed", "1") as (process, _):
        second = trader("exchange", "--port", "0", "--state", tmp_path, "--seed", "1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert second.returncode == 73
    assert (tmp_path / CLOCK_NAME).exists()
    other = trader("exchange", "--port", "0", "--state", tmp_path, "--seed", "2")
    assert (other.returncode, other.stdout) == (78, "")
    assert "start with --fresh" in other.stderr
    with exchange("--state", tmp_path, "--seed", "2", "--fresh") as (_, url):
        assert str(market_clock(url)["seed"]) == "2"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--speed", "0"), "speed 0.0"),
        (("--speed", "nan"), "speed nan"),
        (("--start", "yesterday"), "start 'yesterday'"),
        (("--port", "99999"), "--port 99999 is no port; give 0 (a free one) to 65535"),
        (("--port", "-1"), "--port -1 is no port"),
        (("--host", ""), "--host is empty; give an address"),
        (("--host", "nowhere.invalid"), "cannot listen on nowhere.invalid:0"),
        (("--host", "192.0.2.1"), "choose another --host or --port"),
    ],
)
def test_an_impossible_exchange_is_refused(arguments: tuple[str, ...], says: str) -> None:
    """Exit 78 with one line: wrong numbers, a name nobody has, an address of another machine."""
    run = trader("exchange", "--port", "0", *arguments)
    assert run.returncode == 78
    (line,) = run.stderr.splitlines()
    assert says in line


def test_a_taken_port_is_refused() -> None:
    """A second exchange on the same port ends with exit 78 and one line that says what to do."""
    with exchange("--until-eof") as (_, url):
        port = str(urlsplit(url).port)
        run = trader("exchange", "--port", port)
    assert (run.returncode, run.stdout) == (78, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"exchange: cannot listen on 127.0.0.1:{port} (")
    assert "choose another --host or --port, or stop what listens there" in line
