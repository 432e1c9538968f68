"""When sellers of premium may open, and how they leave: stories of one chain."""

from __future__ import annotations

import math

import pydantic
import pytest

from tests.builders import (
    NOW,
    at_eight,
    board,
    chain,
    option,
    quote_of,
    situation,
    working_order,
)
from trader.domain.market import Board
from trader.domain.portfolio import ChainView, WorkingOrder
from trader.domain.situation import Situation
from trader.domain.trading import Intent, Leg, Pricing
from trader.domain.units import HOUR, MINUTE
from trader.strategies.short_premium import (
    ShortPremiumSettings,
    choose_short,
    closing_legs,
    may_open,
    review,
    worth_selling,
)
from trader.strategies.strategy import Cadence
from trader.strategies.structure import NetQuote

CALL = option("call", 91_800.0)
SHORT, LONG = option("put", 88_200.0), option("put", 84_600.0)
CADENCE = Cadence(2 * HOUR, 0, 5 * MINUTE)
SOLD_CALL = chain((CALL, -2.0, 0.004), units=2.0)
SOLD_SPREAD = chain((SHORT, -1.0, 0.0045), (LONG, 1.0, 0.0005))


def settings(**changes: object) -> ShortPremiumSettings:
    """Take profit at half, stop at 2.5x, hold to expiry, unless changed."""
    return ShortPremiumSettings.model_validate({"take_profit": 0.5, "stop_multiple": 2.5} | changes)


def showing(bid: float, ask: float, name: str = CALL.name, market: Board | None = None) -> Board:
    """Quote one option on an else ordinary board, marked between the touches."""
    mark = (bid + ask) / 2
    return quote_of(board() if market is None else market, name, bid=bid, ask=ask, mark=mark)


def reviewed(
    market: Board,
    held: ChainView = SOLD_CALL,
    *orders: WorkingOrder,
    **changes: object,
) -> Intent | None:
    """Review one chain and return its exit, if any."""
    intents = review(
        "test",
        situation(market, occasion="manage", chains=(held,), orders=orders),
        settings(**changes),
    )
    assert len(intents) <= 1
    return intents[0] if intents else None


def test_a_winner_is_bought_back_at_half_its_credit() -> None:
    """Sold at .0040, offered at .0020: half is won, close at the mid and then at the touch."""
    intent = reviewed(showing(0.0017, 0.0020))
    assert intent is not None
    assert (intent.action, intent.chain_id, intent.amount) == ("close", "K1", None)
    assert intent.legs == (Leg(CALL.name, 1),)
    assert intent.pricing == Pricing(0.0018, 0.0020, 20 * MINUTE, HOUR)
    assert "50% of the credit of 0.004 is won" in intent.reason


def test_a_chain_in_between_is_held() -> None:
    """Neither half won nor 2.5x lost: nothing is proposed."""
    assert reviewed(showing(0.0019, 0.0021)) is None
    assert reviewed(showing(0.0095, 0.0099)) is None


def test_a_loser_is_stopped_at_once() -> None:
    """Sold at .0040, marked at .0100: the stop is a market order."""
    intent = reviewed(showing(0.0095, 0.0105))
    assert intent is not None
    assert intent.pricing == Pricing(lifetime=HOUR)
    assert intent.reason == "stop: buying back costs 0.01, 2.5x the credit of 0.004 (limit 2.5x)"


def test_an_absurd_quote_stops_nothing() -> None:
    """A lone ask far away, or a wild mark, is no reason to buy back a healthy chain."""
    far_ask = quote_of(board(), CALL.name, bid=0.0028, ask=0.9, mark=0.003)
    wild_mark = quote_of(board(), CALL.name, bid=0.0028, ask=0.0031, mark=0.9)
    assert reviewed(far_ask) is None
    assert reviewed(wild_mark) is None


def test_a_stop_does_not_pay_an_absurd_ask() -> None:
    """With the mark beyond the stop but no fair offer, the stop waits for one."""
    absurd = quote_of(board(), CALL.name, bid=0.0095, ask=0.9, mark=0.0100)
    fair = quote_of(board(), CALL.name, bid=0.0095, ask=0.0149, mark=0.0100)
    assert reviewed(absurd) is None
    assert reviewed(fair) is not None


def test_without_a_mark_the_mid_decides() -> None:
    """A missing mark does not disarm the stop."""
    market = quote_of(board(), CALL.name, bid=0.0105, ask=0.0110, mark=math.nan)
    intent = reviewed(market)
    assert intent is not None
    assert intent.reason.startswith("stop: buying back costs 0.01075")


def test_stop_and_profit_can_be_disabled() -> None:
    """0 means never: covered calls may be held to settlement."""
    assert reviewed(showing(0.03, 0.031), stop_multiple=0) is None
    assert reviewed(showing(0.0001, 0.0002), take_profit=0) is None


