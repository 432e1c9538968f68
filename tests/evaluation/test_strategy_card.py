"""What do the profiles ask for?"""

from __future__ import annotations

from trader.evaluation import stress
from trader.evaluation.strategy_card import FULL, QUICK


def test_the_full_profile_is_the_whole_study() -> None:
    """Five values a side make 25 cells; eight folds; every stress; a thousand simulations."""
    assert (FULL.profile, FULL.steps_per_side, FULL.folds, FULL.sims) == ("full", 2, 8, 1_000)
    assert FULL.stresses == stress.STRESSES
    assert FULL.once_a_day_at is None


def test_the_quick_profile_is_that_of_the_demo() -> None:
    """Nine cells, one decision a day at 08:05, 500 simulations, the stresses that decide."""
    assert (QUICK.profile, QUICK.steps_per_side, QUICK.sims) == ("quick", 1, 500)
    assert QUICK.once_a_day_at == 8 * 60 + 5
    assert tuple(one.name for one in QUICK.stresses) == stress.DECISIVE
