"""Tests of `trader.engine.quality`: what a score is made of, and that it is one."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from tests.engine.books import CALL, CALL_UP, INDEX, PUT
from tests.engine.quotes import market_of, quote_of
from tests.engine.test_market_state import snapshot_of
from trader.domain.events import FaultKind, FeedFault, FeedLost, FeedRestored, IndexPrice
from trader.domain.units import SECOND
from trader.engine.board_layout import SOUND, matrix
from trader.engine.market_state import MarketState
from trader.engine.quality import (
    TAKES,
    Integrity,
    content,
    freshness,
    freshnesses,
    mended,
)
from trader.engine.trust import ALL

PRICES = st.just(math.nan) | st.floats(1e-4, 1.0)


def quoted() -> MarketState:
    """Quote three contracts with two sides each, this moment."""
    market = market_of(CALL, CALL_UP, PUT)
    for one in (CALL, CALL_UP, PUT):
        market.quote(quote_of(one), NOW)
    return market


@pytest.mark.parametrize(
    ("bid", "ask", "score"),
    [(1.0, 2.0, 1.0), (2.0, 2.0, 0.0), (3.0, 2.0, 0.0), (math.nan, 2.0, 0.5), (1.0, math.nan, 0.5),
     (math.nan, math.nan, 0.0)],
)  # fmt: skip
def test_a_display_is_worth_its_sides_unless_it_contradicts_itself(
    bid: float, ask: float, score: float
) -> None:
    """Both sides 1, one 1/2, none 0; a bid at or above the ask 0."""
    assert content(bid, ask) == score


@given(st.lists(st.floats(-100, 100), min_size=1))
def test_ages_one_by_one_and_at_once_agree(ages: list[float]) -> None:
    """Boards and single touches lose their freshness alike, from 1 to 0."""
    scored = freshnesses(np.array(ages), 30.0)
    assert scored == pytest.approx([freshness(age, 30.0) for age in ages])
    assert ((scored >= 0) & (scored <= 1)).all()


@given(PRICES | st.sampled_from((0.0, -1.0, math.inf)), PRICES)
def test_displays_one_by_one_and_at_once_agree(bid: float, ask: float) -> None:
    """A quote and the row of a snapshot that say the same are scored the same."""
    rows = matrix(snapshot_of((CALL, PUT), bid=[bid, ask], ask=[ask, bid]), 1.0)
    assert rows[:, SOUND].tolist() == [content(bid, ask), content(ask, bid)]


def test_freshness_falls_from_the_cadence_to_the_limit() -> None:
    """Within two seconds nothing is lost; half way to the limit a half; beyond it all."""
    assert [freshness(age, 30.0) for age in (0.0, 2.0, 16.0, 30.0, 99.0)] == [1, 1, 0.5, 0, 0]
    assert freshness(3.0, 1.0) == 0.5


def test_every_fault_has_its_price() -> None:
    """A new kind of fault must say what it costs."""
    assert set(TAKES) == set(get_args(FaultKind))


def test_what_a_fault_took_messages_give_back() -> None:
    """A gap costs half; sixty messages later nine tenths of that are mended, later all of it."""
    value = 0.5
    for _ in range(60):
        value = mended(value)
    assert 0.95 < value < 1.0
    for _ in range(100):
        value = mended(value)
    assert value == 1.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["heard", "heard_all", "damage", "begin", "grow"]), st.integers(0, 3)
        ),
        max_size=300,
    )
)
def test_channels_heard_together_mend_as_one_by_one(steps: list[tuple[str, int]]) -> None:
    """Whatever came before, the integrity that is told is the one each channel has earned."""
    kept, earned = Integrity(4), [1.0] * 4
    for what, row in steps:
        rows = np.arange(row + 1)
        match what:
            case "heard":
                earned = _mend(earned, [row])
                assert kept.heard(row) == earned[row]
            case "heard_all":
                kept.heard_all(rows)
                earned = _mend(earned, rows.tolist())
            case "damage":
                kept.damage(row, 0.9)
                earned[row] *= 0.9
            case "begin":
                kept.begin(row)
                earned[row] = 1.0
            case _:
                kept.grow(len(earned) + row)
                earned += [1.0] * row
        every = np.arange(len(earned))
        assert np.broadcast_to(kept.of(every), every.shape).tolist() == earned


def _mend(earned: list[float], rows: list[int]) -> list[float]:
    return [mended(value) if row in rows else value for row, value in enumerate(earned)]


def test_a_fault_costs_the_channels_it_names_and_no_other() -> None:
    """Duplicates of one instrument do not make its neighbors worse."""
    market = quoted()
    assert [market.score(one.name) for one in (CALL, CALL_UP, PUT)] == [1.0, 1.0, 1.0]
    market.fault(FeedFault("out_of_order", (CALL.name,), "test"))
    assert [market.score(one.name) for one in (CALL, CALL_UP, PUT)] == [0.8, 1.0, 1.0]
    market.quote(quote_of(CALL, NOW + 1), NOW + 1)
    assert market.score(CALL.name) == pytest.approx(0.81)
    market.fault(FeedFault("duplicate", (ALL,), "test"))
    market.fault(FeedFault("garbage", ("index:BTC",), "test"))
    assert market.score(PUT.name) == 0.9
    assert market.index_score("BTC") == pytest.approx(0.45)


def test_what_is_not_believed_scores_nothing_until_it_speaks_again() -> None:
    """A lost channel, a lost feed, an index that disagrees and an unknown name are all 0."""
    market = quoted()
    market.lost(FeedLost("mute_channel", (CALL.name,), "test"))
    assert (market.score(CALL.name), market.score(PUT.name)) == (0.0, 1.0)
    market.lost(FeedLost("server_gone", (ALL,), "test"))
    market.trust.restored(FeedRestored((ALL,), "test"))
    assert (market.score(PUT.name), market.index_score("BTC")) == (0.0, 0.0)
    market.quote(quote_of(PUT, NOW + 1), NOW + 1)
    market.index_price(IndexPrice("BTC", INDEX, NOW + 1), NOW + 1)
    assert market.score(PUT.name) == pytest.approx(0.525)
    market.quote(quote_of(PUT, NOW + 2, index_price=2 * INDEX), NOW + 2)
    assert (market.score(PUT.name), market.score("unknown")) == (0.0, 0.0)


def test_age_and_a_clock_that_is_off_count_alike() -> None:
    """A still quote loses its worth; one from the future was stamped by a clock that is wrong."""
    market = quoted()
    market.at += 16 * SECOND
    assert market.score(CALL.name) == 0.5
    assert market.board("BTC").quality.tolist() == [0.5, 0.5, 0.5]
    market.quote(quote_of(CALL, NOW + 60 * SECOND), market.at)
    assert market.score(CALL.name) == 0.0


def test_touch_board_and_sum_tell_the_same_and_an_expiry_leaves_nothing() -> None:
    """Decisions read the score beside the prices; what left the list is in no sum."""
    market = quoted()
    market.fault(FeedFault("gap", (PUT.name,), "test"))
    touch = market.touch(PUT.name)
    assert touch is not None
    assert touch.quality == 0.5
    assert sorted(market.board("BTC").quality.tolist()) == [0.5, 1.0, 1.0]
    assert market.board("BTC").score == pytest.approx(2.5 / 3)
    assert market.scores() == {"BTC index": 1.0, "BTC options": pytest.approx(2.5 / 3)}
    market.expire([PUT.name])
    assert market.scores() == {"BTC index": 1.0, "BTC options": 1.0}
    market.list([PUT])
    market.quote(quote_of(PUT), NOW)
    assert market.score(PUT.name) == 1.0