def test_a_resting_take_profit_is_placed_once() -> None:
    """Right after the opening an order rests at half the credit until expiry; then nothing more."""
    market = showing(0.0036, 0.0040)
    intent = reviewed(market, resting_take_profit=True)
    assert intent is not None
    assert intent.pricing == Pricing(limit_net=0.0020, lifetime=at_eight(1) - NOW)
    resting = working_order(limit_net=0.0020)
    assert reviewed(market, SOLD_CALL, resting, resting_take_profit=True) is None


def test_the_resting_price_needs_no_quote_and_is_at_least_a_tick() -> None:
    """The price follows from the credit: it can rest while the quote is stale."""
    stale = quote_of(board(), CALL.name, fresh=False)
    cheap = chain((CALL, -1.0, 0.0001))
    intent = reviewed(stale, cheap, resting_take_profit=True)
    assert intent is not None
    assert intent.pricing.limit_net == 0.0001


def test_a_stop_replaces_the_resting_take_profit() -> None:
    """The resting order would never fill: the stop is proposed anyway and says so."""
    resting = working_order(limit_net=0.0020)
    intent = reviewed(showing(0.0105, 0.0110), SOLD_CALL, resting, resting_take_profit=True)
    assert intent is not None
    assert intent.pricing.limit_net is None
    assert intent.reason.endswith("replaces the close at 0.002")


@pytest.mark.parametrize(
    ("limit_net", "worst_net", "proposed"),
    [(None, None, False), (0.0110, None, False), (0.0100, 0.0110, False), (0.0100, 0.0105, True)],
)
def test_a_stop_at_work_is_not_repeated(
    limit_net: float | None, worst_net: float | None, proposed: bool
) -> None:
    """A close that will pay today's cost is left alone; one the market has left behind is not."""
    order = working_order(limit_net=limit_net, worst_net=worst_net)
    assert (reviewed(showing(0.0105, 0.0110), SOLD_CALL, order) is not None) is proposed


def test_orders_of_other_chains_do_not_count() -> None:
    """Another chain's close neither blocks nor accepts ours."""
    other = working_order(limit_net=None, chain_id="K2")
    assert reviewed(showing(0.0105, 0.0110), SOLD_CALL, other) is not None


def test_profit_waits_for_the_opening_order() -> None:
    """While the rest of the opening works no take-profit is placed; a stop does not wait."""
    opening = working_order("open", limit_net=-0.004, legs=(Leg(CALL.name, -1),))
    assert reviewed(showing(0.0001, 0.0002), SOLD_CALL, opening) is None
    stop = reviewed(showing(0.0105, 0.0110), SOLD_CALL, opening)
    assert stop is not None
    assert "replaces" not in stop.reason


def test_time_exit_is_patient() -> None:
    """Within the last hours before expiry the chain is closed at the mid, then at the touch."""
    market = board(at=at_eight(1) - HOUR)
    market = quote_of(market, CALL.name, bid=0.0038, ask=0.0041)
    early = reviewed(showing(0.0038, 0.0041), exit_hours_before_expiry=2)
    late = reviewed(market, exit_hours_before_expiry=2)
    assert early is None
    assert late is not None
    assert late.reason.startswith("time: 1.0 h before expiry")
    assert (late.pricing.limit_net, late.pricing.worst_net) == (0.0039, 0.0041)


def test_a_time_exit_replaces_what_rests_by_a_market_order() -> None:
    """With a take-profit at rest, or a patient exit left behind, only a market order can follow."""
    market = showing(0.0038, 0.0041, market=board(at=at_eight(1) - HOUR))
    behind = working_order(limit_net=0.0035, worst_net=0.0040)
    intent = reviewed(market, SOLD_CALL, behind, exit_hours_before_expiry=2)
    assert intent is not None
    assert intent.pricing == Pricing(lifetime=HOUR)
    assert intent.reason.endswith("replaces the close at 0.004")


