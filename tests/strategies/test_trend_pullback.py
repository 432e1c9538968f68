"""Does it enter on signals, and manage by stop, target, time and additions? Scene by scene."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.builders import INDEX, NOW, working_order
from tests.strategies.perpetuals import bars_of, breakout, dip, flat, holding, shown
from trader.domain.market import Bars
from trader.domain.trading import Leg, Stop, Withheld
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.strategy import Cadence
from trader.strategies.trend_features import latest
from trader.strategies.trend_pullback import TrendPullback
from trader.strategies.trend_sleeves import Sleeve, TrendPullbackSettings, first_stop

if TYPE_CHECKING:
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.domain.trading import Action, Intent

PRICE = INDEX["BTC"]
NAME = "BTC-PERPETUAL"
LATER = NOW + 20 * MINUTE
"""Within the hour: no bar has just closed."""


def strategy(underlying: str = "BTC", **parameters: Any) -> TrendPullback:
    """Build one that decides each hour."""
    return TrendPullback(
        name="trend",
        underlying=underlying,
        settings=TrendPullbackSettings(**parameters),
        timetable=Cadence(HOUR, 0, 5 * MINUTE),
    )


def actions(situation: Situation, **parameters: Any) -> list[str]:
    """List what it does: what it only withholds is none of it."""
    proposed = strategy(**parameters).propose(situation)
    return [one.action for one in proposed if one.withheld is None]


def withheld(situation: Situation, **parameters: Any) -> dict[tuple[str, str], Withheld]:
    """Tell why signals are not traded, by coin and sleeve."""
    proposed = strategy(**parameters).propose(situation)
    return {(one.underlying, one.tag): one.withheld for one in proposed if one.withheld is not None}


def only(situation: Situation, **parameters: Any) -> Intent:
    """Take the one thing it does."""
    (intent,) = strategy(**parameters).propose(situation)
    return intent


@pytest.mark.parametrize(("bars", "tag"), [(breakout(), "trend_long"), (dip(), "pullback_long")])
def test_enters_on_a_signal_with_a_stop(bars: Bars, tag: Sleeve) -> None:
    """On the bar that has just closed: its stop, one range of gap, in dollars of the perpetual."""
    intent = only(shown(bars))
    row = latest(bars)
    assert row is not None
    assert (intent.action, intent.tag, intent.legs) == ("open", tag, (Leg(NAME, 1),))
    ask = bars.close[-1] + 1.0
    assert intent.stop == Stop(first_stop(tag, row, ask), row["ATR"])
    assert intent.amount is not None
    assert 10_000 < intent.amount <= 0.55 * 1_800_000.0
    assert intent.reason.startswith(f"{tag}: closed at")


def test_a_quiet_market_and_short_histories_are_left_alone() -> None:
    """No signal, too few bars, or bars that end before the last hour: nothing."""
    assert actions(shown(flat())) == []
    assert actions(shown(breakout(rows=201))) == []
    assert actions(shown(breakout(rows=202))) == ["open"]
    assert actions(shown(breakout(at=NOW - HOUR), at=NOW)) == []


def test_quotes_must_be_sound() -> None:
    """A stale or one-sided quote is no price to enter at."""
    for wrong in ({"fresh": False}, {"bid": math.nan}, {"ask": math.nan}, {"ask_amount": 0.0}):
        assert actions(shown(breakout(), touch=wrong)) == []


def test_a_linear_perpetual_is_counted_in_coins() -> None:
    """As many coins as the inverse one's dollars would buy."""
    dollars = only(shown(breakout())).amount
    coins = only(shown(breakout(), linear=True), linear=True).amount
    assert dollars is not None
    assert coins is not None
    assert dollars / (breakout().close[-1] + 1.0) == pytest.approx(coins, rel=1e-9)


def test_a_coin_is_held_once() -> None:
    """Neither the same sleeve again nor, unless it is allowed, the other beside it."""
    assert "open" not in actions(shown(breakout(), chains=(holding(hours=1),)))
    kept = shown(breakout(), chains=(holding("pullback_long", hours=0),))
    assert "open" not in actions(kept, allow_cross_sleeve_symbol_overlap=False)
    assert "open" not in actions(kept)  # it is much like itself
    assert withheld(kept)["BTC", "trend_long"].rule == "correlation_gate"
    assert "open" in actions(kept, trend_correlation_threshold=1.0)
    none = {"trend_long": 0, "pullback_long": 3}
    assert actions(shown(breakout()), strategy_max_positions=none) == []


