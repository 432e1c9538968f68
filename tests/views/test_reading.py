"""Is what pages read what the daemon can give?"""

from __future__ import annotations

import inspect

from tests.views.readings import PULSE, Told
from trader.app.window import Records
from trader.storage.journal import Journal
from trader.views.reading import Reading


def test_the_journal_answers_what_a_page_may_ask() -> None:
    """A reading looks facts up by exactly the questions the journal takes."""
    asked = inspect.signature(Reading.facts).parameters
    for answering in (Journal.read, Records.facts, Told.facts):
        assert list(inspect.signature(answering).parameters) == list(asked)


def test_a_pulse_without_problems_is_fit() -> None:
    """Nothing is wrong unless it is said."""
    assert PULSE.problems == ()
    assert PULSE.status == ""
