"""Changes of what is held: rolls, hedges, adds, stops, halts, shadow accounts, demotion."""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.builders import option
from tests.engine.floor import (
    CALL,
    CALL_LATER,
    CALL_UP,
    COVERED,
    PUT,
    PUT_DOWN,
    TODAY,
    VERTICAL,
    Floor,
    listed,
    wish,
)
from trader.domain.events import DeliveryPrice, Demote, PauseTrading, Promote
from trader.domain.facts import ChainEnded, Filled
from trader.domain.trading import Approved, Leg, Pricing, Refused, Withheld
from trader.domain.units import HOUR, MINUTE, SECOND
from trader.engine.engine import EngineSettings
from trader.risk.limits import RiskSettings

RESTING = Pricing(limit_net=-0.5, lifetime=6 * HOUR)
"""An open that asks for far more than anybody pays."""


def holding(legs: tuple[Leg, ...] = COVERED, amount: float | None = 1.0) -> Floor:
    """Start a floor that holds one chain."""
    floor = Floor()
    floor.trade(wish(legs, amount=amount))
    floor.told()
    return floor


def test_a_roll_is_one_atomic_intent_without_a_slot() -> None:
    """Both sides of a roll trade in one fill; it takes no slot, and the chain goes on."""
    floor = holding()
    floor.trade(wish(VERTICAL, amount=0.1))
    floor.told()
    chain = floor.chains()[0]
    roll = wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id)
    floor.ask(roll, occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == [
        "approved roll 1 of alpha", "placed roll 1 on main", "filled 1", "ended filled",
    ]  # fmt: skip
    assert {name: leg.amount for name, leg in chain.legs.items()} == {CALL_LATER: -1.0}
    assert len(floor.engine.ledger.slots_used("main", "alpha", floor.at)) == 2
    assert floor.audit() == ()


def test_a_refused_roll_leaves_the_old_leg_and_its_close() -> None:
    """A roll into what risks more than 1 % is refused as a whole; closing stays possible."""
    floor = holding(amount=None)
    chain = floor.chains()[0]
    held = {name: leg.amount for name, leg in chain.legs.items()}
    double = (Leg(CALL_LATER, -2),)
    floor.ask(wish(double, action="roll", chain_id=chain.id), occasion="manage")
    assert floor.told() == ["refused roll of alpha: per_trade_risk"]
    assert {name: leg.amount for name, leg in chain.legs.items()} == held
    floor.ask(wish(action="close", chain_id=chain.id, amount=None), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told()[-1] == "chain closed"


def test_a_close_after_a_roll_is_what_becomes_of_it_when_refused() -> None:
    """Proposed together: with the roll approved the close is not asked for, else it is."""
    for ratio, told in (
        (-1, ["approved roll 1 of alpha", "placed roll 1 on main"]),
        (-9, [
            "refused roll of alpha: per_trade_risk", "approved close 1 of alpha",
            "placed close 1 on main",
        ]),
    ):  # fmt: skip
        floor = holding()
        chain = floor.chains()[0]
        roll = wish((Leg(CALL_LATER, ratio),), action="roll", chain_id=chain.id)
        close = wish((Leg(CALL, 1),), action="close", chain_id=chain.id, amount=None)
        floor.ask(roll, close, occasion="manage")
        assert floor.told() == told
        floor.pass_time(SECOND)
        assert chain.rolls == (ratio == -1)
        assert floor.audit() == ()


def test_a_roll_is_counted_over_a_restart() -> None:
    """How often a chain was rolled stands in the facts, and in what a strategy is shown."""
    floor = holding()
    name = floor.chains()[0].id
    floor.ask(wish((Leg(CALL_LATER, -1),), action="roll", chain_id=name), occasion="manage")
    floor.pass_time(SECOND)
    floor.ask(wish((Leg(CALL_UP, 1),), action="hedge", chain_id=name), occasion="manage")
    floor.pass_time(SECOND)
    floor.restart()
    ledger = floor.engine.ledger
    assert ledger.chain_view(ledger.chain(name)).rolls == 1


def test_a_roll_that_finds_too_little_size_waits_whole() -> None:
    """A roll never fills in part: half a roll would be another structure."""
    floor = holding()
    chain = floor.chains()[0]
    floor.size = 0.4
    floor.pass_time(SECOND)
    floor.ask(wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == ["approved roll 1 of alpha", "placed roll 1 on main"]
    assert list(chain.legs) == [CALL]


def test_a_hedge_reduces_what_the_chain_risks_and_takes_no_slot() -> None:
    """Buying a call above a sold one lowers the stated max loss; the slot count stays."""
    floor = holding()
    chain = floor.chains()[0]
    before = chain.risk_usd
    floor.ask(wish((Leg(CALL_UP, 1),), action="hedge", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == [
        "approved hedge 1 of alpha", "placed hedge 1 on main", "filled 1", "ended filled",
    ]  # fmt: skip
    assert chain.risk_usd < 0.5 * before
    assert len(floor.engine.ledger.slots_used("main", "alpha", floor.at)) == 1
    floor.ask(wish((Leg(CALL_UP, -1),), action="hedge", chain_id=chain.id), occasion="manage")
    assert floor.told() == ["refused hedge of alpha: hedge_increases_risk"]


def test_a_change_refused_today_is_not_said_again() -> None:
    """Asked at every look, kept once a day and rule; a restart forgets nothing, and what the gate
    allows meanwhile is done at once.
    """
    floor = holding()
    chain = floor.chains()[0]
    roll = wish((Leg(CALL_LATER, -9),), action="roll", chain_id=chain.id)
    hedge = wish((Leg(CALL_UP, -1),), action="hedge", chain_id=chain.id)
    refused = "refused roll of alpha: per_trade_risk"
    for number in range(5):
        floor.ask(roll, hedge, occasion="manage")
        told = [refused, "refused hedge of alpha: hedge_increases_risk"]
        assert floor.told() == ([] if number else told)
        if number == 2:
            floor.restart()
            floor.told()
        floor.pass_time(5 * MINUTE)
    close = wish((Leg(CALL, 1),), action="close", chain_id=chain.id, amount=None)
    floor.ask(wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id), occasion="manage")
    assert floor.told() == ["approved roll 1 of alpha", "placed roll 1 on main"]
    floor.pass_time(HOUR)
    floor.go_to(TODAY - 8 * HOUR)  # midnight
    floor.told()
    floor.ask(roll, close, occasion="manage")
    assert floor.told()[:2] == [refused, "approved close 1 of alpha"]
    floor.pass_time(MINUTE)
    assert not floor.chains()
    assert floor.engine.ledger.sizes()["refusals"] == 0
    assert floor.audit() == ()


def test_a_hedge_fills_whole_or_not_at_all() -> None:
    """A tenth of a hedge must not free the risk of a whole one."""
    floor = holding()
    chain = floor.chains()[0]
    before = chain.risk_usd
    floor.size = 0.1
    floor.pass_time(SECOND)
    floor.ask(wish((Leg(CALL_UP, 1),), action="hedge", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == ["approved hedge 1 of alpha", "placed hedge 1 on main"]
    assert chain.risk_usd == before


def test_adding_takes_risk_but_no_slot() -> None:
    """A pyramid shares the chain's 1 %: what is added plus what was there stays within it."""
    floor = holding()
    chain = floor.chains()[0]
    floor.ask(wish(action="add", chain_id=chain.id, amount=0.5), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == [
        "approved add 0.5 of alpha", "placed add 0.5 on main", "filled 0.5", "ended filled",
    ]  # fmt: skip
    assert (chain.units, chain.legs[CALL].amount) == (1.5, -1.5)
    assert len(floor.engine.ledger.slots_used("main", "alpha", floor.at)) == 1
    floor.ask(wish(action="add", chain_id=chain.id, amount=5.0), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told()[0] == "approved add 0.3 of alpha", "what is left of the 1 %"
    floor.ask(wish(action="add", chain_id=chain.id, amount=5.0), occasion="manage")
    assert floor.told() == ["refused add of alpha: below_minimum_size"]


def test_trap_adding_to_a_short_does_not_close_it() -> None:
    """Selling more of what was sold makes the short larger, at the average of both prices."""
    floor = holding()
    chain = floor.chains()[0]
    first = chain.legs[CALL].entry_price
    floor.move(90_700.0)
    bid, _ = floor.touch(CALL)
    floor.ask(wish(action="add", chain_id=chain.id, amount=0.5), occasion="manage")
    floor.pass_time(SECOND)
    assert chain.legs[CALL].amount == -1.5
    assert chain.legs[CALL].entry_price == pytest.approx((first + 0.5 * bid) / 1.5)


def test_a_third_of_a_structure_leaves_no_dust_when_it_closes() -> None:
    """A hedge of a third of the units is closed to the last atom with the rest."""
    floor = holding(amount=0.3)
    chain = floor.chains()[0]
    hedge = wish((Leg(CALL_UP, 1),), action="hedge", chain_id=chain.id, amount=0.1)
    floor.ask(hedge, occasion="manage")
    floor.pass_time(SECOND)
    assert chain.legs[CALL_UP].amount == 0.1
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    assert not floor.chains()
    assert floor.audit() == ()


def test_closing_withdraws_whatever_else_works_on_the_chain() -> None:
    """The rest of an open ends when its chain is closed; it could only reopen it."""
    floor = Floor()
    floor.size = 0.4
    floor.ask(wish(pricing=Pricing(limit_net=-0.001, lifetime=HOUR)))
    floor.pass_time(SECOND)
    floor.told()
    (chain,) = floor.chains()
    floor.size = 25.0
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    assert floor.told() == [
        "approved close 0.4 of alpha",
        "ended canceled",
        "placed close 0.4 on main",
    ]
    floor.pass_time(SECOND)
    assert floor.told() == ["filled 0.4", "ended filled", "chain closed"]


def test_a_close_withdraws_a_waiting_roll() -> None:
    """A roll that still waits must not turn around what the close leaves."""
    floor = holding()
    chain = floor.chains()[0]
    floor.size = 0.4
    floor.pass_time(SECOND)
    floor.ask(wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id), occasion="manage")
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    assert floor.told()[2:] == [
        "approved close 1 of alpha",
        "ended canceled",
        "placed close 1 on main",
    ]
    while floor.chains():
        floor.move(floor.spot["BTC"] + 10.0)
    assert floor.audit() == ()


def test_an_urgent_close_replaces_a_patient_one_and_a_second_is_refused() -> None:
    """One close works at a time; a resting take profit gives way to a market order."""
    floor = holding()
    chain = floor.chains()[0]
    resting = Pricing(limit_net=0.001, lifetime=6 * HOUR)
    floor.ask(wish(action="close", chain_id=chain.id, pricing=resting), occasion="manage")
    floor.ask(wish(action="close", chain_id=chain.id, pricing=resting), occasion="manage")
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    assert floor.told() == [
        "approved close 1 of alpha",
        "placed close 1 on main",
        "refused close of alpha: already_working",
        "ended canceled",
        "approved close 1 of alpha",
        "placed close 1 on main",
        "refused close of alpha: already_working",
    ]


def test_a_sale_that_would_even_pay_rests_at_one_tick_at_worst() -> None:
    """A positive net price for a sale is no price: what waited sells at the lowest there is."""
    floor = holding((Leg(CALL, 1),))
    chain = floor.chains()[0]
    absurd = Pricing(limit_net=0.5, lifetime=HOUR)
    floor.ask(wish(action="close", chain_id=chain.id, pricing=absurd), occasion="manage")
    floor.restart()
    floor.pass_time(SECOND)
    (_, fill) = [one.fact for one in floor.records if isinstance(one.fact, Filled)]
    assert fill.legs[0].price == 0.0001
    assert not floor.chains()
    assert floor.audit() == ()


def test_a_strategy_cannot_trade_in_the_name_of_another() -> None:
    """Slots and chains are counted by name: a borrowed name would be a way around them."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    floor.told()
    chain = floor.trade(wish())
    floor.told()
    floor.ask(
        wish(strategy="alpha"),
        wish(strategy="nobody"),
        wish(strategy="alpha", action="close", chain_id=chain.id),
        by="beta",
    )
    assert floor.told() == [
        "refused open of alpha: invalid_intent",
        "refused open of nobody: invalid_intent",
        "refused close of alpha: invalid_intent",
    ]


def test_a_stop_loss_closes_a_chain_that_lost_three_quarters() -> None:
    """Beyond 75 % of its stated max loss a chain is closed at the touch, once."""
    floor = holding()
    floor.move(99_000.0)
    floor.pass_time(MINUTE)
    assert floor.told() == [], "down, but not by three quarters"
    floor.move(112_000.0)
    floor.pass_time(MINUTE)
    assert floor.told()[:2] == ["approved close 1 of alpha", "placed close 1 on main"]
    floor.pass_time(MINUTE)
    assert floor.told()[-3:] == ["filled 1", "ended filled", "chain closed"]
    assert "stop loss" in next(
        one.fact.intent.reason
        for one in floor.records
        if isinstance(one.fact, Approved) and one.fact.intent.action == "close"
    )


def test_a_stop_loss_waits_while_no_price_can_be_trusted() -> None:
    """Without a fresh quote the loss is unknown: nothing is traded on a guess."""
    floor = holding()
    floor.spot["BTC"] = 112_000.0
    floor.pass_time(31 * SECOND, show=False)
    floor.pass_time(MINUTE, show=False)
    assert floor.told() == []


LATER = (Leg(CALL_LATER, -1),)
LOSING = RiskSettings(
    max_risk_per_trade=0.2, max_risk_per_underlying=0.2, stop_loss_share=1.0, stress_spot_move=2.0
)


def losing_floor() -> Floor:
    """Hold a short call large enough to lose percents of the account."""
    floor = Floor(risk=LOSING)
    floor.trade(wish(amount=15.0))
    floor.told()
    return floor


def test_the_daily_halt_begins_at_three_percent_and_ends_with_the_day() -> None:
    """At -3 % of trading PnL on the day opens are refused, closes pass; midnight ends the halt."""
    floor = losing_floor()
    floor.move(115_000.0)
    floor.pass_time(MINUTE)
    assert floor.told() == ["daily_loss_halt begins on main"]
    chain = floor.chains()[0]
    floor.ask(
        wish(LATER, amount=0.1),
        wish(action="add", chain_id=chain.id, amount=0.1),
        wish(action="close", chain_id=chain.id, amount=5.0),
    )
    assert floor.told() == [
        "refused open of alpha: daily_loss_halt",
        "refused add of alpha: daily_loss_halt",
        "approved close 5 of alpha",
        "placed close 5 on main",
    ]
    floor.restart()
    floor.told()
    floor.ask(wish(LATER, amount=0.1))
    assert floor.told() == ["refused open of alpha: daily_loss_halt"]
    floor.go_to(TODAY - 8 * HOUR)
    assert "daily_loss_halt ends on main" in floor.told()
    floor.ask(wish(LATER, amount=0.1))
    assert floor.told() == ["approved open 0.1 of alpha", "placed open 0.1 on main"]


def test_the_daily_halt_counts_the_first_hour_too() -> None:
    """What was lost before the first hourly mark belongs to the day."""
    floor = losing_floor()
    floor.spot["BTC"] = 115_000.0
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    assert "daily_loss_halt begins on main" in floor.told()


def test_a_day_opens_at_midnight_even_where_its_first_mark_is_missed() -> None:
    """A daemon that sleeps over midnight counts the new day from the last mark before it."""
    floor = losing_floor()
    floor.move(115_000.0)
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    assert "daily_loss_halt begins on main" in floor.told()
    floor.at = TODAY - 8 * HOUR + 10 * MINUTE
    floor.restart()
    floor.told()
    floor.ask(wish(LATER, amount=0.1))
    assert floor.told() == ["approved open 0.1 of alpha", "placed open 0.1 on main"]


def test_the_drawdown_halt_outlives_the_day_until_a_person_resumes() -> None:
    """Down 10 % from the peak halts opens day after day."""
    floor = Floor(risk=LOSING.model_copy(update={"daily_loss_halt": 1.0}))
    floor.trade(wish((Leg(CALL_LATER, -1),), amount=15.0))
    floor.told()
    floor.move(175_000.0)
    floor.pass_time(MINUTE)
    assert floor.told() == ["drawdown_halt begins on main"]
    floor.go_to(TODAY)
    floor.ask(wish(LATER, amount=0.1))
    assert floor.told()[-1] == "refused open of alpha: drawdown_halt"


def test_a_halt_cancels_opens_that_still_work_and_no_close() -> None:
    """What was approved before the halt must not open after it."""
    floor = losing_floor()
    chain = floor.chains()[0]
    resting = Pricing(limit_net=0.0005, lifetime=HOUR)
    floor.ask(
        wish(VERTICAL, amount=0.1, pricing=RESTING),
        wish(action="close", chain_id=chain.id, pricing=resting),
    )
    floor.told()
    floor.move(115_000.0)
    floor.pass_time(MINUTE)
    assert floor.told() == ["daily_loss_halt begins on main", "ended canceled"]
    assert [book.order.action for book in floor.engine.ledger.orders.values()] == ["close"]


def test_a_breached_maintenance_margin_halts_opens_by_its_own_name() -> None:
    """The refusal names the margin, not a pause nobody asked for; buying back ends the halt."""
    reckless = RiskSettings(
        max_risk_per_trade=1.0, max_risk_per_underlying=1.0, stop_loss_share=1.0,
        daily_loss_halt=1.0, drawdown_halt=1.0,
    )  # fmt: skip
    floor = Floor(risk=reckless)
    floor.size = 200.0
    floor.show()
    chain = floor.trade(wish(VERTICAL[:1], amount=100.0))
    floor.move(75_000.0)
    floor.told()
    floor.pass_time(MINUTE)
    assert floor.told() == ["maintenance_margin begins on main"]
    floor.ask(wish(LATER, amount=0.1), wish(action="close", chain_id=chain.id, amount=None))
    assert floor.told()[:2] == [
        "refused open of alpha: maintenance_margin", "approved close 100 of alpha",
    ]  # fmt: skip
    floor.pass_time(MINUTE)
    floor.pass_time(MINUTE)
    assert floor.told()[-1] == "maintenance_margin ends on main"


def test_research_trades_beside_the_account() -> None:
    """A shadow trade uses no slot, no budget and no displayed size of the account."""
    floor = Floor(stages={"alpha": "PRODUCTION", "shade": "RESEARCH"})
    floor.size = 1.0
    floor.show()
    cash = floor.cash()
    floor.ask(wish(VERTICAL, strategy="shade", amount=1.0), by="shade")
    floor.at += SECOND
    floor.show()
    floor.told()
    assert floor.cash() == cash
    assert floor.cash(account="shadow:shade") != cash
    main = floor.engine.review.view("main")
    assert main.consumers(1.0) == ()
    assert main.slots("shade", floor.at, 1.0) == ()
    floor.ask(wish(VERTICAL, amount=1.0))
    floor.at += SECOND
    floor.send(floor.quote_of(next(one for one in listed() if one.name == PUT), 90_000.0))
    assert floor.told() == [
        "approved open 1 of alpha", "placed open 1 on main", "filled 1", "ended filled",
    ]  # fmt: skip
    assert floor.audit() == ()


def test_a_demoted_strategy_manages_its_chain_to_the_end_and_never_enlarges_it() -> None:
    """On the account: no open, no add, no roll; hedge and close pass; new trades are shadow."""
    floor = Floor(stages={"alpha": "PILOT"})
    chain = floor.trade(wish(amount=None))
    floor.ask(wish(VERTICAL, pricing=RESTING))
    floor.told()
    floor.send(Demote(by="ann", reason="too wild", strategy="alpha", stage="RESEARCH"))
    assert floor.told() == ["command Demote", "alpha at RESEARCH by ann", "ended demoted"]
    floor.ask(
        wish(action="add", chain_id=chain.id, amount=0.1),
        wish((Leg(CALL_LATER, -1),), action="roll", chain_id=chain.id),
        wish(VERTICAL, amount=0.5),
        wish(action="close", chain_id=chain.id),
    )
    assert floor.told() == [
        "refused add of alpha: demoted",
        "refused roll of alpha: demoted",
        "approved open 0.5 of alpha",
        "placed open 0.5 on shadow:alpha",
        f"approved close {chain.units:g} of alpha",
        f"placed close {chain.units:g} on main",
    ]
    floor.pass_time(SECOND)
    assert chain.id not in floor.engine.ledger.chains
    assert floor.audit() == ()


def test_a_promoted_strategy_opens_on_the_account_and_leaves_its_shadow_behind() -> None:
    """What it held as a shadow stays there; its next trade is real, at a quarter of the size."""
    floor = Floor(stages={"alpha": "RESEARCH"})
    shadow = floor.trade(wish(VERTICAL, amount=None))
    full = shadow.units
    floor.send(
        Promote(by="ann", reason="looks good", strategy="alpha", stage="PILOT", override=True)
    )
    chain = floor.trade(wish(VERTICAL, amount=None))
    assert (shadow.account, chain.account) == ("shadow:alpha", "main")
    assert chain.units == pytest.approx(full / 4, abs=0.1)


def test_pause_ends_what_would_still_open() -> None:
    """An open that rests when trading is paused is canceled: it would fill into the pause."""
    floor = holding()
    floor.ask(wish(VERTICAL, pricing=RESTING))
    floor.told()
    floor.send(PauseTrading(by="ann", reason="news"))
    assert floor.told() == ["command PauseTrading", "ended canceled"]


def test_a_skipped_decision_says_which_board_and_why() -> None:
    """The alert names the underlying and the state of the feed."""
    floor = Floor()
    floor.pass_time(MINUTE, show=False)
    (alert,) = floor.ask().alerts
    assert alert.text == "no recent quotes on the BTC board, quality 0.00"
    assert EngineSettings().quote_age_s_max < 60


def test_a_board_without_two_sides_is_said_to_be_one() -> None:
    """Fresh books with an empty side decide nothing, and the log says so."""
    floor = Floor()
    for one in floor.engine.market.board("BTC").instruments:
        quote = floor.quote_of(one, 90_000.0)
        floor.send(msgspec.structs.replace(quote, bid=math.nan, bid_amount=0.0))
    (alert,) = floor.ask().alerts
    assert alert.text == "no quote with two sides on the BTC board, quality 0.50"


def test_trap_market_orders_without_a_two_sided_quote_are_refused() -> None:
    """An open on a one-sided quote is refused by name; 0 and NaN are no price."""
    floor = Floor()
    one = floor.engine.market.instrument(PUT_DOWN)
    assert one is not None
    floor.send(msgspec.structs.replace(floor.quote_of(one, 90_000.0), bid=math.nan, bid_amount=0.0))
    floor.told()
    floor.ask(wish(VERTICAL))
    assert floor.told() == ["refused open of alpha: no_two_sided_quote"]


def test_a_rule_that_raises_is_told_and_trades_nothing() -> None:
    """A stranger's strategy that fails costs its own decision, never the daemon."""
    floor = Floor()

    def fail(_: object) -> None:
        raise ZeroDivisionError("no trend today")

    strategy = floor.engine.slots["alpha"].strategy
    object.__setattr__(strategy, "wishes", fail)
    floor.told()
    floor.ask(occasion="open")
    assert floor.told() == ["alert strategy_failed"]


def test_a_wing_that_nobody_bids_for_is_left_to_expire() -> None:
    """The short put is bought back by itself; the long one stays, risks nothing, takes no place,
    and ends its chain when it settles.
    """
    floor = Floor()
    chain = floor.trade(wish(VERTICAL))
    floor.move(105_000.0)
    bid, _ = floor.touch(PUT_DOWN)
    assert not bid > 0
    floor.ask(wish(action="close", legs=(Leg(PUT, 1),), chain_id=chain.id,
                   pricing=Pricing(limit_net=0.0005)), occasion="manage")  # fmt: skip
    floor.pass_time(SECOND)
    assert {name: leg.amount for name, leg in chain.legs.items()} == {PUT_DOWN: 1.0}
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (0.0, 0.0, 0.0)
    assert chain.spent
    view = floor.engine.review.gate_view(wish())
    assert (view.open_chains, view.consumers) == (0, ())
    floor.pass_time(10 * MINUTE)
    assert not floor.engine.ledger.orders
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 105_000.0))
    assert not floor.chains()
    (ended,) = (one.fact for one in floor.records if isinstance(one.fact, ChainEnded))
    assert ended.how == "closed"
    assert floor.audit() == ()


def test_a_wing_that_is_worth_something_is_not_given_away() -> None:
    """Without a bid, but marked above two ticks: the close waits for it, whole."""
    floor = Floor()
    chain = floor.trade(wish(VERTICAL))
    shown = floor.quote_of(option("put", 85_000.0), 88_000.0)
    floor.send(msgspec.structs.replace(shown, bid=math.nan, bid_amount=0.0))
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    (order,) = floor.engine.ledger.orders.values()
    assert {leg.instrument for leg in order.order.legs} == {PUT, PUT_DOWN}


def test_what_a_strategy_withholds_is_kept_with_its_rule() -> None:
    """A signal it does not trade: a refusal in its own words, of which the gate hears nothing."""
    floor = Floor()
    floor.told()
    why = Withheld("correlation_gate", limit=0.82, used=0.9, requested=0.0)
    floor.ask(wish(withheld=why), wish())
    told = floor.told()
    assert told[0] == "refused open of alpha: correlation_gate"
    assert len(told) > 1  # the wish beside it is judged as ever
    refused = next(one.fact for one in floor.records if isinstance(one.fact, Refused))
    assert (refused.rule, refused.limit, refused.used) == ("correlation_gate", 0.82, 0.9)
    assert refused.explanation == refused.intent.reason
    assert refused.limits == ()
    assert floor.audit() == ()
