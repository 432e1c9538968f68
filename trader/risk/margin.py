"""How much collateral does a position bind? Deribit's standard margin, leg by leg, never netted.

Source: `deribit/protocol.md` 7.1 (help centre). Futures and perpetuals follow the schedule from
before August 2026; the size-tiered one that replaced it is not published in numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.domain.units import normalize_underlying

if TYPE_CHECKING:
    from trader.domain.instruments import Instrument

MAJOR: Final = (0.15, 0.10, 0.075)
"""BTC and ETH options: base, floor and maintenance rate, fractions of the underlying."""

MINOR: Final = (0.20, 0.13, 0.10)
"""Linear options on other coins."""

FUTURE_INITIAL: Final = 0.02
FUTURE_MAINTENANCE: Final = 0.01
FUTURE_SLOPE: Final = {"BTC": 0.00005, "ETH": 0.000004}
"""Growth of both rates per coin of size."""


def standard_margin(
    instrument: Instrument, amount: float, mark: float, underlying_price: float, index: float
) -> tuple[float, float]:
    """Compute (initial, maintenance) margin of a signed amount, in settlement currency.

    `mark` is in settlement currency per unit (USD for futures), `underlying_price` the forward.
    Long options bind nothing: their premium is paid in full.

    Raises:
        ValueError: a number is not finite or not positive, or no schedule is known.
    """
    _check(instrument, amount, mark, underlying_price, index)
    if instrument.kind == "spot":
        return 0.0, 0.0
    if instrument.kind != "option":
        return _future_margin(instrument, amount, mark)
    if amount >= 0:
        return 0.0, 0.0
    margin = _inverse_short if instrument.inverse else _linear_short
    initial, maintenance = margin(instrument, mark, underlying_price, index)
    return -amount * initial, -amount * maintenance


def _inverse_short(
    instrument: Instrument, mark: float, underlying_price: float, _index: float
) -> tuple[float, float]:
    """Margin of one short inverse option, in coin."""
    base, floor, rate = MAJOR
    initial = max(base - _out_of_the_money(instrument, underlying_price), floor) + mark
    if instrument.option_type == "call":
        return initial, rate + mark
    maintenance = max(rate, rate * mark) + mark
    return max(initial, maintenance), maintenance


def _linear_short(
    instrument: Instrument, mark: float, underlying_price: float, index: float
) -> tuple[float, float]:
    """Margin of one short linear option, in USD."""
    major = normalize_underlying(instrument.underlying) in FUTURE_SLOPE
    base, floor, rate = MAJOR if major else MINOR
    share = base - _out_of_the_money(instrument, underlying_price)
    if instrument.option_type == "call":
        return max(share, floor) * index + mark, rate * index + mark
    strike = instrument.strike or 0.0
    return max(share * index, floor * strike) + mark, rate * min(index, strike) + mark


def _future_margin(instrument: Instrument, amount: float, mark: float) -> tuple[float, float]:
    """Margin of a perpetual or future: 2 % and 1 % plus a slope per coin of size."""
    slope = FUTURE_SLOPE.get(normalize_underlying(instrument.underlying))
    if slope is None:
        raise ValueError(
            f"{instrument.name}: no margin schedule of futures on {instrument.underlying} is known"
        )
    coins = abs(amount) / mark if instrument.inverse else abs(amount)
    value = coins if instrument.inverse else coins * mark
    return value * (FUTURE_INITIAL + slope * coins), value * (FUTURE_MAINTENANCE + slope * coins)


def _out_of_the_money(instrument: Instrument, underlying_price: float) -> float:
    """How far out of the money, as a fraction of the forward; 0 in the money."""
    strike = instrument.strike or 0.0
    sign = 1.0 if instrument.option_type == "call" else -1.0
    return max(sign * (strike - underlying_price), 0.0) / underlying_price


def _check(
    instrument: Instrument, amount: float, mark: float, underlying_price: float, index: float
) -> None:
    if not -math.inf < amount < math.inf:
        raise ValueError(f"{instrument.name}: amount {amount!r} is not a finite number")
    if not 0 <= mark < math.inf:
        raise ValueError(f"{instrument.name}: mark {mark!r} must be finite and not negative")
    if instrument.kind in ("perpetual", "future") and mark == 0:
        raise ValueError(f"{instrument.name}: mark 0 is no price of a future")
    for field, value in (("underlying_price", underlying_price), ("index", index)):
        if not 0 < value < math.inf:
            raise ValueError(f"{instrument.name}: {field} {value!r} must be a positive number")
