"""What a strategy and the gate get to see."""

from __future__ import annotations

import pytest

from tests.engine.floor import CALL, CALL_LATER, PUT, PUT_DOWN, TODAY, VERTICAL, Floor, wish
from trader.domain.events import PauseTrading
from trader.domain.trading import Leg, Pricing
from trader.domain.units import HOUR, MINUTE
from trader.engine.account_view import AccountView
from trader.engine.holdings import Holdings


def test_a_strategy_sees_its_own_chains_and_orders_only() -> None:
    """Neither chains nor orders of another strategy are in its situation."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    mine = floor.trade(wish())
    floor.trade(wish(VERTICAL, strategy="beta"), by="beta")
    resting = Pricing(limit_net=-0.5, lifetime=HOUR)
    floor.ask(wish(strategy="beta", pricing=resting), by="beta")
    review, slots = floor.engine.review, floor.engine.slots
    seen = review.situation(slots["alpha"], "manage")
    assert [chain.chain_id for chain in seen.chains] == [mine.id]
    assert seen.orders == ()
    other = review.situation(slots["beta"], "open")
    assert [order.order.strategy for order in other.orders] == ["beta"]
    assert (seen.occasion, other.occasion) == ("manage", "open")


def test_what_waits_for_its_delivery_price_is_shown_as_that() -> None:
    """There is nothing to decide about it, but it counts: no second wheel beside it."""
    floor = Floor()
    floor.trade(wish())
    floor.go_to(TODAY)
    (chain,) = floor.engine.review.situation(floor.engine.slots["alpha"], "open").chains
    assert chain.state == "pending_settlement"


def test_the_board_a_strategy_sees_stays_as_it_was() -> None:
    """Later quotes do not change what was shown: no look-ahead through a kept reference."""
    floor = Floor()
    seen = floor.engine.review.situation(floor.engine.slots["alpha"], "open")
    row = seen.board.row(CALL)
    assert row is not None
    bid = float(seen.board.bid[row])
    floor.move(95_000.0)
    assert float(seen.board.bid[row]) == bid
    assert floor.touch(CALL)[0] != bid


def test_the_gate_sees_every_leg_of_the_intent_and_of_its_chain() -> None:
    """Quotes of new and old legs, the chain, who uses the limits."""
    floor = Floor()
    chain = floor.trade(wish())
    roll = wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id)
    view = floor.engine.review.gate_view(roll)
    assert sorted(view.touches) == sorted((CALL, CALL_LATER))
    assert view.chain is not None
    assert view.chain.chain_id == chain.id
    assert [one.id for one in view.consumers] == [chain.id]
    assert [one.id for one in view.slots_used] == [chain.id]
    assert view.open_chains == 1


def test_an_unlisted_leg_has_no_quote_in_the_view() -> None:
    """The gate refuses it as unknown; nothing is invented."""
    floor = Floor()
    view = floor.engine.review.gate_view(wish((Leg("BTC-1JAN30-1-C", -1),)))
    assert view.touches == {}
    floor.told()
    floor.ask(wish((Leg("BTC-1JAN30-1-C", -1),)))
    assert floor.told() == ["refused open of alpha: invalid_intent"]


def test_a_chain_is_judged_on_its_own_account_a_new_trade_on_that_of_the_stage() -> None:
    """A strategy in RESEARCH opens in the shadow; its chain on the account stays there."""
    floor = Floor(stages={"alpha": "RESEARCH"})
    shadow = floor.trade(wish())
    view = floor.engine.review.gate_view(wish(action="close", chain_id=shadow.id))
    assert view.account == "shadow:alpha"
    assert floor.engine.review.gate_view(wish()).account == "shadow:alpha"
    assert floor.engine.review.stage("nobody") == "RESEARCH"


def test_a_pause_of_all_or_of_one_is_named_with_who_and_why() -> None:
    """The view tells what the refusal will say."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    assert floor.engine.review.gate_view(wish()).paused is None
    floor.send(PauseTrading(by="ann", reason="news", strategy="beta"))
    assert floor.engine.review.gate_view(wish()).paused is None
    assert floor.engine.review.gate_view(wish(strategy="beta")).paused == "ann: news"
    floor.send(PauseTrading(by="bob", reason="fire"))
    assert floor.engine.review.gate_view(wish()).paused == "bob: fire"


