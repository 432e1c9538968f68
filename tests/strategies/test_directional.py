"""Verticals with the trend: which side, which strikes, which credit, which exits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.builders import (
    NOW,
    alter,
    at_eight,
    board,
    chain,
    option,
    quote_of,
    situation,
    trending_bars,
)
from trader.domain.market import Bars, Board
from trader.domain.trading import Intent
from trader.domain.units import HOUR, MINUTE
from trader.strategies.directional import Directional, DirectionalSettings
from trader.strategies.strategy import Cadence

UP, DOWN, FLAT = trending_bars("up"), trending_bars("down"), trending_bars("flat")


def seller(**parameters: object) -> Directional:
    """Sell one-day verticals every two hours, as the demo does, unless changed."""
    demo = {
        "target_days": 1,
        "days_tolerance": 1,
        "min_hours_left": 4,
        "delta_tolerance": 0.1,
        "min_credit_share": 0.05,
        "min_credit_fee_multiple": 2,
        "lookback_hours": 24,
        "exit_hours_before_expiry": 1,
    }
    return Directional(
        name="verticals",
        underlying="BTC",
        settings=DirectionalSettings.model_validate(demo | parameters),
        timetable=Cadence(2 * HOUR, 0, 5 * MINUTE),
    )


def opened(market: Board, bars: Bars, **parameters: object) -> Intent | None:
    """Ask for an opening; at most one may come."""
    intents = seller(**parameters).propose(situation(market, bars=bars))
    assert len(intents) <= 1
    return intents[0] if intents else None


@pytest.mark.parametrize(("bars", "calls", "direction"), [(UP, False, -1), (DOWN, True, 1)])
def test_sells_the_side_the_trend_leaves_behind(bars: Bars, calls: bool, direction: int) -> None:
    """Rising: a put spread below. Falling: a call spread above. Four strikes, one intent."""
    market = board()
    intent = opened(market, bars)
    assert intent is not None
    assert [leg.ratio for leg in intent.legs] == [-1, 1]
    short, long = (market.row(leg.instrument) for leg in intent.legs)
    assert short is not None
    assert long is not None
    assert bool(market.is_call[short]) is bool(market.is_call[long]) is calls
    assert market.expires_at[short] == market.expires_at[long] == at_eight(1)
    assert market.strike[long] - market.strike[short] == direction * 4 * 450
    assert abs(market.delta[short]) == pytest.approx(0.25, abs=0.1)
    assert intent.confidence == pytest.approx(1 - abs(market.delta[short]))
    assert intent.pricing.worst_net == pytest.approx(-market.bid[short] + market.ask[long])
    assert intent.pricing.limit_net is not None
    assert intent.pricing.worst_net is not None
    assert intent.pricing.limit_net <= intent.pricing.worst_net < 0
    assert intent.amount is None


def test_no_trend_no_trade() -> None:
    """A market to and fro, too few bars or none, and a threshold out of reach open nothing."""
    assert opened(board(), FLAT) is None
    assert opened(board(), Bars((), (), (), (), ())) is None
    assert opened(board(), UP, trend_score_min=5) is None
    assert opened(board(), UP, trend_score_min=3) is not None


def test_a_dead_market_has_no_side() -> None:
    """With a threshold of 0 a price that never moved still tells no side."""
    still = Bars(UP.opened_at, *([tuple(90_000.0 for _ in UP.close)] * 4))
    assert opened(board(), still, trend_score_min=0) is None


def test_credit_must_be_worth_the_width() -> None:
    """The credit at the touch, in USD, is compared with the strikes' distance."""
    market = board()
    intent = opened(market, UP)
    assert intent is not None
    assert intent.pricing.worst_net is not None
    share = -intent.pricing.worst_net * 90_000 / 1_800
    assert opened(market, UP, min_credit_share=share * 0.99) is not None
    assert opened(market, UP, min_credit_share=share * 1.01) is None


def test_credit_must_beat_the_fees_of_both_legs() -> None:
    """A spread that would mostly pay fees is not sold."""
    assert opened(board(), UP, min_credit_fee_multiple=40) is None


def test_the_bought_leg_must_be_quoted_too() -> None:
    """With the long strike stale or one-sided there is no spread, and never a leg alone."""
    market = board()
    intent = opened(market, UP)
    assert intent is not None
    long = intent.legs[1].instrument
    assert opened(quote_of(market, long, fresh=False), UP) is None
    assert opened(quote_of(market, long, bid=math.nan), UP) is None
    assert opened(quote_of(market, long, ask=math.nan), UP) is None


def test_the_ladder_must_reach_far_enough() -> None:
    """Where no strike is listed far enough out nothing is sold."""
    market = board()
    intent = opened(market, UP)
    assert intent is not None
    long = market.row(intent.legs[1].instrument)
    assert long is not None
    keep = market.is_call | (market.strike > market.strike[long])
    names = [name for name in Board.FIELDS if isinstance(getattr(market, name), np.ndarray)]
    cut = Board(
        underlying="BTC",
        at=market.at,
        index=market.index,
        instruments=tuple(market.instruments[row] for row in np.flatnonzero(keep)),
        **{name: getattr(market, name)[keep] for name in names},
    )
    assert opened(cut, UP) is None


def test_unknown_forward_opens_nothing() -> None:
    """Without an underlying price the width cannot be compared: no trade, no division by zero."""
    assert opened(alter(board(), {"underlying_price": math.nan}), UP) is None
    assert opened(alter(board(), {"underlying_price": 0.0}), UP) is None


def test_leaves_by_profit_stop_and_time() -> None:
    """One spread sold for .0040: half won, 2.5x lost, or an hour before expiry."""
    short, long = option("put", 88_200.0), option("put", 84_600.0)
    held = chain((short, -1.0, 0.0045), (long, 1.0, 0.0005))

    def reason(market: Board, short_ask: float) -> str | None:
        bid, mark = short_ask - 0.0002, short_ask - 0.0001
        quoted = quote_of(market, short.name, bid=bid, ask=short_ask, mark=mark)
        quoted = quote_of(quoted, long.name, bid=0.0002, ask=0.0003, mark=0.00025)
        intents = seller().propose(situation(quoted, occasion="manage", chains=(held,)))
        return intents[0].reason.partition(":")[0] if intents else None

    assert reason(board(), 0.0022) == "take profit"
    assert reason(board(), 0.0060) is None
    assert reason(board(), 0.0105) == "stop"
    assert reason(board(at=at_eight(1) - HOUR), 0.0060) == "time"


def test_sketch_is_one_put_spread() -> None:
    """The typical structure: a sold put and a bought one four round strikes below."""
    short, long = seller().sketch(90_000.0, 0.55, NOW)
    assert (short.instrument.name, long.instrument.name) == (
        "BTC-21NOV26-89000-P",
        "BTC-21NOV26-85000-P",
    )
    assert short.price > long.price > 0
