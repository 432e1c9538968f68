"""What is a call sold on a coin worth, from its sale to its settlement? Per unit, no look-ahead.

Every formula takes numbers or arrays alike: the step-by-step study and the one over arrays use the
same operations in the same order, so their results are the same to the last bit.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trader.domain.expiries import expiry_of
from trader.domain.valuation import OPTION_FEE_CAP

if TYPE_CHECKING:
    from trader.backtest.call_results import CallSimulationConfig
    from trader.domain.market import Closes, Floats, Ints
    from trader.strategies.call_features import Quote

# Prices are floats or arrays of them: what comes in comes out.
Prices = Any


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What came of a quote, per coin. `payoff` and `fees` in the premium's currency, rest USD."""

    spot: float
    payoff: float
    fees: float
    final: float
    vs_hodl: float
    drawdown: float
    worst_vs_hodl: float
    marked_share: float


def sale_fee(config: CallSimulationConfig, price: Prices, spot: Prices, linear: Prices) -> Prices:
    """Charge the sale: the rate of the coin, at most 12.5 % of the price."""
    per_unit = config.fee_rate * np.where(linear, spot, 1.0)
    return np.minimum(per_unit, OPTION_FEE_CAP * price)


def payoff(strike: Prices, spot: Prices, linear: Prices) -> Prices:
    """Pay a call at delivery: max(S - K, 0), in coin where the premium was."""
    return np.maximum(spot - strike, 0.0) / np.where(linear, 1.0, spot)


def delivery_fee(
    config: CallSimulationConfig, paid: Prices, spot: Prices, linear: Prices, daily: Prices
) -> Prices:
    """Charge an assignment: the rate of the coin, at most 12.5 % of the payoff; dailies nothing."""
    per_unit = config.delivery_fee_rate * np.where(linear, spot, 1.0)
    return np.where(daily, 0.0, np.minimum(per_unit, OPTION_FEE_CAP * paid))


def of_call(price: Prices, fees: Prices, worth: Prices, spot: Prices, linear: Prices) -> Prices:
    """Value the sold call alone, USD per coin, where buying it back costs `worth`."""
    return (price - fees - worth) * np.where(linear, 1.0, spot)


@functools.lru_cache(4096)
def is_daily(expires_at: int) -> bool:
    """Tell whether an expiry is a day's, by Deribit's calendar."""
    return expiry_of(expires_at).term == "day"


def walk(
    start: Prices, spot: Floats, call: Floats, closing: Prices, closing_call: Prices
) -> tuple[Prices, Prices]:
    """Follow coin and call: (largest drawdown as a fraction, worst value of the call), per row.

    `start` (rows) is the coin's price before the sale; `spot` and `call` (rows, bars) what coin and
    call were worth from the sale on, `closing` and `closing_call` (rows) at settlement.
    """
    value = np.concatenate((start[:, None], spot + call, closing[:, None] + closing_call[:, None]),
                           axis=1)  # fmt: skip
    peak = np.maximum.accumulate(value, axis=1)
    drawdown = ((peak - value) / peak).max(axis=1)
    worst = np.minimum(call.min(axis=1, initial=0.0), closing_call)
    return drawdown, np.minimum(worst, 0.0)


def settle(
    config: CallSimulationConfig, quote: Quote, delivery: float, spots: Closes, marks: Closes
) -> Settled | str:
    """Settle one quote at its delivery price; `spots` and `marks` are those known by its expiry.

    Gives a reason where neither a strike nor the option's own prices tell what it paid. Marks are
    carried on, from the mark at the sale.
    """
    way, marked_share = _way(quote, spots, marks)
    last = spots.after(quote.at, quote.expires_at - 1)
    places = np.searchsorted(last.known_at, way, side="right") - 1
    spot = np.concatenate(([quote.spot], last.close))[np.concatenate(([0], places + 1))]
    worth = np.concatenate(([quote.mark], _carried(quote, marks, way)))
    if quote.strike is None:
        known = marks.after(quote.at, quote.expires_at)
        if not len(known.close):
            return "no_option_prices"
        paid = float(known.close[-1])
    else:
        paid = float(payoff(quote.strike, delivery, quote.linear))
    fees = quote.fee + float(
        delivery_fee(config, paid, delivery, quote.linear, is_daily(quote.expires_at))
    )
    call = of_call(quote.price, quote.fee, worth, spot, quote.linear)
    vs_hodl = float(of_call(quote.price, fees, paid, delivery, quote.linear))
    drawdown, worst = walk(
        np.array([quote.spot]), spot[None, :], call[None, :], np.array([delivery]),
        np.array([vs_hodl]),
    )  # fmt: skip
    return Settled(
        spot=delivery,
        payoff=paid,
        fees=fees,
        final=delivery + vs_hodl,
        vs_hodl=vs_hodl,
        drawdown=float(drawdown[0]),
        worst_vs_hodl=float(worst[0]),
        marked_share=marked_share,
    )


def _way(quote: Quote, spots: Closes, marks: Closes) -> tuple[Ints, float]:
    """Name the instants between sale and expiry at which something became known.

    Beside them the share of the coin's closes that came with a mark of the option.
    """
    spot = spots.after(quote.at, quote.expires_at - 1).known_at
    mark = marks.after(quote.at, quote.expires_at - 1).known_at
    marked = int(np.isin(spot, mark).sum()) / len(spot) if len(spot) else 1.0
    return np.union1d(spot, mark), marked


def _carried(quote: Quote, marks: Closes, way: Ints) -> Floats:
    """Carry each mark on until the next, from the one at the sale."""
    known = marks.after(quote.at, quote.expires_at - 1)
    worth = np.concatenate(([quote.mark], known.close))
    carried: Floats = worth[np.searchsorted(known.known_at, way, side="right")]
    return carried