def test_a_sleeve_waits_after_it_left() -> None:
    """More than `cooldown_bars` bars must have closed since that of the exit; the other is free."""
    for bars, due in ((5, False), (6, False), (7, True)):
        left = {"trend_long": NOW - bars * HOUR}  # decided at the close of a bar: left in that one
        assert (actions(shown(breakout(), left_at=left)) == ["open"]) is due
        inside = {"trend_long": NOW - bars * HOUR - 10 * MINUTE}  # a stop within that bar
        assert (actions(shown(breakout(), left_at=inside)) == ["open"]) is due
    assert actions(shown(breakout(), left_at={"pullback_long": NOW})) == ["open"]


def test_half_of_a_trend_rests_at_its_target() -> None:
    """2.2 times the first risk above the entry, on the tick above; of one lot no half is sold."""
    intent = only(shown(flat(), chains=(holding(),), occasion="manage", at=LATER))
    assert (intent.action, intent.amount) == ("close", 5_000.0)
    assert intent.pricing.limit_net == -(PRICE + 2.2 * 0.02 * PRICE)
    odd = only(shown(flat(), chains=(holding(entry=90_000.1),), occasion="manage", at=LATER))
    assert odd.pricing.limit_net == -93_960.5
    assert actions(shown(flat(), chains=(holding(units=10.0),), occasion="manage", at=LATER)) == []


def test_a_pullback_rests_whole_at_its_target() -> None:
    """1.8 ranges above its entry."""
    held = holding("pullback_long", hours=0, gap=500.0)
    intent = only(shown(flat(), chains=(held,), occasion="manage"))
    assert (intent.action, intent.amount) == ("close", None)
    assert intent.pricing.limit_net == -(PRICE + 900.0)


def test_an_exit_is_offered_once() -> None:
    """While any order works on the chain, no other is made; an entry fills first."""
    both: tuple[Action, ...] = ("close", "open")
    for action in both:
        order = working_order(action, legs=(Leg(NAME, -1),))
        scene = shown(flat(), chains=(holding(),), orders=(order,), occasion="manage", at=LATER)
        assert actions(scene) == []


def partly(**changes: Any) -> ChainView:
    """Hold a trend of which half was sold."""
    return holding(reduced=5_000.0, **changes)


def test_the_entry_is_risked_no_more_once_half_is_sold() -> None:
    """At once, not at the next close; the gap stays the one it was."""
    intent = only(shown(flat(), chains=(partly(),), occasion="manage", at=LATER))
    assert (intent.action, intent.stop) == ("protect", Stop(PRICE, 300.0))
    assert "risk the entry no more" in intent.reason


def test_the_stop_follows_the_highest_price() -> None:
    """Some ranges below the highest of entry, additions and bars since; it never falls back."""
    bars = breakout()
    row = latest(bars)
    assert row is not None
    held = holding(entry=PRICE * 0.98, hours=3)
    intent = only(shown(bars, chains=(held,), occasion="manage", orders=RESTING))
    top = max(bars.high[-3:])
    assert intent.stop == Stop(top - 5.0 * row["ATR"], row["ATR"])
    higher = holding(entry=PRICE * 0.98, hours=3, top_price=top + 50.0)
    moved = only(shown(bars, chains=(higher,), occasion="manage", orders=RESTING)).stop
    assert moved == Stop(top + 50.0 - 5.0 * row["ATR"], row["ATR"])
    above = holding(entry=PRICE * 0.98, hours=3, stop=top - row["ATR"])
    assert actions(shown(bars, chains=(above,), occasion="manage", orders=RESTING)) == []
    entered = holding(entry=PRICE * 0.98, hours=0)
    assert actions(shown(bars, chains=(entered,), occasion="manage", orders=RESTING)) == []


RESTING = (working_order("close", legs=(Leg(NAME, -1),)),)


def test_between_closes_only_what_filled_is_looked_at() -> None:
    """Later in the hour no bar is new: the stop is not moved again."""
    held = holding(entry=PRICE * 0.98, hours=3)
    scene = shown(breakout(), chains=(held,), occasion="manage", orders=RESTING)
    assert actions(scene) == ["protect"]
    assert actions(msgspec.structs.replace(scene, at=NOW + 5 * MINUTE)) == []


