"""Are payoffs, results and fees those of the venue's own table?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import option
from trader.domain.instruments import Instrument, spot_pair
from trader.domain.valuation import (
    delivery_fee,
    funding,
    is_dust,
    option_payoff,
    paid_in_full,
    result,
    trade_fee,
)

DAILY = option("call", 95_000.0)
WEEKLY = msgspec.structs.replace(DAILY, settlement_period="week")
LINEAR = msgspec.structs.replace(option("call", 95_000.0, inverse=False), settlement_period="week")
PRICES = st.floats(1_000.0, 1e6)
NOT_PRICES = [0.0, -1.0, math.nan, math.inf]


def perpetual(*, inverse: bool = True, **changes: Any) -> Instrument:
    """List a perpetual, or with changes a future."""
    fields: dict[str, Any] = {
        **{name: getattr(DAILY, name) for name in DAILY.__struct_fields__},
        "name": "BTC-PERPETUAL" if inverse else "BTC_USDC-PERPETUAL",
        "kind": "perpetual",
        "settlement_currency": "BTC" if inverse else "USDC",
        "inverse": inverse,
        "settlement_period": "perpetual",
        "maker_fee_rate": 0.00015,
        "taker_fee_rate": 0.00035,
        "option_type": None,
        "strike": None,
        "expires_at": None,
    }
    return Instrument(**{**fields, **changes})


FUTURE = perpetual(kind="future", settlement_period="month", expires_at=DAILY.expires_at)


def test_trap_option_fee_charged_on_the_premium() -> None:
    """0.03 % of the underlying: 0.0003 coin a contract, whatever the premium of 0.02."""
    assert trade_fee(WEEKLY, 1.0, 0.02, 90_000.0) == pytest.approx(0.0003, rel=1e-12)
    assert trade_fee(WEEKLY, -2.5, 0.02, 90_000.0) == pytest.approx(0.00075, rel=1e-12)
    assert trade_fee(LINEAR, 2.0, 1_800.0, 90_000.0) == pytest.approx(54.0, rel=1e-12)


def test_the_fee_is_capped_at_an_eighth_of_the_price() -> None:
    """A price of 0.0001 coin pays 0.0000125, a linear price of 10 USD pays 1.25."""
    assert trade_fee(WEEKLY, 1.0, 0.0001, 90_000.0) == pytest.approx(0.0000125, rel=1e-12)
    assert trade_fee(LINEAR, 1.0, 10.0, 90_000.0) == pytest.approx(1.25, rel=1e-12)
    at_the_cap = 0.0003 / 0.125
    assert trade_fee(WEEKLY, 1.0, at_the_cap, 90_000.0) == pytest.approx(0.0003, rel=1e-12)


def test_makers_and_takers_of_perpetuals_pay_their_own_rate() -> None:
    """Inverse: rate * USD / price in coin. Linear: rate * amount * price in USD."""
    inverse, linear = perpetual(), perpetual(inverse=False)
    assert trade_fee(inverse, 90_000.0, 90_000.0, 1.0) == pytest.approx(0.00035, rel=1e-12)
    assert trade_fee(inverse, -9e4, 9e4, 1.0, maker=True) == pytest.approx(0.00015, rel=1e-12)
    assert trade_fee(linear, 2.0, 90_000.0, 1.0) == pytest.approx(63.0, rel=1e-12)


def test_a_rebate_stays_a_rebate_under_the_cap() -> None:
    """A negative maker rate pays us; the cap limits charges only."""
    paid = msgspec.structs.replace(WEEKLY, maker_fee_rate=-0.0001)
    assert trade_fee(paid, 1.0, 0.0001, 9e4, maker=True) == pytest.approx(-0.0001, rel=1e-12)


def test_daily_options_pay_no_delivery_fee() -> None:
    """A weekly in the money pays 0.015 %, the daily beside it nothing."""
    assert delivery_fee(DAILY, 1.0, 100_000.0) == 0.0
    assert delivery_fee(WEEKLY, 1.0, 100_000.0) == pytest.approx(0.00015, rel=1e-12)
    assert delivery_fee(LINEAR, -2.0, 100_000.0) == pytest.approx(30.0, rel=1e-12)


def test_the_delivery_fee_is_capped_at_an_eighth_of_the_payoff() -> None:
    """One dollar in the money pays an eighth of it; out of the money pays nothing."""
    assert delivery_fee(LINEAR, 1.0, 95_001.0) == pytest.approx(0.125, rel=1e-9)
    assert delivery_fee(WEEKLY, 1.0, 95_001.0) == pytest.approx(0.125 / 95_001.0, rel=1e-9)
    assert delivery_fee(WEEKLY, 1.0, 95_000.0) == 0.0
    assert delivery_fee(WEEKLY, 1.0, 90_000.0) == 0.0


def test_futures_are_delivered_at_a_fee_perpetuals_never() -> None:
    """0.025 % of a future, weeklies free, perpetuals not delivered at all."""
    weekly = msgspec.structs.replace(FUTURE, settlement_period="week")
    assert delivery_fee(FUTURE, 1e5, 1e5) == pytest.approx(0.00025, rel=1e-12)
    assert delivery_fee(weekly, 1e5, 1e5) == 0.0
    assert delivery_fee(perpetual(), 1e5, 1e5) == 0.0


@given(PRICES, PRICES)
def test_a_call_and_a_put_pay_the_forward_between_them(spot: float, strike: float) -> None:
    """Call minus put is S - K at expiry (in coin over S), and neither is negative."""
    for inverse in (True, False):
        call, put = (option(kind, strike, inverse=inverse) for kind in ("call", "put"))
        pays = [option_payoff(one, spot) for one in (call, put)]
        assert min(pays) == 0.0
        unit = spot if inverse else 1.0
        assert pays[0] - pays[1] == pytest.approx((spot - strike) / unit, rel=1e-12, abs=1e-12)


@given(st.floats(-100, 100), st.floats(1e-4, 1), st.floats(1e-4, 1))
def test_trap_inverse_option_pnl_with_the_futures_formula(
    amount: float, entry: float, leave: float
) -> None:
    """Prices in coin: the result in coin is (exit - entry) * amount, not 1/price."""
    assert result(WEEKLY, amount, entry, leave) == amount * (leave - entry)


def test_an_option_may_end_at_nothing() -> None:
    """A worthless option ends at 0: the result is the premium, lost or kept."""
    assert result(WEEKLY, -2.0, 0.01, 0.0) == 0.02


def test_inverse_perpetuals_earn_coin_on_dollars() -> None:
    """90,000 USD long from 90,000 to 100,000 earns 0.1 coin; linear the difference in USD."""
    assert result(perpetual(), 9e4, 9e4, 1e5) == pytest.approx(0.1, rel=1e-12)
    assert result(perpetual(), -9e4, 9e4, 1e5) == pytest.approx(-0.1, rel=1e-12)
    assert result(perpetual(inverse=False), 2.0, 9e4, 1e5) == pytest.approx(2e4, rel=1e-12)


def test_longs_pay_shorts_a_positive_funding_rate() -> None:
    """0.01 % per 8 hours on 90,000 USD for 4 hours costs 0.00005 coin; shorts receive it."""
    assert funding(perpetual(), 9e4, 0.0001, 9e4, 4.0) == pytest.approx(-0.00005, rel=1e-12)
    assert funding(perpetual(), -9e4, 0.0001, 9e4, 4.0) == pytest.approx(0.00005, rel=1e-12)
    assert funding(perpetual(inverse=False), 1.0, -0.0001, 9e4, 8.0) == pytest.approx(9.0)


@pytest.mark.parametrize("price", NOT_PRICES)
def test_trap_nan_passes_the_fee_cap(price: float) -> None:
    """min(fee, NaN) is the fee: a price that is none is refused by name instead."""
    with pytest.raises(ValueError, match=rf"{WEEKLY.name}: price {price!r} must be a positive"):
        trade_fee(WEEKLY, 1.0, price, 90_000.0)
    with pytest.raises(ValueError, match=rf"price {price!r} must be a positive"):
        trade_fee(perpetual(), 1.0, price, 90_000.0)
    with pytest.raises(ValueError, match=rf"index {price!r} must be a positive"):
        trade_fee(LINEAR, 1.0, 10.0, price)


@pytest.mark.parametrize("price", NOT_PRICES)
def test_nothing_is_delivered_at_what_is_no_price(price: float) -> None:
    """A delivery price of 0, NaN or infinity settles nothing inverse."""
    for settle in (option_payoff, lambda one, at: delivery_fee(one, 1.0, at)):
        with pytest.raises(ValueError, match=rf"delivery_price {price!r} must be a positive"):
            settle(WEEKLY, price)
    with pytest.raises(ValueError, match="delivery_price"):
        delivery_fee(FUTURE, 1.0, price)


def test_a_linear_put_is_bounded_at_zero() -> None:
    """Stress looks at a coin that died: a linear put pays its strike there."""
    put = option("put", 95_000.0, inverse=False)
    assert option_payoff(put, 0.0) == 95_000.0


@pytest.mark.parametrize("price", NOT_PRICES)
def test_a_perpetual_has_no_result_at_what_is_no_price(price: float) -> None:
    """Entry and exit of a perpetual are positive numbers, named where they are not."""
    with pytest.raises(ValueError, match=rf"entry {price!r} must be a positive"):
        result(perpetual(), 1.0, price, 9e4)
    with pytest.raises(ValueError, match=rf"exit_price {price!r} must be a positive"):
        result(perpetual(inverse=False), 1.0, 9e4, price)


def test_only_options_have_a_payoff() -> None:
    """A perpetual is no option, and says so."""
    with pytest.raises(ValueError, match="BTC-PERPETUAL is no option"):
        option_payoff(perpetual(), 9e4)


@pytest.mark.parametrize("rate_8h", [math.nan, math.inf])
def test_funding_needs_numbers(rate_8h: float) -> None:
    """A rate or index that is none is refused by name."""
    with pytest.raises(ValueError, match=rf"rate_8h {rate_8h!r} is not a finite number"):
        funding(perpetual(), 1.0, rate_8h, 9e4, 1.0)
    with pytest.raises(ValueError, match="index nan must be a positive number"):
        funding(perpetual(), 1.0, 0.0001, math.nan, 1.0)


def test_options_and_coin_are_paid_in_full() -> None:
    """A perpetual or future is not: it is worth what it gained."""
    assert paid_in_full(option())
    assert paid_in_full(spot_pair("BTC"))
    assert not paid_in_full(perpetual())


@pytest.mark.parametrize(
    ("bid", "size", "mark", "dust"),
    [
        (math.nan, math.nan, 0.0002, True),
        (0.0001, 0.0, 0.0, True),
        (0.0001, 5.0, 0.0001, False),
        (math.nan, 0.0, 0.00021, False),
        (math.nan, 0.0, math.nan, False),
    ],
)
def test_dust_has_no_bid_and_next_to_no_value(
    bid: float, size: float, mark: float, dust: bool
) -> None:
    """Two ticks of .0001 at most; with a bid it can be sold, without a mark nobody knows."""
    assert is_dust(option(), bid, size, mark) is dust
    assert not is_dust(perpetual(), bid, size, mark)
