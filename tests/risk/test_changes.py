"""Do closes always pass, and are rolls and hedges judged on what they change?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.risk.scenes import (
    BOARD,
    EQUITY,
    FAR_CALL,
    GATE,
    LONG_CALL,
    NOW,
    SHORT_CALL,
    SPOT,
    chain,
    consumer,
    intent,
    option,
    perpetual,
    touch,
    view,
    working,
)
from trader.domain.instruments import spot_pair
from trader.domain.portfolio import Position
from trader.domain.trading import Approved, Intent, Leg, Refused, Restraint
from trader.domain.units import DAY
from trader.domain.valuation import result

if TYPE_CHECKING:
    from trader.domain.market import Touch
    from trader.domain.portfolio import ChainView

LATER = (option("call", 72_000.0, 14.0), option("call", 76_000.0, 14.0))
ROLLED = (Leg(LATER[0].name, -1), Leg(LATER[1].name, 1))
TOUCHES: dict[str, Touch] = {
    one.name: touch(one) for one in (SHORT_CALL, LONG_CALL, FAR_CALL, *LATER)
}
CREDITED: dict[str, Any] = {"max_loss_usd": 6_000.0, "max_loss_coin": 0.08}
HALTED: dict[str, Any] = {"trading_pnl_usd": -EQUITY / 10}


def present(held: ChainView) -> float:
    """The share a chain states today."""
    return max(held.max_loss_usd, held.max_loss_coin * SPOT) / EQUITY


def approved(wish: Intent, **changes: Any) -> Approved:
    """Expect an approval."""
    fields: dict[str, Any] = {"chain": chain(), "touches": TOUCHES}
    verdict = GATE.judge(wish, view(**(fields | changes)), "V5-0")
    assert isinstance(verdict, Approved), verdict
    return verdict


def refused(wish: Intent, **changes: Any) -> Refused:
    """Expect a refusal."""
    fields: dict[str, Any] = {"chain": chain(), "touches": TOUCHES}
    verdict = GATE.judge(wish, view(**(fields | changes)), "V5-0")
    assert isinstance(verdict, Refused), verdict
    return verdict


def test_a_close_passes_whatever_is_wrong() -> None:
    """Halted, paused, demoted, blind, broke: what is held can be closed, all of it."""
    verdict = approved(
        intent("close", legs=()),
        **HALTED,
        paused="by hand",
        stage="RESEARCH",
        touches={},
        equity_usd=math.nan,
        index=math.nan,
        restraint=Restraint(multiplier=0.0),
        consumers=(consumer(share=math.nan),),
        margin_balance={"BTC": -1.0},
        maintenance_margin={"BTC": 5.0},
        open_chains=99,
    )
    assert (verdict.amount, verdict.chain_id) == (2.0, "C9-0")
    assert (verdict.max_loss.usd, verdict.reservation.usd, verdict.reservation.slot) == (
        0,
        0,
        False,
    )


@pytest.mark.parametrize(("wish", "amount"), [(0.5, 0.5), (2.0, 2.0), (9.0, 2.0), (0.43, 0.5)])
def test_a_partial_close_takes_whole_steps_and_no_more_than_is_open(
    wish: float, amount: float
) -> None:
    """A part is rounded up to a step, so that dust never stays behind."""
    assert approved(intent("close", amount=wish)).amount == pytest.approx(amount)


def test_a_close_beside_a_working_close_takes_the_rest() -> None:
    """What an order already closes is not closed twice; a roll at work blocks no close."""
    half = working("close", amount=1.5, filled=0.2)
    assert approved(intent("close"), working=(half,)).amount == pytest.approx(0.7)
    assert refused(intent("close"), working=(working("close"),)).rule == "already_working"
    assert approved(intent("close"), working=(working("roll"),)).amount == 2.0


def test_nothing_can_be_closed_where_nothing_is() -> None:
    """An unknown, empty or expired chain has nothing that trades."""
    pending = tuple(msgspec.structs.replace(one, pending=True) for one in chain().positions)
    for held in (None, chain(chain_id="C4-0"), chain(0.0), chain(positions=pending)):
        assert refused(intent("close"), chain=held).rule == "chain_unknown"


def test_a_roll_takes_no_slot_and_reserves_the_net_change() -> None:
    """The new structure stands for all old units; only what it adds is reserved."""
    slots = (consumer("C1-0", 0.001), consumer("C2-0", 0.001))
    held = chain(2.0)
    verdict = approved(intent("roll", ROLLED), chain=held, slots_used=slots, open_chains=6)
    assert (verdict.amount, verdict.chain_id, verdict.reservation.slot) == (2.0, "C9-0", False)
    assert verdict.reservation.usd == pytest.approx(
        max(verdict.max_loss.usd - held.max_loss_usd, 0.0)
    )


def test_a_roll_is_judged_on_the_net_change() -> None:
    """With the budget full, a roll that adds nothing passes and one that adds is refused whole."""
    held = chain(2.0, **CREDITED)
    new = approved(intent("roll", ROLLED), chain=held).max_loss
    room = max(new.share - present(held), 0.0)
    assert room > 0
    full = (consumer("C9-0", present(held)), consumer("C1-0", 0.03 - present(held) - room / 2))
    verdict = refused(intent("roll", ROLLED), chain=held, consumers=full)
    assert verdict.rule == "roll_increases_risk"
    assert verdict.requested == pytest.approx(room)
    assert [one.id for one in verdict.consumers] == ["C1-0", "C9-0"]
    assert verdict.frees_at == NOW + DAY
    risky = chain(2.0, max_loss_usd=new.usd, max_loss_coin=new.coin)
    assert approved(intent("roll", ROLLED), chain=risky, consumers=full).reservation.usd == 0.0


def test_a_roll_beyond_one_percent_is_refused() -> None:
    """The new structure itself must fit the limit of one trade."""
    verdict = refused(intent("roll", ROLLED), chain=chain(9.0, max_loss_usd=1e6))
    assert (verdict.rule, verdict.limit) == ("per_trade_risk", 0.01)


def test_a_roll_that_adds_risk_needs_opening_allowed() -> None:
    """Halts, pauses and demotion stop what adds; a roll that adds nothing is management."""
    for changes, rule in (
        (HALTED, "daily_loss_halt"),
        ({"paused": "x"}, "paused"),
        ({"stage": "RESEARCH"}, "demoted"),
    ):
        cheap = chain(2.0, **CREDITED)
        assert refused(intent("roll", ROLLED), chain=cheap, **changes).rule == rule
        generous = chain(2.0, max_loss_usd=20_000.0, max_loss_coin=0.3)
        assert approved(intent("roll", ROLLED), chain=generous, **changes).amount == 2.0


def test_a_roll_needs_both_sides_of_old_and_new_legs() -> None:
    """The old legs are bought back in the same order, so their quotes count as well."""
    for one in (SHORT_CALL, LATER[0]):
        stale = TOUCHES | {one.name: touch(one, fresh=False)}
        assert refused(intent("roll", ROLLED), touches=stale).rule == "stale_quotes"
    missing = {name: one for name, one in TOUCHES.items() if name != LONG_CALL.name}
    assert refused(intent("roll", ROLLED), touches=missing).rule == "no_two_sided_quote"


def test_a_roll_sets_the_old_margin_free() -> None:
    """A balance that one structure binds suffices to exchange it, not to hold two."""
    old = {"initial_margin": {"BTC": 0.25}, "margin_balance": {"BTC": 0.30}}
    assert approved(intent("roll", ROLLED), **old).amount == 2.0
    assert refused(intent(legs=ROLLED, amount=2.0), chain=None, **old).rule in (
        "margin",
        "below_half_size",
    )
    assert refused(intent("roll", ROLLED), margin_balance={"BTC": math.nan}).rule == "margin"


def test_rolling_into_naked_calls_needs_coins() -> None:
    """The coins a chain holds cover its new calls; more calls need more."""
    naked = intent("roll", (Leg(LATER[0].name, -1),))
    covered = chain(0.5, legs=((SHORT_CALL, -1.0),), max_loss_usd=9_000.0, max_loss_coin=0.2)
    assert approved(naked, chain=covered, free_coins={"BTC": 0.0}).amount == 0.5
    verdict = refused(naked, chain=chain(0.5), free_coins={"BTC": 0.2})
    assert (verdict.rule, verdict.limit, verdict.requested) == ("coverage", 0.2, 0.5)


def test_a_roll_at_work_blocks_another() -> None:
    """One change of a chain at a time."""
    assert refused(intent("roll", ROLLED), working=(working("roll"),)).rule == "already_working"


def test_a_hedge_that_lowers_the_loss_takes_no_slot() -> None:
    """Buying a call over a naked one passes even in a halt, without slot or reservation."""
    naked = chain(0.5, legs=((SHORT_CALL, -1.0),), max_loss_usd=9_000.0, max_loss_coin=0.1)
    wish = intent("hedge", (Leg(LONG_CALL.name, 1),))
    slots = (consumer("C1-0"), consumer("C2-0"))
    verdict = approved(wish, chain=naked, slots_used=slots, **HALTED)
    assert (verdict.amount, verdict.reservation.usd, verdict.reservation.slot) == (0.5, 0.0, False)
    assert verdict.max_loss.usd < naked.max_loss_usd
    assert verdict.max_loss.coin <= naked.max_loss_coin


def test_a_hedge_that_adds_loss_is_refused() -> None:
    """Selling another call is no hedge, whatever it is called."""
    verdict = refused(intent("hedge", (Leg(SHORT_CALL.name, -1),)))
    assert verdict.rule == "hedge_increases_risk"
    assert verdict.requested > verdict.limit


def test_a_perpetual_hedges_short_calls() -> None:
    """Half a coin of perpetual lowers the stressed loss of half a naked call sold high."""
    swap = perpetual()
    naked = chain(0.5, legs=((SHORT_CALL, -1.0),), max_loss_usd=9_000.0, max_loss_coin=0.1)
    touches = TOUCHES | {swap.name: touch(swap)}
    wish = intent("hedge", (Leg(swap.name, 1),), amount=5_000.0)
    verdict = approved(wish, chain=naked, touches=touches)
    assert verdict.amount == 5_000.0
    assert verdict.max_loss.usd < naked.max_loss_usd


def test_hedges_that_cannot_be_judged_are_refused() -> None:
    """Dust, missing volatility, missing margin, a demoted chain's missing quote: values."""
    wish = intent("hedge", (Leg(FAR_CALL.name, 1),))
    small = msgspec.structs.replace(wish, amount=0.04)
    assert refused(small).rule == "below_minimum_size"
    blind = TOUCHES | {SHORT_CALL.name: touch(SHORT_CALL, mark_iv=math.nan)}
    assert refused(wish, touches=blind).rule == "undefined_risk"
    naked = chain(0.5, legs=((SHORT_CALL, -1.0),))
    bought = intent("hedge", (Leg(LONG_CALL.name, 1),))
    assert refused(bought, chain=naked, margin_balance={}).rule == "margin"
    one_sided = dict(BOARD) | {LONG_CALL.name: touch(LONG_CALL, ask=math.nan)}
    assert refused(bought, chain=naked, touches=one_sided).rule == "no_two_sided_quote"


