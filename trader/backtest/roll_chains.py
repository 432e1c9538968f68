"""What came of a strategy that rolls? Its chains one by one: legs, rolls, reasons, flows, result.

The run is any other's (`runner.run_backtest`): the study listens to the facts, and to what the
strategy found each time it looked, so that a chain not rolled or not opened has a reason.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec

from trader.backtest.runner import Terms, run_backtest
from trader.backtest.trade_history import TradeHistory
from trader.domain.facts import ChainEnded, Filled, FundingPaid, OrderPlaced, Settled
from trader.domain.trading import Approved, Refused
from trader.domain.units import from_atoms, iso, tidy
from trader.strategies.roll_chain import RollChain
from trader.strategies.rolling import RollChainSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pydantic

    from trader.backtest.history import History
    from trader.domain.facts import Fact, LegSettlement, SpotDelivery
    from trader.domain.instruments import Instrument
    from trader.domain.models import Regime
    from trader.domain.situation import Situation
    from trader.domain.trading import Action, Intent
    from trader.engine.outcome import Outcome
    from trader.strategies.strategy import Cadence, SketchLeg


WITHOUT_TRADE: Final = ("funding", "protect")


class StepLeg(msgspec.Struct, frozen=True):
    """One contract of a step: signed amount, price per unit and fee in the chain's currency.

    Of a settlement `price` is what one unit paid.
    """

    instrument: str
    amount: float
    price: float
    fee: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a chain, and what it moved.

    `flow` is in the settlement currency, fees included; `flow_usd` the same at `index`, the index
    of that moment (of a settlement the delivery price; of funding and a moved stop, with which none
    is told, that of the step before). "assigned" buys the coin of a put that settled in the money,
    "called_away" sells that of a call. "funding" is all that came between two trades.
    """

    at: int
    what: Action | Literal["settled", "assigned", "called_away", "funding"]
    legs: tuple[StepLeg, ...]
    flow: float
    index: float
    flow_usd: float
    reason: str


class ChainStory(msgspec.Struct, frozen=True, kw_only=True):
    """One chain from its first fill to its end, or to the end of the run where it is still open.

    `flow` sums its steps in the settlement currency; `pnl_pct`, `pnl_usd` and `how` are the
    ledger's, None while it is open. `mark` is what the open leg is worth (negative: owed) when last
    looked at, in the settlement currency; NaN where it showed no mark. `regime` is that of the
    market when it was decided to open it; None where too little was known, or nobody told.
    """

    chain_id: str
    currency: str
    opened_at: int
    ended_at: int | None
    steps: tuple[Step, ...]
    flow: float
    flow_usd: float
    fees: float
    mark: float
    pnl_pct: float | None
    pnl_usd: float | None
    how: str
    regime: Regime | None = None

    @property
    def rolls(self) -> int:
        """How often it was rolled."""
        return sum(step.what == "roll" for step in self.steps)


class RollChainStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run: its history, every chain that filled, and each look by its finding.

    `opening` counts looks at opening a chain, `managing` looks at chains that were open.
    """

    history: TradeHistory
    chains: tuple[ChainStory, ...]
    opening: dict[str, int]
    managing: dict[str, int]
    refused: dict[str, int]

    @property
    def ended(self) -> tuple[ChainStory, ...]:
        """The chains that statistics count."""
        return tuple(one for one in self.chains if one.ended_at is not None)

    def opened_in(self, regimes: Collection[Regime]) -> RollChainStudy:
        """Keep the chains that were opened in some market regimes; looks and refusals stay."""
        kept = tuple(one for one in self.chains if one.regime in regimes)
        return msgspec.structs.replace(self, chains=kept)

    @property
    def drawdown_usd(self) -> float:
        """The deepest fall of trading PnL from its peak, open chains at their marks; <= 0."""
        peak = deepest = 0.0
        for mark in self.history.marks:
            if math.isfinite(mark.trading_pnl_usd):
                peak = max(peak, mark.trading_pnl_usd)
                deepest = min(deepest, mark.trading_pnl_usd - peak)
        return deepest


def study_roll_chains(
    strategy: RollChain, history: History, terms: Terms, start: int, end: int
) -> RollChainStudy:
    """Run a strategy that rolls and tell the story of each of its chains. Same inputs, same study.

    Raises:
        ValueError: the history does not hold the span, or is of another underlying.
    """
    watched = _Watched(strategy)
    stories = Stories()
    told = run_backtest(watched, history, terms, start, end, hear=stories.hear)
    return RollChainStudy(
        history=told,
        chains=stories.tell(watched.marks, watched.regimes),
        opening=dict(sorted(watched.opening.items())),
        managing=dict(sorted(watched.managing.items())),
        refused=dict(sorted(stories.refused.items())),
    )


@dataclasses.dataclass(frozen=True)
class _Watched:
    """The strategy itself, with an ear for what it finds: it decides nothing of its own."""

    kind: ClassVar[str] = RollChain.kind
    Settings: ClassVar[type[pydantic.BaseModel]] = RollChainSettings

    rule: RollChain
    opening: dict[str, int] = dataclasses.field(default_factory=dict)
    managing: dict[str, int] = dataclasses.field(default_factory=dict)
    marks: dict[str, float] = dataclasses.field(default_factory=dict)
    regimes: dict[int, Regime | None] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that chains and orders carry."""
        return self.rule.name

    @property
    def underlying(self) -> str:
        """The coin whose board it reads."""
        return self.rule.underlying

    @property
    def settings(self) -> RollChainSettings:
        """Its parameters."""
        return self.rule.settings

    @property
    def linear(self) -> bool:
        """Whether it trades options settled in USDC."""
        return self.rule.linear

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.rule.cadence()

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Ask the rule, count what it found, keep in which regime, and what chains were worth."""
        looks = self.rule.consider(situation)
        for look in looks:
            counts = self.opening if look.chain_id is None else self.managing
            counts[look.finding] = counts.get(look.finding, 0) + 1
        for chain in situation.chains:
            self.marks[chain.chain_id] = math.fsum(
                one.amount * _mark(situation, one.instrument) for one in chain.positions
            )
        intents = tuple(one for look in looks for one in look.intents)
        if any(one.action == "open" for one in intents):
            self.regimes[situation.at] = situation.models.seen.regime
        return intents

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try."""
        return self.rule.parameter_space()

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw what it would typically open."""
        return self.rule.sketch(index, iv, at)


def _mark(situation: Situation, instrument: Instrument) -> float:
    if instrument.kind == "spot":
        return situation.index
    row = situation.board.row(instrument.name)
    return math.nan if row is None else float(situation.board.mark[row])


@dataclasses.dataclass
class _Draft:
    """One chain as far as the facts have told of it."""

    opened_at: int
    currency: str
    steps: list[Step] = dataclasses.field(default_factory=list)
    ended: tuple[int, ChainEnded] | None = None


class Stories:
    """Reads the outcomes of a run, oldest first, into one story for each chain."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._orders: dict[str, tuple[Action, str]] = {}
        self._drafts: dict[str, _Draft] = {}
        self._decided_at: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def hear(self, outcome: Outcome) -> None:
        """Take one outcome in."""
        for fact in outcome.facts:
            self.take(fact, outcome.at)

    def take(self, fact: Fact, at: int) -> None:
        """Take one fact in; of a settlement every leg must be of a chain that was told before."""
        match fact:
            case Approved() if fact.intent.action == "protect":
                self._protected(fact, at)
            case Approved():
                self._reasons[fact.verdict_id] = fact.intent.reason
                self._decided_at.setdefault(fact.chain_id, at)
            case Refused():
                name = f"{fact.intent.action}: {fact.rule}"
                self.refused[name] = self.refused.get(name, 0) + 1
            case OrderPlaced():
                reason = self._reasons.pop(fact.order.verdict_id, "")
                self._orders[fact.order.order_id] = (fact.order.action, reason)
            case Filled():
                self._filled(fact, at)
            case FundingPaid():
                self._funded(fact, at)
            case Settled():
                for leg in fact.legs:
                    self._settled(leg, fact.delivery_price, at)
                for spot in fact.spot:
                    self._delivered(spot, at)
            case ChainEnded():
                self._drafts[fact.chain_id].ended = (at, fact)
            case _:
                pass

    def _filled(self, fill: Filled, at: int) -> None:
        what, reason = self._orders[fill.order_id]
        draft = self._drafts.setdefault(fill.chain_id, _Draft(at, fill.legs[0].currency))
        moved = sum(one.atoms for one in fill.postings if one.book == "cash")
        index, flow = fill.legs[0].index, from_atoms(moved)
        legs = tuple(
            StepLeg(leg.instrument, leg.amount, leg.price, from_atoms(leg.fee_atoms))
            for leg in fill.legs
        )
        draft.steps.append(
            Step(
                at=at, what=what, legs=legs, flow=flow, index=index,
                flow_usd=_usd(flow, index, draft.currency), reason=reason,
            )
        )  # fmt: skip

    def _protected(self, approved: Approved, at: int) -> None:
        """Tell of a stop that moved: it trades nothing."""
        steps = self._drafts[approved.chain_id].steps
        steps.append(
            Step(
                at=at, what="protect", legs=(), flow=0.0, index=steps[-1].index, flow_usd=0.0,
                reason=approved.intent.reason,
            )
        )  # fmt: skip

    def _funded(self, paid: FundingPaid, at: int) -> None:
        """Add what one interval brought to the funding since the last trade."""
        draft = self._drafts[paid.chain_id]
        flow = from_atoms(sum(one.atoms for one in paid.postings if one.book == "cash"))
        reason, index = f"of {paid.instrument} since {iso(paid.from_at)}", draft.steps[-1].index
        since = itertools.takewhile(lambda one: one.what in WITHOUT_TRADE, reversed(draft.steps))
        if (before := next((one for one in since if one.what == "funding"), None)) is not None:
            draft.steps.remove(before)
            flow, reason = tidy(before.flow + flow), before.reason
        draft.steps.append(
            Step(
                at=at, what="funding", legs=(), flow=flow, index=index,
                flow_usd=_usd(flow, index, draft.currency), reason=reason,
            )
        )  # fmt: skip

    def _settled(self, leg: LegSettlement, price: float, at: int) -> None:
        draft = self._drafts[leg.chain_id]
        flow = from_atoms(leg.paid_atoms - leg.fee_atoms)
        paid = StepLeg(leg.instrument, leg.amount, leg.payoff, from_atoms(leg.fee_atoms))
        reason = f"expired {'in' if leg.payoff > 0 else 'out of'} the money at {price:,.2f}"
        draft.steps.append(
            Step(
                at=at, what="settled", legs=(paid,), flow=flow, index=price,
                flow_usd=_usd(flow, price, draft.currency), reason=reason,
            )
        )  # fmt: skip

    def _delivered(self, spot: SpotDelivery, at: int) -> None:
        fee = from_atoms(spot.fee_atoms)
        flow = from_atoms(spot.paid_atoms - spot.fee_atoms)
        bought = spot.amount > 0
        way = "buys its coin" if bought else "gives its coin"
        self._drafts[spot.chain_id].steps.append(
            Step(
                at=at,
                what="assigned" if bought else "called_away",
                legs=(StepLeg(spot.instrument.name, spot.amount, spot.price, fee),),
                flow=flow,
                index=spot.price,
                flow_usd=flow,
                reason=f"{'put' if bought else 'call'} in the money {way} at the delivery price",
            )
        )

    def tell(
        self, marks: Mapping[str, float], regimes: Mapping[int, Regime | None]
    ) -> tuple[ChainStory, ...]:
        """Tell every chain in the order of its first fill; `marks` is for those still open,
        `regimes` those at the instants of decisions.
        """
        return tuple(
            self._story(name, draft, marks.get(name, math.nan), regimes.get(self._decided_at[name]))
            for name, draft in self._drafts.items()
        )

    @staticmethod
    def _story(name: str, draft: _Draft, mark: float, regime: Regime | None) -> ChainStory:
        at, ended = draft.ended or (None, None)
        return ChainStory(
            chain_id=name,
            currency=draft.currency,
            opened_at=draft.opened_at,
            ended_at=at,
            steps=tuple(draft.steps),
            flow=tidy(math.fsum(step.flow for step in draft.steps)),
            flow_usd=math.fsum(step.flow_usd for step in draft.steps),
            fees=tidy(math.fsum(leg.fee for step in draft.steps for leg in step.legs)),
            mark=mark if ended is None else 0.0,
            pnl_pct=None if ended is None else ended.pnl_pct,
            pnl_usd=None if ended is None else ended.pnl_usd,
            how="open" if ended is None else ended.how,
            regime=regime,
        )


def _usd(flow: float, index: float, currency: str) -> float:
    return flow if currency.startswith("USD") else flow * index
