"""Exchange and daemon as a person runs them: real processes, real websockets, killed at will."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trader.app.commands.exchange import READY
from trader.app.observability import LOG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
START = "2026-06-01T18:58:00Z"
"""Market time of a new market: two minutes before the strategies below first decide."""

LINE = dict[str, Any]

COMMON = """
target_delta = 0.25
delta_tolerance = 0.15
target_days = 1
days_tolerance = 1.5
min_hours_left = 4
min_credit_fee_multiple = 1
lifetime_minutes = 60
resting_take_profit = true
"""
CALLS = COMMON + "patience_minutes = 10\ntake_profit = 0.3\nstop_multiple = 0\n"
SPREADS = COMMON + (
    "patience_minutes = 20\ntake_profit = 0.4\nstop_multiple = 3\nmin_credit_share = 0.02\n"
    "width_strikes = 3\nlookback_hours = 24\ntrend_score_min = 0.1\n"
    "exit_hours_before_expiry = 1\n"
)
STRATEGIES = {
    "covered_call_btc": ("covered_call", "BTC", 0, CALLS),
    "covered_call_eth": ("covered_call", "ETH", 5, CALLS),
    "directional_btc": ("directional", "BTC", 10, SPREADS),
    "directional_eth": ("directional", "ETH", 12, SPREADS),
}


def write_configuration(folder: Path, more: str = "") -> Path:
    """Write a configuration that trades at once and keeps orders resting; return its file."""
    strategies = folder / "strategies"
    strategies.mkdir(parents=True, exist_ok=True)
    for name, (kind, underlying, offset, parameters) in STRATEGIES.items():
        text = (
            f'name = "{name}"\nkind = "{kind}"\nunderlying = "{underlying}"\n'
            f'initial_stage = "PRODUCTION"\n[cadence]\nminutes = 15\noffset_minutes = {offset}\n'
            f"manage_minutes = 5\n[parameters]{parameters}"
        )
        (strategies / f"{name}.toml").write_text(text, encoding="utf-8")
    path = folder / "trader.toml"
    path.write_text(
        'stage_floor = "PILOT"\n'
        '[feed]\nsource = "simulated"\nexpiries_within_days = 4\n'
        '[journal]\nstate_dir = "state"\n'
        '[log]\nformat = "json"\nlevel = "debug"\nrotate_mb = 1000\n'
        f"[web]\nport = 0\n{more}",
        encoding="utf-8",
    )
    return path


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TRADER_")}
    return {**clean, "PYTHONPATH": str(ROOT), **(more or {})}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trader.app.cli", *map(str, arguments)],
        cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=60 * PATIENCE,
        check=False,
    )  # fmt: skip


PATIENCE = 3.0
"""How much longer than on an idle machine everything may take: tests share theirs."""


def wait_for(question: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask until the answer is yes, `PATIENCE` times the seconds it takes on an idle machine.

    Raises:
        TimeoutError: it was not in time.
    """
    seconds *= PATIENCE
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


