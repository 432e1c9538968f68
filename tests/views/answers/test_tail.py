"""Is what happened last told in order, a sentence each, and found by what is asked for?"""

from __future__ import annotations

import pytest

from tests.storage.story import STORY
from tests.views.readings import Told
from trader.views.answers import tail
from trader.views.answers.tail import FactsQuestion, LogQuestion
from trader.views.reading import LogLine

LOG = (
    LogLine("3", "error", "halt.raised", "the day lost 3 %", {}),
    LogLine("2", "info", "order.filled", "sold a call", {"strategy": "a"}),
    LogLine("1", "warning", "order.ended", "expired", {"strategy": "b"}),
)


def test_facts_follow_a_place_without_gap() -> None:
    """Page after page from the first, each fact once; at the end the place stays."""
    told, seen, after = Told(STORY), [], 0
    for _ in range(len(STORY)):
        page = tail.facts(told, FactsQuestion(after=after, limit=3))
        seen += [one.id for one in page.facts]
        after = page.last
    assert seen == list(range(1, len(STORY) + 1))
    assert tail.facts(told, FactsQuestion(after=after)) == tail.Facts(facts=(), last=after)


def test_without_a_place_the_newest_are_told_oldest_first() -> None:
    """So that a program may begin there; an empty journal begins at 0."""
    page = tail.facts(Told(STORY), FactsQuestion(limit=2))
    assert [one.kind for one in page.facts] == ["Settled", "ChainEnded"]
    assert page.last == len(STORY)
    assert page.facts[1].keys["chain_id"] == "c1"
    assert "covered_call_btc" in page.facts[1].text
    assert tail.facts(Told(), FactsQuestion()).last == 0


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (LogQuestion(), ["3", "2", "1"]),
        (LogQuestion(limit=1), ["3"]),
        (LogQuestion(level="warning"), ["3", "1"]),
        (LogQuestion(event="order."), ["2", "1"]),
        (LogQuestion(text="CALL"), ["2"]),
        (LogQuestion(strategy="b"), ["1"]),
        (LogQuestion(strategy="b", level="error"), []),
        (LogQuestion(event="order.", limit=1), ["2"]),
    ],
)
def test_lines_of_the_log_are_found(asked: LogQuestion, found: list[str]) -> None:
    """Newest first, by level, event, strategy and text."""
    assert [one.time for one in tail.log(Told(log=LOG), asked).lines] == found
