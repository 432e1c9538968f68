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
    BehaviorJudged,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Fact,
    Filled,
    FillFollowed,
    FundingPaid,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
    SessionOpened,
    SessionWithdrawn,
    Settled,
    SettlementPending,
)
from trader.domain.models import (
    REGIMES,
    EdgesWeighed,
    ModelCalibrated,
    ModelFact,
    RegimeChanged,
    WeightsAdopted,
)
from trader.domain.trading import Approved, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.facts import Recorded
    from trader.engine.conduct import Tape

STAGE_LEVEL = {"RESEARCH": 0, "PILOT": 1, "PRODUCTION": 2}
COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
LATENCY_BUCKETS_S = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5,
    1.0, 2.5,
)  # fmt: skip


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
        self._build_models()

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
        self.event_latency = Histogram(
            "trader_event_latency_seconds",
            "Wall time of an event from the inbox until the engine has processed it.",
            buckets=LATENCY_BUCKETS_S,
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
        self.followed = self._counter(
            "trader_quotes_followed",
            "Units that quotes traded and that were looked at.",
            "strategy",
        )
        self.drift = self._gauge(
            "trader_quotes_drift",
            "What the market moved in favor of quotes after their fills, since the start.",
            "strategy",
            "currency",
        )
        self.orders_ended = self._counter("trader_orders_ended", "Orders at their end.", "end")
        self.chains_ended = self._counter(
            "trader_chains_ended", "Structures that became flat.", "strategy", "how"
        )
        self.alerts = self._counter("trader_alerts", "Alerts raised.", "kind", "severity")
        self.behavior = self._counter(
            "trader_behavior_alerts", "New alerts about behavior.", "trader", "type", "severity"
        )
        self.commands = self._counter("trader_commands", "Commands of people.", "kind")
        self.nights = self._counter("trader_nights", "Nightly evaluations taken.")
        self.notifications = self._counter(
            "trader_notifications", "Notices to people, by what became of them.", "kind", "fate"
        )

    def _build_accounts(self) -> None:
        """Declare what the accounts stand at."""
        self.equity_usd = self._gauge("trader_equity_usd", "Equity of an account.", "account")
        self.trading_pnl_usd = self._gauge(
            "trader_trading_pnl_usd", "Result against holding the start.", "account"
        )
        self.halted = self._gauge("trader_halted", "1 while a halt stops opens.", "rule")
        self.risk_multiplier = self._gauge(
            "trader_risk_multiplier", "What behavior leaves of new risk, 0 to 1.", "trader"
        )
        self.stage = self._gauge("trader_stage", "0 RESEARCH, 1 PILOT, 2 PRODUCTION.", "strategy")

    def _build_models(self) -> None:
        """Declare what the models stand at."""
        self.regime = self._gauge(
            "trader_regime", "1 for the market regime of a coin, 0 for others.", "coin", "regime"
        )
        self.calibrations = self._counter(
            "trader_calibrations", "Fits of models to boards.", "coin", "model", "result"
        )
        self.fit_error = self._gauge(
            "trader_fit_error", "Error of the last fit, in volatility.", "coin", "model"
        )
        self.model_loss = self._gauge(
            "trader_model_loss", "Loss of the last forecasts, 0 to 1.", "coin", "model"
        )
        self.model_weight = self._gauge(
            "trader_model_weight", "Weight of a model in a regime.", "coin", "regime", "model"
        )
        self.edges = self._counter("trader_edges", "Edges weighed.", "strategy", "taken")

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

    def restrain(self, tapes: Iterable[tuple[str | None, Tape]], at: int) -> None:
        """Show what behavior leaves of the new risk of each trader now."""
        for strategy, tape in tapes:
            self.risk_multiplier.labels(strategy or "account").set(tape.scaled(at))

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
            case FillFollowed():
                if fact.mid is not None:
                    self.followed.labels(fact.strategy).inc(abs(fact.amount))
                    self.drift.labels(fact.strategy, fact.currency).inc(fact.drift)
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
            case BehaviorJudged():
                for alert in fact.alerts:
                    if alert.fresh:
                        trader = fact.strategy or "account"
                        self.behavior.labels(trader, alert.type, alert.severity).inc()
            case StageChanged():
                self.stage.labels(fact.strategy).set(STAGE_LEVEL[fact.stage])
            case NightEvaluated():
                self.nights.inc()
            case RegimeChanged() | ModelCalibrated() | WeightsAdopted() | EdgesWeighed():
                self._count_models(fact)
            case (
                EpochOpened()
                | AccountOpened()
                | OrderPlaced()
                | SessionOpened()
                | SessionWithdrawn()
                | FundingPaid()
                | SettlementPending()
                | Settled()
            ):
                pass
            case _:
                assert_never(fact)

    def _count_models(self, fact: ModelFact) -> None:
        """Move what one fact of the models moves."""
        match fact:
            case RegimeChanged(underlying=coin):
                for name in (*REGIMES, "unknown"):
                    self.regime.labels(coin, name).set(float(name == (fact.regime or "unknown")))
            case ModelCalibrated(underlying=coin, reason=""):
                self.calibrations.labels(coin, fact.model, "fitted").inc()
                self.fit_error.labels(coin, fact.model).set(fact.error)
            case ModelCalibrated(underlying=coin):
                self.calibrations.labels(coin, fact.model, "not_fitted").inc()
            case WeightsAdopted(underlying=coin):
                for model, loss in fact.losses.items():
                    self.model_loss.labels(coin, model).set(loss)
                for model, weight in fact.weights.items():
                    self.model_weight.labels(coin, fact.regime or "unknown", model).set(weight)
            case EdgesWeighed(strategy=strategy):
                for taken in fact.taken:
                    self.edges.labels(strategy, "yes" if taken else "no").inc()
            case _:
                assert_never(fact)
