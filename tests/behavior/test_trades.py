"""Do dicts, results and chains become the same trades, and do structures count once?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.behavior.lists import START, closed
from trader.backtest.trade_history import ClosedChain
from trader.behavior.trades import Trade, behavior_trades, fills_joined, instant, legs_of
from trader.domain.units import HOUR, MINUTE, nanoseconds
from trader.evaluation.trade_stats import TradeResult

NOON = nanoseconds(START)


def test_a_dict_is_read_as_the_seed_reads_it() -> None:
    """What is missing is nothing; `timestamp` is the close."""
    assert behavior_trades([{}]) == [Trade(pnl=0.0)]
    one = behavior_trades([closed(0, -3.0, 2.0, holding_time=30, direction=-1, symbol="X")])[0]
    assert (one.pnl, one.size, one.holding_minutes, one.direction) == (-3.0, 2.0, 30.0, -1)
    assert (one.closed_at, one.opened_at, one.began_at) == (NOON, None, NOON - 30 * MINUTE)


def test_stated_times_give_the_holding_time() -> None:
    """Where opening and close are stated, minutes between them are what it was held."""
    one = behavior_trades([{"opened_at": START - timedelta(hours=2), "closed_at": START}])[0]
    assert (one.holding_minutes, one.opened_at) == (120.0, NOON - 2 * HOUR)


def test_results_and_chains_of_ours_are_trades() -> None:
    """A result knows its close; a chain also its opening, and its risk as its size."""
    result = TradeResult(START, -0.01, False, "BTC", "c-1")
    chain = ClosedChain(
        chain_id="c-2", strategy="s", underlying="BTC", opened_at=NOON - HOUR, closed_at=NOON + 1,
        pnl_pct=0.02, pnl_usd=1.0, fees_pct=0.0, premium_pct=0.0, risk_pct=0.008, how="closed",
    )  # fmt: skip
    first, second = behavior_trades([chain, result])
    assert (first.pnl, first.size, first.closed_at, first.chain_id) == (-0.01, 0.0, NOON, "c-1")
    assert (second.pnl, second.size, second.opened_at) == (0.02, 0.008, NOON - HOUR)
    assert second.holding_minutes == pytest.approx(60.0)


def test_legs_of_a_chain_become_one_trade() -> None:
    """Net result, largest leg, from first opening to last close; where the last leg closed."""
    legs = [
        closed(0, 5.0, 1.0, chain_id="a", opened_at=START - timedelta(hours=3)),
        closed(10, 1.0),
        closed(20, -7.0, 2.0, chain_id="a", opened_at=START - timedelta(hours=2)),
    ]
    plain, chain = behavior_trades(legs)
    assert plain.pnl == 1.0
    assert (chain.pnl, chain.size, chain.legs, chain.opened_at) == (-2.0, 2.0, 2, NOON - 3 * HOUR)
    assert chain.holding_minutes == pytest.approx(200.0)
    assert [one.pnl for one in legs_of(legs)] == [5.0, 1.0, -7.0]


def test_one_trade_without_a_time_keeps_the_order_given() -> None:
    """Sorting some and not others would be an order nobody gave."""
    given = [closed(5, 1.0), {"pnl": 2.0}, closed(0, 3.0)]
    assert [one.pnl for one in behavior_trades(given)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "value",
    [
        1_709_294_400, 1_709_294_400_000.0, 1_709_294_400_000_000, NOON, "2024-03-01T12:00:00Z",
        "2024-03-01T14:00:00+02:00", START.astimezone(timezone(timedelta(hours=-5))),
    ],
)  # fmt: skip
def test_an_instant_is_one_however_written(value: object) -> None:
    """Seconds to nanoseconds, ISO 8601, any zone."""
    assert instant(value) == NOON


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timestamp": datetime(2024, 3, 1)}, "timestamp 2024-03-01T00:00:00 is naive"),  # noqa: DTZ001
        ({"timestamp": "yesterday"}, "timestamp 'yesterday' is no time"),
        ({"opened_at": START, "closed_at": START - timedelta(minutes=1)}, "holding_time is -1.0"),
        ({"size": -1}, "size is -1.0, must be finite and not negative"),
        ({"entry_price": "x"}, "entry_price 'x' is no number"),
        (Trade(pnl=float("inf")), "pnl is inf"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    """Trade, field and value are told, and what to do."""
    with pytest.raises(ValueError, match=f"^trade 1: {said}"):
        behavior_trades([{"pnl": 1.0, "timestamp": START.astimezone(UTC)}, given])


def test_fills_that_follow_each_other_are_one_structure() -> None:
    """Of one symbol, each within the span of the last; others and named chains stay apart."""
    legs = legs_of([
        closed(0, 1.0, symbol="A"), closed(0.8, 1.0, symbol="A"), closed(0.9, 5.0, symbol="B"),
        closed(1.7, 1.0, symbol="A"), closed(3.0, 1.0, symbol="A"),
        closed(3.5, 7.0, symbol="A", chain_id="mine"),
    ])  # fmt: skip
    joined = behavior_trades(fills_joined(legs, MINUTE))
    assert [(one.pnl, one.legs) for one in joined] == [(5.0, 1), (3.0, 3), (1.0, 1), (7.0, 1)]
    untimed = [Trade(pnl=1.0), Trade(pnl=2.0)]
    assert fills_joined(untimed, MINUTE) == untimed
