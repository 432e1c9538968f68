"""What an account is worth, owes, and has in use: numbers worked by hand."""

from __future__ import annotations

import math

import pytest

from tests.builders import INDEX, option
from tests.engine.books import Story
from tests.engine.floor import CALL, COVERED, PUT, TODAY, VERTICAL, Floor, perpetual, wish
from trader.domain.events import DeliveryPrice, IndexPrice, Quote
from trader.domain.trading import Leg, Pricing, Refused
from trader.domain.units import DAY, HOUR, MINUTE, SECOND
from trader.engine.account_view import AccountView
from trader.engine.holdings import Holdings
from trader.engine.market_state import MarketState
from trader.engine.settlement import newly_pending, settlements

HODL = 20 * 90_000.0 + 300 * 3_000.0 + 1_000_000.0
RESTING = Pricing(limit_net=-0.5, lifetime=HOUR)


def view(floor: Floor) -> AccountView:
    """Read the account."""
    return floor.engine.review.view("main")


def test_an_untouched_account_is_worth_its_holdings_and_earned_nothing() -> None:
    """Equity is cash at the indices; trading PnL is against holding."""
    floor = Floor()
    worth = view(floor).worth()
    assert (worth.equity_usd, worth.trading_pnl_usd, worth.stale) == (HODL, 0.0, ())
    floor.spot["BTC"] = 45_000.0
    floor.pass_time(SECOND)
    assert view(floor).worth().equity_usd == HODL - 20 * 45_000.0
    assert view(floor).worth().trading_pnl_usd == 0.0


def test_a_position_is_worth_its_mark_and_stale_marks_are_named() -> None:
    """A short is a debt at the mark; without a fresh one the last mark stands, and is named."""
    floor = Floor()
    floor.trade(wish())
    shown = floor.engine.market.touch(CALL)
    assert shown is not None
    earned = (0.0034 - 0.0003 - shown.mark) * 90_000.0
    assert view(floor).worth().trading_pnl_usd == pytest.approx(earned)
    floor.pass_time(MINUTE, show=False)
    worth = view(floor).worth()
    assert worth.trading_pnl_usd == pytest.approx(earned)
    assert worth.stale == (CALL,)


def test_trap_missing_instrument_is_never_marked_from_another() -> None:
    """A leg that is not quoted at all stands at its own entry price and is named stale."""
    floor = Floor()
    floor.trade(wish())
    floor.send(Quote(CALL, floor.at, math.nan, 0.0, math.nan, 0.0, math.nan, math.nan, 9e4, 9e4))
    worth = view(floor).worth()
    assert worth.trading_pnl_usd == pytest.approx(-0.0003 * 90_000.0)
    assert worth.stale == (CALL,)


def test_without_an_index_nothing_is_known() -> None:
    """Equity is NaN, not zero: the gate refuses what it cannot judge."""
    floor = Floor()
    floor.engine.market._indices._told.clear()
    assert math.isnan(view(floor).worth().equity_usd)
    floor.told()
    floor.ask(wish(), occasion="manage")
    assert floor.told() == ["refused open of alpha: undefined_risk"]


def test_what_closing_would_pay_uses_the_side_one_would_meet() -> None:
    """A vertical is bought back at ask and sold at bid; one missing side makes it unknown."""
    floor = Floor()
    chain = floor.trade(wish(VERTICAL))
    (_, ask), (bid, _) = floor.touch(VERTICAL[0].instrument), floor.touch(VERTICAL[1].instrument)
    assert view(floor).liquidation_usd(chain) == pytest.approx((bid - ask) * 90_000.0)
    assert view(floor).flows_usd(chain) == pytest.approx(sum(chain.flows.values()) / 1e8 * 90_000.0)
    floor.send(Quote(PUT, floor.at, 0.001, 1.0, math.nan, 0.0, 0.002, 0.8, 90_000.0, 90_000.0))
    assert math.isnan(view(floor).liquidation_usd(chain))


def test_positions_and_orders_use_limits_at_shares_of_todays_equity() -> None:
    """A filled chain and a resting order are each listed once; the same dollars weigh more later.

    A perpetual or a falling coin changes equity, and with it every share.
    """
    floor = Floor()
    chain = floor.trade(wish())
    floor.ask(wish(VERTICAL, pricing=RESTING))
    found = {one.kind: one for one in view(floor).consumers(HODL)}
    assert found["position"].id == chain.id
    assert found["position"].share == pytest.approx(
        max(chain.risk_usd, chain.risk_coin * INDEX["BTC"]) / HODL
    )
    assert found["position"].frees_at == chain.expires_at
    assert found["order"].share > 0
    assert (
        found["order"].frees_at == next(iter(floor.engine.ledger.orders.values())).order.expires_at
    )
    half = {one.kind: one.share for one in view(floor).consumers(HODL / 2)}
    assert half["position"] == pytest.approx(2 * found["position"].share)


