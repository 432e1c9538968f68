"""Are verdicts told each once, page by page, whatever is asked for?"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.story import STORY
from tests.views.readings import Told
from trader.domain.facts import Recorded
from trader.domain.trading import Approved, Refused
from trader.views.answers import verdicts
from trader.views.answers.verdicts import VerdictQuestion, VerdictsQuestion
from trader.views.reading import NotThere

REFUSED = next(one for one in STORY if isinstance(one.fact, Refused))


def many(count: int) -> Told:
    """Refuse again and again, every third time by another rule."""
    told = Told()
    for n in range(1, count + 1):
        rule = "cooldown" if n % 3 == 0 else "daily_trades"
        fact = msgspec.structs.replace(REFUSED.fact, verdict_id=f"v{n}", rule=rule)
        told.tell(Recorded(n, REFUSED.at, fact))
    return told


@given(st.integers(0, 40), st.integers(1, 12), st.sampled_from([None, "cooldown"]))
def test_pages_tell_each_once_and_newest_first(count: int, limit: int, rule: str | None) -> None:
    """Whatever the size of a page, following `next` comes to the end."""
    told, seen, before = many(count), [], None
    for _ in range(count + 2):
        asked = msgspec.convert(
            {"limit": limit, "rule": rule, "before": before}, VerdictsQuestion, strict=False
        )
        page = verdicts.verdicts(told, asked)
        assert len(page.verdicts) <= limit
        seen += [one.verdict_id for one in page.verdicts]
        before = page.next
        if before is None:
            break
    wanted = [n for n in range(count, 0, -1) if rule is None or n % 3 == 0]
    assert seen == [f"v{n}" for n in wanted]
    assert before is None


def test_a_long_search_stops_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer looks at so many facts and no more; `next` looks on from there."""
    monkeypatch.setattr(verdicts, "SCAN_MAX", 4)
    told = many(10)
    page = verdicts.verdicts(told, VerdictsQuestion(rule="cooldown", limit=9))
    assert [one.verdict_id for one in page.verdicts] == ["v9"]
    assert page.next == 7
    page = verdicts.verdicts(told, VerdictsQuestion(rule="cooldown", limit=9, before=page.next))
    assert [one.verdict_id for one in page.verdicts] == ["v6", "v3"]


def test_filters_and_counts() -> None:
    """Approved and refused apart; counts are of all decisions of whom was asked for."""
    told = Told(STORY)
    approved = verdicts.verdicts(told, VerdictsQuestion(verdict="approved"))
    assert [one.verdict for one in approved.verdicts] == ["approved"]
    assert sum(one.count for one in approved.counts) == 2
    nobody = verdicts.verdicts(told, VerdictsQuestion(strategy="nobody"))
    assert (nobody.verdicts, nobody.counts) == ((), ())
    never = VerdictsQuestion(verdict="approved", rule="cooldown")
    assert verdicts.verdicts(told, never).verdicts == ()


def test_one_is_explained_with_its_fact() -> None:
    """Its words, its numbers; what is none says where to look."""
    found = verdicts.verdict(Told(STORY), VerdictQuestion(verdict_id="v1"))
    assert isinstance(found.fact, Approved)
    assert found.text.startswith("APPROVED v1")
    assert found.row.chain_id == "c1"
    with pytest.raises(NotThere, match="'v9' in the journal: /verdicts lists them"):
        verdicts.verdict(Told(STORY), VerdictQuestion(verdict_id="v9"))
