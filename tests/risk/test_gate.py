"""Whatever is asked, whatever the situation: no limit exceeded, no close refused, none raised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
    touch,
    view,
)
from trader.domain.trading import Approved, Intent, Leg, Refused, Restraint, Verdict
from trader.risk.limits import Standing
from trader.risk.manager import Gate

if TYPE_CHECKING:
    from trader.domain.market import Touch
    from trader.domain.trading import Action
    from trader.risk.gate import GateView

ODD = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1e300])
RATIOS = st.sampled_from([-3, -2, -1, 1, 2])
NAMES = st.sampled_from([SHORT_CALL.name, LONG_CALL.name, FAR_CALL.name])
LEGS = st.lists(st.builds(Leg, NAMES, RATIOS), min_size=1, max_size=4).map(tuple)
ACTIONS = st.sampled_from(["open", "add", "roll", "hedge"])
CONSUMERS = st.lists(
    st.builds(
        consumer,
        st.sampled_from(["C1-0", "C2-0", "C9-0"]),
        st.floats(0.0, 0.02),
        underlying=st.sampled_from(["BTC", "btc", "ETH"]),
        frees_at=st.none() | st.integers(NOW, NOW + 10**15),
    ),
    max_size=4,
).map(tuple)
VIEWS = st.fixed_dictionaries(
    {
        "equity_usd": st.floats(5_000.0, 1e8),
        "stage": st.sampled_from(["PILOT", "PRODUCTION"]),
        "consumers": CONSUMERS,
        "free_coins": st.fixed_dictionaries({"BTC": st.floats(-1.0, 30.0)}),
        "margin_balance": st.fixed_dictionaries({"BTC": st.floats(0.0, 30.0)}),
        "initial_margin": st.fixed_dictionaries({"BTC": st.floats(0.0, 5.0)}),
        "trading_pnl_usd": st.floats(-2e5, 1e5),
        "peak_pnl_usd": st.floats(0.0, 2e5),
        "restraint": st.builds(Restraint, multiplier=st.floats(0.01, 1.5)),
        "open_chains": st.integers(0, 7),
        "slots_used": CONSUMERS,
        "chain": st.none() | st.builds(chain, st.sampled_from([0.1, 0.5, 2.0, 6.0])),
    }
)


def share_after(found: Approved, shown: GateView) -> float:
    """Recompute the approved share from the reserved losses and today's equity."""
    loss = found.max_loss
    return max(loss.usd, loss.coin * shown.index) / shown.equity_usd


def within(found: Approved, shown: GateView) -> None:
    """Assert every limit of one approval, recomputed from its outside."""
    action, share = found.intent.action, share_after(found, shown)
    on_it = [one.share for one in shown.consumers if one.underlying.upper() == "BTC"]
    held = found.reservation
    added = max(held.usd, held.coin * shown.index) / shown.equity_usd
    if action != "hedge":
        assert share <= 0.01 + 1e-12
        assert added == 0 or sum(on_it) + added <= 0.03 + 1e-9
    if action == "open":
        assert len(shown.slots_used) < 2
        assert shown.open_chains < 6
        assert held.slot
    if added > 0:
        assert shown.trading_pnl_usd > -0.03 * shown.equity_usd
        assert shown.peak_pnl_usd - shown.trading_pnl_usd < 0.10 * shown.equity_usd
    assert found.amount > 0
    for leg in found.intent.legs:
        lots = found.amount * abs(leg.ratio) * 10
        assert math.isclose(lots, round(lots), abs_tol=1e-6)


def finite(value: object) -> bool:
    """Whether everything a verdict holds can be journaled and read back."""
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(finite, value.values()))
        case list() | tuple():
            return all(map(finite, value))
        case _:
            return True


def numbers(verdict: Verdict) -> object:
    """All of a verdict but the intent, which is the strategy's own."""
    fields: dict[str, object] = msgspec.to_builtins(verdict)
    return {name: value for name, value in fields.items() if name != "intent"}


