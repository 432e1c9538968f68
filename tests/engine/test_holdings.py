"""What the books alone say of an account, through orders, fills and ends."""

from __future__ import annotations

import pytest

from tests.engine.floor import CALL, CALL_LATER, CALL_UP, Floor, wish
from trader.domain.trading import Leg, Pricing
from trader.domain.units import HOUR
from trader.engine.holdings import Holdings, wanted

RESTING = Pricing(limit_net=1.0, lifetime=HOUR)


def holdings(floor: Floor) -> Holdings:
    """Read the books."""
    return Holdings(floor.engine.ledger, "main")


def test_what_is_not_held_is_not_there() -> None:
    """An untouched account holds its balances, all of them free."""
    books = holdings(Floor())
    assert books.cash == {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0}
    assert sorted(books.owned) == sorted(books.cash)
    assert books.free_coins == books.cash
    assert (books.chains, books.orders, dict(books.net), books.futures) == ((), [], {}, [])


def test_an_order_promises_its_cover_before_it_fills() -> None:
    """A short call at work needs its coins as the position will: once, not twice."""
    floor = Floor()
    floor.ask(wish(pricing=RESTING))
    (book,) = holdings(floor).orders
    ((instrument, amount),) = wanted(book)
    assert (instrument.name, amount) == (CALL, -book.remaining)
    assert holdings(floor).free_coins["BTC"] == pytest.approx(20.0 - book.remaining)


def test_chains_in_one_contract_are_netted_and_each_promises_its_own() -> None:
    """Two chains short the same call owe the sum of both."""
    floor = Floor()
    floor.trade(wish())
    floor.trade(wish())
    books = holdings(floor)
    held = [leg.amount for chain in books.chains for leg in chain.legs.values()]
    assert len(held) == 2
    assert books.net[CALL][1] == pytest.approx(sum(held))
    assert books.free_coins["BTC"] == pytest.approx(books.cash["BTC"] + sum(held))
    assert books.futures == []


def test_what_the_gate_counted_as_cover_stays_promised_once_it_is_held() -> None:
    """A long call that expires before the short one covers nothing of it, before the fill or after.

    The same coins would cover a second trade otherwise.
    """
    floor = Floor()
    diagonal = (Leg(CALL_UP, 1), Leg(CALL_LATER, -1))
    chain = floor.trade(wish(diagonal, amount=1.0))
    ((amount, _),) = {(abs(leg.amount), 0) for leg in chain.legs.values()}
    books = holdings(floor)
    assert books.free_coins["BTC"] == pytest.approx(books.cash["BTC"] - amount)
