"""A session reserves the worse of its sides, and none of its quotes leads beyond that."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.scenes import (
    BOARD,
    GATE,
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
from trader.domain.portfolio import ChainView, Position, Session, WorkingOrder
from trader.domain.trading import Approved, Intent, Leg, Pricing, Quoting, Refused
from trader.domain.units import MINUTE

LEGS = (Leg(SHORT_CALL.name, 1),)
QUOTING = Quoting(follow_after=5 * MINUTE)
MOST = 1.0


def opening(**changes: Any) -> Intent:
    """Wish for a session of at most one contract either way."""
    fields: dict[str, Any] = {"amount": MOST, "quoting": QUOTING}
    return intent(legs=LEGS, **(fields | changes))


def session(held: float = 0.0, *, reserved: float = 0.2, **changes: Any) -> ChainView:
    """Hold a session that reserved so much coin."""
    terms = Session(instrument=SHORT_CALL, inventory_max=MOST, follow_after=5 * MINUTE)
    one = chain(abs(held), legs=((SHORT_CALL, math.copysign(1.0, held)),) if held else ())
    fields: dict[str, Any] = {
        "session": msgspec.structs.replace(terms, **changes),
        "max_loss_usd": reserved * SPOT,
        "max_loss_coin": reserved,
    }
    return msgspec.structs.replace(one, **fields)


def quote(ratio: int, amount: float = 0.3, **changes: Any) -> Intent:
    """Wish for one quote."""
    fields: dict[str, Any] = {"amount": amount, "pricing": Pricing(limit_net=ratio * 0.01)}
    return intent("quote", (Leg(SHORT_CALL.name, ratio),), **(fields | changes))


def judged(wish: Intent, held: ChainView | None = None, **changes: Any) -> Approved | Refused:
    """Ask the gate about a wish and the session it is for."""
    return GATE.judge(wish, view(chain=held, **changes), "V1-0")


def approved(wish: Intent, held: ChainView | None = None, **changes: Any) -> Approved:
    """Ask the gate; it approves."""
    verdict = judged(wish, held, **changes)
    assert isinstance(verdict, Approved), verdict
    return verdict


def refused(wish: Intent, held: ChainView | None = None, **changes: Any) -> Refused:
    """Ask the gate; it refuses."""
    verdict = judged(wish, held, **changes)
    assert isinstance(verdict, Refused), verdict
    return verdict


def test_a_session_states_the_worse_of_its_sides() -> None:
    """One slot; its max loss is that of buying or of selling all it may hold, whichever is more."""
    verdict = approved(opening())
    sides = [approved(intent(legs=(Leg(SHORT_CALL.name, one),), amount=MOST)) for one in (1, -1)]
    assert verdict.reservation.slot
    assert verdict.chain_id == "C1-0"
    assert verdict.max_loss.usd == max(one.max_loss.usd for one in sides)
    assert verdict.max_loss.coin == max(one.max_loss.coin for one in sides)
    assert verdict.reservation.usd == verdict.max_loss.usd


def test_a_session_asks_for_slot_coins_and_budget_like_any_trade() -> None:
    """Two trades a day; coins that cover all it may sell; the budget of its underlying."""
    users = (consumer("C1-0"), consumer("C2-0"))
    assert refused(opening(), slots_used=users).rule == "daily_trades"
    assert refused(opening(), free_coins={"BTC": 0.0}).rule == "coverage"
    full = (consumer("C1-0", 0.03),)
    assert refused(opening(), consumers=full).rule == "underlying_risk"
    assert refused(opening(), margin_balance={"BTC": 0.001}).rule == "margin"
    small = approved(opening(), free_coins={"BTC": 0.6})
    assert small.amount == pytest.approx(0.6)


@pytest.mark.parametrize(
    "legs", [VERTICAL, (Leg(SHORT_CALL.name, -1),), (Leg(SHORT_CALL.name, 2),)]
)
def test_a_session_is_of_one_option(legs: tuple[Leg, ...]) -> None:
    """No structure, no side, no multiple: which side fills is the market's choice."""
    verdict = refused(intent(legs=legs, amount=MOST, quoting=QUOTING))
    assert verdict.rule == "invalid_intent"
    assert "a session quotes one option" in verdict.explanation


@given(
    held=st.integers(-10, 10), ratio=st.sampled_from((1, -1)), wish=st.integers(1, 40),
    rests=st.integers(0, 10), reserved=st.floats(0.001, 0.5),
)  # fmt: skip
def test_no_quote_leads_beyond_the_most(
    held: int, ratio: int, wish: int, rests: int, reserved: float
) -> None:
    """Whatever is held, rests and is wished for: with all of that side filled the inventory stays
    within the session's most, and within what is reserved at today's prices.
    """
    one = session(held / 10, reserved=reserved)
    other = WorkingOrder(
        msgspec.structs.replace(
            working("quote").order, legs=(Leg(SHORT_CALL.name, ratio),), amount=rests / 10 or 0.1
        ),
        0.0 if rests else 0.1,
    )
    verdict = judged(quote(ratio, wish / 10), one, working=(other,))
    if isinstance(verdict, Refused):
        assert verdict.rule == "inventory"
        assert held * ratio / 10 + rests / 10 + 0.1 > verdict.limit - 1e-9
        return
    assert verdict.amount <= wish / 10 + 1e-9
    after = held * ratio / 10 + rests / 10 + verdict.amount
    assert after <= MOST + 1e-9
    assert not verdict.reservation.slot
    assert (verdict.reservation.usd, verdict.reservation.coin) == (0.0, 0.0)
    if after > 0:
        loss = approved(intent(legs=(Leg(SHORT_CALL.name, ratio),), amount=0.1)).max_loss
        assert (
            loss.coin * 10 * after <= reserved * (1 + 1e-6) + 0.1 * loss.coin
            or after <= max(held * ratio / 10 + rests / 10, 0.0) + 1e-9
        )


