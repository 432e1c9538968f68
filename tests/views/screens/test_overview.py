"""Does the first page say what a person must know?"""

from __future__ import annotations

import msgspec

from tests.storage.story import STORY
from tests.views.readings import PULSE, Told
from trader.views.report_text import markdown
from trader.views.screens.overview import overview


def test_an_empty_journal_says_what_will_appear() -> None:
    """No curve, no budgets: the page says so in words."""
    text = markdown(overview(Told(), {}))
    assert "The curve begins with the first full market hour." in text
    assert "Nothing does." in text


def test_halts_budgets_and_the_curve_of_a_story() -> None:
    """After an evening the halt needs a person, and the budget stands with its limit."""
    told = Told(STORY[:11], msgspec.structs.replace(PULSE, status="trading +2 USD"))
    page = overview(told, {})
    text = markdown(page)
    assert "daily_loss_halt" in text
    assert "0.90 %" in text
    assert "3.00 %" in text
    assert page.subtitle == "trading +2 USD"
