"""Do table and page say what a portfolio made, of which coins, and why signals were refused?"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.backtest.portfolio_sets import NAMES, market, quiet
from trader.backtest.portfolio import PortfolioResult, run_portfolio_backtest
from trader.domain.units import HOUR
from trader.views.portfolio_study import (
    Span,
    by_sleeve,
    by_symbol,
    drawdown_figure,
    equity_figure,
    exposure_figure,
    question,
    risk_figure,
    signal_rows,
    sleeves_figure,
    study_page,
    study_text,
    summary,
)
from trader.views.report_html import page_html
from trader.views.text import signed_usd


@functools.cache
def result() -> PortfolioResult:
    """Run three coins for two months."""
    return run_portfolio_backtest(
        market(np.random.default_rng(3), list(NAMES[:3]), 1_400, 0.1, 0.01)
    )


def span(of: PortfolioResult) -> Span:
    """Say which bars they were."""
    begin, end = (int(of.times[place]) for place in (0, -1))
    return Span("bars", of.symbols, len(of.times) * len(of.symbols), begin, end + HOUR, HOUR)


def number(text: str) -> float:
    """Read a figure that was written for people."""
    return float(re.sub(r"[^-\d.]", "", text))


def test_every_trade_is_in_one_row_of_each_table() -> None:
    """Rows add up to all, and all is what the account gained."""
    for rows in (by_sleeve(result()), by_symbol(result())):
        *parts, whole = rows
        assert whole["of"] == "all"
        assert sum(int(one["trades"]) for one in parts) == int(whole["trades"]) > 10
        assert sum(number(one["result"]) for one in parts) == pytest.approx(
            result().final_cash - 10_000.0, abs=3.0
        )
    gained = [number(one["result"]) for one in by_symbol(result())[:-1]]
    assert gained == sorted(gained, reverse=True)
    first = by_symbol(result())[0]
    mine = [one.result for one in result().results if one.symbol == first["of"]]
    assert first["result"] == signed_usd(sum(mine))


def test_every_signal_is_in_one_row() -> None:
    """Entered or refused, with the reason in words; shares are of the sleeve."""
    rows = signal_rows(result())
    for one in result().pipeline:
        mine = [row for row in rows if row["sleeve"] == one.strategy]
        assert mine[0]["what"] == "entered"
        assert sum(int(row["count"].replace(",", "")) for row in mine) == one.raw_signals
        assert sum(number(row["share"]) for row in mine) == pytest.approx(100.0, abs=0.1)
        assert all(row["why"] for row in mine[1:])


def test_the_summary_is_the_curves() -> None:
    """End, drawdown, exposure; what needs a year says so below one."""
    told = dict(summary(result(), span(result())))
    assert number(told["at the end"].partition(" ")[0]) == pytest.approx(
        result().final_cash, abs=1.0
    )
    assert told["a year"] == "n/a below one"
    drawdown = float(result().curve["drawdown_pct"].min())
    assert number(told["largest drawdown"]) == pytest.approx(drawdown, abs=0.01)
    assert told["Sharpe, daily"] != "n/a"


def test_nothing_traded_is_told_as_such() -> None:
    """No division by nothing."""
    none = run_portfolio_backtest({"SOL": quiet("trend").assign(signal=0)})
    assert [one["trades"] for one in by_sleeve(none)] == ["0", "0", "0"]
    assert dict(summary(none, span(none)))["Sharpe, daily"] == "n/a"
    assert {one["share"] for one in signal_rows(none)} == {"-"}
    assert "No coin lacks a bar." in page_html(study_page(none, span(none), ()))


@pytest.mark.parametrize(
    "draw", [equity_figure, drawdown_figure, sleeves_figure, exposure_figure, risk_figure]
)
def test_figures_are_drawn(draw: Callable[[PortfolioResult], str]) -> None:
    """An SVG with lines, and no number that is none."""
    root = ElementTree.fromstring(draw(result()))
    paths = [one for one in root.iter() if one.tag.endswith("path")]
    assert any(len(one.attrib["d"]) > 200 for one in paths)
    assert "nan" not in draw(result()).lower()


def test_page_and_text_hold_it_all() -> None:
    """Question, tables, figures, caveats and gaps."""
    page = page_html(study_page(result(), span(result()), ("SOLUSDT: 2 bars missing",)))
    text = study_text(result(), span(result()))
    for word in ("correlation_gate", "pullback_long", "BTCUSDT"):
        assert word in page
        assert word in text
    assert "SOLUSDT: 2 bars missing" in page
    assert page.count("<svg") == 5
    asked = question(span(result()), result())
    assert asked.startswith("2023-01-01 to 2023-02-28, 3 coins, 4,200 bars of 1 h; begins with")
    assert "strict parity" not in asked
