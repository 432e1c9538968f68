"""How much collateral does a position bind? Deribit's standard margin, leg by leg, never netted.

Source: `deribit/protocol.md` 7.1 (help centre), for coins without contracts in coin the help page
"Linear Perpetual". Futures and perpetuals follow the schedules from before August 2026; the
size-tiered ones that replaced them are not published in numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.domain.instruments import INVERSE_COINS
from trader.domain.units import normalize_underlying

if TYPE_CHECKING:
    from trader.domain.instruments import Instrument

MAJOR: Final = (0.15, 0.10, 0.075)
"""BTC and ETH options: base, floor and maintenance rate, fractions of the underlying."""

MINOR: Final = (0.20, 0.13, 0.10)
"""Linear options on other coins."""

FUTURE: Final = {"BTC": (0.02, 0.01, 0.00005), "ETH": (0.02, 0.01, 0.000004),
                 "SOL": (0.04, 0.02, 0.000005)}  # fmt: skip
"""Futures: initial and maintenance rate, and what both grow by per coin of size."""

FUTURE_MINOR: Final = (0.04, 0.02)
FUTURE_MINOR_SLOPE: Final = 0.000005 / 200.0
"""Other coins. A catalog of 2022 lets all of them be traded 25 times over, like SOL: that gives the
rates. Their growth, here per USD of size, is assumed to be SOL's at the price of its example."""


def standard_margin(
    instrument: Instrument, amount: float, mark: float, underlying_price: float, index: float
) -> tuple[float, float]:
    """Compute (initial, maintenance) margin of a signed amount, in settlement currency.

    `mark` is in settlement currency per unit (USD for futures), `underlying_price` the forward.
    Long options bind nothing: their premium is paid in full.

    Raises:
        ValueError: a number is not finite or not positive.
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
    major = normalize_underlying(instrument.underlying) in INVERSE_COINS
    base, floor, rate = MAJOR if major else MINOR
    share = base - _out_of_the_money(instrument, underlying_price)
    if instrument.option_type == "call":
        return max(share, floor) * index + mark, rate * index + mark
    strike = instrument.strike or 0.0
    return max(share * index, floor * strike) + mark, rate * min(index, strike) + mark


def _future_margin(instrument: Instrument, amount: float, mark: float) -> tuple[float, float]:
    """Margin of a perpetual or future: a share of its value that grows with its size."""
    coins = abs(amount) / mark if instrument.inverse else abs(amount)
    initial, maintenance, slope = FUTURE.get(
        normalize_underlying(instrument.underlying), (*FUTURE_MINOR, FUTURE_MINOR_SLOPE * mark)
    )
    value = coins if instrument.inverse else coins * mark
    return value * (initial + slope * coins), value * (maintenance + slope * coins)


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
