"""Is every parameter checked by name, and does the loop get what was asked for?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.backtest.portfolio_sets import data_set
from trader.backtest.portfolio import run_portfolio_backtest
from trader.backtest.portfolio_layout import RULES
from trader.backtest.portfolio_terms import PortfolioTerms, portfolio_terms
from trader.domain.errors import nearest

BAD: list[tuple[dict[str, Any], str]] = [
    ({"risk_per_trad": 0.01}, "risk_per_trad: unknown parameter; did you mean risk_per_trade?"),
    ({"zzz": 1}, "zzz: unknown parameter; known here: allow_cross_sleeve_symbol_overlap, "),
    ({"starting_equity": 0.0}, "starting_equity = 0.0: give greater than 0 (default 10000.0)"),
    ({"fee_rate": float("nan")}, "fee_rate = nan: give"),
    ({"max_gross_exposure": float("inf")}, "max_gross_exposure = inf: give a finite number"),
    ({"cooldown_bars": -2}, "cooldown_bars = -2: give greater than or equal to -1 (default 6)"),
    ({"max_positions": 2.5}, "max_positions = 2.5: give a valid integer (default 8)"),
    ({"pyramid_enabled": "yes"}, "pyramid_enabled = 'yes': give a valid boolean"),
    ({"strategy_risk_budget": {"trend": 1.0}},
     "strategy_risk_budget has no sleeve 'trend'; did you mean trend_long?"),
    ({"strategy_risk_budget": {"trend_long": -1.0}}, "strategy_risk_budget.trend_long = -1.0"),
    ({"enable_symbol_filtering": True}, "enable_symbol_filtering = true would do nothing"),
    ({"strict_parity": True, "whole_results": True}, "whole_results = true contradicts"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "said"), BAD, ids=[next(iter(one)) for one, _ in BAD])
def test_what_cannot_be_asked_is_refused_by_name(parameters: dict[str, Any], said: str) -> None:
    """Name, value and remedy; the seed would have swallowed it."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are what is tested
        run_portfolio_backtest({}, **parameters)
    assert said in str(caught.value)


def test_every_mistake_has_a_line() -> None:
    """Two at once are two lines."""
    with pytest.raises(ValueError, match="unknown parameter") as caught:
        portfolio_terms({"fees": 1.0, "fee_rate": -1.0})
    assert len(str(caught.value).splitlines()) == 2


def test_parity_turns_every_correction_off() -> None:
    """And they are on without being asked for."""
    plain, strict = PortfolioTerms(), PortfolioTerms(strict_parity=True)
    names = ("mark_at_last_close", "exit_at_last_close", "whole_results")
    assert [getattr(plain, name) for name in names] == [True] * 3
    assert [getattr(strict, name) for name in names] == [False] * 3
    assert PortfolioTerms(strict_parity=True, enable_symbol_filtering=True).enable_symbol_filtering


def test_the_loop_gets_every_rule() -> None:
    """No field of RULES is left at nothing by the defaults, and pairs are pullback and trend."""
    rules = PortfolioTerms().rules()[0]
    unset = [name for name in RULES.names or () if not rules[name].any()]
    assert unset == []
    assert rules["entry_factor"] == 1.0005
    assert rules["risk_budget"].tolist() == [0.28, 0.72]
    assert rules["time_stop_bars"].tolist() == [56, 96]


def test_a_sleeve_left_out_gets_nothing_and_an_empty_table_the_defaults() -> None:
    """As in the seed."""
    one = PortfolioTerms(strategy_max_positions={"trend_long": 2}, strategy_risk_budget={})
    assert one.rules()[0]["positions_max"].tolist() == [0, 2]
    assert one.rules()[0]["risk_budget"].tolist() == [0.28, 0.72]
    result = run_portfolio_backtest(data_set(13)[0], strategy_max_positions={"trend_long": 2})
    assert {event.strategy for event in result.events} <= {"trend_long"}


def test_ranks_and_floors_are_those_asked_for() -> None:
    """A negative number of symbols is none; without ranking it is all."""
    assert PortfolioTerms(symbol_rank_top_n_long=-3).rank_max == 0
    assert PortfolioTerms(enable_symbol_ranking=False).rank_max == -1
    assert PortfolioTerms(trend_score_floor=0.3).entry_score_min == (0.48, 0.3)


def test_the_nearest_name_is_found() -> None:
    """Or all are listed."""
    assert nearest("Fee", ["fee_rate", "fees"]) == "did you mean fees?"
    assert nearest("q", ["b", "a"]) == "known here: a, b"
