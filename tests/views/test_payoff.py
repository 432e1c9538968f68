"""Is a structure worth what it pays, at every price and at every instant?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, at_eight, board, option
from tests.storage.story import CALL
from trader.domain.instruments import Instrument
from trader.domain.units import ATOMS_PER_UNIT, YEAR
from trader.domain.valuation import delivered
from trader.pricing.black_scholes import price
from trader.views.payoff import HeldLeg, payoff, seen_on, sensitivity

INDEX = 90_000.0
SHORT = (option("call", 95_400.0), -0.5, 0.004)
LONG = (option("call", 97_200.0), 0.5, 0.001)
PERPETUAL = Instrument(
    name="BTC-PERPETUAL", kind="perpetual", underlying="BTC", settlement_currency="BTC",
    inverse=True, price_index="btc_usd", tick_size=0.5, min_trade_amount=10.0, contract_size=10.0,
    maker_fee_rate=0.0, taker_fee_rate=0.0005, settlement_period="perpetual",
)  # fmt: skip


@given(st.integers(-50_000_000, 50_000_000), st.integers(-(10**12), 10**12))
def test_at_expiry_it_is_what_was_paid_and_what_is_delivered(coin: int, dollars: int) -> None:
    """Coin counts at the price looked at, dollars as they are, options as they settle."""
    flows = {"BTC": coin, "USDC": dollars}
    found = payoff(seen_on((SHORT, LONG), board()), flows, "BTC", INDEX, NOW)
    assert found is not None
    assert found.expires_at == at_eight(1)
    for place in (0, 40, len(found.prices) - 1):
        spot = float(found.prices[place])
        paid = sum(delivered(leg, amount, spot) for leg, amount, _ in (SHORT, LONG))
        expected = (coin / ATOMS_PER_UNIT + paid) * spot + dollars / ATOMS_PER_UNIT
        assert found.at_expiry[place] == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_now_it_is_the_value_of_the_model_at_the_volatility_shown() -> None:
    """At today's index each leg is worth its Black-76 value, in USD."""
    found = payoff(seen_on((SHORT, LONG), board()), {}, "BTC", INDEX, NOW)
    assert found is not None
    (place,) = np.flatnonzero(found.prices == INDEX)
    years = (at_eight(1) - NOW) / YEAR
    worth = sum(
        amount * price(1, INDEX, leg.strike or 0.0, years, 0.55) for leg, amount, _ in (SHORT, LONG)
    )
    assert found.now[place] == pytest.approx(worth)


def test_strikes_and_the_index_are_among_the_prices() -> None:
    """A kink between two points would not be seen; prices rise."""
    found = payoff(seen_on((SHORT, LONG), board()), {}, "BTC", INDEX, NOW)
    assert found is not None
    assert {INDEX, 95_400.0, 97_200.0} <= set(found.prices.tolist())
    assert (np.diff(found.prices) > 0).all()


def test_what_no_board_shows_has_no_value_before_its_expiry() -> None:
    """At expiry it is exact all the same; Greeks are not known."""
    legs = seen_on((SHORT,), None)
    found = payoff(legs, {}, "BTC", INDEX, NOW)
    assert found is not None
    assert np.isnan(found.now).all()
    assert np.isfinite(found.at_expiry).all()
    assert sensitivity(legs[0], INDEX, NOW) is None


def test_a_perpetual_earns_its_gain_in_coin_at_the_price_looked_at() -> None:
    """10,000 USD short from 80,000: 10,000 (1/S - 1/80,000) coin, times S."""
    found = payoff((HeldLeg(PERPETUAL, -10_000.0, 80_000.0),), {}, "BTC", INDEX, NOW)
    assert found is not None
    assert found.expires_at == 0
    assert found.now == pytest.approx(10_000.0 * (1 - found.prices / 80_000.0))
    assert found.at_expiry == pytest.approx(found.now)


@pytest.mark.parametrize("index", [math.nan, 0.0, -1.0, math.inf])
def test_without_an_index_nothing_is_drawn(index: float) -> None:
    """No price is guessed; neither is the worth of nothing."""
    assert payoff(seen_on((SHORT,), board()), {}, "BTC", index, NOW) is None
    assert payoff((), {}, "BTC", INDEX, NOW) is None


def test_greeks_are_those_of_the_amount_and_add_up() -> None:
    """A short call has negative delta, gamma and vega and earns time; legs add."""
    short, long = (sensitivity(leg, INDEX, NOW) for leg in seen_on((SHORT, LONG), board()))
    assert short is not None
    assert long is not None
    assert short.delta < 0 > short.gamma
    assert short.vega < 0 < short.theta
    both = short + long
    assert both.delta == short.delta + long.delta
    assert both.theta == short.theta + long.theta
    coin = sensitivity(HeldLeg(PERPETUAL, -9_000.0, 80_000.0), INDEX, NOW)
    assert coin is not None
    assert coin.delta == pytest.approx(-0.1)


def test_an_option_past_its_expiry_is_what_it_paid() -> None:
    """A settlement that waits for its price is drawn as it will settle."""
    leg = seen_on(((CALL, -1.0, 0.01),), None)
    after = (CALL.expires_at or 0) + 1
    found = payoff(leg, {}, "BTC", 66_000.0, after)
    assert found is not None
    assert found.now == pytest.approx(found.at_expiry)
