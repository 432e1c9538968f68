"""How does the log tell the life of a trade, from verdict to result? A sentence and flat fields."""

from __future__ import annotations

from collections.abc import Iterable

from trader.domain.facts import (
    ChainEnded,
    Filled,
    FundingPaid,
    LegSettlement,
    OrderEnded,
    OrderPlaced,
    Posting,
    Settled,
    SettlementPending,
    SpotDelivery,
)
from trader.domain.instruments import is_option
from trader.domain.trading import Approved, Leg, LegFill, Order, Refused, Restraint
from trader.domain.units import iso
from trader.views.decisions import binding_rule, in_unit, legs_text
from trader.views.sizing_lines import sizing_text
from trader.views.text import (
    atoms,
    duration,
    is_dollar,
    money,
    number,
    percent,
    signed_usd,
    usd,
    when,
)

Scalar = str | int | float | bool
Fields = dict[str, Scalar]


def approved(fact: Approved) -> Fields:
    """Tell what the gate allowed, with its worst case."""
    intent, worst = fact.intent, fact.max_loss
    loss = f"{percent(worst.share)} of equity ({usd(worst.usd)})"
    risk = "" if intent.action == "close" else f"; max loss {loss}"
    wish = legs_text(intent, fact.amount)
    if intent.quoting is not None:
        wish = f"quotes of {_names(intent.legs)}, at most {number(fact.amount)} either way"
    elif intent.action in ("quote", "withdraw"):
        risk = ""
        wish = wish if intent.action == "quote" else fact.chain_id
    if intent.stop is not None:
        stop = f"stop at {usd(intent.stop.price)}"
        wish = f"{fact.chain_id}, {stop}" if intent.action == "protect" else f"{wish}, {stop}"
    return {
        "message": (
            f"{intent.strategy} may {intent.action}: {wish} ({intent.reason}){risk}"
            f"{_held_back(fact)}"
        ),
        "strategy": intent.strategy,
        "instrument": _names(intent.legs),
        "underlying": intent.underlying,
        "chain_id": fact.chain_id,
        "verdict_id": fact.verdict_id,
        "account": fact.account,
        "action": intent.action,
        "stage": fact.stage,
        "amount": fact.amount,
        "max_loss": loss,
        "confidence": percent(intent.confidence),
        "reason": intent.reason,
        "behavior": behavior_text(fact.restraint),
        "sizing": sizing_text(fact.sizing),
        "data_quality": "; ".join(fact.data_quality),
        "regime": fact.regime,
    }


def refused(fact: Refused, at: int, speed: float) -> Fields:
    """Tell what the gate refused, which rule decided and when it frees."""
    intent, rule = fact.intent, binding_rule(fact)
    frees = when(fact.frees_at, at, speed) if fact.frees_at is not None else ""
    counted = bool(fact.limit or fact.used or fact.requested)
    return {
        "message": (
            f"{intent.strategy} may not {intent.action} ({fact.rule}): {fact.explanation}"
            + (f"; frees at {frees}" if frees else "")
        ),
        "strategy": intent.strategy,
        "instrument": _names(intent.legs),
        "underlying": intent.underlying,
        "chain_id": intent.chain_id or "",
        "verdict_id": fact.verdict_id,
        "account": fact.account,
        "action": intent.action,
        "stage": fact.stage,
        "rule": fact.rule,
        "limit": in_unit(rule, fact.limit) if counted else "",
        "used": in_unit(rule, fact.used) if counted else "",
        "requested": in_unit(rule, fact.requested) if counted else "",
        "allowed": fact.allowed,
        "used_by": ", ".join(f"{one.id} {percent(one.share)}" for one in fact.consumers),
        "frees_at": frees,
        "behavior": behavior_text(fact.restraint),
        "sizing": sizing_text(fact.sizing),
        "data_quality": "; ".join(fact.data_quality),
        "regime": fact.regime,
    }


