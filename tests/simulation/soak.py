"""Does anything grow, leak or break over time? Exchange and daemon, real processes, under faults.

Every minute we look: resident memory, what the daemon holds against what the exchange lists, the
recorder's disk against its budget. A small budget and a market of 300x make everything that is to
be forgotten (expiries, segments, days) due within minutes.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

import msgspec
import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import WebSocketException

from tests.simulation.processes import DaemonProcess, ExchangeProcess, run, write_configuration
from trader.deribit.simulator.random_faults import random_fault
from trader.domain.units import DAY, HOUR, MILLISECOND
from trader.engine.bars import BARS_MAX
from trader.storage.recordings import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SPEED: Final = 300.0
BUDGET_GB: Final = 0.01
MEMORY_EVERY_S: Final = 1.0
SETTLED_MINUTE: Final = 10
"""After this minute, caches and pools are filled: what still grows is a leak."""
GROWTH_MB_MAX: Final = 5.0
AGREE_WITHIN_S: Final = 30.0
"""How long the daemon may take to follow a listing, through a fault and a reconnect."""
UNDERLYINGS: Final = ("BTC", "ETH")
EXPIRIES_WITHIN_DAYS: Final = 4
UNANSWERED: Final = (OSError, WebSocketException, RuntimeError, ValueError, TypeError, KeyError)
"""What asking an exchange under faults may end in: our questions are struck like any other."""

BROKEN: Final = re.compile(r"Traceback|never retrieved|never awaited|Unhandled|InvariantBroken")
TOLD_AS_ERRORS: Final = frozenset({"halt.raised", "alert recording_trimmed"})
"""Lines of level error that tell of the market's ways, or of our small budget, not of a defect."""


class Sample(msgspec.Struct, frozen=True):
    """What one look found. Memory (the median since the look before) and disk in MB of 1e6 bytes.

    The daemon's memory breathes by several MB while a segment of the recording is compacted, so
    that one reading a minute would find growth, or hide it, by chance.
    """

    minute: float
    exchange_mb: float
    daemon_mb: float
    recorded_mb: float
    listed: int
    held: dict[str, int]
    counts: dict[str, int]

    def line(self) -> str:
        """Write it as one line of a table."""
        held = " ".join(f"{name}={size}" for name, size in self.held.items())
        counted = " ".join(f"{name}={count}" for name, count in self.counts.items())
        return (
            f"minute {self.minute:5.1f}: exchange {self.exchange_mb:.1f} MB, daemon "
            f"{self.daemon_mb:.1f} MB, recordings {self.recorded_mb:.2f} MB, {self.listed} listed; "
            f"{held}; {counted}"
        )


