"""Is a new trade sized to what every limit leaves, and each refusal explained?"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.risk.scenes import (
    BOARD,
    COVERED,
    EQUITY,
    GATE,
    LONG_CALL,
    NOW,
    SHORT_CALL,
    SPOT,
    VERTICAL,
    chain,
    consumer,
    intent,
    option,
    touch,
    view,
    working,
)
from trader.domain.trading import Approved, Intent, Leg, Refused, Restraint
from trader.domain.units import DAY, HOUR
from trader.risk.gate import Gate
from trader.risk.limits import RiskSettings
from trader.risk.structure import legs_loss, opening_legs

if TYPE_CHECKING:
    from trader.domain.market import Touch

    Touches = dict[str, Touch]


def approved(wish: Intent | None = None, **changes: Any) -> Approved:
    """Expect an approval."""
    verdict = GATE.judge(wish or intent(), view(**changes), "V123-0")
    assert isinstance(verdict, Approved), verdict
    return verdict


def refused(wish: Intent | None = None, **changes: Any) -> Refused:
    """Expect a refusal."""
    verdict = GATE.judge(wish or intent(), view(**changes), "V123-0")
    assert isinstance(verdict, Refused), verdict
    return verdict


def lot_share(legs: tuple[Leg, ...] = VERTICAL) -> float:
    """What one lot of .1 risks of the equity, by the estimate alone."""
    unit = legs_loss(opening_legs(legs, BOARD), BOARD, index=SPOT, at=NOW, settings=RiskSettings())
    return 0.1 * max(unit.usd, unit.coin * SPOT) / EQUITY


def test_a_new_trade_takes_as_much_as_one_percent_allows() -> None:
    """PRODUCTION takes every whole lot under 1 %, names the chain, holds a slot and its risk."""
    verdict = approved()
    lots = math.floor(0.01 / lot_share())
    assert verdict.amount == pytest.approx(lots * 0.1)
    assert verdict.max_loss.share == pytest.approx(lots * lot_share())
    assert verdict.chain_id == "C123-0"
    held = verdict.reservation
    assert (held.id, held.slot) == ("V123-0", True)
    assert (held.usd, held.coin) == (verdict.max_loss.usd, verdict.max_loss.coin)


def test_every_limit_asked_is_shown() -> None:
    """The approval lists each limit with its use, in the order of asking."""
    rules = [use.rule for use in approved(intent(legs=COVERED)).limits]
    assert rules == [
        "daily_loss_halt",
        "drawdown_halt",
        "maintenance_margin",
        "daily_trades",
        "open_positions",
        "per_trade_risk",
        "underlying_risk",
        "margin",
        "coverage",
    ]


def test_stages_size_the_same_wish_differently() -> None:
    """PILOT trades a quarter, RESEARCH the full size on its shadow."""
    full, pilot = approved(), approved(stage="PILOT")
    assert pilot.amount == pytest.approx(math.floor(full.amount * 2.5) / 10)
    assert approved(stage="RESEARCH", account="shadow:a").amount == full.amount


def test_a_multiplier_shrinks_and_never_grows() -> None:
    """Half a multiplier is half the size, 2 is as 1, and the verdict lists it beside the stage."""
    full = approved()
    half = approved(restraint=Restraint(multiplier=0.5, reason="a streak"))
    assert half.amount == pytest.approx(full.amount / 2, abs=0.1)
    assert [(one.name, one.factor) for one in half.sizing] == [("behavior", 0.5), ("stage", 1.0)]
    assert approved(restraint=Restraint(multiplier=2.0)).amount == full.amount
    assert [one.name for one in full.sizing] == ["stage"]


def test_trap_users_cannot_tell_why_a_gate_fired() -> None:
    """A used-up budget names rule, limit, used, requested, consumers, freeing time and equity."""
    users = (
        consumer("C2-0", 0.0145, frees_at=NOW + 2 * HOUR, underlying="btc"),
        consumer("C1-0", 0.0154, frees_at=NOW + 9 * HOUR),
        consumer("C3-0", 0.02, underlying="ETH"),
    )
    verdict = refused(consumers=users)
    assert (verdict.rule, verdict.limit) == ("underlying_risk", 0.03)
    assert verdict.used == pytest.approx(0.0299)
    assert verdict.requested == pytest.approx(lot_share())
    assert [one.id for one in verdict.consumers] == ["C1-0", "C2-0"]
    assert verdict.frees_at == NOW + 2 * HOUR
    assert verdict.equity_needed_usd == pytest.approx((lot_share() + 0.0299) * EQUITY / 0.03)
    assert 0 < verdict.allowed < 0.1
    assert "BTC carries 2.9900% and 0.1 risks 0.0124%" in verdict.explanation
    assert "limit 3.00%" in verdict.explanation


def test_a_refusal_by_a_hair_shows_the_hair() -> None:
    """Used and requested add up to more than the limit as they are written, also when rounded."""
    used = 0.03 - lot_share() + 0.00001
    verdict = refused(consumers=(consumer("C1-0", used),))
    carried, risked = re.findall(r"([\d.]+)%", verdict.explanation)[:2]
    assert float(carried) + float(risked) > 3.0


def test_the_equity_needed_is_enough() -> None:
    """At the equity a refusal asks for, one lot passes; a little below it does not."""
    poor: dict[str, Any] = {"equity_usd": 30_000.0, "stage": "PILOT"}
    verdict = refused(**poor)
    assert verdict.rule == "below_minimum_size"
    assert verdict.equity_needed_usd is not None
    assert 0 < verdict.allowed < 0.1
    needed = verdict.equity_needed_usd
    assert approved(**poor | {"equity_usd": needed * (1 + 1e-9)}).amount == 0.1
    assert refused(**poor | {"equity_usd": needed * 0.999}).rule == "below_minimum_size"


def test_an_order_shrunk_below_half_is_refused_as_dust() -> None:
    """Room for 40 % of the size is refused with what would have fitted; 60 % is traded."""
    full = approved()
    assert approved(consumers=(consumer(share=0.024),)).amount == pytest.approx(
        full.amount * 0.6, abs=0.1
    )
    verdict = refused(consumers=(consumer(share=0.026),))
    assert verdict.rule == "below_half_size"
    assert verdict.allowed == pytest.approx(full.amount * 0.4, abs=0.1)
    assert (verdict.frees_at, verdict.consumers[0].id) == (NOW + DAY, "C1-0")
    assert f"of {full.amount:g} would fit" in verdict.explanation


def test_a_wish_below_one_lot_is_refused() -> None:
    """An intent for .05 where .1 is the lot says so."""
    verdict = refused(intent(amount=0.05))
    assert (verdict.rule, verdict.allowed) == ("below_minimum_size", 0.05)
    assert "one lot of 0.1" in verdict.explanation


def test_a_stated_loss_may_exceed_the_gates_own_but_not_undercut_it() -> None:
    """Twice the loss halves the size; a smaller statement is refused; NaN is no statement."""
    full = approved(intent(amount=2.0))
    own = full.max_loss.usd
    doubled = approved(intent(amount=200.0, stated_max_loss_usd=own * 200))
    assert doubled.amount < approved().amount
    assert doubled.max_loss.usd <= 0.01 * EQUITY + 1e-6
    assert refused(intent(amount=2.0, stated_max_loss_usd=own * 0.9)).rule == "understated_risk"
    assert refused(intent(stated_max_loss_usd=math.nan)).rule == "invalid_intent"


def test_a_covered_call_needs_a_free_coin_for_each_call() -> None:
    """Free coins cap the size; none refuse; a vertical needs none."""
    full = approved(intent(legs=COVERED)).amount
    assert approved(intent(legs=COVERED), free_coins={"BTC": full - 0.2}).amount == pytest.approx(
        full - 0.2
    )
    verdict = refused(intent(legs=COVERED), free_coins={"BTC": 0.05})
    assert (verdict.rule, verdict.limit, verdict.requested) == ("coverage", 0.05, 0.1)
    assert refused(intent(legs=COVERED), free_coins={"BTC": math.nan}).rule == "coverage"
    assert approved(free_coins={}).amount == approved().amount


def test_margin_after_the_order_stays_within_the_balance() -> None:
    """The margin balance, less what is bound, caps the size and is named with its currency."""
    small = refused(margin_balance={"BTC": 1.0}, initial_margin={"BTC": 0.99})
    assert (small.rule, small.limit, small.used) == ("margin", 1.0, 0.99)
    assert "BTC" in small.explanation
    assert refused(margin_balance={}).rule == "margin"
    assert refused(margin_balance={"BTC": math.nan}).rule == "margin"
    assert refused(initial_margin={"BTC": math.nan}).rule == "margin"


def test_what_cannot_lose_cannot_be_sized() -> None:
    """A call so far out that no stress reaches it states no positive loss: refused by name."""
    far = option("call", 900_000.0)
    legs = (Leg(far.name, -1),)
    verdict = refused(intent(legs=legs), touches={far.name: touch(far, bid=0.002, ask=0.0021)})
    assert verdict.rule == "undefined_risk"
    assert "cannot be sized" in verdict.explanation


def test_an_option_without_volatility_is_undefined_risk() -> None:
    """Unbounded without a stated stress is refused."""
    board = dict(BOARD) | {SHORT_CALL.name: touch(SHORT_CALL, mark_iv=math.nan)}
    assert refused(touches=board).rule == "undefined_risk"


def test_an_addition_takes_risk_beside_its_chain_but_no_slot() -> None:
    """Chain and addition together stay within 1 %; slots of the day are not asked."""
    held = chain(3.0)
    slots = (consumer("C1-0", 0.001), consumer("C2-0", 0.001))
    present = max(held.max_loss_usd, held.max_loss_coin * SPOT) / EQUITY
    verdict = approved(intent("add"), chain=held, slots_used=slots)
    assert (verdict.reservation.slot, verdict.chain_id) == (False, "C9-0")
    assert 0.01 - lot_share() < present + verdict.max_loss.share <= 0.01
    assert "daily_trades" not in [use.rule for use in verdict.limits]


def test_an_addition_to_a_full_or_foreign_chain_is_refused() -> None:
    """No room within the trade's 1 %, no such chain, a close at work, a demoted strategy."""
    full = refused(intent("add"), chain=chain(7.1))
    assert (full.rule, full.limit) == ("below_minimum_size", 0.01)
    assert "chain carries" in full.explanation
    assert refused(intent("add")).rule == "chain_unknown"
    assert refused(intent("add"), chain=chain(), working=(working(),)).rule == "already_working"
    assert refused(intent("add"), chain=chain(), stage="RESEARCH").rule == "demoted"


