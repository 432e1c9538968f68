"""Is one thing told in full: a chain, a strategy, the traders, the models, a night?"""

from __future__ import annotations

import pytest

from tests.storage.story import STORY
from tests.views.readings import Told
from tests.web.furnished import DATE, a_report
from trader.evaluation.model_review import ModelReview
from trader.views.answers import stories
from trader.views.answers.asking import Paged, Question
from trader.views.reading import NotThere

WHOLE = Told(STORY, nights={DATE: a_report()})


def test_a_chain_that_ended_is_told_to_its_end() -> None:
    """Every fact of it in order, the settlement of its legs among them, and its one result."""
    told = stories.chain(WHOLE, stories.ChainQuestion(chain_id="c1"))
    assert told.living is None
    assert told.ended is not None
    assert told.ended.pnl_usd == pytest.approx(152.1)
    kinds = [type(one.fact).__name__ for one in told.facts]
    assert kinds == ["Approved", "OrderPlaced", "Filled", "Settled", "ChainEnded"]
    assert "c1" in told.story


def test_a_chain_that_lives_is_told_as_it_stands() -> None:
    """Its row is the one of the list; it has no result yet."""
    told = Told(STORY[:9])
    found = stories.chain(told, stories.ChainQuestion(chain_id="c1"))
    assert (found.living,) == told.desk.live.chains()
    assert found.ended is None


def test_ended_chains_come_in_pages() -> None:
    """Newest first, with a result each."""
    page = stories.ended_chains(WHOLE, stories.EndedQuestion(limit=1))
    assert [one.chain_id for one in page.chains] == ["c1"]
    assert page.next is None
    none = stories.ended_chains(WHOLE, stories.EndedQuestion(strategy="nobody"))
    assert none.chains == ()


def test_a_strategy_is_told_with_its_stages_and_its_last_night() -> None:
    """What it did, what bound it, how it came to its stage, and what the night said."""
    told = stories.strategy(WHOLE, stories.StrategyQuestion(strategy="covered_call_btc"))
    assert [one.stage for one in told.changes] == ["PRODUCTION"]
    assert {one.strategy for one in told.counts} == {"covered_call_btc"}
    assert (told.night_date, told.night) == (DATE, a_report().strategies[0])
    assert told.chains == ()


def test_traders_are_told_although_nothing_holds_them_back() -> None:
    """The account and each strategy, with how many chains they closed."""
    found = stories.behavior(WHOLE, Paged())
    assert [one.trader for one in found.traders] == ["the account", "covered_call_btc"]
    assert [one.multiplier for one in found.traders] == [1.0, 1.0]
    assert found.judgments == ()


def test_models_and_nights() -> None:
    """An empty review before the first fit; nights newest first, each in full."""
    assert stories.models(WHOLE, stories.ModelsQuestion()) == ModelReview()
    assert stories.nights(WHOLE, Question()).nights == (DATE,)
    assert stories.night(WHOLE, stories.NightQuestion(date=DATE)) == a_report()


def test_what_is_not_there_says_where_to_look() -> None:
    """No chain, no strategy, no night of that name."""
    with pytest.raises(NotThere, match="/chains lists them"):
        stories.chain(WHOLE, stories.ChainQuestion(chain_id="c9"))
    with pytest.raises(NotThere, match="/strategies lists them"):
        stories.strategy(WHOLE, stories.StrategyQuestion(strategy="nobody"))
    with pytest.raises(NotThere, match="1999-01-01"):
        stories.night(WHOLE, stories.NightQuestion(date="1999-01-01"))
