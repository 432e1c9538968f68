"""Is a chain one story: netted, averaged, risked and closed as one?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import NOW, at_eight, option
from tests.engine.books import (
    CALL,
    CALL_UP,
    EXPIRY,
    INDEX,
    LINEAR_PERPETUAL,
    PERPETUAL,
    approved,
    leg_fill,
    order_of,
    price_of,
)
from trader.domain.errors import InvariantBroken
from trader.domain.facts import LegSettlement, OrderPlaced, SpotDelivery
from trader.domain.instruments import Instrument, spot_pair
from trader.domain.trading import Leg
from trader.domain.units import tidy
from trader.engine.chains import Chain, LegBook

CONTRACTS = (CALL, PERPETUAL, LINEAR_PERPETUAL)
STEPS = st.integers(1, 100)
MOVES = st.floats(-0.3, 0.3)


LINEAR_CALL = option("call", 92_500.0, inverse=False)


def _chain(*held: tuple[Instrument, float, float], units: float = 1.0) -> Chain:
    approval = approved()
    placed = OrderPlaced(
        order=order_of(approval), instruments=(CALL,), equity_usd=1_800_000.0, index=INDEX
    )
    chain = Chain(approval, placed, NOW)
    for instrument, amount, price in held:
        chain.fill(instrument, leg_fill(instrument, amount, price))
    chain.grow(units, 900.0, 0.01)
    return chain


@pytest.mark.parametrize("instrument", CONTRACTS, ids=lambda one: one.name)
@pytest.mark.parametrize("side", [1, -1])
@settings(max_examples=25)
@given(st.lists(st.tuples(STEPS, MOVES), min_size=1, max_size=8))
def test_trap_adding_to_a_short_treated_as_closing_it(
    instrument: Instrument, side: int, added: list[tuple[int, float]]
) -> None:
    """Each fill on one side enlarges the position by its size, and the average stays inside."""
    book = LegBook(instrument)
    prices, total = [], 0
    for steps, moved in added:
        total += steps
        prices.append(price_of(instrument, moved))
        book.add(side * steps * instrument.min_trade_amount, prices[-1])
        assert book.amount == pytest.approx(side * total * instrument.min_trade_amount, rel=1e-12)
        assert min(prices) * (1 - 1e-9) <= book.entry_price <= max(prices) * (1 + 1e-9)


@given(st.integers(-100, 100), st.integers(-100, 100), MOVES, MOVES)
def test_netting_is_addition(first: int, second: int, moved: float, later: float) -> None:
    """Two fills leave their sum; a reduction keeps the entry, a turn takes the new price."""
    book = LegBook(CALL)
    entry, leave = price_of(CALL, moved), price_of(CALL, later)
    book.add(first / 10, entry)
    book.add(second / 10, leave)
    assert book.amount == tidy((first + second) / 10)
    if book.amount == 0:
        assert book.entry_price == 0.0
    elif first * second < 0:
        assert book.entry_price == (entry if abs(second) < abs(first) else leave)


def test_inverse_perpetuals_average_harmonically() -> None:
    """1,000 USD at 80,000 and 1,000 at 120,000 were bought for coin at 96,000, not 100,000."""
    book = LegBook(PERPETUAL)
    book.add(1_000.0, 80_000.0)
    book.add(1_000.0, 120_000.0)
    assert book.entry_price == pytest.approx(96_000.0, rel=1e-12)
    linear = LegBook(LINEAR_PERPETUAL)
    linear.add(1.0, 80_000.0)
    linear.add(1.0, 120_000.0)
    assert linear.entry_price == pytest.approx(100_000.0, rel=1e-12)


def test_tenths_leave_no_dust() -> None:
    """Three tenths bought and sold one by one leave nothing held and no entry."""
    book = LegBook(CALL)
    for amount in (0.1, 0.1, 0.1, -0.2, -0.1):
        book.add(amount, 0.01)
    assert (book.amount, book.entry_price) == (0.0, 0.0)


def test_a_flat_leg_leaves_the_chain() -> None:
    """What is not held any more is not listed, and a chain without legs is flat."""
    chain = _chain((CALL, -1.0, 0.01), (CALL_UP, 1.0, 0.005))
    chain.fill(CALL, leg_fill(CALL, 1.0, 0.02))
    assert list(chain.legs) == [CALL_UP.name]
    chain.fill(CALL_UP, leg_fill(CALL_UP, -1.0, 0.001))
    assert chain.flat


def test_a_copy_of_what_is_held_is_only_a_copy() -> None:
    """Looking ahead at a fill does not change the books."""
    chain = _chain((CALL, -1.0, 0.01))
    copy = chain.held(CALL)
    copy.add(1.0, 0.02)
    assert (chain.legs[CALL.name].amount, chain.legs[CALL.name].entry_price) == (-1.0, 0.01)
    assert chain.held(CALL_UP).amount == 0.0


@given(
    st.lists(st.tuples(STEPS, st.sampled_from([1, -1])), min_size=1, max_size=2),
    st.integers(1, 200),
)
def test_closing_a_chain_leaves_no_dust(legs: list[tuple[int, int]], units: int) -> None:
    """Whatever the legs' sizes per unit, the whole amount of units closes every leg exactly."""
    held = [
        (instrument, side * steps * instrument.min_trade_amount, price_of(instrument))
        for instrument, (steps, side) in zip((CALL, PERPETUAL), legs, strict=False)
    ]
    chain = _chain(*held, units=units / 10)
    for leg in chain.closing_legs():
        instrument = chain.legs[leg.instrument].instrument
        amount = tidy(leg.ratio * chain.units)
        chain.fill(instrument, leg_fill(instrument, amount, price_of(instrument)))
    assert chain.flat


