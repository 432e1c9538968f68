"""What does the daemon count? Prometheus metrics, fed from facts and from the loop's own pulse."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector

from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.facts import (
    AccountMarked,
    AccountOpened,
    AlertRaised,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Fact,
    Filled,
    FundingPaid,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
    Settled,
    SettlementPending,
)
from trader.domain.trading import Approved, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.facts import Recorded

STAGE_LEVEL = {"RESEARCH": 0, "PILOT": 1, "PRODUCTION": 2}
COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Every metric of one daemon, in a registry of its own: two daemons in a process do not mix.

    Counters follow the facts of this run; they start at zero with the process, as Prometheus
    expects. Labels are bounded: kinds, rules, strategies and accounts, never ids.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._events = 0
        self._conflated = 0
        ProcessCollector(registry=self.registry)
        self._build_pulse()
        self._build_trading()
        self._build_accounts()

    def _build_pulse(self) -> None:
        """Declare what the loop reports of itself."""
        self.events = self._counter("trader_events", "Events the engine took.")
        self.conflated = self._counter(
            "trader_quotes_conflated", "Quotes replaced by a newer one before the engine."
        )
        self.faults = self._counter("trader_feed_faults", "Faults of the feed.", "kind")
        self.reconnects = self._counter("trader_feed_connects", "Connections made to the feed.")
        self.feed_alive = self._gauge("trader_feed_alive", "1 while the feed's connection lives.")
        self.queue_length = self._gauge("trader_queue_length", "Events waiting for the engine.")
        self.data_quality = self._gauge(
            "trader_data_quality", "Score of a channel of the market, 0 to 1.", "channel"
        )
        self.loop_lag_seconds = self._gauge(
            "trader_loop_lag_seconds", "How late the event loop woke up last."
        )
        self.progress_age_seconds = self._gauge(
            "trader_progress_age_seconds", "Wall time since the engine last moved."
        )
        self.market_time_seconds = self._gauge(
            "trader_market_time_seconds", "The market clock, in Unix seconds."
        )
        self.sequence = self._gauge("trader_sequence", "Sequence of the last event.")
        self.held = self._gauge("trader_held", "How many things are held in memory.", "what")
        self.commit_seconds = Histogram(
            "trader_journal_commit_seconds",
            "Time to make facts durable.",
            buckets=COMMIT_BUCKETS_S,
            registry=self.registry,
        )

    def _build_trading(self) -> None:
        """Declare what facts are counted."""
        self.facts = self._counter("trader_facts", "Facts journaled.", "kind")
        self.approved = self._counter(
            "trader_approved", "Intents the gate approved.", "strategy", "action"
        )
        self.refused = self._counter(
            "trader_refused", "Intents the gate refused, by rule.", "strategy", "rule"
        )
        self.fills = self._counter("trader_fills", "Fills.", "strategy")
        self.orders_ended = self._counter("trader_orders_ended", "Orders at their end.", "end")
        self.chains_ended = self._counter(
            "trader_chains_ended", "Structures that became flat.", "strategy", "how"
        )
        self.alerts = self._counter("trader_alerts", "Alerts raised.", "kind", "severity")
        self.commands = self._counter("trader_commands", "Commands of people.", "kind")
        self.nights = self._counter("trader_nights", "Nightly evaluations taken.")

    def _build_accounts(self) -> None:
        """Declare what the accounts stand at."""
        self.equity_usd = self._gauge("trader_equity_usd", "Equity of an account.", "account")
        self.trading_pnl_usd = self._gauge(
            "trader_trading_pnl_usd", "Result against holding the start.", "account"
        )
        self.halted = self._gauge("trader_halted", "1 while a halt stops opens.", "rule")
        self.stage = self._gauge("trader_stage", "0 RESEARCH, 1 PILOT, 2 PRODUCTION.", "strategy")

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        """Declare a counter in our registry."""
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        """Declare a gauge in our registry."""
        return Gauge(name, documentation, labels, registry=self.registry)

    def record(self, facts: Iterable[Recorded]) -> None:
        """Count facts that have just become durable, each once."""
        for recorded in facts:
            self.facts.labels(type(recorded.fact).__name__).inc()
            self._count(recorded.fact)

    def follow(self, *, events: int, conflated: int) -> None:
        """Move the counters of what others count up to their totals; totals only grow."""
        self.events.inc(events - self._events)
        self.conflated.inc(conflated - self._conflated)
        self._events, self._conflated = events, conflated

    def hold(self, sizes: Mapping[str, int]) -> None:
        """Show how many things of each kind are held in memory."""
        for name, size in sizes.items():
            self.held.labels(name).set(size)

    def score(self, scores: Mapping[str, float]) -> None:
        """Show the scores of the channels there are, and of no other."""
        self.data_quality.clear()
        for channel, score in scores.items():
            self.data_quality.labels(channel).set(score)

    def text(self) -> bytes:
        """Write every metric in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)

    def _count(self, fact: Fact) -> None:
        """Move what one fact moves."""
        match fact:
            case Approved():
                self.approved.labels(fact.intent.strategy, fact.intent.action).inc()
            case Refused():
                self.refused.labels(fact.intent.strategy, fact.rule).inc()
            case Filled():
                self.fills.labels(fact.strategy).inc()
            case OrderEnded():
                self.orders_ended.labels(fact.end).inc()
            case ChainEnded():
                self.chains_ended.labels(fact.strategy, fact.how).inc()
            case AlertRaised():
                self.alerts.labels(fact.kind, fact.severity).inc()
            case CommandTaken():
                self.commands.labels(type(fact.command).__name__).inc()
            case AccountMarked():
                self.equity_usd.labels(fact.account).set(fact.equity_usd)
                self.trading_pnl_usd.labels(fact.account).set(fact.trading_pnl_usd)
            case HaltChanged():
                self.halted.labels(fact.rule).set(float(fact.active))
            case StageChanged():
                self.stage.labels(fact.strategy).set(STAGE_LEVEL[fact.stage])
            case NightEvaluated():
                self.nights.inc()
            case (
                EpochOpened()
                | AccountOpened()
                | OrderPlaced()
                | FundingPaid()
                | SettlementPending()
                | Settled()
            ):
                pass
            case _:
                assert_never(fact)
