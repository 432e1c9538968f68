"""What is wanted of the size that the limits allow? Each factor of a new trade, and its reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.risk.case import underlying_of
from trader.risk.correlation import correlation, correlation_factor
from trader.risk.scalars import (
    agreement_factor,
    drawdown_factor,
    factor,
    kelly_factor,
    regime_factor,
    stage_factor,
)

if TYPE_CHECKING:
    from trader.domain.trading import SizeFactor
    from trader.risk.case import Case
    from trader.risk.view import Circumstances


def standing_factors(case: Case) -> tuple[SizeFactor, ...]:
    """List what always shrinks a new trade, or an addition: behavior and stage."""
    view = case.view
    stage = stage_factor(view.stage)
    if view.restraint is None:
        return (stage,)
    return (factor("behavior", view.restraint.multiplier, view.restraint.reason), stage)


def circumstantial_factors(case: Case) -> tuple[SizeFactor, ...]:
    """List what record, models, regime, drawdown and correlation leave; nothing where not asked."""
    view, settings, told = case.view, case.settings, case.view.circumstances
    if told is None or not settings.sizing.enabled:
        return ()
    return (
        kelly_factor(told.results(), settings.sizing, settings.max_risk_per_trade),
        agreement_factor(told.worth(), settings.sizing),
        regime_factor(told.seen(), settings.sizing),
        drawdown_factor(view.peak_pnl_usd - view.trading_pnl_usd, view.equity_usd, settings.sizing),
        _correlated(case, told),
    )


def shrinking_text(factors: tuple[SizeFactor, ...]) -> str:
    """Say what shrinks a size, the strongest first; nothing where nothing does."""
    shrinking = sorted((one for one in factors if one.factor < 1), key=lambda one: one.factor)
    return "; ".join(f"{one.name} x {one.factor:.3g}: {one.reason}" for one in shrinking)


def _correlated(case: Case, told: Circumstances) -> SizeFactor:
    """Ask how far the coins that risk is open on move with this one; what is nameless cannot."""
    shares: dict[str, list[float]] = {}
    for one in case.view.consumers:
        name = underlying_of(one.underlying)
        if name not in ("", case.underlying):
            shares.setdefault(name, []).append(one.share)
    settings = case.settings.correlation
    own = told.bars(case.underlying) if shares else None
    seen = {name: correlation(own, told.bars(name), settings) for name in shares if own is not None}
    open_risk = {name: math.fsum(each) for name, each in shares.items()}
    return correlation_factor(open_risk, seen, settings, case.settings.max_risk_per_underlying)
