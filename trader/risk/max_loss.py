"""What is the worst a structure can do? Its estimated max loss, exact where it has a bottom.

The result at expiry is piecewise linear in USD and piecewise a + b / S in coin, so its extremes
lie at strikes, at the kinks of the delivery fee, and at the ends of the searched range:

- *up*: a structure with at least as many calls (and futures) bought as sold has a bottom; every
  strike above counts, in coin also S -> infinity. Otherwise S exp(m) ends the search.
- *down, in coin*: inverse puts sold for more strike than bought pay (K2 - K1) / S, which has no
  bottom as S -> 0: S exp(-m) ends the search. Otherwise every strike below counts.
- *down, in USD*: where the loss stops growing below the lowest strike, every strike counts; where
  it goes on, linear puts and coin are searched to S = 0, inverse puts and futures to S exp(-m).

m = max(ln 1.25, 4 sigma sqrt(T)) with T to expiry: the stated stress.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.instruments import Instrument
from trader.domain.trading import MaxLoss
from trader.domain.units import YEAR
from trader.domain.valuation import (
    OPTION_DELIVERY_FEE_RATE,
    OPTION_FEE_CAP,
    delivered,
    paid_in_full,
    result,
    trade_fee,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DUST: Final = 1e-12
FEE_KINK: Final = OPTION_DELIVERY_FEE_RATE / OPTION_FEE_CAP
"""Payoff, as a fraction of spot, from which on the delivery fee is no longer capped."""


class UndefinedRisk(ValueError):
    """No max loss can be stated: a number is missing, or nothing bounds the loss."""


class PricedLeg(msgspec.Struct, frozen=True):
    """One leg at the price it would trade: signed units per unit of the structure.

    `entry_price` and `spread` (ask - bid, what leaving costs) in settlement currency per unit.
    """

    instrument: Instrument
    ratio: float
    entry_price: float
    spread: float = 0.0


class Stress(msgspec.Struct, frozen=True):
    """How far the spot is thought to go: a factor at least, or `sigmas` deviations to expiry.

    `sigma` is the annual volatility (a fraction) of the structure's options.
    """

    sigma: float
    spot_move: float = 1.25
    sigmas: float = 4.0

    def log_move(self, years: float) -> float:
        """Compute m, the largest |ln(S_T / S)| of the stress.

        Raises:
            UndefinedRisk: volatility or time is missing or not positive.
        """
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise UndefinedRisk(f"volatility {self.sigma!r} is no positive number: no stress")
        if not (math.isfinite(years) and years >= 0):
            raise UndefinedRisk(f"time to expiry {years!r} years is not defined: no stress")
        return max(math.log(self.spot_move), self.sigmas * self.sigma * math.sqrt(years))


class UnitLoss(msgspec.Struct, frozen=True):
    """The estimated max loss of one unit of a structure; negative where it cannot lose.

    `stress_low` and `stress_high` are the lowest and highest spot searched.
    """

    usd: float
    coin: float
    stress_low: float
    stress_high: float

    def share(self, equity_usd: float, index: float) -> float:
        """The worse of usd / equity and coin / (equity / index), for one unit."""
        return max(self.usd / equity_usd, self.coin * index / equity_usd)

    def of(self, amount: float, equity_usd: float, index: float) -> MaxLoss:
        """State the max loss of an amount, as a share of an equity."""
        return MaxLoss(
            usd=max(self.usd, 0.0) * amount,
            coin=max(self.coin, 0.0) * amount,
            share=max(self.share(equity_usd, index), 0.0) * amount,
            stress_low=self.stress_low,
            stress_high=self.stress_high,
        )


def structure_loss(legs: Sequence[PricedLeg], *, index: float, at: int, stress: Stress) -> UnitLoss:
    """Estimate the max loss of one unit: payoff less premium, all fees and one spread.

    USD loss = premium and opening fees at today's index less the payoff at S_T in USD; coin loss =
    the same in coin (for USD-settled legs the USD loss at today's index). Delivery fees are those
    at the searched spot. Legs settling in different currencies are bounded one currency at a time
    and added, which can only overstate.

    A structure with several expiries is taken to end at the nearest one: later longs are worth
    their intrinsic value then (never less), later expiries that hold any short leg are bounded on
    their own to their own expiry and added, as if nothing nearer covered them.

    Coin that was bought loses what it cost at S = 0, whatever the stress; with no option beside it
    that is all.

    Raises:
        UndefinedRisk: neither option nor coin, coin sold short, a number that is not finite or
            positive, a result not finite.
    """
    _check(legs, index)
    try:
        loss = _total_loss(legs, index, at, stress)
    except ArithmeticError as overflow:
        raise UndefinedRisk(f"the loss under stress overflows: {overflow}") from overflow
    if not all(map(math.isfinite, (loss.usd, loss.coin, loss.stress_low, loss.stress_high))):
        raise UndefinedRisk(f"the loss under stress is not finite ({loss.usd} USD)")
    return loss


def perpetual_loss(
    instrument: Instrument,
    size: float,
    *,
    price: float,
    stop_distance: float,
    atr: float,
    fees_usd: float,
) -> UnitLoss:
    """Estimate the max loss of a whole perpetual position: (stop + one ATR gap) x size + fees.

    `size` is signed, in the instrument's own unit (USD where inverse); distances in USD of price.

    Raises:
        UndefinedRisk: a number is not finite or positive, or a long's stop lies below zero.
    """
    positive = {"price": price, "stop_distance": stop_distance, "|size|": abs(size)}
    for field, value in positive.items():
        if not (math.isfinite(value) and value > 0):
            raise UndefinedRisk(f"{instrument.name}: {field} {value!r} must be a positive number")
    for field, value in {"atr": atr, "fees_usd": fees_usd}.items():
        if not (math.isfinite(value) and value >= 0):
            raise UndefinedRisk(f"{instrument.name}: {field} {value!r} must not be negative")
    gap = stop_distance + atr
    worst = price - math.copysign(gap, size)
    if worst <= 0:
        raise UndefinedRisk(f"{instrument.name}: stop {gap} USD below {price} is no price")
    lost = -result(instrument, size, price, worst)
    usd = (lost * worst if instrument.inverse else lost) + fees_usd
    coin = lost + fees_usd / min(price, worst) if instrument.inverse else usd / price
    return UnitLoss(usd=usd, coin=coin, stress_low=min(price, worst), stress_high=max(price, worst))


def _check(legs: Sequence[PricedLeg], index: float) -> None:
    """Refuse what would make a comparison meaningless."""
    if not legs:
        raise UndefinedRisk("no legs: nothing to estimate")
    if not (math.isfinite(index) and index > 0):
        raise UndefinedRisk(f"index {index!r} must be a positive number")
    for leg in legs:
        name = leg.instrument.name
        if leg.instrument.kind == "spot" and not leg.ratio > 0:
            raise UndefinedRisk(f"{name}: coin that nobody holds cannot be sold: no loss is stated")
        if not (math.isfinite(leg.ratio) and leg.ratio != 0):
            raise UndefinedRisk(f"{name}: ratio {leg.ratio!r} must be finite and not 0")
        if not (math.isfinite(leg.entry_price) and leg.entry_price > 0):
            raise UndefinedRisk(f"{name}: price {leg.entry_price!r} must be a positive number")
        if not (math.isfinite(leg.spread) and leg.spread >= 0):
            raise UndefinedRisk(f"{name}: spread {leg.spread!r} must be finite and not negative")


def _total_loss(legs: Sequence[PricedLeg], index: float, at: int, stress: Stress) -> UnitLoss:
    """Add what each currency's legs can lose; one search per group that ends together."""
    parts = [
        _group_loss(part, index, at, stress)
        for currency in sorted({leg.instrument.settlement_currency for leg in legs})
        for part in _by_expiry(
            [leg for leg in legs if leg.instrument.settlement_currency == currency]
        )
    ]
    if len(parts) == 1:
        return parts[0]
    return UnitLoss(
        usd=sum(part.usd for part in parts),
        coin=sum(part.coin for part in parts),
        stress_low=min(part.stress_low for part in parts),
        stress_high=max(part.stress_high for part in parts),
    )


def _group_loss(legs: list[PricedLeg], index: float, at: int, stress: Stress) -> UnitLoss:
    """Bound legs of one currency that end together; coin alone has no end and loses its cost."""
    if any(leg.instrument.kind == "option" for leg in legs):
        return _bounded_loss(legs, index, _log_move(legs, at, stress))
    cost = _cost(legs, index)
    return UnitLoss(cost, cost / index, 0.0, index)


def _by_expiry(legs: list[PricedLeg]) -> list[list[PricedLeg]]:
    """Part the legs of one currency: the nearest expiry with all it may lean on, and the rest."""
    expiries = sorted({_expiry(leg) for leg in legs if leg.instrument.kind == "option"})
    if not expiries and all(leg.instrument.kind == "spot" for leg in legs):
        return [legs]
    if not expiries:
        raise UndefinedRisk("no option leg: state stop and gap of a perpetual or future instead")
    near = [leg for leg in legs if leg.instrument.kind != "option" or _expiry(leg) == expiries[0]]
    parts = [near]
    for expiry in expiries[1:]:
        later = [leg for leg in legs if leg.instrument.kind == "option" and _expiry(leg) == expiry]
        if all(leg.ratio > 0 for leg in later):
            near.extend(later)
        else:
            parts.append(later)
    return parts


def _expiry(leg: PricedLeg) -> int:
    return leg.instrument.expires_at or 0


def _log_move(legs: Sequence[PricedLeg], at: int, stress: Stress) -> float:
    """Stress to the nearest expiry of these legs."""
    expires_at = min([_expiry(leg) for leg in legs if leg.instrument.kind == "option"])
    if expires_at <= at:
        raise UndefinedRisk("an option of the structure has expired")
    return stress.log_move((expires_at - at) / YEAR)


def _bounded_loss(legs: Sequence[PricedLeg], index: float, log_move: float) -> UnitLoss:
    """Search the worst spot for legs of one currency that end together."""
    low, high = index * math.exp(-log_move), index * math.exp(log_move)
    if not (low > 0 and math.isfinite(high)):
        raise UndefinedRisk(f"the stress of {log_move:.1f} log points has no range")
    inverse = legs[0].instrument.inverse
    kinks = sorted([kink for leg in legs for kink in _kinks(leg)])
    floor_usd, floor_coin, has_top = _bounds(legs, low)
    above = math.inf if has_top else high
    usd_spots = [low, high, *[kink for kink in kinks if floor_usd <= kink <= above]]
    if floor_usd == 0.0 and not inverse and _growing_down(legs):
        usd_spots.append(0.0)
    cost = _cost(legs, index)
    paid = {spot: _payoff(legs, spot) for spot in usd_spots}
    if not inverse:
        usd = max([cost - paid[spot] for spot in usd_spots])
        return UnitLoss(usd, usd / index, min(usd_spots), max(usd_spots))
    usd = max([cost * index - paid[spot] * spot for spot in usd_spots])
    coin_spots = [low, high, *[kink for kink in kinks if floor_coin <= kink <= above]]
    paid |= {spot: _payoff(legs, spot) for spot in coin_spots if spot not in paid}
    coin = max([cost - paid[spot] for spot in coin_spots])
    if has_top:
        coin = max(coin, cost - _payoff_at_infinity(legs))
    return UnitLoss(usd, coin, min(usd_spots + coin_spots), max(usd_spots + coin_spots))


def _bounds(legs: Sequence[PricedLeg], low: float) -> tuple[float, float, bool]:
    """Find where the search ends: lowest spot in USD and in coin, and whether there is a top."""
    calls = sum([leg.ratio for leg in legs if leg.instrument.option_type == "call"])
    slope = _future_slope(legs)
    has_top = calls + slope >= -DUST
    floor_usd = 0.0
    if _growing_down(legs) and (
        legs[0].instrument.inverse or not all(paid_in_full(leg.instrument) for leg in legs)
    ):
        floor_usd = low
    inverse_part = sum([_per_inverse_spot(leg) for leg in legs])
    return floor_usd, (0.0 if inverse_part >= -DUST else low), has_top


def _growing_down(legs: Sequence[PricedLeg]) -> bool:
    """Whether the USD loss goes on growing below the lowest strike."""
    puts = sum([leg.ratio for leg in legs if leg.instrument.option_type == "put"])
    return _future_slope(legs) - puts > DUST


def _future_slope(legs: Sequence[PricedLeg]) -> float:
    """USD gained per USD of spot by futures, perpetuals and coin."""
    return sum(
        [
            leg.ratio / leg.entry_price if leg.instrument.inverse else leg.ratio
            for leg in legs
            if leg.instrument.kind != "option"
        ]
    )


def _per_inverse_spot(leg: PricedLeg) -> float:
    """The factor b of b / S in an inverse leg's coin payoff as S -> 0; 0 for linear legs."""
    if not leg.instrument.inverse or leg.instrument.option_type == "call":
        return 0.0
    if leg.instrument.kind != "option":
        return -leg.ratio
    return leg.ratio * (leg.instrument.strike or 0.0)


def _kinks(leg: PricedLeg) -> tuple[float, ...]:
    """Spots where the leg's result changes its formula: strike, and end of the fee's cap."""
    strike = leg.instrument.strike
    if strike is None:
        return ()
    call = leg.instrument.option_type == "call"
    return strike, strike / (1.0 - FEE_KINK if call else 1.0 + FEE_KINK)


def _cost(legs: Sequence[PricedLeg], index: float) -> float:
    """Price paid (negative: received), opening fees and one spread, in settlement currency."""
    premium = sum([leg.ratio * leg.entry_price for leg in legs if paid_in_full(leg.instrument)])
    fees = sum([trade_fee(leg.instrument, leg.ratio, leg.entry_price, index) for leg in legs])
    return premium + fees + sum([_leaving(leg) for leg in legs])


def _leaving(leg: PricedLeg) -> float:
    """What crossing the spread once costs, in settlement currency."""
    size = abs(leg.ratio) * leg.spread
    if leg.instrument.kind != "option" and leg.instrument.inverse:
        return size / leg.entry_price**2
    return size


def _payoff(legs: Sequence[PricedLeg], spot: float) -> float:
    """Settle all legs at one spot, delivery fees paid, in settlement currency."""
    return sum(
        [
            delivered(leg.instrument, leg.ratio, spot)
            if leg.instrument.kind == "option"
            else leg.ratio * spot
            if leg.instrument.kind == "spot"
            else result(leg.instrument, leg.ratio, leg.entry_price, spot)
            for leg in legs
        ]
    )


def _payoff_at_infinity(legs: Sequence[PricedLeg]) -> float:
    """The limit of inverse legs as S -> infinity, in coin: a call is a coin, a put nothing."""
    total = 0.0
    for leg in legs:
        if leg.instrument.kind != "option":
            total += leg.ratio / leg.entry_price
        elif leg.instrument.option_type == "call":
            fee = 0.0 if leg.instrument.daily else abs(leg.ratio) * OPTION_DELIVERY_FEE_RATE
            total += leg.ratio - fee
    return total
