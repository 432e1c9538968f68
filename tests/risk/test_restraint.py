"""Does behavior forbid new risk as it should, with words, and nothing that takes risk away?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.risk.scenes import (
    GATE,
    LONG_CALL,
    NOW,
    SHORT_CALL,
    chain,
    intent,
    option,
    perpetual,
    touch,
    view,
)
from trader.domain.trading import Approved, Leg, Refused, Restraint, Stop, TypeLimits, Verdict
from trader.domain.units import HOUR
from trader.risk.case import Case
from trader.risk.limits import RiskSettings
from trader.risk.restraint import not_paused, position_caps, suits_type, trades_per_day

SWING = TypeLimits(
    position_max=0.08, confidence_min=0.65, trades_per_day_max=1, stop_atr_max=3.0,
    target_atr_max=5.0,
)  # fmt: skip
PAUSED = Restraint(
    multiplier=0.3, reason="alpha x 0.3", paused="alpha, REVENGE_TRADING: until midnight",
    paused_until=NOW + 6 * HOUR,
)  # fmt: skip
TYPED = Restraint(profile="Swing Trader, 24 trades", limits=SWING)
PERPETUAL = perpetual()
BOARD = {PERPETUAL.name: touch(PERPETUAL)}


def case(restraint: Restraint | None, wish: Any = None, **changes: Any) -> Case:
    """Bring an intent before one question."""
    shown = view(restraint=restraint, **changes)
    return Case(RiskSettings(), wish or intent(), shown, "V5-0")


def judge(restraint: Restraint | None, wish: Any = None, **changes: Any) -> Verdict:
    """Ask the whole gate."""
    return GATE.judge(wish or intent(), view(restraint=restraint, **changes), "V5-0")


def stopped(distance: float, *, gap: float = 600.0, confidence: float = 0.4) -> Any:
    """Wish to buy the perpetual, with a stop so far below the ask."""
    stop = Stop(BOARD[PERPETUAL.name].ask - distance, gap)
    return intent(legs=(Leg(PERPETUAL.name, 1.0),), stop=stop, confidence=confidence)


def test_while_an_alert_pauses_nothing_opens_and_it_is_said_until_when() -> None:
    """The refusal frees at midnight and carries the whole restraint."""
    refusal = judge(PAUSED)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.frees_at) == ("paused_by_behavior", NOW + 6 * HOUR)
    assert refusal.explanation == ("opening is paused: alpha, REVENGE_TRADING: until midnight")
    assert refusal.restraint == PAUSED


def test_a_pause_ends_at_its_instant() -> None:
    """At midnight, not after it."""
    assert not_paused(case(PAUSED, at=NOW + 6 * HOUR - 1)) is not None
    assert not_paused(case(PAUSED, at=NOW + 6 * HOUR)) is None
    assert not_paused(case(None)) is None


def test_what_takes_risk_away_passes_whatever_behavior_says() -> None:
    """A close goes through in full; a roll to less risk and a hedge as without any alert."""
    close = judge(PAUSED, intent("close", ()), chain=chain())
    assert isinstance(close, Approved)
    assert (close.amount, close.restraint) == (2.0, PAUSED)
    nearer = option("call", 71_000.0)
    narrower = (Leg(SHORT_CALL.name, -1), Leg(nearer.name, 1))
    touches = dict(view().touches) | {nearer.name: touch(nearer)}
    for wish in (intent("roll", narrower), intent("hedge", (Leg(nearer.name, 1),), amount=1.0)):
        free, held = (judge(one, wish, chain=chain(), touches=touches) for one in (None, PAUSED))
        assert isinstance(free, Approved), free
        assert isinstance(held, Approved), held
        assert held.amount == free.amount


def test_a_roll_that_adds_risk_waits_like_an_opening() -> None:
    """It is new risk."""
    wider = option("call", 78_000.0)
    touches = dict(view().touches) | {wider.name: touch(wider)}
    wish = intent("roll", (Leg(SHORT_CALL.name, -1), Leg(wider.name, 1)))
    assert isinstance(judge(None, wish, chain=chain(), touches=touches), Approved)
    refusal = judge(PAUSED, wish, chain=chain(), touches=touches)
    assert isinstance(refusal, Refused)
    assert refusal.rule == "paused_by_behavior"


@pytest.mark.parametrize(("confidence", "passes"), [(0.65, True), (0.6499, False), (1.0, True)])
def test_a_type_asks_for_confidence(confidence: float, passes: bool) -> None:
    """As much as its limit passes, a little less does not."""
    refusal = suits_type(case(TYPED, intent(confidence=confidence)))
    assert (refusal is None) == passes
    if refusal is not None:
        assert (refusal.rule, refusal.limit) == ("min_confidence", 0.65)
        assert "below the 65.0% asked of it (Swing Trader, 24 trades)" in refusal.explanation


def test_who_buys_premium_is_not_asked_for_a_sellers_confidence() -> None:
    """The same vertical the other way round costs what it can lose; a credit is asked."""
    bought = (Leg(SHORT_CALL.name, 1), Leg(LONG_CALL.name, -1))
    assert suits_type(case(TYPED, intent(legs=bought, confidence=0.4))) is None
    assert suits_type(case(TYPED, intent(confidence=0.4))) is not None


def test_who_states_a_stop_is_asked_about_that_alone() -> None:
    """Its confidence is what stop and target need to break even; the distance counts in gaps."""
    assert suits_type(case(TYPED, stopped(1_800.0), touches=BOARD)) is None
    refusal = suits_type(case(TYPED, stopped(1_801.0), touches=BOARD))
    assert refusal is not None
    assert (refusal.rule, refusal.limit) == ("stop_distance", 3.0)
    assert "3.00 average true ranges away, at most 3 are asked" in refusal.explanation
    assert suits_type(case(TYPED, stopped(9_000.0, gap=0.0), touches=BOARD)) is None


def test_the_smaller_of_two_limits_holds() -> None:
    """One trade a day suits this type though two are allowed; nothing is ever allowed beyond."""
    assert trades_per_day(case(TYPED)) == 1
    assert trades_per_day(case(None)) == trades_per_day(case(Restraint())) == 2
    generous = Restraint(limits=TypeLimits(
        position_max=0.1, confidence_min=0.5, trades_per_day_max=50, stop_atr_max=1.0,
        target_atr_max=1.0,
    ))  # fmt: skip
    assert trades_per_day(case(generous)) == 2


def test_a_position_is_capped_by_its_type() -> None:
    """Half of the limit of a trade halves the size; the refusal of nothing fitting names it."""
    small = TypeLimits(
        position_max=0.005, confidence_min=0.5, trades_per_day_max=5, stop_atr_max=1.0,
        target_atr_max=1.0,
    )  # fmt: skip
    full, capped = judge(None), judge(Restraint(profile="Scalper", limits=small))
    assert isinstance(full, Approved)
    assert isinstance(capped, Approved)
    assert capped.amount == pytest.approx(full.amount / 2, abs=0.1)
    assert [one.rule for one in capped.limits].count("position_size") == 1
    (cap,) = position_caps(case(Restraint(limits=small)), 0.001, 0.002)
    assert (cap.limit, cap.used, cap.per_unit) == (0.005, 0.001, 0.002)
    assert position_caps(case(None), 0.0, 0.1) == ()


def test_a_size_shrunk_to_nothing_says_what_shrank_it() -> None:
    """The refusal for size names multiplier and alert."""
    tiny = Restraint(multiplier=0.01, reason="alpha x 0.01 (was x 0.01 by REVENGE_TRADING)")
    for amount in (None, 1.0):
        refusal = judge(tiny, intent(amount=amount))
        assert isinstance(refusal, Refused)
        assert refusal.rule == "below_minimum_size"
        assert "alpha x 0.01 (was x 0.01 by REVENGE_TRADING)" in refusal.explanation