def test_a_roll_that_frees_margin_passes_an_overdrawn_account() -> None:
    """Where more is bound than there is, exchanging a structure for a lighter one still helps."""
    short = {"margin_balance": {"BTC": 0.2}, "initial_margin": {"BTC": 0.5}}
    bare = chain(2.0, legs=((option("call", 66_000.0, 7.0), -1.0),), max_loss_usd=29_000.0)
    board = TOUCHES | {one.instrument.name: touch(one.instrument) for one in bare.positions}
    small = intent("roll", ((Leg(LATER[1].name, 1)),))
    verdict = approved(small, chain=bare, touches=board, **short)
    assert verdict.amount == 2.0
    assert [use.requested < 0 for use in verdict.limits if use.rule == "margin"] == [True]


COIN = spot_pair("BTC")
LINEAR = option("call", 70_000.0, inverse=False)
LINEAR_UP = option("call", 74_000.0, 14.0, inverse=False)
WHEELS: dict[str, Touch] = {one.name: touch(one) for one in (COIN, LINEAR, LINEAR_UP)}


def coins(units: float = 0.5, *calls: float, **changes: Any) -> ChainView:
    """Hold assigned coin, and calls against it."""
    legs = ((COIN, 1.0), *((LINEAR, ratio) for ratio in calls))
    stated = {"max_loss_usd": SPOT * units + 1.0, "max_loss_coin": units * 1.001}
    return chain(units, legs=legs, delivery="spot", **(stated | changes))