def test_free_coins_are_what_no_short_call_has_promised() -> None:
    """Filled and resting short calls both promise a coin each; puts promise none."""
    floor = Floor()
    floor.trade(wish((Leg(PUT, -1), Leg(PUT_DOWN, 1)), amount=0.5))
    floor.trade(wish(amount=1.0))
    free = floor.engine.review.situation(floor.engine.slots["alpha"], "open").free_coins
    assert free["BTC"] == pytest.approx(floor.cash() / 1e8 - 1.0)
    other = Floor()
    other.ask(wish(amount=1.0, pricing=Pricing(limit_net=-0.5, lifetime=HOUR)))
    assert other.engine.review.situation(other.engine.slots["alpha"], "open").free_coins[
        "BTC"
    ] == pytest.approx(19.0)


def test_faults_are_marked_for_as_long_as_a_quote_may_be_old() -> None:
    """Without a fault the marks are empty, and old faults leave them."""
    floor = Floor()
    assert floor.engine.review.data_quality() == ()
    floor.pass_time(MINUTE)
    assert floor.engine.review.data_quality() == ()


def test_an_account_is_read_once_until_a_fact_or_the_market_changes() -> None:
    """What was read stands exactly as long as what it was read from."""
    floor = Floor()
    chain = floor.trade(wish())
    review = floor.engine.review
    view = review.view("main")
    assert review.view("main") is view
    assert view.worth() is view.worth()
    assert view.margins() is view.margins()
    floor.move(95_000.0)
    moved = review.view("main")
    assert moved is not view
    assert moved.worth().equity_usd != view.worth().equity_usd
    floor.ask(wish(chain.closing_legs(), action="close", chain_id=chain.id))
    assert review.view("main") is not moved


def test_what_is_read_anew_is_what_a_stranger_would_read() -> None:
    """A view kept through quotes, trades and time agrees with one made from nothing."""
    floor = Floor()
    for spot in (90_500.0, 88_000.0):
        floor.trade(wish())
        floor.move(spot)
        floor.pass_time(MINUTE)
        kept = floor.engine.review.view("main")
        ledger = floor.engine.ledger
        fresh = AccountView(ledger, floor.engine.market, Holdings(ledger, "main"))
        assert (kept.worth(), kept.margins()) == (fresh.worth(), fresh.margins())
        assert kept.free_coins() == fresh.free_coins()
        for equity_usd in (1.0, 2.0, 1.0):
            assert kept.consumers(equity_usd) == fresh.consumers(equity_usd)


def test_a_chain_is_shown_as_it_stands_after_every_change() -> None:
    """Orders, part fills, closes, expiry, settlement: what is kept is what would be shown anew."""
    floor = Floor()
    ledger = floor.engine.ledger
    seen: set[str] = set()

    def look() -> None:
        for chain in ledger.chains.values():
            view = ledger.chain_view(chain)
            assert view == chain.view(working=bool(ledger.working(chain.id)))
            assert ledger.chain_view(chain) is view
            seen.add(view.state)

    resting = Pricing(limit_net=-0.5, lifetime=HOUR)
    for size, intent in ((0.4, wish()), (25.0, wish(pricing=resting)), (25.0, wish(VERTICAL))):
        floor.size = size
        floor.ask(intent)
        look()
        floor.pass_time(MINUTE)
        look()
    first = next(iter(ledger.chains.values()))
    floor.ask(wish(first.closing_legs(), action="close", chain_id=first.id), occasion="manage")
    look()
    floor.pass_time(2 * HOUR)
    look()
    floor.go_to(TODAY)
    look()
    assert seen == {"working", "open", "pending_settlement"}
