"""Typical structures without a market: expiries, strikes and prices."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, at_eight
from trader.domain.instruments import OptionType
from trader.domain.units import DAY, HOUR, YEAR
from trader.pricing.black_scholes import greeks
from trader.strategies.sketch import sketch_expiry, sketch_legs, strike_at_delta, strike_step

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
