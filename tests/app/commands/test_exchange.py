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

from tests.app.chain_files import write_chain
from tests.app.running import ROOT, trader
from tests.recorded_chain import SNAPSHOTS
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


def test_it_brings_the_faults_of_a_file(tmp_path: Path) -> None:
    """They are counted in its first line, and on: calls are refused as the file says."""
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "too_many_requests"\nscope = "public/*"\ncloses = false\n'
        'duration_s = 600\n[[fault]]\nkind = "drop"\nstarts_s = 900\n',
        encoding="utf-8",
    )
    with exchange("--until-eof", "--faults", path) as (_, url), connect(url) as client:
        client.send('{"id":1,"method":"public/get_time"}')
        assert json.loads(client.recv(timeout=10))["error"]["code"] == 10_028
        client.send('{"id":2,"method":"simulator/faults"}')
        kinds = [one["kind"] for one in json.loads(client.recv(timeout=10))["result"]]
    assert kinds == ["too_many_requests", "drop"]


def test_faults_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """Exit 78 and one line with file, key, value and the nearest name; the help tells of it."""
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nkind = "drop"\nscoop = "ticker.*"\n', encoding="utf-8")
    run = trader("exchange", "--port", "0", "--faults", path)
    assert (run.returncode, run.stdout) == (78, "")
    assert run.stderr.splitlines() == [
        f'{path}: fault 1 (drop): scoop = "ticker.*": unknown key; did you mean scope?'
    ]
    assert "config/faults.example.toml" in " ".join(trader("exchange", "--help").stdout.split())


def test_a_recording_is_served_from_its_first_snapshot_on(tmp_path: Path) -> None:
    """With --replay the market is the recorded one, and says what its quotes are worth."""
    with exchange("--replay", write_chain(tmp_path), "--speed", "60") as (_, url):
        clock = market_clock(url)
    assert int(str(clock["epoch_at"])) == SNAPSHOTS[0]
    assert str(clock["market"]).startswith("replay-1-")
    assert (clock["staleness_s"], clock["assumed_sizes"]) == (28_800.0, True)


def test_a_start_outside_the_recording_is_refused(tmp_path: Path) -> None:
    """Exit 78, with the span it has."""
    run = trader(
        "exchange", "--port", "0", "--replay", write_chain(tmp_path), "--start", "2026-02-01T00:00Z"
    )
    assert run.returncode == 78
    assert "not a whole minute between 2026-01-10T10:00:00Z" in run.stderr
