"""Tests of `trader.deribit.credits`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trader.deribit.credits import PRICES, CreditPool, Price, pool_of


def test_a_pool_pays_its_burst_then_its_pace() -> None:
    """Ten subscriptions at once, then one each 0.3 s, as the venue's table says."""
    pool = CreditPool(PRICES["subscribe"])
    assert [pool.spend(5.0) for _ in range(11)] == [True] * 10 + [False]
    assert not pool.spend(5.29)
    assert pool.spend(5.31)


def test_an_empty_pool_refills_from_the_moment_it_was_drained() -> None:
    """After the server says we overdrew, nothing is paid until credits are earned again."""
    pool = CreditPool(PRICES["default"])
    pool.drain(0.0)
    assert not pool.spend(0.04)
    assert pool.spend(0.06)


def test_methods_know_their_pool() -> None:
    """Subscriptions and the catalog have pools of their own."""
    assert pool_of("public/subscribe") == pool_of("public/unsubscribe") == "subscribe"
    assert pool_of("public/get_instruments") == "instruments"
    assert pool_of("public/ticker") == "default"


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 20)), max_size=40))
def test_no_schedule_spends_more_than_size_and_refill(steps: list[tuple[float, int]]) -> None:
    """Whatever the calls and the clock do, payments stay below size plus what time has earned."""
    price = Price(cost=3.0, size=30.0, refill_per_s=10.0)
    pool = CreditPool(price)
    now = 100.0
    paid, asked_at = 0, []
    for delta, calls in steps:
        now += delta
        asked_at += [now] * bool(calls)
        paid += sum(pool.spend(now) for _ in range(calls))
        earned = (max(asked_at) - asked_at[0]) * price.refill_per_s if asked_at else 0.0
        assert paid * price.cost <= price.size + earned + 1e-6
