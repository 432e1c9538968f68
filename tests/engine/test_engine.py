"""Stories of events, compared to whole outcomes: open, fill, leave, settle, lose the feed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.builders import option
from tests.engine.floor import (
    CALL,
    CALL_LATER,
    COVERED,
    PUT,
    PUT_DOWN,
    TODAY,
    VERTICAL,
    Floor,
    wish,
)
from trader.domain.errors import InvariantBroken
from trader.domain.events import (
    DeliveryPrice,
    FeedFault,
    FeedLost,
    FeedRestored,
    IndexPrice,
    InstrumentExpired,
    NightEvaluated,
    Quote,
    RecordingTrouble,
    Stamped,
    TimerFired,
)
from trader.domain.facts import ChainEnded, Filled, Settled
from trader.domain.trading import Approved, Leg, Pricing, Refused
from trader.domain.units import DAY, HOUR, MINUTE, SECOND, to_atoms
from trader.engine.outcome import DeliveryPriceNeeded, NightNeeded

OPENED = ["approved open 1 of alpha", "placed open 1 on main", "filled 1", "ended filled"]


def open_floor() -> Floor:
    """Start a floor whose first lines were read."""
    floor = Floor()
    floor.told()
    return floor


def close_at(limit: float | None = None) -> Pricing:
    """Close by resting at a price, or at whatever is displayed."""
    return Pricing(limit_net=limit, lifetime=12 * HOUR)


def test_a_covered_call_is_opened_bought_back_and_ends_as_one_result() -> None:
    """Sell at the bid, buy at the ask, two fees: the chain's result is what the cash moved by."""
    floor = open_floor()
    before = floor.cash()
    bid, _ = floor.touch(CALL)
    chain = floor.trade(wish())
    assert floor.told() == OPENED
    floor.move(88_000.0)
    _, ask = floor.touch(CALL)
    floor.ask(wish(action="close", chain_id=chain.id, pricing=close_at()), occasion="manage")
    floor.pass_time(SECOND)
    assert floor.told() == [
        "approved close 1 of alpha", "placed close 1 on main", "filled 1", "ended filled",
        "chain closed",
    ]  # fmt: skip
    fees = 0.0003 + min(0.0003, 0.125 * ask)
    assert floor.cash() - before == pytest.approx(to_atoms(bid - ask - fees), abs=1)
    (ended,) = [one.fact for one in floor.records if isinstance(one.fact, ChainEnded)]
    assert ended.pnl == {"BTC": floor.cash() - before}
    assert ended.pnl_pct == pytest.approx((bid - ask - fees) * 90_000 / ended_equity(), rel=1e-6)
    assert not floor.chains()
    assert floor.audit() == ()


def ended_equity() -> float:
    """20 BTC at 90,000, 300 ETH at 3,000 and a million dollars."""
    return 20 * 90_000.0 + 300 * 3_000.0 + 1_000_000.0


def test_a_resting_take_profit_fills_when_the_market_comes_to_it() -> None:
    """A resting close trades at its own limit, not at the better touch that came to it."""
    floor = open_floor()
    chain = floor.trade(wish())
    floor.ask(wish(action="close", chain_id=chain.id, pricing=close_at(0.0012)))
    floor.pass_time(SECOND)
    floor.told()
    floor.move(86_000.0)
    (fill,) = [one.fact for one in floor.records if isinstance(one.fact, Filled)][1:]
    assert fill.legs[0].price == 0.0012
    assert fill.legs[0].maker
    assert floor.told() == ["filled 1", "ended filled", "chain closed"]


def test_a_vertical_opens_and_settles_with_both_legs_at_one_price() -> None:
    """Both legs fill together and settle at one delivery price; nothing is held afterwards."""
    floor = open_floor()
    floor.trade(wish(VERTICAL))
    assert floor.told() == OPENED
    before = floor.cash()
    floor.go_to(TODAY)
    assert floor.told() == ["pending 2"]
    assert floor.deliveries_wanted() == [DeliveryPriceNeeded("BTC", TODAY)]
    floor.send(DeliveryPrice("BTC", TODAY, 86_000.0))
    assert floor.told() == ["settled 2 at 86000", "chain settled"]
    assert floor.cash() - before == to_atoms(-1_500.0 / 86_000.0)
    assert floor.audit() == ()