def test_whole_ratios_are_whole() -> None:
    """0.9 of three tenths is a ratio of exactly 3, whatever binary fractions say."""
    chain = _chain((CALL, -0.9, 0.01), units=0.3)
    assert [leg.ratio for leg in chain.closing_legs()] == [3.0]


def test_risk_grows_and_shrinks_with_the_units() -> None:
    """Half given up keeps half the risk; all given up keeps none; more than all is all."""
    chain = _chain((CALL, -2.0, 0.01), units=2.0)
    chain.shrink(1.0)
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (1.0, 450.0, 0.005)
    chain.grow(1.0, 600.0, 0.02)
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (2.0, 1_050.0, 0.025)
    chain.replace_risk(100.0, 0.001)
    chain.shrink(5.0)
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (0.0, 0.0, 0.0)
    chain.shrink(1.0)
    assert chain.risk_usd == 0.0


def test_a_chain_expires_with_its_first_leg() -> None:
    """The nearest expiry counts; perpetuals have none."""
    later = option("call", 95_000.0, at_eight(3))
    assert _chain((later, 1.0, 0.02), (CALL, -1.0, 0.01)).expires_at == EXPIRY
    assert _chain((PERPETUAL, 10.0, INDEX)).expires_at is None


def test_the_view_tells_the_net_price_per_unit() -> None:
    """Sold at 0.010 and bought at 0.004, two units: a credit of 0.006 each."""
    chain = _chain((CALL, -2.0, 0.010), (CALL_UP, 2.0, 0.004), units=2.0)
    chain.flow("BTC", 1_200_000)
    chain.flow("BTC", -60_000)
    view = chain.view(working=True)
    assert view.entry_net == pytest.approx(-0.006)
    assert view.flows == {"BTC": 1_140_000}
    assert [position.amount for position in view.positions] == [-2.0, 2.0]
    view.flows["BTC"] = 0
    assert chain.flows == {"BTC": 1_140_000}


def test_the_state_follows_what_is_held() -> None:
    """Working, open, waiting for a price, ended: each by the facts, not by a flag."""
    empty = _chain(units=0.0)
    assert empty.view(working=True).state == "working"
    assert empty.view(working=False).state == "ended"
    assert math.isfinite(empty.view(working=False).entry_net)
    held = _chain((CALL, -1.0, 0.01))
    assert held.view(working=False).state == "open"
    held.pending = True
    view = held.view(working=True)
    assert view.state == "pending_settlement"
    assert all(position.pending for position in view.positions)


def test_coin_is_taken_and_given_and_alone_can_lose_what_it_cost() -> None:
    """Two at 90,000, one sold at 95,000: one left, 90,000 at risk, a coin at its delivery price."""
    pair = spot_pair("BTC")
    chain = _chain((LINEAR_CALL, -1.0, 900.0))
    chain.deliver(SpotDelivery("C1", pair, 2.0, 90_000.0, -180_000, 10, "USDC"))
    chain.reassess(95_000.0)
    assert (chain.risk_usd, chain.risk_coin) == (900.0, 0.01), "an option stands beside the coin"
    chain.settle(LegSettlement("C1", LINEAR_CALL.name, -1.0, 2_500.0, -2_500, 5, "USDC"))
    chain.deliver(SpotDelivery("C1", pair, -1.0, 95_000.0, 95_000, 0, "USDC"))
    chain.reassess(95_000.0)
    assert chain.legs[pair.name].amount == 1.0
    assert chain.risk_usd == 90_000.0
    assert chain.risk_coin == pytest.approx(90 / 95)
    assert chain.flows == {"USDC": -180_000 - 10 - 2_500 - 5 + 95_000}
    assert chain.settled
    chain.deliver(SpotDelivery("C1", pair, -1.0, 95_000.0, 95_000, 0, "USDC"))
    chain.reassess(95_000.0)
    assert (chain.flat, chain.units, chain.risk_usd) == (True, 0.0, 0.0)


def test_a_roll_closes_the_options_and_leaves_the_coin() -> None:
    """A close names both legs, a roll the call alone."""
    pair = spot_pair("BTC")
    chain = _chain((pair, 2.0, 90_000.0), (LINEAR_CALL, -2.0, 900.0), units=2.0)
    assert chain.closing_legs() == (Leg(pair.name, -1.0), Leg(LINEAR_CALL.name, 1.0))
    assert chain.closing_legs(spot=False) == (Leg(LINEAR_CALL.name, 1.0),)


def test_what_is_not_held_cannot_settle() -> None:
    """Another amount is a bug of ours."""
    chain = _chain((LINEAR_CALL, -1.0, 900.0))
    with pytest.raises(InvariantBroken, match="settled but not held"):
        chain.settle(LegSettlement("C1", LINEAR_CALL.name, -2.0, 0.0, 0, 0, "USDC"))
