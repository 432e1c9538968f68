"""Typical structures without a market: expiries, strikes and prices."""

from __future__ import annotations

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, at_eight
from trader.deribit.simulator.products import FUTURES
from trader.domain.instruments import INVERSE_COINS, OptionType, perpetual_name
from trader.domain.units import DAY, HOUR, YEAR
from trader.pricing.black_scholes import greeks
from trader.strategies.sketch import (
    fictitious_perpetual,
    sketch_calendar,
    sketch_expiry,
    sketch_legs,
    sketch_sides,
    strike_at_delta,
    strike_step,
)
from trader.strategies.strategy import COINS

SIDES: tuple[OptionType, ...] = ("call", "put")


@given(at=st.integers(0, 60_000 * DAY), days=st.floats(0.1, 100))
def test_expiry_is_eight_utc_and_in_the_future(at: int, days: float) -> None:
    """Options expire at 08:00 UTC; the nearest to the wish, never one that is past."""
    expiry = sketch_expiry(at, days)
    assert expiry % DAY == 8 * HOUR
    assert expiry > at
    assert abs(expiry - at - days * DAY) <= DAY


def test_one_day_at_six_in_the_evening_is_tomorrow() -> None:
    """At 18:00 UTC the one-day option expires tomorrow at 08:00."""
    assert sketch_expiry(NOW, 1) == at_eight(1)


@pytest.mark.parametrize(
    ("index", "step"), [(90_000.0, 1_000.0), (3_000.0, 25.0), (60_000.0, 500.0), (1.0, 0.01)]
)
def test_ladder_is_about_one_percent(index: float, step: float) -> None:
    """Strikes are listed in round steps of about 1 % of the index."""
    assert strike_step(index) == pytest.approx(step)


@given(
    delta=st.floats(0.05, 0.5),
    iv=st.floats(0.2, 1.5),
    days=st.floats(0.5, 60),
    side=st.sampled_from(SIDES),
)
def test_strike_has_the_delta(delta: float, iv: float, days: float, side: OptionType) -> None:
    """The strike's Black-76 delta is the wish, up to half a step of the ladder."""
    years = days * DAY / YEAR
    strike = strike_at_delta(side, 90_000, years, iv, delta)
    half = strike_step(90_000) / 2
    around = sorted(
        abs(greeks(side, 90_000.0, strike + move, years, iv).delta) for move in (-half, half)
    )
    assert around[0] - 1e-9 <= delta <= around[1] + 1e-9


def test_spread_buys_further_out() -> None:
    """A put spread sells the higher strike and buys the lower one, cheaper, same expiry."""
    short, long = sketch_legs(
        "BTC", "put", index=90_000, iv=0.55, at=NOW, days=1, delta=0.25, width_strikes=4
    )
    assert (short.ratio, long.ratio) == (-1, 1)
    assert short.instrument.strike == (long.instrument.strike or 0) + 4_000
    assert 0 < long.price < short.price
    assert short.instrument.expires_at == long.instrument.expires_at == at_eight(1)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.0, -1.0])
def test_bad_numbers_are_refused_by_name(wrong: float) -> None:
    """An index or a volatility that is no positive number is named."""
    with pytest.raises(ValueError, match="index"):
        sketch_legs("BTC", "call", index=wrong, iv=0.5, at=NOW, days=7, delta=0.25)
    with pytest.raises(ValueError, match="iv"):
        sketch_legs("BTC", "call", index=90_000, iv=wrong, at=NOW, days=7, delta=0.25)


def test_a_sketched_option_is_one_that_backtests_trade() -> None:
    """In steps and amounts of its coin, named as the venue names it, in USDC too."""
    (leg,) = sketch_legs(
        "ETH", "call", index=3_000.0, iv=0.6, at=NOW, days=1.0, delta=0.3, linear=True
    )
    one = leg.instrument
    assert one.name.startswith("ETH_USDC-")
    assert (one.tick_size, one.tick_size_steps, one.min_trade_amount) == (0.1, ((20.0, 0.5),), 0.1)


def test_both_sides_lie_around_the_money_with_wings_beyond() -> None:
    """At a delta or at the money, bought or sold; wings by strikes or by delta, one out at least.

    Lowest to highest: lower wing, put, call, upper wing.
    """
    put, call = sketch_sides("BTC", 1, index=90_000.0, iv=0.55, at=NOW, days=7)
    assert (put.ratio, call.ratio) == (1, 1)
    assert put.instrument.strike == call.instrument.strike == 90_000.0
    sides = functools.partial(sketch_sides, "BTC", -1, index=90_000.0, iv=0.55, at=NOW, days=7)
    put, call, low, high = sides(delta=0.25, width_strikes=2)
    strikes = [leg.instrument.strike or 0.0 for leg in (low, put, call, high)]
    assert strikes == sorted(set(strikes))
    assert (strikes[1] - strikes[0], strikes[3] - strikes[2]) == (2_000.0, 2_000.0)
    assert [leg.ratio for leg in (put, call, low, high)] == [-1, -1, 1, 1]
    put, call, low, high = sides(delta=0.25, wing_delta=0.249)
    assert (low.instrument.strike or 0.0) < (put.instrument.strike or 0.0)
    assert (high.instrument.strike or 0.0) > (call.instrument.strike or 0.0)


def test_a_calendar_has_one_strike_and_two_expiries() -> None:
    """The near call sold, a later one bought, though both days name the same expiry."""
    near, far = sketch_calendar("BTC", index=90_000.0, iv=0.55, at=NOW, days=(1.0, 1.2))
    assert (near.ratio, far.ratio) == (-1, 1)
    assert near.instrument.strike == far.instrument.strike
    assert (far.instrument.expires_at or 0) - (near.instrument.expires_at or 0) == DAY
    assert far.price > near.price > 0


@pytest.mark.parametrize("coin", ["BTC", "ETH", "SOL", "XRP", "ADA", "AVAX"])
def test_perpetuals_are_those_the_bundled_exchange_lists(coin: str) -> None:
    """By name, tick and smallest amount, in coin where there are some and in USDC."""
    for linear in (True, False) if coin in INVERSE_COINS else (True,):
        drawn = fictitious_perpetual(coin, linear=linear)
        listed = FUTURES[f"{coin}_USDC" if linear else coin]
        assert drawn.name == perpetual_name(coin, linear=linear)
        assert (drawn.tick_size, drawn.min_trade_amount) == (listed.tick_size, listed.contract_size)
        assert drawn.inverse is listed.inverse
    assert fictitious_perpetual(coin) == fictitious_perpetual(
        coin, linear=coin not in INVERSE_COINS
    )


def test_every_coin_has_a_perpetual() -> None:
    """Whatever a strategy file may name can be sketched and walked through."""
    for coin in COINS:
        one = fictitious_perpetual(coin)
        assert one.price_index == f"{coin.lower()}_{'usd' if one.inverse else 'usdc'}"
        assert one.settlement_currency == (coin if one.inverse else "USDC")
