"""Does an expiry wait for its one price, and then settle everything at it?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import at_eight, option
from tests.engine.books import (
    BALANCES,
    CALL,
    CALL_UP,
    EXPIRY,
    FUTURE,
    LINEAR,
    PERPETUAL,
    PUT,
    Story,
    price_of,
)
from trader.domain.events import DeliveryPrice
from trader.domain.facts import SettlementPending
from trader.domain.instruments import spot_pair
from trader.domain.trading import Delivery, Leg
from trader.domain.units import DAY, HOUR, to_atoms
from trader.domain.valuation import option_payoff
from trader.engine.settlement import newly_pending, next_expiry, settlements

LATER = option("call", 95_000.0, at_eight(3))
ETHER = option("call", 3_000.0, at_eight(1), "ETH")
SHADOW = "shadow:alpha"


def _story(*accounts: str) -> Story:
    return Story(accounts or ("main",))


def _expire(story: Story, at: int) -> list[SettlementPending]:
    found = list(newly_pending(story.ledger, at))
    for pending in found:
        story.tell(pending, at)
    return found


def _settle(story: Story, price: float, expires_at: int = EXPIRY) -> int:
    settled = tuple(settlements(story.ledger, DeliveryPrice("BTC", expires_at, price)))
    for fact in settled:
        story.tell(fact)
    return len(settled)


def test_trap_options_expire_at_midnight() -> None:
    """The contract's own expiry counts, 08:00 UTC: a nanosecond before nothing is pending."""
    story = _story()
    story.trade(CALL, -1.0, 0.01)
    assert EXPIRY % DAY == 8 * HOUR
    assert next_expiry(story.ledger) == EXPIRY
    assert list(newly_pending(story.ledger, EXPIRY - 1)) == []
    pending = _expire(story, EXPIRY)
    assert pending == [SettlementPending("main", "BTC", EXPIRY, (CALL.name,))]
    assert story.ledger.chain("C1").pending


def test_what_is_pending_is_said_once() -> None:
    """Looking again finds nothing new, and a pending expiry is no next expiry."""
    story = _story()
    story.trade(CALL, -1.0, 0.01)
    _expire(story, EXPIRY)
    assert _expire(story, EXPIRY + HOUR) == []
    assert next_expiry(story.ledger) is None


def test_the_far_leg_of_a_waiting_chain_is_the_next_expiry() -> None:
    """While the near leg waits for its price, the far one still expires on time."""
    story = _story()
    order_id = story.order([CALL, LATER], legs=(Leg(CALL.name, -1), Leg(LATER.name, 1)))
    story.fill(order_id, 1.0, 0.01, 0.02)
    _expire(story, EXPIRY)
    assert next_expiry(story.ledger) == at_eight(3)


def test_nothing_dated_means_no_expiry() -> None:
    """Empty books and perpetuals expire never."""
    story = _story()
    assert next_expiry(story.ledger) is None
    story.trade(PERPETUAL, 90.0, 90_000.0)
    assert next_expiry(story.ledger) is None
    assert _expire(story, EXPIRY + 365 * DAY) == []


def test_trap_price_missing_at_expiry_booked_as_worthless() -> None:
    """Without a price cash and legs stay as they are, however long it takes; then it is paid."""
    story = _story()
    story.trade(CALL, 1.0, 0.01)
    before = dict(story.ledger.account("main").cash)
    _expire(story, EXPIRY)
    for days in (1, 2, 30):
        assert _expire(story, EXPIRY + days * DAY) == []
    assert story.ledger.account("main").cash == before
    assert story.ledger.chain("C1").legs[CALL.name].amount == 1.0
    assert _settle(story, 100_000.0) == 1
    assert story.ledger.account("main").cash["BTC"] == before["BTC"] + to_atoms(0.075)


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, math.inf])
def test_a_price_that_is_none_settles_nothing(price: float) -> None:
    """NaN, 0 and less are refused by value, and everything stays pending."""
    story = _story()
    story.trade(CALL, 1.0, 0.01)
    _expire(story, EXPIRY)
    with pytest.raises(ValueError, match=rf"delivery price {price!r} must be a positive number"):
        _settle(story, price)
    assert story.ledger.chain("C1").pending


