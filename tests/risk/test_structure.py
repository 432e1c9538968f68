"""Are legs priced at the side they would trade on, and what they bind counted in full?"""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.risk.scenes import (
    BOARD,
    FAR_CALL,
    LONG_CALL,
    NOW,
    SHORT_CALL,
    SPOT,
    VERTICAL,
    chain,
    option,
    perpetual,
    touch,
)
from trader.domain.instruments import spot_pair
from trader.domain.trading import Leg
from trader.risk.limits import RiskSettings
from trader.risk.margin import standard_margin
from trader.risk.max_loss import UndefinedRisk
from trader.risk.structure import (
    coin_cost,
    held_legs,
    legs_loss,
    margin_needed,
    margin_released,
    opening_legs,
    replaced,
    tradable,
    uncovered_calls,
)


def test_sells_at_the_bid_and_buys_at_the_ask() -> None:
    """Opening crosses the touch on every leg; the spread is what leaving would cost."""
    sold, bought = opening_legs(VERTICAL, BOARD)
    shown = BOARD[SHORT_CALL.name]
    assert (sold.ratio, sold.entry_price) == (-1.0, shown.bid)
    assert (bought.ratio, bought.entry_price) == (1.0, BOARD[LONG_CALL.name].ask)
    assert sold.spread == pytest.approx(shown.ask - shown.bid)


def test_a_missing_side_or_a_crossed_market_has_no_spread() -> None:
    """What is held needs no quote to be judged."""
    one_sided = {SHORT_CALL.name: touch(SHORT_CALL, ask=math.nan)}
    assert [leg.spread for leg in held_legs(chain(), one_sided)] == [0.0, 0.0]
    crossed = {SHORT_CALL.name: touch(SHORT_CALL, bid=0.02, ask=0.01)}
    assert opening_legs(VERTICAL[:1], crossed)[0].spread == 0.0


def test_expired_legs_cannot_trade() -> None:
    """A leg that waits for its delivery price is not part of what can be closed."""
    held = chain()
    waiting = tuple(msgspec.structs.replace(one, pending=True) for one in held.positions[:1])
    left = tradable(msgspec.structs.replace(held, positions=waiting + held.positions[1:]))
    assert [one.instrument.name for one in left] == [LONG_CALL.name]


def test_the_highest_volatility_stresses_all_legs() -> None:
    """A leg quoted at 200 % widens the range for the whole structure."""
    calm = legs_loss(
        opening_legs(VERTICAL[:1], BOARD), BOARD, index=SPOT, at=NOW, settings=RiskSettings()
    )
    wild_board = {SHORT_CALL.name: touch(SHORT_CALL, mark_iv=2.0)}
    wild = legs_loss(
        opening_legs(VERTICAL[:1], wild_board),
        wild_board,
        index=SPOT,
        at=NOW,
        settings=RiskSettings(),
    )
    assert wild.usd > 2 * calm.usd


def test_an_option_without_volatility_has_no_stress() -> None:
    """NaN in one leg leaves the whole structure undefined."""
    board = dict(BOARD) | {LONG_CALL.name: touch(LONG_CALL, mark_iv=math.nan)}
    with pytest.raises(UndefinedRisk, match="no implied volatility"):
        legs_loss(opening_legs(VERTICAL, board), board, index=SPOT, at=NOW, settings=RiskSettings())


def test_margin_counts_shorts_premiums_and_fees_but_no_credit() -> None:
    """A vertical binds its short leg in full, pays for the long one, and both fees."""
    shown, paid = BOARD[SHORT_CALL.name], BOARD[LONG_CALL.name]
    initial, _ = standard_margin(SHORT_CALL, -1.0, shown.mark, SPOT, SPOT)
    fees = min(0.0003, shown.bid / 8) + min(0.0003, paid.ask / 8)
    needed = margin_needed(opening_legs(VERTICAL, BOARD), BOARD, SPOT)
    assert needed == pytest.approx({"BTC": initial + paid.ask + fees})


