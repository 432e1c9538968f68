"""Is what a stopped perpetual can lose what its worst path loses, and do stops only come nearer?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.scenes import (
    BOARD,
    EQUITY,
    GATE,
    NOW,
    SPOT,
    VERTICAL,
    chain,
    consumer,
    intent,
    perpetual,
    touch,
    view,
)
from trader.domain.portfolio import ChainView, Course
from trader.domain.trading import Approved, Intent, Leg, Refused, Stop, Verdict
from trader.domain.valuation import result, trade_fee
from trader.risk.max_loss import PricedLeg, UndefinedRisk
from trader.risk.perpetual import stopped_loss

PERPETUAL, LINEAR = perpetual(), perpetual(inverse=False)
LONG = (Leg(PERPETUAL.name, 1),)
STOP = Stop(SPOT - 1_500.0, 500.0)
SHOWN = {PERPETUAL.name: touch(PERPETUAL, bid_amount=1e6, ask_amount=1e6)}


def wish(**changes: Any) -> Intent:
    """Wish to buy 10,000 USD of the perpetual, stopped 1,500 below."""
    fields: dict[str, Any] = {"stop": STOP, "amount": 10_000.0}
    return intent(legs=LONG, **(fields | changes))


def held(units: float = 10_000.0, *, stop: Stop = STOP, **changes: Any) -> ChainView:
    """Hold the perpetual since SPOT with a stop."""
    course = Course(
        tag="trend_long", stop=stop, first_stop=stop.price, entry_price=SPOT, units=units,
        top_price=SPOT,
    )  # fmt: skip
    loss = stopped_loss(PricedLeg(PERPETUAL, units, SPOT, 1.0), stop)
    fields = {"course": course, "max_loss_usd": loss.usd, "max_loss_coin": loss.coin}
    return msgspec.structs.replace(chain(units, legs=((PERPETUAL, 1.0),)), **fields | changes)


def judged(asked: Intent, **changes: Any) -> Verdict:
    """Judge it before a rich account."""
    return GATE.judge(asked, view(**({"touches": SHOWN} | changes)), "V1-0")


@pytest.mark.parametrize("action", ["roll", "hedge"])
def test_what_changes_a_chain_states_no_stop(action: Any) -> None:
    """Nobody would watch it, and legs beside the first would not be sized."""
    asked = intent(
        legs=(Leg(PERPETUAL.name, 1_000), *VERTICAL), action=action, chain_id=chain().chain_id,
        stop=STOP,
    )  # fmt: skip
    verdict = GATE.judge(asked, view(touches=BOARD | SHOWN, chain=chain()), "V1-0")
    assert isinstance(verdict, Refused)
    assert (verdict.rule, "states no stop" in verdict.explanation) == ("invalid_intent", True)


@given(
    size=st.sampled_from([10.0, 5_000.0, -20_000.0]),
    distance=st.floats(10.0, 20_000.0),
    gap=st.floats(0.0, 5_000.0),
)
@pytest.mark.parametrize("instrument", [PERPETUAL, LINEAR], ids=["inverse", "linear"])
def test_no_path_to_the_gap_beyond_the_stop_loses_more(
    instrument: Any, size: float, distance: float, gap: float
) -> None:
    """Left anywhere between entry and gap, with both fees, it loses what is stated, or less."""
    size = size if instrument.inverse else size / 10_000.0
    sign = 1.0 if size > 0 else -1.0
    loss = stopped_loss(PricedLeg(instrument, size, SPOT), Stop(SPOT - sign * distance, gap))
    for step in range(21):
        price = SPOT - sign * (distance + gap) * step / 20
        fees = trade_fee(instrument, size, SPOT, SPOT) + trade_fee(instrument, size, price, price)
        lost = fees - result(instrument, size, SPOT, price)
        in_usd = lost * price if instrument.inverse else lost
        assert in_usd <= loss.usd * (1 + 1e-3)
        if instrument.inverse:
            assert lost <= loss.coin * (1 + 1e-9)


def test_a_hand_computed_loss() -> None:
    """6,500 USD from 65,000 to a gap at 63,000 lose 200, two fees of 3.25, .1 of spread."""
    loss = stopped_loss(PricedLeg(PERPETUAL, 6_500.0, SPOT, 1.0), Stop(63_500.0, 500.0))
    assert loss.usd == pytest.approx(200.0 + 2 * 3.25 + 0.1)
    assert (loss.stress_low, loss.stress_high) == (63_000.0, SPOT)


def test_a_stop_beyond_the_entry_leaves_only_costs() -> None:
    """Raised by more than the gap above the entry, nothing but fees and spread can be lost."""
    loss = stopped_loss(PricedLeg(PERPETUAL, 6_500.0, SPOT, 1.0), Stop(66_000.0, 500.0))
    assert loss.usd == pytest.approx(2 * 3.25 + 0.1)
    within = stopped_loss(PricedLeg(PERPETUAL, 6_500.0, SPOT, 1.0), Stop(65_250.0, 500.0))
    assert within.usd == pytest.approx(25.0 + 2 * 3.25 + 0.1)


def test_a_gap_below_zero_is_no_price() -> None:
    """No long position loses more than everything: such a stop states nothing."""
    with pytest.raises(UndefinedRisk, match="gap of 3000"):
        stopped_loss(PricedLeg(PERPETUAL, 10.0, SPOT), Stop(2_000.0, 3_000.0))


def test_an_open_is_sized_by_stop_and_gap() -> None:
    """Asked for as much as is allowed, a trade risks one percent of equity, not a lot more."""
    verdict = judged(wish(amount=None))
    assert isinstance(verdict, Approved)
    entry = SHOWN[PERPETUAL.name].ask
    lot = stopped_loss(PricedLeg(PERPETUAL, 10.0, entry, 1.0), STOP)
    share = lot.share(EQUITY, SPOT)
    assert verdict.max_loss.share <= 0.01 + 1e-12
    assert verdict.max_loss.share > 0.01 - share
    assert verdict.amount % 10 == 0


def test_an_open_without_a_stop_is_refused() -> None:
    """Nothing else bounds a perpetual."""
    verdict = judged(wish(stop=None))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "undefined_risk"
    assert "state stop and gap" in verdict.explanation


@pytest.mark.parametrize("price", [SPOT + 1_000.0, SPOT + 0.5, SPOT - 0.5])
def test_a_stop_that_is_met_already_is_refused(price: float) -> None:
    """It would be left the moment it is entered."""
    verdict = judged(wish(stop=Stop(price, 100.0)))
    assert isinstance(verdict, Refused)
    assert "already met" in verdict.explanation


def test_a_stop_belongs_to_one_perpetual() -> None:
    """Options have their own bounds; a stop on them would be watched by nobody."""
    verdict = judged(intent(legs=VERTICAL, stop=STOP), touches=BOARD | SHOWN)
    assert isinstance(verdict, Refused)
    assert "one leg of a perpetual" in verdict.explanation


def test_an_addition_takes_risk_and_no_slot() -> None:
    """With every slot of the day used, a pyramid passes; it states the stop that stands."""
    used = (consumer("C1", 0.001), consumer("C2", 0.001))
    asked = wish(action="add", chain_id="C9-0", amount=500.0)
    verdict = judged(asked, chain=held(), slots_used=used)
    assert isinstance(verdict, Approved)
    assert not verdict.reservation.slot
    assert verdict.reservation.usd == verdict.max_loss.usd > 0
    other = judged(wish(action="add", chain_id="C9-0", stop=Stop(64_000.0, 1.0)), chain=held())
    assert isinstance(other, Refused)
    assert "move that first" in other.explanation


def protect(price: float, **changes: Any) -> Verdict:
    """Ask to move the stop."""
    asked = intent("protect", LONG, stop=Stop(price, 400.0))
    return judged(asked, **({"chain": held()} | changes))


def test_a_stop_may_come_nearer_whatever_else_is_forbidden() -> None:
    """Paused, halted, full: moving a stop frees risk and passes."""
    verdict = protect(SPOT - 200.0, paused="anna: lunch", trading_pnl_usd=-EQUITY, open_chains=99)
    assert isinstance(verdict, Approved)
    assert verdict.amount == 10_000.0
    assert 0 < verdict.max_loss.usd < held().max_loss_usd
    assert verdict.reservation.usd == 0


def test_a_stop_may_not_move_away() -> None:
    """Risk that was stated is not enlarged by waiting."""
    verdict = protect(SPOT - 2_000.0)
    assert isinstance(verdict, Refused)
    assert "may not move away" in verdict.explanation


def test_a_chain_without_a_stop_has_none_to_move() -> None:
    """The same for options, and for a chain nobody knows."""
    for other in (chain(10.0, legs=((PERPETUAL, 1.0),)), None):
        assert isinstance(protect(SPOT, chain=other), Refused)


def test_part_of_a_chain_can_be_given_up() -> None:
    """A reduction passes with its amount; NOW is not looked at."""
    verdict = judged(intent("close", LONG, amount=5_000.0), chain=held(), at=NOW)
    assert isinstance(verdict, Approved)
    assert verdict.amount == 5_000.0
