"""Choosing contracts and pricing structures at the displayed quotes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, alter, at_eight, board, option, quote_of
from trader.domain.market import Board
from trader.domain.trading import Leg, Pricing
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.structure import (
    choose_by_delta,
    choose_expiry,
    further_out,
    in_our_favor,
    leave_quote,
    net_quote,
    patient,
    seller_confidence,
    tradable,
)

CALL = "BTC-21NOV26-91800-C"
PUT = "BTC-21NOV26-88200-P"
FAR_PUT = "BTC-21NOV26-86400-P"


@pytest.fixture
def market() -> Board:
    """Show a healthy BTC board."""
    return board()


@pytest.mark.parametrize(
    "broken",
    [
        {"fresh": False},
        {"bid": math.nan},
        {"bid": 0.0},
        {"ask": math.nan},
        {"ask": math.inf},
        {"ask": 0.0},
        {"bid": 0.5},
        {"bid_amount": 0.0},
        {"ask_amount": math.nan},
        {"delta": math.nan},
    ],
)
def test_unusable_quotes_are_not_tradable(market: Board, broken: dict[str, float]) -> None:
    """Stale, one-sided, crossed, sizeless and delta-less quotes may not be used (0 is no price)."""
    row = market.row(CALL)
    assert row is not None
    assert tradable(market, np.array([row]))
    assert not tradable(quote_of(market, CALL, **broken), np.array([row]))


def test_a_ladder_takes_inverse_options_of_one_type() -> None:
    """A linear call beside an inverse one is not sold against coins."""
    inverse, linear = option(), option(inverse=False)
    put = option("put")
    mixed = board(days=())
    columns: dict[str, Any] = {
        name: np.ones(3)
        for name in (
            "strike", "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv",
            "underlying_price", "delta",
        )
    }  # fmt: skip
    three = Board(
        underlying="BTC",
        at=NOW,
        index=90_000.0,
        instruments=(inverse, linear, put),
        expires_at=np.array([at_eight(1)] * 3, dtype=np.int64),
        is_call=np.array([True, True, False]),
        fresh=np.ones(3, dtype=np.bool_),
        **columns,
    )
    calls, puts = three.listing.ladder("call"), three.listing.ladder("put")
    assert {at: rows.tolist() for at, rows in calls.items()} == {at_eight(1): [0]}
    assert {at: rows.tolist() for at, rows in puts.items()} == {at_eight(1): [2]}
    assert mixed.listing.ladder("call") == {}


@pytest.mark.parametrize(
    ("days", "tolerance", "hours_left", "expected"),
    [
        (1, 1, 4, 1),  # 14 h is nearer to a day than 38 h
        (1, 1, 15, 2),  # 14 h is too short
        (7, 4, 24, 7),
        (10, 4, 24, 7),
        (30, 4, 24, None),
        (0.1, 0.2, 1, None),
    ],
)
def test_expiry_nearest_to_the_wish(
    market: Board, days: float, tolerance: float, hours_left: float, expected: int | None
) -> None:
    """The nearest expiry within the tolerance, skipping those about to end."""
    ladder = market.listing.ladder("call")
    chosen = choose_expiry(market.at, ladder, days, tolerance, hours_left)
    assert chosen == (None if expected is None else at_eight(expected))


def test_expired_rows_are_never_chosen(market: Board) -> None:
    """A board of yesterday offers no expiry."""
    late = board(at=at_eight(1), days=(1,))
    assert choose_expiry(late.at, late.listing.ladder("call"), 0.1, 5, 0) is None
    assert choose_expiry(market.at, (), 1, 5, 0) is None


@given(
    days=st.lists(st.integers(-3, 40), unique=True),
    target=st.floats(0, 40),
    tolerance=st.floats(0, 20),
    hours_left=st.floats(0, 90),
)
def test_no_expiry_is_nearer_than_the_chosen_one(
    days: list[int], target: float, tolerance: float, hours_left: float
) -> None:
    """Of those that are allowed the nearest is taken, the earlier of two."""
    expiries = [NOW + day * DAY for day in sorted(days)]
    allowed = [
        (abs(one - NOW - target * DAY), one)
        for one in expiries
        if one > NOW and one - NOW >= hours_left * HOUR
    ]
    near = [one for one in allowed if one[0] <= tolerance * DAY]
    chosen = choose_expiry(NOW, expiries, target, tolerance, hours_left)
    assert chosen == (min(near)[1] if near else None)


def test_delta_nearest_to_the_target(market: Board) -> None:
    """The option nearest to the target is taken, and none outside the tolerance."""
    rows = market.listing.ladder("put")[at_eight(1)]
    row = choose_by_delta(market, rows, 0.25, 0.1)
    assert row is not None
    best = np.abs(np.abs(market.delta[rows]) - 0.25).min()
    assert abs(abs(market.delta[row]) - 0.25) == pytest.approx(best)
    assert choose_by_delta(market, rows, 0.25, 1e-6) is None


def test_equal_distance_prefers_the_smaller_delta(market: Board) -> None:
    """Between .20 and .30 around .25 the safer one is sold."""
    rows = market.listing.ladder("call")[at_eight(1)][[-7, -3]]
    mask = np.zeros(len(market), dtype=np.bool_)
    mask[rows] = True
    tied = alter(market, {"delta": [0.3, 0.2]}, mask)
    assert choose_by_delta(tied, rows, 0.25, 0.1) == rows[1]
    for value in (math.nan, 1.5):  # no delta, and more than one: neither lies anywhere
        assert choose_by_delta(alter(market, {"delta": value}, mask), rows, 0.25, 9.0) is None


def test_further_out_walks_the_listed_ladder(market: Board) -> None:
    """Four strikes further: up for calls, down for puts; None beyond the ladder's end."""
    call, put = market.row(CALL), market.row(PUT)
    assert call is not None
    assert put is not None
    up, down = further_out(market, "call", call, 4), further_out(market, "put", put, 4)
    assert up is not None
    assert down is not None
    assert (market.strike[up], market.strike[down]) == (93_600, 86_400)
    assert market.expires_at[up] == market.expires_at[call]
    assert further_out(market, "call", call, 60) is None
    assert further_out(market, "put", put, 60) is None


