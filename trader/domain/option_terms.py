"""What does the venue state of options before any listing? Their steps, smallest amounts, fees.

Deribit, "Contract specifications" and "Fees". Of options settled in USDC the catalog alone knows
steps and amounts: these are plausible, and those of the bundled exchange.
"""

from __future__ import annotations

from typing import Final

import msgspec

from trader.domain.expiries import SettlementPeriod
from trader.domain.instruments import Instrument, OptionType
from trader.domain.units import DOLLARS


class OptionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Price steps and the smallest amount of a coin's options, in what they are settled in."""

    tick_size: float = 0.0001
    tick_size_steps: tuple[tuple[float, float], ...] = ((0.005, 0.0005),)
    min_trade_amount: float
    fee_rate: float = 0.0003


OPTION_TERMS: Final = {
    ("BTC", False): OptionTerms(min_trade_amount=0.1),
    ("ETH", False): OptionTerms(min_trade_amount=1.0),
    ("BTC", True): OptionTerms(
        tick_size=1.0, tick_size_steps=((200.0, 5.0),), min_trade_amount=0.01
    ),
    ("ETH", True): OptionTerms(tick_size=0.1, tick_size_steps=((20.0, 0.5),), min_trade_amount=0.1),
}
"""By coin and whether they are settled in USDC."""
COINS: Final = tuple(dict.fromkeys(coin for coin, _ in OPTION_TERMS))


def option_terms(underlying: str, *, linear: bool) -> OptionTerms:
    """Find the terms of a coin's options.

    Raises:
        ValueError: they are not known.
    """
    if (underlying, linear) not in OPTION_TERMS:
        raise ValueError(f"underlying {underlying!r}: options are known of {', '.join(COINS)}")
    return OPTION_TERMS[underlying, linear]


def plain_option(
    underlying: str,
    name: str,
    expires_at: int,
    strike: float,
    option_type: OptionType,
    *,
    settlement_period: SettlementPeriod,
    fee_factor: float = 1.0,
    linear: bool = False,
) -> Instrument:
    """Describe an option by the terms of its coin; makers and takers pay `fee_factor` times theirs.

    Raises:
        ValueError: the terms are not known.
    """
    terms = option_terms(underlying, linear=linear)
    fee = terms.fee_rate * fee_factor
    return Instrument(
        name=name,
        kind="option",
        underlying=underlying,
        settlement_currency=DOLLARS if linear else underlying,
        inverse=not linear,
        price_index=f"{underlying.lower()}_{'usdc' if linear else 'usd'}",
        tick_size=terms.tick_size,
        tick_size_steps=terms.tick_size_steps,
        min_trade_amount=terms.min_trade_amount,
        contract_size=1.0,
        maker_fee_rate=fee,
        taker_fee_rate=fee,
        settlement_period=settlement_period,
        option_type=option_type,
        strike=strike,
        expires_at=expires_at,
    )
