"""What is a position worth, what does a trade cost? Payoffs, results and fees of every contract.

Fees follow Deribit's table (`taker_commission`, capped at 12.5 % of an option's price; delivery
0.015 % capped at 12.5 % of the payoff, none for dailies; perpetuals are not delivered).
"""

from __future__ import annotations

import math
from typing import Final

from trader.domain.instruments import Instrument

DUST_TICKS: Final = 2
OPTION_FEE_CAP: Final = 0.125
OPTION_DELIVERY_FEE_RATE: Final = 0.00015
FUTURE_DELIVERY_FEE_RATE: Final = 0.00025


def option_payoff(instrument: Instrument, delivery_price: float) -> float:
    """Pay one unit of an option at expiry, in its settlement currency.

    Inverse: max(S-K,0)/S or max(K-S,0)/S coin; linear: max(S-K,0) or max(K-S,0) USD.

    Raises:
        ValueError: no option, or a delivery price that is no positive number (0 is allowed where
            USD settles: a linear put is bounded there, and stress looks at it).
    """
    strike = instrument.strike
    if strike is None:
        raise ValueError(f"{instrument.name} is no option: it has no payoff")
    _deliverable(instrument, delivery_price)
    sign = 1.0 if instrument.option_type == "call" else -1.0
    intrinsic = max(sign * (delivery_price - strike), 0.0)
    return intrinsic / delivery_price if instrument.inverse else intrinsic


def trade_fee(
    instrument: Instrument, amount: float, price: float, index: float, *, maker: bool = False
) -> float:
    """Charge one fill, in the settlement currency (Deribit, "Fees").

    `amount` is unsigned. Inverse option: amount * min(rate, 12.5 % of price) coin.
    Linear option: amount * min(rate * index, 12.5 % of price). Inverse future: rate * USD / price.

    Raises:
        ValueError: the price, or the index of a linear option, is no positive number (a NaN would
            slip through the cap as "no cap").
    """
    _positive(instrument, "price", price)
    rate = instrument.maker_fee_rate if maker else instrument.taker_fee_rate
    size = abs(amount)
    if instrument.kind == "option":
        if not instrument.inverse:
            _positive(instrument, "index", index)
        per_unit = rate if instrument.inverse else rate * index
        return size * min(per_unit, OPTION_FEE_CAP * price)
    return rate * size / price if instrument.inverse else rate * size * price


def delivery_fee(instrument: Instrument, amount: float, delivery_price: float) -> float:
    """Charge the delivery at expiry, in the settlement currency.

    Daily options, options out of the money, weekly futures and perpetuals pay 0.

    Raises:
        ValueError: the delivery price is no positive number (0 is allowed where USD settles).
    """
    _deliverable(instrument, delivery_price)
    size = abs(amount)
    if instrument.kind == "option":
        if instrument.daily:
            return 0.0
        return size * _option_delivery_fee(
            instrument, option_payoff(instrument, delivery_price), delivery_price
        )
    if instrument.kind == "future" and instrument.settlement_period != "week":
        rate = FUTURE_DELIVERY_FEE_RATE
        return rate * size / delivery_price if instrument.inverse else rate * size * delivery_price
    return 0.0


def delivered(instrument: Instrument, amount: float, delivery_price: float) -> float:
    """Settle a signed amount of an option at its expiry: the payoff less the delivery fee.

    Raises:
        ValueError: as `option_payoff`.
    """
    payoff = option_payoff(instrument, delivery_price)
    if instrument.daily:
        return amount * payoff
    return amount * payoff - abs(amount) * _option_delivery_fee(instrument, payoff, delivery_price)


def _option_delivery_fee(instrument: Instrument, payoff: float, delivery_price: float) -> float:
    rate = OPTION_DELIVERY_FEE_RATE
    per_unit = rate if instrument.inverse else rate * delivery_price
    return min(per_unit, OPTION_FEE_CAP * payoff)


def result(instrument: Instrument, amount: float, entry: float, exit_price: float) -> float:
    """Result of holding a signed amount from `entry` to `exit_price`, in settlement currency.

    Options, inverse or not: (exit - entry) * amount, for prices in the settlement currency.
    Inverse perpetuals and futures: USD amount * (1/entry - 1/exit) coin. Linear: price difference.

    Raises:
        ValueError: a price of a perpetual or future is no positive number.
    """
    if instrument.kind != "option":
        _positive(instrument, "entry", entry)
        _positive(instrument, "exit_price", exit_price)
    if instrument.kind != "option" and instrument.inverse:
        return amount * (1.0 / entry - 1.0 / exit_price)
    return amount * (exit_price - entry)


def paid_in_full(instrument: Instrument) -> bool:
    """Whether its price is paid when it is bought: it is worth its price, not its gain."""
    return instrument.kind in ("option", "spot")


def is_dust(instrument: Instrument, bid: float, bid_amount: float, mark: float) -> bool:
    """Whether an option that is held may be left to expire when the rest of its structure closes.

    Nobody bids for it, and it is marked at no more than two ticks; a mark that is none says no.
    """
    wanted = bid > 0 and bid_amount > 0
    worthless = mark <= DUST_TICKS * instrument.tick_size
    return instrument.kind == "option" and worthless and not wanted


def funding(
    instrument: Instrument, amount: float, rate_8h: float, index: float, hours: float
) -> float:
    """Funding received (negative: paid) on a signed perpetual position, in settlement currency.

    Longs pay shorts a positive rate: -size * rate * hours / 8 (Deribit, "Perpetual funding").

    Raises:
        ValueError: the index is no positive number, the rate not finite.
    """
    _positive(instrument, "index", index)
    if not math.isfinite(rate_8h):
        raise ValueError(f"{instrument.name}: rate_8h {rate_8h!r} is not a finite number")
    size = amount / index if instrument.inverse else amount * index
    return -size * rate_8h * hours / 8.0


def _positive(instrument: Instrument, field: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{instrument.name}: {field} {value!r} must be a positive number")


def _deliverable(instrument: Instrument, delivery_price: float) -> None:
    if instrument.inverse or delivery_price != 0:
        _positive(instrument, "delivery_price", delivery_price)
