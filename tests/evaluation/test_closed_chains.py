"""Do closed chains arrive in the statistics as they were?"""

from __future__ import annotations

import pytest

from tests.evaluation.chains import START, chains
from trader.domain.units import DAY, HOUR, moment
from trader.evaluation.closed_chains import by_day, detail, profit, results

THREE = chains([0.01, 0.0, -0.02])


def test_one_chain_is_one_trade_at_its_close() -> None:
    """A result of nothing is no win."""
    found = results(THREE)
    assert [one.pnl_pct for one in found] == [0.01, 0.0, -0.02]
    assert [one.is_win for one in found] == [True, False, False]
    assert found[0].timestamp == moment(START + HOUR)
    assert (found[2].underlying, found[2].chain_id) == ("BTC", "C2-0")


def test_the_score_of_a_cell_is_what_it_earned() -> None:
    """Nothing traded, nothing earned."""
    assert profit(THREE) == pytest.approx(-0.01)
    assert profit(()) == 0.0


def test_days_without_a_trade_are_zero() -> None:
    """Two on one day add up; what closed outside the span is left out."""
    twice = (*chains([0.01]), *chains([0.02], start=START + HOUR), *chains([1.0], start=0))
    assert by_day(twice, START, START + 3 * DAY).tolist() == pytest.approx([0.03, 0.0, 0.0])
    assert by_day((), START, START).tolist() == [0.0]


def test_what_made_a_result_adds_up_to_it() -> None:
    """Premium, fees, and the rest, which the market did."""
    found = detail(THREE[0])
    assert found.premium + found.delta + found.fees == pytest.approx(0.01)
    assert (found.premium, found.fees) == (0.0002, -0.0001)