def test_orders_do_not_outlive_the_expiry() -> None:
    """A close proposed half an hour before expiry lives half an hour."""
    market = board(at=at_eight(1) - HOUR // 2)
    intent = reviewed(showing(0.0100, 0.0110, market=market))
    assert intent is not None
    assert intent.pricing.lifetime == HOUR // 2


def test_a_spread_is_closed_whole() -> None:
    """Both legs reverse in one intent, priced net: ask of the short less bid of the long."""
    market = showing(0.0018, 0.0020, SHORT.name, showing(0.0001, 0.0002, LONG.name))
    intent = reviewed(market, SOLD_SPREAD)
    assert intent is not None
    assert intent.legs == (Leg(SHORT.name, 1), Leg(LONG.name, -1))
    assert intent.pricing.worst_net == pytest.approx(0.0019)
    assert intent.pricing.limit_net == pytest.approx(0.0017)


def test_without_a_usable_quote_nothing_is_stopped() -> None:
    """A stale, one-sided or missing leg prices nothing: no exit on a guess."""
    loss = showing(0.0105, 0.0110)
    assert reviewed(quote_of(loss, CALL.name, fresh=False)) is None
    assert reviewed(quote_of(loss, CALL.name, bid=math.nan)) is None
    assert reviewed(board(days=(7,))) is None


@pytest.mark.parametrize(
    "held",
    [
        chain((CALL, -1.0, 0.004), state="pending_settlement"),
        chain((CALL, -1.0, 0.004), state="ended"),
        chain((CALL, -1.0, 0.004), units=0.0),
        chain(state="working", units=0.0),
        chain((CALL, 0.0, 0.004)),
        chain((option(expires_at=at_eight(0)), -1.0, 0.004)),
    ],
)
def test_nothing_to_close_nothing_proposed(held: ChainView) -> None:
    """Pending, ended, empty and expired chains are settlement's business."""
    assert reviewed(showing(0.0105, 0.0110), held, resting_take_profit=True) is None


def test_closing_legs_reverse_what_is_held() -> None:
    """Ratios are per unit of the chain, whatever its size."""
    assert closing_legs(chain((SHORT, -0.6, 0.004), (LONG, 1.2, 0.001), units=0.6)) == (
        Leg(SHORT.name, 1),
        Leg(LONG.name, -2),
    )


def test_confidence_is_todays_chance() -> None:
    """A close carries 1 - |delta| of its short leg now, or the opening's where delta is unknown."""
    market = showing(0.0105, 0.0110)
    row = market.row(CALL.name)
    assert row is not None
    known = reviewed(market)
    unknown = reviewed(
        quote_of(market, CALL.name, delta=math.nan),
        chain((CALL, -1.0, 0.004), confidence=0.7),
        resting_take_profit=True,
    )
    assert known is not None
    assert unknown is not None
    assert known.confidence == pytest.approx(1 - market.delta[row])
    assert unknown.confidence == 0.7


def opening(**changes: object) -> Situation:
    """Ask at 18:00 UTC on a healthy board."""
    return situation(board(), **changes)  # type: ignore[arg-type]


def test_one_opening_per_slot() -> None:
    """A chain approved in this slot, or an opening still at work, stops another opening."""
    assert may_open(opening(), CADENCE)
    assert not may_open(opening(occasion="manage"), CADENCE)
    assert not may_open(opening(orders=(working_order("open"),)), CADENCE)
    assert may_open(opening(orders=(working_order("close"),)), CADENCE)
    assert not may_open(opening(chains=(chain(approved_at=NOW),)), CADENCE)
    assert may_open(opening(chains=(chain(approved_at=NOW - 1),)), CADENCE)


def test_credit_must_beat_its_fees() -> None:
    """At four fees a credit of .0012 is sold, one of .0011 is not; a debit never is."""
    asking = settings(min_credit_fee_multiple=4)
    assert worth_selling(NetQuote(-0.0013, -0.0012, -0.0013, 0.0003, 0.0001), asking)
    assert not worth_selling(NetQuote(-0.0013, -0.0011, -0.0013, 0.0003, 0.0001), asking)
    assert not worth_selling(NetQuote(0.001, 0.0012, 0.0011, 0.0003, 0.0001), asking)


def test_a_phantom_bid_is_not_sold() -> None:
    """A bid of more than twice the mark is an error of the feed, not a gift."""
    asking = settings()
    assert worth_selling(NetQuote(-0.0061, -0.0059, -0.0030, 0.0003, 0.0001), asking)
    assert not worth_selling(NetQuote(-0.0063, -0.0061, -0.0030, 0.0003, 0.0001), asking)


def test_choose_short_falls_back_to_the_next_strike() -> None:
    """Where the best strike is stale the next within tolerance is sold; where all are, none."""
    asking = settings(target_days=1, days_tolerance=1, min_hours_left=4, delta_tolerance=0.1)
    market = board()
    best = choose_short(market, "call", asking)
    assert best is not None
    without = quote_of(market, market.instruments[best].name, fresh=False)
    second = choose_short(without, "call", asking)
    assert second is not None
    assert second != best
    assert abs(abs(market.delta[second]) - 0.25) <= 0.1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stop_multiple": 0.5}, "stop_multiple 0.5 would stop at once"),
        ({"lifetime_minutes": 10}, "lifetime_minutes 10 must not be below patience_minutes 20"),
        ({"exit_hours_before_expiry": 24}, "must be below min_hours_left 24"),
        ({"target_delta": math.nan}, "target_delta"),
        ({"target_days": math.inf}, "target_days"),
        ({"take_profit": 1.0}, "take_profit"),
        ({"delta": 0.2}, "delta"),
    ],
)
def test_contradictory_parameters_are_refused(changes: dict[str, float], named: str) -> None:
    """A parameter that could never work is refused by name, with the remedy."""
    with pytest.raises(pydantic.ValidationError, match=named):
        settings(**changes)
