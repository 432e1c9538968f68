"""Does anything get lost when the daemon dies without a goodbye? Kill it again and again and look.

One exchange, one journal; `trader run` is started and SIGKILLed at seeded moments while it has open
positions and resting orders. After each kill the journal is audited, compared with what it was,
with what the log told, and recounted; the next start must recover exactly what the facts say.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tests.simulation.processes import (
    DaemonProcess,
    ExchangeProcess,
    run,
    wait_for,
    write_configuration,
)
from trader.app.assemble import holdings
from trader.domain.facts import EpochOpened, Filled, OrderPlaced, Recorded, Settled
from trader.domain.units import utc_day
from trader.engine.audit import Audit
from trader.engine.ledger import Ledger
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

TOLERANCE = 1e-9
STARTUP_SHARE = 0.2
"""The part of the kills that come before the daemon is ready."""

TOLD = {
    "order.filled": "Filled",
    "order.placed": "OrderPlaced",
    "order.ended": "OrderEnded",
    "chain.settled": "Settled",
    "chain.ended": "ChainEnded",
    "verdict.approved": "Approved",
    "verdict.refused": "Refused",
}
"""Log event -> the fact it tells."""


class Figures(msgspec.Struct):
    """What a campaign did and what it found."""

    kills: int = 0
    startup_kills: int = 0
    exchange_kills: int = 0
    kills_with_positions: int = 0
    kills_with_orders: int = 0
    epochs: int = 0
    facts: int = 0
    fills: int = 0
    fills_logged: int = 0
    settlements: int = 0
    most_on_a_day: int = 0
    most_at_risk: float = 0.0
    ready_s_max: float = 0.0
    seconds: float = 0.0
    violations: int = 0

    def line(self) -> str:
        """Write every figure in one line."""
        values = msgspec.structs.asdict(self).items()
        return " ".join(
            f"{name}={round(value, 4) if isinstance(value, float) else value}"
            for name, value in values
        )


def recount(records: Iterable[Recorded], risk: RiskSettings, figures: Figures) -> list[str]:
    """Count trades per UTC day and shares at risk from fills and orders, whatever the gate said."""
    wrong: list[str] = []
    ledger = Ledger()
    opened_on: dict[str, tuple[str, str, int]] = {}
    traded: dict[tuple[str, str, int], dict[str, None]] = {}
    for recorded in records:
        ledger.apply(recorded)
        fact = recorded.fact
        if isinstance(fact, OrderPlaced) and fact.order.action == "open":
            day = utc_day(recorded.at)
            opened_on[fact.order.chain_id] = (fact.order.account, fact.order.strategy, day)
            share = _share_at_risk(ledger, fact)
            figures.most_at_risk = max(figures.most_at_risk, share)
            if share > risk.max_risk_per_underlying + TOLERANCE:
                wrong.append(f"{fact.order.order_id} brought the risk to {share:.4%}")
        elif isinstance(fact, Filled) and fact.chain_id in opened_on:
            key = opened_on[fact.chain_id]
            traded.setdefault(key, {})[fact.chain_id] = None
    for key, chains in traded.items():
        figures.most_on_a_day = max(figures.most_on_a_day, len(chains))
        if len(chains) > risk.max_new_trades_per_day:
            wrong.append(f"{key} opened {len(chains)} trades: {', '.join(chains)}")
    return wrong


def _share_at_risk(ledger: Ledger, placed: OrderPlaced) -> float:
    """Add up what an account may lose on one underlying, orders as if they filled."""
    order, total = placed.order, 0.0
    for chain in ledger.chains_of(order.account):
        if chain.underlying == order.underlying:
            total += max(chain.risk_usd, chain.risk_coin * placed.index)
    for book in ledger.orders.values():
        if (book.order.account, book.order.underlying) == (order.account, order.underlying):
            part = book.remaining / book.order.amount
            reserved = book.approval.reservation
            total += part * max(reserved.usd, reserved.coin * placed.index)
    return total / placed.equity_usd


def compare_with_log(
    records: Sequence[Recorded], lines: Iterable[dict[str, Any]], figures: Figures
) -> list[str]:
    """Find what was told but is not in the journal exactly once."""
    wrong: list[str] = []
    fills = Counter(one.fact.fill_id for one in records if isinstance(one.fact, Filled))
    kept = Counter((type(one.fact).__name__, one.sequence) for one in records)
    told_fills: Counter[str] = Counter()
    told: Counter[tuple[str, int]] = Counter()
    for line in lines:
        if line["event"] in TOLD:
            told[(TOLD[line["event"]], line["sequence"])] += 1
        if line["event"] == "order.filled":
            told_fills[line["fill_id"]] += 1
    wrong += [f"fill {name} is in the journal {n} times" for name, n in fills.items() if n != 1]
    for name, times in told_fills.items():
        if fills[name] != 1 or times != 1:
            wrong.append(f"fill {name}: told {times} times, journaled {fills[name]} times")
    for (kind, sequence), times in told.items():
        if times > kept[(kind, sequence)]:
            found = kept[(kind, sequence)]
            wrong.append(f"{kind} of sequence {sequence}: told {times} times, journaled {found}")
    figures.fills, figures.fills_logged = len(fills), len(told_fills)
    return wrong


class Campaign:
    """Exchange, daemon and what the journal held when we last looked."""

    def __init__(
        self, folder: Path, *, seed: int, speed: float, say: Callable[[str], None]
    ) -> None:
        self.figures = Figures()
        self.wrong: list[str] = []
        self._chance = np.random.default_rng(seed)
        self._say = say
        self._risk = RiskSettings()
        self._exchange = ExchangeProcess(folder, seed=seed, speed=speed)
        configuration = write_configuration(folder)
        self._exchange.start()
        self._daemon = DaemonProcess(configuration, self._exchange.url)
        self._url = f"sqlite:///{self._daemon.state / 'journal.sqlite'}"
        self._known = 0
        self._digest = _digest(())
        self._expected: dict[str, object] = {}

    def run(self, kills: int, exchange_kills: int) -> Figures:
        """Kill and look; the exchange dies too, a few times in between."""
        began = time.monotonic()
        deaths = {int(kills * (n + 1) / (exchange_kills + 1)) for n in range(exchange_kills)}
        try:
            self._wait_for_holdings()
            for number in range(1, kills + 1):
                self._let_it_run(first=number == 1)
                if number in deaths:
                    self._kill_exchange()
                self._daemon.kill()
                self.figures.kills += 1
                self._look(f"kill {number}")
            self._end()
        finally:
            self._daemon.end()
            self._exchange.end()
        self.figures.violations = len(self.wrong)
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _wait_for_holdings(self) -> None:
        """Run until there is something to lose."""
        self._start()
        self._ready()
        wait_for(self._holds_something, 120, "open positions and resting orders")

    def _holds_something(self) -> bool:
        if not self._daemon.alive:
            raise RuntimeError(f"the daemon ended: {self._daemon.said()[-3000:]}")
        time.sleep(0.1)
        ledger = _fold(self._records())
        return any(not chain.flat for chain in ledger.chains.values()) and bool(ledger.orders)

    def _let_it_run(self, *, first: bool) -> None:
        """Start the daemon unless it runs, and let a random while pass."""
        if not first:
            self._start()
        if not first and self._chance.random() < STARTUP_SHARE:
            time.sleep(float(self._chance.uniform(0.05, 1.2)))
            self.figures.startup_kills += self._daemon.find("daemon.ready") is None
            return
        self._ready()
        time.sleep(float(self._chance.uniform(0.2, 6.0)))
        if not self._holds_something():
            self._say("nothing to lose at the moment: waiting")
            wait_for(self._holds_something, 120, "open positions and resting orders")

    def _start(self) -> None:
        self._started = time.monotonic()
        self._daemon.start()

    def _ready(self) -> None:
        self._daemon.ready()
        ready_s = time.monotonic() - self._started
        self.figures.ready_s_max = max(self.figures.ready_s_max, ready_s)

    def _kill_exchange(self) -> None:
        self._exchange.kill()
        self.figures.exchange_kills += 1
        self._daemon.wait_line("feed.lost|feed.waiting", 10)
        time.sleep(float(self._chance.uniform(0.2, 1.5)))
        self._exchange.start()
        if self._daemon.find("daemon.ready") is not None and self.figures.exchange_kills % 2:
            self._daemon.wait_line("alert", 20, kind="feed_restored")

    def _end(self) -> None:
        """Start once more and stop as a person would."""
        self._start()
        self._ready()
        time.sleep(1.0)
        code = self._daemon.stop()
        if code != 0:
            self.wrong.append(f"the last, clean stop ended with {code}")
        self._look("clean stop")
        verified = run("verify", "--config", self._daemon.configuration)
        if verified.returncode != 0:
            self.wrong.append(f"trader verify: {verified.stderr or verified.stdout}")

    def _records(self) -> list[Recorded]:
        with Journal.create_or_open(self._url, writer=False) as journal:
            return [stored.recorded for stored in journal.read()]

    def _look(self, moment: str) -> None:
        """Check everything that must hold whenever the daemon is dead."""
        records = self._records()
        wrong = list(Audit(self._risk).read(records))
        wrong += recount(records, self._risk, self.figures)
        wrong += compare_with_log(records, self._daemon.lines(all_runs=True), self.figures)
        wrong += self._recovered()
        if _digest(records[: self._known]) != self._digest:
            wrong.append("the journal of before was changed")
        ledger = _fold(records)
        self._known, self._digest = len(records), _digest(records)
        self._expected = holdings(ledger, len(records))
        figures = self.figures
        figures.facts = len(records)
        figures.epochs = sum(isinstance(one.fact, EpochOpened) for one in records)
        figures.settlements = sum(isinstance(one.fact, Settled) for one in records)
        positions = sum(len(chain.legs) for chain in ledger.chains.values())
        if moment.startswith("kill"):
            figures.kills_with_positions += positions > 0
            figures.kills_with_orders += bool(ledger.orders)
        self._say(
            f"{moment}: {len(records)} facts, {positions} positions, {len(ledger.orders)} orders, "
            f"{len(wrong)} violations"
        )
        self.wrong += [f"{moment}: {what}" for what in wrong]

    def _recovered(self) -> list[str]:
        """Compare what this run recovered with what the facts said after the last death."""
        line = self._daemon.find("journal.recovered")
        if line is None or not self._expected:
            return []
        return [
            f"recovered {key} {line[key]}, the facts say {self._expected[key]}"
            for key in ("facts", "positions", "orders")
            if line[key] != self._expected[key]
        ]


def _fold(records: Iterable[Recorded]) -> Ledger:
    ledger = Ledger()
    for recorded in records:
        ledger.apply(recorded)
    return ledger


def _digest(records: Iterable[Recorded]) -> str:
    encoder = msgspec.json.Encoder(order="deterministic")
    digest = hashlib.sha256()
    for recorded in records:
        digest.update(encoder.encode(recorded))
    return digest.hexdigest()