def placed(fact: OrderPlaced, at: int, speed: float) -> Fields:
    """Tell what an order asks for, and until when."""
    order = fact.order
    currency = "/".join(dict.fromkeys(one.settlement_currency for one in fact.instruments))
    asked = "at any displayed price"
    if order.limit_net is not None:
        asked = f"at a net {_net(order.limit_net, currency)} per unit"
        if order.worst_net is not None and order.worst_net != order.limit_net:
            asked += f", {_net(order.worst_net, currency)} once patience ends"
    legs = ", ".join(
        f"{'buy' if leg.ratio > 0 else 'sell'} {number(abs(leg.ratio) * order.amount)}"
        f" {leg.instrument}"
        for leg in order.legs
    )
    return {
        "message": f"{order.strategy} works to {order.action}: {legs} {asked}",
        "strategy": order.strategy,
        "instrument": _names(order.legs),
        "underlying": order.underlying,
        "chain_id": order.chain_id,
        "order_id": order.order_id,
        "verdict_id": order.verdict_id,
        "account": order.account,
        "action": order.action,
        "amount": order.amount,
        "limit_net": order.limit_net if order.limit_net is not None else "",
        "worst_net": order.worst_net if order.worst_net is not None else "",
        "ends_at": when(order.expires_at, at, speed),
    }


def filled(fact: Filled, max_loss_share: float | None) -> Fields:
    """Tell what traded at which price, what it brought or cost, and the risk it left."""
    done = " and ".join(_leg_done(leg) for leg in fact.legs)
    premium = _premium(fact.legs)
    fees = _fees((leg.currency, leg.fee_atoms) for leg in fact.legs)
    risk = (
        f", max loss now {percent(max_loss_share)} of equity" if max_loss_share is not None else ""
    )
    paid = f" ({premium})" if premium else ""
    assumed = ", assumed size" if fact.assumed_size else ""
    return {
        "message": f"{done}{paid}{risk}{assumed}",
        "strategy": fact.strategy,
        "instrument": " ".join(leg.instrument for leg in fact.legs),
        "chain_id": fact.chain_id,
        "order_id": fact.order_id,
        "fill_id": fact.fill_id,
        "account": fact.account,
        "amount": fact.amount,
        "premium": premium,
        "fees": fees,
    }


def order_ended(fact: OrderEnded, order: Order | None = None) -> Fields:
    """Tell why an order works no longer; whose it was, where the caller knows the order."""
    because = f": {fact.detail}" if fact.detail else ""
    what = f"order {fact.order_id}"
    whose: Fields = {}
    if order is not None:
        names = _names(order.legs)
        what = f"{order.strategy}'s order to {order.action} {names}"
        whose = {"strategy": order.strategy, "instrument": names, "chain_id": order.chain_id}
    return {
        "message": f"{what} ended, {fact.end.replace('_', ' ')}{because}",
        **whose,
        "order_id": fact.order_id,
        "account": fact.account,
        "end": fact.end,
        "detail": fact.detail,
    }


def settled(fact: Settled) -> Fields:
    """Tell what an expiry paid, leg by leg, and which coin moved for it."""
    legs = ", ".join(
        [_leg_settled(leg) for leg in fact.legs] + [_assigned(spot) for spot in fact.spot]
    )
    return {
        "message": (
            f"the {fact.underlying} expiry of {iso(fact.expires_at)} settled at"
            f" {usd(fact.delivery_price)}: {legs}"
        ),
        "underlying": fact.underlying,
        "instrument": " ".join(leg.instrument for leg in fact.legs),
        "chain_id": " ".join(dict.fromkeys(leg.chain_id for leg in fact.legs)),
        "account": fact.account,
        "delivery_price": usd(fact.delivery_price),
        "paid": _fees((leg.currency, leg.paid_atoms) for leg in fact.legs),
        "fees": _fees(
            [(leg.currency, leg.fee_atoms) for leg in fact.legs]
            + [(spot.currency, spot.fee_atoms) for spot in fact.spot]
        ),
        "assigned": ", ".join(_assigned(spot) for spot in fact.spot),
    }


def chain_ended(fact: ChainEnded, at: int) -> Fields:
    """Tell what a structure earned from its open to its end."""
    coins = ", ".join(atoms(count, currency) for currency, count in fact.pnl.items())
    verb = "gained" if fact.pnl_usd >= 0 else "lost"
    how = "at expiry" if fact.how == "settled" else "by closing"
    held = duration(at - fact.opened_at)
    return {
        "message": (
            f"{fact.strategy} {verb} {usd(abs(fact.pnl_usd))} on {fact.chain_id}"
            f" ({coins}, {percent(fact.pnl_pct)} of equity), ended {how} after {held}"
        ),
        "strategy": fact.strategy,
        "underlying": fact.underlying,
        "chain_id": fact.chain_id,
        "account": fact.account,
        "how": fact.how,
        "pnl": coins,
        "pnl_usd": signed_usd(fact.pnl_usd),
        "pnl_share": percent(fact.pnl_pct),
        "held": held,
    }