def test_a_call_against_assigned_coin_is_a_hedge() -> None:
    """It lowers what the coin can lose by its premium, takes no slot, and passes in a halt."""
    wish = intent("hedge", (Leg(LINEAR.name, -1),))
    verdict = approved(wish, chain=coins(), touches=WHEELS, **HALTED)
    quoted = WHEELS[LINEAR.name]
    saved = quoted.bid - (quoted.ask - quoted.bid) - 0.0003 * SPOT
    assert verdict.amount == 0.5
    assert verdict.max_loss.usd == pytest.approx(0.5 * (SPOT + 1.0 - saved))
    assert not verdict.reservation.slot


def test_a_second_call_against_the_same_coin_is_refused() -> None:
    """No coin is left to cover it; of another expiry it adds a loss of its own as well."""
    held = coins(0.5, -1.0)
    verdict = refused(intent("hedge", (Leg(LINEAR.name, -1),)), chain=held, touches=WHEELS)
    assert verdict.rule == "coverage"
    assert verdict.explanation == ("0.5 more short calls need BTC_USDC to cover them, 0 are free")
    later = intent("hedge", (Leg(LINEAR_UP.name, -1),))
    assert refused(later, chain=held, touches=WHEELS).rule == "hedge_increases_risk"
    twice = intent("hedge", (Leg(LINEAR.name, -2),))
    assert refused(twice, chain=coins(), touches=WHEELS).rule == "coverage"


