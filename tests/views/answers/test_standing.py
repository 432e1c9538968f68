"""Do programs read of standing what people read?"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.story import STORY
from tests.views.readings import PULSE, Told
from trader.domain.facts import AccountMarked, AccountOpened, Recorded
from trader.domain.units import HOUR
from trader.views.answers import standing
from trader.views.answers.asking import Question
from trader.views.answers.standing import EquityQuestion, StrategyState
from trader.views.reading import NotThere
from trader.views.stages import StageRow

NOTHING = Question()


def test_each_is_the_fold_itself() -> None:
    """Status, positions and chains are the live view's own rows; the system is its pulse."""
    told = Told(STORY[:9])
    live = told.desk.live
    assert standing.status(told, NOTHING) == live.status()
    assert standing.positions(told, NOTHING) == live.positions() != ()
    assert standing.chains(told, NOTHING) == live.chains() != ()
    assert standing.system(told, NOTHING) == PULSE


def test_a_strategy_has_its_record_and_its_stage() -> None:
    """Both rows in one; the stage's part reads back as it was."""
    told = Told(STORY)
    (state,) = standing.strategies(told, NOTHING)
    (row,) = told.desk.live.strategies()
    stages = told.desk.stages.rows(told.stage_settings)
    assert msgspec.structs.asdict(row).items() <= msgspec.structs.asdict(state).items()
    assert standing.stage_rows([state, state]) == stages
    assert set(StageRow.__struct_fields__) <= set(StrategyState.__struct_fields__)
    (bare,) = standing.strategies(Told([one for one in STORY if one is not STORY[2]]), NOTHING)
    assert bare.since is None
    assert standing.stage_rows([bare]) == ()


def a_curve(hours: int) -> Told:
    """Mark an account every hour."""
    marks = [
        Recorded(
            n, n * HOUR, AccountMarked(account="main", equity_usd=float(n), trading_pnl_usd=0.0,
                                       indices={}),
        )
        for n in range(1, hours + 1)
    ]  # fmt: skip
    return Told([Recorded(0, 0, AccountOpened("main", {"BTC": 1})), *marks])


@given(st.integers(0, 120), st.integers(2, 50))
def test_a_thinned_curve_keeps_its_ends_and_its_order(hours: int, limit: int) -> None:
    """Never more points than asked for, the first and the last among them, none twice."""
    curve = standing.equity(a_curve(hours), EquityQuestion(limit=limit))
    points = [one.equity_usd for one in curve.points]
    assert curve.marks == hours
    assert len(points) == min(hours, limit)
    assert points == sorted(set(points))
    if hours:
        assert (points[0], points[-1]) == (1.0, float(hours))


def test_a_curve_begins_where_it_was_asked_to() -> None:
    """And an account that is none is named with those there are."""
    told = a_curve(5)
    curve = standing.equity(told, EquityQuestion(since=4 * HOUR))
    assert [one.at for one in curve.points] == [4 * HOUR, 5 * HOUR]
    with pytest.raises(NotThere, match="'mine' in the journal: choose from main"):
        standing.equity(told, EquityQuestion(account="mine"))
