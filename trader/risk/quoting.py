"""May this session of quotes begin, and may this quote rest? One trade, whichever side fills.

A session reserves what the most it may hold can lose on its worse side; what it bids and offers
later may not lead beyond that, at the prices of then. What only gives inventory back always passes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.units import on_step
from trader.risk import questions
from trader.risk.max_loss import UndefinedRisk, UnitLoss
from trader.risk.sizing import Cap, tidy_down
from trader.risk.structure import legs_loss, margin_needed, opening_legs

if TYPE_CHECKING:
    from trader.domain.portfolio import ChainView, Session
    from trader.domain.trading import Leg, Refused, Verdict
    from trader.risk.case import Case
    from trader.risk.max_loss import PricedLeg

DUST: Final = 1e-9


def both_sides(case: Case) -> list[list[PricedLeg]]:
    """Price what may be traded: the legs as they are, and of a session those sold as well."""
    legs = case.intent.legs
    sides = [legs]
    if case.intent.quoting is not None:
        sides.append(tuple(msgspec.structs.replace(leg, ratio=-leg.ratio) for leg in legs))
    return [opening_legs(side, case.view.touches) for side in sides]


def worst(losses: list[UnitLoss]) -> UnitLoss:
    """Take the worse of each number, over all that was searched."""
    return UnitLoss(
        usd=max(one.usd for one in losses),
        coin=max(one.coin for one in losses),
        stress_low=min(one.stress_low for one in losses),
        stress_high=max(one.stress_high for one in losses),
    )


def session_sound(case: Case) -> Refused | None:
    """Refuse a session of anything but one option, named as bought, settled in cash, unstopped."""
    intent = case.intent
    if intent.quoting is None:
        return None
    (leg, *more) = intent.legs
    instrument = case.view.touches[leg.instrument].instrument
    whole = not more and leg.ratio == 1 and instrument.kind == "option"
    if whole and intent.stop is None and intent.delivery == "cash":
        return None
    return case.refuse(
        "invalid_intent", "a session quotes one option, its leg bought once, without stop or coin"
    )


def judge_quote(case: Case) -> Verdict:
    """Approve as much of a quote as its session has room for; it takes no slot and no risk."""
    refusal = (
        questions.view_sound(case)
        or questions.legs_sound(case)
        or _session_quotes(case)
        or questions.quotes_usable(case, [leg.instrument for leg in case.intent.legs])
    )
    chain = case.view.chain
    if refusal is not None or chain is None or chain.session is None:
        return refusal or case.refuse("chain_unknown", "no session to quote for")
    (leg,) = case.intent.legs
    step = chain.session.instrument.min_trade_amount
    wish = on_step(case.intent.amount or 0.0, step)
    held, returns = _standing(case, chain, leg)
    if wish < step:
        return case.refuse(
            "below_minimum_size",
            f"a quote of {case.intent.amount:g} is below one lot of {step:g}",
            allowed=wish,
        )
    if wish <= returns + DUST:
        return case.approve(wish, chain.chain_id)
    only = on_step(returns, step)
    refusal = questions.not_demoted(case) or questions.opening_allowed(case)
    if refusal is not None:
        return case.approve(only, chain.chain_id) if only >= step else refusal
    return _sized(case, chain, leg, wish, held, returns)


def judge_withdraw(case: Case) -> Verdict:
    """Approve that a session quotes no more: nothing forbids that."""
    return _session_quotes(case) or case.approve(
        case.view.chain.units if case.view.chain is not None else 0.0,
        case.intent.chain_id or "",
    )


def _session_quotes(case: Case) -> Refused | None:
    """Refuse what is for no session, another's, one that quotes no more, or another contract."""
    intent, chain = case.intent, case.view.chain
    if chain is None or chain.chain_id != intent.chain_id or chain.strategy != intent.strategy:
        return case.refuse("chain_unknown", f"no session of {intent.strategy}: {intent.chain_id}")
    if chain.session is None or not chain.session.quotes:
        why = chain.session.withdrawn if chain.session is not None else "it is no session"
        return case.refuse("invalid_intent", f"chain {chain.chain_id} does not quote: {why}")
    named = [(leg.instrument, abs(leg.ratio)) for leg in intent.legs]
    if intent.action == "quote" and named != [(chain.session.instrument.name, 1)]:
        return case.refuse(
            "invalid_intent",
            f"session {chain.chain_id} quotes {chain.session.instrument.name}, one side at a time",
        )
    return None


def _standing(case: Case, chain: ChainView, leg: Leg) -> tuple[float, float]:
    """Tell what is held or may come to be held on a quote's side, and what it could give back.

    Counted with what else rests on that side, as if it had filled.
    """
    name = leg.instrument
    held = math.fsum(one.amount for one in chain.positions if one.instrument.name == name)
    resting = math.fsum(
        one.remaining
        for one in questions.orders_on_chain(case)
        for other in one.order.legs
        if one.order.action == "quote" and other.ratio * leg.ratio > 0
    )
    on_side = held * leg.ratio + resting
    return max(on_side, 0.0), max(-on_side, 0.0)


def _sized(
    case: Case, chain: ChainView, leg: Leg, wish: float, held: float, returns: float
) -> Verdict:
    """Approve the part of a quote that inventory, reserve and margin leave room for."""
    session, view = chain.session, case.view
    if session is None:
        return case.refuse("chain_unknown", f"chain {chain.chain_id} is no session")
    legs = opening_legs((leg,), view.touches)
    try:
        unit = legs_loss(legs, view.touches, index=view.index, at=view.at, settings=case.settings)
        margin = margin_needed(legs, view.touches, view.index)
    except UndefinedRisk as why:
        return case.refuse("undefined_risk", str(why))
    except ValueError as why:
        return case.refuse("margin", f"the margin cannot be computed: {why}")
    most = Cap("inventory", _most(chain, session, unit), held, 1.0, case.underlying)
    caps = [most]
    for currency, per_unit in sorted(margin.items()):
        have, bound = view.margin_balance.get(currency, 0.0), view.initial_margin.get(currency, 0.0)
        caps.append(Cap("margin", have, bound, per_unit, currency))
    tightest = min(caps, key=lambda cap: cap.amount)
    step = session.instrument.min_trade_amount
    amount = on_step(returns + min(wish - returns, tightest.amount) + DUST, step)
    adds = max(amount - returns, 0.0) if amount >= step else wish - returns
    for cap in caps:
        case.ask(cap.use(adds))
    if amount >= step:
        return case.approve(amount, chain.chain_id)
    return case.refuse(
        tightest.rule,
        _no_room(tightest, session, wish),
        tightest.use(adds),
        allowed=tidy_down(tightest.amount),
    )


def _most(chain: ChainView, session: Session, unit: UnitLoss) -> float:
    """Find how much may be held on one side: the session's most, or what is reserved covers."""
    most = session.inventory_max
    for reserved, loss in ((chain.max_loss_usd, unit.usd), (chain.max_loss_coin, unit.coin)):
        if loss > 0:
            most = min(most, reserved / loss)
    return most


def _no_room(cap: Cap, session: Session, wish: float) -> str:
    if cap.rule == "margin":
        return (
            f"{wish:g} binds {cap.per_unit * wish:.4f} {cap.of} beside {cap.used:.4f} of a margin "
            f"balance of {cap.limit:.4f}"
        )
    reserved = "" if cap.limit >= session.inventory_max else " as far as its reserve goes"
    return (
        f"{cap.used:g} {session.instrument.name} are held or bid for on that side, {wish:g} more "
        f"pass the {cap.limit:.4g} this session may hold{reserved}"
    )