def test_a_covered_call_is_rolled_without_its_coin() -> None:
    """The coin covers the new call as it did the old; two for one are refused."""
    held = coins(0.5, -1.0)
    verdict = approved(intent("roll", (Leg(LINEAR_UP.name, -1),)), chain=held, touches=WHEELS,
                       free_coins={}, equity_usd=10 * EQUITY)  # fmt: skip
    assert verdict.amount == 0.5
    assert verdict.max_loss.usd == pytest.approx(0.5 * SPOT, rel=0.03)
    twice = intent("roll", (Leg(LINEAR_UP.name, -2),))
    verdict_ = refused(twice, chain=held, touches=WHEELS, free_coins={}, equity_usd=10 * EQUITY)
    assert verdict_.rule == "coverage"
    assert verdict_.requested == 0.5


def test_rolling_a_put_up_needs_the_dollars_for_its_coin() -> None:
    """From 60,000 to 62,000 half a coin may cost 1,000 more."""
    old, new = (option("put", strike, days, inverse=False)
                for strike, days in ((60_000.0, 7.0), (62_000.0, 14.0)))  # fmt: skip
    touches = {one.name: touch(one) for one in (old, new)}
    held = chain(0.5, legs=((old, -1.0),), delivery="spot", max_loss_usd=29_000.0,
                 max_loss_coin=0.45)  # fmt: skip
    wish = intent("roll", (Leg(new.name, -1),))
    rich = {"chain": held, "touches": touches, "equity_usd": 10 * EQUITY}
    verdict = refused(wish, **rich, free_coins={"USDC": 999.0})
    assert verdict.rule == "coverage"
    assert verdict.explanation == (
        "its puts may have to pay 1,000.00 USDC more for coin, 999.00 are free"
    )
    assert approved(wish, **rich, free_coins={"USDC": 1_000.0}).amount == 0.5
    paid = msgspec.structs.replace(held, delivery="cash")
    assert approved(wish, **(rich | {"chain": paid}), free_coins={}).amount == 0.5


def test_a_wheel_is_closed_with_coin_and_call() -> None:
    """Closes pass; the step is that of the coarser leg."""
    assert approved(intent("close"), chain=coins(0.5, -1.0), touches={}).amount == 0.5


STRADDLE = (option("put", SPOT), option("call", SPOT))
SWAP = perpetual()
HIGHER = SPOT * 1.06


def scalping(hedge_usd: float = 0.0, entry: float = HIGHER, **changes: Any) -> ChainView:
    """Hold two long straddles, hedged at a price: 2 x 65,000 x 7 % is what they can lose, less."""
    held = chain(legs=tuple((one, 1.0) for one in STRADDLE), **changes)
    hedge = (Position("C9-0", SWAP, hedge_usd, entry),) if hedge_usd else ()
    return msgspec.structs.replace(held, positions=held.positions + hedge)