@settings(max_examples=40)
@given(
    st.floats(60_000.0, 120_000.0),
    st.lists(
        st.tuples(st.sampled_from([CALL, CALL_UP, PUT, LINEAR, FUTURE]), st.integers(-9, 9)),
        min_size=1,
        max_size=6,
    ),
)
def test_trap_two_legs_of_one_vertical_settled_at_different_prices(
    price: float, held: list[tuple[object, int]]
) -> None:
    """Every leg of every chain of an expiry settles in one fact per account, at one price."""
    story = _story("main", SHADOW)
    for number, (instrument, lots) in enumerate(held):
        if lots:
            story.trade(instrument, float(lots * 10), price_of(instrument), f"C{number}")  # type: ignore[arg-type]
    _expire(story, EXPIRY)
    facts = tuple(settlements(story.ledger, DeliveryPrice("BTC", EXPIRY, price)))
    for fact in facts:
        story.tell(fact)
        assert fact.delivery_price == price
        for leg in fact.legs:
            instrument = next(one for one, _ in held if one.name == leg.instrument)  # type: ignore[attr-defined]
            due = price if instrument is FUTURE else option_payoff(instrument, price)  # type: ignore[arg-type]
            assert leg.payoff == due
    assert len(facts) == (1 if any(lots for _, lots in held) else 0)
    assert all(chain.flat for chain in story.ledger.chains.values())
    assert not story.ledger.pending


def test_a_vertical_beyond_both_strikes_pays_its_width() -> None:
    """Short 92,500 and long 95,000 at 100,000: the width of 2,500 USD in coin, exactly netted."""
    story = _story()
    order_id = story.order([CALL, CALL_UP], legs=(Leg(CALL.name, -1), Leg(CALL_UP.name, 1)))
    story.fill(order_id, 1.0, 0.01, 0.005)
    before = story.ledger.account("main").cash["BTC"]
    _expire(story, EXPIRY)
    _settle(story, 100_000.0)
    assert story.ledger.account("main").cash["BTC"] == before - to_atoms(0.025)
    assert story.ledger.account("main").cash["USDC"] == BALANCES["USDC"]


def test_accounts_settle_apart_and_underlyings_too() -> None:
    """A BTC price settles BTC in every account, leaves ETH and other expiries waiting."""
    story = _story("main", SHADOW)
    for chain_id, account in (("C1", "main"), ("C2", SHADOW)):
        order_id = story.order([CALL], chain_id, account=account)
        story.fill(order_id, 1.0, 0.01)
    story.trade(LATER, -1.0, 0.01, "C3")
    order_id = story.order([ETHER], "C4", legs=(Leg(ETHER.name, -1),), underlying="ETH")
    story.fill(order_id, 1.0, 0.01)
    pending = _expire(story, at_eight(3))
    assert [(one.account, one.underlying, one.expires_at) for one in pending] == [
        ("main", "BTC", EXPIRY),
        ("main", "BTC", at_eight(3)),
        ("main", "ETH", EXPIRY),
        (SHADOW, "BTC", EXPIRY),
    ]
    assert _settle(story, 91_000.0) == 2
    assert [chain.id for chain in story.ledger.chains.values() if chain.legs] == ["C3", "C4"]
    assert set(story.ledger.pending) == {("main", "BTC", at_eight(3)), ("main", "ETH", EXPIRY)}


def test_a_price_nobody_waits_for_settles_nothing() -> None:
    """A price before its expiry, or of another one, changes nothing."""
    story = _story()
    story.trade(CALL, -1.0, 0.01)
    assert _settle(story, 91_000.0) == 0
    _expire(story, EXPIRY)
    assert _settle(story, 91_000.0, at_eight(3)) == 0
    assert _settle(story, 91_000.0) == 1
    assert _settle(story, 91_000.0) == 0


@pytest.mark.parametrize("delivery", ["cash", "spot"])
def test_coin_moves_for_chains_that_asked_for_it(delivery: Delivery) -> None:
    """The put settles in cash alike; only who asked for coin buys it, at the same price."""
    put = option("put", 92_500.0, inverse=False)
    story = _story()
    story.trade(put, -1.0, 900.0, delivery=delivery)
    _expire(story, EXPIRY)
    before = story.ledger.account("main").cash["USDC"]
    assert _settle(story, 90_000.0) == 1
    chain = story.ledger.chains["C1"]
    paid = story.ledger.account("main").cash["USDC"] - before
    if delivery == "cash":
        assert (chain.flat, paid) == (True, -to_atoms(2_500.0))
        return
    coin = chain.legs["BTC_USDC"]
    assert (coin.amount, coin.entry_price, coin.instrument) == (1.0, 90_000.0, spot_pair("BTC"))
    assert paid == -to_atoms(92_500.0)
    assert next_expiry(story.ledger) is None
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (1.0, 90_000.0, 1.0)