def test_linear_structures_are_sized_in_their_own_currency() -> None:
    """A USDC vertical is sized by its width and bound in USDC."""
    legs = [option("call", strike, inverse=False) for strike in (70_000.0, 72_000.0)]
    board: Touches = {one.name: touch(one) for one in legs}
    wish = intent(legs=(Leg(legs[0].name, -1), Leg(legs[1].name, 1)))
    verdict = approved(wish, touches=board)
    assert verdict.max_loss.usd == pytest.approx(0.01 * EQUITY, rel=0.01)
    assert refused(wish, touches=board, margin_balance={"BTC": 20.0}).rule == "margin"


def test_the_limits_are_those_of_the_settings() -> None:
    """A tighter per-trade limit trades less, by the same rule."""
    tight = Gate(RiskSettings(max_risk_per_trade=0.005))
    verdict = tight.judge(intent(), view(), "V1-0")
    assert isinstance(verdict, Approved)
    assert verdict.amount == pytest.approx(approved().amount / 2, abs=0.1)
    assert LONG_CALL.name in BOARD


def test_two_additions_cannot_take_the_last_room_of_a_trade() -> None:
    """While one addition or the opening order still works, the chain's own risk is not settled."""
    for action in ("open", "add"):
        order = working("add" if action == "add" else "open", amount=1.0)
        verdict = refused(intent("add"), chain=chain(1.0), working=(order,))
        assert verdict.rule == "already_working"


PUT = option("put", 60_000.0, inverse=False)
WHEEL = intent(legs=(Leg(PUT.name, -1),), delivery="spot")


def test_a_put_that_delivers_coin_is_secured_by_dollars() -> None:
    """30,000 USDC of 1 % of equity, where so many are free; half of it where fewer are."""
    shown: dict[str, Any] = {"touches": {PUT.name: touch(PUT)}}
    free = approved(WHEEL, **shown, free_coins={"USDC": 1_000_000.0})
    assert free.amount == 0.5
    assert free.max_loss.usd == pytest.approx(0.5 * 60_000.0, rel=0.01)
    assert approved(WHEEL, **shown, free_coins={"USDC": 25_000.0}).amount == 0.4
    verdict = refused(WHEEL, **shown, free_coins={"USDC": 5_000.0})
    assert verdict.rule == "coverage"
    assert "may cost" in verdict.explanation
    assert "USDC in coin, 5,000.00 are free" in verdict.explanation
    cash = intent(legs=WHEEL.legs)
    assert approved(cash, **shown, free_coins={}).amount == 0.5
