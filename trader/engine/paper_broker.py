"""How would the venue have filled it? Orders meet the displayed quotes, later than they were made.

No fill without a fresh quote, none of a market order without both its sides, none before the order
is live, none beyond the displayed size, which is used up once. Marks are never fills, limits only
where an order was seen waiting at its own. Several legs fill together or not at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from trader.domain.errors import InvariantBroken
from trader.domain.facts import Filled, OrderEnded, OrderPlaced, Posting
from trader.domain.trading import LegFill, Order
from trader.domain.units import MILLISECOND, fee_atoms, on_step, tidy
from trader.domain.valuation import trade_fee
from trader.engine.posting import fill_postings
from trader.risk.sizing import trade_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.facts import Fact
    from trader.domain.instruments import Instrument
    from trader.domain.market import Touch
    from trader.domain.trading import Approved, Leg
    from trader.engine.chains import Chain, LegBook
    from trader.engine.market_state import MarketState
    from trader.engine.step import Step
    from trader.engine.working_book import WorkingBook

Side = Literal["bid", "ask"]


class BrokerSettings(BaseModel):
    """How the paper venue treats us."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    latency_ms: int = Field(
        default=200,
        ge=1,
        le=60_000,
        description="Market milliseconds from a decision until its order can trade.",
    )


class Match(msgspec.Struct, frozen=True):
    """What an order can do right now: `amount` units at these prices per leg."""

    amount: float
    prices: tuple[float, ...]
    touches: tuple[Touch, ...]
    maker: bool


class PaperBroker:
    """Works approved orders against displayed quotes.

    Invariant: what an account took from a displayed price stays taken until that price changes.
    Each account sees its own takings only: shadow accounts trade beside the market and take nothing
    from it, nor twice for themselves.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._latency = settings.latency_ms * MILLISECOND
        self._taken: dict[str, dict[tuple[str, Side], tuple[float, float]]] = {}

    @property
    def taken_count(self) -> int:
        """How many instruments have a displayed size that we took from."""
        return len(self._taken)

    def delay(self, latency: int) -> None:
        """Take another latency, nanoseconds: a study asks what came of deciding later."""
        self._latency = latency

    def place(
        self, approval: Approved, step: Step, touches: Mapping[str, Touch], legs: tuple[Leg, ...]
    ) -> Order:
        """Make the order of an approval; nothing trades yet.

        An open without a limit price asks for the touch it saw; a close takes what is displayed.
        No open pays more than that touch: the gate judged its loss there, and nowhere else.

        Raises:
            InvariantBroken: a touch it would ask for shows no price: the gate lets none pass.
        """
        intent, pricing = approval.intent, approval.intent.pricing
        limit, worst = pricing.limit_net, pricing.worst_net
        if intent.action != "close":
            seen = _net([_opposite(leg, touches[leg.instrument]) for leg in legs], legs)
            if not math.isfinite(seen):
                raise InvariantBroken(f"{approval.verdict_id}: no displayed price to ask for")
            limit = seen if limit is None else min(limit, seen)
            worst = None if worst is None else min(worst, seen)
        live_at = step.at + self._latency
        return Order(
            order_id=step.name("O"),
            account=approval.account,
            verdict_id=approval.verdict_id,
            strategy=intent.strategy,
            underlying=intent.underlying,
            chain_id=approval.chain_id,
            action=intent.action,
            legs=legs,
            amount=approval.amount,
            limit_net=limit,
            worst_net=worst,
            live_at=live_at,
            patient_until=live_at + pricing.patience,
            expires_at=live_at + pricing.lifetime,
            placed_at=step.at,
        )

    def work(self, book: WorkingBook, step: Step, market: MarketState, chain: Chain) -> None:
        """Let one order trade or end, as far as this moment allows."""
        order = book.order
        if any((one.expires_at or step.at + 1) <= step.at for one in book.instruments.values()):
            step.record(OrderEnded(order.order_id, order.account, "leg_expired"))
            return
        if step.at < order.live_at:
            return
        if step.at >= order.expires_at:
            detail = f"{book.remaining:g} of {order.amount:g} not filled"
            step.record(OrderEnded(order.order_id, order.account, "expired", detail))
            return
        match = self.match(book, step.at, market)
        if match is None:
            return
        if order.action == "quote" and not match.maker:
            detail = "the market had come to it: a quote only rests"
            step.record(OrderEnded(order.order_id, order.account, "canceled", detail))
            return
        step.record(_fill(book, match, step, chain, assumed_size=market.assumed_sizes))
        book.resting_at = accepted_net(order, step.at)
        if book.remaining <= 0:
            step.record(OrderEnded(order.order_id, order.account, "filled"))

    def match(self, book: WorkingBook, at: int, market: MarketState) -> Match | None:
        """Find what an order could trade against what is displayed; None where nothing.

        An order of one leg that was seen waiting at its price fills there when the market comes to
        it; one that meets the market on arrival takes the touch.
        """
        order = book.order
        touches = [market.touch(leg.instrument) for leg in order.legs]
        met = tuple(touch for touch in touches if touch is not None and touch.fresh)
        if len(met) != len(order.legs):
            return None
        prices = tuple(_opposite(leg, touch) for leg, touch in zip(order.legs, met, strict=True))
        if not all(price > 0 for price in prices):
            return None
        accepted = accepted_net(order, at)
        if accepted is None and not all(touch.two_sided for touch in met):
            return None
        if accepted is not None and not _net(prices, order.legs) <= accepted + 1e-12:
            book.resting_at = accepted
            return None
        amount = self._amount(book, met, prices)
        if amount <= 0 or (order.action in ("roll", "hedge") and amount < book.remaining):
            book.resting_at = accepted
            return None
        if accepted is not None and book.resting_at == accepted and len(order.legs) == 1:
            own = max(accepted / order.legs[0].ratio, met[0].instrument.tick_size)
            return Match(amount, (own,), met, maker=True)
        return Match(amount, prices, met, maker=False)

    def _amount(
        self, book: WorkingBook, touches: tuple[Touch, ...], prices: tuple[float, ...]
    ) -> float:
        """Find the units that the displayed size still allows, on every leg's step."""
        amount = book.remaining
        wanted: dict[tuple[str, Side], float] = {}
        for leg in book.order.legs:  # a roll may trade one contract twice, on one side
            wanted[_side(leg)] = wanted.get(_side(leg), 0.0) + abs(leg.ratio)
        for leg, touch, price in zip(book.order.legs, touches, prices, strict=True):
            name, side = _side(leg)
            displayed = touch.ask_amount if side == "ask" else touch.bid_amount
            takings = self._taken.get(name, {})
            at_price, taken = takings.get((book.order.account, side), (math.nan, 0.0))
            left = displayed - taken if at_price == price else displayed
            amount = min(amount, left / wanted[name, side] if left > 0 else 0.0)
        if amount >= book.remaining:
            return book.remaining
        ratios = [(book.instruments[leg.instrument], round(leg.ratio)) for leg in book.order.legs]
        if any(leg.ratio != ratio for leg, (_, ratio) in zip(book.order.legs, ratios, strict=True)):
            return 0.0  # legs that share no step trade whole or not at all
        return on_step(amount, trade_step(ratios))

    def resume(self, book: WorkingBook, at: int) -> None:
        """Treat a recovered order as one that waited: it gains nothing from its sleep."""
        book.resting_at = accepted_net(book.order, at)

    def recall(self, fact: Fact) -> None:
        """Remember what a fill took from the displayed size (live and at recovery alike)."""
        if not isinstance(fact, Filled):
            return
        for leg in fact.legs:
            takings = self._taken.setdefault(leg.instrument, {})
            key: tuple[str, Side] = (fact.account, "ask" if leg.amount > 0 else "bid")
            price, taken = takings.get(key, (leg.touch, 0.0))
            before = taken if price == leg.touch else 0.0
            takings[key] = (leg.touch, tidy(before + abs(leg.amount)))

    def look(self, name: str, market: MarketState) -> None:
        """Notice a price that changed: what was taken of the old one is no longer missing."""
        takings = self._taken.get(name)
        touch = market.touch(name) if takings else None
        if not takings or touch is None:
            return
        shown = {"bid": touch.bid, "ask": touch.ask}
        left = {key: taken for key, taken in takings.items() if taken[0] == shown[key[1]]}
        if left:
            self._taken[name] = left
        else:
            del self._taken[name]

    def look_around(self, market: MarketState) -> None:
        """Look at everything of which something was taken."""
        for name in tuple(self._taken):
            self.look(name, market)

    def forget(self, names: tuple[str, ...]) -> None:
        """Drop what is remembered of instruments that left."""
        for name in names:
            self._taken.pop(name, None)


