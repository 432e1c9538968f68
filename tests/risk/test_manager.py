"""Does the public risk manager behave as its users know it, and refuse what cannot be judged?"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.risk.gate import Gate as EngineGate
from trader.risk.manager import CandidateTrade, Gate, OpenPosition, RiskConfig, RiskManager

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CANDIDATE = CandidateTrade("BTC", 0.01, NOON, "covered_call_btc")
POSITION = OpenPosition("p1", "BTC", 0.01, NOON)


def expected(
    taken: Counter[tuple[str, str]], trade: CandidateTrade, held: Sequence[OpenPosition]
) -> tuple[bool, str]:
    """Work the rules out by hand, in whole basis points, so that no rounding decides."""
    risk = round(trade.estimated_max_loss_pct * 10_000)
    if risk > 100:
        return False, f"per-trade risk {risk / 100:.2f}% exceeds limit 1.00%"
    total = risk + sum(
        round(one.estimated_max_loss_pct * 10_000)
        for one in held
        if one.underlying == trade.underlying
    )
    if total > 300:
        name = trade.underlying
        return False, f"correlated risk on {name} would be {total / 100:.2f}% > limit 3.00%"
    key = (trade.strategy_id, trade.opened_at.strftime("%Y%m%d"))
    if taken[key] == 2:
        return False, f"daily trade cap reached for strategy {trade.strategy_id} (2/2)"
    taken[key] += 1
    return True, ""


shares = st.integers(1, 160).map(lambda basis_points: basis_points / 10_000)
moments = st.integers(0, 72).map(lambda hours: NOON + timedelta(hours=hours))
coins = st.sampled_from(["BTC", "ETH"])
candidates = st.builds(CandidateTrade, coins, shares, moments, st.sampled_from(["a", "b"]))
positions = st.lists(st.builds(OpenPosition, st.just("p"), coins, shares, moments), max_size=4)


@given(st.lists(st.tuples(candidates, positions), max_size=25))
def test_every_unambiguous_trade_is_judged_as_worked_out_by_hand(
    story: list[tuple[CandidateTrade, list[OpenPosition]]],
) -> None:
    """Verdict, reason text and recorded slots agree with the rules over whole stories."""
    manager, taken = RiskManager(RiskConfig()), Counter[tuple[str, str]]()
    for trade, held in story:
        ok, reason = manager.check_trade(trade, held)
        assert (ok, reason or "") == expected(taken, trade, held)


def test_the_gate_of_the_engine_is_found_here_too() -> None:
    """`trader.risk.manager` is the door to both."""
    assert Gate is EngineGate


def test_reasons_read_as_documented() -> None:
    """The three refusals, word for word."""
    manager = RiskManager(RiskConfig())
    assert manager.check_trade(replace(CANDIDATE, estimated_max_loss_pct=0.0125), []) == (
        False,
        "per-trade risk 1.25% exceeds limit 1.00%",
    )
    held = [replace(POSITION, estimated_max_loss_pct=0.025)]
    assert manager.check_trade(CANDIDATE, held) == (
        False,
        "correlated risk on BTC would be 3.50% > limit 3.00%",
    )
    assert manager.check_trade(CANDIDATE, []) == (True, None)
    assert manager.check_trade(CANDIDATE, []) == (True, None)
    assert manager.check_trade(CANDIDATE, []) == (
        False,
        "daily trade cap reached for strategy covered_call_btc (2/2)",
    )


def test_reset_forgets_the_slots() -> None:
    """After a reset the day begins anew."""
    manager = RiskManager(RiskConfig(max_new_trades_per_day=1))
    assert manager.check_trade(CANDIDATE, [])[0]
    assert not manager.check_trade(CANDIDATE, [])[0]
    manager.reset_daily_counter()
    assert manager.check_trade(CANDIDATE, [])[0]


def test_a_refusal_takes_no_slot() -> None:
    """Only approvals are counted."""
    manager = RiskManager(RiskConfig(max_new_trades_per_day=1))
    assert not manager.check_trade(replace(CANDIDATE, estimated_max_loss_pct=0.02), [])[0]
    assert manager.check_trade(CANDIDATE, [])[0]


def test_three_times_one_percent_is_three_percent() -> None:
    """A sum that exceeds the limit by binary dust alone passes."""
    held = [POSITION, replace(POSITION, position_id="p2")]
    assert RiskManager(RiskConfig()).check_trade(CANDIDATE, held) == (True, None)


@pytest.mark.parametrize("name", ["btc", " BTC ", "BTC_USDC", "btc-usd"])
def test_underlyings_are_normalized(name: str) -> None:
    """However a coin is written, its positions share one budget."""
    held = [replace(POSITION, underlying=name, estimated_max_loss_pct=0.025)]
    ok, reason = RiskManager(RiskConfig()).check_trade(CANDIDATE, held)
    assert (ok, "correlated risk on BTC" in (reason or "")) == (False, True)


def test_the_day_is_utc() -> None:
    """23:30 in New York and 04:30 UTC of the next day are one instant, one day's slot."""
    manager = RiskManager(RiskConfig(max_new_trades_per_day=1))
    late = datetime(2026, 11, 19, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert manager.check_trade(replace(CANDIDATE, opened_at=late), [])[0]
    assert not manager.check_trade(CANDIDATE, [])[0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 0.0, -0.01])
