"""Are rows read without guessing, and is the summary the one that was asked for?"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from trader.evaluation.approval import ApprovalConfig, ApprovalResult
from trader.evaluation.monte_carlo import VarianceProfile
from trader.evaluation.psychology import PsychologyScore
from trader.evaluation.scorecard import build_trades_from_backtest, render_strategy_summary
from trader.evaluation.trade_stats import StrategyStats, TradeResult

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW: dict[str, Any] = {"exit_time": NOON, "pnl_pct": 0.01, "underlying": "ETH", "chain_id": 7}


def rows(*results: float, **fields: Any) -> list[dict[str, Any]]:
    """Make rows that differ in their result."""
    return [ROW | fields | {"pnl_pct": result} for result in results]


def test_a_row_becomes_a_trade() -> None:
    """Field by field; chain ids are text."""
    (trade,) = build_trades_from_backtest([ROW])
    assert trade == TradeResult(NOON, 0.01, True, "ETH", "7")


def test_the_exit_is_preferred_to_the_decision() -> None:
    """One field for all rows, and the report says which."""
    early = {"decision_time": "2026-02-28T08:00:00Z"}
    trades = build_trades_from_backtest([ROW | early])
    assert (trades[0].timestamp, trades.report.timestamp_field) == (NOON, "exit_time")
    mixed = [ROW | early, ROW | early | {"exit_time": None}]
    trades = build_trades_from_backtest(mixed)
    assert trades.report.timestamp_field == "decision_time"
    assert {trade.timestamp for trade in trades} == {datetime(2026, 2, 28, 8, tzinfo=UTC)}


def test_percents_are_read_from_amounts_if_need_be() -> None:
    """pnl_usd over the row's equity, else over that of the account."""
    amounts = [{"exit_time": NOON, "pnl_usd": -50.0, "equity": 1_000.0}]
    trades = build_trades_from_backtest(amounts, equity=7.0)
    assert (trades[0].pnl_pct, trades[0].is_win) == (-0.05, False)
    assert (trades.report.pnl_field, trades.report.unit) == ("pnl_usd / equity", "fraction")
    (trade,) = build_trades_from_backtest([{"exit_time": NOON, "pnl_usd": 50.0}], equity=2_000.0)
    assert trade.pnl_pct == 0.025


def test_an_unnamed_underlying_is_reported() -> None:
    """BTC, as ever, and counted."""
    trades = build_trades_from_backtest([ROW, ROW | {"underlying": None}])
    assert [trade.underlying for trade in trades] == ["ETH", "BTC"]
    assert trades.report.underlying_assumed == 1


@pytest.mark.parametrize(
    ("results", "unit", "first"),
    [
        ((0.12, -0.05, 0.01), "fraction", 0.12),
        ((12.0, -5.0, 1.0), "percent", 0.12),
        ((0.5, -1.2, 0.3), "percent", 0.005),
        ((0.0, 0.0), "fraction", 0.0),
    ],
)
def test_the_unit_is_decided_once_for_all(
    results: tuple[float, ...], unit: str, first: float
) -> None:
    """By what fractions or percents cannot be, and the report says why."""
    trades = build_trades_from_backtest(rows(*results))
    assert trades.report.unit == unit
    assert trades.report.why
    assert trades[0].pnl_pct == pytest.approx(first)


@pytest.mark.parametrize("results", [(0.5, -0.3, 0.8), (0.9, -0.9), (0.3,), (0.1, 0.2, 40.0)])
def test_an_ambiguous_unit_is_asked_for(results: tuple[float, ...]) -> None:
    """Half a percent or half the account: nobody guesses."""
    with pytest.raises(ValueError, match=r'ambiguous.*pass unit="fraction"'):
        build_trades_from_backtest(rows(*results))
    asked = build_trades_from_backtest(rows(*results), unit="percent")
    assert asked[0].pnl_pct == pytest.approx(results[0] / 100)
    assert build_trades_from_backtest(rows(*results), unit="fraction")[0].pnl_pct == results[0]


