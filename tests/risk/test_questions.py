"""Does each rule that stands before a new trade refuse what it is there for, and explain it?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.risk.scenes import (
    BOARD,
    GATE,
    NOW,
    SHORT_CALL,
    chain,
    consumer,
    intent,
    option,
    touch,
    view,
    working,
)
from trader.domain.trading import Approved, Leg, Refused, Restraint
from trader.domain.units import DAY, HOUR
from trader.risk import questions
from trader.risk.case import Case
from trader.risk.limits import RiskSettings

if TYPE_CHECKING:
    from trader.domain.trading import Intent


def refused(wish: Intent | None = None, **changes: Any) -> Refused:
    """Expect a refusal of the usual vertical under changed circumstances."""
    verdict = GATE.judge(wish or intent(), view(**changes), "V5-0")
    assert isinstance(verdict, Refused), verdict
    return verdict


def case(wish: Intent | None = None, **changes: Any) -> Case:
    """Bring an intent before the questions alone."""
    return Case(RiskSettings(), wish or intent(), view(**changes), "V5-0")


def test_nothing_stands_in_the_way_of_a_sound_intent() -> None:
    """Every question lets the usual vertical through."""
    asked = case()
    names = [leg.instrument for leg in asked.intent.legs]
    assert questions.view_sound(asked) is None
    assert questions.legs_sound(asked) is None
    assert questions.not_demoted(asked) is None
    assert questions.opening_allowed(asked) is None
    assert questions.quotes_usable(asked, names) is None
    assert questions.slot_free(asked) is None
    assert questions.chain_room(asked) is None


@pytest.mark.parametrize("field", ["equity_usd", "index", "multiplier"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_an_account_without_numbers_opens_nothing(field: str, bad: float) -> None:
    """Without equity, index or scalar no share can be stated; the refusal names the field."""
    held = Restraint(multiplier=bad)
    changed: dict[str, Any] = {"restraint": held} if field == "multiplier" else {field: bad}
    verdict = refused(**changed)
    assert verdict.rule == "undefined_risk"
    assert field in verdict.explanation


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.01])
def test_a_position_of_unknown_risk_blocks_opening_by_name(bad: float) -> None:
    """A consumer whose share is no number is named: its budget cannot be computed."""
    verdict = refused(consumers=(consumer("C3-0", bad),))
    assert verdict.rule == "undefined_risk"
    assert "C3-0" in verdict.explanation


def test_odd_legs_are_refused_not_raised() -> None:
    """No legs, an unknown name, another coin, an expired contract, half a unit: values."""
    expired = msgspec.structs.replace(SHORT_CALL, expires_at=NOW)
    half = Leg(SHORT_CALL.name, 1)
    msgspec.structs.force_setattr(half, "ratio", 0.5)
    for wish, changes, words in (
        (intent(legs=()), {}, "no legs"),
        (intent(legs=(Leg("BTC-NOWHERE", 1),)), {}, "not listed"),
        (intent(underlying="ETH"), {}, "no contract on ETH"),
        (intent(underlying=" "), {}, "no contract on"),
        (intent(), {"touches": dict(BOARD) | {SHORT_CALL.name: touch(expired)}}, "expired"),
        (intent(legs=(half,)), {}, "ratio 0.5"),
    ):
        verdict = refused(wish, **changes)
        assert verdict.rule == "invalid_intent"
        assert words in verdict.explanation


def test_a_demoted_strategy_opens_on_its_shadow_ledger_only() -> None:
    """RESEARCH takes nothing from the account, and is free on its shadow."""
    assert refused(stage="RESEARCH").rule == "demoted"
    assert questions.not_demoted(case(stage="RESEARCH", account="shadow:a")) is None


def test_pause_and_halts_stop_opens_with_their_numbers() -> None:
    """A person's pause shows its reason; halts show limit, used, and when they end."""
    assert "lunch" in refused(paused="lunch").explanation
    daily = refused(trading_pnl_usd=-100_000.0)
    assert (daily.rule, daily.limit) == ("daily_loss_halt", 0.03)
    assert daily.used == pytest.approx(1 / 30)
    assert daily.frees_at == NOW - NOW % DAY + DAY
    fall = refused(peak_pnl_usd=400_000.0)
    assert (fall.rule, fall.frees_at) == ("drawdown_halt", None)
    assert refused(maintenance_margin={"BTC": 21.0}).rule == "maintenance_margin"


def test_trap_nan_pnl_is_no_permission() -> None:
    """An unknown result halts opening."""
    assert refused(trading_pnl_usd=math.nan).rule == "daily_loss_halt"


def test_no_position_is_opened_on_stale_quotes() -> None:
    """One stale leg refuses the structure, naming the leg and its age."""
    stale = dict(BOARD) | {SHORT_CALL.name: touch(SHORT_CALL, fresh=False, age_s=45.0)}
    verdict = refused(touches=stale)
    assert (verdict.rule, verdict.used) == ("stale_quotes", 45.0)
    assert SHORT_CALL.name in verdict.explanation


@pytest.mark.parametrize(
    "changes",
    [
        {"bid": 0.0},
        {"ask": math.nan},
        {"bid": math.nan},
        {"ask": 0.0},
        {"bid_amount": 0.0},
        {"ask_amount": math.nan},
        {"bid": math.inf},
        {"mark": math.nan},
        {"underlying_price": math.inf},
    ],
)
def test_trap_a_quote_with_0_on_one_side_is_no_free_option(changes: dict[str, float]) -> None:
    """Zero, missing or infinite numbers of a quote are no price to trade on."""
    verdict = refused(touches=dict(BOARD) | {SHORT_CALL.name: touch(SHORT_CALL, **changes)})
    assert verdict.rule == "no_two_sided_quote"
    assert SHORT_CALL.name in verdict.explanation


