"""Does every contract bind the collateral of Deribit's standard margin?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.scenes import option, perpetual
from trader.risk.margin import standard_margin


def test_long_options_bind_nothing() -> None:
    """The premium is paid in full."""
    assert standard_margin(option(), 3.0, 0.02, 65_000.0, 65_000.0) == (0.0, 0.0)


def test_short_inverse_call() -> None:
    """K 70000, U 65000: OTM/U .0769, so .10 + M initial (floor) and .075 + M kept, in coin."""
    initial, maintenance = standard_margin(option(), -2.0, 0.01, 65_000.0, 65_000.0)
    assert initial == pytest.approx(2 * 0.11)
    assert maintenance == pytest.approx(2 * 0.085)
    at_the_money, _ = standard_margin(option("call", 65_000.0), -1.0, 0.03, 65_000.0, 65_000.0)
    assert at_the_money == pytest.approx(0.18)


def test_short_inverse_put_deep_in_the_money() -> None:
    """A mark above one coin makes maintenance .075 x M + M, and initial no less than it."""
    initial, maintenance = standard_margin(option("put", 200_000.0), -1.0, 2.1, 65_000.0, 65_000.0)
    assert maintenance == pytest.approx(0.075 * 2.1 + 2.1)
    assert initial == pytest.approx(max(0.15 + 2.1, maintenance))


def test_short_linear_options() -> None:
    """In USD: call max(.15 - OTM/U, .10) I + M, put max((.15 - OTM/U) I, .10 K) + M."""
    call = option("call", 66_000.0, inverse=False)
    initial, maintenance = standard_margin(call, -1.0, 500.0, 65_000.0, 64_000.0)
    assert initial == pytest.approx((0.15 - 1_000 / 65_000) * 64_000 + 500)
    assert maintenance == pytest.approx(0.075 * 64_000 + 500)
    put = option("put", 50_000.0, inverse=False)
    initial, maintenance = standard_margin(put, -1.0, 100.0, 65_000.0, 65_000.0)
    assert initial == pytest.approx(0.10 * 50_000 + 100)
    assert maintenance == pytest.approx(0.075 * 50_000 + 100)


def test_linear_options_on_other_coins_bind_more() -> None:
    """Coefficients .20 / .13 / .10 where the coin is neither BTC nor ETH."""
    call = option("call", 200.0, inverse=False, underlying="SOL")
    assert standard_margin(call, -1.0, 5.0, 200.0, 200.0) == pytest.approx((45.0, 25.0))


def test_perpetuals_bind_two_percent_and_a_slope() -> None:
    """650,000 USD of BTC at 65,000 is 10 coins: 2.05 % and 1.05 % of them; either sign."""
    for amount in (650_000.0, -650_000.0):
        margin = standard_margin(perpetual(), amount, 65_000.0, 65_000.0, 65_000.0)
        assert margin == pytest.approx((10 * 0.0205, 10 * 0.0105))
    linear = standard_margin(perpetual(inverse=False), 10.0, 65_000.0, 65_000.0, 65_000.0)
    assert linear == pytest.approx((650_000 * 0.0205, 650_000 * 0.0105))
    ether = standard_margin(perpetual(underlying="ETH"), 30_000.0, 3_000.0, 3_000.0, 3_000.0)
    assert ether == pytest.approx((10 * 0.02004, 10 * 0.01004))


def test_linear_perpetuals_of_other_coins_bind_twice_as_much() -> None:
    """The help page's 6,000 SOL at 200: 7 % of them and 5 %; other coins alike for their worth."""
    sol = perpetual(inverse=False, underlying="SOL")
    assert standard_margin(sol, 6_000.0, 200.0, 200.0, 200.0) == pytest.approx((84_000.0, 60_000.0))
    assert standard_margin(sol, -25.0, 200.0, 200.0, 200.0) == pytest.approx((200.625, 100.625))
    xrp = perpetual(inverse=False, underlying="XRP")
    assert standard_margin(xrp, 600_000.0, 2.0, 2.0, 2.0) == pytest.approx((84_000.0, 60_000.0))
    assert standard_margin(xrp, 0.0, 2.0, 2.0, 2.0) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("field", ["mark", "underlying_price", "index"])
def test_bad_numbers_are_refused_by_name(field: str, bad: float) -> None:
    """A margin on a missing price would be a margin of nothing."""
    numbers = {"mark": 0.02, "underlying_price": 65_000.0, "index": 65_000.0} | {field: bad}
    with pytest.raises(ValueError, match=field):
        standard_margin(option(), -1.0, **numbers)
    with pytest.raises(ValueError, match="amount"):
        standard_margin(option(), math.nan, 0.02, 65_000.0, 65_000.0)
    with pytest.raises(ValueError, match="mark 0"):
        standard_margin(perpetual(), 10.0, 0.0, 65_000.0, 65_000.0)


@given(
    st.sampled_from(["call", "put"]),
    st.booleans(),
    st.floats(10_000, 300_000),
    st.floats(0, 1.5),
    st.floats(20_000, 200_000),
)
def test_initial_covers_maintenance_and_the_mark(
    kind: str, inverse: bool, strike: float, mark_in_coins: float, spot: float
) -> None:
    """Whatever is sold: initial >= maintenance >= the cost of buying it back."""
    sold = option("call" if kind == "call" else "put", strike, inverse=inverse)
    mark = mark_in_coins if inverse else mark_in_coins * spot
    initial, maintenance = standard_margin(sold, -1.0, mark, spot, spot)
    assert initial >= maintenance - 1e-12
    assert maintenance >= mark
