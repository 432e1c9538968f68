"""What stands in the way of opening? One question per rule, asked in the gate's order.

A question answers None (go on) or the refusal, which says what decided in one sentence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.domain.facts import MAIN_ACCOUNT
from trader.domain.trading import LimitUse
from trader.domain.units import DAY, utc_day
from trader.risk import restraint
from trader.risk.case import by_id, underlying_of
from trader.risk.limits import daily_use, halts, open_positions_use
from trader.risk.structure import strike_of_put, tradable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.market import Touch
    from trader.domain.portfolio import WorkingOrder
    from trader.domain.trading import Consumer, Refused
    from trader.risk.case import Case

RATIO_MAX: Final = 1_000_000_000
QUOTED: Final = ("bid", "bid_amount", "ask", "ask_amount", "mark", "underlying_price")


def view_sound(case: Case) -> Refused | None:
    """Refuse where the account's own numbers leave the risk undefined."""
    view = case.view
    scalar = view.restraint.multiplier if view.restraint is not None else 1.0
    sound = {"equity_usd": view.equity_usd, "index": view.index, "restraint.multiplier": scalar}
    for field, value in sound.items():
        if not (math.isfinite(value) and value > 0):
            return case.refuse(
                "undefined_risk", f"{field} is {value}: no share of equity can be stated"
            )
    for one in (*view.consumers, *view.slots_used):
        if not (math.isfinite(one.share) and one.share >= 0):
            return case.refuse(
                "undefined_risk",
                f"{one.kind} {one.id} states a risk of {one.share}: no budget can be computed",
                consumers=(one,),
            )
    return None


def legs_sound(case: Case) -> Refused | None:
    """Refuse legs that cannot be judged: none, unknown, of another coin, expired."""
    intent, view = case.intent, case.view
    if not intent.legs:
        return case.refuse("invalid_intent", f"{intent.action} names no legs: nothing to trade")
    for leg in intent.legs:
        touch = view.touches.get(leg.instrument)
        if touch is None:
            return case.refuse("invalid_intent", f"{leg.instrument} is not listed")
        instrument = touch.instrument
        if (
            instrument.name != leg.instrument
            or underlying_of(instrument.underlying) != case.underlying
        ):
            return case.refuse(
                "invalid_intent", f"{leg.instrument} is no contract on {case.underlying}"
            )
        if instrument.expires_at is not None and instrument.expires_at <= view.at:
            return case.refuse("invalid_intent", f"{leg.instrument} has expired")
        if not (0 < abs(leg.ratio) <= RATIO_MAX and leg.ratio % 1 == 0):
            return case.refuse(
                "invalid_intent", f"{leg.instrument}: ratio {leg.ratio} is no whole number of units"
            )
    return _delivery_sound(case)


def _delivery_sound(case: Case) -> Refused | None:
    """Refuse coin at settlement for anything but a new short put that settles in USDC."""
    intent = case.intent
    if intent.delivery == "cash":
        return None
    sold = [case.view.touches[leg.instrument] for leg in intent.legs if leg.ratio < 0]
    one_put = len(sold) == len(intent.legs) == 1 and strike_of_put(sold[0].instrument) > 0
    if intent.action == "open" and one_put:
        return None
    return case.refuse(
        "invalid_intent", "delivery in spot is for opening one short put settled in USDC: ask cash"
    )


def not_demoted(case: Case) -> Refused | None:
    """Refuse new risk on the account to a strategy that may only trade its shadow ledger."""
    if case.view.stage != "RESEARCH" or case.view.account != MAIN_ACCOUNT:
        return None
    return case.refuse(
        "demoted",
        f"{case.intent.strategy} is at RESEARCH: what it holds on the account is managed to its "
        "end and never enlarged",
    )


def opening_allowed(case: Case) -> Refused | None:
    """Refuse while a person or an alert paused opening, or a halt of the account holds."""
    view = case.view
    if view.paused is not None:
        return case.refuse("paused", f"opening is paused: {view.paused}")
    if (paused := restraint.not_paused(case)) is not None:
        return paused
    for halt in halts(case.settings, view):
        use = LimitUse(rule=halt.rule, limit=halt.limit, used=halt.used, requested=0.0)
        case.ask(use)
        if halt.active:
            frees_at = next_day(view.at) if halt.rule == "daily_loss_halt" else None
            return case.refuse(
                halt.rule, f"opening is halted: {halt.detail}", use, frees_at=frees_at
            )
    return None


def family_selected(case: Case) -> Refused | None:
    """Refuse an opening by a kind of strategy that the market regime does not let open."""
    if case.view.selected:
        return None
    return case.refuse("regime", case.view.selection)


def quotes_usable(case: Case, instruments: Iterable[str]) -> Refused | None:
    """Refuse where a quote is missing, stale, one-sided, without size, or not a number."""
    for name in instruments:
        touch = case.view.touches.get(name)
        if touch is None:
            return case.refuse("no_two_sided_quote", f"{name} shows no quote")
        refusal = _quote_usable(case, touch)
        if refusal is not None:
            return refusal
    return None


