"""Which stress decides, and what does the table say?"""

from __future__ import annotations

import pytest

from tests.evaluation.chains import chains
from trader.evaluation.stress import STRESSES, judge, without_best

GOOD = chains([0.001] * 90 + [-0.002] * 10)


def all_of(found: tuple) -> dict:  # type: ignore[type-arg]
    """Give every stress the same trades."""
    return {one.name: found for one in STRESSES}


def test_an_edge_that_survives_is_ok() -> None:
    """Nine runs and the best trades dropped: ten rows; costs it would bear."""
    found = judge(GOOD, all_of(GOOD))
    assert found.ok
    assert len(found.rows) == 10
    # gross .0008 a trade over fees of .0001
    assert found.break_even_fees == pytest.approx(8.0)


@pytest.mark.parametrize("name", ["fees_x2", "delay_1h"])
def test_a_decisive_stress_that_loses_fails_by_name(name: str) -> None:
    """Doubled fees, an hour's delay: the expectancy must stay above zero."""
    found = judge(GOOD, all_of(GOOD) | {name: chains([-0.0001] * 50)})
    assert found.ok is False
    assert "expectancy -0.0100%" in found.reason


def test_any_stress_may_fail_by_drawdown() -> None:
    """Beyond a pilot's 35 % nothing is forgiven, decisive or not."""
    found = judge(GOOD, all_of(GOOD) | {"gap_down": chains([0.001, -0.5, 0.9])})
    assert found.ok is False
    assert found.reason == "a gap of -15 % once a year: drawdown -50.0%"


def test_another_stress_that_only_loses_a_little_is_shown_not_judged() -> None:
    """Wider spreads may take the edge: the table says so."""
    found = judge(GOOD, all_of(GOOD) | {"slippage_x3": chains([-0.0001] * 50)})
    assert found.ok
    (row,) = [one for one in found.rows if one.name == "slippage_x3"]
    assert row.expectancy == pytest.approx(-0.0001)


def test_without_trades_there_is_no_answer() -> None:
    """None blocks a promotion and demotes nobody."""
    found = judge((), all_of(()))
    assert (found.ok, found.break_even_fees, found.reason) == (None, None, "no trades to stress")


def test_a_decisive_stress_under_which_nothing_trades_is_named() -> None:
    """On boards hours apart a late order finds none: not known is not passed, nor failed."""
    found = judge(GOOD, all_of(GOOD) | {"delay_1h": ()})
    assert found.ok is None
    assert found.reason == "orders live an hour later: no trade comes about"


def test_the_best_twentieth_is_dropped_at_least_one() -> None:
    """The rest stays in its order."""
    kept = without_best(chains([0.1, 0.5, 0.2, -0.1]))
    assert [one.pnl_pct for one in kept] == [0.1, 0.2, -0.1]
    assert len(without_best(chains([0.01] * 100))) == 95
