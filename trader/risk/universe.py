"""What may be opened at all? Coins, expiries, strikes and quotes that every strategy picks from.

Each strategy chooses by parameters of its own; this is the fence around all of them, asked of every
leg of an opening or an addition. Rolls, hedges and closes are of what is held, and are not asked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.trading import LimitUse
from trader.domain.units import DAY, HOUR

if TYPE_CHECKING:
    from trader.domain.market import Touch
    from trader.domain.trading import Refused
    from trader.risk.case import Case


def in_universe(case: Case) -> Refused | None:
    """Refuse what lies outside, by the leg and the key that says so.

    Caller's obligation: the legs are sound, their quotes two-sided and finite.
    """
    known = case.settings.universe.underlyings
    if known and case.underlying not in known:
        return case.refuse(
            "universe",
            f"{case.underlying} may not be opened: risk.universe.underlyings names "
            f"{', '.join(known)}",
        )
    for leg in case.intent.legs:
        refusal = _outside(case, case.view.touches[leg.instrument])
        if refusal is not None:
            return refusal
    return None


def _outside(case: Case, touch: Touch) -> Refused | None:
    """Hold one leg against expiry, strike and spread; what has no expiry or strike passes those."""
    fence, instrument, at = case.settings.universe, touch.instrument, case.view.at
    left = (instrument.expires_at or 0) - at if instrument.expires_at is not None else None
    if left is not None and left < fence.hours_min * HOUR:
        return _refused(case, touch, "hours_min", "hours to its expiry", left / HOUR, at_least=True)
    if left is not None and left > fence.days_max * DAY:
        return _refused(case, touch, "days_max", "days to its expiry", left / DAY)
    if instrument.strike is not None:
        away = abs(instrument.strike / touch.underlying_price - 1.0)
        if not away <= fence.strike_distance_max:
            words = "from the forward to its strike, a share of it"
            return _refused(case, touch, "strike_distance_max", words, away)
    if instrument.kind == "option":
        middle = (touch.bid + touch.ask) / 2.0
        spread = (touch.ask - touch.bid) / middle if middle > 0 else math.inf
        if not spread <= fence.spread_max:
            words = "between bid and ask, a share of their middle"
            return _refused(case, touch, "spread_max", words, spread)
    return None


def _refused(
    case: Case, touch: Touch, key: str, what: str, value: float, *, at_least: bool = False
) -> Refused:
    limit = float(getattr(case.settings.universe, key))
    bound = f"{'at least' if at_least else 'at most'} {limit:g} is asked"
    return case.refuse(
        "universe",
        f"{touch.instrument.name}: {value:.4g} {what}; {bound} (risk.universe.{key})",
        LimitUse(rule="universe", limit=limit, used=0.0, requested=value),
    )