def chain_known(case: Case) -> Refused | None:
    """Refuse to act on a chain that is not this strategy's, has ended, or holds nothing."""
    intent, chain = case.intent, case.view.chain
    if chain is None or chain.chain_id != intent.chain_id:
        return case.refuse("chain_unknown", f"no open chain is called {intent.chain_id}")
    if chain.strategy != intent.strategy or underlying_of(chain.underlying) != case.underlying:
        return case.refuse(
            "chain_unknown",
            f"chain {chain.chain_id} belongs to {chain.strategy} on {chain.underlying}",
        )
    if chain.session is not None:
        return case.refuse(
            "invalid_intent",
            f"chain {chain.chain_id} is a session of quotes: it is quoted, withdrawn or closed",
        )
    if not (chain.units > 0 and math.isfinite(chain.units)) or not tradable(chain):
        return case.refuse("chain_unknown", f"chain {chain.chain_id} holds nothing to trade")
    worst = (chain.max_loss_usd, chain.max_loss_coin)
    if not all(math.isfinite(loss) and loss >= 0 for loss in worst):
        return case.refuse(
            "undefined_risk", f"chain {chain.chain_id} states a max loss of {worst[0]} USD"
        )
    return None


def nothing_working(case: Case) -> Refused | None:
    """Refuse to change a chain while any order on it can still trade.

    What is judged must be what stands when the change fills: an order that fills in between would
    add legs the judgement never saw.
    """
    for order in orders_on_chain(case):
        return case.refuse(
            "already_working",
            f"order {order.order.order_id} still works to {order.order.action} "
            f"{order.remaining:g} of chain {order.order.chain_id}",
        )
    return None


def orders_on_chain(case: Case) -> list[WorkingOrder]:
    """List the orders that can still trade on the chain the intent names."""
    return [
        one
        for one in case.view.working
        if one.order.chain_id == case.intent.chain_id and one.remaining > 0
    ]


def slot_free(case: Case) -> Refused | None:
    """Refuse where the strategy's new trades of this UTC day are used up."""
    view = case.view
    most = restraint.trades_per_day(case)
    use = daily_use(most, len(view.slots_used))
    if not case.ask(use):
        return None
    return case.refuse(
        "daily_trades",
        f"{case.intent.strategy} opened {len(view.slots_used)} of {most} new trades today"
        f"{_by_type(case, most)}; the UTC day ends first",
        use,
        consumers=by_id(view.slots_used),
        frees_at=next_day(view.at),
    )


def _by_type(case: Case, most: int) -> str:
    """Name the type of trader where it is what allows so few trades."""
    asked = case.view.restraint
    tighter = asked is not None and most < case.settings.max_new_trades_per_day
    return f" ({asked.profile})" if asked is not None and tighter else ""


def chain_room(case: Case) -> Refused | None:
    """Refuse where the strategy holds or works as many chains as it may."""
    view, strategy = case.view, case.intent.strategy
    use = open_positions_use(case.settings.max_open_positions_per_strategy, view.open_chains)
    if not case.ask(use):
        return None
    consumers = by_id(one for one in view.consumers if one.strategy == strategy)
    return case.refuse(
        "open_positions",
        f"{strategy} holds {view.open_chains} of {use.limit:.0f} chains: one must end first",
        use,
        consumers=consumers,
        frees_at=min((one.frees_at for one in consumers if one.frees_at is not None), default=None),
    )


def next_day(at: int) -> int:
    """Name the next UTC midnight."""
    return (utc_day(at) + 1) * DAY


def freeing_time(consumers: Iterable[Consumer], limit: float, requested: float) -> int | None:
    """Find when enough consumers have ended for a request to fit; None where nobody knows."""
    consumers = tuple(consumers)
    used = math.fsum(one.share for one in consumers)
    ending = sorted((one.frees_at, one.share) for one in consumers if one.frees_at is not None)
    for frees_at, share in ending:
        used -= share
        if used + requested <= limit + 1e-9:
            return frees_at
    return None


def _quote_usable(case: Case, touch: Touch) -> Refused | None:
    name = touch.instrument.name
    if not touch.fresh:
        use = LimitUse(rule="stale_quotes", limit=0.0, used=touch.age_s, requested=0.0)
        return case.refuse(
            "stale_quotes", f"the quote of {name} is stale ({touch.age_s:.0f} s old)", use
        )
    if not touch.two_sided:
        return case.refuse(
            "no_two_sided_quote",
            f"{name} shows bid {touch.bid} for {touch.bid_amount}, ask {touch.ask} for "
            f"{touch.ask_amount}: both sides are needed",
        )
    for field in QUOTED:
        value = getattr(touch, field)
        if not math.isfinite(value):
            return case.refuse("no_two_sided_quote", f"{name} shows a {field} of {value}")
    return None