@pytest.mark.parametrize(("result", "unit"), [(0.5, "percent"), (0.005, "fraction")])
def test_amounts_prove_the_unit(result: float, unit: str) -> None:
    """Where rows carry amount and equity too, the ratio decides."""
    proven = rows(result, -result, pnl_usd=5.0, equity=1_000.0)
    proven[1]["pnl_usd"] = -5.0
    trades = build_trades_from_backtest(proven)
    assert trades.report.unit == unit
    assert trades[0].pnl_pct == pytest.approx(0.005)
    assert trades.report.why == "pnl_usd / equity says so"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"pnl_pct": 0.1}, "row 0 lacks exit_time, row 0 lacks decision_time"),
        ({"exit_time": NOON}, "row 0 has neither pnl_pct nor pnl_usd"),
        ({"exit_time": NOON, "pnl_usd": 5}, "row 0 has pnl_usd but no equity"),
        ({"exit_time": NOON, "pnl_usd": 5, "equity": 0}, "equity is 0"),
        ({"exit_time": NOON, "pnl_pct": math.nan}, "row 0: pnl_pct is nan"),
        ({"exit_time": NOON, "pnl_pct": "much"}, "row 0: pnl_pct is 'much'"),
        ({"exit_time": datetime(2026, 1, 1), "pnl_pct": 0.1}, "row 0.*naive"),  # noqa: DTZ001
        ({"exit_time": "2026-01-01", "pnl_pct": 0.1}, "row 0.*naive"),
        ({"exit_time": "soon", "pnl_pct": 0.1}, "'soon', must be ISO 8601"),
        ({"exit_time": 1_700_000_000, "pnl_pct": 0.1}, "1700000000, must be an aware datetime"),
    ],
)
def test_rows_that_say_too_little_are_refused(row: dict[str, Any], message: str) -> None:
    """The error names row, value and remedy."""
    with pytest.raises(ValueError, match=message):
        build_trades_from_backtest([row])


def test_impossible_arguments_are_refused() -> None:
    """Units have three names, equity is positive."""
    with pytest.raises(ValueError, match="unit is 'bps'"):
        build_trades_from_backtest([ROW], unit="bps")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"equity is -1\.0"):
        build_trades_from_backtest([ROW], equity=-1.0)


def test_no_rows_no_trades() -> None:
    """An empty backtest is an empty list; the statistics refuse it by name."""
    assert build_trades_from_backtest([]) == []


APPROVAL = ApprovalResult(
    "PILOT",
    "Suitable for small-size pilot (fails at least one production threshold)",
    StrategyStats(412, 0.8123, 0.00512, -0.0101, 0.002263, 4, 21, -0.0734, 3.96),
    VarianceProfile(500, 412, 0.9, 0.4, 1.8, -0.05, -0.1234, 3, 7),
    PsychologyScore(57.6667, {"win_rate_score": 1.0}),
)


def test_the_summary_is_written_as_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line, then the score with its range; printed unless told otherwise."""
    lines: list[str] = []
    told = render_strategy_summary(APPROVAL, lines.append)
    assert lines == [
        "=== Strategy Evaluation ===",
        f"Stage: PILOT – {APPROVAL.reason}",  # noqa: RUF001
        "Trades: 412 over ~4.0 years",
        "Win rate: 81.2%",
        "Avg win: 0.51%, Avg loss: -1.01%",
        "Expectancy/trade: 0.226%",
        "Max DD (backtest): -7.3%",
        "MC worst DD: -12.3%, worst loss streak: 7",
        "Psychology score: 57.7 / 100",
        "Psychology range: 57.7 (possible 35.0-71.3; pilot needs 40, production 60)",
    ]
    assert render_strategy_summary(APPROVAL) == told
    assert capsys.readouterr().out == "\n".join(lines) + "\n"


def test_the_summary_is_returned_for_json() -> None:
    """Eleven keys, as asked for."""
    told = render_strategy_summary(APPROVAL, lambda _: None)
    assert told == {
        "stage": "PILOT",
        "reason": APPROVAL.reason,
        "win_rate": 0.8123,
        "avg_win": 0.00512,
        "avg_loss": -0.0101,
        "expectancy_per_trade": 0.002263,
        "backtest_max_dd": -0.0734,
        "mc_worst_max_dd": -0.1234,
        "mc_worst_loss_streak": 7,
        "psychology_score": 57.6667,
        "psychology_components": {"win_rate_score": 1.0},
    }
    assert msgspec.json.decode(msgspec.json.encode(told)) == told


def test_the_range_names_the_thresholds_in_force() -> None:
    """A configuration of its own is said as such."""
    cfg = ApprovalConfig(min_psych_score_pilot=45.0, min_psych_score_prod=62.5)
    lines: list[str] = []
    render_strategy_summary(msgspec.structs.replace(APPROVAL, config=cfg), lines.append)
    assert lines[-1].endswith("pilot needs 45, production 62.5)")
