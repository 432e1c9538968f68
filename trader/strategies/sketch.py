"""What would a typical structure look like without a market? Fictitious contracts, Black-76 prices.

Deribit's listing in round numbers (help page "Options"): expiries at 08:00 UTC, a strike ladder of
about 1 % of the index.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from trader.domain.expiries import expiry_label, strike_label
from trader.domain.instruments import (
    INVERSE_COINS,
    Instrument,
    OptionType,
    pair_name,
    perpetual_name,
)
from trader.domain.option_terms import plain_option
from trader.domain.units import DAY, DOLLARS, HOUR, YEAR
from trader.pricing.black_scholes import inverse_price
from trader.strategies.strategy import SketchLeg

STRIKE_STEP_SHARE: Final = 0.01
PERPETUAL_STEPS: Final = {
    ("BTC", False): (0.5, 10.0), ("ETH", False): (0.05, 1.0),
    ("BTC", True): (0.1, 0.0001), ("ETH", True): (0.01, 0.001),
    ("SOL", True): (0.01, 0.1), ("XRP", True): (0.0001, 1.0), ("ADA", True): (0.0001, 1.0),
    ("AVAX", True): (0.001, 0.1), ("BCH", True): (0.01, 0.02), ("DOGE", True): (0.00001, 100.0),
    ("DOT", True): (0.001, 1.0), ("LINK", True): (0.001, 1.0), ("LTC", True): (0.01, 0.1),
    ("NEAR", True): (0.001, 1.0),
}  # fmt: skip
"""Tick and smallest amount, by coin and whether it is settled in USDC.

Those of coins that the bundled exchange lists are its own, the others' of a catalog of 2022.
"""
PERPETUAL_FEE_RATE: Final = 0.0005
RANGE_PER_DEVIATION: Final = 1.6
"""Mean high less low of a random walk over its standard deviation: sqrt(8 / pi)."""
SIDES: Final[tuple[tuple[OptionType, int], ...]] = (("put", -1), ("call", 1))
"""Puts lie below, calls above."""


def sketch_expiry(at: int, days: float) -> int:
    """Find the 08:00 UTC nearest to `days` from `at`, the next one at the earliest."""
    wanted = at + round(days * DAY)
    nearest = (wanted - 8 * HOUR + DAY // 2) // DAY * DAY + 8 * HOUR
    next_one = (at - 8 * HOUR) // DAY * DAY + 8 * HOUR + DAY
    return max(nearest, next_one)


def strike_step(index: float) -> float:
    """Take the ladder's step: 1, 2.5 or 5 times a power of ten, at most about 1 % of the index."""
    wanted = STRIKE_STEP_SHARE * index * 1.2
    power: float = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in (1.0, 2.5, 5.0) if step * power <= wanted)


def strike_at_delta(
    option_type: OptionType, index: float, years: float, iv: float, delta: float
) -> float:
    """Invert Black-76's delta (forward = index) and move the strike onto the ladder."""
    sign = 1.0 if option_type == "call" else -1.0
    d1 = sign * NormalDist().inv_cdf(delta)
    deviation = iv * math.sqrt(years)
    strike = index * math.exp(-d1 * deviation + deviation * deviation / 2)
    step = strike_step(index)
    return max(round(strike / step), 1) * step


def sketch_legs(
    underlying: str,
    option_type: OptionType,
    *,
    index: float,
    iv: float,
    at: int,
    days: float,
    delta: float,
    width_strikes: int = 0,
    linear: bool = False,
) -> tuple[SketchLeg, ...]:
    """Sell one option at `delta`; with a width, buy another that many steps further out.

    `linear` ones are settled in USDC, and priced in it.

    Raises:
        ValueError: index or iv is not a positive number.
    """
    _check(index, iv)
    expires_at = sketch_expiry(at, days)
    years = (expires_at - at) / YEAR
    short = strike_at_delta(option_type, index, years, iv, delta)
    further = width_strikes * strike_step(index) * (1 if option_type == "call" else -1)
    wanted = ((-1, short), (1, max(short + further, strike_step(index))))
    return tuple(
        sketch_leg(
            underlying, option_type, ratio, strike, expires_at, index=index, iv=iv, at=at,
            linear=linear,
        )
        for ratio, strike in wanted[: 2 if width_strikes else 1]
    )  # fmt: skip