def _side(leg: Leg) -> tuple[str, Side]:
    return leg.instrument, "ask" if leg.ratio > 0 else "bid"


def _opposite(leg: Leg, touch: Touch) -> float:
    return touch.ask if leg.ratio > 0 else touch.bid


def _net(prices: tuple[float, ...] | list[float], legs: tuple[Leg, ...]) -> float:
    return sum(leg.ratio * price for leg, price in zip(legs, prices, strict=True))


def accepted_net(order: Order, at: int) -> float | None:
    """Tell the worst net price an order takes at an instant; None takes any."""
    patient = at < order.patient_until or order.worst_net is None
    return order.limit_net if patient else order.worst_net


def _fill(
    book: WorkingBook, match: Match, step: Step, chain: Chain, *, assumed_size: bool
) -> Filled:
    order = book.order
    legs: list[LegFill] = []
    postings: list[Posting] = []
    held: dict[str, LegBook] = {}
    for leg, price, touch in zip(order.legs, match.prices, match.touches, strict=True):
        instrument = book.instruments[leg.instrument]
        amount = tidy(match.amount * leg.ratio)
        filled = _leg_fill(instrument, amount, price, leg, touch, maker=match.maker)
        before = held.setdefault(instrument.name, chain.held(instrument))
        legs.append(filled)
        postings.extend(fill_postings(instrument, filled, before.amount, before.entry_price))
        before.add(amount, price)
    return Filled(
        fill_id=step.name("F"),
        order_id=order.order_id,
        account=order.account,
        strategy=order.strategy,
        chain_id=order.chain_id,
        amount=match.amount,
        legs=tuple(legs),
        postings=tuple(postings),
        assumed_size=assumed_size,
    )


def _leg_fill(
    instrument: Instrument, amount: float, price: float, leg: Leg, touch: Touch, *, maker: bool
) -> LegFill:
    fee = trade_fee(instrument, amount, price, touch.index, maker=maker)
    return LegFill(
        instrument=instrument.name,
        amount=amount,
        price=price,
        touch=_opposite(leg, touch),
        index=touch.index,
        fee_atoms=fee_atoms(fee),
        currency=instrument.settlement_currency,
        maker=maker,
    )


def placed(
    order: Order, instruments: tuple[Instrument, ...], equity_usd: float, index: float
) -> OrderPlaced:
    """State the fact that an order was accepted."""
    return OrderPlaced(order=order, instruments=instruments, equity_usd=equity_usd, index=index)