def test_trap_option_expires_at_its_own_hour_not_at_midnight() -> None:
    """At 00:00 nothing expires; at 08:00, the contract's own timestamp, it does."""
    floor = open_floor()
    floor.trade(wish())
    floor.told()
    floor.go_to(TODAY - 8 * HOUR)
    floor.go_to(TODAY - SECOND)
    assert floor.told() == []
    floor.go_to(TODAY)
    assert floor.told() == ["pending 1"]


def test_trap_settled_at_the_delivery_price_not_at_spot() -> None:
    """Spot moved away after the averaging window: what is paid follows the delivery price."""
    floor = open_floor()
    floor.trade(wish())
    before = floor.cash()
    floor.move(99_000.0)
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 93_000.0))
    assert floor.cash() - before == to_atoms(-500.0 / 93_000.0)


def test_trap_price_missing_at_expiry_stays_pending_until_it_is_known() -> None:
    """Nothing is booked without a price, over a restart too; the price settles it hours later."""
    floor = open_floor()
    floor.trade(wish())
    before = floor.cash()
    floor.go_to(TODAY)
    floor.go_to(TODAY + 3 * HOUR)
    assert floor.cash() == before
    assert floor.chains()[0].pending
    floor.requests.clear()
    floor.restart()
    assert floor.deliveries_wanted() == [DeliveryPriceNeeded("BTC", TODAY)]
    floor.send(DeliveryPrice("BTC", TODAY, 80_000.0))
    assert floor.told()[-2:] == ["settled 1 at 80000", "chain settled"]
    assert floor.cash() == before
    assert floor.audit() == ()


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -90_000.0])
def test_a_delivery_price_that_is_no_price_is_refused_with_an_alert(bad: float) -> None:
    """Settlement stays pending, a critical alert names the value, a good price settles later."""
    floor = open_floor()
    floor.trade(wish())
    floor.go_to(TODAY)
    floor.told()
    outcome = floor.send(DeliveryPrice("BTC", TODAY, bad))
    assert [one.severity for one in outcome.alerts] == ["critical"]
    assert repr(bad) in outcome.alerts[0].text
    assert floor.told() == ["alert delivery_price_refused"]
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert floor.told() == ["settled 1 at 90000", "chain settled"]


def test_a_delivery_price_that_comes_twice_settles_once() -> None:
    """A repeated answer of the venue moves no money."""
    floor = open_floor()
    floor.trade(wish())
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 95_000.0))
    cash = floor.cash()
    floor.send(DeliveryPrice("BTC", TODAY, 95_000.0))
    assert floor.cash() == cash
    assert floor.audit() == ()