@settings(max_examples=300, deadline=None)
@given(ACTIONS, LEGS, st.none() | st.floats(0.01, 50.0), VIEWS)
def test_no_approval_exceeds_a_limit(
    action: Action, legs: tuple[Leg, ...], amount: float | None, changes: dict[str, Any]
) -> None:
    """Random wishes in random situations: approvals keep every limit, refusals explain."""
    shown = view(**changes)
    verdict = GATE.judge(intent(action, legs, amount=amount), shown, "V1-0")
    assert finite(numbers(verdict))
    if isinstance(verdict, Approved):
        within(verdict, shown)
    else:
        assert verdict.explanation
        assert verdict.allowed >= 0


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["equity_usd", "index", "trading_pnl_usd", "day_open_pnl_usd", "peak_pnl_usd", "touch"]
    ),
    st.sampled_from(["bid", "ask", "bid_amount", "ask_amount", "mark", "mark_iv"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_trap_nan_anywhere_is_refused(field: str, quoted: str, bad: float) -> None:
    """One number that is none, in the account or in a quote, approves nothing new."""
    broken = {"touches": dict(BOARD) | {LONG_CALL.name: touch(LONG_CALL, **{quoted: bad})}}
    changes: dict[str, Any] = broken if field == "touch" else {field: bad}
    verdict = GATE.judge(intent(), view(**changes), "V1-0")
    assert isinstance(verdict, Refused)
    assert finite(numbers(verdict))


@settings(max_examples=300, deadline=None)
@given(
    ACTIONS,
    LEGS,
    st.dictionaries(
        st.sampled_from(["equity_usd", "index", "peak_pnl_usd", "trading_pnl_usd"]), ODD, max_size=2
    ),
    st.dictionaries(
        st.sampled_from(["bid", "ask", "mark", "mark_iv", "underlying_price", "age_s"]),
        ODD,
        max_size=3,
    ),
    st.none() | ODD,
)
@example("open", (Leg(SHORT_CALL.name, -3),), {"equity_usd": 1e-300}, {}, 1e300)
def test_odd_numbers_never_raise(
    action: Action,
    legs: tuple[Leg, ...],
    account: dict[str, float],
    quote: dict[str, float],
    stated: float | None,
) -> None:
    """Zero, negative, tiny, huge and infinite numbers end in a verdict that can be journaled."""
    shown: dict[str, Touch] = {
        one.name: touch(one, **quote) for one in (SHORT_CALL, LONG_CALL, FAR_CALL)
    }
    wish = intent(action, legs, stated_max_loss_usd=stated)
    verdict = GATE.judge(wish, view(touches=shown, chain=chain(), **account), "V1-0")
    assert finite(numbers(verdict))
    if isinstance(verdict, Approved):
        assert verdict.amount > 0


@given(VIEWS, st.none() | st.floats(0.01, 50.0), st.sampled_from([0.1, 0.5, 6.0]), ODD)
def test_closes_always_pass(
    changes: dict[str, Any], amount: float | None, units: float, odd: float
) -> None:
    """Whatever the account looks like, a chain that holds something can be closed."""
    shown = view(**(changes | {"chain": chain(units), "equity_usd": odd, "paused": "x"}))
    verdict = GATE.judge(intent("close", amount=amount), shown, "V1-0")
    assert isinstance(verdict, Approved)
    assert 0 < verdict.amount <= units


def test_two_trades_at_one_instant_cannot_take_the_last_budget() -> None:
    """The second sees the first's reservation as a consumer and gets only what is left."""
    first = GATE.judge(intent(), view(), "V1-0")
    assert isinstance(first, Approved)
    used = consumer("C0-0", 0.02)
    held = consumer("C1-0", first.max_loss.share, kind="order")
    second = GATE.judge(intent(), view(consumers=(used, held)), "V1-1")
    assert isinstance(second, Refused)
    assert (second.rule, [one.id for one in second.consumers]) == (
        "underlying_risk",
        ["C0-0", "C1-0"],
    )


def test_the_same_question_has_the_same_answer() -> None:
    """The gate keeps no memory: asking a thousand times changes nothing."""
    answers = {msgspec.json.encode(GATE.judge(intent(), view(), "V1-0")) for _ in range(50)}
    assert len(answers) == 1
    assert Gate.__slots__ == ("settings",)


def test_the_gate_tells_which_halts_hold() -> None:
    """Each reason to halt, active or not, with limit and use."""
    standing = Standing(
        equity_usd=EQUITY,
        trading_pnl_usd=-0.05 * EQUITY,
        day_open_pnl_usd=0.0,
        peak_pnl_usd=0.0,
        margin_balance={"BTC": 2.0},
        maintenance_margin={"BTC": 1.0},
    )
    daily, drawdown, margin = GATE.halts(standing)
    assert (daily.rule, daily.active, daily.limit) == ("daily_loss_halt", True, 0.03)
    assert math.isclose(daily.used, 0.05)
    assert (drawdown.active, margin.active) == (False, False)


def test_an_odd_intent_is_a_value() -> None:
    """An intent built around its own checks is refused as invalid, not raised."""
    odd = intent()
    msgspec.structs.force_setattr(odd, "legs", ())
    assert isinstance(odd, Intent)
    verdict = GATE.judge(odd, view(), "V1-0")
    assert isinstance(verdict, Refused)
    assert (verdict.rule, verdict.stage) == ("invalid_intent", "PRODUCTION")
    assert SPOT > 0
