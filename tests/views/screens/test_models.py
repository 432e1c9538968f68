"""Does the page of models tell what facts say of them?"""

from __future__ import annotations

import pytest

from tests.engine.model_story import afternoon
from tests.views.readings import Told
from tests.views.shown import cells, figures, texts, titled
from trader.domain.facts import Recorded
from trader.domain.models import WeightsAdopted
from trader.evaluation.model_review import KINDS
from trader.views.reading import NotUnderstood
from trader.views.screens.models import ROUNDS_SHOWN, models


class Afternoon(Told):
    """A reading of the facts about models of one afternoon."""

    def __init__(self) -> None:
        facts = [one for one in afternoon() if type(one.fact).__name__ in KINDS]
        super().__init__([Recorded(0, one.at, one.fact) for one in facts])


@pytest.fixture(scope="module")
def reading() -> Told:
    """The afternoon, read once."""
    return Afternoon()


def test_weights_errors_and_fits_are_told(reading: Told) -> None:
    """Each in a table of its own, and weights as a curve."""
    page = models(reading, {"days": "30"})
    assert titled(page, "coin", "market", "weights").rows
    assert titled(page, "coin", "model", "last").rows
    assert titled(page, "coin", "market", "expiry", "moneyness").rows
    assert len(figures(page)) == 1


def test_the_last_rounds_stand_newest_first(reading: Told) -> None:
    """With what each model lost and weighs."""
    adopted = [one.fact for one in afternoon() if isinstance(one.fact, WeightsAdopted)]
    table = titled(models(reading, {"days": "30"}), "at", "coin", "market", "forecasts")
    newest = adopted[-ROUNDS_SHOWN:][::-1]
    assert cells(table, "forecasts") == [str(one.options) for one in newest]
    assert cells(table, "merton lost") == [f"{one.losses['merton']:.3f}" for one in newest]


def test_before_a_calibration_the_page_says_when_one_comes() -> None:
    """An empty journal is no error."""
    assert "No model was calibrated yet" in texts(models(Told(()), {}))


def test_only_spans_that_are_offered_can_be_asked_for(reading: Told) -> None:
    """Others are refused by name."""
    with pytest.raises(NotUnderstood, match="days = '2': choose from 1, 7, 30"):
        models(reading, {"days": "2"})
