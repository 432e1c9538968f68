"""What is done whoever trades: expiry, settlement, funding, marks, the end of chains."""

from __future__ import annotations

import math

import pytest

from tests.engine.floor import CALL, TODAY, VERTICAL, Floor, perpetual, wish
from trader.domain.events import DeliveryPrice, FundingRate, IndexPrice
from trader.domain.facts import AccountMarked, ChainEnded, FundingPaid
from trader.domain.trading import Leg, Pricing
from trader.domain.units import HOUR, MINUTE, SECOND, to_atoms
from trader.engine import housekeeping
from trader.engine.step import Step

PERPETUAL = perpetual().name
HEDGE = 40_000.0
"""USD of perpetual against one sold call."""


def hedged() -> Floor:
    """Hold a sold call and a long perpetual in one chain, since 18:20."""
    floor = Floor()
    chain = floor.trade(wish())
    floor.pass_time(20 * MINUTE)
    hedge = wish((Leg(PERPETUAL, 10),), action="hedge", chain_id=chain.id, amount=HEDGE / 10)
    floor.ask(hedge, occasion="manage")
    floor.pass_time(SECOND)
    assert chain.legs[PERPETUAL].amount == HEDGE
    floor.told()
    return floor


def funding_of(floor: Floor) -> list[FundingPaid]:
    """List the funding facts."""
    return [one.fact for one in floor.records if isinstance(one.fact, FundingPaid)]


def test_a_perpetual_pays_funding_for_the_time_it_was_held() -> None:
    """Longs pay a positive rate, hourly, in coin, from the fill on and not from the chain's."""
    floor = hedged()
    since = floor.at
    cash = floor.cash()
    floor.send(FundingRate(PERPETUAL, 0.0008, floor.at))
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    (paid,) = funding_of(floor)
    hours = (floor.at - since) / HOUR
    due = -HEDGE / 90_000.0 * 0.0008 * hours / 8
    assert (paid.from_at, paid.to_at) == (since, floor.at)
    assert floor.cash() - cash == to_atoms(due) < 0
    floor.go_to(floor.at + HOUR)
    assert funding_of(floor)[1].from_at == paid.to_at
    assert floor.audit() == ()


def test_funding_is_not_paid_without_a_rate_nor_twice_after_a_restart() -> None:
    """No rate, no guess; a restart goes on from the last payment."""
    floor = hedged()
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    assert not funding_of(floor)
    floor.send(FundingRate(PERPETUAL, -0.0004, floor.at))
    floor.go_to(floor.at + HOUR)
    cash = floor.cash()
    floor.restart()
    assert floor.cash() == cash
    floor.send(FundingRate(PERPETUAL, -0.0004, floor.at))
    floor.go_to(floor.at + HOUR)
    first, second = funding_of(floor)
    assert second.from_at == first.to_at
    assert floor.cash() > cash, "longs receive a negative rate"


def test_what_is_kept_about_funding_leaves_with_its_chain() -> None:
    """Nothing is remembered of chains that ended."""
    floor = hedged()
    floor.ask(wish(action="close", chain_id=floor.chains()[0].id), occasion="manage")
    floor.pass_time(SECOND)
    assert not floor.chains()
    assert not floor.engine.ledger.funded_at
    assert floor.audit() == ()


def test_hourly_marks_state_equity_and_what_trading_earned() -> None:
    """A move of the holdings is no trading result; a sold call that got dearer is a loss."""
    floor = Floor()
    floor.trade(wish())
    floor.spot["BTC"] = 95_000.0
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    (main, shadow) = [one.fact for one in floor.records if isinstance(one.fact, AccountMarked)]
    assert (main.account, shadow.account) == ("main", "shadow:alpha")
    hodl = 20 * 95_000.0 + 300 * 3_000.0 + 1_000_000.0
    assert shadow.equity_usd == pytest.approx(hodl)
    assert shadow.trading_pnl_usd == pytest.approx(0.0, abs=1e-6)
    shown = floor.engine.market.touch(CALL)
    assert shown is not None
    assert main.trading_pnl_usd == pytest.approx((0.0034 - 0.0003 - shown.mark) * 95_000.0)
    assert main.equity_usd == pytest.approx(hodl + main.trading_pnl_usd)
    assert main.stale == ()


