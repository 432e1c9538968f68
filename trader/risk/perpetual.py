"""What can a position on a perpetual lose, given its stop? And may that stop be moved?

Nothing bounds a perpetual but the stop it is given up at, so what opens or enlarges one states it.
Once there, we are out one gap later at the worst: that, not the stop, is what is sized.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.valuation import trade_fee
from trader.risk import questions
from trader.risk.max_loss import UndefinedRisk, UnitLoss, perpetual_loss
from trader.risk.structure import held_legs, tradable

if TYPE_CHECKING:
    from trader.domain.trading import Refused, Stop, Verdict
    from trader.risk.case import Case
    from trader.risk.max_loss import PricedLeg


def stopped_loss(leg: PricedLeg, stop: Stop) -> UnitLoss:
    """Estimate the max loss of a perpetual from its entry to one gap beyond its stop.

    Both fees and one spread included. A stop that has passed its entry by more than the gap leaves
    nothing to lose but these costs.

    Raises:
        UndefinedRisk: as `perpetual_loss`.
    """
    instrument, entry = leg.instrument, leg.entry_price
    distance = math.copysign(1.0, leg.ratio) * (entry - stop.price)
    worst = entry - math.copysign(max(distance + stop.gap, 0.0), leg.ratio)
    if not worst > 0:
        raise UndefinedRisk(f"{instrument.name}: a gap of {stop.gap:g} below {stop.price:g} USD")
    costs = _costs_usd(leg, entry, worst)
    if distance + stop.gap <= 0:
        coin = costs / min(entry, worst) if instrument.inverse else costs / entry
        return UnitLoss(costs, coin, min(entry, stop.price), max(entry, stop.price))
    ahead = distance > 0
    return perpetual_loss(
        instrument,
        leg.ratio,
        price=entry,
        stop_distance=distance if ahead else distance + stop.gap,
        atr=stop.gap if ahead else 0.0,
        fees_usd=costs,
    )


def _costs_usd(leg: PricedLeg, entry: float, worst: float) -> float:
    """Add the fees of both trades and one spread, in USD."""
    fees = sum(
        max(trade_fee(leg.instrument, leg.ratio, price, price), 0.0)
        * (price if leg.instrument.inverse else 1.0)
        for price in (entry, worst)
    )
    coins = abs(leg.ratio) / entry if leg.instrument.inverse else abs(leg.ratio)
    return fees + coins * leg.spread


def stop_stated(case: Case) -> Refused | None:
    """Refuse a stop that does not belong to what is traded, or that is not where it must be."""
    intent, chain = case.intent, case.view.chain
    stop = intent.stop
    if stop is None:
        return None
    if len(intent.legs) != 1 or _kind(case, intent.legs[0].instrument) != "perpetual":
        return case.refuse("invalid_intent", "a stop is for one leg of a perpetual, alone")
    (leg,) = intent.legs
    touch = case.view.touches[leg.instrument]
    ahead = touch.bid - stop.price if leg.ratio > 0 else stop.price - touch.ask
    if not ahead > 0:
        return case.refuse(
            "invalid_intent",
            f"the stop at {stop.price:g} USD is already met: {leg.instrument} shows {touch.bid:g} "
            f"to {touch.ask:g}",
        )
    if intent.action == "add":
        stands = chain.course.stop.price if chain is not None and chain.course else None
        if stands != stop.price:
            return case.refuse(
                "invalid_intent",
                f"the addition states a stop at {stop.price:g} USD, the chain's stands at "
                f"{stands}: move that first",
            )
    return None


def judge_protect(case: Case) -> Verdict:
    """Approve moving a chain's stop nearer, with the max loss that is left; nothing trades.

    It frees risk, so no limit can forbid it; moving a stop further away is refused.
    """
    refusal = questions.view_sound(case) or questions.chain_known(case)
    chain, stop = case.view.chain, case.intent.stop
    if refusal is not None or chain is None or stop is None:
        return refusal or case.refuse("chain_unknown", "no chain to protect")
    if chain.course is None or len(tradable(chain)) != 1:
        return case.refuse("invalid_intent", f"chain {chain.chain_id} has no stop to move")
    stands = chain.course.stop
    (leg,) = held_legs(chain, case.view.touches)
    nearer = stop.price - stands.price if leg.ratio > 0 else stands.price - stop.price
    if nearer < 0:
        return case.refuse(
            "invalid_intent",
            f"the stop of chain {chain.chain_id} stands at {stands.price:g} USD: it may not move "
            f"away to {stop.price:g}",
        )
    try:
        loss = stopped_loss(leg, stop)
    except UndefinedRisk as why:
        return case.refuse("undefined_risk", str(why))
    left = UnitLoss(
        usd=min(loss.usd, chain.max_loss_usd),
        coin=min(loss.coin, chain.max_loss_coin),
        stress_low=loss.stress_low,
        stress_high=loss.stress_high,
    )
    worst = left.of(1.0, case.view.equity_usd, case.view.index)
    return case.approve(chain.units, chain.chain_id, worst)


def _kind(case: Case, name: str) -> str:
    touch = case.view.touches.get(name)
    return touch.instrument.kind if touch is not None else ""
