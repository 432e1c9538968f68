"""Bids below, offers above, both on their ticks, and neither where it would take."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import alter, board, situation
from tests.strategies.test_edge import Sure
from trader.domain.models import Worth
from trader.domain.situation import Situation
from trader.strategies.quotes import QuoteSettings, Value, prices, value_of

MARKET = board()
ROW = MARKET.listing.places["BTC-27NOV26-90000-C"]
SETTINGS = QuoteSettings()


class Weighing(Sure, frozen=True):
    """Models whose weights are as given."""

    weights: tuple[float, ...] = (0.7, 0.3)

    def worth(self, legs: object) -> Worth:
        """Value everything at 1.05 times the displayed middle."""
        del legs
        alone = {str(place): 0.0 for place in range(len(self.weights))}
        weights = {str(place): one for place, one in enumerate(self.weights)}
        return Worth(1.05 * middle(), 0.0001, alone, weights)


def middle() -> float:
    """Tell the displayed middle of the row."""
    return float(MARKET.bid[ROW] + MARKET.ask[ROW]) / 2


def seen(models: object) -> Situation:
    """Show the board with models."""
    return msgspec.structs.replace(situation(MARKET), models=models)


def test_the_ensemble_is_asked_once_its_weights_differ() -> None:
    """Equal weights are none yet: then the mark counts, or nothing, as the setting says."""
    found = value_of(seen(Weighing(0.0)), ROW, SETTINGS)
    assert isinstance(found, Value)
    assert found.price == pytest.approx(1.05 * middle())
    assert found.source == "the ensemble"
    plain = value_of(seen(Weighing(0.0, weights=(0.5, 0.5))), ROW, SETTINGS)
    assert isinstance(plain, Value)
    assert plain.price == MARKET.mark[ROW]
    assert plain.source == "the mark (all models weigh the same as yet)"
    aside = QuoteSettings(without_ensemble="stand_aside")
    assert value_of(situation(MARKET), ROW, aside) == ("no value to quote around: no model has one")


def test_nothing_is_quoted_where_value_and_market_are_far_apart() -> None:
    """A value that the market does not share is doubted, in words."""
    found = value_of(seen(Weighing(0.0)), ROW, QuoteSettings(gap_max=0.04))
    assert isinstance(found, str)
    assert "more than 4% apart" in found
    lost = alter(MARKET, {"mark": math.nan})
    assert "shows no price" in str(value_of(situation(lost), ROW, SETTINGS))


@given(
    value=st.floats(0.0005, 0.2),
    uncertainty=st.floats(0, 0.05),
    share=st.floats(-1, 1),
    width=st.floats(0, 5),
    skew=st.floats(0, 3),
)
def test_quotes_rest_on_ticks_around_the_value(
    value: float, uncertainty: float, share: float, width: float, skew: float
) -> None:
    """Whatever the value: bid below offer, on ticks, and on their own side of the market."""
    settings = QuoteSettings(width_share=width, skew_share=skew)
    found = prices(MARKET, ROW, Value(value, uncertainty, "it"), share, settings)
    assert found is not None
    bid, ask = found
    instrument = MARKET.instruments[ROW]
    assert bid < ask
    assert bid < MARKET.ask[ROW]
    assert ask > MARKET.bid[ROW]
    for price in found:
        if price > 0:
            ticks = price / instrument.tick_at(price)
            assert ticks == pytest.approx(round(ticks), abs=1e-6)


@given(share=st.floats(0.5, 1))
def test_what_is_held_moves_both_quotes_against_it(share: float) -> None:
    """Long lowers both, short raises both: the next fill brings inventory back."""
    value = Value(middle(), 0.0, "it")
    settings = QuoteSettings(width_share=3.0, skew_share=3.0)
    flat = prices(MARKET, ROW, value, 0.0, settings)
    long, short = (prices(MARKET, ROW, value, one, settings) for one in (share, -share))
    assert flat is not None
    assert long is not None
    assert short is not None
    assert long[0] < flat[0]
    assert long[1] <= flat[1]
    assert short[1] > flat[1]
    assert short[0] >= flat[0]


def test_a_missing_number_quotes_nothing() -> None:
    """No ask, no width: no price is made up."""
    lost = alter(MARKET, {"ask": math.nan})
    assert prices(lost, ROW, Value(0.01, 0.0, "it"), 0.0, SETTINGS) is None
