"""On which terms does the invented exchange trade each product?

A product is what stands before the first dash of an instrument's name: `BTC` is settled in coin
(inverse), `BTC_USDC` in USDC (linear). Ticks, steps and minimums are Deribit's where they are
documented, plausible ones for the linear options of which the catalog alone knows.
"""

from typing import Final, NamedTuple

from trader.deribit.simulator.candles import Turnover
from trader.domain.expiries import LONG, Calendar


class OptionTerms(NamedTuple):
    """Terms of a product's options; `tick_size_steps` holds (above_price, tick_size).

    `interval_min` and `mantissas` shape the strike ladder; `size_typical` is what makers show at
    the money in coin, `print_typical` what is traded at once.
    """

    number: int
    coin: str
    inverse: bool
    calendar: Calendar
    tick_size: float
    tick_size_steps: tuple[tuple[float, float], ...]
    min_trade_amount: float
    contract_size: float
    interval_min: float
    mantissas: tuple[float, ...]
    size_typical: float
    print_typical: float


class FutureTerms(NamedTuple):
    """Terms of a perpetual, of the dated futures of its product, or of a spot pair.

    `turnover` is that of the perpetual (or pair); a dated future trades `_DATED_SHARE` of it.
    `size_typical` counts contracts; `half_spread` is a fraction of the price.
    """

    number: int
    coin: str
    inverse: bool
    tick_size: float
    dated_tick_size: float
    contract_size: float
    turnover: Turnover
    size_typical: float
    half_spread: float


_SHORT: Final = Calendar(2, 2, 1, 1)
_COIN_STEPS: Final = ((0.005, 0.0005),)
_FIVES: Final = (1.0, 2.0, 5.0)
_QUARTERS: Final = (1.0, 2.5, 5.0)

OPTIONS: Final = {
    "BTC": OptionTerms(
        0, "BTC", True, LONG, 0.0001, _COIN_STEPS, 0.1, 1.0, 100.0, _FIVES, 12.0, 0.8
    ),
    "ETH": OptionTerms(
        1, "ETH", True, LONG, 0.0001, _COIN_STEPS, 1.0, 1.0, 5.0, _QUARTERS, 110.0, 8.0
    ),
    "BTC_USDC": OptionTerms(
        2, "BTC", False, LONG, 1.0, ((200.0, 5.0),), 0.01, 0.01, 100.0, _FIVES, 4.0, 0.2
    ),
    "ETH_USDC": OptionTerms(
        3, "ETH", False, LONG, 0.1, ((20.0, 0.5),), 0.1, 0.1, 5.0, _QUARTERS, 60.0, 3.0
    ),
    "SOL_USDC": OptionTerms(
        4, "SOL", False, _SHORT, 0.01, ((1.0, 0.05),), 10.0, 10.0, 0.5, _FIVES, 800.0, 60.0
    ),
    "XRP_USDC": OptionTerms(
        5, "XRP", False, _SHORT, 0.0001, ((0.01, 0.0005),), 1_000.0, 1_000.0, 0.005, _FIVES,
        60_000.0, 5_000.0,
    ),
}  # fmt: skip


def _perpetual(
    number: int,
    coin: str,
    ticks: tuple[float, float],
    contract_size: float,
    contracts_per_minute: float,
    half_spread: float,
    inverse: bool = False,
) -> FutureTerms:
    """Return the terms of a perpetual, which prints once each step of the path."""
    shift = 12 if inverse else 22
    turnover = Turnover(contracts_per_minute, contract_size, 12, inverse, shift)
    size_typical = 0.15 * contracts_per_minute
    return FutureTerms(
        number, coin, inverse, *ticks, contract_size, turnover, size_typical, half_spread
    )


FUTURES: Final = {
    "BTC": _perpetual(0, "BTC", (0.5, 2.5), 10.0, 32_000.0, 0.000012, inverse=True),
    "ETH": _perpetual(1, "ETH", (0.05, 0.25), 1.0, 160_000.0, 0.000015, inverse=True),
    "BTC_USDC": _perpetual(2, "BTC", (0.1, 0.5), 0.0001, 9_000.0, 0.00001),
    "ETH_USDC": _perpetual(3, "ETH", (0.01, 0.05), 0.001, 18_000.0, 0.00001),
    "SOL_USDC": _perpetual(4, "SOL", (0.01, 0.02), 0.1, 800.0, 0.00006),
    "XRP_USDC": _perpetual(5, "XRP", (0.0001, 0.0001), 1.0, 3_000.0, 0.0001),
    "ADA_USDC": _perpetual(6, "ADA", (0.0001, 0.0001), 1.0, 3_000.0, 0.0002),
    "AVAX_USDC": _perpetual(7, "AVAX", (0.001, 0.002), 0.1, 700.0, 0.0001),
}
"""Every product with a perpetual; those that also have options have dated futures."""

SPOTS: Final = {
    "BTC_USDC": FutureTerms(
        0, "BTC", False, 1.0, 1.0, 0.0001, Turnover(900.0, 0.0001, 1, False, 12), 4_000.0, 0.00003
    ),
    "ETH_USDC": FutureTerms(
        1, "ETH", False, 0.1, 0.1, 0.001, Turnover(1_800.0, 0.001, 1, False, 12), 9_000.0, 0.00004
    ),
}
"""The spot pairs, named as such."""

_DATED_SHARE: Final = 0.02


def dated_turnover(terms: FutureTerms) -> Turnover:
    """Return how a dated future trades: one print a minute."""
    turnover = terms.turnover
    return turnover._replace(contracts=_DATED_SHARE * turnover.contracts, prints=1)


def coin_of(product: str) -> str:
    """Return the coin of a product: `BTC` of `BTC` and of `BTC_USDC`."""
    return product.partition("_")[0]


def price_index(product: str) -> str:
    """Return the index that settles a product: `btc_usd`, `btc_usdc`."""
    return product.lower() if "_" in product else f"{product.lower()}_usd"