def sketch_sides(
    underlying: str,
    ratio: int,
    *,
    index: float,
    iv: float,
    at: int,
    days: float,
    delta: float | None = None,
    width_strikes: int = 0,
    wing_delta: float = 0.0,
) -> tuple[SketchLeg, ...]:
    """Trade a put and a call at `delta` (None: both at the money); with a width, or a delta of the
    wings, take the other side of two options further out.

    Raises:
        ValueError: index or iv is not a positive number.
    """
    _check(index, iv)
    expires_at, step = sketch_expiry(at, days), strike_step(index)
    years = (expires_at - at) / YEAR
    inner, outer = [], []
    for side, sign in SIDES:
        middle = max(round(index / step), 1) * step
        strike = middle if delta is None else strike_at_delta(side, index, years, iv, delta)
        inner.append((side, ratio, strike))
        if wing_delta > 0:
            wing = strike_at_delta(side, index, years, iv, wing_delta)
            wing = sign * max(sign * wing, sign * strike + step)
        else:
            wing = strike + sign * width_strikes * step
        if wing != strike:
            outer.append((side, -ratio, max(wing, step)))
    return tuple(
        sketch_leg(underlying, side, sold, strike, expires_at, index=index, iv=iv, at=at)
        for side, sold, strike in (*inner, *outer)
    )


def sketch_calendar(
    underlying: str, *, index: float, iv: float, at: int, days: tuple[float, float]
) -> tuple[SketchLeg, ...]:
    """Sell the call at the money of the near expiry, buy that of the far one.

    Raises:
        ValueError: index or iv is not a positive number.
    """
    _check(index, iv)
    step = strike_step(index)
    strike = max(round(index / step), 1) * step
    near, far = (sketch_expiry(at, one) for one in days)
    far = max(far, near + DAY)
    return tuple(
        sketch_leg(underlying, "call", ratio, strike, expires_at, index=index, iv=iv, at=at)
        for ratio, expires_at in ((-1, near), (1, far))
    )


def sketch_leg(
    underlying: str,
    option_type: OptionType,
    ratio: int,
    strike: float,
    expires_at: int,
    *,
    index: float,
    iv: float,
    at: int,
    linear: bool = False,
) -> SketchLeg:
    """Price one option by Black-76, with the index for its forward."""
    years = (expires_at - at) / YEAR
    instrument = fictitious_option(underlying, option_type, strike, expires_at, at, linear=linear)
    price = inverse_price(option_type, index, strike, years, iv) * (index if linear else 1)
    return SketchLeg(instrument=instrument, ratio=ratio, price=price, iv=iv)


def fictitious_option(
    underlying: str,
    option_type: OptionType,
    strike: float,
    expires_at: int,
    at: int,
    *,
    linear: bool = False,
) -> Instrument:
    """Describe an option as Deribit would list it; not necessarily listed."""
    product = pair_name(underlying) if linear else underlying
    letter = "C" if option_type == "call" else "P"
    return plain_option(
        underlying,
        f"{product}-{expiry_label(expires_at)}-{strike_label(strike)}-{letter}",
        expires_at,
        strike,
        option_type,
        settlement_period="day" if expires_at - at <= 3 * DAY else "week",
        linear=linear,
    )


def fictitious_perpetual(
    underlying: str, *, linear: bool = False, fee_factor: float = 1.0
) -> Instrument:
    """Describe a perpetual as Deribit lists it; makers pay nothing, takers `fee_factor` times.

    Where nothing is settled in the coin it is the one in USDC.

    Raises:
        ValueError: its steps are not known.
    """
    linear = linear or underlying not in INVERSE_COINS
    if (underlying, linear) not in PERPETUAL_STEPS:
        known = ", ".join(dict.fromkeys(coin for coin, _ in PERPETUAL_STEPS))
        raise ValueError(f"underlying {underlying!r}: perpetuals are known of {known}")
    tick, least = PERPETUAL_STEPS[underlying, linear]
    return Instrument(
        name=perpetual_name(underlying, linear=linear),
        kind="perpetual",
        underlying=underlying,
        settlement_currency=DOLLARS if linear else underlying,
        inverse=not linear,
        price_index=f"{underlying.lower()}_{'usdc' if linear else 'usd'}",
        tick_size=tick,
        min_trade_amount=least,
        contract_size=least,
        maker_fee_rate=0.0,
        taker_fee_rate=PERPETUAL_FEE_RATE * fee_factor,
        settlement_period="perpetual",
    )


def hourly_range(index: float, iv: float) -> float:
    """Guess the average true range of an hour from a volatility: a random walk's.

    Raises:
        ValueError: index or iv is not a positive number.
    """
    _check(index, iv)
    return RANGE_PER_DEVIATION * index * iv * math.sqrt(HOUR / YEAR)


def _check(index: float, iv: float) -> None:
    for field, value in (("index", index), ("iv", iv)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"sketch: {field} {value!r} must be a positive number")
