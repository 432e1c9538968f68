"""Are fees, payoffs and drawdowns those of the venue's contracts, for numbers and arrays alike?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backtest.calls import config
from trader.backtest.call_value import delivery_fee, is_daily, of_call, payoff, sale_fee, walk
from trader.backtest.ladder import option
from trader.domain import valuation
from trader.domain.expiries import Term
from trader.domain.units import DAY, HOUR

COSTS = config(fee_rate=0.0003, delivery_fee_rate=0.00015)
FRIDAY = 20_462 * DAY + 8 * HOUR


@given(
    price=st.floats(1e-4, 0.5), spot=st.floats(1_000.0, 200_000.0), strike=st.floats(1e3, 2e5),
    daily=st.booleans(),
)  # fmt: skip
def test_they_are_those_of_the_ledger(
    price: float, spot: float, strike: float, daily: bool
) -> None:
    """Same fees and payoff as the contract's own, which the paper broker charges."""
    term: Term = "day" if daily else "week"
    contract = option("BTC", "BTC-X", FRIDAY, term, strike, "call")
    paid = float(payoff(strike, spot, False))
    assert paid == pytest.approx(valuation.option_payoff(contract, spot), rel=1e-12)
    assert float(sale_fee(COSTS, price, spot, False)) == pytest.approx(
        valuation.trade_fee(contract, 1.0, price, spot), rel=1e-12
    )
    assert float(delivery_fee(COSTS, paid, spot, False, daily)) == pytest.approx(
        valuation.delivery_fee(contract, 1.0, spot), rel=1e-12
    )


def test_linear_ones_are_in_dollars() -> None:
    """The rate is one of the coin's price; the payoff is not divided by it."""
    assert payoff(70_000.0, 80_000.0, True) == 10_000.0
    assert sale_fee(COSTS, 1_000.0, 80_000.0, True) == pytest.approx(24.0)
    assert sale_fee(COSTS, 100.0, 80_000.0, True) == pytest.approx(12.5)
    assert delivery_fee(COSTS, 10_000.0, 80_000.0, True, False) == pytest.approx(12.0)
    assert of_call(1_000.0, 24.0, 600.0, 80_000.0, True) == pytest.approx(376.0)


def test_dailies_are_those_of_the_calendar() -> None:
    """A Friday's expiry is a week's; the day before is a day's, and delivered free of charge."""
    assert not is_daily(FRIDAY)
    assert is_daily(FRIDAY - DAY)


def test_the_walk_counts_from_the_coin_held() -> None:
    """From 100 over 110 to 99: a tenth; the call's lowest value; a row without bars."""
    drawdown, worst = walk(
        np.array([100.0]), np.array([[104.0, 112.0]]), np.array([[-4.0, -2.0]]), np.array([98.0]),
        np.array([1.0]),
    )  # fmt: skip
    assert drawdown.tolist() == pytest.approx([11.0 / 110.0])
    assert worst.tolist() == [-4.0]
    drawdown, worst = walk(
        np.array([100.0]), np.empty((1, 0)), np.empty((1, 0)), np.array([105.0]), np.array([2.0])
    )
    assert (drawdown.tolist(), worst.tolist()) == ([0.0], [0.0])
