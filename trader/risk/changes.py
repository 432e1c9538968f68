"""May a chain be closed, rolled, hedged? Changes of what is held; a close always passes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from trader.domain.trading import LimitUse, MaxLoss, Refused, Verdict
from trader.domain.units import DOLLARS, on_step
from trader.domain.valuation import paid_in_full
from trader.risk import questions
from trader.risk.greeks import greeks_allow
from trader.risk.limits import TOLERANCE, per_trade_use
from trader.risk.max_loss import UndefinedRisk, UnitLoss
from trader.risk.opening import unit_loss
from trader.risk.sizing import Cap, trade_step
from trader.risk.structure import (
    coin_cost,
    held_legs,
    legs_loss,
    margin_needed,
    margin_released,
    opening_legs,
    replaced,
    tradable,
    uncovered_calls,
)

if TYPE_CHECKING:
    from trader.domain.instruments import Instrument
    from trader.domain.portfolio import ChainView
    from trader.risk.case import Case
    from trader.risk.max_loss import PricedLeg


def judge_close(case: Case) -> Verdict:
    """Approve closing what is open and not being closed already; nothing else can forbid it."""
    intent, chain = case.intent, case.view.chain
    if chain is None or chain.chain_id != intent.chain_id:
        return case.refuse("chain_unknown", f"no open chain is called {intent.chain_id}")
    if not (chain.units > 0 and math.isfinite(chain.units)) or not tradable(chain):
        return case.refuse("chain_unknown", f"chain {chain.chain_id} holds nothing to trade")
    closing = [one for one in questions.orders_on_chain(case) if one.order.action == "close"]
    open_units = chain.units - math.fsum(one.remaining for one in closing)
    if open_units <= 1e-9:
        return case.refuse(
            "already_working",
            f"order {closing[0].order.order_id} already works to close chain {chain.chain_id}",
        )
    step = _chain_step(chain)
    wish = chain.units if intent.amount is None else on_step(intent.amount + step * 0.999999, step)
    return case.approve(round(min(wish, open_units), 8), chain.chain_id)


def judge_roll(case: Case) -> Verdict:
    """Judge a roll as one change: new legs for all options, on the net change of max loss.

    Coin that the chain holds stays, and covers the new legs as it did the old. A roll takes no
    slot. Refused as a whole: the old legs stay, and closing them stays possible.
    """
    chain = case.view.chain
    refusal = _change_sound(case)
    if refusal is not None or chain is None:
        return refusal or case.refuse("chain_unknown", "no chain to roll")
    legs = opening_legs(case.intent.legs, case.view.touches)
    coins = [
        msgspec.structs.replace(leg, ratio=leg.ratio / chain.units)
        for leg in held_legs(chain, case.view.touches)
        if leg.instrument.kind == "spot"
    ]
    unit = unit_loss(case, legs + coins, chain.units)
    if isinstance(unit, Refused):
        return unit
    new = unit.of(chain.units, case.view.equity_usd, case.view.index)
    scaled, kept = (
        [msgspec.structs.replace(leg, ratio=leg.ratio * chain.units) for leg in part]
        for part in (legs, coins)
    )
    old = _stated(case, chain)
    refusal = (
        _roll_within_limits(case, new, old)
        or greeks_allow(case, scaled + _given_up(case, chain))
        or _collateral(case, scaled, scaled + kept, chain, replaces=True)
    )
    if refusal is not None:
        return refusal
    grows = new.share > old  # the share is the worse of USD and coin; the other may grow
    return case.approve(
        chain.units,
        chain.chain_id,
        new,
        reserve_usd=max(new.usd - chain.max_loss_usd, 0.0) if grows else 0.0,
        reserve_coin=max(new.coin - chain.max_loss_coin, 0.0) if grows else 0.0,
    )


def judge_hedge(case: Case) -> Verdict:
    """Judge a hedge: chain and hedge together must be able to lose less than the chain alone.

    It takes no slot and no risk. The approval states the max loss of the whole chain, never above
    what was stated before. Giving back a part of a hedge that is held takes no slot either, but as
    a roll it is judged on what it adds to the max loss: that much is reserved again.
    """
    chain, view = case.view.chain, case.view
    refusal = _change_sound(case)
    if refusal is not None or chain is None:
        return refusal or case.refuse("chain_unknown", "no chain to hedge")
    legs = opening_legs(case.intent.legs, view.touches)
    step = trade_step([(leg.instrument, int(leg.ratio)) for leg in legs])
    wish = chain.units if case.intent.amount is None else case.intent.amount
    amount = on_step(wish, step)
    if amount < step:
        return case.refuse(
            "below_minimum_size", f"a hedge of {wish:g} is below one lot of {step:g}", allowed=wish
        )
    hedge = [msgspec.structs.replace(leg, ratio=leg.ratio * amount) for leg in legs]
    held = held_legs(chain, view.touches)
    losses = _before_and_after(case, held, hedge)
    if isinstance(losses, Refused):
        return losses
    before, after = losses
    if _gives_back(chain, hedge):
        return greeks_allow(case, hedge) or _judge_return(case, chain, amount, after)
    refusal = (
        _reduces(case, before, after)
        or greeks_allow(case, hedge)
        or _collateral(case, hedge, held + hedge, chain)
    )
    if refusal is not None:
        return refusal
    loss = UnitLoss(
        usd=min(after.usd, chain.max_loss_usd),
        coin=min(after.coin, chain.max_loss_coin),
        stress_low=after.stress_low,
        stress_high=after.stress_high,
    )
    return case.approve(amount, chain.chain_id, loss.of(1.0, view.equity_usd, view.index))


def _given_up(case: Case, chain: ChainView) -> list[PricedLeg]:
    """List the legs that a roll closes, as what it trades."""
    held = held_legs(chain, case.view.touches)
    return [
        msgspec.structs.replace(leg, ratio=-leg.ratio)
        for leg in held
        if leg.instrument.kind != "spot"
    ]


def _gives_back(chain: ChainView, hedge: list[PricedLeg]) -> bool:
    """Whether every leg only reduces a perpetual or future that the chain holds."""
    held = {one.instrument.name: one.amount for one in tradable(chain)}
    return all(
        not paid_in_full(leg.instrument)
        and leg.ratio * held.get(leg.instrument.name, 0.0) < 0
        and abs(leg.ratio) <= abs(held[leg.instrument.name]) + TOLERANCE
        for leg in hedge
    )


def _judge_return(case: Case, chain: ChainView, amount: float, after: UnitLoss) -> Verdict:
    """Ask the limits of trade and underlying for what giving a hedge back adds to the max loss.

    What the part that is given back won or lost is in `after`: it is closed at the touch.
    """
    view = case.view
    new, present = after.of(1.0, view.equity_usd, view.index), _stated(case, chain)
    net = new.share - present
    if net > TOLERANCE:
        users = case.budget_users()
        used = math.fsum(one.share for one in users)
        limit = case.settings.max_risk_per_underlying
        per_trade = per_trade_use(case.settings.max_risk_per_trade, new.share)
        budget = LimitUse(rule="underlying_risk", limit=limit, used=used, requested=net)
        words = f"without that part of its hedge the chain can lose {new.share:.2%} of equity"
        for use in (per_trade, budget):
            if case.ask(use):
                return case.refuse(
                    use.rule,
                    f"{words}, {net:.2%} more than is reserved: {use.used + use.requested:.2%} of "
                    f"at most {use.limit:.2%}",
                    use,
                    consumers=users if use is budget else (),
                )
    return case.approve(
        amount,
        chain.chain_id,
        new,
        reserve_usd=max(new.usd - chain.max_loss_usd, 0.0) if net > 0 else 0.0,
        reserve_coin=max(new.coin - chain.max_loss_coin, 0.0) if net > 0 else 0.0,
    )


def _change_sound(case: Case) -> Refused | None:
    """Ask what every roll and hedge must pass: sound numbers, a known chain, quotes, no rival."""
    refusal = (
        questions.view_sound(case)
        or questions.legs_sound(case)
        or questions.chain_known(case)
        or questions.nothing_working(case)
    )
    chain = case.view.chain
    if refusal is not None or chain is None:
        return refusal
    if case.intent.stop is not None:
        return case.refuse(
            "invalid_intent", f"a {case.intent.action} states no stop: it would not be watched"
        )
    names = [leg.instrument for leg in case.intent.legs]
    if case.intent.action == "roll":
        names += [position.instrument.name for position in replaced(chain)]
    return questions.quotes_usable(case, names)


def _roll_within_limits(case: Case, new: MaxLoss, present: float) -> Refused | None:
    """Ask the limits of trade and underlying; a roll that adds risk also needs opening allowed."""
    settings = case.settings
    per_trade = per_trade_use(settings.max_risk_per_trade, new.share)
    if case.ask(per_trade):
        return case.refuse(
            "per_trade_risk",
            f"the rolled structure risks {new.share:.2%} of equity, limit {per_trade.limit:.2%}",
            per_trade,
        )
    users = case.budget_users()
    net = new.share - present
    use = LimitUse(
        rule="roll_increases_risk",
        limit=settings.max_risk_per_underlying,
        used=math.fsum(one.share for one in users),
        requested=net,
    )
    over = case.ask(use)
    if net <= TOLERANCE:
        return None
    if over:
        return case.refuse(
            "roll_increases_risk",
            f"the roll adds {net:.2%} of equity to {use.used:.2%} on {case.underlying}, limit "
            f"{use.limit:.2%}",
            use,
            consumers=users,
            frees_at=questions.freeing_time(users, use.limit, net),
        )
    return questions.not_demoted(case) or questions.opening_allowed(case)


def _collateral(
    case: Case,
    bought: list[PricedLeg],
    after: list[PricedLeg],
    chain: ChainView,
    *,
    replaces: bool = False,
) -> Refused | None:
    """Ask margin and coins for whole amounts: `bought` trades, `after` is what stands then.

    With `replaces` the chain's own legs are closed by the same order and set their margin free.
    """
    view = case.view
    try:
        needed = margin_needed(bought, view.touches, view.index)
        freed = margin_released(chain, view.touches, view.index) if replaces else {}
    except ValueError as why:
        return case.refuse("margin", f"the margin cannot be computed: {why}")
    for currency in sorted({*needed, *freed}):
        need = needed.get(currency, 0.0) - freed.get(currency, 0.0)
        bound = view.initial_margin.get(currency, 0.0)
        cap = Cap("margin", view.margin_balance.get(currency, 0.0), bound, need, currency)
        if case.ask(cap.use(1.0)) and need > 0:
            return case.refuse(
                "margin",
                f"it binds {need:.4f} {currency} beside {bound:.4f} of a margin balance of "
                f"{cap.limit:.4f}",
                cap.use(1.0),
            )
    return _covered(case, after, chain)


def _covered(case: Case, after: list[PricedLeg], chain: ChainView) -> Refused | None:
    """Ask for coins where more short calls stay uncovered than the chain has coins for, and for
    USDC where its puts may have to pay more for coin than before.
    """
    held: list[tuple[Instrument, float]] = [
        (position.instrument, position.amount) for position in tradable(chain)
    ]
    left = [(leg.instrument, leg.ratio) for leg in after]
    delivers = chain.delivery == "spot"
    promised, standing = (uncovered_calls(one, delivers=delivers) for one in (held, left))
    for currency, calls in sorted(standing.items()):
        more = calls - promised.get(currency, 0.0)
        free = case.view.free_coins.get(currency, 0.0)
        if more > TOLERANCE and case.ask(Cap("coverage", free, 0.0, more, currency).use(1.0)):
            return case.refuse(
                "coverage",
                f"{more:g} more short calls need {currency} to cover them, {free:g} are free",
                LimitUse(rule="coverage", limit=free, used=0.0, requested=more),
            )
    more = coin_cost(left) - coin_cost(held) if delivers else 0.0
    free = case.view.free_coins.get(DOLLARS, 0.0)
    if more > TOLERANCE and case.ask(Cap("coverage", free, 0.0, more, DOLLARS).use(1.0)):
        return case.refuse(
            "coverage",
            f"its puts may have to pay {more:,.2f} {DOLLARS} more for coin, {free:,.2f} are free",
            LimitUse(rule="coverage", limit=free, used=0.0, requested=more),
        )
    return None


def _before_and_after(
    case: Case, held: list[PricedLeg], hedge: list[PricedLeg]
) -> tuple[UnitLoss, UnitLoss] | Refused:
    view = case.view
    try:
        before, after = (
            legs_loss(legs, view.touches, index=view.index, at=view.at, settings=case.settings)
            for legs in (held, held + hedge)
        )
    except UndefinedRisk as why:
        return case.refuse("undefined_risk", str(why))
    return before, after


def _reduces(case: Case, before: UnitLoss, after: UnitLoss) -> Refused | None:
    """Refuse a hedge after which the chain can lose as much as before, or more."""
    view = case.view
    old, new = (loss.share(view.equity_usd, view.index) for loss in (before, after))
    use = LimitUse(rule="hedge_increases_risk", limit=old, used=0.0, requested=new)
    case.ask(use)
    if new < old - TOLERANCE:
        return None
    return case.refuse(
        "hedge_increases_risk",
        f"with the hedge the chain can lose {new:.2%} of equity, without it {old:.2%}",
        use,
    )


def _stated(case: Case, chain: ChainView) -> float:
    """The chain's stated max loss as a share of today's equity."""
    present = UnitLoss(chain.max_loss_usd, chain.max_loss_coin, 0.0, 0.0)
    return present.share(case.view.equity_usd, case.view.index)


def _chain_step(chain: ChainView) -> float:
    """Find the step in which a chain's units can be closed."""
    return trade_step(
        [
            (position.instrument, max(round(abs(position.amount / chain.units)), 1))
            for position in tradable(chain)
        ]
    )