def quotes(spot: float) -> dict[str, Touch]:
    """Quote straddle and perpetual at a price."""
    return {one.name: touch(one, spot=spot) for one in (*STRADDLE, SWAP)}


def worst(held: ChainView, spot: float) -> float:
    """Find what holding straddles and their hedge can lose in USD, by settling at every price."""
    cost = sum(one.amount * one.entry_price for one in held.positions[:2])
    lost = []
    for at in range(20_000, 200_000, 50):
        payoff = 2 * abs(at - SPOT) / at
        hedged = sum(result(SWAP, one.amount, one.entry_price, at) for one in held.positions[2:])
        lost.append(cost * spot - (payoff + hedged) * at)
    return max(lost)


def test_a_hedge_of_a_straddle_locks_in_what_was_gained() -> None:
    """Sold 6 % above the strike, the max loss falls by that times its size, less its costs."""
    wish = intent("hedge", (Leg(SWAP.name, -1),), amount=30_000.0)
    fields: dict[str, Any] = {"index": HIGHER, "touches": quotes(HIGHER)}
    held = scalping(max_loss_usd=11_000.0, max_loss_coin=0.16)
    verdict = approved(wish, chain=held, **fields)
    assert not verdict.reservation.slot
    assert verdict.reservation.usd == 0.0
    hedged = scalping(-30_000.0, entry=HIGHER - 0.5)
    costs = verdict.max_loss.usd - worst(hedged, HIGHER)
    assert 0 < costs < 400  # fees of both ways and one spread of each leg
    assert worst(held, HIGHER) - worst(hedged, HIGHER) == pytest.approx(1_700, rel=0.03)
    assert verdict.max_loss.usd < held.max_loss_usd
    at_the_strike = {"index": SPOT, "touches": quotes(SPOT)}
    assert refused(wish, chain=held, **at_the_strike).rule == "hedge_increases_risk"


def test_giving_a_hedge_back_reserves_what_it_adds() -> None:
    """Bought back half way down: what was locked in shrinks, and only that much is reserved."""
    between = (SPOT + HIGHER) / 2
    held = scalping(-30_000.0, max_loss_usd=7_000.0, max_loss_coin=0.1)
    wish = intent("hedge", (Leg(SWAP.name, 1),), amount=30_000.0)
    verdict = approved(wish, chain=held, index=between, touches=quotes(between))
    assert verdict.amount == 30_000.0
    assert not verdict.reservation.slot
    assert verdict.max_loss.usd > 7_000.0
    assert verdict.reservation.usd == pytest.approx(verdict.max_loss.usd - 7_000.0)
    lower = msgspec.structs.replace(held, max_loss_usd=20_000.0, max_loss_coin=0.3)
    verdict = approved(wish, chain=lower, index=between, touches=quotes(between))
    assert verdict.reservation.usd == 0.0
    assert verdict.max_loss.usd < 20_000.0


def test_a_hedge_is_given_back_within_the_limits_only() -> None:
    """Beyond the limit per trade, or the underlying's budget: refused, and nothing else forbids."""
    held = scalping(-30_000.0, max_loss_usd=7_000.0, max_loss_coin=0.1)
    wish = intent("hedge", (Leg(SWAP.name, 1),), amount=30_000.0)
    fields: dict[str, Any] = {"chain": held, "index": SPOT, "touches": quotes(SPOT)}
    verdict = refused(wish, **fields, equity_usd=500_000.0)
    assert verdict.rule == "per_trade_risk"
    assert "without that part of its hedge" in verdict.explanation
    others = tuple(consumer(f"C{number}-0", 0.00999) for number in range(3))
    assert refused(wish, **fields, consumers=others).rule == "underlying_risk"
    assert approved(wish, **fields, **HALTED, paused="by hand", stage="RESEARCH").amount == 30_000


def test_more_than_is_held_is_not_given_back() -> None:
    """Buying beyond flat is a new hedge: it must lower the loss, as any other."""
    held = scalping(-30_000.0, max_loss_usd=7_000.0, max_loss_coin=0.1)
    wish = intent("hedge", (Leg(SWAP.name, 1),), amount=60_000.0)
    verdict = refused(wish, chain=held, index=SPOT, touches=quotes(SPOT))
    assert verdict.rule == "hedge_increases_risk"
