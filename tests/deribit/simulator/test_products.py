"""The terms of each product are whole and fit together."""

from trader.deribit.simulator.products import (
    FUTURES,
    OPTIONS,
    SPOTS,
    coin_of,
    dated_turnover,
    price_index,
)
from trader.deribit.simulator.skeleton import COINS, PERPETUAL_PRODUCTS
from trader.domain.instruments import pair_name
from trader.domain.option_terms import OPTION_TERMS


def test_every_product_has_a_path_and_a_number_of_its_own() -> None:
    """Perpetual products are those with a premium; coins exist; numbers do not repeat."""
    assert tuple(FUTURES) == PERPETUAL_PRODUCTS
    assert set(OPTIONS) < set(FUTURES)
    for table in (FUTURES, OPTIONS, SPOTS):
        assert len({terms.number for terms in table.values()}) == len(table)
        for product, terms in table.items():
            assert terms.coin == coin_of(product)
            assert terms.coin in COINS
            assert terms.inverse == ("_" not in product)


def test_documented_terms() -> None:
    """Multipliers, minimums and ticks that the venue documents."""
    assert (OPTIONS["BTC"].min_trade_amount, OPTIONS["ETH"].min_trade_amount) == (0.1, 1.0)
    assert OPTIONS["SOL_USDC"].contract_size == 10.0
    assert OPTIONS["XRP_USDC"].contract_size == 1_000.0
    assert (FUTURES["BTC"].contract_size, FUTURES["BTC"].tick_size) == (10.0, 0.5)
    assert (FUTURES["ETH"].contract_size, FUTURES["ETH"].tick_size) == (1.0, 0.05)
    assert (FUTURES["BTC_USDC"].contract_size, FUTURES["BTC_USDC"].tick_size) == (0.0001, 0.1)


def test_options_are_listed_by_the_terms_that_backtests_assume() -> None:
    """Steps and smallest amounts, in coin and in USDC."""
    for (coin, linear), assumed in OPTION_TERMS.items():
        listed = OPTIONS[pair_name(coin) if linear else coin]
        for name in ("tick_size", "tick_size_steps", "min_trade_amount"):
            assert getattr(listed, name) == getattr(assumed, name)


def test_wide_ticks_are_multiples_of_narrow_ones() -> None:
    """Both grids meet where the wide one begins."""
    for terms in OPTIONS.values():
        ((above, wide),) = terms.tick_size_steps
        assert abs(wide / terms.tick_size - round(wide / terms.tick_size)) < 1e-9
        assert abs(above / wide - round(above / wide)) < 1e-9


def test_indices_and_dated_turnover() -> None:
    """Inverse products settle on the dollar's index; a dated future prints once a minute."""
    assert [price_index(one) for one in ("BTC", "XRP_USDC")] == ["btc_usd", "xrp_usdc"]
    dated = dated_turnover(FUTURES["ETH"])
    assert dated.prints == 1
    assert dated.contract_size == FUTURES["ETH"].contract_size
