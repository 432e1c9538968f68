"""Do the listed options follow the market, contain the money and leave at their expiry?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backtest.pasts import START
from trader.backtest.ladder import Ladder
from trader.domain.instruments import Instrument
from trader.domain.option_terms import option_terms
from trader.domain.units import DAY, HOUR

EIGHT = START + 8 * HOUR


def _strikes(listed: tuple[Instrument, ...], expires_at: int) -> list[float]:
    return sorted({one.strike or 0.0 for one in listed if one.expires_at == expires_at})


@given(st.lists(st.floats(0.8, 1.25), min_size=1, max_size=8), st.floats(0.2, 1.5))
def test_the_money_always_lies_within_the_strikes(moves: list[float], vol: float) -> None:
    """Wherever the price goes, every expiry has a strike on both sides of it."""
    ladder, price = Ladder("BTC", days_max=45.0), 40_000.0
    for number, move in enumerate(moves):
        price *= move
        listed = ladder.options(EIGHT + number * DAY, price, vol)
        for expires_at in {one.expires_at or 0 for one in listed}:
            strikes = _strikes(listed, expires_at)
            assert strikes[0] <= price <= strikes[-1]


def test_a_strike_stays_until_its_expiry_and_no_longer() -> None:
    """New strikes come, none leaves before it expires, the same contract is the same object."""
    ladder = Ladder("BTC", days_max=45.0)
    before: dict[str, Instrument] = {}
    for number in range(40):
        at = EIGHT + number * DAY
        price = 40_000.0 * math.exp(0.02 * number)
        listed = {one.name: one for one in ladder.options(at, price, 0.6)}
        assert all((one.expires_at or 0) > at for one in listed.values())
        for name, one in before.items():
            if (one.expires_at or 0) > at:
                assert listed[name] is one
        before = listed


def test_rows_are_sorted_and_names_are_deribits() -> None:
    """By expiry, strike, call before put; a name spells date, strike and type."""
    listed = Ladder("BTC", days_max=10.0).options(EIGHT, 40_000.0, 0.6)
    assert listed == tuple(
        sorted(listed, key=lambda one: (one.expires_at, one.strike, one.option_type))
    )
    assert "BTC-4JAN22-40000-C" in {one.name for one in listed}


@given(st.floats(1.0, 400.0))
def test_nothing_beyond_the_reach_is_listed(days_max: float) -> None:
    """A strategy that looks ten days out needs no year of strikes."""
    listed = Ladder("ETH", days_max=days_max).options(EIGHT, 3_000.0, 0.8)
    assert all((one.expires_at or 0) - EIGHT <= days_max * DAY for one in listed)


def test_fees_follow_their_factor() -> None:
    """The stress of doubled fees reaches the contracts."""
    (one, *_) = Ladder("BTC", days_max=10.0, fee_factor=2.0).options(EIGHT, 40_000.0, 0.6)
    assert one.taker_fee_rate == pytest.approx(0.0006)


def test_linear_options_are_named_and_settled_as_such() -> None:
    """The same dates and strikes, in USDC, on steps of their own."""
    inverse, linear = (
        Ladder("BTC", days_max=10.0, linear=linear).options(EIGHT, 40_000.0, 0.6)
        for linear in (False, True)
    )
    assert [one.name.replace("BTC-", "BTC_USDC-") for one in inverse] == [
        one.name for one in linear
    ]
    for one in linear:
        assert (one.settlement_currency, one.inverse, one.underlying) == ("USDC", False, "BTC")
        assert one.min_trade_amount == option_terms("BTC", linear=True).min_trade_amount == 0.01
        assert one.tick_at(100.0) == 1.0
        assert one.tick_at(1_000.0) == 5.0