def test_trap_daily_limits_end_at_utc_midnight() -> None:
    """The third trade of a UTC day is refused, names the two that hold slots, frees at 00:00."""
    slots = (consumer("C2-0"), consumer("C1-0"))
    verdict = refused(slots_used=slots)
    assert (verdict.rule, verdict.limit, verdict.used) == ("daily_trades", 2.0, 2.0)
    assert [one.id for one in verdict.consumers] == ["C1-0", "C2-0"]
    assert verdict.frees_at == NOW - NOW % DAY + DAY


def test_a_strategy_holds_six_chains_at_most() -> None:
    """The seventh is refused until the first of its own ends."""
    mine = [
        consumer(f"C{n}-0", 0.001, strategy="directional_btc", frees_at=NOW + n * HOUR)
        for n in (3, 2)
    ]
    verdict = refused(open_chains=6, consumers=(*mine, consumer("C8-0", 0.001)))
    assert (verdict.rule, verdict.used, verdict.frees_at) == ("open_positions", 6.0, NOW + 2 * HOUR)
    assert [one.id for one in verdict.consumers] == ["C2-0", "C3-0"]


def test_only_a_living_chain_of_its_own_can_be_changed() -> None:
    """Unknown, foreign, empty or wholly expired chains are refused; a NaN max loss too."""
    wish = intent("roll")
    pending = tuple(msgspec.structs.replace(one, pending=True) for one in chain().positions)
    for held in (
        None,
        chain(chain_id="C4-0"),
        chain(strategy="covered_call_btc"),
        chain(underlying="ETH"),
        chain(0.0),
        msgspec.structs.replace(chain(), units=math.nan),
        chain(positions=pending),
    ):
        refusal = questions.chain_known(case(wish, chain=held))
        assert refusal is not None
        assert refusal.rule == "chain_unknown"
    refusal = questions.chain_known(case(wish, chain=chain(max_loss_usd=math.nan)))
    assert refusal is not None
    assert refusal.rule == "undefined_risk"


def test_one_change_of_a_chain_at_a_time() -> None:
    """Any order that can still trade on the chain blocks; a filled one or another's does not."""
    for order, blocks in (
        (working("close"), True),
        (working("roll"), True),
        (working("hedge"), True),
        (working("open"), True),
        (working("close", filled=2.0), False),
        (working("close", chain_id="C4-0"), False),
    ):
        asked = case(intent("roll"), chain=chain(), working=(order,))
        assert (questions.nothing_working(asked) is not None) == blocks


def test_a_budget_frees_when_enough_has_ended() -> None:
    """Consumers end in order of time; what nobody knows the end of never counts as freed."""
    first, second = consumer("a", 0.01, frees_at=5), consumer("b", 0.015, frees_at=3)
    assert questions.freeing_time([first, second], 0.03, 0.01) == 3
    assert questions.freeing_time([first, second], 0.03, 0.025) == 5
    endless = consumer("c", 0.02, frees_at=None)
    assert questions.freeing_time([first, second, endless], 0.03, 0.02) is None


def test_coin_at_settlement_is_for_one_short_linear_put() -> None:
    """Anything else that asks for it is refused by name; without touching what asks for cash."""
    put, down = (option("put", strike, inverse=False) for strike in (60_000.0, 58_000.0))
    call, inverse = option("call", 70_000.0, inverse=False), option("put", 60_000.0)
    touches = {one.name: touch(one) for one in (put, down, call, inverse)}
    sell, buy = Leg(put.name, -1), Leg(put.name, 1)
    for legs in ((buy,), (sell, Leg(down.name, 1)), (Leg(call.name, -1),),
                 (Leg(inverse.name, -1),)):  # fmt: skip
        wish = intent(legs=legs, delivery="spot")
        verdict = GATE.judge(wish, view(touches=touches), "V1-0")
        assert isinstance(verdict, Refused)
        assert verdict.rule == "invalid_intent"
        assert "delivery in spot is for opening one short put" in verdict.explanation
    add = intent("add", (sell,), delivery="spot")
    verdict = GATE.judge(add, view(touches=touches, chain=chain()), "V1-0")
    assert isinstance(verdict, Refused)
    assert verdict.rule == "invalid_intent"


def test_a_family_the_regime_does_not_let_open_is_refused_with_the_choice() -> None:
    """Openings alone: what is held is closed, rolled and hedged in every regime."""
    told = "Crisis market (it fell) lets open gamma_scalping; directional is not among them"
    barred = {"selected": False, "selection": told}
    verdict = GATE.judge(intent(), view(**barred), "V1-0")
    assert isinstance(verdict, Refused)
    assert (verdict.rule, verdict.explanation, verdict.selection) == ("regime", told, told)
    close = GATE.judge(intent("close", ()), view(chain=chain(), **barred), "V1-0")
    assert isinstance(close, Approved)
    assert close.selection == ""
    allowed = GATE.judge(intent(), view(selection="Calm market lets open it"), "V1-0")
    assert isinstance(allowed, Approved)
    assert allowed.selection == "Calm market lets open it"
