"""What would a typical structure look like without a market? Fictitious contracts, Black-76 prices.

Deribit's listing in round numbers (help pages "Options", "Fees"): expiries at 08:00 UTC, a strike
ladder of about 1 % of the index, 0.03 % fee, ticks of 0.0001 and 0.0005 above 0.005.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from trader.domain.instruments import Instrument, pair_name
from trader.domain.units import DAY, DOLLARS, HOUR, YEAR, moment
from trader.pricing.black_scholes import inverse_price
from trader.strategies.strategy import SketchLeg

if TYPE_CHECKING:
    from trader.domain.instruments import OptionType

MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
MIN_TRADE_AMOUNT: Final = {"BTC": 0.1, "ETH": 1.0}
INVERSE_STEPS: Final = (0.0001, ((0.005, 0.0005),), 1.0)
LINEAR_STEPS: Final = (1.0, ((200.0, 5.0),), 0.1)
"""Tick, its steps, and the share of the coin-settled minimum amount that trades at once."""
FEE_RATE: Final = 0.0003
STRIKE_STEP_SHARE: Final = 0.01
PERPETUAL_STEPS: Final = {
    ("BTC", False): (0.5, 10.0), ("ETH", False): (0.05, 1.0),
    ("BTC", True): (0.1, 0.0001), ("ETH", True): (0.01, 0.001),
}  # fmt: skip
"""Tick and smallest amount, by coin and whether it is settled in USDC."""
PERPETUAL_FEE_RATE: Final = 0.0005
RANGE_PER_DEVIATION: Final = 1.6
"""Mean high less low of a random walk over its standard deviation: sqrt(8 / pi)."""


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
    for field, value in (("index", index), ("iv", iv)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"sketch: {field} {value!r} must be a positive number")
    expires_at = sketch_expiry(at, days)
    years = (expires_at - at) / YEAR
    short = strike_at_delta(option_type, index, years, iv, delta)
    further = width_strikes * strike_step(index) * (1 if option_type == "call" else -1)
    wanted = ((-1, short), (1, max(short + further, strike_step(index))))
    return tuple(
        SketchLeg(
            instrument=fictitious_option(
                underlying, option_type, strike, expires_at, at, linear=linear
            ),
            ratio=ratio,
            price=inverse_price(option_type, index, strike, years, iv) * (index if linear else 1),
            iv=iv,
        )
        for ratio, strike in wanted[: 2 if width_strikes else 1]
    )


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
    day = moment(expires_at)
    expiry = f"{day.day}{MONTHS[day.month - 1]}{day.year % 100:02d}"
    product = pair_name(underlying) if linear else underlying
    tick, steps, least = LINEAR_STEPS if linear else INVERSE_STEPS
    return Instrument(
        name=f"{product}-{expiry}-{strike:.15g}-{'C' if option_type == 'call' else 'P'}",
        kind="option",
        underlying=underlying,
        settlement_currency=DOLLARS if linear else underlying,
        inverse=not linear,
        price_index=f"{underlying.lower()}_{'usdc' if linear else 'usd'}",
        tick_size=tick,
        tick_size_steps=steps,
        min_trade_amount=least * MIN_TRADE_AMOUNT.get(underlying, 1.0),
        contract_size=1.0,
        maker_fee_rate=FEE_RATE,
        taker_fee_rate=FEE_RATE,
        settlement_period="day" if expires_at - at <= 3 * DAY else "week",
        option_type=option_type,
        strike=strike,
        expires_at=expires_at,
    )


def fictitious_perpetual(
    underlying: str, *, linear: bool = False, fee_factor: float = 1.0
) -> Instrument:
    """Describe a perpetual as Deribit lists it; makers pay nothing, takers `fee_factor` times.

    Raises:
        ValueError: its steps are not known.
    """
    if (underlying, linear) not in PERPETUAL_STEPS:
        known = ", ".join(dict.fromkeys(coin for coin, _ in PERPETUAL_STEPS))
        raise ValueError(f"underlying {underlying!r}: perpetuals are known of {known}")
    tick, least = PERPETUAL_STEPS[underlying, linear]
    return Instrument(
        name=f"{pair_name(underlying) if linear else underlying}-PERPETUAL",
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
    for field, value in (("index", index), ("iv", iv)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"sketch: {field} {value!r} must be a positive number")
    return RANGE_PER_DEVIATION * index * iv * math.sqrt(HOUR / YEAR)