def test_a_partly_filled_order_splits_its_reservation_between_position_and_order() -> None:
    """Filled 0.4 of 1: 40 % sits in the chain, 60 % in the order, the sum is what was approved."""
    floor = Floor()
    floor.size = 0.4
    approved = floor.ask(wish(pricing=Pricing(limit_net=-0.001, lifetime=HOUR))).verdicts[0]
    floor.pass_time(SECOND)
    shares = {one.kind: one.share for one in view(floor).consumers(HODL)}
    total = approved.max_loss.share  # type: ignore[union-attr]
    assert shares["position"] == pytest.approx(0.4 * total)
    assert shares["order"] == pytest.approx(0.6 * total)


def test_slots_of_today_are_listed_with_the_hour_they_free() -> None:
    """A closed chain keeps its slot; an order that never filled gives it back."""
    floor = Floor()
    chain = floor.trade(wish())
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    floor.ask(wish(VERTICAL, pricing=RESTING))
    slots = view(floor).slots("alpha", floor.at, HODL)
    assert next(one.id for one in slots) == chain.id
    assert len(slots) == 2
    assert {one.frees_at for one in slots} == {floor.at - floor.at % DAY + DAY}
    floor.pass_time(2 * HOUR)
    assert len(view(floor).slots("alpha", floor.at, HODL)) == 1
    assert view(floor).slots("beta", floor.at, HODL) == ()


def test_standard_margin_nets_an_instrument_and_counts_what_works() -> None:
    """Short call: max(0.15 - OTM, 0.10) + mark coin, per unit; a resting order binds too."""
    floor = Floor()
    shown = floor.engine.market.touch(CALL)
    assert shown is not None
    each = max(0.15 - 2_500.0 / 90_000.0, 0.10) + shown.mark
    floor.trade(wish())
    shown = floor.engine.market.touch(CALL)
    assert shown is not None
    margins = view(floor).margins()
    assert margins.initial["BTC"] == pytest.approx(each, rel=1e-3)
    assert margins.maintenance["BTC"] == pytest.approx(0.075 + shown.mark)
    assert margins.balance["BTC"] == floor.cash() / 1e8
    floor.ask(wish(amount=0.5, pricing=RESTING))
    assert view(floor).margins().initial["BTC"] == pytest.approx(1.5 * each, rel=1e-3)


def test_a_perpetual_counts_its_result_into_the_margin_balance() -> None:
    """A hedge that gained adds to the balance; options do not."""
    floor = Floor()
    chain = floor.trade(wish())
    floor.ask(
        wish((Leg(perpetual().name, 10),), action="hedge", chain_id=chain.id, amount=4_000.0),
        occasion="manage",
    )
    floor.pass_time(SECOND)
    cash = floor.cash() / 1e8
    floor.move(100_000.0)
    gained = 40_000.0 * (1 / 90_001.0 - 1 / 100_000.0)
    assert view(floor).margins().balance["BTC"] == pytest.approx(cash + gained)


def test_covered_calls_cannot_promise_the_same_coin_twice() -> None:
    """More short calls than coins are refused by the name of the rule."""
    floor = Floor(balances={"BTC": 1.2, "ETH": 300.0, "USDC": 1_000_000.0})
    floor.told()
    outcome = floor.ask(wish(COVERED, amount=1.0), wish(COVERED, amount=0.5))
    assert floor.told() == [
        "approved open 1 of alpha",
        "placed open 1 on main",
        "refused open of alpha: below_half_size",
    ]
    refused = outcome.verdicts[1]
    assert isinstance(refused, Refused)
    assert (refused.allowed, "BTC to cover" in refused.explanation) == (0.2, True)


def test_coin_is_worth_the_index_and_no_collateral() -> None:
    """A put of one coin promises its strike; assigned, the coin is equity and binds no margin."""
    put = option("put", 87_500.0, inverse=False)
    story = Story()
    story.trade(put, -1.0, 900.0, delivery="spot")
    market = MarketState(30.0)
    market.at = story.at
    market.index_price(IndexPrice("BTC", 86_000.0, story.at), story.at)
    held = AccountView(story.ledger, market, Holdings(story.ledger, "main"))
    cash = story.ledger.account("main").balance("USDC")
    assert held.free_coins() == {"BTC": 20.0, "USDC": pytest.approx(cash - 87_500.0)}
    for pending in tuple(newly_pending(story.ledger, TODAY)):
        story.tell(pending, TODAY)
    (settled,) = settlements(story.ledger, DeliveryPrice("BTC", TODAY, 86_000.0))
    story.tell(settled)
    cash = story.ledger.account("main").balance("USDC")
    assigned = AccountView(story.ledger, market, Holdings(story.ledger, "main"))
    assert assigned.worth().equity_usd == pytest.approx(cash + 21 * 86_000.0)
    assert assigned.free_coins() == {"BTC": 20.0, "USDC": cash}
    assert assigned.margins().balance["USDC"] == cash
    assert assigned.margins().initial["USDC"] == 0.0
    assert math.isnan(assigned.liquidation_usd(story.ledger.chains["C1"])), "nobody bids for it"