def test_a_mark_on_stale_quotes_says_so_and_one_without_an_index_is_not_made() -> None:
    """What cannot be trusted is named; what cannot be computed is not written."""
    floor = Floor()
    floor.trade(wish())
    floor.go_to(floor.at - floor.at % HOUR + HOUR, show=False)
    marks = [one.fact for one in floor.records if isinstance(one.fact, AccountMarked)]
    assert marks[0].stale == (CALL,)
    bare = Floor()
    bare.engine.market.index_price(IndexPrice("BTC", math.nan, bare.at), bare.at)
    bare.engine.market._indices._told.pop("ETH")
    step = Step(bare.engine._fold, bare.engine.sequence + 1, bare.at)
    housekeeping.mark(bare.engine.ledger, bare.engine.review, step)
    assert step.facts == []


def test_expiry_ends_the_orders_of_what_expired_before_it_waits_for_its_price() -> None:
    """A resting take profit dies with its leg; the price is asked for once."""
    floor = Floor()
    chain = floor.trade(wish(VERTICAL))
    resting = Pricing(limit_net=-0.5, lifetime=48 * HOUR)
    floor.ask(wish(action="close", chain_id=chain.id, pricing=resting), occasion="manage")
    floor.told()
    floor.go_to(TODAY)
    assert floor.told() == ["pending 2", "ended leg_expired"]
    assert len(floor.deliveries_wanted()) == 1


def test_a_delivery_price_that_comes_before_anything_else_settles_in_one_step() -> None:
    """The first thing heard after the expiry may be its price: pending and settled at once."""
    floor = Floor()
    floor.trade(wish())
    floor.told()
    floor.at = TODAY
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert floor.told() == ["pending 1", "settled 1 at 90000", "chain settled"]


def test_trap_two_legs_of_one_vertical_settle_at_one_price_even_after_a_restart() -> None:
    """A restored position settles like any other, both legs in one fact."""
    floor = Floor()
    floor.trade(wish(VERTICAL))
    floor.go_to(TODAY)
    floor.restart()
    outcome = floor.send(DeliveryPrice("BTC", TODAY, 80_000.0))
    (settled,) = outcome.settlements
    assert [leg.payoff for leg in settled.legs] == [7_500.0 / 80_000.0, 5_000.0 / 80_000.0]
    assert floor.audit() == ()


def test_a_settled_chain_counts_premium_fees_and_payoff() -> None:
    """Its result is what its cash moved by, its share against the coins of the first open."""
    floor = Floor()
    cash = floor.cash()
    floor.trade(wish())
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 95_000.0))
    (ended,) = [one.fact for one in floor.records if isinstance(one.fact, ChainEnded)]
    assert ended.how == "settled"
    assert ended.pnl == {"BTC": floor.cash() - cash}
    assert ended.pnl["BTC"] == to_atoms(0.0034 - 0.0003) + to_atoms(-2_500.0 / 95_000.0)
    equity = 20 * 90_000.0 + 300 * 3_000.0 + 1_000_000.0
    assert ended.pnl_pct == pytest.approx(ended.pnl["BTC"] / 1e8 * 90_000.0 / equity)


def test_trap_inverse_option_result_is_exit_less_entry_in_coin() -> None:
    """Bought back at 0.0012 after a sale at 0.0034: 0.0022 coin, not a futures' 1/price result."""
    floor = Floor()
    chain = floor.trade(wish())
    cash = floor.cash()
    floor.ask(
        wish(action="close", chain_id=chain.id, pricing=Pricing(limit_net=0.0012, lifetime=HOUR)),
        occasion="manage",
    )
    floor.pass_time(SECOND)
    floor.move(86_000.0)
    (ended,) = [one.fact for one in floor.records if isinstance(one.fact, ChainEnded)]
    fee = min(0.0003, 0.125 * 0.0012)
    assert floor.cash() - cash == to_atoms(-0.0012) - to_atoms(fee)
    assert ended.pnl["BTC"] == to_atoms(0.0034 - 0.0012 - 0.0003 - fee)