def test_net_quote_of_a_spread(market: Board) -> None:
    """A spread sells at the bid, buys at the ask, and pays a full fee on each leg."""
    quoted = quote_of(market, PUT, bid=0.0040, ask=0.0044)
    quoted = quote_of(quoted, FAR_PUT, bid=0.0010, ask=0.0012)
    quote = net_quote(quoted, (Leg(PUT, -1), Leg(FAR_PUT, 1)))
    assert quote is not None
    assert quote.touch_net == pytest.approx(-0.0040 + 0.0012)
    assert quote.mid_net == pytest.approx(-0.0042 + 0.0011)
    assert quote.fee == pytest.approx(0.0003 + 0.125 * 0.0012)
    assert quote.tick == 0.0001


def test_net_quote_never_guesses(market: Board) -> None:
    """A leg that is not listed, stale or one-sided leaves the whole structure without a price."""
    legs = (Leg(PUT, -1), Leg(FAR_PUT, 1))
    assert net_quote(quote_of(market, FAR_PUT, fresh=False), legs) is None
    assert net_quote(quote_of(market, FAR_PUT, bid=math.nan), legs) is None
    assert net_quote(market, (Leg("BTC-1JAN30-1-P", -1),)) is None


@given(net=st.floats(-1, 1), tick=st.sampled_from([0.0001, 0.0005]))
def test_rounding_is_in_our_favor(net: float, tick: float) -> None:
    """Rounding asks for more or pays less, by less than one tick, and leaves grid prices alone."""
    rounded = in_our_favor(net, tick)
    assert net - tick < rounded <= net + 1e-9
    assert in_our_favor(rounded, tick) == rounded


def test_patient_sale_asks_for_mid_then_takes_the_bid(market: Board) -> None:
    """Selling at .0040/.0043 asks .0042 first and accepts .0040 after its patience."""
    quote = net_quote(quote_of(market, CALL, bid=0.0040, ask=0.0043), (Leg(CALL, -1),))
    assert quote is not None
    pricing = patient(quote, 20 * MINUTE, HOUR)
    assert (pricing.limit_net, pricing.worst_net) == (-0.0042, -0.0040)
    assert (pricing.patience, pricing.lifetime) == (20 * MINUTE, HOUR)
    assert patient(quote, 2 * HOUR, HOUR).patience == HOUR


