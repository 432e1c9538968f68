"""What can be traded, in which steps, and what does it cost per contract?"""

from __future__ import annotations

import itertools
import math
from typing import Final, Literal

import msgspec

from trader.domain.units import DOLLARS, normalize_underlying

OptionType = Literal["call", "put"]
Kind = Literal["option", "perpetual", "future", "spot"]
SettlementPeriod = Literal["day", "week", "month", "perpetual"]

INVERSE_COINS: Final = ("BTC", "ETH")
"""Coins with contracts settled in themselves; what trades on all others is settled in USDC."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One listed contract.

    `amount` is counted in the underlying for options and linear contracts, in USD for inverse
    perpetuals and futures (Deribit, "Instruments"). An inverse option's price is in coin per unit.
    Invariant: an option has a type, a strike and an expiry, a future an expiry; steps are positive
    and finite, fee rates finite (a negative one is a rebate).
    """

    name: str
    kind: Kind
    underlying: str
    settlement_currency: str
    inverse: bool
    price_index: str
    tick_size: float
    min_trade_amount: float
    contract_size: float
    maker_fee_rate: float
    taker_fee_rate: float
    settlement_period: SettlementPeriod
    tick_size_steps: tuple[tuple[float, float], ...] = ()
    option_type: OptionType | None = None
    strike: float | None = None
    expires_at: int | None = None

    def __post_init__(self) -> None:
        for field in ("tick_size", "min_trade_amount", "contract_size"):
            value = getattr(self, field)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{self.name}: {field} {value!r} must be a positive number")
        for field in ("maker_fee_rate", "taker_fee_rate"):
            value = getattr(self, field)
            if not math.isfinite(value):
                raise ValueError(f"{self.name}: {field} {value!r} must be a finite number")
        if not _is_ladder(self.tick_size_steps):
            raise ValueError(
                f"{self.name}: tick_size_steps {self.tick_size_steps!r} must rise in price, each "
                "with a positive step"
            )
        if self.expires_at is not None and self.expires_at <= 0:
            raise ValueError(
                f"{self.name}: expires_at {self.expires_at!r} must be UTC nanoseconds after 1970, "
                "or None for a contract without expiry"
            )
        if self.kind == "future" and self.expires_at is None:
            raise ValueError(f"{self.name}: a future needs expires_at")
        if self.kind == "option":
            if self.option_type is None or self.strike is None or self.expires_at is None:
                raise ValueError(f"{self.name}: an option needs option_type, strike, expires_at")
            if not (math.isfinite(self.strike) and self.strike > 0):
                raise ValueError(f"{self.name}: strike {self.strike!r} must be a positive number")

    @property
    def daily(self) -> bool:
        """Whether this is a daily option, which pays no delivery fee."""
        return self.settlement_period == "day"

    def tick_at(self, price: float) -> float:
        """Find the price step that holds at `price` (Deribit, `tick_size_steps`)."""
        tick = self.tick_size
        for above_price, step in self.tick_size_steps:
            if abs(price) > above_price - 1e-12:
                tick = step
        return tick


def is_option(name: str) -> bool:
    """Tell whether a name is an option's (Deribit, "Instrument naming": it ends on -C or -P).

    >>> is_option("BTC-2JUN26-66000-C"), is_option("BTC-PERPETUAL")
    (True, False)
    """
    return name.endswith(("-C", "-P"))


def pair_name(underlying: str) -> str:
    """Name the spot pair of a coin against USDC: `BTC_USDC`."""
    return f"{underlying}_{DOLLARS}"


def perpetual_name(underlying: str, *, linear: bool = False) -> str:
    """Name the perpetual of a coin: the one in coin, where there is one and none in USDC is meant.

    >>> perpetual_name("BTC"), perpetual_name("BTC", linear=True), perpetual_name("sol_usdc")
    ('BTC-PERPETUAL', 'BTC_USDC-PERPETUAL', 'SOL_USDC-PERPETUAL')
    """
    coin = normalize_underlying(underlying)
    inverse = coin in INVERSE_COINS and not linear
    return f"{coin if inverse else pair_name(coin)}-PERPETUAL"


def spot_pair(underlying: str) -> Instrument:
    """Describe the spot pair of a coin as Deribit lists it, without a fee ("Fees": spot 0 %).

    For where no feed lists it: what is listed goes before.
    """
    return Instrument(
        name=pair_name(underlying),
        kind="spot",
        underlying=underlying,
        settlement_currency=DOLLARS,
        inverse=False,
        price_index=f"{underlying.lower()}_usdc",
        tick_size=0.01,
        min_trade_amount=0.0001,
        contract_size=0.0001,
        maker_fee_rate=0.0,
        taker_fee_rate=0.0,
        settlement_period="perpetual",
    )


def _is_ladder(steps: tuple[tuple[float, float], ...]) -> bool:
    rising = all(low < high for (low, _), (high, _) in itertools.pairwise(steps))
    return rising and all(0 <= above < math.inf and 0 < step < math.inf for above, step in steps)
