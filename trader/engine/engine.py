"""What happens next? One synchronous step: `Engine.process(stamped) -> Outcome`.

No clock, no I/O, no await, no logging. Live, replay and backtest are drivers around this call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from pydantic import BaseModel, ConfigDict, Field

from trader.behavior.settings import BehaviorSettings
from trader.domain.errors import InvariantBroken
from trader.domain.events import (
    BoardSnapshot,
    ClosePosition,
    DeliveryPrice,
    Demote,
    FeedFault,
    FeedLost,
    FeedRestored,
    FlattenAll,
    FundingRate,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    NightEvaluated,
    PauseTrading,
    Promote,
    Quote,
    RecordingTrouble,
    ResumeTrading,
    RunNightly,
    StageChanged,
    TimerFired,
)
from trader.domain.facts import AlertRaised
from trader.domain.models import ModelCalibrated
from trader.domain.units import DAY, HOUR, MINUTE, NEVER, SECOND, day_date, utc_day
from trader.engine import commands, housekeeping, opening, quoting
from trader.engine.families import Families
from trader.engine.guard import Guard
from trader.engine.ledger import Ledger
from trader.engine.market_state import MarketState
from trader.engine.model_desk import CALIBRATE, ModelDesk
from trader.engine.outcome import NightNeeded, Outcome
from trader.engine.paper_broker import BrokerSettings, PaperBroker
from trader.engine.perpetuals import Perpetuals
from trader.engine.review import Review
from trader.engine.settlement import next_expiry
from trader.engine.stages import StageSettings
from trader.engine.step import Step
from trader.engine.timers import Timers
from trader.engine.trading_desk import TradingDesk
from trader.engine.trust import ALL
from trader.risk.gate import Gate
from trader.strategies.selector import SelectorSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.events import Event, Stamped
    from trader.domain.facts import EpochOpened, Recorded
    from trader.engine.model_desk import Ensemble
    from trader.engine.review import Slot
    from trader.risk.limits import RiskSettings

SWEEP = "sweep"
MARK = "mark"
OPEN = "open:"
MANAGE = "manage:"
NIGHTLY = "nightly"
ALERT_TEXT_MAX = 500


class EngineSettings(BaseModel):
    """How the engine looks at the market."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    quote_age_s_max: float = Field(
        default=30.0,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="A quote older than this (market age / clock speed, seconds) is stale.",
    )
    sweep_s: int = Field(
        default=60,
        ge=1,
        le=3600,
        description="Market seconds between looks at resting orders, stops and halts.",
    )
    night_minute: int = Field(
        default=10,
        ge=0,
        le=720,
        description="Minutes past 00:00 UTC at which the day just ended is evaluated.",
    )
    selector: SelectorSettings = Field(
        default_factory=SelectorSettings, description="[engine.selector]"
    )