def test_trap_nan_passes_the_limit(bad: float) -> None:
    """Risk that is not a positive finite number is refused by name, the candidate's or a held."""
    manager = RiskManager(RiskConfig())
    ok, reason = manager.check_trade(replace(CANDIDATE, estimated_max_loss_pct=bad), [])
    assert not ok
    assert reason is not None
    assert f"candidate: estimated_max_loss_pct {bad!r}" in reason
    held = [replace(POSITION, underlying="ETH", estimated_max_loss_pct=bad)]
    ok, reason = manager.check_trade(CANDIDATE, held)
    assert not ok
    assert reason is not None
    assert f"open position p1: estimated_max_loss_pct {bad!r}" in reason


def test_naive_times_and_empty_underlyings_are_refused_by_name() -> None:
    """A time without a zone has no UTC day; a position without a coin has no budget."""
    manager = RiskManager(RiskConfig())
    naive = NOON.replace(tzinfo=None)
    for trade, held, words in (
        (replace(CANDIDATE, opened_at=naive), [], "candidate: opened_at 2026-11-20T12:00:00"),
        (CANDIDATE, [replace(POSITION, opened_at=naive)], "open position p1: opened_at"),
        (replace(CANDIDATE, underlying="  "), [], "candidate: underlying '  ' is empty"),
        (CANDIDATE, [replace(POSITION, underlying="")], "open position p1: underlying ''"),
    ):
        ok, reason = manager.check_trade(trade, held)
        assert (ok, words in (reason or "")) == (False, True), reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_risk_per_trade", -0.01),
        ("max_risk_per_trade", 0.0),
        ("max_risk_per_trade", 1.01),
        ("max_risk_per_underlying", math.nan),
        ("max_risk_per_underlying", math.inf),
        ("max_new_trades_per_day", -1),
        ("max_new_trades_per_day", 1.5),
        ("max_new_trades_per_day", math.nan),
    ],
)
def test_impossible_limits_are_refused_by_name(field: str, value: float) -> None:
    """A limit nothing can meet or break is refused when stated, and when changed later."""
    with pytest.raises(ValueError, match=field):
        RiskConfig(**{field: value})  # type: ignore[arg-type]
    config = RiskConfig()
    manager = RiskManager(config)
    setattr(config, field, value)
    with pytest.raises(ValueError, match=field):
        manager.check_trade(CANDIDATE, [])


def test_disabled_lets_everything_pass_and_counts_nothing() -> None:
    """`enabled=False` switches the class off; enabling it again finds all slots free."""
    config = RiskConfig(enabled=False)
    manager = RiskManager(config)
    for _ in range(5):
        assert manager.check_trade(replace(CANDIDATE, estimated_max_loss_pct=9.0), []) == (
            True,
            None,
        )
    config.enabled = True
    assert manager.check_trade(CANDIDATE, []) == (True, None)
