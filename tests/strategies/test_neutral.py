"""Condors and butterflies: which four legs, for which credit, in which market, until when."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

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
from trader.strategies.neutral import Neutral, NeutralSettings
from trader.strategies.strategy import Cadence

FLAT = trending_bars("flat")


def seller(**parameters: object) -> Neutral:
    """Sell weekly condors at delta .2, wings four strikes out, unless changed."""
    return Neutral(
        name="condors",
        underlying="BTC",
        settings=NeutralSettings.model_validate(parameters),
        timetable=Cadence(2 * HOUR, 0, 5 * MINUTE),
    )


def opened(market: Board, bars: Bars = FLAT, **parameters: object) -> Intent | None:
    """Ask for an opening; at most one may come."""
    intents = seller(**parameters).propose(situation(market, bars=bars))
    assert len(intents) <= 1
    return intents[0] if intents else None


def legs_of(market: Board, intent: Intent | None) -> list[tuple[float, str, float, int]]:
    """Tell ratio, side, strike and expiry of each leg, from the lowest strike up."""
    assert intent is not None
    rows = [(leg.ratio, market.row(leg.instrument)) for leg in intent.legs]
    told = [
        (ratio, "C" if market.is_call[row] else "P", float(market.strike[row]),
         int(market.expires_at[row]))
        for ratio, row in rows if row is not None
    ]  # fmt: skip
    return sorted(told, key=lambda one: (one[2], one[1] == "C"))


def test_a_condor_sells_both_sides_and_buys_both_wings() -> None:
    """Bought put, sold put, sold call, bought call, one expiry, four strikes apart each."""
    market = board()
    intent = opened(market)
    low, put, call, high = legs_of(market, intent)
    assert [one[:2] for one in (low, put, call, high)] == [
        (1, "P"), (-1, "P"), (-1, "C"), (1, "C"),
    ]  # fmt: skip
    assert {one[3] for one in (low, put, call, high)} == {at_eight(7)}
    assert (put[2] - low[2], high[2] - call[2]) == (1_800.0, 1_800.0)
    assert put[2] < 90_000 < call[2]
    assert intent is not None
    assert 0.5 < intent.confidence < 0.8
    assert intent.pricing.limit_net is not None
    assert intent.pricing.worst_net is not None
    assert intent.pricing.limit_net <= intent.pricing.worst_net < 0
    assert intent.reason.startswith("trend ")


def test_a_butterfly_sells_both_at_the_money() -> None:
    """One strike in the middle, more credit, a smaller chance."""
    market = board()
    condor, butterfly = opened(market), opened(market, shape="butterfly")
    low, put, call, high = legs_of(market, butterfly)
    assert put[2] == call[2] == 90_000.0
    assert (low[2], high[2]) == (88_200.0, 91_800.0)
    assert condor is not None
    assert butterfly is not None
    assert butterfly.confidence < condor.confidence


def test_wings_may_be_given_by_delta() -> None:
    """At |delta| .1 instead of four strikes."""
    market = board()
    low, *_, high = legs_of(market, opened(market, wing_delta=0.1, min_credit_share=0.0))
    for _, side, strike, expires_at in (low, high):
        row = market.row(option("call" if side == "C" else "put", strike, expires_at).name)
        assert row is not None
        assert abs(market.delta_at(row)) == pytest.approx(0.1, abs=0.03)


def test_a_trending_market_is_left_alone() -> None:
    """Up or down beyond the limit, or bars that tell nothing: no sale; 0 asks no trend."""
    for bars in (trending_bars("up"), trending_bars("down"), Bars((), (), (), (), ())):
        assert opened(board(), bars) is None
        assert opened(board(), bars, trend_score_max=0) is not None


def test_credit_must_be_worth_the_wider_wing_and_the_fees() -> None:
    """The credit at the touch in USD against the distance of strikes; four fees beaten."""
    market = board()
    intent = opened(market)
    assert intent is not None
    assert intent.pricing.worst_net is not None
    share = -intent.pricing.worst_net * 90_000 / 1_800
    assert opened(market, min_credit_share=share * 0.99) is not None
    assert opened(market, min_credit_share=share * 1.01) is None
    assert opened(market, min_credit_fee_multiple=40) is None


def test_one_leg_without_a_quote_is_no_structure() -> None:
    """Any of the four stale or one-sided: another strike for what is sold, nothing for a wing."""
    market = board()
    intent = opened(market)
    assert intent is not None
    for leg in intent.legs:
        for damage in ({"fresh": False}, {"bid": math.nan}, {"ask": math.nan}):
            again = opened(quote_of(market, leg.instrument, **damage))
            assert again is None or leg.instrument not in [one.instrument for one in again.legs]
    assert opened(alter(market, {"underlying_price": math.nan})) is None


def test_leaves_by_profit_stop_and_time() -> None:
    """One condor sold for .0060 in all: half won, twice lost, or twelve hours before expiry."""
    expiry = at_eight(7)
    contracts = [option("put", 84_600.0, expiry), option("put", 82_800.0, expiry),
                 option("call", 95_400.0, expiry), option("call", 97_200.0, expiry)]  # fmt: skip
    entries = [(-1.0, 0.0050), (1.0, 0.0020), (-1.0, 0.0050), (1.0, 0.0020)]
    held = chain(*((one, *entry) for one, entry in zip(contracts, entries, strict=True)))

    def reason(net: float, at: int = NOW) -> str | None:
        market = board(at=at)
        for one, (ratio, _) in zip(contracts, entries, strict=True):
            mark = 0.002 + (net / 2 if ratio < 0 else 0.0)
            quote = {"bid": mark - 0.0001, "ask": mark + 0.0001, "mark": mark}
            market = quote_of(market, one.name, **quote)
        shown = situation(market, occasion="manage", chains=(held,))
        intents = seller().propose(shown)
        return intents[0].reason.partition(":")[0] if intents else None

    assert reason(0.0024) == "take profit"
    assert reason(0.0050) is None
    assert reason(0.0124) == "stop"
    assert reason(0.0050, expiry - 11 * HOUR) == "time"


def test_one_opening_per_slot() -> None:
    """What was opened since the last slot bars another."""
    market = board()
    young = chain(approved_at=NOW, state="working", units=0.0)
    assert seller().propose(situation(market, bars=FLAT, chains=(young,))) == ()


def test_impossible_parameters_are_refused_by_name() -> None:
    """A wing nearer than what it bounds, shapes nobody knows, numbers that are none."""
    with pytest.raises(ValidationError, match=r"wing_delta 0\.3 must be below target_delta 0\.2"):
        seller(wing_delta=0.3)
    for wrong in ({"shape": "eagle"}, {"width_strikes": 0}, {"target_delta": math.nan}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            seller(**wrong)


def test_sketch_is_what_it_would_trade() -> None:
    """Four legs: sold inside, bought outside; the butterfly's middle is one strike."""
    condor = seller().sketch(90_000.0, 0.55, NOW)
    assert [leg.ratio for leg in condor] == [-1, -1, 1, 1]
    put, call, low, high = (leg.instrument.strike or 0.0 for leg in condor)
    assert low == put - 4_000
    assert high == call + 4_000
    butterfly = seller(shape="butterfly", wing_delta=0.05).sketch(90_000.0, 0.55, NOW)
    put, call, low, high = (leg.instrument.strike or 0.0 for leg in butterfly)
    assert low < put == call == 90_000 < high