def test_margin_is_kept_apart_by_currency() -> None:
    """A linear leg binds USDC, an inverse one its coin."""
    linear = option("call", 70_000.0, inverse=False)
    board = dict(BOARD) | {linear.name: touch(linear)}
    legs = opening_legs((*VERTICAL, Leg(linear.name, -1)), board)
    assert list(margin_needed(legs, board, SPOT)) == ["BTC", "USDC"]


def test_closing_sets_margin_free_less_its_cost() -> None:
    """Two short calls free their initial margin and cost the ask and the fees."""
    held = chain(2.0)
    shown, other = BOARD[SHORT_CALL.name], BOARD[LONG_CALL.name]
    initial, _ = standard_margin(SHORT_CALL, -2.0, shown.mark, SPOT, SPOT)
    fees = 2 * min(0.0003, shown.ask / 8) + 2 * min(0.0003, other.bid / 8)
    released = margin_released(held, BOARD, SPOT)
    assert released == pytest.approx({"BTC": initial - 2 * shown.ask - fees})


def test_short_calls_are_covered_by_longs_that_last_as_long() -> None:
    """A long call covers a short one of its own expiry or a nearer one, never a later one."""
    assert uncovered_calls([(SHORT_CALL, -1.0), (LONG_CALL, 1.0)]) == {}
    assert uncovered_calls([(SHORT_CALL, -2.0), (LONG_CALL, 1.0)]) == {"BTC": 1.0}
    assert uncovered_calls([(SHORT_CALL, -1.0), (FAR_CALL, 1.0)]) == {}
    assert uncovered_calls([(SHORT_CALL, 1.0), (FAR_CALL, -1.0)]) == {"BTC": 1.0}
    assert uncovered_calls([(SHORT_CALL, 1.0)]) == {}


def test_only_inverse_calls_need_coins() -> None:
    """Puts, perpetuals and USD-settled calls are no promise to deliver coin."""
    others = [option("put", 60_000.0), option("call", 70_000.0, inverse=False), perpetual()]
    assert uncovered_calls([(one, -1.0) for one in others]) == {}


def test_a_structure_that_delivers_covers_its_linear_calls_with_its_coin() -> None:
    """One coin, two calls: one is uncovered, counted under its pair; in cash none counts."""
    call = option("call", 70_000.0, inverse=False)
    coin = spot_pair("BTC")
    assert uncovered_calls([(call, -1.0), (coin, 1.0)], delivers=True) == {}
    assert uncovered_calls([(call, -2.0), (coin, 1.0)], delivers=True) == {"BTC_USDC": 1.0}
    assert uncovered_calls([(call, -2.0), (coin, 1.0)]) == {}
    bought = option("call", 75_000.0, 14.0, inverse=False)
    assert uncovered_calls([(call, -1.0), (bought, 1.0)], delivers=True) == {}


def test_what_puts_may_have_to_pay_for_coin() -> None:
    """The strikes of short linear puts; calls and coin-settled puts oblige to nothing here."""
    put = option("put", 60_000.0, inverse=False)
    assert coin_cost([(put, -0.5)]) == 30_000.0
    assert coin_cost([(put, -0.5), (option("put", 50_000.0, inverse=False), 0.5)]) == 5_000.0
    others = [option("put", 60_000.0), option("call", 70_000.0, inverse=False), spot_pair("BTC")]
    assert coin_cost([(one, -1.0) for one in others]) == 0.0


def test_a_roll_replaces_all_but_the_coin() -> None:
    """What it frees is the options' margin."""
    call = option("call", 70_000.0, inverse=False)
    held = chain(1.0, legs=((spot_pair("BTC"), 1.0), (call, -1.0)))
    assert [one.instrument for one in replaced(held)] == [call]
    touches = {call.name: touch(call)}
    assert set(margin_released(held, touches, SPOT)) == {"USDC"}
