"""Can what a person knows from the seed be imported under its own names?"""

from __future__ import annotations

import importlib

import pytest

NAMES = {
    "trade_stats": ("TradeResult", "StrategyStats", "compute_strategy_stats"),
    "monte_carlo": ("VarianceProfile", "run_monte_carlo"),
    "psychology": ("PsychologyScore", "compute_psychology_score"),
    "approval": ("ApprovalConfig", "RegimeCoverage", "ApprovalResult", "evaluate_strategy"),
    "scorecard": ("build_trades_from_backtest", "render_strategy_summary"),
}


@pytest.mark.parametrize("module", NAMES)
def test_a_documented_name_stands_where_it_is_documented(module: str) -> None:
    """`from trader.evaluation.MODULE import NAME` works for each, and each says what it is."""
    found = importlib.import_module(f"trader.evaluation.{module}")
    for name in NAMES[module]:
        assert getattr(found, name).__doc__


def test_the_names_work_together() -> None:
    """Rows in, statistics, variance, score, stage, summary out: the whole chain by public names."""
    from datetime import UTC, datetime, timedelta

    from trader.evaluation.approval import RegimeCoverage, evaluate_strategy
    from trader.evaluation.monte_carlo import run_monte_carlo
    from trader.evaluation.psychology import compute_psychology_score
    from trader.evaluation.scorecard import build_trades_from_backtest, render_strategy_summary
    from trader.evaluation.trade_stats import compute_strategy_stats

    begin = datetime(2022, 1, 1, tzinfo=UTC)
    rows = [
        {"exit_time": begin + timedelta(days=5 * n), "pnl_pct": 0.01 if n % 5 else -0.01}
        for n in range(300)
    ]
    trades = list(build_trades_from_backtest(rows, unit="fraction"))
    stats, variance = compute_strategy_stats(trades), run_monte_carlo(trades, sims=50, seed=1)
    psych = compute_psychology_score(stats, variance)
    result = evaluate_strategy(
        stats, variance, psych, RegimeCoverage(bull=True, bear=True, chop=True),
        param_sensitivity_ok=True, walk_forward_ok=True, stress_test_ok=True,
    )  # fmt: skip
    lines: list[str] = []
    told = render_strategy_summary(result, write=lines.append)
    assert lines
    assert told
