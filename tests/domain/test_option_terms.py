"""Are options described as the venue states them, in coin and in USDC?"""

from __future__ import annotations

import pytest

from trader.domain.option_terms import COINS, OPTION_TERMS, option_terms, plain_option

AT = 1_767_254_400_000_000_000


def test_an_option_has_the_terms_of_its_coin() -> None:
    """Steps, smallest amount and fee; a stress multiplies the fee alone."""
    for coin, linear in OPTION_TERMS:
        terms = option_terms(coin, linear=linear)
        one = plain_option(
            coin, "one", AT, 100.0, "put", settlement_period="week", fee_factor=2.0, linear=linear
        )
        assert (one.tick_size, one.tick_size_steps) == (terms.tick_size, terms.tick_size_steps)
        assert one.min_trade_amount == terms.min_trade_amount
        assert one.maker_fee_rate == one.taker_fee_rate == 2 * terms.fee_rate == 0.0006
        assert (one.inverse, one.settlement_currency) == (not linear, "USDC" if linear else coin)
        assert one.price_index == f"{coin.lower()}_{'usdc' if linear else 'usd'}"
    assert COINS == ("BTC", "ETH")


def test_terms_that_nobody_stated_are_not_made_up() -> None:
    """The coin that is asked for, and those that are known."""
    with pytest.raises(ValueError, match="underlying 'SOL': options are known of BTC, ETH"):
        option_terms("SOL", linear=True)
