"""How much of a new trade, or of an addition to one, is allowed?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, assert_never

from trader.domain.trading import Approved, Refused, Verdict
from trader.domain.units import DOLLARS
from trader.risk import questions, quoting, restraint
from trader.risk.appetite import circumstantial_factors, shrinking_text, standing_factors
from trader.risk.greeks import RULES, greek_caps, lean_text, leaning
from trader.risk.max_loss import UndefinedRisk, UnitLoss
from trader.risk.perpetual import stop_stated, stopped_loss
from trader.risk.sizing import (
    Cap,
    Sized,
    Unsized,
    equity_needed_usd,
    scalar_of,
    size,
    trade_step,
)
from trader.risk.structure import coin_cost, legs_loss, margin_needed, uncovered_calls
from trader.risk.universe import in_universe

if TYPE_CHECKING:
    from trader.domain.trading import Consumer
    from trader.risk.case import Case
    from trader.risk.max_loss import PricedLeg


SHARES: Final = ("per_trade_risk", "underlying_risk", "position_size", *RULES)
"""Limits that count shares of equity: more equity would make room."""


def judge_open(case: Case) -> Verdict:
    """Judge a new trade: it takes a slot of the day, a place among the chains, and risk."""
    return (
        questions.view_sound(case)
        or questions.legs_sound(case)
        or questions.not_demoted(case)
        or questions.opening_allowed(case)
        or questions.family_selected(case)
        or questions.quotes_usable(case, [leg.instrument for leg in case.intent.legs])
        or in_universe(case)
        or stop_stated(case)
        or quoting.session_sound(case)
        or restraint.suits_type(case)
        or questions.slot_free(case)
        or questions.chain_room(case)
        or _fit(case, UnitLoss(0.0, 0.0, 0.0, 0.0))
    )


def judge_add(case: Case) -> Verdict:
    """Judge an addition to a chain: it takes risk beside what the chain risks, but no slot."""
    refusal = (
        questions.view_sound(case)
        or questions.legs_sound(case)
        or questions.chain_known(case)
        or questions.nothing_working(case)
        or questions.not_demoted(case)
        or questions.opening_allowed(case)
        or questions.quotes_usable(case, [leg.instrument for leg in case.intent.legs])
        or in_universe(case)
        or stop_stated(case)
        or restraint.suits_type(case)
    )
    if refusal is not None:
        return refusal
    chain = case.view.chain
    present = (chain.max_loss_usd, chain.max_loss_coin) if chain is not None else (0.0, 0.0)
    return _fit(case, UnitLoss(*present, 0.0, 0.0))


def unit_loss(case: Case, legs: list[PricedLeg], amount: float | None) -> UnitLoss | Refused:
    """Compute the max loss of one unit; a stated one may raise it, never undercut it.

    `stated_max_loss_usd` is for `amount` units where that is given, else for one.
    """
    view, stated = case.view, case.intent.stated_max_loss_usd
    stop = case.intent.stop
    try:
        unit = (
            stopped_loss(legs[0], stop)
            if stop is not None
            else legs_loss(legs, view.touches, index=view.index, at=view.at, settings=case.settings)
        )
    except UndefinedRisk as why:
        return case.refuse("undefined_risk", str(why))
    share = unit.share(view.equity_usd, view.index)
    if not (math.isfinite(share) and share > 0):
        return case.refuse(
            "undefined_risk",
            f"the stress from {unit.stress_low:.0f} to {unit.stress_high:.0f} finds a max loss of "
            f"{unit.usd:.2f} USD a unit: what cannot lose cannot be sized",
        )
    if stated is None:
        return unit
    per_unit = stated / (amount or 1.0)
    worst = max(unit.usd, unit.coin * view.index)
    if not math.isfinite(per_unit):
        return case.refuse("invalid_intent", f"stated_max_loss_usd is {stated}: give a number")
    if per_unit < worst * (1 - 1e-9):
        return case.refuse(
            "understated_risk",
            f"the intent states a max loss of {per_unit:.2f} USD a unit, the gate finds "
            f"{worst:.2f}: state at least that, or nothing",
        )
    return UnitLoss(max(per_unit, unit.usd), unit.coin, unit.stress_low, unit.stress_high)


def _fit(case: Case, present: UnitLoss) -> Verdict:
    """Size the trade beside what its chain risks already and approve it, or say what is short.

    Circumstances and Greeks are looked up only where one lot would fit without them.
    """
    view, intent, settings = case.view, case.intent, case.settings
    sides = quoting.both_sides(case)
    losses: list[UnitLoss] = []
    for side in sides:
        loss = unit_loss(case, side, intent.amount)
        if isinstance(loss, Refused):
            return loss
        losses.append(loss)
    unit = quoting.worst(losses)
    shared = _shared_caps(case, sides, unit)
    if isinstance(shared, Refused):
        return shared
    per_trade = Cap(
        rule="per_trade_risk",
        limit=settings.max_risk_per_trade,
        used=present.share(view.equity_usd, view.index),
        per_unit=unit.share(view.equity_usd, view.index),
        of=case.underlying,
    )
    step = trade_step([(leg.instrument, int(leg.ratio)) for leg in sides[0]])
    full = (per_trade, *restraint.position_caps(case, per_trade.used, per_trade.per_unit))
    case.factors = standing_factors(case)
    sized = _size(case, step, full, shared)
    if isinstance(sized, Sized) and view.circumstances is not None:
        greeks = greek_caps(case, sides)
        if isinstance(greeks, Refused):
            return greeks
        shared = (*shared, *greeks)
        case.factors = circumstantial_factors(case) + case.factors
        sized = _size(case, step, full, shared)
    caps = (*full, *shared)
    for cap in caps:
        case.ask(cap.use(sized.amount if isinstance(sized, Sized) else sized.wanted))
    match sized:
        case Sized():
            return _approve(case, unit, sized.amount)
        case Unsized():
            return _too_small(case, sized, caps, step)
        case _:
            assert_never(sized)


def _size(
    case: Case, step: float, full: tuple[Cap, ...], shared: tuple[Cap, ...]
) -> Sized | Unsized:
    return size(
        step=step,
        wish=case.intent.amount,
        factors=case.factors,
        full=full,
        shared=shared,
        min_size_share=case.settings.min_size_share,
    )


def _approve(case: Case, unit: UnitLoss, amount: float) -> Approved:
    max_loss = unit.of(amount, case.view.equity_usd, case.view.index)
    opens = case.intent.action == "open"
    chain_id = f"C{case.verdict_id[1:]}" if opens else case.intent.chain_id or ""
    return case.approve(
        amount,
        chain_id,
        max_loss,
        reserve_usd=max_loss.usd,
        reserve_coin=max_loss.coin,
        slot=opens,
    )


def _shared_caps(
    case: Case, sides: list[list[PricedLeg]], unit: UnitLoss
) -> tuple[Cap, ...] | Refused:
    """List what others use too: the underlying's budget, margin, coins that cover short calls,
    USDC that pays for the coin a put may deliver. Of two sides each may come to be held.
    """
    view = case.view
    budget = Cap(
        rule="underlying_risk",
        limit=case.settings.max_risk_per_underlying,
        used=math.fsum(one.share for one in case.budget_users()),
        per_unit=unit.share(view.equity_usd, view.index),
        of=case.underlying,
    )
    try:
        margins = [margin_needed(legs, view.touches, view.index) for legs in sides]
    except ValueError as why:
        return case.refuse("margin", f"the margin cannot be computed: {why}")
    caps = [budget]
    for currency, per_unit in sorted(item for one in margins for item in one.items()):
        have, bound = view.margin_balance.get(currency, 0.0), view.initial_margin.get(currency, 0.0)
        caps.append(Cap("margin", have, bound, per_unit, currency))
    uncovered = [uncovered_calls((leg.instrument, leg.ratio) for leg in legs) for legs in sides]
    for currency, ratio in sorted(item for one in uncovered for item in one.items()):
        caps.append(Cap("coverage", view.free_coins.get(currency, 0.0), 0.0, ratio, currency))
    delivery = view.chain.delivery if view.chain is not None else case.intent.delivery
    if delivery == "spot":
        cost = coin_cost((leg.instrument, leg.ratio) for leg in sides[0])
        caps.append(Cap("coverage", view.free_coins.get(DOLLARS, 0.0), 0.0, cost, DOLLARS))
    return tuple(caps)


def _too_small(case: Case, unsized: Unsized, caps: tuple[Cap, ...], step: float) -> Refused:
    """Refuse what does not fit, with what would have, who uses the rest, and when it frees."""
    cap, settings = unsized.binding, case.settings
    if cap is None:
        wish = case.intent.amount
        return case.refuse(
            unsized.rule,
            f"the intent wants {wish} x {scalar_of(case.factors):.3g}, which is below one "
            f"lot of {step:g}{_held_back(case)}",
            allowed=unsized.allowed,
        )
    words = _shortage(case, cap, unsized.wanted)
    needed = unsized.wanted
    if unsized.rule == "below_half_size":
        needed = settings.min_size_share * unsized.wanted
        words = f"only {unsized.allowed:g} of {unsized.wanted:g} would fit: {words}"
    elif unsized.rule == "below_minimum_size":
        words = f"only {unsized.allowed:g} would fit, below one lot of {step:g}: {words}"
    consumers = _users(case, cap)
    return case.refuse(
        unsized.rule,
        words,
        cap.use(unsized.wanted),
        allowed=unsized.allowed,
        consumers=consumers,
        frees_at=(
            questions.freeing_time(consumers, cap.limit, cap.per_unit * needed)
            if consumers
            else None
        ),
        equity_needed_usd=_equity_for_lot(case, caps, step) if cap.rule in SHARES else None,
    )


def _users(case: Case, cap: Cap) -> tuple[Consumer, ...]:
    """List what uses a limit that positions share and that their ends free."""
    if cap.rule == "underlying_risk":
        return case.budget_users()
    return leaning(case, cap.rule, cap.use(0.0)) if cap.rule in RULES else ()


def _held_back(case: Case) -> str:
    """Say why sizes are shrunk, where they are."""
    full = [one for one in case.factors if one.name != "stage"]
    words = shrinking_text(tuple(full))
    return f": {words}" if words else ""


def _shortage(case: Case, cap: Cap, wanted: float) -> str:
    """Say in numbers what the binding limit counts, for the amount that was wanted."""
    need = cap.per_unit * wanted
    if cap.rule in RULES:
        return lean_text(case, cap.use(wanted))
    if cap.rule in SHARES:
        scalar = scalar_of(case.factors)
        shrunk = f" (size scalar {scalar:.3g}{_held_back(case)})" if scalar < 1 else ""
        where = f"{cap.of} carries" if cap.rule == "underlying_risk" else "the chain carries"
        plain = round(cap.used, 4) + round(need, 4) > cap.limit + 1e-9
        places = 2 if plain else 4  # rounded more, the sum would look as if it fitted
        before = f"{where} {cap.used:.{places}%} and " if cap.used else ""
        risk = f"{wanted:g} risks {need:.{places}%} of equity"
        return f"{before}{risk}, limit {cap.limit:.2%}{shrunk}"
    if cap.rule == "margin":
        return (
            f"{wanted:g} binds {need:.4f} {cap.of} beside {cap.used:.4f} of a margin balance of "
            f"{cap.limit:.4f}"
        )
    if cap.of == DOLLARS:
        return f"{wanted:g} may cost {need:,.2f} {DOLLARS} in coin, {cap.limit:,.2f} are free"
    return f"{wanted:g} needs {need:g} {cap.of} to cover its short calls, {cap.limit:g} are free"


def _equity_for_lot(case: Case, caps: tuple[Cap, ...], step: float) -> float:
    """Find the equity at which one lot fits the limits of risk, with everything open as it is."""
    equity = case.view.equity_usd
    return max(
        equity_needed_usd(cap.per_unit * step * equity, cap.limit, cap.used * equity)
        for cap in caps
        if cap.rule in SHARES
    )
