"""What does the engine trade on in these tests? A small hand-quoted market and scripted wishes."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, ClassVar, assert_never

import msgspec
import numpy as np
import pydantic

from tests.builders import INDEX, NOW, at_eight, option
from trader.behavior.settings import BehaviorSettings
from trader.domain import facts, models
from trader.domain.events import (
    IndexPrice,
    InstrumentListed,
    NightEvaluated,
    Quote,
    StageChanged,
    Stamped,
    TimerFired,
)
from trader.domain.instruments import Instrument
from trader.domain.trading import (
    Approved,
    Intent,
    Leg,
    Pricing,
    Refused,
    Stop,
    Withheld,
)
from trader.domain.units import HOUR, MINUTE, YEAR
from trader.engine.audit import Audit
from trader.engine.engine import MANAGE, OPEN, Engine, EngineSettings
from trader.engine.outcome import DeliveryPriceNeeded
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.pricing.black_scholes import price
from trader.risk.limits import RiskSettings
from trader.strategies.strategy import Cadence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trader.domain.events import Event
    from trader.domain.facts import Fact, Recorded
    from trader.domain.situation import Situation
    from trader.domain.trading import Action, Stage
    from trader.engine.chains import Chain
    from trader.engine.model_desk import Ensemble
    from trader.engine.outcome import Outcome, Request
    from trader.engine.review import Occasion
    from trader.strategies.strategy import SketchLeg

BALANCES = {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0}
TODAY = at_eight(1)
STRIKES = {"BTC": range(70_000, 115_001, 2_500), "ETH": range(2_400, 3_601, 100)}


class NoSettings(pydantic.BaseModel):
    """A scripted strategy has no parameters."""


@dataclasses.dataclass(frozen=True)
class Scripted:
    """Wishes for whatever the test says, when it is asked; not registered anywhere."""

    kind: ClassVar[str] = "scripted"
    Settings: ClassVar[type[pydantic.BaseModel]] = NoSettings

    name: str
    underlying: str
    wishes: Callable[[Situation], tuple[Intent, ...]]
    settings: pydantic.BaseModel = dataclasses.field(default_factory=NoSettings)

    def cadence(self) -> Cadence:
        """Be asked every hour, and about exits every half hour."""
        return Cadence(every=HOUR, offset=0, manage_every=30 * MINUTE)

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Wish as scripted."""
        return self.wishes(situation)

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """Offer nothing to study."""
        return {}

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw nothing."""
        return ()


def perpetual(underlying: str = "BTC") -> Instrument:
    """List the inverse perpetual."""
    return Instrument(
        name=f"{underlying}-PERPETUAL", kind="perpetual", underlying=underlying,
        settlement_currency=underlying, inverse=True, price_index=f"{underlying.lower()}_usd",
        tick_size=0.5, min_trade_amount=10.0, contract_size=10.0, maker_fee_rate=0.0,
        taker_fee_rate=0.0005, settlement_period="perpetual",
    )  # fmt: skip


@functools.cache
def listed(underlying: str = "BTC", days: tuple[int, ...] = (1, 3)) -> tuple[Instrument, ...]:
    """List calls and puts of a few expiries, and the perpetual."""
    options = tuple(
        option(kind, float(strike), at_eight(day), underlying)
        for day in days
        for strike in STRIKES[underlying]
        for kind in ("call", "put")
    )
    return (*options, perpetual(underlying))


CALL = option("call", 92_500.0).name
CALL_UP = option("call", 95_000.0).name
CALL_LATER = option("call", 95_000.0, at_eight(3)).name
PUT = option("put", 87_500.0).name
PUT_DOWN = option("put", 85_000.0).name
COVERED = (Leg(CALL, -1),)
VERTICAL = (Leg(PUT, -1), Leg(PUT_DOWN, 1))


def wish(
    legs: tuple[Leg, ...] = COVERED,
    *,
    strategy: str = "alpha",
    action: Action = "open",
    chain_id: str | None = None,
    amount: float | None = 1.0,
    pricing: Pricing | None = None,
    underlying: str = "BTC",
    stop: Stop | None = None,
    tag: str = "",
    withheld: Withheld | None = None,
) -> Intent:
    """Wish for a trade; a limit is the touch at the moment of approval unless stated."""
    return Intent(
        strategy=strategy,
        action=action,
        underlying=underlying,
        legs=legs,
        confidence=0.75,
        reason="the test says so",
        chain_id=chain_id,
        amount=amount,
        pricing=pricing or Pricing(),
        stop=stop,
        tag=tag,
        withheld=withheld,
    )


class Floor:
    """An engine with scripted strategies on a market that the test moves. Starts at 18:00 UTC.

    `told` tells what happened since it was last asked, a line per fact; marks are left out.
    """

    def __init__(
        self,
        *,
        stages: Mapping[str, Stage] | None = None,
        risk: RiskSettings | None = None,
        underlyings: tuple[str, ...] = ("BTC",),
        hashes: Mapping[str, str] | None = None,
        balances: Mapping[str, float] | None = None,
        days: tuple[int, ...] = (1, 3),
        at: int = NOW,
        behavior: BehaviorSettings | None = None,
        ensemble: Ensemble | None = None,
        settings: EngineSettings | None = None,
        sizing: bool = False,
    ) -> None:
        self.sizing = sizing
        self.ensemble = ensemble
        self.settings = settings or EngineSettings()
        self.stages: dict[str, Stage] = dict(stages or {"alpha": "PRODUCTION"})
        self.hashes = dict(hashes or {})
        self.risk = risk or RiskSettings()
        self.balances = balances or BALANCES
        self.at = at
        self.behavior = behavior
        self.epoch = 0
        self.listed = {one: listed(one, days) for one in underlyings}
        self.spot = dict(INDEX)
        self.iv = 0.8
        self.size = 25.0
        self.records: list[Recorded] = []
        self.requests: list[Request] = []
        self.inputs: list[Stamped] = []
        self._script: dict[str, tuple[Intent, ...]] = {}
        self._seen = 0
        self.engine = self.make_engine()
        self.start()

    def make_engine(self) -> Engine:
        """Make an engine that knows nothing yet."""
        slots = [
            Slot(
                Scripted(name, "BTC", functools.partial(self._wishes, name)),
                self.hashes.get(name, "v1"),
                stage,
            )
            for name, stage in self.stages.items()
        ]
        return Engine(
            slots, self.risk, BrokerSettings(), self.settings, behavior=self.behavior,
            ensemble=self.ensemble,
        )  # fmt: skip

    def _wishes(self, name: str, _: Situation) -> tuple[Intent, ...]:
        return self._script.get(name, ())

    def start(self) -> Outcome:
        """Open an epoch and show the market."""
        self.epoch += 1
        epoch = facts.EpochOpened(
            epoch=self.epoch, feed="test", speed=1.0, market="test", software="test",
            configuration_hash="test", behavior=self.behavior is not None, sizing=self.sizing,
        )  # fmt: skip
        started = self._take(self.engine.start(epoch, self.balances, self.at))
        for instruments in self.listed.values():
            self.send(InstrumentListed(instruments))
        self.show()
        return started

    def restart(self) -> Outcome:
        """Kill the engine; fold the facts, through their JSON, into a new one."""
        decoder = msgspec.json.Decoder(facts.Recorded)
        self.engine = self.make_engine()
        for recorded in self.records:
            self.engine.recover(decoder.decode(msgspec.json.encode(recorded)))
        return self.start()

    def send(self, event: Event) -> Outcome:
        """Process one event now."""
        stamped = Stamped(self.engine.sequence + 1, self.at, event)
        self.inputs.append(stamped)
        return self._take(self.engine.process(stamped))

    def _take(self, outcome: Outcome) -> Outcome:
        self.records.extend(outcome.records)
        self.requests.extend(outcome.requests)
        return outcome

    def show(self) -> None:
        """Quote the index and every contract afresh, by Black-76, two ticks wide."""
        for underlying, spot in self.spot.items():
            self.send(IndexPrice(underlying, spot, self.at))
            living = [
                one
                for one in self.listed.get(underlying, ())
                if (one.expires_at or self.at + 1) > self.at
            ]
            for one, mark in zip(living, self._marks(living, spot), strict=True):
                self.send(self._quote(one, spot, mark, self.size))

    def quote_of(self, one: Instrument, spot: float) -> Quote:
        """Quote one contract at its fair value."""
        return self._quote(one, spot, self._marks([one], spot)[0], self.size)

    def _marks(self, instruments: list[Instrument], spot: float) -> list[float]:
        """Value contracts in coin, the perpetual in USD."""
        kinds = [-1 if one.option_type == "put" else 1 for one in instruments]
        strikes = [one.strike or spot for one in instruments]
        years = [max((one.expires_at or self.at) - self.at, 0) / YEAR for one in instruments]
        usd = price(np.array(kinds), spot, np.array(strikes), np.array(years), self.iv)
        return [
            value / spot if one.kind == "option" else spot
            for one, value in zip(instruments, usd.tolist(), strict=True)
        ]

    def _quote(self, one: Instrument, spot: float, mark: float, size: float) -> Quote:
        if one.kind == "perpetual":
            return Quote(
                one.name, self.at, spot - 1, 1e6, spot + 1, 1e6, spot, math.nan, spot, spot
            )
        steps = mark / 0.0001
        bid = round((math.ceil(steps) - 2) * 0.0001, 10)
        ask = round((math.floor(steps) + 2) * 0.0001, 10)
        return Quote(
            one.name, self.at, bid if bid > 0 else math.nan, size if bid > 0 else 0.0, ask, size,
            mark, self.iv, spot, spot,
        )  # fmt: skip

    def ask(self, *intents: Intent, occasion: Occasion = "open", by: str = "alpha") -> Outcome:
        """Let a strategy wish for something right now."""
        self._script = {by: intents}
        name = (OPEN if occasion == "open" else MANAGE) + by
        outcome = self.send(TimerFired(name, self.at))
        self._script = {}
        return outcome

    def pass_time(self, duration: int, *, show: bool = True, fire: bool = True) -> None:
        """Let time pass: new quotes (what is showing may trade), then the timers that are due."""
        self.at += duration
        if show:
            self.show()
        while fire and (due := self.engine.timers.next_due()) and due[0] <= self.at:
            self.send(TimerFired(due[1], due[0]))

    def go_to(self, at: int, *, show: bool = True) -> None:
        """Let time pass up to an instant."""
        self.pass_time(at - self.at, show=show)

    def move(self, spot: float, underlying: str = "BTC") -> None:
        """Move the market within a second."""
        self.spot[underlying] = spot
        self.pass_time(1_000_000_000)

    def trade(self, *intents: Intent, by: str = "alpha") -> Chain:
        """Open what is wished for and let it fill; return the new chain."""
        known = set(self.engine.ledger.chains)
        self.ask(*intents, by=by)
        self.pass_time(1_000_000_000)
        (new,) = [one for name, one in self.engine.ledger.chains.items() if name not in known]
        return new

    def chains(self) -> list[Chain]:
        """List the living chains."""
        return list(self.engine.ledger.chains.values())

    def cash(self, currency: str = "BTC", account: str = "main") -> int:
        """Tell the atoms of a currency."""
        return self.engine.ledger.account(account).cash[currency]

    def touch(self, name: str) -> tuple[float, float]:
        """Tell bid and ask of a contract."""
        shown = self.engine.market.touch(name)
        assert shown is not None
        return shown.bid, shown.ask

    def deliveries_wanted(self) -> list[Request]:
        """List the delivery prices that were asked for."""
        return [one for one in self.requests if isinstance(one, DeliveryPriceNeeded)]

    def told(self) -> list[str]:
        """Tell the facts since last asked, a line each, without marks."""
        lines = [line(one.fact) for one in self.records[self._seen :]]
        self._seen = len(self.records)
        return [one for one in lines if one]

    def audit(self) -> tuple[str, ...]:
        """Let the auditor read every fact so far."""
        return Audit(self.risk).read(self.records)


def line(fact: Fact) -> str:
    """Write one fact in a few words."""
    match fact:
        case Approved():
            return f"approved {fact.intent.action} {fact.amount:g} of {fact.intent.strategy}"
        case Refused():
            return f"refused {fact.intent.action} of {fact.intent.strategy}: {fact.rule}"
        case facts.OrderPlaced():
            return f"placed {fact.order.action} {fact.order.amount:g} on {fact.order.account}"
        case facts.OrderEnded():
            return f"ended {fact.end}"
        case facts.Filled():
            return f"filled {fact.amount:g}"
        case facts.SettlementPending():
            return f"pending {len(fact.instruments)}"
        case facts.Settled():
            return f"settled {len(fact.legs)} at {fact.delivery_price:g}"
        case facts.SessionOpened():
            return f"session of {fact.strategy}"
        case facts.SessionWithdrawn():
            return f"withdrawn: {fact.reason}"
        case facts.FillFollowed():
            return f"followed {fact.amount:g}"
        case facts.FundingPaid():
            return f"funding {fact.instrument}"
        case facts.ChainEnded():
            return f"chain {fact.how}"
        case facts.HaltChanged():
            return f"{fact.rule} {'begins' if fact.active else 'ends'} on {fact.account}"
        case facts.BehaviorJudged():
            found = " ".join(one.type for one in fact.alerts if one.fresh)
            return f"behavior of {fact.strategy or 'all'}: {found}, x {fact.multiplier:.4g}"
        case StageChanged():
            return f"{fact.strategy} at {fact.stage} by {fact.by}"
        case NightEvaluated():
            return f"night of {fact.date}"
        case facts.CommandTaken():
            return f"command {type(fact.command).__name__}"
        case facts.AlertRaised():
            return f"alert {fact.kind}"
        case facts.EpochOpened():
            return f"epoch {fact.epoch}"
        case facts.AccountOpened():
            return f"account {fact.account}"
        case models.RegimeChanged():
            return f"{fact.underlying} is {fact.regime}"
        case models.ModelCalibrated():
            return f"{fact.underlying} {fact.model} {'not ' if fact.reason else ''}fitted"
        case models.WeightsAdopted():
            return f"{fact.underlying} weights adopted"
        case models.EdgesWeighed():
            return f"{fact.strategy} weighed {len(fact.edges)}"
        case facts.AccountMarked():
            return ""
        case _:
            assert_never(fact)
