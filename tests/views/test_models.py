"""Does `trader models` print weights, history, accuracy, fits, and who would have traded?"""

from __future__ import annotations

from tests.engine.model_story import afternoon
from trader.evaluation.model_review import ModelReview, review
from trader.views.models import NO_EDGE, NO_FACTS, ROUNDS_SHOWN, models_text

REVIEW = review(afternoon(), 0, 1 << 62)


def test_everything_there_is_is_told() -> None:
    """Each part has its title and names every model."""
    text = models_text(REVIEW)
    for title in (
        "market", "weights by regime", f"last rounds, {ROUNDS_SHOWN} at most",
        "accuracy: forecasts against later quotes, in volatility", "last calibrations",
        "fit error by expiry", "what each model alone would have decided",
    ):  # fmt: skip
        assert f"\n{title}\n" in f"\n{text}"
    assert "BTC  Calm since 2026-11-20T19:00" in text
    assert "stalled: no answer within 20 s (calibration.seconds_max)" in text
    assert "five_points_off" in text
    assert "at the money" in text
    assert "alone otherwise: " in text


def test_buckets_can_be_left_out() -> None:
    """Accuracy by regime alone is a third as long."""
    brief = models_text(REVIEW, buckets=False)
    assert "at the money" not in brief
    assert len(brief) < len(models_text(REVIEW))


def test_without_facts_it_says_when_there_will_be_some() -> None:
    """A journal of a daemon whose models were never asked."""
    assert models_text(ModelReview()) == NO_FACTS


def test_without_edges_it_says_that_no_decision_depended_on_a_model() -> None:
    """The premium sellers of the demo ask no model."""
    facts = [one for one in afternoon() if type(one.fact).__name__ != "EdgesWeighed"]
    assert NO_EDGE in models_text(review(facts, 0, 1 << 62))
