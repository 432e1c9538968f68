"""Each instrument's path and turnover: what its quotes and bars are read off."""

import pytest

from trader.deribit.simulator.instrument_series import option_prints_every, series, turnover
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listings
from trader.deribit.simulator.market import GENESIS, Market
from trader.domain.units import DAY, HOUR, MINUTE

NOW = GENESIS + 2_100 * DAY + 9 * HOUR


def test_paths_of_a_coin_stay_close() -> None:
    """Perpetual, future and pair of a coin are its index with a premium, a carry, or nothing."""
    market = Market(1)
    listings = Listings(market)
    spot = market.spot("ETH", NOW)
    assert market.point(series(SPOT_PAIRS["ETH_USDC"]), NOW) == spot
    for product in ("ETH", "ETH_USDC"):
        mark = market.point(series(PERPETUALS[product]), NOW)
        assert mark == market.perpetual_mark(product, NOW)
        assert mark == pytest.approx(spot, rel=0.003)
    future = listings.futures("ETH", NOW)[-1]
    assert market.point(series(future), NOW) == pytest.approx(
        market.forward("ETH", future.expires_at, NOW), rel=3e-7
    )


def test_options_have_no_path_of_their_own() -> None:
    """Asking for an option's path names the option."""
    option = Listings(Market(1)).options("BTC", NOW)[0]
    with pytest.raises(ValueError, match=option.name):
        series(option)


def test_nearer_and_inverse_products_print_more() -> None:
    """A daily prints each quarter of an hour, a monthly once an hour, linear ones half as often."""
    listings = Listings(Market(1))
    by_period = {one.settlement_period: one for one in listings.options("BTC", NOW)}
    linear = {one.settlement_period: one for one in listings.options("BTC_USDC", NOW)}
    assert option_prints_every(by_period["day"]) == 15 * MINUTE
    assert option_prints_every(by_period["month"]) == HOUR
    assert option_prints_every(linear["month"]) == 2 * HOUR


def test_dated_futures_trade_less_than_perpetuals() -> None:
    """A future trades a small share of its perpetual, in one print a minute."""
    future = Listings(Market(1)).futures("BTC", NOW)[0]
    assert turnover(future).contracts < 0.1 * turnover(PERPETUALS["BTC"]).contracts
    assert (turnover(future).prints, turnover(PERPETUALS["BTC"]).prints) == (1, 12)