class Soak:
    """One run; `wrong` names every violation, `samples` holds what was seen, oldest first."""

    def __init__(
        self, folder: Path, *, seed: int, fault_every_s: float, say: Callable[[str], None]
    ) -> None:
        self.wrong: list[str] = []
        self.samples: list[Sample] = []
        self.injected: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._chance = np.random.default_rng(seed)
        self._fault_every_s = fault_every_s
        self._say = say
        self._port = _free_port()
        self._recordings = folder / "state" / FOLDER
        self.exchange = ExchangeProcess(folder, seed=seed, speed=SPEED)
        self.configuration = write_configuration(folder, f"[recorder]\nbudget_gb = {BUDGET_GB}\n")
        self._folder = folder
        self._extra_channels: int | None = None
        self._memory: list[tuple[float, float]] = []

    def run(self, minutes: float, look_every_s: float = 60.0) -> None:
        """Run for so long; then stop both politely and audit the journal."""
        self.exchange.start()
        settings = (f"web.port={self._port}", "log.level=info")
        daemon = DaemonProcess(self.configuration, self.exchange.url, settings)
        try:
            daemon.start()
            daemon.ready()
            began = time.monotonic()
            for look in range(1, round(minutes * 60 / look_every_s) + 1):
                self._disturb_until(began + look * look_every_s, daemon)
                self._look((time.monotonic() - began) / 60)
            self._finish(daemon)
        finally:
            daemon.end()
            self.exchange.end()
        self._judge_memory()

    def _disturb_until(self, until: float, daemon: DaemonProcess) -> None:
        """Let things go wrong at seeded moments; read the memory of both every second."""
        self._memory = [self._resident(daemon)]  # a slow look may have used the minute up
        fault_at = self._next_fault()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(MEMORY_EVERY_S, left))
            self._memory.append(self._resident(daemon))
            if time.monotonic() >= fault_at:
                self._disturb()
                fault_at = self._next_fault()

    def _resident(self, daemon: DaemonProcess) -> tuple[float, float]:
        return _resident_mb(self.exchange.pid), _resident_mb(daemon.pid)

    def _next_fault(self) -> float:
        return time.monotonic() + float(self._chance.uniform(0.5, 1.5)) * self._fault_every_s

    def _disturb(self) -> None:
        fault = random_fault(self._chance)
        try:
            self.exchange.ask("simulator/fault_start", **fault.model_dump(exclude_none=True))
        except UNANSWERED:
            self.injected["missed"] += 1  # the fault before this one stood in its way
        else:
            self.injected[fault.kind] += 1

    def _look(self, minute: float) -> None:
        """Take one sample, once what the daemon holds agrees with what is listed."""
        until = time.monotonic() + AGREE_WITHIN_S
        while True:
            listed = self._listed()
            held, counts = self._measure()
            wrong = ["the exchange does not answer"] if listed is None else []
            wrong += self._disagreements(held, listed or 0)
            if not wrong or time.monotonic() > until:
                break
            time.sleep(0.5)
        self.wrong += [f"minute {minute:.1f}: {what}" for what in wrong]
        recorded = _disk_mb(self._recordings)
        if recorded > BUDGET_GB * 1_000:
            self.wrong.append(f"minute {minute:.1f}: the recorder holds {recorded:.2f} MB")
        exchange_mb, daemon_mb = (float(one) for one in np.median(self._memory, axis=0))
        sample = Sample(minute, exchange_mb, daemon_mb, recorded, listed or 0, held, counts)
        self.samples.append(sample)
        self._say(sample.line())

    def _listed(self) -> int | None:
        """Count what the daemon should follow, from the exchange's own list."""
        try:
            now = self.exchange.market_now()
            rows = [
                row
                for name in UNDERLYINGS
                for row in self.exchange.ask("public/get_instruments", currency=name)
            ]
        except UNANSWERED:
            return None
        return sum(_followed(row, now) for row in rows)

    def _measure(self) -> tuple[dict[str, int], dict[str, int]]:
        """Read the daemon's metrics: what it holds, what it counted."""
        with urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        held, counts = {}, {}
        for family in families:
            total = sum(one.value for one in family.samples if one.name.endswith("_total"))
            if family.name == "trader_held":
                held = {one.labels["what"]: int(one.value) for one in family.samples}
            elif family.name in {"trader_events", "trader_feed_faults", "trader_feed_connects"}:
                counts[family.name.removeprefix("trader_")] = int(total)
        return held, counts

    def _disagreements(self, held: Mapping[str, int], listed: int) -> list[str]:
        """Name every map whose size is not what is listed, or beyond what that allows."""
        if self._extra_channels is None and held["listed"] == listed:
            self._extra_channels = held["channels"] - listed
        extra = self._extra_channels or 0
        exact = {
            "listed": listed,
            "instruments": listed,
            "quote_rows": listed,
            "channels": listed + extra,
            "approvals": 0,
            "deliveries": 0,
            "settlements": 0,
        }
        at_most = {
            "boards": listed,
            "suspended": listed + len(UNDERLYINGS) + 1,
            "taken_quotes": listed,
            "funding_rates": len(UNDERLYINGS),
            "bars": BARS_MAX * len(UNDERLYINGS),
        }
        return [
            *(f"{what} {held[what]}, not {size}" for what, size in exact.items()
              if held[what] != size),
            *(f"{what} {held[what]}, above {size}" for what, size in at_most.items()
              if held[what] > size),
        ]  # fmt: skip

    def _finish(self, daemon: DaemonProcess) -> None:
        """Stop both, read what they wrote, audit the journal."""
        code = daemon.stop(20.0)
        if code != 0:
            self.wrong.append(f"the daemon ended with exit code {code}")
        code = self.exchange.stop()
        if code != 0:
            self.wrong.append(f"the exchange ended with exit code {code}")
        for name, said in (("daemon", daemon.said()), ("exchange", self.exchange.said())):
            self.wrong += [f"{name}: {line}" for line in said.splitlines() if BROKEN.search(line)]
        errors = [one for one in daemon.lines() if one["level"] in {"error", "critical"}]
        named = [(f"{one['event']} {one.get('kind', '')}".strip(), one) for one in errors]
        self.errors = Counter(name for name, _ in named)
        self.wrong += [
            f"{name}: {one.get('message')}" for name, one in named if name not in TOLD_AS_ERRORS
        ]
        audited = run("verify", "--config", self.configuration)
        if audited.returncode != 0:
            self.wrong.append(f"verify: {audited.stdout}{audited.stderr}")
        self._say(audited.stdout.strip())

    def _judge_memory(self) -> None:
        """Hold what grew after the settled minute to its bound, where the run was long enough."""
        settled = [one for one in self.samples if one.minute >= SETTLED_MINUTE]
        if len(settled) < SETTLED_MINUTE / 2:
            return
        first, last = settled[0], settled[-1]
        for name, grown in (
            ("exchange", last.exchange_mb - first.exchange_mb),
            ("daemon", last.daemon_mb - first.daemon_mb),
        ):
            self._say(f"{name}: {grown:+.1f} MB after minute {first.minute:.0f}")
            if grown >= GROWTH_MB_MAX:
                self.wrong.append(f"the {name} grew by {grown:.1f} MB after minute {first.minute}")


def _followed(row: Mapping[str, Any], now: int) -> bool:
    """Whether the daemon's configuration asks for this row of get_instruments."""
    if row["settlement_currency"] not in UNDERLYINGS:
        return False
    if row["kind"] == "future":
        return bool(row["settlement_period"] == "perpetual")
    expires_at = row["expiration_timestamp"] * MILLISECOND
    within = 0 < expires_at - now <= EXPIRIES_WITHIN_DAYS * DAY
    return bool(row["kind"] == "option" and expires_at % DAY == 8 * HOUR and within)


def _resident_mb(pid: int) -> float:
    with Path("/proc", str(pid), "status").open(encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
    return int(kilobytes) * 1_024 / 1e6


def _disk_mb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # compacted, or deleted for its age, meanwhile
            continue
    return total / 1e6


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