def test_every_account_settles_one_expiry_at_one_price() -> None:
    """The account and a shadow account that hold the same contract get the same price."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "RESEARCH"})
    floor.trade(wish())
    floor.trade(wish(strategy="beta"), by="beta")
    floor.go_to(TODAY)
    outcome = floor.send(DeliveryPrice("BTC", TODAY, 95_000.0))
    settled = outcome.settlements
    assert [one.account for one in settled] == ["main", "shadow:beta"]
    assert {one.delivery_price for one in settled} == {95_000.0}
    assert floor.audit() == ()


def test_settlement_goes_on_after_the_contracts_left_the_list() -> None:
    """The venue delists what expired: the legs we hold are known from our own facts."""
    floor = open_floor()
    floor.trade(wish(VERTICAL))
    floor.go_to(TODAY)
    floor.send(InstrumentExpired((CALL, PUT, PUT_DOWN)))
    assert CALL not in floor.engine.market
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert [type(one.fact) for one in floor.records][-2:] == [Settled, ChainEnded]


def test_two_expiries_of_one_chain_wait_for_two_prices() -> None:
    """While either expiry has no price, the chain stays pending: no order on an expired leg."""
    floor = open_floor()
    later = TODAY + 48 * HOUR
    chain = floor.trade(wish((Leg(CALL, -1), Leg(CALL_LATER, 1)), amount=0.5))
    floor.go_to(TODAY)
    floor.go_to(later)
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert chain.pending
    floor.send(DeliveryPrice("BTC", later, 90_000.0))
    assert not floor.chains()
    assert floor.audit() == ()


def test_an_order_that_does_not_fill_in_its_life_ends_and_frees_everything() -> None:
    """An expired open leaves no chain, no slot, no reserved risk."""
    floor = open_floor()
    far = Pricing(limit_net=-0.5, lifetime=10 * MINUTE)
    floor.ask(wish(pricing=far))
    assert floor.told() == ["approved open 1 of alpha", "placed open 1 on main"]
    assert len(floor.engine.ledger.slots_used("main", "alpha", floor.at)) == 1
    floor.pass_time(11 * MINUTE)
    assert floor.told() == ["ended expired"]
    assert not floor.chains()
    assert not floor.engine.ledger.slots_used("main", "alpha", floor.at)
    assert not floor.engine.review.view("main").consumers(1.0)
    assert floor.audit() == ()


def test_an_order_on_a_contract_that_expires_ends_with_it() -> None:
    """No order outlives its leg."""
    floor = open_floor()
    floor.ask(wish(pricing=Pricing(limit_net=-0.5, lifetime=48 * HOUR)))
    floor.told()
    floor.go_to(TODAY)
    assert floor.told() == ["ended leg_expired"]


def test_partial_fills_take_the_displayed_size_once_and_open_one_chain() -> None:
    """0.4 displayed fills 0.4; the same quote again fills nothing; a new price fills the rest."""
    floor = open_floor()
    floor.size = 0.4
    floor.ask(wish(pricing=Pricing(limit_net=-0.001, lifetime=HOUR)))
    floor.pass_time(SECOND)
    floor.pass_time(SECOND)
    assert floor.told() == ["approved open 1 of alpha", "placed open 1 on main", "filled 0.4"]
    floor.size = 5.0
    floor.move(90_500.0)
    assert floor.told() == ["filled 0.6", "ended filled"]
    (chain,) = floor.chains()
    assert (chain.units, len(chain.legs)) == (1.0, 1)
    assert floor.audit() == ()


def test_trap_the_look_ahead_nobody_saw() -> None:
    """A strategy that peeks at a quote cannot trade on it: the order is live only later.

    The bid of this very instant is a gift and gone a millisecond later; the order made on it finds
    what is displayed when it is live.
    """
    floor = open_floor()
    one = floor.engine.market.instrument(CALL)
    assert one is not None
    gift = Quote(CALL, floor.at, 0.05, 25.0, 0.051, 25.0, 0.0505, 0.8, 90_000.0, 90_000.0)
    floor.send(gift)
    outcome = floor.ask(wish())
    assert not outcome.fills
    assert not floor.send(gift).fills, "the same instant, one event later: the order is not live"
    floor.at += 199_000_000
    assert not floor.send(gift).fills, "within the latency"
    floor.at += 1_000_000
    floor.send(floor.quote_of(one, 90_000.0))
    floor.pass_time(SECOND)
    assert floor.told() == OPENED[:2], "what it asks for is no longer displayed"


def test_trap_missing_quote_means_no_fill() -> None:
    """Without a quote, or with one side at 0, even an urgent close waits; the mark fills nobody."""
    floor = open_floor()
    chain = floor.trade(wish())
    floor.told()
    bare = Quote(CALL, floor.at, math.nan, 0.0, 0.0036, 5.0, 0.0035, 0.8, 90_000.0, 90_000.0)
    floor.send(bare)
    floor.ask(wish(action="close", chain_id=chain.id, pricing=close_at()))
    floor.at += SECOND
    floor.send(bare)
    assert floor.told() == ["approved close 1 of alpha", "placed close 1 on main"]
    floor.pass_time(SECOND)
    assert floor.told() == ["filled 1", "ended filled", "chain closed"]


def test_no_open_on_stale_quotes() -> None:
    """Half a minute without a quote: the decision is skipped with an alert, an open refused."""
    floor = open_floor()
    floor.pass_time(31 * SECOND, show=False)
    outcome = floor.ask(wish())
    assert floor.told() == ["alert decision_skipped", "refused open of alpha: stale_quotes"]
    assert outcome.alerts[0].strategy == "alpha"
    floor.show()
    floor.ask(wish())
    assert floor.told() == OPENED[:2]


def test_a_lost_feed_stops_opens_until_each_quote_came_again() -> None:
    """Neither the restoration nor an old, still young quote is enough: a new one must arrive."""
    floor = open_floor()
    floor.send(FeedLost("heartbeat_overdue", ("*",), "no answer for 20 s"))
    lost = floor.ask(wish())
    assert floor.told() == [
        "alert feed_lost", "alert decision_skipped", "refused open of alpha: stale_quotes",
    ]  # fmt: skip
    *marks, worst = lost.verdicts[0].data_quality
    assert marks == ["feed_lost:heartbeat_overdue", "fault:heartbeat_overdue"]
    assert worst.startswith("quality:0.00 BTC-")
    assert lost.data_quality == tuple(marks)
    floor.send(FeedRestored(("*",), "subscribed again"))
    floor.ask(wish())
    assert floor.told() == [
        "alert feed_restored", "alert decision_skipped", "refused open of alpha: stale_quotes",
    ]  # fmt: skip
    floor.show()
    approved = floor.ask(wish())
    assert floor.told() == OPENED[:2]
    assert approved.verdicts[0].data_quality == ("fault:heartbeat_overdue",)


def test_nothing_fills_while_the_feed_is_lost() -> None:
    """A resting order and an urgent close wait for quotes that may be believed."""
    floor = open_floor()
    chain = floor.trade(wish())
    floor.told()
    floor.send(FeedLost("server_gone", ("*",), "connection closed"))
    floor.ask(wish(action="close", chain_id=chain.id, pricing=close_at()), occasion="manage")
    floor.pass_time(2 * MINUTE)
    assert floor.told() == [
        "alert feed_lost", "approved close 1 of alpha", "placed close 1 on main",
    ]  # fmt: skip
    floor.send(FeedRestored(("*",), "connected"))
    floor.pass_time(SECOND)
    assert floor.told() == ["alert feed_restored", "filled 1", "ended filled", "chain closed"]


def test_contracts_lost_one_by_one_are_told_at_each_doubling() -> None:
    """A storm over a whole board is some lines in journal and log, and every contract is stale."""
    floor = open_floor()
    names = [one.name for ones in floor.listed.values() for one in ones][:9]
    alerts = []
    for name in names:
        outcome = floor.send(FeedLost("clock_jump", (name,), "4.1 s ahead of the index"))
        alerts += [one.text for one in outcome.alerts]
    assert floor.engine.market.trust.suspended_count == len(names)
    assert [text.partition("; ")[2] for text in alerts] == [
        "", "2 are doubted now", "4 are doubted now", "8 are doubted now",
    ]  # fmt: skip
    floor.send(FeedLost("server_gone", ("*",), "connection closed"))
    assert floor.told()[-1] == "alert feed_lost"


def test_one_mute_channel_spoils_one_contract_only() -> None:
    """What is mute is stale; others trade; its next quote is the sign that it lives."""
    floor = open_floor()
    floor.send(FeedLost("mute_channel", (CALL,), "no ticker for 60 s"))
    floor.ask(wish(), wish(VERTICAL))
    assert floor.told() == [
        "alert feed_lost",
        "refused open of alpha: stale_quotes",
        "approved open 1 of alpha",
        "placed open 1 on main",
    ]
    floor.show()
    floor.ask(wish())
    assert "approved open 1 of alpha" in floor.told()


def test_a_doubted_index_makes_its_board_stale() -> None:
    """A ticker that disagrees with the index channel by more than 1 % is not believed."""
    floor = open_floor()
    floor.send(IndexPrice("BTC", 91_000.0, floor.at))
    floor.ask(wish())
    assert floor.told()[-1] == "refused open of alpha: stale_quotes"
    floor.send(FeedLost("index_mismatch", ("index:BTC",), "off by 2 %"))
    floor.send(FeedRestored(("index:BTC",), "agrees again"))
    assert not floor.engine.market.index_fresh("BTC")
    floor.send(IndexPrice("BTC", 90_000.0, floor.at))
    floor.ask(wish())
    assert floor.told()[-2:] == OPENED[:2]


@pytest.mark.parametrize(
    ("kind", "severity"), [("recording_stopped", "critical"), ("recording_trimmed", "warning")]
)
def test_trouble_of_the_recorder_is_remembered_and_changes_nothing_else(
    kind: Any, severity: str
) -> None:
    """One alert, bounded; decisions are not marked by it."""
    floor = open_floor()
    [alert] = floor.send(RecordingTrouble(kind, "x" * 10_000)).alerts
    assert (alert.kind, alert.severity, len(alert.text)) == (kind, severity, 500)
    assert floor.engine.review.data_quality() == ()


def test_a_fault_that_lost_no_trust_marks_decisions_for_a_while() -> None:
    """Garbage that was dropped stops nothing, but every verdict of the next half minute says so."""
    floor = open_floor()
    floor.send(FeedFault("garbage", ("*",), "not JSON"))
    verdict = floor.ask(wish()).verdicts[0]
    assert isinstance(verdict, Approved)
    assert verdict.data_quality == ("fault:garbage",)
    floor.pass_time(31 * SECOND)
    assert floor.ask(wish(VERTICAL)).verdicts[0].data_quality == ()


def test_two_intents_in_one_instant_cannot_take_the_last_slot() -> None:
    """Three wishes at once: two get the day's two slots, the third is told who holds them."""
    floor = open_floor()
    outcome = floor.ask(wish(amount=0.1), wish(VERTICAL, amount=0.1), wish(amount=0.1))
    assert [type(one) for one in outcome.verdicts] == [Approved, Approved, Refused]
    refused = outcome.verdicts[2]
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.used, refused.limit) == ("daily_trades", 2.0, 2.0)
    assert [one.id for one in refused.consumers] == [one.id for one in floor.chains()]
    assert refused.frees_at == TODAY - 8 * HOUR


