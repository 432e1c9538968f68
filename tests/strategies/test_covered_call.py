"""Covered calls: which call is sold, and at which price."""

from __future__ import annotations

import math

import pytest

from tests.builders import (
    NOW,
    alter,
    at_eight,
    board,
    chain,
    hourly_bars,
    option,
    quote_of,
    situation,
    working_order,
)
from tests.strategies.policies import of_features, policy
from trader.domain.trading import Leg
from trader.domain.units import HOUR, MINUTE
from trader.strategies.covered_call import CoveredCall, CoveredCallSettings
from trader.strategies.strategy import Cadence


def seller(**parameters: object) -> CoveredCall:
    """Sell one-day calls every two hours, as the demo does, unless changed."""
    demo = {"target_days": 1, "days_tolerance": 1, "min_hours_left": 4, "delta_tolerance": 0.1}
    return CoveredCall(
        name="calls",
        underlying="BTC",
        settings=CoveredCallSettings.model_validate(demo | parameters),
        timetable=Cadence(2 * HOUR, 0, 5 * MINUTE),
    )


def test_sells_the_quarter_delta_call_of_tomorrow() -> None:
    """At 18:00 the call of tomorrow nearest to delta .25 is sold, patiently, size left open."""
    market = board()
    (intent,) = seller().propose(situation(market))
    row = market.row(intent.legs[0].instrument)
    assert row is not None
    assert intent.action == "open"
    assert intent.amount is None
    assert intent.legs == (Leg(market.instruments[row].name, -1),)
    assert market.expires_at[row] == at_eight(1)
    assert market.is_call[row]
    tomorrow = market.is_call & (market.expires_at == at_eight(1))
    nearest = abs(market.delta[tomorrow] - 0.25).min()
    assert abs(market.delta[row] - 0.25) == pytest.approx(nearest)
    assert intent.confidence == pytest.approx(1 - market.delta[row])
    assert intent.pricing.worst_net == pytest.approx(-market.bid[row])
    limit = intent.pricing.limit_net
    assert limit is not None
    assert -market.ask[row] <= limit <= -(market.bid[row] + market.ask[row]) / 2 + 1e-12


def test_sells_a_week_by_default() -> None:
    """Without parameters the weekly expiry is sold."""
    market = board()
    strategy = CoveredCall(
        name="calls",
        underlying="BTC",
        settings=CoveredCallSettings.model_validate({}),
        timetable=Cadence(24 * HOUR, 0, 5 * MINUTE),
    )
    (intent,) = strategy.propose(situation(market))
    row = market.row(intent.legs[0].instrument)
    assert row is not None
    assert market.expires_at[row] == at_eight(7)


def test_silent_between_cadences_and_while_at_work() -> None:
    """Nothing is sold at "manage", beside a working opening, or twice in a slot."""
    market = board()
    assert seller().propose(situation(market, occasion="manage")) == ()
    assert seller().propose(situation(market, orders=(working_order("open"),))) == ()
    now = chain((option(), -1.0, 0.004), approved_at=NOW)
    assert seller(take_profit=0).propose(situation(market, chains=(now,))) == ()


def test_cheap_calls_are_left_alone() -> None:
    """A credit below ten times its fee is not sold when ten times is asked for."""
    assert seller(min_credit_fee_multiple=5).propose(situation(board())) != ()
    assert seller(min_credit_fee_multiple=20).propose(situation(board())) == ()


def test_nothing_is_sold_on_quotes_that_cannot_be_trusted() -> None:
    """A stale, one-sided, empty or expired board opens nothing."""
    market = board()
    for broken in (
        alter(market, {"fresh": False}),
        alter(market, {"bid": math.nan}),
        alter(market, {"ask": math.nan}),
        alter(market, {"delta": math.nan}),
        board(days=()),
        board(at=at_eight(1), days=(1,)),
    ):
        assert seller().propose(situation(broken)) == ()


def test_exits_come_before_the_next_sale() -> None:
    """At an opening occasion a stopped chain is closed and another call is sold."""
    sold = option("call", 91_800.0)
    market = quote_of(board(), sold.name, bid=0.0105, ask=0.0110, mark=0.0107)
    held = chain((sold, -1.0, 0.004))
    first, second = seller(stop_multiple=2.5).propose(situation(market, chains=(held,)))
    assert (first.action, first.chain_id) == ("close", "K1")
    assert second.action == "open"


def test_coins_cover_so_no_stop_by_default() -> None:
    """By default a covered call is held however far the price rises."""
    sold = option("call", 91_800.0)
    market = quote_of(board(), sold.name, bid=0.0495, ask=0.0500, mark=0.0497)
    held = chain((sold, -1.0, 0.004))
    assert seller().propose(situation(market, occasion="manage", chains=(held,))) == ()


def test_sketch_is_one_short_call() -> None:
    """One lot of the typical call: a Deribit name, the demo's expiry, a price."""
    (leg,) = seller().sketch(90_000.0, 0.55, NOW)
    assert leg.instrument.name == "BTC-21NOV26-91000-C"
    assert (leg.ratio, leg.instrument.min_trade_amount) == (-1, 0.1)
    assert leg.price == pytest.approx(0.0044, abs=0.0005)


def test_an_exit_that_is_off_is_no_parameter_to_study() -> None:
    """Held to settlement there is no take-profit to vary: 0 is "never", not the smallest one."""
    assert "take_profit" in seller().parameter_space()
    assert "take_profit" not in seller(take_profit=0).parameter_space()


def test_a_policy_is_asked_before_a_sale() -> None:
    """It sells where the policy expects enough, says so, and is silent where it does not."""
    market = board()
    asked = of_features("delta", "trend", intercept=0.01)
    (intent,) = seller(policy=asked).propose(situation(market))
    (plain,) = seller().propose(situation(market))
    assert (intent.legs, intent.pricing) == (plain.legs, plain.pricing)
    expected = 0.01 + 0.001 * market.delta[market.row(intent.legs[0].instrument)]
    assert intent.reason == f"{plain.reason}; its policy expects {expected:+.2%} of spot"
    unsure = of_features("delta", intercept=-0.01)
    assert seller(policy=unsure).propose(situation(market)) == ()
    exactly = of_features("delta", intercept=0.0, threshold=1.0)
    assert seller(policy=exactly).propose(situation(market)) == ()


def test_what_a_policy_cannot_know_is_left_alone() -> None:
    """Too few bars for a return of seven days: nothing is sold, exits go on."""
    market, blind = board(), of_features("return_7d", intercept=1.0)
    few = hourly_bars([90_000.0] * 10)
    assert seller(policy=blind).propose(situation(market, bars=few)) == ()
    sold = option("call", 91_800.0)
    quoted = quote_of(market, sold.name, bid=0.0105, ask=0.0110, mark=0.0107)
    held = chain((sold, -1.0, 0.004))
    (exit_,) = seller(policy=blind, stop_multiple=2.5).propose(
        situation(quoted, bars=few, chains=(held,))
    )
    assert exit_.action == "close"


def test_parameters_name_a_policy_by_its_content() -> None:
    """So another content is another configuration, and none is none."""
    with_one = CoveredCallSettings(policy=policy()).model_dump(mode="json")
    assert with_one["policy"] == f"sha256:{policy().digest}"
    other = CoveredCallSettings(policy=policy(threshold=0.1)).model_dump(mode="json")
    assert other["policy"] != with_one["policy"]
    assert CoveredCallSettings().model_dump(mode="json")["policy"] == "none"