class Process:
    """One process of ours. Invariant: `stop` or `kill` ends it before another is started."""

    def __init__(self, name: str, folder: Path) -> None:
        self.output = folder / f"{name}.out"
        self.child: subprocess.Popen[bytes] | None = None

    def _start(
        self, arguments: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> None:
        assert self.child is None, "it runs already"
        with self.output.open("ab") as output:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "trader.app.cli", *map(str, arguments)],
                cwd=ROOT, env=_environment(environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.child is not None
        return self.child.pid

    def exit_code(self) -> int:
        """How it ended by itself."""
        assert self.child is not None
        code = self.child.wait(10 * PATIENCE)
        self.child = None
        return code

    def said(self) -> str:
        """Everything it wrote to stdout and stderr."""
        return self.output.read_text(encoding="utf-8") if self.output.exists() else ""

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing is flushed."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()
        self.child = None

    def stop(self, within_s: float = 10.0) -> int:
        """SIGTERM; return the exit code.

        Raises:
            TimeoutExpired: it did not end in time.
        """
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(within_s * PATIENCE)
        self.child = None
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self.child is not None:
            self.kill()


class ExchangeProcess(Process):
    """`trader exchange`: keeps its market's clock and its port across restarts."""

    def __init__(self, folder: Path, *, seed: int, speed: float) -> None:
        super().__init__("exchange", folder)
        self._home = folder / "exchange"
        self._home.mkdir(parents=True, exist_ok=True)
        self._seed, self._speed, self._port = seed, speed, 0
        self.url = ""

    def start(self) -> None:
        """Start, or start again where it stood; return once it listens."""
        seen = len(self.said())
        self._start(
            ("exchange", "--port", str(self._port), "--seed", str(self._seed), "--start", START,
             "--speed", str(self._speed), "--state", self._home)
        )  # fmt: skip

        def listens() -> bool:
            found = re.search(rf"{READY} (\S+:(\d+)\S*)", self.said()[seen:])
            if found is not None:
                self.url, self._port = found[1], int(found[2])
            elif not self.alive:
                raise RuntimeError(f"the exchange did not start: {self.said()[seen:]}")
            return found is not None

        wait_for(listens, 20, "the exchange")

    def ask(self, method: str, **params: object) -> Any:
        """Ask one question over a connection of its own.

        Raises:
            RuntimeError: the exchange refuses.
        """
        from websockets.sync.client import connect

        with connect(self.url, max_size=None, proxy=None) as socket:
            frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            socket.send(json.dumps(frame))
            answer = json.loads(socket.recv(10))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def fault(self, kind: str, *, duration_s: float, **more: object) -> None:
        """Let something go wrong from now on."""
        from websockets.exceptions import ConnectionClosed

        try:
            self.ask("simulator/fault_start", kind=kind, duration_s=duration_s, **more)
        except ConnectionClosed:
            if kind not in {"close", "refuse"}:  # these may cut the answer off too
                raise

    def market_now(self) -> int:
        """Tell the market time in UTC nanoseconds."""
        return int(self.ask("simulator/clock")["now_at"])


class DaemonProcess(Process):
    """`trader run` on one state directory, with its JSON log read as it grows."""

    def __init__(self, configuration: Path, url: str, settings: Sequence[str] = ()) -> None:
        super().__init__("daemon", configuration.parent)
        self.configuration = configuration
        self.state = configuration.parent / "state"
        self.settings = (f"feed.url={url}", *settings)
        self._log = self.state / LOG_NAME
        self._from = 0

    def start(self, *more: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it; `lines` begin anew with this run."""
        self._from = self._log.stat().st_size if self._log.exists() else 0
        sets = [part for setting in self.settings for part in ("--set", setting)]
        self._start(("run", "--config", self.configuration, *sets, *more), environment)

    def mark(self) -> None:
        """Let `lines` begin after what is written now."""
        self._from = self._log.stat().st_size

    def lines(self, *, all_runs: bool = False) -> Iterator[LINE]:
        """Read whole lines of the log; one cut short by a kill is left out."""
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(0 if all_runs else self._from)
            for line in file.read().split(b"\n")[:-1]:
                yield json.loads(line)

    def find(self, event: str, **fields: object) -> LINE | None:
        """Find the first line of this run with these fields."""
        for line in self.lines():
            if line["event"] == event and all(line.get(key) == fields[key] for key in fields):
                return line
        return None

    def wait_line(
        self,
        event: str,
        within_s: float,
        where: Callable[[LINE], bool] | None = None,
        **fields: Any,
    ) -> LINE:
        """Wait for a line of this run.

        Raises:
            TimeoutError: it did not come; RuntimeError: the daemon ended first.
        """
        found: list[LINE] = []

        def there() -> bool:
            alive = self.alive
            for line in self.lines():
                named = re.fullmatch(event, line["event"]) is not None
                fits = all(line.get(key) == value for key, value in fields.items())
                if named and fits and (where is None or where(line)):
                    found.append(line)
                    return True
            if not alive:
                raise RuntimeError(f"the daemon ended: {self.said()[-3000:]}")
            return False

        wait_for(there, within_s, f"a line {event} {fields}")
        return found[0]

    def ready(self, within_s: float = 20.0) -> LINE:
        """Wait until it trades."""
        return self.wait_line("daemon.ready", within_s)


def check_nothing_is_lost(script: str, *, kills: int) -> None:
    """Run a whole campaign as a person does: every kill happens, no violation, exit 0."""
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--kills", str(kills)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    last = ended.stdout.splitlines()[-1]
    assert last.startswith(f"kills={kills} ")
    assert last.endswith("violations=0")
