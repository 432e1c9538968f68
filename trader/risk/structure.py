"""What would the legs cost, risk and bind at what the market shows?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.instruments import pair_name
from trader.domain.units import NEVER
from trader.domain.valuation import paid_in_full, trade_fee
from trader.risk.margin import standard_margin
from trader.risk.max_loss import PricedLeg, Stress, UndefinedRisk, UnitLoss, structure_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.market import Touch
    from trader.domain.portfolio import ChainView, Position
    from trader.domain.trading import Leg
    from trader.risk.limits import RiskSettings


def opening_legs(legs: Sequence[Leg], touches: Mapping[str, Touch]) -> list[PricedLeg]:
    """Price legs at the touch: what is bought at the ask, what is sold at the bid."""
    return [
        PricedLeg(
            instrument=touches[leg.instrument].instrument,
            ratio=float(leg.ratio),
            entry_price=(
                touches[leg.instrument].ask if leg.ratio > 0 else touches[leg.instrument].bid
            ),
            spread=_spread(touches[leg.instrument]),
        )
        for leg in legs
    ]


def held_legs(chain: ChainView, touches: Mapping[str, Touch]) -> list[PricedLeg]:
    """Price what a chain holds, the whole of it, at its entry; spreads where both sides show."""
    return [
        PricedLeg(
            instrument=position.instrument,
            ratio=position.amount,
            entry_price=position.entry_price,
            spread=_spread(touches.get(position.instrument.name)),
        )
        for position in tradable(chain)
    ]


def tradable(chain: ChainView) -> tuple[Position, ...]:
    """List what a chain holds and can still trade: expired legs only wait for their price."""
    return tuple(one for one in chain.positions if not one.pending and one.amount != 0)


def replaced(chain: ChainView) -> tuple[Position, ...]:
    """List what a roll replaces: all that can be traded but its coin, which stays."""
    return tuple(one for one in tradable(chain) if one.instrument.kind != "spot")


def legs_loss(
    legs: Sequence[PricedLeg],
    touches: Mapping[str, Touch],
    *,
    index: float,
    at: int,
    settings: RiskSettings,
) -> UnitLoss:
    """Estimate the max loss of priced legs, stressed at the highest implied volatility among them.

    Raises:
        UndefinedRisk: an option leg shows no volatility, or `structure_loss` finds no bound.
    """
    vols = []
    for leg in legs:
        if leg.instrument.kind == "option":
            touch = touches.get(leg.instrument.name)
            vols.append(touch.mark_iv if touch is not None else math.nan)
    if not all(math.isfinite(vol) for vol in vols):
        raise UndefinedRisk("an option leg shows no implied volatility: no stress can be stated")
    stress = Stress(max(vols, default=math.nan), settings.stress_spot_move, settings.stress_sigmas)
    return structure_loss(legs, index=index, at=at, stress=stress)


def margin_needed(
    legs: Sequence[PricedLeg], touches: Mapping[str, Touch], index: float
) -> dict[str, float]:
    """Compute what one unit binds, by currency: initial margin, premiums paid, opening fees.

    Premium received is not counted as collateral, so the account is safe before and after the fill.

    Raises:
        ValueError: a mark or forward is missing, or no margin schedule is known.
    """
    needed: dict[str, float] = {}
    for leg in legs:
        instrument, touch = leg.instrument, touches[leg.instrument.name]
        mark = max(touch.mark, leg.entry_price)
        initial, _ = standard_margin(instrument, leg.ratio, mark, touch.underlying_price, index)
        fee = max(trade_fee(instrument, leg.ratio, leg.entry_price, index), 0.0)
        premium = leg.ratio * leg.entry_price if paid_in_full(instrument) else 0.0
        currency = instrument.settlement_currency
        needed[currency] = needed.get(currency, 0.0) + initial + fee + max(premium, 0.0)
    return needed


def margin_released(
    chain: ChainView, touches: Mapping[str, Touch], index: float
) -> dict[str, float]:
    """Compute the initial margin that closing a chain's options sets free, less what it costs.

    Raises:
        ValueError: as `standard_margin`.
    """
    released: dict[str, float] = {}
    for position in replaced(chain):
        instrument, touch = position.instrument, touches[position.instrument.name]
        amount = position.amount
        initial, _ = standard_margin(instrument, amount, touch.mark, touch.underlying_price, index)
        price = touch.ask if amount < 0 else touch.bid
        fee = max(trade_fee(instrument, amount, price, index), 0.0)
        back = -amount * price if instrument.kind == "option" and amount < 0 else 0.0
        currency = instrument.settlement_currency
        released[currency] = released.get(currency, 0.0) + initial - fee - back
    return released


def uncovered_calls(
    legs: Iterable[tuple[Instrument, float]], *, delivers: bool = False
) -> dict[str, float]:
    """Count short inverse calls that no long call of the structure covers, by currency.

    A long call covers shorts that expire with it or before it. What is left must be covered by
    coins (a covered call), one each. A structure that `delivers` coin promises it by its calls
    settled in USDC as well: these its own coin must cover, counted under its pair ("BTC_USDC").
    """
    calls: dict[str, list[tuple[int, float]]] = {}
    for instrument, ratio in legs:
        pair = pair_name(instrument.underlying)
        if instrument.kind == "spot":
            calls.setdefault(pair, []).append((NEVER, ratio))
        elif instrument.option_type == "call" and (instrument.inverse or delivers):
            covered_by = instrument.settlement_currency if instrument.inverse else pair
            expiring = calls.setdefault(covered_by, [])
            expiring.append((instrument.expires_at or 0, ratio))
    uncovered: dict[str, float] = {}
    for currency, expiring in calls.items():
        worst = max(
            -math.fsum(ratio for at, ratio in expiring if at >= expiry) for expiry, _ in expiring
        )
        if worst > 1e-12:
            uncovered[currency] = worst
    return uncovered


def strike_of_put(instrument: Instrument) -> float:
    """Tell what one unit of a put can oblige to pay for coin, in its currency; 0 of others."""
    linear_put = instrument.option_type == "put" and not instrument.inverse
    return instrument.strike or 0.0 if linear_put else 0.0


def coin_cost(legs: Iterable[tuple[Instrument, float]]) -> float:
    """Add up what short puts settled in USDC oblige to pay if each is assigned its coin."""
    return math.fsum(-ratio * strike_of_put(instrument) for instrument, ratio in legs)


def _spread(touch: Touch | None) -> float:
    """Ask less bid; 0 where a side is missing (nothing known) or the market is crossed."""
    if touch is None or not touch.two_sided:
        return 0.0
    return max(touch.ask - touch.bid, 0.0)