def test_two_intents_in_one_instant_cannot_take_the_last_budget() -> None:
    """Four strategies want 1 % each of one underlying: the fourth finds 3 % reserved by orders."""
    names = ("alpha", "beta", "gamma", "delta")
    floor = Floor(stages=dict.fromkeys(names, "PRODUCTION"))
    rules: list[str] = []
    shares: list[float] = []
    for name in names:
        verdict = floor.ask(wish(VERTICAL, strategy=name, amount=None), by=name).verdicts[0]
        rules.append(verdict.rule if isinstance(verdict, Refused) else "ok")
        shares.append(verdict.max_loss.share if isinstance(verdict, Approved) else 0.0)
    assert rules[:3] == ["ok", "ok", "ok"]
    assert rules[3] in ("underlying_risk", "below_half_size")
    assert 0.025 < sum(shares) <= 0.03 + 1e-9


def test_an_unlisted_quote_and_an_unknown_delivery_change_nothing() -> None:
    """Noise of the venue about what we do not hold has no consequence."""
    floor = open_floor()
    stranger = option("call", 1_000_000.0).name
    quote = Quote(stranger, floor.at, 0.1, 1.0, 0.2, 1.0, 0.15, 0.8, 90_000.0, 90_000.0)
    floor.send(quote)
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert floor.told() == []


