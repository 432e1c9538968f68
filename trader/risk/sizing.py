"""How large may an order be? The largest amount on the trade step that every limit allows.

Sizes only ever shrink: wish and per-trade limit give the full size, factors (record, models,
regime, drawdown, correlation, behavior, stage) what is wanted of it, and what others already use
(budget, margin, coverage, Greeks) what can be had. This is the one place that multiplies factors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.trading import LimitUse, Rule
from trader.domain.units import ATOMS_PER_UNIT, from_atoms, on_step
from trader.risk.limits import TOLERANCE
from trader.risk.scalars import combined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.trading import Approved, SizeFactor


STATED_TO: Final = 1e-9
"""Shares of equity in journals agree to this."""


class Cap(msgspec.Struct, frozen=True):
    """What one limit allows. `per_unit` is what one unit uses, in the unit the limit counts in.

    `of` names what is counted: the underlying, or the currency of margin and coins.
    """

    rule: Rule
    limit: float
    used: float
    per_unit: float
    of: str = ""

    @property
    def amount(self) -> float:
        """The largest amount within the limit, not yet on a step; half the tolerance is granted."""
        room = self.limit - self.used + TOLERANCE / 2
        if room <= 0 or math.isnan(room):
            return 0.0
        return room / self.per_unit if self.per_unit > 0 else math.inf

    def use(self, amount: float) -> LimitUse:
        """Ask the limit for an amount."""
        return LimitUse(
            rule=self.rule, limit=self.limit, used=self.used, requested=self.per_unit * amount
        )


class Sized(msgspec.Struct, frozen=True):
    """The amount to trade, on the step, and the stage's size it was cut from."""

    amount: float
    stage_size: float


class Unsized(msgspec.Struct, frozen=True):
    """No amount fits: the rule that says so, and the cap that left `allowed` (None: the wish).

    `wanted` is the amount that was asked of the binding cap: one lot, or the stage's size.
    """

    rule: Rule
    binding: Cap | None
    allowed: float
    wanted: float


def trade_step(legs: Sequence[tuple[Instrument, int]]) -> float:
    """Find the smallest amount at which every (instrument, ratio) trades whole steps of its own."""
    atoms = 1
    for instrument, ratio in legs:
        step = max(round(instrument.min_trade_amount * ATOMS_PER_UNIT), 1)
        atoms = math.lcm(atoms, step // math.gcd(step, abs(ratio)))
    return from_atoms(atoms)


def size(
    *,
    step: float,
    wish: float | None,
    factors: Sequence[SizeFactor],
    full: Sequence[Cap],
    shared: Sequence[Cap],
    min_size_share: float,
) -> Sized | Unsized:
    """Find the amount: `full` caps make the stage's size, `shared` ones may shrink it by half.

    The product of `factors` shrinks the full size; what a stage takes of that leaves one lot at
    least (PILOT: the larger of a quarter and one lot). At least one cap in `full` is finite.
    """
    cap = min(full, key=lambda one: one.amount)
    allowed = min(cap.amount, wish if wish is not None else math.inf)
    binding = cap if allowed == cap.amount else None
    wanted = allowed * scalar_of(factors)
    base = on_step(wanted, step)
    if base < step:
        return Unsized("below_minimum_size", binding, tidy_down(wanted), step)
    share = combined(one for one in factors if one.name == "stage")
    stage_size = max(on_step(base * share, step), step) if share < 1 else base
    if not shared:
        return Sized(stage_size, stage_size)
    tightest = min(shared, key=lambda one: one.amount)
    amount = min(stage_size, on_step(min(tightest.amount, stage_size), step))
    if amount < step:
        return Unsized(tightest.rule, tightest, tidy_down(tightest.amount), step)
    if amount < min_size_share * stage_size - TOLERANCE:
        return Unsized("below_half_size", tightest, amount, stage_size)
    return Sized(amount, stage_size)


def scalar_of(factors: Sequence[SizeFactor]) -> float:
    """Multiply what shrinks the full size: all but the stage, which leaves one lot at least."""
    return combined(one for one in factors if one.name != "stage")


def beyond_factors(approved: Approved) -> str:
    """Say how an approval contradicts the factors it states; "" where it keeps to them."""
    if wrong := [one.name for one in approved.sizing if not 0.0 <= one.factor <= 1.0]:
        return f"was sized by {', '.join(wrong)} beyond 1"
    scalar = scalar_of(approved.sizing)
    for use in approved.limits if approved.sizing else ():
        most = (use.limit - use.used) * scalar
        if use.rule == "per_trade_risk" and use.requested > most + STATED_TO:
            return f"risks {use.requested:.4%}, factors leave {most:.4%}"
    return ""


def tidy_down(amount: float) -> float:
    """Round an amount down to 8 decimals: what is shown as fitting must fit."""
    return math.floor(amount * ATOMS_PER_UNIT) / ATOMS_PER_UNIT


def equity_needed_usd(loss_usd: float, limit: float, used_usd: float = 0.0) -> float:
    """Find the equity at which a loss fits a limit beside what is used, all in USD.

    For one lot: `equity_needed_usd(max(unit.usd, unit.coin * index) * lot, max_risk_per_trade)`.
    """
    return (loss_usd + used_usd) / limit
