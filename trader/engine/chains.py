"""What is one structure's story? A chain from its approval to its end, leg by leg."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from trader.domain.errors import InvariantBroken
from trader.domain.facts import SessionOpened
from trader.domain.portfolio import ChainState, ChainView, Position
from trader.domain.trading import Leg
from trader.domain.units import tidy
from trader.domain.valuation import paid_in_full
from trader.engine import course
from trader.engine import session as sessions
from trader.engine.conduct import asked_share

if TYPE_CHECKING:
    from trader.domain.facts import LegSettlement, OrderPlaced, SpotDelivery
    from trader.domain.instruments import Instrument
    from trader.domain.trading import Approved, LegFill, Order


class LegBook:
    """One instrument held by one chain: a signed amount and its average entry price."""

    __slots__ = ("amount", "entry_price", "instrument")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.amount = 0.0
        self.entry_price = 0.0

    def add(self, amount: float, price: float) -> None:
        """Net a fill in: the same side averages, the other side reduces, beyond flat it turns."""
        after = tidy(self.amount + amount)
        if self.amount * amount >= 0:
            self.entry_price = self._average(amount, price)
        elif after * self.amount < 0:
            self.entry_price = price
        self.amount = after
        if after == 0:
            self.entry_price = 0.0

    def _average(self, amount: float, price: float) -> float:
        held, added = abs(self.amount), abs(amount)
        if not held:
            return price
        if self.instrument.inverse and self.instrument.kind != "option":
            return (held + added) / (held / self.entry_price + added / price)
        return (held * self.entry_price + added * price) / (held + added)


class Chain:
    """The mutable book of one chain. Invariant: no leg without a fill, no flow without a posting.

    `risk_usd`/`risk_coin` are the gate's max loss of what is open now, `asked` what was wished to
    be risked at first, a fraction of equity. One that quotes (`session`) holds what it may lose
    until it has ended: its fills change units alone.
    """

    __slots__ = (
        "account",
        "approved_at",
        "asked",
        "confidence",
        "course",
        "delivery",
        "equity_at_open_usd",
        "filled",
        "flows",
        "id",
        "index_at_open",
        "legs",
        "opened_at",
        "pending",
        "reason",
        "risk_coin",
        "risk_usd",
        "rolls",
        "session",
        "settled",
        "strategy",
        "underlying",
        "units",
    )  # fmt: skip

    def __init__(self, approval: Approved, placed: OrderPlaced | SessionOpened, at: int) -> None:
        self.id = approval.chain_id
        self.account = approval.account
        self.strategy = approval.intent.strategy
        self.underlying = approval.intent.underlying
        self.approved_at = at
        self.asked = asked_share(approval)
        self.opened_at: int | None = None
        self.confidence = approval.intent.confidence
        self.reason = approval.intent.reason
        self.delivery = approval.intent.delivery
        self.course = course.began(approval.intent)
        self.equity_at_open_usd = placed.equity_usd
        self.index_at_open = placed.index
        self.legs: dict[str, LegBook] = {}
        self.flows: dict[str, int] = {}
        self.units = 0.0
        self.filled = False
        self.pending = False
        self.settled = False
        self.risk_usd = 0.0
        self.risk_coin = 0.0
        self.rolls = 0
        self.session = None
        if isinstance(placed, SessionOpened):
            self.session = sessions.began(approval, placed)
            self.replace_risk(approval.reservation.usd, approval.reservation.coin)

    @property
    def quotes(self) -> bool:
        """Whether it is a session that still quotes: then it lives on while it holds nothing."""
        return self.session is not None and self.session.quotes

    @property
    def over(self) -> bool:
        """Whether it once held something, holds nothing now, and will not again."""
        return self.filled and self.flat and not self.quotes

    @property
    def flat(self) -> bool:
        """Whether nothing is held any more."""
        return not self.legs

    @property
    def risk_share(self) -> float:
        """What it risks now as a fraction of equity, both as they were at its open."""
        return max(self.risk_usd, self.risk_coin * self.index_at_open) / self.equity_at_open_usd

    @property
    def spent(self) -> bool:
        """Whether it was closed, and only holds what nobody bid for until that expires."""
        return self.filled and self.units == 0 and not self.flat

    @property
    def expires_at(self) -> int | None:
        """When its first leg expires, or what it quotes; None where no leg does."""
        instruments = [leg.instrument for leg in self.legs.values()]
        if self.session is not None and self.session.quotes:
            instruments.append(self.session.instrument)
        expiries = [one.expires_at for one in instruments if one.expires_at]
        return min(expiries, default=None)

    def held(self, instrument: Instrument) -> LegBook:
        """Copy what is held of an instrument: an empty book where nothing is."""
        copy = LegBook(instrument)
        leg = self.legs.get(instrument.name)
        if leg is not None:
            copy.amount, copy.entry_price = leg.amount, leg.entry_price
        return copy

    def fill(self, instrument: Instrument, fill: LegFill) -> None:
        """Net one leg of a fill in; a leg that is flat leaves."""
        self._add(instrument, fill.amount, fill.price)

    def settle(self, leg: LegSettlement) -> None:
        """Let a leg go at its expiry, for what it paid. What was left of a closed chain settles
        nothing: that chain ended when it was closed.

        Raises:
            InvariantBroken: it is not held, or another amount of it.
        """
        self.settled = self.settled or not self.spent
        held = self.legs.pop(leg.instrument, None)
        if held is None or held.amount != leg.amount:
            raise InvariantBroken(
                f"{leg.amount:g} {leg.instrument} of chain {self.id} settled but not held"
            )
        self.flow(leg.currency, leg.paid_atoms - leg.fee_atoms)

    def deliver(self, spot: SpotDelivery) -> None:
        """Take or give the coin of an assignment."""
        self._add(spot.instrument, spot.amount, spot.price)
        self.flow(spot.currency, spot.paid_atoms - spot.fee_atoms)

    def _add(self, instrument: Instrument, amount: float, price: float) -> None:
        leg = self.legs.setdefault(instrument.name, LegBook(instrument))
        leg.add(amount, price)
        if leg.amount == 0:
            del self.legs[instrument.name]

    def flow(self, currency: str, atoms: int) -> None:
        """Count cash that moved."""
        self.flows[currency] = self.flows.get(currency, 0) + atoms

    def grow(self, amount: float, usd: float, coin: float) -> None:
        """Take `amount` more units with their max loss."""
        self.units = tidy(self.units + amount)
        self.risk_usd += usd
        self.risk_coin += coin

    def shrink(self, amount: float) -> None:
        """Give up `amount` units and their part of the max loss."""
        after = tidy(max(self.units - amount, 0.0))
        kept = after / self.units if self.units else 0.0
        self.risk_usd *= kept
        self.risk_coin *= kept
        self.units = after

    def take(
        self, order: Order, approval: Approved, filled: float, amount: float, leg: LegFill
    ) -> None:
        """Take what a fill of `amount` units changes of size, risk and course; its order had
        filled `filled` units before.
        """
        part = amount / order.amount
        if self.course is not None:
            held = self.legs.get(leg.instrument)
            entry = leg.price if held is None else held.entry_price
            self.course = course.traded(
                self.course, order, filled, amount, price=leg.price, entry=entry
            )
        match order.action:
            case _ if self.session is not None:
                self.units = abs(self._held(self.session.instrument.name))
                if order.action == "quote":
                    self.session = sessions.traded(self.session, leg.amount)
            case "open" | "add":
                reserved = approval.reservation
                self.grow(amount, reserved.usd * part, reserved.coin * part)
            case "close":
                self.shrink(amount)
            case "roll" | "hedge":
                self.replace_risk(approval.max_loss.usd, approval.max_loss.coin)
                self.rolls += order.action == "roll"  # a roll fills whole
            case "protect" | "quote" | "withdraw":
                raise InvariantBroken(f"order {order.order_id} traded to {order.action} {self.id}")
            case _:
                assert_never(order.action)

    def _held(self, name: str) -> float:
        leg = self.legs.get(name)
        return leg.amount if leg is not None else 0.0

    def protect(self, approval: Approved) -> None:
        """Move the stop, and take the max loss that is left of it.

        Raises:
            InvariantBroken: the chain has no stop to move.
        """
        if self.course is None or approval.intent.stop is None:
            raise InvariantBroken(f"{approval.verdict_id} moves a stop of {self.id}: it has none")
        self.course = course.protected(self.course, approval.intent.stop)
        self.replace_risk(approval.max_loss.usd, approval.max_loss.coin)

    def replace_risk(self, usd: float, coin: float) -> None:
        """Take the max loss of the structure it was rolled into."""
        self.risk_usd = usd
        self.risk_coin = coin

    def reassess(self, delivery_price: float) -> None:
        """State what is at risk after a settlement: nothing where it is flat, and where coin alone
        is left what was paid for it, should it be worth nothing. Other structures keep theirs.
        """
        if self.flat:
            self.shrink(self.units)
        elif all(leg.instrument.kind == "spot" for leg in self.legs.values()):
            cost = sum(leg.amount * leg.entry_price for leg in self.legs.values())
            self.replace_risk(cost, cost / delivery_price)

    def closing_legs(self, *, spot: bool = True) -> tuple[Leg, ...]:
        """Name the legs that would flatten it, per unit; without `spot` its options alone.

        Ratios are whole where they can be and exact elsewhere: a rounded third of 30 leaves dust.
        """
        units = self.units or 1.0
        ratios = {
            name: -leg.amount / units
            for name, leg in self.legs.items()
            if spot or leg.instrument.kind != "spot"
        }
        return tuple(
            Leg(name, float(round(ratio)) if abs(ratio - (round(ratio) or 1)) < 1e-9 else ratio)
            for name, ratio in ratios.items()
        )

    def view(self, *, working: bool) -> ChainView:
        """Show it as it stands, read-only."""
        positions = tuple(
            Position(self.id, leg.instrument, leg.amount, leg.entry_price, self.pending)
            for leg in self.legs.values()
        )
        paid = [leg for leg in self.legs.values() if paid_in_full(leg.instrument)]
        net = sum(leg.amount * leg.entry_price for leg in paid or self.legs.values())
        return ChainView(
            chain_id=self.id,
            account=self.account,
            strategy=self.strategy,
            underlying=self.underlying,
            state=self._state(working=working),
            approved_at=self.approved_at,
            opened_at=self.opened_at,
            units=self.units,
            entry_net=net / self.units if self.units else 0.0,
            index_at_open=self.index_at_open,
            equity_at_open_usd=self.equity_at_open_usd,
            positions=positions,
            flows=dict(self.flows),
            max_loss_usd=self.risk_usd,
            max_loss_coin=self.risk_coin,
            expires_at=self.expires_at,
            confidence=self.confidence,
            reason=self.reason,
            rolls=self.rolls,
            delivery=self.delivery,
            course=self.course,
            session=self.session,
        )

    def _state(self, *, working: bool) -> ChainState:
        if self.pending:
            return "pending_settlement"
        if self.legs:
            return "open"
        return "working" if working or self.quotes else "ended"