def test_a_trend_that_pays_is_added_to_once() -> None:
    """Half sold, its entry safe, closed two risks above: up to 18 % of what it began with."""
    bars = breakout()
    held = partly(entry=PRICE * 0.95, stop=PRICE * 0.95, hours=5)
    protect, add, again = strategy().propose(shown(bars, chains=(held,)))
    assert again.withheld is not None
    assert (protect.action, add.action) == ("protect", "add")
    assert protect.stop is not None
    assert add.stop is not None
    assert add.stop.price == protect.stop.price
    # 10,000 dollars at the entry are so many coins; 18 % of them at the ask, in whole contracts
    assert add.amount == 10_000.0 / (PRICE * 0.95) * 0.18 * (bars.close[-1] + 1.0) // 10 * 10
    assert add.legs == (Leg(NAME, 1),)
    for changes in ({"adds": 1}, {"reduced": 0.0}):
        told = msgspec.structs.replace(held.course, **changes)  # type: ignore[type-var]
        other = msgspec.structs.replace(held, course=told)
        assert "add" not in actions(shown(bars, chains=(other,)))
    assert "add" not in actions(shown(bars, chains=(held,), occasion="manage"))
    assert "add" not in actions(shown(bars, chains=(held,)), pyramid_enabled=False)
    assert "add" not in actions(shown(bars, chains=(held,)), pyramid_trigger_r=4.0)


@pytest.mark.parametrize(("tag", "bars"), [("trend_long", 96), ("pullback_long", 56)])
def test_too_old_positions_are_left(tag: str, bars: int) -> None:
    """After more bars than they have, at any price; a resting exit gives way; once is enough."""
    young, old = holding(tag, hours=bars), holding(tag, hours=bars + 1)
    urgent = working_order("close", legs=(Leg(NAME, -1),), limit_net=None)
    kept = shown(flat(), chains=(young,), orders=RESTING, occasion="manage")
    assert "close" not in actions(kept)
    left = only(shown(flat(), chains=(old,), orders=RESTING, occasion="manage"))
    assert (left.action, left.amount, left.pricing.limit_net) == ("close", None, None)
    assert f"held for {bars + 1} bars" in left.reason
    assert actions(shown(flat(), chains=(old,), orders=(urgent,), occasion="manage")) == []


def test_a_pullback_is_left_once_it_recovered() -> None:
    """RSI at 62 or above, on a bar since its entry."""
    held = holding("pullback_long", hours=2)
    intent = only(shown(breakout(), chains=(held,), occasion="manage"))
    assert intent.pricing.limit_net is None
    assert "RSI recovered" in intent.reason
    new = only(shown(breakout(), chains=(holding("pullback_long", hours=0),), occasion="manage"))
    assert new.pricing.limit_net is not None


def test_what_is_left_at_this_close_makes_room() -> None:
    """The other sleeve may enter on the same bar, as in the backtest; the same one waits."""
    left = holding("pullback_long", hours=2)
    assert actions(shown(breakout(), chains=(left,))) == ["close", "open"]
    old = holding(hours=97)
    assert actions(shown(breakout(), chains=(old,))) == ["close"]


def test_chains_of_others_contracts_are_left_alone() -> None:
    """Without a course, or on another perpetual, they are not this rule's."""
    plain = msgspec.structs.replace(holding(hours=99), course=None)
    assert actions(shown(flat(), chains=(plain,))) == []
    assert actions(shown(flat(), chains=(holding(hours=99, linear=True),))) == []


def test_it_says_what_it_trades_and_draws_it() -> None:
    """By the coin's name, settled in coin or in USDC."""
    assert strategy().perpetuals == {"BTC": NAME}
    assert strategy("ETH", linear=True).perpetuals == {"ETH": "ETH_USDC-PERPETUAL"}
    basket = strategy(others=("SOL", "BTC", "XRP"))
    assert list(basket.perpetuals.values()) == [NAME, "SOL_USDC-PERPETUAL", "XRP_USDC-PERPETUAL"]
    assert strategy(linear=True).linear
    (leg,) = strategy().sketch(100_000.0, 0.5, NOW)
    assert leg.stop is not None
    assert 0.005 < 1 - leg.stop.price / leg.price < 0.05


def test_bars_of_the_future_are_not_read() -> None:
    """Whoever hands over bars that have not closed yet changes nothing."""
    bars = breakout()
    later = bars_of([*bars.close, 1.0, 2.0, math.nan], NOW + 3 * HOUR)
    whole = Bars(
        later.opened_at, *((*getattr(bars, name), *getattr(later, name)[-3:])
                           for name in ("open", "high", "low", "close"))
    )  # fmt: skip
    for chains in ((), (holding(entry=PRICE * 0.98),)):
        before = strategy().propose(shown(bars, chains=chains))
        told = shown(bars, chains=chains)
        careless = msgspec.structs.replace(told.perpetuals["BTC"], history=lambda: whole)
        shown_it = msgspec.structs.replace(told, perpetuals={"BTC": careless})
        assert strategy().propose(shown_it) == before


def test_resting_orders_outlive_the_longest_stay() -> None:
    """An exit that ended before the position would leave it without a target."""
    intent = only(shown(flat(), chains=(holding(),), occasion="manage", at=LATER))
    assert intent.pricing.lifetime >= 30 * DAY
