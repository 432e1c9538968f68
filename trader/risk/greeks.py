"""How far may the book on one underlying lean? Limits on delta, gamma and vega in USD.

Each counts what the account would gain or lose by one step of the market, as a share of equity:
delta by an index 1 % higher, gamma how much more by the next 1 %, vega by volatilities one point
higher. Greeks are Black-76's at the volatility that the board shows of each option; a stale quote
counts as it was last known, and where none was ever shown nothing new opens on that coin. Starting
balances do not count (all else is held against holding them, too), coin that was assigned does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.trading import Consumer, LimitUse, Rule
from trader.domain.units import YEAR
from trader.pricing.exposures import NOTHING, PER_CENT, Exposure, option_exposure
from trader.risk.limits import TOLERANCE, exceeded
from trader.risk.sizing import Cap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.market import Touch
    from trader.domain.trading import Refused
    from trader.risk.case import Case
    from trader.risk.max_loss import PricedLeg

RULES: Final[tuple[Rule, ...]] = ("delta_limit", "gamma_limit", "vega_limit")
STEPS: Final = {
    "delta_limit": "1 % of the index",
    "gamma_limit": "1 % of the index, in delta",
    "vega_limit": "a point of volatility",
}


class Lean(msgspec.Struct, frozen=True):
    """What one chain or working order adds to a book; `consumer.share` is left to who asks."""

    consumer: Consumer
    exposure: Exposure


class Book(msgspec.Struct, frozen=True):
    """All that leans on one underlying, and what of it never showed a volatility."""

    leans: tuple[Lean, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def total(self) -> Exposure:
        """The book as a whole."""
        return summed((one.exposure, 1.0) for one in self.leans)


def exposure_of(
    instrument: Instrument, touch: Touch | None, index: float, at: int
) -> Exposure | None:
    """Return what one unit gains by a step of the market, in USD; None where that is unknown.

    An inverse perpetual counts its amount, which is in USD; coin, and what is linear, its index.
    """
    if instrument.kind != "option":
        level = 1.0 if instrument.inverse and instrument.kind != "spot" else index
        return Exposure(level * PER_CENT, 0.0, 0.0) if 0.0 < level < math.inf else None
    left = (instrument.expires_at or 0) - at
    if left <= 0:
        return NOTHING
    if touch is None:
        return None
    forward, vol, strike = touch.underlying_price, touch.mark_iv, instrument.strike or 0.0
    if not (0.0 < forward < math.inf and 0.0 <= vol < math.inf and strike > 0.0):
        return None
    sign = 1 if instrument.option_type == "call" else -1
    return option_exposure(sign, forward, strike, left / YEAR, vol)


def summed(parts: Iterable[tuple[Exposure, float]]) -> Exposure:
    """Add exposures up, each so many times."""
    total = NOTHING
    for exposure, times in parts:
        total = total.plus(exposure, times)
    return total


def greek_caps(case: Case, sides: Sequence[list[PricedLeg]]) -> tuple[Cap, ...] | Refused:
    """Cap a new trade by each Greek it enlarges; what leans against the book has room for both.

    `sides` are the ways it may lean: one, or both of a session of quotes. Refuses where the book
    cannot be stated.
    """
    told = case.view.circumstances
    if told is None:
        return ()
    book = told.book()
    if book.unknown:
        return case.refuse(
            "undefined_risk",
            f"{book.unknown[0]} is held and showed no volatility yet: the Greeks of the book on "
            f"{case.underlying} cannot be stated",
        )
    caps: list[Cap] = []
    for legs in sides:
        unit = _change(case, legs)
        if unit is None:
            return case.refuse(
                "undefined_risk", "a leg shows no volatility: its Greeks cannot be stated"
            )
        caps += [
            Cap(rule, limit, math.copysign(1.0, per_unit) * used, abs(per_unit), case.underlying)
            for rule, limit, used, per_unit in _counted(case, book.total, unit)
            if per_unit
        ]
    return tuple(caps)


def greeks_allow(case: Case, change: list[PricedLeg]) -> Refused | None:
    """Refuse a hedge or a roll, whole amounts of it, that leans the book further beyond a limit.

    What reduces a Greek that is beyond its limit passes, whatever it does to the others.
    """
    told = case.view.circumstances
    added = _change(case, change)
    book = told.book() if told is not None else None
    if book is None or book.unknown or added is None:
        return None
    worst: LimitUse | None = None
    for rule, limit, before, by in _counted(case, book.total, added):
        after = abs(before + by)
        if abs(before) > limit + TOLERANCE and after < abs(before):
            return None
        use = LimitUse(rule, limit, math.copysign(1.0, by) * before, abs(by))
        if by and exceeded(use) and after > abs(before) and worst is None:
            worst = use
    if worst is None:
        return None
    case.ask(worst)
    return case.refuse(
        worst.rule, lean_text(case, worst), worst, consumers=leaning(case, worst.rule, worst)
    )


def lean_text(case: Case, use: LimitUse) -> str:
    """Say in numbers what a Greek would be, for a request."""
    return (
        f"the book on {case.underlying} stands at {use.used:.3%} of equity for {STEPS[use.rule]}, "
        f"this adds {use.requested:.3%}: limit {use.limit:.2%}"
    )


def leaning(case: Case, rule: Rule, use: LimitUse) -> tuple[Consumer, ...]:
    """List what makes a book lean, with shares of equity: those against the request negative."""
    told = case.view.circumstances
    if told is None:
        return ()
    book, place = told.book(), RULES.index(rule)
    total = book.total[place] / case.view.equity_usd
    side = 1.0 if (total >= 0) == (use.used >= 0) else -1.0
    return tuple(
        msgspec.structs.replace(
            one.consumer, share=side * one.exposure[place] / case.view.equity_usd
        )
        for one in sorted(book.leans, key=lambda one: (one.consumer.id, one.consumer.kind))
    )


def _counted(
    case: Case, book: Exposure, change: Exposure
) -> Iterable[tuple[Rule, float, float, float]]:
    """Pair each rule with its limit, what stands and what comes, in shares of equity."""
    limits, equity = case.settings.greeks, case.view.equity_usd
    most = (limits.delta_max, limits.gamma_max, limits.vega_max)
    for rule, limit, used, more in zip(RULES, most, book, change, strict=True):
        yield rule, limit, used / equity, more / equity


def _change(case: Case, legs: list[PricedLeg]) -> Exposure | None:
    """Add up what legs lean, in their own ratios; None where one shows no volatility."""
    view = case.view
    parts = []
    for leg in legs:
        shown = view.touches.get(leg.instrument.name)
        exposure = exposure_of(leg.instrument, shown, view.index, view.at)
        if exposure is None:
            return None
        parts.append((exposure, leg.ratio))
    return summed(parts)
