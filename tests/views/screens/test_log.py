"""Does the page of the log show what is asked for, and lead to what a line is about?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.story import STORY
from tests.views.readings import Told
from tests.views.shown import cells, links, markup, texts, titled
from trader.views.reading import LogLine, NotUnderstood
from trader.views.screens.log import LEVELS, fits, log

WHOSE = {"strategy": "covered_call_btc", "verdict_id": "v2", "at": "2026-06-01T19:00:00.123Z"}
LINES = (
    LogLine("2026-11-22T04:00:02.5Z", "error", "feed.lost", "no heartbeat", {}),
    LogLine("2026-11-22T04:00:01Z", "info", "verdict.refused", "the BTC budget is full", WHOSE),
    LogLine("04:00:00", "debug", "quote", "", {"price": "3", "chain_id": "<b>x"}),
)
READING = Told(STORY, log=LINES)


def test_the_newest_line_is_first() -> None:
    """Wall time and market time stand apart; what has no sentence shows its fields."""
    table = titled(log(READING, {}), "written", "market")
    assert cells(table, "what") == ["feed.lost", "verdict.refused", "quote"]
    assert cells(table, "written")[0] == "2026-11-22 04:00:02 UTC"
    assert cells(table, "market")[1] == "2026-06-01 19:00:00 UTC"
    assert cells(table, "told")[2] == "price=3 chain_id=<b>x"


def test_a_line_leads_to_its_verdict() -> None:
    """What is no id leads nowhere, and cannot become markup."""
    page = log(READING, {})
    assert links(page) == {"/verdicts/v2"}
    assert "<b>x" not in markup(page)


def test_a_line_keeps_its_name_while_others_come() -> None:
    """Names are unique, also of lines of one instant, and do not change with what is newer."""
    same = LogLine("04:00:00", "info", "quote", "again", {})
    before = titled(log(Told(STORY, log=(same, same, *LINES)), {}), "written").keys
    after = titled(log(Told(STORY, log=(LINES[0], same, same, *LINES)), {}), "written").keys
    assert len(set(after)) == len(after)
    assert after[1:] == before


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"level": "error"}, ["feed.lost"]),
        ({"level": "info"}, ["feed.lost", "verdict.refused"]),
        ({"strategy": "covered_call_btc"}, ["verdict.refused"]),
        ({"text": " BUDGET "}, ["verdict.refused"]),
        ({"lines": "1"}, ["feed.lost"]),
        ({"level": "warning", "text": "heart"}, ["feed.lost"]),
    ],
)
def test_lines_can_be_asked_for(asked: dict[str, str], found: list[str]) -> None:
    """By level, strategy and text, together or alone."""
    assert cells(titled(log(READING, asked), "written"), "what") == found


@given(st.sampled_from(LINES), st.sampled_from(LEVELS), st.text(max_size=5))
def test_asking_for_less_shows_no_more(line: LogLine, level: str, text: str) -> None:
    """A line that fits a narrow question fits each part of it."""
    if fits(line, level, "", text):
        assert fits(line, level, "", "")
        assert fits(line, "", "", text)
    assert fits(line, "", "", "")


def test_nothing_found_is_said_with_its_reason() -> None:
    """No line fits, or none is kept."""
    assert "None of the last 3 lines fits" in texts(log(READING, {"text": "nowhere"}))
    assert "log.file = false" in texts(log(Told(STORY), {}))


@pytest.mark.parametrize("asked", [{"level": "loud"}, {"lines": "0"}, {"lines": "501"}])
def test_what_cannot_be_asked_is_refused(asked: dict[str, str]) -> None:
    """By name, with what may be."""
    with pytest.raises(NotUnderstood):
        log(READING, asked)