def test_a_lost_input_and_a_clock_that_runs_backward_are_bugs() -> None:
    """Sequence and time are checked before anything is done."""
    floor = open_floor()
    sequence = floor.engine.sequence
    price = IndexPrice("BTC", 90_000.0, floor.at)
    with pytest.raises(InvariantBroken, match="an input is lost"):
        floor.engine.process(Stamped(sequence + 2, floor.at, price))
    with pytest.raises(InvariantBroken, match="time runs backward"):
        floor.engine.process(Stamped(sequence + 1, floor.at - 1, price))


def test_a_timer_that_nobody_set_is_a_bug() -> None:
    """A timer of a strategy that does not run cannot fire."""
    floor = open_floor()
    with pytest.raises(InvariantBroken, match="never set"):
        floor.send(TimerFired("open:nobody", floor.at))


def test_a_restart_in_the_middle_of_everything_changes_no_number() -> None:
    """Cash, positions, orders, slots and stages after the fold are those before it."""
    floor = open_floor()
    floor.size = 0.4
    floor.ask(wish(COVERED), wish(VERTICAL, pricing=Pricing(limit_net=-0.5)))
    floor.pass_time(SECOND)
    before = floor.engine.ledger
    floor.restart()
    after = floor.engine.ledger
    assert after is not before
    assert after.account("main").cash == before.account("main").cash
    assert {name: chain.units for name, chain in after.chains.items()} == {
        name: chain.units for name, chain in before.chains.items()
    }
    assert [book.view() for book in after.orders.values()] == [
        book.view() for book in before.orders.values()
    ]
    assert after.slots == before.slots
    assert after.stages == before.stages