def test_one_leg_rests_on_its_own_ladder(market: Board) -> None:
    """At .0047/.0055 the middle lies above .005, where only every .0005 is a price: .0055."""
    quote = net_quote(quote_of(market, CALL, bid=0.0047, ask=0.0055), (Leg(CALL, -1),))
    assert quote is not None
    assert patient(quote, 20 * MINUTE, HOUR).limit_net == -0.0055
    below = net_quote(quote_of(market, CALL, bid=0.0047, ask=0.0051), (Leg(CALL, -1),))
    assert below is not None
    assert patient(below, 20 * MINUTE, HOUR).limit_net == -0.0049


@pytest.mark.parametrize(("delta", "chance"), [(0.25, 0.75), (-0.3, 0.7), (0, 1), (1.2, 0)])
def test_seller_confidence(delta: float, chance: float) -> None:
    """A seller's chance of profit is estimated as 1 - |delta|, within [0, 1]."""
    assert seller_confidence(delta) == pytest.approx(chance)


@pytest.mark.parametrize("column", ["bid", "ask", "bid_amount", "ask_amount", "delta"])
@pytest.mark.parametrize("value", [math.nan, 0.0, -1.0, math.inf])
def test_a_leg_is_priced_exactly_where_its_row_is_tradable(
    market: Board, column: str, value: float
) -> None:
    """What is asked of one row is what is asked of all."""
    changed = quote_of(market, CALL, **{column: value})
    row = changed.row(CALL)
    assert row is not None
    assert (net_quote(changed, (Leg(CALL, -1),)) is not None) == bool(
        tradable(changed, np.array([row]))
    )


VERTICAL = (Leg(PUT, 1), Leg(FAR_PUT, -1))


def test_leaving_is_priced_as_entering_where_everything_is_quoted() -> None:
    """Both legs, both sides: a market order may take it."""
    leaving = leave_quote(board(), VERTICAL)
    assert leaving is not None
    assert (leaving.legs, leaving.quote) == (VERTICAL, net_quote(board(), VERTICAL))
    assert leaving.two_sided
    assert leaving.at_once(HOUR) == Pricing(lifetime=HOUR)


def test_a_wing_without_a_bid_is_left_where_it_is_worth_nothing() -> None:
    """What is bought back stays; a wing marked above two ticks makes the whole wait."""
    worthless = quote_of(board(), FAR_PUT, bid=math.nan, mark=0.0002)
    leaving = leave_quote(worthless, VERTICAL)
    assert leaving is not None
    assert leaving.legs == VERTICAL[:1]
    assert leaving.quote == net_quote(worthless, VERTICAL[:1])
    assert leaving.two_sided
    assert leave_quote(quote_of(board(), FAR_PUT, bid=math.nan, mark=0.0003), VERTICAL) is None
    alone = (Leg(FAR_PUT, -1),)
    assert leave_quote(worthless, alone) is None
    assert leave_quote(worthless, (*alone, Leg(FAR_PUT, -1))) is None


def test_what_is_bought_back_needs_an_ask_alone() -> None:
    """At a limit, soon to be asked again: a market order would need both sides."""
    far = quote_of(board(), PUT, bid=math.nan, ask=0.0004, mark=0.0002)
    leaving = leave_quote(far, VERTICAL)
    assert leaving is not None
    assert not leaving.two_sided
    row = far.row(FAR_PUT)
    assert row is not None
    assert leaving.quote.touch_net == pytest.approx(0.0004 - far.bid[row])
    assert leaving.quote.mid_net <= leaving.quote.touch_net
    assert leaving.at_once(HOUR) == Pricing(leaving.quote.touch_net, lifetime=10 * MINUTE)
    for damage in ({"ask": math.nan}, {"ask_amount": 0.0}, {"fresh": False}, {"mark": math.nan}):
        assert leave_quote(quote_of(far, PUT, **damage), VERTICAL) is None
    assert leave_quote(quote_of(far, PUT, bid=0.5), VERTICAL) is None
