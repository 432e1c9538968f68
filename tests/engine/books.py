"""What is booked in these tests? Contracts, approvals, and a ledger that is told a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tests.builders import NOW, option
from trader.domain.facts import (
    MAIN_ACCOUNT,
    AccountOpened,
    ChainEnded,
    Filled,
    OrderEnded,
    OrderPlaced,
    Recorded,
)
from trader.domain.instruments import Instrument
from trader.domain.trading import (
    Approved,
    Intent,
    Leg,
    LegFill,
    MaxLoss,
    Order,
    Pricing,
    Reservation,
)
from trader.domain.units import HOUR, SECOND, fee_atoms, tidy, to_atoms
from trader.domain.valuation import trade_fee
from trader.engine.accounts import Account
from trader.engine.chains import Chain, LegBook
from trader.engine.conduct import Conduct, Tape
from trader.engine.ledger import Ledger, fold
from trader.engine.posting import fill_postings
from trader.engine.quoting import Making
from trader.engine.refusals import Refusals
from trader.engine.working_book import WorkingBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.facts import Fact, OrderEnd, Posting
    from trader.domain.trading import Action, Delivery

INDEX = 90_000.0
BALANCES = {"BTC": to_atoms(20.0), "USDC": to_atoms(1_000_000.0)}


def perpetual(*, inverse: bool = True, **changes: Any) -> Instrument:
    """List a BTC perpetual."""
    fields: dict[str, Any] = {
        "name": "BTC-PERPETUAL" if inverse else "BTC_USDC-PERPETUAL",
        "kind": "perpetual",
        "underlying": "BTC",
        "settlement_currency": "BTC" if inverse else "USDC",
        "inverse": inverse,
        "price_index": "btc_usd",
        "tick_size": 0.5,
        "min_trade_amount": 10.0 if inverse else 0.001,
        "contract_size": 10.0 if inverse else 0.001,
        "maker_fee_rate": 0.00015,
        "taker_fee_rate": 0.00035,
        "settlement_period": "perpetual",
    }
    return Instrument(**{**fields, **changes})


CALL = option("call", 92_500.0)
CALL_UP = option("call", 95_000.0)
PUT = option("put", 87_500.0)
LINEAR = option("call", 92_500.0, inverse=False)
PERPETUAL = perpetual()
LINEAR_PERPETUAL = perpetual(inverse=False)
EXPIRY = CALL.expires_at or 0
FUTURE = perpetual(name="BTC-FUTURE", kind="future", settlement_period="month", expires_at=EXPIRY)


def price_of(instrument: Instrument, move: float = 0.0) -> float:
    """Name a price of an instrument, `move` (a fraction) away from where it was."""
    if instrument.kind != "option":
        return INDEX * (1 + move)
    coin = 0.01 * (1 + move)
    return coin if instrument.inverse else coin * INDEX


def approved(
    chain_id: str = "C1",
    *,
    action: Action = "open",
    legs: Sequence[Leg] = (Leg(CALL.name, -1),),
    amount: float = 1.0,
    verdict_id: str = "V1",
    account: str = MAIN_ACCOUNT,
    strategy: str = "alpha",
    underlying: str = "BTC",
    pricing: Pricing | None = None,
    risk: tuple[float, float] = (900.0, 0.01),
    slot: bool = True,
    delivery: Delivery = "cash",
) -> Approved:
    """Approve as the gate would; `risk` is the max loss in (USD, coin) of the whole amount."""
    intent = Intent(
        strategy=strategy,
        action=action,
        underlying=underlying,
        legs=tuple(legs),
        confidence=0.7,
        reason="the test says so",
        chain_id=None if action == "open" else chain_id,
        pricing=pricing or Pricing(),
        delivery=delivery,
    )
    return Approved(
        verdict_id=verdict_id,
        account=account,
        intent=intent,
        stage="PRODUCTION",
        amount=amount,
        chain_id=chain_id,
        max_loss=MaxLoss(*risk, share=0.001, stress_low=70_000.0, stress_high=110_000.0),
        reservation=Reservation(verdict_id, *risk, slot=slot and action == "open"),
    )


def order_of(approval: Approved, *, at: int = NOW, **changes: Any) -> Order:
    """Make the order of an approval, live at once."""
    fields: dict[str, Any] = {
        "order_id": "O" + approval.verdict_id,
        "account": approval.account,
        "verdict_id": approval.verdict_id,
        "strategy": approval.intent.strategy,
        "underlying": approval.intent.underlying,
        "chain_id": approval.chain_id,
        "action": approval.intent.action,
        "legs": approval.intent.legs,
        "amount": approval.amount,
        "limit_net": None,
        "worst_net": None,
        "live_at": at,
        "patient_until": at,
        "expires_at": at + HOUR,
        "placed_at": at,
    }
    return Order(**{**fields, **changes})


class Story:
    """A ledger that is told facts one after another, a second apart, and remembers them all."""

    def __init__(self, accounts: Sequence[str] = (MAIN_ACCOUNT,), at: int = NOW) -> None:
        self.ledger = Ledger()
        self.records: list[Recorded] = []
        self.at = at
        for name in accounts:
            self.tell(AccountOpened(name, BALANCES))

    def tell(self, fact: Fact, at: int | None = None) -> None:
        """Record one fact, at the given time or a second after the last."""
        self.at = self.at + SECOND if at is None else at
        recorded = Recorded(len(self.records), self.at, fact)
        self.ledger.apply(recorded)
        self.records.append(recorded)

    def order(
        self, instruments: Sequence[Instrument], chain_id: str = "C1", **approval: Any
    ) -> str:
        """Approve and place an order; return its id."""
        given = {"verdict_id": f"V{len(self.records)}", **approval}
        approval_fact = approved(chain_id, **given)
        self.tell(approval_fact)
        order = order_of(approval_fact, at=self.at)
        self.tell(
            OrderPlaced(
                order=order, instruments=tuple(instruments), equity_usd=2_000_000.0, index=INDEX
            )
        )
        return order.order_id

    def fill(self, order_id: str, amount: float, *prices: float) -> Filled:
        """Fill some units of an order at a price per leg, as the broker books it."""
        book = self.ledger.orders[order_id]
        chain = self.ledger.chains[book.order.chain_id]
        legs: list[LegFill] = []
        postings: list[Posting] = []
        for leg, price in zip(book.order.legs, prices, strict=True):
            instrument = book.instruments[leg.instrument]
            filled = leg_fill(instrument, tidy(amount * leg.ratio), price)
            held = chain.held(instrument)
            legs.append(filled)
            postings.extend(fill_postings(instrument, filled, held.amount, held.entry_price))
        fact = Filled(
            fill_id=f"F{len(self.records)}",
            order_id=order_id,
            account=book.order.account,
            strategy=book.order.strategy,
            chain_id=book.order.chain_id,
            amount=amount,
            legs=tuple(legs),
            postings=tuple(postings),
        )
        self.tell(fact)
        if book.remaining <= 0:
            self.end(order_id)
        return fact

    def end(self, order_id: str, end: OrderEnd = "filled") -> None:
        """End an order."""
        self.tell(OrderEnded(order_id, self.ledger.orders[order_id].order.account, end))

    def trade(
        self,
        instrument: Instrument,
        amount: float,
        price: float,
        chain_id: str = "C1",
        *,
        delivery: Delivery = "cash",
    ) -> Filled:
        """Buy or sell one instrument in a chain, whole and at once."""
        action: Action = "add" if chain_id in self.ledger.chains else "open"
        leg = Leg(instrument.name, 1.0 if amount > 0 else -1.0)
        order_id = self.order(
            [instrument], chain_id, action=action, legs=(leg,), amount=abs(amount),
            delivery=delivery,
        )  # fmt: skip
        return self.fill(order_id, abs(amount), price)

    def end_chain(self, chain_id: str) -> None:
        """End a flat chain."""
        chain = self.ledger.chains[chain_id]
        self.tell(
            ChainEnded(
                account=chain.account,
                strategy=chain.strategy,
                chain_id=chain.id,
                underlying=chain.underlying,
                opened_at=chain.opened_at or 0,
                pnl=dict(chain.flows),
                pnl_usd=0.0,
                pnl_pct=0.0,
                how="closed",
            )
        )


def leg_fill(instrument: Instrument, amount: float, price: float) -> LegFill:
    """Fill one leg as a taker, with the fee it owes."""
    return LegFill(
        instrument=instrument.name,
        amount=amount,
        price=price,
        touch=price,
        index=INDEX,
        fee_atoms=fee_atoms(trade_fee(instrument, amount, price, INDEX)),
        currency=instrument.settlement_currency,
        maker=False,
    )


MUTABLE = (Ledger, Account, Chain, LegBook, WorkingBook, Conduct, Tape, Refusals, Making)
NO_FACT = ("resting_at",)
"""What a working order remembers that no fact tells: the broker's, not the ledger's."""


def dump(thing: Any) -> Any:
    """Write down the whole state of books, order of dicts included: equal dumps, equal futures."""
    if isinstance(thing, dict):
        return [(key, dump(value)) for key, value in thing.items()]
    if isinstance(thing, list | tuple):
        return [dump(one) for one in thing]
    if isinstance(thing, msgspec.Struct):
        fields = thing.__struct_fields__
        return (type(thing).__name__, [(one, dump(getattr(thing, one))) for one in fields])
    if isinstance(thing, MUTABLE):
        names = getattr(thing, "__slots__", None) or vars(thing)
        return (
            type(thing).__name__,
            [(one, dump(getattr(thing, one))) for one in names if one not in NO_FACT],
        )
    return thing


def recovered(records: Sequence[Recorded]) -> Ledger:
    """Fold facts as a new process would: from their JSON."""
    decoder = msgspec.json.Decoder(Recorded)
    return fold(decoder.decode(msgspec.json.encode(one)) for one in records)
