"""What would have happened? A driver: history and timers into the engine, facts into a history.

The engine is the one that trades by day, with its costs, fills, settlement and limits. Strategies
run at full stage; nothing else of the daemon takes part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.backtest.fitting import Calibrations
from trader.backtest.trade_history import Bookkeeper, TradeHistory
from trader.domain.events import BoardSnapshot, ResumeTrading, Stamped, TimerFired
from trader.domain.facts import MAIN_ACCOUNT, EpochOpened
from trader.domain.units import DAY, DOLLARS, HOUR, SECOND
from trader.engine.engine import MANAGE, MARK, OPEN, SWEEP, Engine, EngineSettings
from trader.engine.model_desk import Ensemble
from trader.engine.outcome import OutcomeDigest
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.strategies.strategy import asks_models, perpetuals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trader.backtest.history import History
    from trader.domain.events import Event
    from trader.engine.outcome import Outcome
    from trader.strategies.strategy import Strategy

NOTES: Final = (
    "run at full stage with live costs, fills, settlement and limits; the behavior layer is off",
    "sizes follow regime, drawdown and the record of this run's own chains so far, as live ones do",
    "exits are reviewed at each board; a halt ends at the next midnight, as if a person resumed",
    "equity is that of what is traded and of dollars: other coins have no price here",
)
"""What every backtest states of itself."""
DAILY: Final = "accounts are marked at midnights: drawdowns within a day do not show"
HOURLY: Final = "accounts are marked at midnights, and each hour while a perpetual is held"

RESUMED: Final = ResumeTrading(by="backtest", reason="a halt lasts until the next UTC day")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made under. `latency` overrides the broker's, in nanoseconds (a stress).

    The models of `ensemble` are fitted, as often as it says, for strategies that ask them.
    """

    balances: Mapping[str, float]
    risk: RiskSettings = RiskSettings()
    broker: BrokerSettings = BrokerSettings()
    latency: int | None = None
    ensemble: Ensemble | None = None


def run_backtest(
    strategy: Strategy,
    history: History,
    terms: Terms,
    start: int,
    end: int,
    *,
    fingerprint: bool = False,
    hear: Callable[[Outcome], None] | None = None,
) -> TradeHistory:
    """Trade one strategy through a span of history and tell what came of it.

    A function of its arguments. `fingerprint` adds a digest of every outcome; `hear` gets each
    outcome that has facts.

    Raises:
        ValueError: the history does not hold the span, or is of another underlying.
    """
    if strategy.underlying != history.underlying:
        raise ValueError(
            f"{strategy.name} trades {strategy.underlying}, the history is {history.underlying}'s"
        )
    run = _Run(strategy, history, terms, start, fingerprint=fingerprint, hear=hear)
    for at, event in history.events(start, end):
        run.wait_until(at)
        run.give(event, at)
        if isinstance(event, BoardSnapshot):
            run.calibrate(at)
            run.review(at)
    run.wait_until(end)
    return run.result(start, end)


class _Run:
    """One run in progress. Timers fire when something can come of them: see `wait_until`."""

    def __init__(
        self,
        strategy: Strategy,
        history: History,
        terms: Terms,
        start: int,
        *,
        fingerprint: bool,
        hear: Callable[[Outcome], None] | None,
    ) -> None:
        slot = Slot(strategy, "backtest", "PRODUCTION")
        settings = EngineSettings(quote_age_s_max=history.step / SECOND)
        ensemble = terms.ensemble if asks_models(strategy) else None
        self._engine = Engine([slot], terms.risk, terms.broker, settings, ensemble=ensemble)
        self._calibrations = Calibrations(self._engine, ensemble, start) if ensemble else None
        if terms.latency is not None:
            self._engine.broker.delay(terms.latency)
        self._history = history
        self._pays_funding = bool(perpetuals_of(strategy))
        self._open = OPEN + strategy.name
        self._manage = MANAGE + strategy.name
        self._books = Bookkeeper()
        self._digest = OutcomeDigest() if fingerprint else None
        self._hear = hear
        self._decisions = 0
        self._midnight = start - start % DAY + DAY
        epoch = EpochOpened(
            epoch=1, feed="backtest", speed=1.0, market=history.provenance.source,
            software="", configuration_hash="backtest", sizing=True,
        )  # fmt: skip
        coins = (history.underlying, *perpetuals_of(strategy))
        self._take(self._engine.start(epoch, _known(terms.balances, coins), start))

    def give(self, event: Event, at: int) -> Outcome:
        """Let the engine take one input."""
        outcome = self._engine.process(Stamped(self._engine.sequence + 1, at, event))
        self._take(outcome)
        return outcome

    def calibrate(self, at: int) -> None:
        """Fit the models to a board that has just come, where it is time; the answer is instant."""
        if self._calibrations is not None and self._calibrations.due(at):
            self._calibrations.run(at, self.give)

    def _take(self, outcome: Outcome) -> None:
        if outcome.facts:
            self._books.read(outcome.records)
            if self._hear is not None:
                self._hear(outcome)
        if self._digest is not None:
            self._digest.add(outcome)

    def review(self, at: int) -> None:
        """Look at orders, stops, halts and exits right after a board came."""
        if self._engine.ledger.chains:
            self._fire(SWEEP, at)
            deciding = self._engine.timers.due_at(self._open) == at  # which reviews exits as well
            if self._engine.ledger.chains and not deciding:
                self._fire(self._manage, at)

    def wait_until(self, at: int) -> None:
        """Fire what is due before an instant: decisions, midnights, orders that come of age.

        Between two boards nothing else changes: reviews fired there would see what the last one
        saw.
        """
        while True:
            due, name = self._next()
            if due >= at:
                return
            self._fire(name, due)
            if name == MARK and due == self._midnight:
                self._midnight += DAY
                if self._engine.ledger.account(MAIN_ACCOUNT).halts:
                    self.give(RESUMED, due)

    def _next(self) -> tuple[int, str]:
        decision = (self._engine.timers.due_at(self._open), self._open)
        nearest = min(decision, (self._midnight, MARK))
        now = self._engine.market.at
        if self._pays_funding and self._engine.ledger.chains:
            marked = now % HOUR or (self._engine.timers.due_at(MARK) or 0) > now
            nearest = min(nearest, (now - now % HOUR + HOUR if marked else now, MARK))
        for book in self._engine.ledger.orders.values():
            order = book.order
            for due in (order.live_at, order.patient_until, order.expires_at):
                if due > now:
                    nearest = min(nearest, (due, SWEEP))
        return nearest

    def _fire(self, name: str, at: int) -> None:
        self._decisions += name == self._open
        self.give(TimerFired(name, at), at)

    def result(self, start: int, end: int) -> TradeHistory:
        """Sum up."""
        books = self._books
        provenance = self._history.provenance
        notes = (*NOTES, HOURLY if self._pays_funding else DAILY)
        return TradeHistory(
            start=start,
            end=end,
            provenance=msgspec.structs.replace(provenance, caveats=provenance.caveats + notes),
            chains=tuple(books.chains),
            marks=tuple(books.marks),
            refused=dict(sorted(books.refused.items())),
            skipped=books.alerts.get("decision_skipped", 0),
            failed=books.alerts.get("strategy_failed", 0),
            halted=books.halted,
            open_chains=len(self._engine.ledger.chains),
            decisions=self._decisions,
            digest=self._digest.hexdigest() if self._digest is not None else "",
        )


def _known(balances: Mapping[str, float], coins: Sequence[str]) -> dict[str, float]:
    """Keep what the history of some coins can value: those and dollars."""
    return {name: held for name, held in balances.items() if name in (*coins, DOLLARS)}