class Engine:
    """The deterministic core.

    Invariants: sequences are gap-free, time never runs backward, nothing changes the ledger but
    the facts of an outcome. Call `start` once per epoch after `recover`, then `process` per input.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        risk: RiskSettings,
        broker: BrokerSettings,
        settings: EngineSettings,
        stages: StageSettings | None = None,
        behavior: BehaviorSettings | None = None,
        ensemble: Ensemble | None = None,
    ) -> None:
        self._stages = stages or StageSettings()
        self._night_offset = settings.night_minute * MINUTE
        self.ledger = Ledger()
        self.market = MarketState(settings.quote_age_s_max)
        self.broker = PaperBroker(broker)
        self.timers = Timers()
        strategies = [slot.strategy for slot in slots]
        self.perpetuals = Perpetuals(strategies, self.market)
        self._guard = Guard(behavior or BehaviorSettings(), self.ledger)
        self.models = ModelDesk(self.market, ensemble)
        families = Families(strategies, settings.selector)
        self.review = Review(
            self.ledger, self.market, self.perpetuals, self._guard, self.models, families
        )
        self.slots = {slot.name: slot for slot in slots}
        self.sequence = -1
        self._next_expiry = NEVER
        self._sweep = settings.sweep_s * SECOND
        self._desk = TradingDesk(
            Gate(risk), risk, self.ledger, self.market, self.broker, self.review
        )

    def recover(self, recorded: Recorded) -> None:
        """Fold one journaled fact, oldest first, before `start`; nothing is decided again."""
        self._fold(recorded)
        self.sequence = recorded.sequence

    def _fold(self, recorded: Recorded) -> None:
        self.ledger.apply(recorded)
        self.broker.recall(recorded.fact)
        self.models.book.apply(recorded.fact, recorded.at)

    def start(self, epoch: EpochOpened, balances: Mapping[str, float], at: int) -> Outcome:
        """Open an epoch: accounts and stages that are new, timers, and what was left pending."""
        opening.open_market(self.market, epoch)
        step = self._step(self.sequence + 1, at)
        step.record(epoch)
        opening.open_accounts(self.ledger, self.slots, balances, step)
        opening.assign_stages(self.ledger, self.slots, step)
        self.timers.add(SWEEP, self._sweep, 0, at)
        self.timers.add(MARK, HOUR, 0, at)
        self.timers.add(NIGHTLY, DAY, self._night_offset, at)
        if self.models.cadence is not None:
            self.timers.add(CALIBRATE, *self.models.cadence, at)
        for name, slot in self.slots.items():
            cadence = slot.strategy.cadence()
            self.timers.add(OPEN + name, cadence.every, cadence.offset, at)
            self.timers.add(MANAGE + name, cadence.manage_every, 0, at)
        for book in self.ledger.orders.values():
            self.broker.resume(book, at)
        self.perpetuals.keep(self.ledger.held())
        self._tidy_up(step)
        housekeeping.ask_for_deliveries(self.ledger, step)
        self._ask_for_night(step)  # however many were missed while down: one
        return self._outcome(step)

    def _ask_for_night(self, step: Step) -> None:
        """Ask for the night of the last day that ended, if it traded and was not judged yet."""
        today = utc_day(step.at - self._night_offset)
        date = day_date(today - 1).isoformat()
        if date > self.ledger.night_of and today * DAY > self.ledger.began_at:
            step.requests.append(NightNeeded(date))

    def process(self, stamped: Stamped) -> Outcome:
        """Take one input and tell everything it caused.

        Raises:
            InvariantBroken: the input breaks sequence or time, or a step contradicts the books.
        """
        step = self._step(stamped.sequence, stamped.at)
        if stamped.at >= self._next_expiry:
            self._tidy_up(step)  # first: nobody is asked about a chain that has expired
        before = self.ledger.version
        self._observe(stamped.event, step)
        if self.ledger.version != before:
            self._tidy_up(step)
        self._guard.review(step)
        return self._outcome(step, self._quality(stamped.event))

    def _quality(self, event: Event) -> float | None:
        """Score the channel an event came by; None for what comes by none."""
        if isinstance(event, Quote):
            return self.market.score(event.instrument)
        return self.market.index_score(event.underlying) if isinstance(event, IndexPrice) else None

    def _step(self, sequence: int, at: int) -> Step:
        if sequence != self.sequence + 1:
            raise InvariantBroken(f"sequence {sequence} follows {self.sequence}: an input is lost")
        if at < self.market.at or at < self.ledger.at:
            raise InvariantBroken(f"time runs backward: {at} after {self.market.at}")
        self.sequence = sequence
        self.market.at = at
        return Step(self._fold, sequence, at)

    def _outcome(self, step: Step, quality: float | None = None) -> Outcome:
        marks = self.review.data_quality() if step.facts else ()
        facts, requests = tuple(step.facts), tuple(step.requests)
        return Outcome(step.sequence, step.at, facts, requests, marks, quality)

    def _tidy_up(self, step: Step) -> None:
        housekeeping.expire(self.ledger, step)
        housekeeping.end_chains(self.ledger, self.market, step)
        self._next_expiry = next_expiry(self.ledger) or NEVER

    def _observe(self, event: Event, step: Step) -> None:
        match event:
            case Quote():
                if self.market.quote(event, step.at):
                    self._quoted(event.instrument, step)
            case IndexPrice():
                self.market.index_price(event, step.at)
            case BoardSnapshot():
                self.market.snapshot(event, step.at)
                self.broker.look_around(self.market)
                self._desk.work(step)
                self.perpetuals.look_around()
                self._desk.watch(step)
            case TimerFired():
                self._timer(event, step)
            case FundingRate():
                self.market.funding_rate(event)
            case DeliveryPrice():
                housekeeping.expire(self.ledger, step)
                housekeeping.settle(self.ledger, self.market, event, step)
                commands.flatten_assigned(self._desk, step)
            case HistoryLoaded():
                self.market.bars.load(event.underlying, event.bars, step.at)
                self.perpetuals.load(event, step.at)
                self.models.load(event, step.at)
            case InstrumentListed():
                self.market.list(event.instruments)
            case InstrumentExpired():
                housekeeping.expire(self.ledger, step)
                self._desk.work(step)
                self.market.expire(event.names)
                self.broker.forget(event.names)
            case FeedLost():
                self._distrust(event, step)
            case FeedRestored():
                self.market.restored(event)
                step.record(_alert(event))
            case FeedFault():
                self.market.fault(event)
            case RecordingTrouble():
                step.record(_alert(event))
            case ModelCalibrated():
                self.models.take(event, step)
            case StageChanged():
                commands.change_stage(self._desk, self.slots, event, step)
            case NightEvaluated():
                commands.take_night(self._desk, self.slots, event, self._stages, step)
            case (
                PauseTrading()
                | ResumeTrading()
                | ClosePosition()
                | FlattenAll()
                | Promote()
                | Demote()
                | RunNightly()
            ):
                commands.take(self._desk, self.slots, event, self._stages, step)
            case _:
                assert_never(event)

    def _quoted(self, instrument: str, step: Step) -> None:
        """Let what one new quote concerns go on: orders, and of a perpetual bars and stops."""
        self.broker.look(instrument, self.market)
        if self.ledger.orders:
            self._desk.work(step, instrument)
        if instrument in self.perpetuals.underlyings:
            self.perpetuals.look(instrument)
            self._desk.watch(step, instrument)

    def _distrust(self, event: FeedLost, step: Step) -> None:
        """Doubt what was lost; of hundreds lost one by one a person hears at each doubling."""
        before = self.market.trust.suspended_count
        self.market.lost(event)
        doubted = self.market.trust.suspended_count
        if ALL in event.scope or doubted.bit_length() > before.bit_length():
            step.record(_alert(event, doubted))

    def _timer(self, fired: TimerFired, step: Step) -> None:
        self.timers.fired(fired.name, step.at)
        if fired.name == SWEEP:
            self._desk.work(step)
            self._desk.watch(step)
            self._desk.stop_losses(step)
            self._desk.halts(step)
            quoting.follow(self.ledger, self.market, step)
            self.models.look(step)
        elif fired.name == MARK:
            self.models.listen()
            housekeeping.pay_funding(self.ledger, self.market, step)
            housekeeping.mark(self.ledger, self.review, step)
            self._desk.halts(step)
        elif fired.name == NIGHTLY:
            self._ask_for_night(step)
        elif fired.name == CALIBRATE:
            self.models.due(step)
        elif fired.name.startswith(OPEN):
            self._desk.ask(self.slots[fired.name.removeprefix(OPEN)], "open", step)
        else:
            self._desk.ask(self.slots[fired.name.removeprefix(MANAGE)], "manage", step)


def _alert(event: FeedLost | FeedRestored | RecordingTrouble, doubted: int = 0) -> AlertRaised:
    """Phrase what a person should see of the feed and the recorder."""
    text = event.detail[:ALERT_TEXT_MAX]
    match event:
        case FeedLost():
            more = f"; {doubted} are doubted now" if doubted > len(event.scope) else ""
            text = f"{event.kind} ({', '.join(event.scope[:5])}): {event.detail}"
            text = text[: ALERT_TEXT_MAX - len(more)] + more
            return AlertRaised(kind="feed_lost", severity="warning", text=text)
        case FeedRestored():
            return AlertRaised(kind="feed_restored", severity="info", text=text)
        case RecordingTrouble(kind="recording_trimmed"):
            return AlertRaised(kind=event.kind, severity="warning", text=text)
        case RecordingTrouble():
            return AlertRaised(kind=event.kind, severity="critical", text=text)