def settlement_pending(fact: SettlementPending) -> Fields:
    """Tell that an expiry waits for its price."""
    names = " ".join(fact.instruments)
    return {
        "message": (
            f"{names} expired at {iso(fact.expires_at)} and no delivery price is known yet:"
            " nothing is booked on a guess, asking again"
        ),
        "underlying": fact.underlying,
        "instrument": names,
        "account": fact.account,
        "expired_at": iso(fact.expires_at),
    }


def funding_paid(fact: FundingPaid) -> Fields:
    """Tell what funding a perpetual received or paid."""
    cash = _cash(fact.postings)
    total = sum(count for _, count in cash)
    verb = "received" if total >= 0 else "paid"
    text = _fees((currency, abs(count)) for currency, count in cash) or "nothing"
    return {
        "message": (
            f"{fact.chain_id} {verb} {text} of funding on {fact.instrument} over"
            f" {duration(fact.to_at - fact.from_at)} at {number(fact.rate_8h * 100)} % per 8 h"
        ),
        "instrument": fact.instrument,
        "chain_id": fact.chain_id,
        "account": fact.account,
        "rate_8h": f"{number(fact.rate_8h * 100)} %",
        "funding": _fees(cash),
    }


def behavior_text(asked: Restraint | None) -> str:
    """Write what behavior leaves of new risk, and why; nothing where it is not watched."""
    return "" if asked is None else f"x {asked.multiplier:.3g}: {asked.reason}"


def _held_back(fact: Approved) -> str:
    """Name what shrank a trade, in the sentence that allows it."""
    told = sizing_text(fact.sizing)
    return f"; {told}" if told else ""


def _leg_done(leg: LegFill) -> str:
    verb = "bought" if leg.amount > 0 else "sold"
    size = number(abs(leg.amount))
    if is_option(leg.instrument) or is_dollar(leg.currency):
        return f"{verb} {size} {leg.instrument} at {money(leg.price, leg.currency)}"
    return f"{verb} {size} USD of {leg.instrument} at {usd(leg.price)}"


def _premium(legs: Iterable[LegFill]) -> str:
    """Write what options paid (credit) or cost (debit), per currency and in USD at the index."""
    sums: dict[str, float] = {}
    dollars: dict[str, float] = {}
    for leg in legs:
        if is_option(leg.instrument):
            flow = -leg.amount * leg.price
            sums[leg.currency] = sums.get(leg.currency, 0.0) + flow
            rate = 1.0 if is_dollar(leg.currency) else leg.index
            dollars[leg.currency] = dollars.get(leg.currency, 0.0) + flow * rate
    return ", ".join(
        f"{'credit' if flow >= 0 else 'debit'} {_worth(flow, dollars[currency], currency)}"
        for currency, flow in sums.items()
    )


def _worth(amount: float, dollars: float, currency: str) -> str:
    text = money(abs(amount), currency)
    return text if is_dollar(currency) else f"{text} = {usd(abs(dollars))}"


def _leg_settled(leg: LegSettlement) -> str:
    side = "long" if leg.amount > 0 else "short"
    held = f"{side} {number(abs(leg.amount))} {leg.instrument}"
    if leg.paid_atoms == 0:
        return f"{held} expired worthless"
    verb = "paid us" if leg.paid_atoms > 0 else "cost us"
    return f"{held} {verb} {atoms(abs(leg.paid_atoms), leg.currency)}"


def _assigned(spot: SpotDelivery) -> str:
    """Tell coin that moved: a put that was assigned buys it, a call that was exercised takes it."""
    size = f"{number(abs(spot.amount))} {spot.instrument.underlying}"
    price = money(spot.price, spot.currency)
    if spot.amount > 0:
        return f"{spot.chain_id} is assigned and buys {size} at {price}"
    return f"{spot.chain_id} is called away and sells {size} at {price}"


def _names(legs: Iterable[Leg]) -> str:
    return " ".join(leg.instrument for leg in legs)


def _net(price: float, currency: str) -> str:
    return f"{'debit' if price > 0 else 'credit'} of {money(abs(price), currency)}"


def _fees(parts: Iterable[tuple[str, int]]) -> str:
    """Add atoms up by currency and write them; empty where there are none."""
    sums: dict[str, int] = {}
    for currency, count in parts:
        sums[currency] = sums.get(currency, 0) + count
    return ", ".join(atoms(count, currency) for currency, count in sums.items())


def _cash(postings: Iterable[Posting]) -> list[tuple[str, int]]:
    return [(one.currency, one.atoms) for one in postings if one.book == "cash"]
