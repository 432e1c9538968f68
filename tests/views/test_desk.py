"""Is everything a page shows of the past as of one fact, and bounded?"""

from __future__ import annotations

import itertools

import pytest

from tests.storage.story import STORY
from trader.domain.errors import InvariantBroken
from trader.domain.facts import MAIN_ACCOUNT, AccountMarked, Recorded
from trader.domain.units import HOUR
from trader.views.desk import MARKS_MAX, Desk
from trader.views.live import fold


def marked(hour: int, usd: float) -> Recorded:
    """Mark the account at an hour."""
    fact = AccountMarked(
        account=MAIN_ACCOUNT, equity_usd=usd, trading_pnl_usd=usd - 100.0, indices={}
    )
    return Recorded(hour, hour * HOUR, fact)


def test_the_desk_folds_what_each_of_its_views_folds() -> None:
    """Status and stages of a story are those that the commands print."""
    desk = Desk()
    for recorded in STORY:
        desk.apply(recorded)
    assert desk.live.status() == fold(STORY).status()
    assert desk.ledger.sequence == STORY[-1].sequence
    marks = [one for one in STORY if isinstance(one.fact, AccountMarked)]
    assert [one.at for one in desk.marks(MAIN_ACCOUNT)] == [one.at for one in marks]


def test_a_fact_that_contradicts_the_books_is_not_shown() -> None:
    """A second opening of an account is an invariant broken, as everywhere."""
    desk = Desk()
    for recorded in STORY[:2]:
        desk.apply(recorded)
    with pytest.raises(InvariantBroken):
        desk.apply(STORY[1])


def test_marks_stay_bounded_and_the_newest_are_kept_whole() -> None:
    """After years the older half is thinned: first, last and order remain."""
    desk = Desk()
    desk.apply(STORY[0])
    desk.apply(STORY[1])
    for hour in range(MARKS_MAX * 2):
        desk.apply(marked(hour + 10**6, 100.0 + hour))
    marks = desk.marks(MAIN_ACCOUNT)
    assert MARKS_MAX // 2 < len(marks) <= MARKS_MAX
    assert marks[-1].equity_usd == 100.0 + MARKS_MAX * 2 - 1
    assert all(a.at < b.at for a, b in itertools.pairwise(marks))
    assert desk.marks("nobody") == ()