def test_trap_resting_paper_orders_survive_a_restart() -> None:
    """A resting close works on after a restart, at its price, until it fills."""
    floor = open_floor()
    chain = floor.trade(wish())
    floor.ask(wish(action="close", chain_id=chain.id, pricing=close_at(0.0012)))
    floor.restart()
    floor.told()
    floor.pass_time(SECOND)
    assert floor.told() == []
    floor.move(86_000.0)
    assert floor.told() == ["filled 1", "ended filled", "chain closed"]


def test_trap_daily_limits_are_not_reset_by_a_restart() -> None:
    """Two trades before, none after, until the UTC day ends - which no restart brings nearer."""
    floor = open_floor()
    floor.ask(wish(amount=0.1), wish(VERTICAL, amount=0.1))
    floor.pass_time(SECOND)
    floor.restart()
    floor.told()
    floor.ask(wish(amount=0.1))
    assert floor.told() == ["refused open of alpha: daily_trades"]
    floor.go_to(TODAY - 8 * HOUR)
    floor.restart()
    floor.told()
    floor.ask(wish((Leg(CALL_LATER, -1),), amount=0.1))
    assert floor.told() == ["approved open 0.1 of alpha", "placed open 0.1 on main"]


def test_trap_alert_text_too_long_is_cut_and_nothing_is_raised() -> None:
    """Whatever the feed says about itself, an alert stays short and the engine goes on."""
    floor = open_floor()
    scope = tuple(f"BTC-{strike}-C" for strike in range(2_000))
    lost = floor.send(FeedLost("garbage", scope, "x" * 100_000))
    restored = floor.send(FeedRestored(scope, "y" * 100_000))
    assert [len(one.text) for one in (*lost.alerts, *restored.alerts)] == [500, 500]
    floor.ask(wish())
    assert floor.told()[-2:] == OPENED[:2]


def test_trap_a_multi_leg_structure_counts_as_one_trade() -> None:
    """A vertical of two legs takes one slot, one chain, and ends with one result."""
    floor = open_floor()
    floor.trade(wish(VERTICAL))
    assert len(floor.engine.ledger.slots_used("main", "alpha", floor.at)) == 1
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 90_000.0))
    assert len([one for one in floor.records if isinstance(one.fact, ChainEnded)]) == 1


def test_the_night_of_a_day_that_traded_is_asked_for_once() -> None:
    """At 00:10, again after a restart while it is not judged, and never for days before we began.

    Several nights missed while down are one.
    """
    floor = open_floor()
    assert not [one for one in floor.requests if isinstance(one, NightNeeded)]
    floor.go_to(TODAY - 7 * HOUR - 50 * MINUTE)
    assert floor.requests == [NightNeeded("2026-11-20")]
    floor.restart()
    assert floor.requests[1:] == [NightNeeded("2026-11-20")]
    floor.send(NightEvaluated(date="2026-11-20", profile="full", verdicts=()))
    floor.restart()
    assert len(floor.requests) == 2
    floor.pass_time(3 * DAY, fire=False)
    floor.restart()
    assert floor.requests[2:] == [NightNeeded("2026-11-23")]