def test_a_later_price_leaves_room_for_less() -> None:
    """What is reserved was for the prices of the opening: where one unit can lose more by now,
    fewer of them fit.
    """
    began = approved(opening())
    held = msgspec.structs.replace(
        session(), max_loss_usd=began.max_loss.usd, max_loss_coin=began.max_loss.coin
    )
    fits = approved(quote(-1, MOST), held)
    assert fits.amount == began.amount
    dearer = {name: touch(one.instrument, spot=1.08 * SPOT) for name, one in BOARD.items()}
    later = approved(quote(-1, MOST), held, touches=dearer, index=1.08 * SPOT)
    assert later.amount < fits.amount


def test_what_gives_inventory_back_passes_while_opening_is_halted() -> None:
    """A pause, a halt, a demotion: the reducing part of a quote rests all the same."""
    for stop in (
        {"paused": "ann: lunch"},
        {"trading_pnl_usd": -200_000.0},
        {"stage": "RESEARCH"},
    ):
        assert approved(quote(-1, 0.3), session(0.4), **stop).amount == 0.3
        assert approved(quote(-1, 1.0), session(0.4), **stop).amount == pytest.approx(0.4)
        assert isinstance(judged(quote(1, 0.3), session(0.4), **stop), Refused)


def test_a_quote_needs_its_session_its_contract_and_a_lot() -> None:
    """No session, another's, one that is over, another contract, less than a lot: refused."""
    assert refused(quote(1)).rule == "chain_unknown"
    other = msgspec.structs.replace(session(), strategy="another")
    assert refused(quote(1), other).rule == "chain_unknown"
    assert "it is no session" in refused(quote(1), chain()).explanation
    over = session(withdrawn="the day is over")
    assert "the day is over" in refused(quote(1), over).explanation
    vertical = msgspec.structs.replace(quote(1), legs=VERTICAL)
    assert "one side at a time" in refused(vertical, session()).explanation
    assert refused(quote(1, 0.05), session()).rule == "below_minimum_size"


def test_a_quote_needs_a_market_that_can_be_seen() -> None:
    """Stale, one-sided or without a volatility: no loss can be stated, so nothing rests."""
    stale = {SHORT_CALL.name: touch(SHORT_CALL, fresh=False)}
    assert refused(quote(1), session(), touches=stale).rule == "stale_quotes"
    blind = {SHORT_CALL.name: touch(SHORT_CALL, mark_iv=math.nan)}
    assert refused(quote(1), session(), touches=blind).rule == "undefined_risk"


def test_a_quote_needs_margin_for_what_it_adds() -> None:
    """Initial margin of what it may sell beside what is bound."""
    verdict = refused(quote(-1), session(), margin_balance={"BTC": 0.01})
    assert verdict.rule == "margin"


def test_a_withdrawal_always_passes_once() -> None:
    """Nothing forbids to quote no more; of what is over there is nothing to withdraw."""
    wish = intent("withdraw", LEGS)
    verdict = approved(wish, session(0.4), paused="ann: lunch")
    assert not verdict.reservation.slot
    assert refused(wish, session(withdrawn="over")).rule == "invalid_intent"


@pytest.mark.parametrize("action", ["add", "roll", "hedge"])
def test_a_session_is_not_changed_otherwise(action: Any) -> None:
    """Other ways to enlarge or change a chain are for chains that do not quote."""
    verdict = refused(intent(action, LEGS), session(0.4))
    assert "is a session of quotes" in verdict.explanation


def test_a_session_that_holds_something_can_be_closed() -> None:
    """A close passes as ever; Position and units say how much."""
    one = session(-0.4)
    assert one.positions == (Position("C9-0", SHORT_CALL, -0.4, touch(SHORT_CALL).mark),)
    verdict = approved(intent("close", (Leg(SHORT_CALL.name, 1),)), one)
    assert verdict.amount == pytest.approx(0.4)


def test_a_session_of_an_expired_contract_is_refused() -> None:
    """The questions of every opening are asked of a session as well."""
    gone = option("call", 70_000.0, -1 / 24)
    shown = msgspec.structs.replace(touch(SHORT_CALL), instrument=gone)
    wish = intent(legs=(Leg(gone.name, 1),), amount=MOST, quoting=QUOTING)
    assert "has expired" in refused(wish, touches={gone.name: shown}).explanation
