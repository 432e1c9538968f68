"""Does the night's chapter on models tell weights, accuracy, and who would have done what?"""

from __future__ import annotations

from tests.engine.model_story import afternoon
from trader.evaluation.model_review import ModelReview, review
from trader.views.blocks import Page, Prose, Table
from trader.views.report_html import page_html
from trader.views.report_models import OFF, TITLE, model_sections
from trader.views.report_text import markdown

REVIEW = review(afternoon(), 0, 1 << 62)


def written(found: ModelReview | None) -> str:
    """Write the chapter as Markdown."""
    return markdown(Page("night", "", (), model_sections(found)))


def test_a_chapter_tells_weights_accuracy_and_decisions() -> None:
    """As a page and as text; every model is named in each part."""
    text = written(REVIEW)
    for title in (
        f"## {TITLE}", "### How far each model is believed", "### How well they forecast that day",
        "### What each model alone would have decided",
    ):  # fmt: skip
        assert title in text
    for model in ("black_scholes", "merton", "five_points_off", "stalls"):
        assert model in text
    assert "not fitted" in text
    assert f'<h2 id="models">{TITLE}</h2>' in page_html(
        Page("night", "", (), model_sections(REVIEW))
    )


def test_every_row_has_a_cell_for_each_column() -> None:
    """Tables are whole."""
    tables = [
        block
        for section in model_sections(REVIEW)
        for block in section.blocks
        if isinstance(block, Table)
    ]
    assert len(tables) >= 5
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_without_edges_it_says_that_no_decision_depended_on_a_model() -> None:
    """For strategies that do not trade on edge there is nothing to compare."""
    facts = [one for one in afternoon() if type(one.fact).__name__ != "EdgesWeighed"]
    text = written(review(facts, 0, 1 << 62))
    assert "No decision depended on a model" in text


def test_a_basic_daemon_tells_its_market_and_that_no_model_takes_part() -> None:
    """With `ensemble.enabled = false` regimes alone are told."""
    facts = [one for one in afternoon() if type(one.fact).__name__ == "RegimeChanged"]
    (section,) = model_sections(review(facts, 0, 1 << 62))
    assert section.blocks[-1] == Prose(OFF, "muted")
    assert "Calm" in written(review(facts, 0, 1 << 62))


def test_a_night_without_a_journal_has_no_chapter() -> None:
    """An evaluation by hand tells nothing of models."""
    assert model_sections(None) == ()
